"""IDEC with a convolutional autoencoder, the Keras tutorial's fourth variant (C. Zhang 2018).

The autoencoder, its pretraining and the deviations are those of `methods.dec_conv`, the loss that of `methods.idec`.
Budget: as in `methods.dec_conv`.
"""

from .base import store
from .dec_conv import DECConv
from .idec import IDEC

TITLE = "IDEC, convolutional"


class IDECConv(DECConv, IDEC):
    """IDEC on images, given as vectors of their rows.

    Parameters
    ----------
    n_clusters : int
    divergence_weight : float
        γ.
    image_shape : (int, int)
    filters : sequence of 3 int
    code : int
    pretrain_updates, cluster_updates : int
    refresh_interval : int
    tolerance : float
    optimizer, cluster_optimizer : {"adam", "adadelta", "sgd", "nesterov"}
    learning_rate, cluster_learning_rate : float
    decay_interval : int or None
    squared_error : {"mean", "half_sum", "sum"}
    input_scale : float or {"mean_square", "none"}
    batch : int or {"by_size"}
    device : str
    pretrained : str or None
    random_state : int or None
        All as in `methods.dec_conv.DECConv`.
    """

    def __init__(
        self,
        n_clusters=8,
        divergence_weight=0.1,
        image_shape=(28, 28),
        filters=(32, 64, 128),
        code=10,
        pretrain_updates=1000,
        cluster_updates=8000,
        refresh_interval=140,
        tolerance=0.001,
        optimizer="adam",
        learning_rate=1e-3,
        decay_interval=None,
        cluster_optimizer="sgd",
        cluster_learning_rate=0.01,
        squared_error="mean",
        input_scale="none",
        batch=256,
        device="cpu",
        pretrained=None,
        random_state=None,
    ):
        store(locals())
