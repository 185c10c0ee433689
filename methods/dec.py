"""Deep Embedded Clustering (Xie, Girshick, Farhadi; ICML 2016), "as configured by its authors".

Encoder d-500-500-2000-10 with ReLU, none on the code, and a symmetric decoder (published). 1. Every layer is
pretrained as a denoising autoencoder with dropout 0.2 on its input and on its code. 2. The whole autoencoder is
trained end to end without dropout. 3. k-means with 20 restarts sets the centroids. 4. The encoder and the centroids
minimise KL(P ‖ Q), q the Student-t similarity of a code to the centroids and p = q²/f normalised, refreshed every
`refresh_interval` updates, until fewer than `tolerance` of the labels change between two refreshes.

Published are 50,000 updates a layer and 100,000 end to end, by SGD at 0.1 falling tenfold every 20,000, weights from a
normal distribution of standard deviation 0.01, then SGD at 0.01: the reading mnist has all of that. Deviations
elsewhere: Adam, Glorot-uniform weights and the budgets `layer_updates`, `pretrain_updates` and at most
`cluster_updates`. The input is scaled so that its mean squared norm over D is 1, as the paper has it. The loss of a run
is the KL divergence in its last epoch.

The authors' public code (piiswrong/dec) differs from ours everywhere. It drops nothing of the first layer's input and
of the last's output. Its Caffe minimises half of the mean squared error, so that at one rate SGD's steps are half of
ours, but for biases, whose rate is doubled; momentum grows to 0.9 over the first 1000 updates. MNIST's pixels from 0 to
255 are multiplied by 0.02, which makes their mean square nearly 3. The last phase takes the file's order, and starts
with no momentum after every refresh of the target, which on MNIST comes every 160 updates.

A Keras tutorial's DEC (C. Zhang: How to do unsupervised clustering with Keras, 2018) is this with other settings,
a row of its own: pretraining end to end in one go (published: 300 epochs in batches of 256, on MNIST 82,200 updates,
and 81,900 here, where what doesn't fill a batch waits for the next epoch; by SGD with learning rate 1 from weights
uniform in ±1/sqrt(d_in), as in the reading mnist), input as it is (pixels from 0 to 1), then SGD with learning rate
0.01 and momentum 0.9 for at most 8000 updates, the target refreshed every 140. Deviations from it: each epoch has an
order of its own, the tutorial's last phase the file's; on a cut budget Adam at 1e-3 pretrains from Glorot-uniform
weights, because SGD at 1 needs pixels and hundreds of epochs.
"""

import numpy as np
import torch

from .autoencoder import CodeClusterer
from .base import store

TITLE = "DEC"


def soft_assignment(codes, centroids):
    """Student-t similarity of codes (n, m) to centroids (k, m), rows sum to 1 (equation 1)."""
    similarity = 1 / (1 + torch.cdist(codes, centroids, compute_mode="donot_use_mm_for_euclid_dist").square())
    return similarity / similarity.sum(1, keepdim=True)


def target_distribution(q):
    """p = q² / f, rows normalised, f the soft cluster sizes (equation 3)."""
    p = q.square() / q.sum(0)
    return p / p.sum(1, keepdim=True)


def divergence(p, q):
    """Mean over the rows of KL(p ‖ q) (equation 2)."""
    return (p * (p.log() - q.log())).sum(1).mean()


class DEC(CodeClusterer):
    """DEC on vectors.

    Parameters
    ----------
    n_clusters : int
    widths : sequence of int
        Units of the encoder's layers, the last being the code.
    pretraining : {"layerwise", "end_to_end"}
        Whether the layers are pretrained one by one before the whole.
    layer_updates, pretrain_updates, cluster_updates : int
        Budget of the three phases; the first counts for each layer. Rounded up to whole epochs. 0 of the last leave
        k-means on the codes.
    refresh_interval : int or None
        Updates between two refreshes of the target; an epoch when None.
    tolerance : float
        Share of labels that change between two refreshes below which the last phase stops.
    optimizer, cluster_optimizer : {"adam", "adadelta", "sgd", "nesterov"}
        For the autoencoder and for the last phase, the last two with a momentum of 0.9; see `methods.deep.minimise`.
    learning_rate, cluster_learning_rate : float
        Theirs. With Adam 1e-3 lets clusters die out in the last phase.
    decay_interval : int or None
        Updates after which the first falls tenfold, in every phase of the pretraining.
    initialisation : {"glorot_uniform", "fan_in_uniform", "normal", "fan_in_normal"}
        Of the weights: uniform in ±sqrt(6/(d_in + d_out)) or ±1/sqrt(d_in), or normal of standard deviation 0.01 or
        1/sqrt(d_in); biases are 0.
    squared_error : {"mean", "half_sum", "sum"}
        What the pretraining minimises: the mean over the dimensions, half their sum or their sum.
    input_scale : float or {"mean_square", "none"}
        What the values are multiplied by: a number, what makes their mean square 1 over the training data, or nothing.
    precision : {"float32", "bfloat16"}
        Of the products in training; see `methods.deep.minimise`. Codes and clusters are always float32.
    batch : int or {"by_size"}
        As in `methods.ddc.DDC`.
    device : str
    pretrained : str or None
        Folder with the autoencoder to start from; see `methods.autoencoder.CodeClusterer`.
    random_state : int or None
    """

    def __init__(
        self,
        n_clusters=8,
        widths=(500, 500, 2000, 10),
        pretraining="layerwise",
        layer_updates=100,
        pretrain_updates=200,
        cluster_updates=200,
        refresh_interval=None,
        tolerance=0.001,
        optimizer="adam",
        learning_rate=1e-3,
        decay_interval=None,
        cluster_optimizer="adam",
        cluster_learning_rate=1e-4,
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

    def _cluster(self, autoencoder, data, labels, order):
        """Self-training on the sharpened assignments, from the centroids and `labels` of k-means."""
        network, names = self.network_, self._trained()
        interval = self.refresh_interval or max(1, len(data) // self.batch_)

        def refresh(updates):
            if updates % interval:
                return False
            q = soft_assignment(autoencoder.codes(data), network["centroids"][0])
            found = q.argmax(1)
            changed = (found != network["labels"]).double().mean().item()
            network.update(labels=found, target=target_distribution(q))  # in the network: a checkpoint has them
            return changed < self.tolerance

        def objective(index):
            return self._loss_terms(autoencoder, data[index], network["target"][index[0]])

        network["labels"] = labels
        refresh(0)
        self._refine(objective, names, len(data), order, after_update=refresh)
        del network["labels"], network["target"]

    def _loss_terms(self, autoencoder, x, p):
        """Terms of the loss of vectors x (1, B, d) with targets p (B, k)."""
        q = soft_assignment(autoencoder.encode(x)[0], self.network_["centroids"][0])
        return {"kl": divergence(p, q)[None]}

    def _trained(self):
        """Names of the tensors that the last phase changes."""
        return [name for name in self.network_ if not name.startswith("decoder")]

    def _soft_assignment(self, X):
        codes = torch.from_numpy(self.transform(X)).to(self.device)
        return soft_assignment(codes, self.network_["centroids"][0])

    def predict_proba(self, X):
        """Similarity to every centroid, shape (n, k); rows sum to 1."""
        return self._soft_assignment(X).cpu().numpy()

    def predict(self, X):
        """Most similar centroid, shape (n,)."""
        return self.predict_proba(X).argmax(axis=1).astype(np.int64)

    def score_loss(self, X):
        """KL divergence from the target distribution of other sequences."""
        q = self._soft_assignment(X)
        return float(divergence(target_distribution(q), q))
