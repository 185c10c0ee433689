"""The promises of `methods.contract`, run over every method, and a method for each promise that breaks it."""

import contextlib
import inspect
import random
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_info, threadpool_limits

from methods.base import Clusterer, InvalidInput, load_method
from methods.contract import PROMISES, Note, broken, data_for, small, tiny_data
from methods.ddc import DDC
from methods.dec import DEC
from methods.dtw_medoids import DTWMedoids
from methods.k_shape import KShape
from methods.kmeans import KMeans
from methods.length_kmeans import LengthKMeans
from methods.rddc import RDDC
from methods.rddc_plus import RDDCPlus
from runs.record import schema
from workflow import catalogue

METHODS = [
    name
    for name in catalogue.available("methods")
    if not catalogue.class_constant(catalogue.source("methods", name), "supervised")
]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("name", METHODS)
def test_keeps(name, promise):
    cls = load_method(name)
    if promise.__name__ in cls.exempt:
        pytest.skip(cls.exempt[promise.__name__])
    promise(small(cls))


def test_finds_clusters_that_lie_apart():
    """Not for every method with its small budget: k-means shows that the data can be clustered."""
    X = data_for(KMeans, tiny_data(lengths=(8, 12)))
    assert adjusted_rand_score(np.arange(60) % 3, small(KMeans).fit_predict(X)) > 0.9


def test_confidence_is_that_of_the_cluster_that_is_predicted():
    for cls, name in ((KMeans, "distance"), (DDC, "membership")):
        X = data_for(cls)
        method = small(cls).fit(X)
        each = method.distances(X) if name == "distance" else method.predict_proba(X)
        np.testing.assert_array_equal(method.confidence(X)[name], each[np.arange(60), method.predict(X)])


# What the papers and the authors' codes say, as the files' docstrings quote it; a config may have another.
PUBLISHED = {
    "dec": {"widths": (500, 500, 2000, 10), "batch": 256, "pretraining": "layerwise", "tolerance": 0.001},
    "idec": {"divergence_weight": 0.1, "refresh_interval": 140, "tolerance": 0.001, "cluster_learning_rate": 1e-3},
    "dcn": {"distance_weight": 2.0, "kmeans_interval": 10, "initial_count": 100},
    "n2d": {"widths": (500, 500, 2000), "manifold": "umap", "clustering": "gaussian_mixture", "epochs": 1000},
    "rddc": {"recurrent_units": 32, "recurrent_layers": 2},
    "l2c": {"layers": 14, "units": 288, "batch": 200, "learning_rate": 5.0, "pair_weight": 5.0},
    "element_wise": {"units": 16, "batch": 8, "epochs": 70, "learning_rate": 1e-3},
    "minirocket_kmeans": {"n_kernels": 500},
    "spectral": {"gamma": 1.0},
    "kmeans": {"n_init": 10, "max_iter": 300},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_defaults_are_what_is_published(name):
    given = load_method(name)().get_params()
    assert {setting: given[setting] for setting in PUBLISHED[name]} == PUBLISHED[name]


def test_one_seed_s_failure_is_its_own(monkeypatch):
    """Also what a library raises; a user's mistake is everybody's."""
    right = KMeans.fit

    def fit(self, X, y=None):
        if self.random_state == 1:
            raise ValueError("singular")
        return right(self, X)

    monkeypatch.setattr(KMeans, "fit", fit)
    first, failed, last = small(KMeans).fit_seeds(data_for(KMeans), [0, 1, 2])
    assert str(failed) == "singular" and first.labels_.shape == last.labels_.shape
    with pytest.raises(InvalidInput):
        small(KMeans).set_params(n_clusters=99).fit_seeds(data_for(KMeans), [0, 2])


def test_updates_of_several_starts_are_those_of_the_one_that_is_kept():
    """As the record's field, whose description says so, has them: one more start adds none."""
    for cls, limit in ((KMeans, "max_iter"), (KShape, "iterations"), (DTWMedoids, "iterations")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            assert small(cls, n_init=3, **{limit: 1}).fit(data_for(cls)).n_updates_ == 1
    for told in (Clusterer.__doc__, schema()["properties"]["budget"]["description"]):
        assert "several starts (`" in told and "that it keeps" in told


class Undocumented(KMeans):
    pass


class Torn(KMeans):
    def fit(self, X, y=None):
        super().fit(X)
        self.labels_ = np.arange(len(X)) % self.n_clusters
        return self


class Untrue(KMeans):
    """Keeps the cluster of each, and predicts by centroids of which two are the same."""

    def predict(self, X):
        labels = super().predict(X)
        return labels if len(np.unique(X, axis=0)) > 2 else 2 - labels


class Wordless(KMeans):
    """Says nothing that can be read."""

    accepts = "words"


class Strict(KMeans):
    def __init__(self, n_clusters=8, n_init=10, max_iter=300, random_state=None):
        super().__init__(n_clusters, n_init * 2, max_iter, random_state)


class Off(KMeans):
    def fit(self, X, y=None):
        super().fit(X)
        self.labels_ = self.labels_ + 1
        return self


class Short(KMeans):
    def fit(self, X, y=None):
        super().fit(X)
        self.labels_ = self.labels_.astype(np.int32)
        return self


class Fickle(KMeans):
    def predict(self, X):
        return (super().predict(X) + 1) % 3


class Silent(KMeans):
    def score_loss(self, X):
        return None


class Curved(KMeans):
    def fit(self, X, y=None):
        self.loss_curve_ = {"loss": [1.0, np.nan]}
        return super().fit(X)


class Blind(KMeans):
    def fit(self, X, y=None):
        huge = np.abs(X).max() > 1e20
        super().fit(X / 1e20 if huge else X)
        self.loss_ = float("inf") if huge else self.loss_
        return self


class Restless(KMeans):
    fits = 0

    def fit(self, X, y=None):
        Restless.fits += 1
        super().fit(X)
        self.labels_ = (self.labels_ + Restless.fits) % 3
        return self


class Loud(KMeans):
    seed = np.random.seed

    def fit(self, X, y=None):
        type(self).seed(3)
        return super().fit(X)


class LoudInTorch(Loud):
    seed = torch.manual_seed


class LoudInPython(Loud):
    seed = random.seed


class Rough(KMeans):
    def fit(self, X, y=None):
        X -= X.mean(axis=0)
        return super().fit(X)


class Peeking(KMeans):
    def fit(self, X, y=None):
        super().fit(X)
        self.labels_ = self.labels_ if y is None else y.astype(np.int64)
        return self


class Unsure(KMeans):
    def predict_proba(self, X):
        return np.full((len(X), 3), 0.5)


class Averse(KMeans):
    def distances(self, X):
        return -super().distances(X)


class Forgetful(KMeans):
    confidence_ = {"distance": np.zeros(60)}


class Twins(KMeans):
    def fit_seeds(self, X, random_states):
        self.set_params(n_init=1, max_iter=1)
        first = clone(self).set_params(random_state=random_states[0]).fit(X)
        return [first for _ in random_states]


class Crowd(KMeans):
    def predict(self, X):
        return np.argsort(np.argsort(self._nearest(X)[0], kind="stable"), kind="stable") // (-(-len(X) // 3))


class Ruler(LengthKMeans):
    def fit(self, X, y=None):
        np.eye(13)[X.lengths]
        return super().fit(X)


class Pair(KMeans):
    def fit(self, X, y=None):
        self.n_clusters, before = max(2, self.n_clusters), self.n_clusters
        super().fit(X)
        self.n_clusters = before
        return self


class Idle(DDC):
    def fit(self, X, y=None):
        if len(X) >= self.batch:
            return super().fit(X)
        self.labels_, self.n_updates_ = np.zeros(len(X), np.int64), 0
        return self


class Settled(DDC):
    def _resolve(self, X, estimators):
        super()._resolve(X, estimators)
        self.batch, self.epochs = self.batch_, self.epochs_


class Deaf(DDC):
    def _check(self, X, reset):
        self.kernel_width = "median_distance" if self.kernel_width == "other" else self.kernel_width
        return super()._check(X, reset)


class Obliging(KMeans):
    def fit(self, X, y=None):
        self.n_init = int(self.n_init) if isinstance(self.n_init, float) else self.n_init
        return super().fit(X)


class Careless(KMeans):
    def _check(self, X, reset):
        return np.nan_to_num(X, posinf=0)[:, :2]

    def fit(self, X, y=None):
        self.n_clusters = min(self.n_clusters, len(X))
        self.n_features_in_ = 2
        return super().fit(X)


class Hoarder(KMeans):
    def fit(self, X, y=None):
        self.model_ = object()
        return super().fit(X)


class Counting(KMeans):
    def predict(self, X):
        labels = super().predict(X)
        self.n_predictions_ = len(labels)
        return labels


MUTANTS = [
    (Undocumented, "is_documented", "add a docstring to the file and to the class"),
    (Wordless, "is_documented", "accepts='words': expected 'vectors' or 'sequences'"),
    (Strict, "keeps_its_settings", "a clone has other settings|RuntimeError"),
    (Off, "clusters", "labels_ are 1 to 3, not within 0 to n_clusters - 1 = 2"),
    (Short, "clusters", "labels_ must be an int64 array"),
    (Fickle, "clusters", "predict on the training data differs"),
    (Silent, "measures_its_loss", "give both, or neither"),
    (Curved, "measures_its_loss", "a loss is not finite"),
    (Blind, "diverges", "the loss is inf; raise Diverged"),
    (Restless, "repeats", "two fits with one random_state differ"),
    (Loud, "leaves_the_rest_alone", "numpy's global random state changed"),
    (LoudInTorch, "leaves_the_rest_alone", "torch's global random state changed"),
    (LoudInPython, "leaves_the_rest_alone", "Python's global random state changed"),
    (Rough, "leaves_the_rest_alone", "X was changed"),
    (Peeking, "knows_no_labels", "y gives other clusters"),
    (Unsure, "tells_how_sure_it_is", "rows of predict_proba must be shares that sum to 1"),
    (Averse, "tells_how_sure_it_is", "another cluster than that of the best distance"),
    (Forgetful, "tells_how_sure_it_is", "confidence_ is not what confidence gives of the training data"),
    (Twins, "trains_each_seed_alone", "in company"),
    (Crowd, "predicts_each_alone", "another cluster when it comes alone|in another order"),
    (Ruler, "takes_any_length", "IndexError"),
    (Torn, "tells_equal_sequences_alike", "equal sequences are in different clusters"),
    (Untrue, "tells_equal_sequences_alike", "predict gives equal sequences other clusters than labels_"),
    (Ruler, "takes_a_list", "'list' object has no attribute 'lengths'"),
    (Pair, "finds_one_cluster", "n_clusters=1 gives other clusters than 0"),
    (
        Careless,
        "refuses_other_numbers_of_clusters",
        "n_clusters=61 of 60 is not refused|n_clusters=0 of",
    ),
    (Idle, "refuses_less_than_a_batch", "end in a fit without an update"),
    (Settled, "goes_by_its_data", "fit changes the settings"),
    (Deaf, "refuses_other_types", "kernel_width='other' is not refused"),
    (Obliging, "refuses_other_types", "n_init=2.5 is not refused"),
    (Careless, "refuses_what_is_not_finite", "a nan in X is not refused"),
    (Careless, "refuses_other_dimensions", "an X of 4 dimensions after one of 2 is not refused"),
    (Hoarder, "saves", "model_: object can't be saved; keep what predict needs as arrays"),
    (Counting, "passes_scikit_learn", "check_dict_unchanged"),
]


@pytest.mark.parametrize("value", [-1, 0, 2.5, float("nan")])
@pytest.mark.parametrize("name", METHODS)
def test_a_number_that_a_setting_can_not_be_is_refused_by_its_name(name, value):
    """Every setting whose default is a number; what is negative on purpose is in `least`."""
    cls = load_method(name)
    found = 0
    for setting, parameter in inspect.signature(cls).parameters.items():
        default = parameter.default
        if setting == "random_state" or isinstance(default, bool) or not isinstance(default, int | float):
            continue
        refused = value != value or value < cls.least.get(setting, 0) or (value == 2.5 and isinstance(default, int))
        found += refused
        if refused:
            with pytest.raises(InvalidInput, match=f"^{setting}="):
                small(cls).set_params(**{setting: value}).fit(data_for(cls))
    assert found


@pytest.mark.parametrize(
    ("cls", "setting", "value", "message"),
    [
        (RDDC, "n_clusters", "3", "n_clusters='3': expected int"),
        (RDDC, "epochs", None, 'epochs=None: expected int or {"by_size"}'),
        (RDDC, "batch", True, 'batch=True: expected int or {"by_size"}'),
        (RDDC, "clip_norm", "5", "clip_norm='5': expected float or None"),
        (RDDCPlus, "rddc", {"epochs": None}, 'epochs=None: expected int or {"by_size"}'),
        (KMeans, "n_clusters", 2.5, "n_clusters=2.5: expected int"),
        (KMeans, "random_state", "0", "random_state='0': expected int or None"),
        (KMeans, "random_state", -1, "random_state=-1: expected 0 or more"),
        (DEC, "widths", 8, "widths=8: expected sequence of int"),
        (DEC, "widths", (8, 2.5), "widths=(8, 2.5): expected sequence of int"),
    ],
)
def test_a_setting_of_another_type_is_refused_in_one_line(cls, setting, value, message):
    with pytest.raises(InvalidInput) as caught:
        small(cls, **{setting: value}).fit(data_for(cls))
    assert str(caught.value) == message


def test_numbers_of_numpy_are_numbers():
    X = data_for(DEC)
    settings = {"n_clusters": 3, "batch": 20, "widths": (16, 4), "tolerance": 0.5}
    same = settings | {"n_clusters": np.int64(3), "batch": np.uint8(20), "widths": np.array([16, 4])}
    first, second = (small(DEC, **given).fit(X) for given in (settings, same | {"tolerance": np.float32(0.5)}))
    np.testing.assert_array_equal(first.labels_, second.labels_)
    assert first.loss_curve_ == second.loss_curve_


@pytest.mark.parametrize(("mutant", "promise", "message"), MUTANTS)
def test_a_broken_promise_is_named(mutant, promise, message):
    found = broken({kept.__name__: kept for kept in PROMISES}[promise], mutant)
    assert any(part in str(found) for part in message.split("|")) and "\n" not in found, found


def test_every_promise_can_be_broken():
    assert {promise for _, promise, _ in MUTANTS} == {promise.__name__ for promise in PROMISES}


def test_what_is_not_asked_is_noted():
    class Exempt(Off):
        exempt = {"clusters": "it counts from 1"}

    (promise,) = (promise for promise in PROMISES if promise.__name__ == "clusters")
    assert isinstance(broken(promise, Exempt), Note)


@pytest.mark.parametrize("name", ["kmeans", "rddc"])
def test_a_method_of_small_steps_takes_one_thread(name, monkeypatch):
    seen, method = [], load_method(name)
    monkeypatch.setattr(
        method, "_check", lambda *_, **__: seen.append(max(p["num_threads"] for p in threadpool_info()))
    )
    with threadpool_limits(2), contextlib.suppress(Exception):
        method(n_clusters=2).fit([[0.0]])
    assert seen == [1]
