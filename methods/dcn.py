"""Deep Clustering Network (Yang, Fu, Sidiropoulos, Hong; ICML 2017): codes that suit k-means.

Minimises Σ_i ‖x_i − g(f(x_i))‖² + λ/2 ‖f(x_i) − M s_i‖² over the autoencoder, the assignments s_i and the centroids M
(equation 4) by alternating, for each batch: 1. a step of the network with s and M fixed; 2. every sequence of the batch
goes to its nearest centroid; 3. each of them moves its centroid, m_k ← m_k − (m_k − f(x_i)) / c_k, where c_k counts
the sequences that centroid k has been given so far (equation 8). Pretraining and first centroids as in `methods.dec`,
which is how the authors do it too.

As the authors' public code has it: both terms weigh 1, so λ (`distance_weight`) is 2; the counts start at 100
(`initial_count`), or the first batches would tear the centroids away; k-means runs again every 10 epochs
(`kmeans_interval`). Its first version pretrains the layers with corruption, as DEC's does, its newer one without
(`corruption: 0`). That has pixels times 5.1, normal weights of standard deviation 1/sqrt(d_in), those of the decoder
being the encoder's, transposed (`tied`), 250 epochs a layer by SGD at 1e-4 with momentum 0.9, falling tenfold every
20,000 updates, on half the sum of squared errors, then twice the training of the objective at 1e-4 with Nesterov's
momentum: 250 epochs without its second term (`end_to_end: nesterov`) and 50 with it. The reading mnist has all of that;
others have Adam, cut budgets, and a decoder with weights of its own, with which SGD at this rate diverges in the fourth
layer. Even so the whole dies there in its first updates (reports/systems/mnist_full.md), at a scale that DEC's code has
too, 255 times 0.02; the row dcn_scaled, with the scale of DEC's paper, trains. Deviations everywhere: the authors' code
has no momentum in the first 1000 updates of a layer, whose steps go by the gradient of the update before; twice the
learning rate for biases; and one order of the data for all epochs. Its first k-means has 10 restarts, ours 20; its
later ones go on from the centroids, keep their counts and come after the last epoch too, where ours start anew with
both. The loss of a run is the objective, its mean over the sequences.
"""

import torch

from .autoencoder import PART, CodeClusterer
from .base import store
from .deep import random_streams

TITLE = "DCN"


def update_centroids(centroids, counts, codes, labels):
    """Equation 8 for one sequence after the other, which is a running mean: all of them at once.

    Parameters
    ----------
    centroids : Tensor of shape (k, m)
    counts : Tensor of shape (k,)
        Weights of the centroids, at least 1 once they have a sequence.
    codes : Tensor of shape (B, m)
    labels : Tensor of shape (B,), int64

    Returns
    -------
    centroids, counts : Tensor
        New ones.
    """
    sums = (counts[:, None] * centroids).index_add(0, labels, codes)
    counts = counts + torch.bincount(labels, minlength=len(counts))
    return sums / counts[:, None], counts


def distances(codes, centroids):
    """Distance of every code to every centroid, shape (n, k)."""
    return torch.cdist(codes, centroids, compute_mode="donot_use_mm_for_euclid_dist")


def nearest(codes, centroids):
    """Nearest centroid (n,) of every code, and the squared distance to it (n,)."""
    least = distances(codes, centroids).min(1)
    return least.indices, least.values.square()


class DCN(CodeClusterer):
    """DCN on vectors.

    Parameters
    ----------
    n_clusters : int
    distance_weight : float
        λ.
    kmeans_interval : int or None
        Epochs of clustering between two runs of k-means, which set centroids and assignments anew; None for none.
    initial_count : int
        c_k before the first batch, at least 1.
    corruption : float
        Share of the values that layer-wise pretraining drops.
    tied : bool
        Whether the decoder's weights are the encoder's, transposed.
    end_to_end : {"as_layers", "nesterov"}
        How the whole is pretrained: as its layers are, or on the sum of squared errors with Nesterov's momentum and a
        constant learning rate.
    widths : sequence of int
    pretraining : {"layerwise", "end_to_end"}
    layer_updates, pretrain_updates, cluster_updates : int
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

    choices = CodeClusterer.choices | {"end_to_end": ("as_layers", "nesterov")}
    least = {"n_clusters": 1, "input_scale": 1e-9, "initial_count": 1}

    def __init__(
        self,
        n_clusters=8,
        distance_weight=2.0,
        kmeans_interval=10,
        initial_count=100,
        corruption=0.2,
        tied=False,
        end_to_end="as_layers",
        widths=(500, 500, 2000, 10),
        pretraining="layerwise",
        layer_updates=100,
        pretrain_updates=200,
        cluster_updates=200,
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
        """Alternate between the network, the assignments and the centroids, from those of k-means."""
        network, names = self.network_, [name for name in self.network_ if name != "centroids"]
        # In the network: a checkpoint has them.
        network["labels"] = labels
        network["counts"] = torch.full((self.n_clusters,), float(self.initial_count), device=self.device)
        latest, last = {}, self._budget(self.cluster_updates, len(data))["epochs"]

        def objective(index):
            latest["index"] = index[0]
            return self._terms(autoencoder, data[index], network["centroids"][0][network["labels"][index[0]]])

        def alternate(_updates):
            index, centroids = latest["index"], network["centroids"][0]
            codes = autoencoder.codes(data[index])
            found = nearest(codes, centroids)[0]
            network["labels"][index] = found
            centroids, network["counts"] = update_centroids(centroids, network["counts"], codes, found)
            network["centroids"] = centroids[None]

        seed = int(random_streams(self.random_state, 5)[-1].integers(2**31))

        def kmeans_anew(epochs):
            if self.kmeans_interval and epochs % self.kmeans_interval == 0 and epochs < last:
                # The seed follows from the epoch, so that a resumed training finds the same centroids.
                found, centroids = self._kmeans(autoencoder.codes(data), (seed + epochs) % 2**31)
                counts = torch.full_like(network["counts"], self.initial_count)
                network.update(labels=found, centroids=centroids, counts=counts)

        self._refine(objective, names, len(data), order, after_update=alternate, after_epoch=kmeans_anew)
        del network["labels"], network["counts"]

    def _terms(self, autoencoder, x, centroids):
        """Terms of the objective for vectors x (1, B, d) and the centroids that they are assigned to (B, m)."""
        codes = autoencoder.encode(x)
        return {
            "reconstruction": autoencoder.decode(codes).sub(x).square().sum(2).mean(1),
            "distance": self.distance_weight / 2 * (codes - centroids).square().sum(2).mean(1),
        }

    def predict(self, X):
        """Nearest centroid, shape (n,)."""
        return self.distances(X).argmin(axis=1)

    def distances(self, X):
        """Distance of every code to every centroid, shape (n, k)."""
        codes = torch.from_numpy(self.transform(X)).to(self.device)
        return distances(codes, self.network_["centroids"][0]).cpu().numpy()

    def score_loss(self, X):
        """The objective on other sequences, each with its nearest centroid."""
        data, centroids, total = self._tensor(self._check(X, reset=False)), self.network_["centroids"][0], 0.0
        with torch.no_grad():
            for part in data.split(PART):
                own = centroids[nearest(self._autoencoder().codes(part), centroids)[0]]
                total += sum(self._terms(self._autoencoder(), part[None], own).values()).item() * len(part)
        return total / len(data)
