"""DEC as a Keras tutorial has it (C. Zhang: How to do unsupervised clustering with Keras, 2018).

The loss of `methods.dec`; what differs is the training. The autoencoder, of the same widths, is pretrained end to end
in one go (published: 300 epochs in batches of 256), the input stays as it is (pixels from 0 to 1), k-means has 20
restarts, and SGD with learning rate 0.01 and momentum 0.9 minimises the divergence for at most 8000 updates, the
target refreshed every 140, until fewer than 0.1 % of the labels change between two refreshes.

Deviations. Weights start Glorot-uniform with biases of 0, the tutorial's uniform in ±1/sqrt(d_in). Each epoch has an
order of its own, the tutorial's has the file's. Adam at 1e-3 pretrains by default, because the tutorial's SGD at 1.0
needs pixels and hundreds of epochs. Budget: `pretrain_updates` (300 epochs of MNIST are 82,020) and at most
`cluster_updates`.
"""

from .base import store
from .dec import DEC

TITLE = "DEC, tutorial"


class DECTutorial(DEC):
    """DEC with end-to-end pretraining and SGD.

    Parameters
    ----------
    n_clusters : int
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
        All as in `methods.dec.DEC`.
    """

    pretraining = "end_to_end"
    small = {name: value for name, value in DEC.small.items() if name != "layer_updates"}
    choices = {name: words for name, words in DEC.choices.items() if name != "pretraining"}

    def __init__(
        self,
        n_clusters=8,
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
