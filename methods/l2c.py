"""Learning to Cluster, L2C (Meier, Elezi, Amirian, Dürr, Stadelmann; ANNPR 2018), supervised and end to end.

A set of n objects is read as a sequence. Each object is embedded (or taken as it is); a stack of residual bidirectional
LSTM layers (input added to output) runs over the set; a softmax gives P(k), the number of clusters, and for each k a
softmax of every object gives P(l | x_i, k), its cluster index. Two objects are in one cluster with probability

    P_ij = Σ_k P(k) P_ij(k),    P_ij(k) = Σ_l P(l | x_i, k) P(l | x_j, k)                        (`pair_probability`)

Loss: `pair_weight` times the weighted cross-entropy of P_ij against same / different cluster, averaged over all pairs
i <= j (an object with itself asks for indices that are certain), plus the cross-entropy of P(k). With φ the share of
pairs in one cluster over the training data, "same" is weighted by sqrt(1 - φ) and "different" by sqrt(φ), scaled to a
sum of 2 (`class_weights`). Prediction: the most probable k, then the most probable index of each object for it.

Published: 14 layers of 288 units (both directions together), batches of 200, Adadelta(5.0), weight 5, square roots of
the class weights. From the authors' public code, as the text doesn't say: the mixture over k inside the logarithm, the
pairs i = i, and that the layers before and after the stack use leaky ReLU.
Deviations: no dropout and no batch normalisation around the two outputs; the number of clusters is read off the final
states of one more bidirectional LSTM over the stack's output (the code has two over the last layer but one); the
embedding networks are our own and small. Budget: `epochs` passes over the training problems in batches of `batch`.

An LSTM reads in an order, so the outcome depends on the order of the objects: the record's `order_agreement` says how.
"""

import numpy as np
import torch
from torch.nn.functional import leaky_relu, log_softmax, nll_loss, relu, softmax

from .base import InvalidInput, store
from .gru import gru_final_states, init_gru_weights
from .supervised import SupervisedClusterer, dense, lstm

TITLE = "L2C"

EMBEDDINGS = ("none", "dense", "gru")
FLOOR = 1e-7  # keeps logarithms of probabilities finite, as Keras does


class L2C(SupervisedClusterer):
    """L2C on sets of vectors or of sequences.

    Parameters
    ----------
    embedding : {"none", "dense", "gru"}
        Of an object: a vector as it is; a fully connected layer of `embedding_units` with ReLU; or the final states of
        a bidirectional GRU of `embedding_units` a direction, for sequences of any length.
    embedding_units : int
    layers, units : int
        Of the residual stack; half the units for each direction (published: 14 and 288).
    pair_weight : float
        Published: 5.
    learning_rate : float
        Of Adadelta (published: 5).
    batch, epochs : int
        Published: batches of 200.
    device : str
    random_state : int or None
    """

    def __init__(
        self,
        embedding="none",
        embedding_units=32,
        layers=14,
        units=288,
        pair_weight=5.0,
        learning_rate=5.0,
        batch=200,
        epochs=10,
        device="cpu",
        random_state=None,
    ):
        store(locals())

    def _build(self, X):
        if self.embedding not in EMBEDDINGS:
            raise InvalidInput(f"embedding={self.embedding!r}: expected one of {', '.join(EMBEDDINGS)}")
        if self.units % 2:
            raise InvalidInput(f"units={self.units}: expected an even number, half for each direction")
        self.class_weights_ = class_weights(X)
        return Network(self, X.objects.dimensions)

    def _optimizer(self, parameters):
        return torch.optim.Adadelta(parameters, lr=self.learning_rate, rho=0.95, eps=FLOOR)

    def _objects(self, X, members):
        if self.embedding != "gru":
            return super()._objects(X, members)
        values, offsets = torch.from_numpy(X.objects.values), torch.from_numpy(X.objects.offsets)
        return values.to(self.device), offsets.to(self.device), torch.from_numpy(members).to(self.device)

    def _terms(self, objects, clusters):
        count, indices = self._network(objects)
        same = clusters[:, :, None] == clusters[:, None, :]
        pairs = pairwise_loss(pair_probability(count.exp(), indices), same, *self.class_weights_)
        number = clusters.amax(dim=1)
        count_loss = nll_loss(count, number)
        return {
            "loss": self.pair_weight * pairs + count_loss,
            "pairs": pairs,
            "count": count_loss,
            "count_accuracy": (count.argmax(dim=1) == number).float().mean(),
        }

    def _clusters(self, objects):
        count, indices = self._network(objects)
        found = torch.stack([index.argmax(dim=2) for index in indices])
        return found[count.argmax(dim=1), torch.arange(len(count), device=count.device)]


class Network(torch.nn.Module):
    """From objects to log P(k), shape (B, K), and P(l | x_i, k), a list over k of (B, n, k)."""

    def __init__(self, settings, d):
        super().__init__()
        units, k_max = settings.units, settings.n_clusters_
        self.embedding = {"none": Vectors, "dense": Dense, "gru": Recurrent}[settings.embedding]
        self.embedding = self.embedding(d, settings.embedding_units)
        self.resize = dense(self.embedding.size, units)
        self.stack = torch.nn.ModuleList(lstm(units, units // 2, bidirectional=True) for _ in range(settings.layers))
        self.before_index = dense(units, units)
        self.index = torch.nn.ModuleList(dense(units, k) for k in range(1, k_max + 1))
        self.before_count = lstm(units, units // 2, bidirectional=True)
        self.count = dense(units, k_max)

    def forward(self, objects):
        x = leaky_relu(self.resize(self.embedding(objects)))
        for layer in self.stack:
            x = x + layer(x)[0]
        state = self.before_count(x)[1][0]
        count = self.count(state.transpose(0, 1).flatten(1))
        x = leaky_relu(self.before_index(x))
        return log_softmax(count, dim=1), [softmax(index(x), dim=2) for index in self.index]


class Vectors(torch.nn.Module):
    """No embedding."""

    def __init__(self, d, units):
        super().__init__()
        self.size = d

    def forward(self, objects):
        return objects


class Dense(torch.nn.Module):
    """A fully connected layer with ReLU."""

    def __init__(self, d, units):
        super().__init__()
        self.size, self.layer = units, dense(d, units)

    def forward(self, objects):
        return relu(self.layer(objects))


class Recurrent(torch.nn.Module):
    """Final states of both directions of a one-layer GRU (`methods.gru`)."""

    def __init__(self, d, units):
        super().__init__()
        self.size = 2 * units
        rng = np.random.default_rng(torch.randint(2**62, ()).item())
        (directions,) = init_gru_weights(d, units, 1, [rng], init="torch", update_bias=1.0)
        tensors = [torch.nn.Parameter(torch.from_numpy(array)) for arrays in directions for array in arrays]
        self.weights = torch.nn.ParameterList(tensors)

    def forward(self, objects):
        values, offsets, members = objects
        weights = [[tuple(self.weights[:4]), tuple(self.weights[4:])]]
        states = gru_final_states(values, offsets, members.reshape(1, -1), weights)
        return states.reshape(*members.shape, self.size)


def class_weights(X):
    """Weights of the pairs in one cluster and of those in two, from their shares in the training problems.

    Returns
    -------
    same, different : float
        Square roots of the other kind's share, scaled to a sum of 2.
    """
    ones = sum((np.bincount(clusters) * (np.bincount(clusters) + 1)).sum() / 2 for clusters in X.split_up(X.clusters))
    share = ones / (X.sizes * (X.sizes + 1) / 2).sum()
    same, different = np.sqrt(1 - share), np.sqrt(share)
    return 2 * same / (same + different), 2 * different / (same + different)


def pair_probability(count, indices):
    """Probability that two objects are in one cluster, (B, n, n).

    Parameters
    ----------
    count : Tensor (B, K)
        P(k).
    indices : list over k of Tensor (B, n, k)
        P(l | x_i, k).
    """
    weighted = torch.cat([count[:, k, None, None] * index for k, index in enumerate(indices)], dim=2)
    return weighted @ torch.cat(indices, dim=2).transpose(1, 2)


def pairwise_loss(probability, same, weight_same, weight_different):
    """Weighted cross-entropy of pairs against same / different, mean over the pairs i <= j and the problems.

    Parameters
    ----------
    probability, same : Tensor (B, n, n)
    weight_same, weight_different : float
    """
    i, j = torch.triu_indices(*probability.shape[1:], device=probability.device)
    probability, same = probability[:, i, j].clamp(FLOOR, 1 - FLOOR), same[:, i, j]
    told = torch.where(same, weight_same * probability.log(), weight_different * (1 - probability).log())
    return -told.mean()
