"""The autoencoder that DEC, IDEC, DCN and N2D share: encoder d-500-500-2000-10 with ReLU, symmetric decoder.

Two ways to pretrain it. Layer by layer (Vincent et al. 2010, as DEC does it): every layer learns to reconstruct its
input from a corrupted copy, dropout 0.2 on the input and on the code. End to end: the whole reconstructs its input
without corruption. Both minimise the mean squared error, or its sum, with the one training loop of `methods.deep`.
"""

from numbers import Real
from pathlib import Path

import numpy as np
import sklearn.cluster
import torch
from sklearn.base import TransformerMixin

from .base import Clusterer, Diverged, InvalidInput
from .deep import (
    OPTIMIZERS,
    PRECISIONS,
    batch_by_size,
    divergence_of,
    epochs_of,
    init_linear,
    linear,
    minimise,
    random_streams,
    trainable,
)

PART = 8192  # vectors that go through the network at once outside training: a bound on memory


def init_autoencoder(features, widths, rng, device="cpu", initialisation="glorot_uniform"):
    """Initial layers of a `DenseAutoencoder`.

    Parameters
    ----------
    features : int
        Dimension of the input.
    widths : sequence of int
        Units of the encoder's layers, the last being the code; the decoder mirrors them.
    rng : numpy.random.Generator
    device : str
    initialisation : str
        As `methods.deep.init_linear` takes it.

    Returns
    -------
    dict of str to Tensor
        ``encoder.0.weight``, ..., ``decoder.0.weight``, ..., each with a leading axis of one seed.
    """
    sizes, network = [features, *widths], {}
    for layer in range(len(widths)):
        mirrored = len(widths) - 1 - layer
        network |= init_linear(f"encoder.{layer}", sizes[layer], sizes[layer + 1], [rng], initialisation)
        network |= init_linear(f"decoder.{mirrored}", sizes[layer + 1], sizes[layer], [rng], initialisation)
    return {name: tensor.to(device) for name, tensor in network.items()}


class DenseAutoencoder:
    """Fully connected layers with ReLU between them, none on the code and none on the output.

    Parameters
    ----------
    network : dict of str to Tensor
        From `init_autoencoder`; training replaces its tensors. Other entries are left alone. A decoder's layer without
        weights has those of the encoder's, transposed (tied weights).
    """

    def __init__(self, network):
        self.network = network
        self.depth = sum(name.startswith("encoder.") and name.endswith(".weight") for name in network)

    def encode(self, x):
        """Codes (1, B, m) of vectors (1, B, d)."""
        return self._layers("encoder", x)

    def decode(self, codes):
        """Reconstructions (1, B, d) of codes (1, B, m)."""
        return self._layers("decoder", codes)

    def _layers(self, part, x):
        for layer in range(self.depth):
            x = self.layer(torch.relu(x) if layer else x, part, layer)
        return x

    def layer(self, x, part, layer):
        """What a layer of the encoder or the decoder, `part`, gives before its ReLU."""
        if part == "encoder" or f"decoder.{layer}.weight" in self.network:
            return linear(x, self.network, f"{part}.{layer}")
        weight = self.network[f"encoder.{self.depth - 1 - layer}.weight"]
        return torch.baddbmm(self.network[f"decoder.{layer}.bias"][:, None, :], x, weight)

    def reconstruction(self, x):
        """Mean squared error of the reconstruction of vectors (1, B, d), shape (1,)."""
        return self.decode(self.encode(x)).sub(x).square().mean((1, 2))

    def codes(self, data):
        """Codes (n, m) of vectors (n, d), without gradient and in parts."""
        with torch.no_grad():
            return torch.cat([self.encode(part[None])[0] for part in data.split(PART)])

    def error(self, data):
        """Mean squared error of the reconstruction of vectors (n, d), without gradient and in parts."""
        with torch.no_grad():
            return sum(self.reconstruction(part[None]).item() * len(part) for part in data.split(PART)) / len(data)


def times(squared_error, dimensions):
    """What a mean squared error over so many dimensions is multiplied by to be their sum, or half of it."""
    return {"mean": 1, "half_sum": dimensions / 2, "sum": dimensions}[squared_error]


def pretrain(autoencoder, data, *, validation=None, squared_error="mean", **training):
    """Train the whole to reconstruct its input.

    Parameters
    ----------
    autoencoder : DenseAutoencoder
    data : Tensor of shape (n, d)
    validation : Tensor of shape (n', d), optional
        Only watched.
    squared_error : {"mean", "half_sum", "sum"}
        What is minimised: its mean over the dimensions, its sum or half of it.
    **training
        Keyword arguments of `methods.deep.minimise`: ``batch``, ``epochs``, ``rngs`` (a list of one generator),
        ``learning_rate``, ``optimizer``, ``decay_interval``, ``precision``.

    Returns
    -------
    curves : dict of str to list of float
        ``reconstruction``, the mean over the batches of an epoch, and with `validation` also
        ``validation_reconstruction``, at its end.
    updates : int

    Raises
    ------
    InvalidInput
        When there are fewer vectors than a batch.
    Diverged
        When the loss stops being finite.
    """
    network = autoencoder.network
    names = trainable(network)
    network["validation"] = torch.zeros(training["epochs"])  # in the network: a checkpoint has it

    def watch(epochs):
        network["validation"][epochs - 1] = autoencoder.error(validation)

    factor = times(squared_error, data.shape[1])
    curve, updates = minimise(
        lambda index: {"reconstruction": factor * autoencoder.reconstruction(data[index])},
        network,
        names,
        len(data),
        after_epoch=None if validation is None else watch,
        **training,
    )
    watched = network.pop("validation")[: len(curve["loss"])].tolist()
    curves = {"reconstruction": finite("reconstruction", curve)}
    return curves | ({} if validation is None else {"validation_reconstruction": watched}), updates


def pretrain_layers(autoencoder, data, *, noise, corruption, squared_error="mean", **training):
    """Train one layer after the other as a denoising autoencoder.

    Parameters
    ----------
    autoencoder, data, squared_error, **training
        As `pretrain` takes them; the budget counts for each layer.
    noise : torch.Generator
        Of the dropout.
    corruption : float
        Share of the values that it drops.

    Returns
    -------
    curves : dict of str to list of float
        ``layer_1``, ``layer_2``, ...
    updates : int

    Raises
    ------
    InvalidInput, Diverged
        As in `pretrain`.
    """
    network, last = autoencoder.network, autoencoder.depth - 1

    def dropout(x):
        kept = torch.rand(x.shape, generator=noise, device=x.device) >= corruption
        return x * kept / (1 - corruption)

    def hidden(x, layer):
        code = autoencoder.layer(x, "encoder", layer)
        return code if layer == last else torch.relu(code)

    layer_input, curves, updates = data, {}, 0
    for layer in range(autoencoder.depth):

        def denoise(index, layer=layer, layer_input=layer_input):
            clean = layer_input[index]
            output = autoencoder.layer(dropout(hidden(dropout(clean), layer)), "decoder", last - layer)
            error = (torch.relu(output) if layer else output).sub(clean).square().mean((1, 2))
            return {"reconstruction": times(squared_error, clean.shape[2]) * error}

        own = [name for name in network if name.startswith((f"encoder.{layer}.", f"decoder.{last - layer}."))]
        curve, spent = minimise(denoise, network, own, len(data), generators=[noise], **training)
        curves[f"layer_{layer + 1}"] = finite(f"layer_{layer + 1}", curve)
        updates += spent
        if layer < last:
            with torch.no_grad():
                layer_input = torch.cat([hidden(part[None], layer)[0] for part in layer_input.split(PART)])
    return curves, updates


def finite(name, curve):
    """The loss of the one seed of `curve` as a list; `Diverged`, naming the phase, when it is not finite."""
    failure = divergence_of(curve["loss"][:, 0])
    if failure is not None:
        raise Diverged(f"{name}: {failure}")
    return curve["loss"][:, 0].astype(float).tolist()


class Encoder(TransformerMixin):
    """Mixin of methods whose `transform` gives codes, which are float32 whatever it is given."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


class CodeClusterer(Encoder, Clusterer):
    """Base of methods that pretrain an autoencoder, take centroids from k-means on the codes and train on with both.

    A subclass gives `_cluster(autoencoder, data, labels, order)`, which calls `_refine`, `predict` and `score_loss`.
    Its settings are those of `recipe`, which say all about the pretraining, and those of the last phase, without which
    (`cluster_updates` 0) it is k-means on the codes. The curve of every phase is kept by its name, that of `_refine` as
    ``loss``.

    `pretrained` is a folder of fitted estimators of this base, ``<random_state>.npz``, whose autoencoder it takes over
    in place of pretraining its own: the same bits, when theirs had the same recipe.
    """

    backend = "torch"
    least = {"n_clusters": 1, "input_scale": 1e-9}
    corruption = 0.2
    tied = False
    end_to_end = "as_layers"
    choices = {
        "pretraining": ("layerwise", "end_to_end"),
        "input_scale": ("mean_square", "none", Real),
        "optimizer": tuple(OPTIMIZERS),
        "cluster_optimizer": tuple(OPTIMIZERS),
        "initialisation": ("glorot_uniform", "fan_in_uniform", "normal", "fan_in_normal"),
        "squared_error": ("mean", "half_sum", "sum"),
        "precision": PRECISIONS,
        "batch": (Real, "by_size"),
    }
    recipe = (
        "widths",
        "pretraining",
        "layer_updates",
        "pretrain_updates",
        "corruption",
        "tied",
        "end_to_end",
        "initialisation",
        "squared_error",
        "optimizer",
        "learning_rate",
        "decay_interval",
        "input_scale",
        "batch",
        "precision",
    )
    small = {"widths": (16, 4), "batch": 20, "layer_updates": 4, "pretrain_updates": 8, "cluster_updates": 8}

    def fit(self, X, y=None):
        """Cluster vectors of shape (n, D)."""
        X = self._check(X, reset=True)
        self.batch_ = batch_by_size(len(X)) if self.batch == "by_size" else self.batch
        init, order, noise, kmeans = random_streams(self.random_state, 4)
        self.scale_ = self._scale(X)
        self.loss_curve_, self.n_updates_, self.n_epochs_ = {}, 0, 0
        data = self._tensor(X)
        self.network_ = self._init_network(init)
        if self.pretrained is None:
            self._pretrain(self._autoencoder(), data, order, noise)
        else:
            self._take_over(order)
        autoencoder = self._autoencoder()
        labels, self.network_["centroids"] = self._kmeans(autoencoder.codes(data), int(kmeans.integers(2**31)))
        if self.cluster_updates:
            self._cluster(autoencoder, data, labels, order)
            self.loss_ = self.loss_curve_["loss"][-1]
        else:
            self.order_, self.loss_ = order.bit_generator.state, self.score_loss(X)
        self.n_parameters_ = sum(self.network_[name].numel() for name in trainable(self.network_))
        self.labels_ = self.predict(X)
        return self

    def _scale(self, X):
        """Factor of the input, as `input_scale` says."""
        if self.input_scale == "mean_square":
            return float(1 / np.sqrt(max(np.square(X).mean(), np.finfo(np.float32).tiny)))
        return 1.0 if self.input_scale == "none" else float(self.input_scale)

    def _init_network(self, rng):
        network = init_autoencoder(self.n_features_in_, self.widths, rng, self.device, self.initialisation)
        doubled = [name for name in network if self.tied and name.startswith("decoder.") and name.endswith(".weight")]
        return {name: tensor for name, tensor in network.items() if name not in doubled}

    def _autoencoder(self):
        return DenseAutoencoder(self.network_)

    def _tensor(self, X):
        return torch.from_numpy(np.asarray(X * self.scale_, dtype=np.float32)).to(self.device)

    def _pretrain(self, autoencoder, data, order, noise):
        """Layer by layer and then end to end, or end to end at once."""
        same = ("learning_rate", "optimizer", "decay_interval", "precision", "squared_error")
        training = {"rngs": [order]} | {name: getattr(self, name) for name in same}
        if self.pretraining == "layerwise":
            noise = torch.Generator(self.device).manual_seed(int(noise.integers(2**63)))
            budget = self._budget(self.layer_updates, len(data))
            self._keep(
                *pretrain_layers(autoencoder, data, noise=noise, corruption=self.corruption, **budget, **training)
            )
        budget = self._budget(self.pretrain_updates, len(data))
        if self.end_to_end == "nesterov":
            training |= {"optimizer": "nesterov", "decay_interval": None, "squared_error": "sum"}
        self._keep(*pretrain(autoencoder, data, **budget, **training))

    def _take_over(self, order):
        """The autoencoder of a fitted estimator, its curves and where its random stream of the `order` was then."""
        path = Path(self.pretrained, f"{self.random_state}.npz")
        fitted = CodeClusterer.load(path)
        theirs = fitted._described()
        for name, mine in self._described().items():
            if theirs.get(name) != mine:
                raise InvalidInput(f"pretrained: {path}: {name} was {theirs.get(name)!r}, expected {mine!r}")
        if fitted.cluster_updates:
            raise InvalidInput(f"pretrained: {path}: it was trained on after k-means, with cluster_updates > 0")
        self.network_ = {name: fitted.network_[name].to(self.device) for name in self.network_}
        self._keep(fitted.loss_curve_, fitted.n_updates_)
        order.bit_generator.state = fitted.order_

    def _described(self):
        """Name to value of the recipe, and of the data what tells of them."""
        given = {name: getattr(self, name) for name in ("n_features_in_", "scale_", *self.recipe)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}

    def _kmeans(self, codes, seed):
        """Clusters (n,) and centroids (1, k, m) of codes (n, m), by k-means."""
        found = sklearn.cluster.KMeans(self.n_clusters, n_init=20, random_state=seed).fit(codes.cpu().numpy())
        made = found.labels_.astype(np.int64), found.cluster_centers_.astype(np.float32)[None]
        return [torch.from_numpy(array).to(self.device) for array in made]

    def _refine(self, objective, names, n, order, **hooks):
        """The training after k-means: minimise `objective` over the tensors `names`, n vectors an epoch."""
        curve, updates = minimise(
            objective,
            self.network_,
            names,
            n,
            rngs=[order],
            learning_rate=self.cluster_learning_rate,
            optimizer=self.cluster_optimizer,
            precision=self.precision,
            **hooks,
            **self._budget(self.cluster_updates, n),
        )
        self._keep({"loss": finite("loss", curve)}, updates)

    def _budget(self, updates, n):
        """Whole epochs that make up at least so many updates."""
        return {"batch": self.batch_, "epochs": epochs_of(updates, n, self.batch_)}

    def _keep(self, curves, updates):
        self.loss_curve_ |= curves
        self.n_updates_ += updates
        self.n_epochs_ += sum(len(curve) for curve in curves.values())

    def transform(self, X):
        """Codes, shape (n, widths[-1])."""
        data = self._tensor(self._check(X, reset=False))
        return self._autoencoder().codes(data).cpu().numpy()
