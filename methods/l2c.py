"""Learning to Cluster, L2C (Meier, Elezi, Amirian, Dürr, Stadelmann; ANNPR 2018), supervised and end to end.

A set of n objects is read as a sequence. Each object is embedded (or taken as it is), resized by a layer with leaky
ReLU and read by a stack of residual bidirectional LSTM layers (input added to output), which gives the states h_i. A
softmax of h_i for each k gives P(l | x_i, k), an object's cluster index. P(k), the number of clusters, is read off the
input of the stack's last layer: final states of a bidirectional LSTM, batch normalisation, a dense layer with leaky
ReLU, batch normalisation, dropout, softmax. Two objects are in one cluster with probability

    P_ij = Σ_k P(k) P_ij(k),    P_ij(k) = Σ_l P(l | x_i, k) P(l | x_j, k)                        (`pair_probability`)

Loss: the sum of the cross-entropy of P(k) and, weighted and with means over all pairs i < j of a set,

    pairs        mean of -w₁ y_ij log P_ij - w₀ (1 - y_ij) log(1 - P_ij), y_ij = 1 in one cluster    (`pairwise_loss`)
    centres      mean over objects and units of (h_i - c_i)², c_i the mean state of x_i's cluster    (`center_loss`)
    divergence   mean of D(q_i, q_j) + D(q_j, q_i), with D(p, q) = KL(p || q) in one cluster and
                 max(0, 2 - KL(p || q)) in two, q_i a softmax on a dense layer on the embedding  (`divergence_loss`)

With φ the share of pairs in one cluster over the training data, w₁ is sqrt(1 - φ) and w₀ sqrt(φ), scaled to a sum of 2
(`class_weights`). Prediction: the most probable k, then the most probable index of each object for it.

Published: 14 layers of 288 units (both directions together), batches of 200, Adadelta(5.0), weight 5 of the pairs,
square roots of the class weights. All else is from the authors' public code, kutoga/learning2cluster: the script of the
2-D points, app2/test_cluster_nn_try00_v130.py, and the network that it builds, impl/nn/try00/cluster_nn_try00_v122.py.
It sets the divergence's weight to .1, but objects without an embedding have no such term; its scripts with an embedding
(v122, v126, v136) weigh divergence and centres by 0, and embed images by convolutions: blocks of 3 × 3 filters with
leaky ReLU, batch normalisation and pooling of 2 × 2, then two dense layers, each normalised likewise. Before that, in
training, an image is drawn out of shape at random (`Distortion`), as two of these scripts have it (v126, v136). The
weights kept are those of the lowest validation loss (`keep`), looked at every 100 batches (`epoch_batches`).
Deviations: Adadelta's ε is 1e-7, as Keras has it since 2.1.3. Their Keras was of 2017 (their notes ask for 2.0.8 or
newer) and had 1e-8; a step goes with its root, so that their 5 is about 1.6 here. Images aren't mirrored, as half of
them are there, since a mirrored digit is another; the divergence's dense layer is what that code's comment says (its
line has an activation of slope 128 in its place); a batch of a single set is normalised by the running statistics; the
other embeddings are our own, small, and so is what `distortion` does to sequences (`Warping`). Points come from the
unit square, of which the layer that resizes them leaves next to nothing at 288 units (a standard deviation of .03; of
letters that a GRU read .04). It keeps about 1 of the authors' embeddings, which end in batch normalisation;
`input_scale` gives that, or another, to all.
Budget: `epochs` passes over the training problems in batches of `batch`, or `epochs` times `epoch_batches` of them;
there, up to a million new batches.

An LSTM reads in an order, so the outcome depends on the order of the objects: the record's `order_agreement` says how.
"""

import math

import numpy as np
import torch
from torch.nn.functional import (
    affine_grid,
    batch_norm,
    grid_sample,
    interpolate,
    leaky_relu,
    log_softmax,
    nll_loss,
    pad,
    relu,
    softmax,
)

from .base import InvalidInput, store
from .deep import autocast
from .gru import gru_final_states, init_gru_weights
from .supervised import SupervisedClusterer, dense, lstm

TITLE = "L2C"

FLOOR = 1e-7  # keeps logarithms of probabilities finite, as Keras does
SLOPE = 0.3  # of leaky ReLU: Keras's default
DROPOUT = 0.5
TILES = 4  # a side, of images that are distorted
KERAS_NORM = {"eps": 1e-3, "momentum": 0.01}  # Keras's defaults of batch normalisation
SCALED_BY = 2000  # objects that `input_scale` is learned from
MARGIN = 2.0  # beyond which two clusters' embeddings aren't driven further apart


class L2C(SupervisedClusterer):
    """L2C on sets of vectors or of sequences.

    Parameters
    ----------
    embedding : {"none", "dense", "convolutional", "gru"}
        Of an object: a vector as it is; a fully connected layer of `embedding_units` with ReLU; convolutions over a
        square image and two dense layers of `embedding_units`; or the final states of a bidirectional GRU of
        `embedding_units` a direction, for sequences of any length.
    embedding_units : int
    input_scale : float or None
        Standard deviation that embedded objects have behind the layer that resizes them when training begins: they are
        centred and scaled by one factor, found on objects of the training problems. None: as they are (published).
    filters : sequence of int
        Of each block of the convolutional embedding (published code: 32, 64, 128).
    layers, units : int
        Of the residual stack; half the units for each direction (published: 14 and 288).
    count_units, count_dense_units : int
        Of the LSTM, each direction, and of the dense layer that the number of clusters is read off.
    pair_weight, center_weight, divergence_weight : float
        Of the terms of the loss; the last has no effect without an embedding.
    divergence_units : int
        Of the dense layer and of the softmax of the divergence.
    learning_rate : float
        Of Adadelta (published: 5).
    annealed : bool
        Whether steps shrink over the epochs, to nearly 0 along half a cosine (our own, after Loshchilov, Hutter: SGDR,
        ICLR 2017, without restarts).
    distortion : float
        Of images in training: where 4 × 4 tiles meet, they are moved at random, by up to so much of a side (published
        code: 8 of 128 pixels). Of sequences: where 4 parts meet, in time, by up to so much of the length (our own).
    precision : {"float32", "bfloat16"}
        Of the products and of the states between the layers; the loss and the weights' steps are float32.
    batch, epochs : int
        Published: batches of 200.
    epoch_batches : int or None
        Batches of an epoch, drawn from all, after which the validation problems are looked at (published code: 100);
        None: all of them.
    keep : {"loss", "mr"}
        Whether the epoch kept is that of the lowest loss on the validation problems (published code) or that of the
        lowest misclassification rate: few mistakes of which the network is certain raise the loss much.
    device : str
    random_state : int or None
    """

    best_epoch = True
    least = SupervisedClusterer.least | {"epoch_batches": 1, "input_scale": 1e-9}

    def __init__(
        self,
        embedding="none",
        embedding_units=32,
        input_scale=None,
        filters=(32, 64, 128),
        layers=14,
        units=288,
        count_units=128,
        count_dense_units=256,
        pair_weight=5.0,
        center_weight=0.5,
        divergence_weight=0.1,
        divergence_units=128,
        learning_rate=5.0,
        annealed=False,
        distortion=0.0,
        precision="float32",
        batch=200,
        epochs=10,
        epoch_batches=None,
        keep="loss",
        device="cpu",
        random_state=None,
    ):
        store(locals())

    def _build(self, X):
        side = math.isqrt(X.objects.dimensions)
        if self.embedding == "convolutional" and (side**2 != X.objects.dimensions or side < 2 ** len(self.filters)):
            raise InvalidInput(
                f"X: {X.objects.dimensions} dimensions; embedding='convolutional' with {len(self.filters)} blocks takes"
                f" square images of {2 ** len(self.filters)} pixels a side or more"
            )
        if self.distortion and self.embedding not in ("convolutional", "gru"):
            raise InvalidInput(
                f"distortion={self.distortion}: is of images and of sequences, for embedding='convolutional' or 'gru'"
            )
        if self.units % 2:
            raise InvalidInput(f"units={self.units}: expected an even number, half for each direction")
        self.class_weights_ = class_weights(X)
        network = Network(self, X.objects.dimensions).to(self.device)
        if self.input_scale is not None:
            network.learn_scale(self._objects(X, X.members[:SCALED_BY][None]), self.input_scale)
        return network

    def _optimizer(self, parameters):
        return torch.optim.Adadelta(parameters, lr=self.learning_rate, rho=0.95, eps=FLOOR)

    def _objects(self, X, members):
        if self.embedding != "gru":
            return super()._objects(X, members)
        values, offsets = torch.from_numpy(X.objects.values), torch.from_numpy(X.objects.offsets)
        return values.to(self.device), offsets.to(self.device), torch.from_numpy(members).to(self.device)

    def _outputs(self, objects):
        with autocast(self.device, self.precision):
            return self._network(objects)

    def _terms(self, objects, clusters):
        count, indices, states, embedded = self._outputs(objects)
        same, number = clusters[:, :, None] == clusters[:, None, :], clusters.amax(dim=1)
        terms = {
            "pairs": pairwise_loss(pair_probability(count.exp(), indices), same, *self.class_weights_),
            "centers": center_loss(states, same),
            "count": nll_loss(count, number),
        }
        loss = self.pair_weight * terms["pairs"] + self.center_weight * terms["centers"] + terms["count"]
        if embedded is not None:
            terms["divergence"] = divergence_loss(embedded, same)
            loss = loss + self.divergence_weight * terms["divergence"]
        right = (count.argmax(dim=1) == number).float().mean()
        return {"loss": loss, **terms, "count_accuracy": right}

    def predict_each(self, X):
        """Clusters for every number of them, shape (n_clusters_, M): row k - 1 as if k were the number.

        `predict` gives for each problem that of the number which is the most probable.
        """
        return self._found(X, lambda objects: most_probable(self._outputs(objects)[1]), self.n_clusters_)

    def _clusters(self, objects):
        count, indices, *_ = self._outputs(objects)
        return most_probable(indices)[count.argmax(dim=1), torch.arange(len(count), device=count.device)]


class Network(torch.nn.Module):
    """From objects to log P(k), (B, K); P(l | x_i, k), a list over k of (B, n, k); h_i, (B, n, units); and log q_i."""

    def __init__(self, settings, d):
        super().__init__()
        units, k_max = settings.units, settings.n_clusters_
        kinds = {"none": Vectors, "dense": Dense, "convolutional": Convolutional, "gru": Recurrent}
        self.embedding = kinds[settings.embedding](d, settings)
        self.register_buffer("mean", torch.zeros(self.embedding.size))
        self.register_buffer("factor", torch.ones(()))
        self.resize = dense(self.embedding.size, units)
        self.stack = torch.nn.ModuleList(lstm(units, units // 2, bidirectional=True) for _ in range(settings.layers))
        self.index = torch.nn.ModuleList(dense(units, k) for k in range(1, k_max + 1))
        self.count_states = lstm(units, settings.count_units, bidirectional=True)
        self.count = torch.nn.Sequential(
            BatchNorm(2 * settings.count_units),
            dense(2 * settings.count_units, settings.count_dense_units),
            torch.nn.LeakyReLU(SLOPE),
            BatchNorm(settings.count_dense_units),
            Dropout(),
            dense(settings.count_dense_units, k_max),
        )
        self.divergence = None
        if settings.embedding != "none" and settings.divergence_weight:
            hidden = dense(self.embedding.size, settings.divergence_units)
            outputs = dense(settings.divergence_units, settings.divergence_units)
            self.divergence = torch.nn.Sequential(hidden, torch.nn.LeakyReLU(SLOPE), outputs)

    def learn_scale(self, objects, scale):
        """Learn how embedded objects are centred and scaled, for a standard deviation of `scale` once resized."""
        with torch.no_grad():
            embedded = self.embedding(objects).flatten(0, 1).double()
        self.mean.copy_(embedded.mean(0))
        variance = embedded.var(0, correction=0).sum()
        if variance > 0:
            # Glorot's weights have a variance of 2 / (d + units), which few or weak dimensions barely get through.
            self.factor.copy_(scale * (sum(self.resize.weight.shape) / (2 * variance)).sqrt())

    def forward(self, objects):
        embedded = (self.embedding(objects) - self.mean) * self.factor
        x = last_but_one = leaky_relu(self.resize(embedded), SLOPE)
        for layer in self.stack:
            last_but_one, x = x, x + layer(x)[0]
        count = self.count(self.count_states(last_but_one)[1][0].transpose(0, 1).flatten(1))
        indices = [softmax(index(x).float(), dim=2) for index in self.index]
        compared = None if self.divergence is None else log_softmax(self.divergence(embedded).float(), dim=2)
        return log_softmax(count.float(), dim=1), indices, x.float(), compared


class BatchNorm(torch.nn.BatchNorm1d):
    """Batch normalisation with Keras's settings; a batch of one has no variance and takes the running one."""

    def __init__(self, units):
        super().__init__(units, **KERAS_NORM)

    def forward(self, x):
        if len(x) > 1:
            return super().forward(x)
        return batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


class Dropout(torch.nn.Module):
    """Dropout with random numbers of its own: torch's are global."""

    def __init__(self):
        super().__init__()
        self.generator = torch.Generator().manual_seed(torch.randint(2**62, ()).item())

    def forward(self, x):
        if not self.training:
            return x
        kept = torch.rand(x.shape, generator=self.generator) >= DROPOUT
        return x * kept.to(x.device) / (1 - DROPOUT)


class Distortion(torch.nn.Module):
    """Of images (b, 1, side, side) in training: tiles drawn out of shape, with random numbers of its own.

    As ``random_distortion`` of Augmentor, which the authors use, but for whole pixels: the image's edges stay.
    """

    def __init__(self, largest):
        super().__init__()
        self.largest = largest
        self.generator = torch.Generator().manual_seed(torch.randint(2**62, ()).item())

    def forward(self, images):
        if not self.training:
            return images
        inner = 4 * torch.rand((len(images), 2, TILES - 1, TILES - 1), generator=self.generator) - 2  # a side is 2
        corners = pad(self.largest * inner.to(images.device), (1, 1, 1, 1))
        moved = interpolate(corners, images.shape[2:], mode="bilinear", align_corners=True)
        straight = affine_grid(torch.eye(2, 3, device=images.device)[None], images[:1].shape, align_corners=False)
        return grid_sample(images, straight + moved.permute(0, 2, 3, 1), align_corners=False)


class Warping(torch.nn.Module):
    """Of sequences in training, what `Distortion` is of images: parts drawn out in time; the ends stay, and the length.

    Takes and returns values (N, d) and offsets of a pool; returned are the sequences `members` of it.
    """

    def __init__(self, largest):
        super().__init__()
        self.largest = largest
        self.generator = torch.Generator().manual_seed(torch.randint(2**62, ()).item())

    def forward(self, values, offsets, members):
        lengths, device = offsets.diff()[members], values.device
        inner = 2 * torch.rand((len(members), TILES - 1), generator=self.generator) - 1
        borders = pad(self.largest * inner.to(device), (1, 1))
        new = pad(lengths.cumsum(0), (1, 0))
        of = torch.repeat_interleave(torch.arange(len(members), device=device), lengths)
        last = (lengths - 1)[of]
        straight = (torch.arange(len(of), device=device) - new[of]) / last.clamp(min=1)
        tile = (straight * TILES).long().clamp(max=TILES - 1)
        moved = torch.lerp(borders[of, tile], borders[of, tile + 1], straight * TILES - tile)
        at = (straight + moved).clamp(0, 1) * last
        before, start = at.long(), offsets[members][of]
        after = torch.minimum(before + 1, last)
        return torch.lerp(values[start + before], values[start + after], (at - before)[:, None]), new


class Vectors(torch.nn.Module):
    """No embedding."""

    def __init__(self, d, settings):
        super().__init__()
        self.size = d

    def forward(self, objects):
        return objects


class Dense(torch.nn.Module):
    """A fully connected layer with ReLU."""

    def __init__(self, d, settings):
        super().__init__()
        self.size = settings.embedding_units
        self.layer = dense(d, self.size)

    def forward(self, objects):
        return relu(self.layer(objects))


class Convolutional(torch.nn.Module):
    """Blocks of a 3 × 3 convolution, leaky ReLU, batch normalisation and pooling, and two dense layers."""

    def __init__(self, d, settings):
        super().__init__()
        self.size, self.side = settings.embedding_units, math.isqrt(d)
        layers, into, side = [Distortion(settings.distortion)] if settings.distortion else [], 1, self.side
        for filters in settings.filters:
            convolution = torch.nn.Conv2d(into, filters, 3, padding="same")
            torch.nn.init.xavier_uniform_(convolution.weight)
            torch.nn.init.zeros_(convolution.bias)
            normalised = torch.nn.BatchNorm2d(filters, **KERAS_NORM)
            layers += [convolution, torch.nn.LeakyReLU(SLOPE), normalised, torch.nn.MaxPool2d(2)]
            into, side = filters, side // 2
        layers.append(torch.nn.Flatten())
        for size in (into * side**2, self.size):
            layers += [dense(size, self.size), torch.nn.LeakyReLU(SLOPE), torch.nn.BatchNorm1d(self.size, **KERAS_NORM)]
        # With the channels of a place side by side a CPU pools and normalises faster.
        self.layers = torch.nn.Sequential(*layers).to(memory_format=torch.channels_last)

    def forward(self, objects):
        return self.layers(objects.reshape(-1, 1, self.side, self.side)).view(*objects.shape[:2], self.size)


class Recurrent(torch.nn.Module):
    """Final states of both directions of a one-layer GRU (`methods.gru`)."""

    def __init__(self, d, settings):
        super().__init__()
        units = settings.embedding_units
        self.size = 2 * units
        self.warping = Warping(settings.distortion) if settings.distortion else None
        rng = np.random.default_rng(torch.randint(2**62, ()).item())
        (directions,) = init_gru_weights(d, units, 1, [rng], init="torch", update_bias=1.0)
        tensors = [torch.nn.Parameter(torch.from_numpy(array)) for arrays in directions for array in arrays]
        self.weights = torch.nn.ParameterList(tensors)

    def forward(self, objects):
        values, offsets, members = objects
        shape, members = members.shape, members.reshape(-1)
        if self.warping and self.training:
            values, offsets = self.warping(values, offsets, members)
            members = torch.arange(len(members), device=members.device)
        weights = [[tuple(self.weights[:4]), tuple(self.weights[4:])]]
        with torch.autocast(values.device.type, enabled=False):  # the recurrent kernel is float32
            states = gru_final_states(values, offsets, members[None], weights)
        return states.reshape(*shape, self.size)


def most_probable(indices):
    """Most probable cluster index of every object, (K, B, n), from a list over k of P(l | x_i, k), (B, n, k)."""
    return torch.stack([index.argmax(dim=2) for index in indices])


def class_weights(X):
    """Weights of the pairs in one cluster and of those in two, from their shares in the training problems.

    Returns
    -------
    same, different : float
        Square roots of the other kind's share, scaled to a sum of 2.

    Raises
    ------
    InvalidInput
        When no problem has two objects, and so none a pair.
    """
    if X.sizes.max() < 2:
        raise InvalidInput("X: no problem has more than one object; there is no pair to learn from")
    ones = sum((np.bincount(clusters) * (np.bincount(clusters) - 1)).sum() for clusters in X.split_up(X.clusters))
    share = ones / (X.sizes * (X.sizes - 1)).sum()
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


def mean_over_pairs(values):
    """Mean over the pairs i < j of (B, n, n); 0 where a problem has no pair."""
    i, j = torch.triu_indices(*values.shape[1:], offset=1, device=values.device)
    return values[:, i, j].sum() / max(len(values) * len(i), 1)


def pairwise_loss(probability, same, weight_same, weight_different):
    """Weighted cross-entropy of pairs against same / different, mean over the pairs i < j and the problems.

    Parameters
    ----------
    probability, same : Tensor (B, n, n)
    weight_same, weight_different : float
    """
    probability = probability.clamp(FLOOR, 1 - FLOOR)
    told = torch.where(same, weight_same * probability.log(), weight_different * (1 - probability).log())
    return -mean_over_pairs(told)


def center_loss(states, same):
    """Squared distance to the mean state of an object's cluster, mean over units, objects and problems.

    Parameters
    ----------
    states : Tensor (B, n, units)
    same : Tensor (B, n, n)
    """
    together = same.to(states.dtype)
    return (states - together @ states / together.sum(dim=2, keepdim=True)).square().mean()


def divergence_loss(log_probability, same):
    """Kullback-Leibler divergence of pairs, both ways, in two clusters its hinge; mean over the pairs i < j.

    Source: Lukic, Vogt, Dürr, Stadelmann: Learning embeddings for speaker clustering based on voice equality, 2017.

    Parameters
    ----------
    log_probability : Tensor (B, n, m)
        Of a softmax on each object's embedding.
    same : Tensor (B, n, n)
    """
    log_probability = log_probability.clamp(min=math.log(FLOOR))
    probability = log_probability.exp()
    divergence = (probability * log_probability).sum(2, keepdim=True) - probability @ log_probability.transpose(1, 2)
    cost = torch.where(same, divergence, relu(MARGIN - divergence))
    return mean_over_pairs(cost + cost.transpose(1, 2))
