"""Improved Deep Embedded Clustering (Guo, Gao, Liu, Yin; IJCAI 2017).

DEC whose last phase keeps the decoder: reconstruction + γ KL(P ‖ Q) with γ = 0.1, so that clustering can't distort the
codes at will (equations 1 to 3). The published γ weighs the divergence, not the reconstruction; the reconstruction is
the mean squared error over vectors and dimensions. Pretraining and centroids as in `methods.dec`; the target is
refreshed every 140 updates (published for MNIST) until fewer than 0.1 % of the labels change.

The last phase is by Adam at 1e-3, as in the authors' code for MNIST (XifengGuo/IDEC).

Deviations. Pretraining as in `methods.dec`, with its deviations and budgets, and at most `cluster_updates` (published:
20,000). Each epoch has an order of its own, the authors' last phase the file's.

The third variant of the Keras tutorial of `methods.dec`, trained jointly, is this method with the tutorial's settings.
Inferred: the weight of 0.1, from public copies of its code, which have SGD at 1.0 in the last phase too, as has the
reading mnist; that needs pixels and a pretraining of hundreds of epochs, so that the row has 0.01 on a cut budget.
"""

from .base import store
from .dec import DEC

TITLE = "IDEC"


class IDEC(DEC):
    """IDEC on vectors.

    Parameters
    ----------
    n_clusters : int
    divergence_weight : float
        γ.
    widths : sequence of int
    pretraining : {"layerwise", "end_to_end"}
    layer_updates, pretrain_updates, cluster_updates : int
    refresh_interval : int
    tolerance : float
    optimizer, cluster_optimizer : {"adam", "adadelta", "sgd", "nesterov"}
    learning_rate, cluster_learning_rate : float
    decay_interval : int or None
    initialisation : {"glorot_uniform", "fan_in_uniform", "normal", "fan_in_normal"}
    squared_error : {"mean", "half_sum", "sum"}
    input_scale : float or {"mean_square", "none"}
    precision : {"float32", "bfloat16"}
    batch : int or {"by_size"}
    device : str
    pretrained : str or None
    random_state : int or None
        All as in `methods.dec.DEC`.
    """

    def __init__(
        self,
        n_clusters=8,
        divergence_weight=0.1,
        widths=(500, 500, 2000, 10),
        pretraining="layerwise",
        layer_updates=100,
        pretrain_updates=200,
        cluster_updates=200,
        refresh_interval=140,
        tolerance=0.001,
        optimizer="adam",
        learning_rate=1e-3,
        decay_interval=None,
        cluster_optimizer="adam",
        cluster_learning_rate=1e-3,
        initialisation="glorot_uniform",
        squared_error="mean",
        input_scale="mean_square",
        precision="float32",
        batch=256,
        device="cpu",
        pretrained=None,
        random_state=None,
    ):
        store(locals())

    def _loss_terms(self, autoencoder, x, p):
        kl = super()._loss_terms(autoencoder, x, p)["kl"]
        return {"reconstruction": autoencoder.reconstruction(x), "kl": self.divergence_weight * kl}

    def _trained(self):
        return list(self.network_)

    def score_loss(self, X):
        """Reconstruction + γ KL divergence from the target distribution of other sequences."""
        data = self._tensor(self._check(X, reset=False))
        return self._autoencoder().error(data) + self.divergence_weight * super().score_loss(X)
