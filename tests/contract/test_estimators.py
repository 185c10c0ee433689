"""scikit-learn's own checks of an estimator, for every method that takes vectors."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from methods.base import load_method
from workflow.catalogue import available
from workflow.check import small

BUDGET = {"batch": 4, "epochs": 2, "layer_updates": 2, "pretrain_updates": 4, "cluster_updates": 4}
BUDGET["input_scale"] = "mean_square"  # some checks have values around 100, on which SGD diverges, as it should
# dec_conv takes images of one size, and the checks choose the sizes; tests/numerics/test_autoencoder.py has its shapes.
VECTORS = [name for name in available("methods") if load_method(name).accepts == "vectors" and name != "dec_conv"]
ONE_LINE = {"check_fit2d_predict1d": "an error is one line here; the advice that the check looks for is the second"}
ONE_SAMPLE = {"check_fit2d_1sample": "refused in one line that names the batch or the clusters, not the samples"}
TWO_CLUSTERS = dict.fromkeys(
    (
        "check_dont_overwrite_parameters",
        "check_methods_subset_invariance",
        "check_fit2d_1feature",
        "check_fit2d_predict1d",
    ),
    "asks for one cluster, and a divergence between clusters needs two",
)
NOT_KEPT = {"DDC": TWO_CLUSTERS | {"check_clustering": "needs more updates than a test has"}}


def for_checks(name):
    """The method with a budget and a batch for a dozen vectors."""
    method = small(name)
    return method.set_params(**{key: value for key, value in BUDGET.items() if key in method.get_params()})


def not_kept(estimator):
    """Checks that an estimator isn't to pass, each with the reason."""
    trained = ONE_SAMPLE if "batch" in estimator.get_params() else {}
    return ONE_LINE | trained | NOT_KEPT.get(type(estimator).__name__, {})


@parametrize_with_checks([for_checks(name) for name in VECTORS], expected_failed_checks=not_kept)
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)
