"""DEC with clustering and reconstruction trained jointly, the Keras tutorial's third variant (C. Zhang 2018).

The loss is that of `methods.idec`: reconstruction + 0.1 KL(P ‖ Q). All else is as in `methods.dec_tutorial`: end-to-end
pretraining, input as it is, SGD, at most 8000 updates with the target refreshed every 140, tolerance 0.1 %.

Deviations. Those of `methods.dec_tutorial`. Inferred: the weight of 0.1, from public copies of the tutorial's code,
which have SGD at 1.0 in the last phase too; that needs pixels, so that 0.01 is the default here. Budget as there.
"""

from .base import store
from .idec import IDEC

TITLE = "DEC, joint"


class DECJoint(IDEC):
    """IDEC with end-to-end pretraining and SGD.

    Parameters
    ----------
    n_clusters : int
    divergence_weight : float
    widths : sequence of int
    pretrain_updates, cluster_updates : int
    refresh_interval : int
    tolerance : float
    optimizer, cluster_optimizer : {"adam", "sgd"}
    learning_rate, cluster_learning_rate : float
    input_scale : {"mean_square", "none"}
    batch : int
    device : str
    random_state : int or None
        All as in `methods.idec.IDEC`.
    """

    pretraining = "end_to_end"
    small = {name: value for name, value in IDEC.small.items() if name != "layer_updates"}
    small |= {"input_scale": "mean_square"}
    choices = {name: words for name, words in IDEC.choices.items() if name != "pretraining"}

    def __init__(
        self,
        n_clusters=8,
        divergence_weight=0.1,
        widths=(500, 500, 2000, 10),
        pretrain_updates=1000,
        cluster_updates=8000,
        refresh_interval=140,
        tolerance=0.001,
        optimizer="adam",
        learning_rate=1e-3,
        cluster_optimizer="sgd",
        cluster_learning_rate=0.01,
        input_scale="none",
        batch=256,
        device="cpu",
        random_state=None,
    ):
        store(locals())
