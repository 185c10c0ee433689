"""Deep Divergence-based Clustering on vectors (Kampffmeyer et al., Neural Networks 2019), as the RDDC paper uses it.

The RDDC paper's baseline is "just the last two fully connected layers" of its network on vectorised input: a hidden
layer with ReLU, whose output h enters the kernel matrix, and a softmax layer that gives the assignments A. The loss
is in `methods.divergence`. Budget: `epochs` passes over the training data in batches of `batch`; published as a
"fixed number", the number itself is lost. The loss has RDDC's recommended settings by default, and
config/sources.yaml says why; the layers start as TensorFlow's did. Deviations: of `input_scale`, and of a batch
normalisation of h (`hidden_batch_norm`), the RDDC paper says nothing.
"""

import functools

import numpy as np
import torch

from .base import store
from .deep import (
    DeepMethod,
    batch_norm,
    init_batch_norm,
    init_linear,
    linear,
    minimise,
    random_streams,
    trainable,
)
from .divergence import divergence_terms

TITLE = "DDC"


class DivergenceClusterer(DeepMethod):
    """Hidden layer, softmax layer and divergence loss on top of an embedding that a subclass gives.

    A subclass gives `_init_embedding(rngs)`, its parameters and features, and `_embed(network, data, index, training)`;
    `choices` are the words that a setting may be.
    """

    by_loss = True
    choices = DeepMethod.by_data | {
        "kernel_width": ("median_squared_distance", "median_of_all", "median_distance"),
        "orthogonality_form": ("memberships", "memberships_sum", "clusters", "clusters_mean"),
        "initialisation": ("torch", "tensorflow", "keras"),
        "hidden_initialisation": ("same", "he_uniform"),
        "input_scale": ("overall", "dimension", "none"),
    }
    least = {"n_clusters": 2, "hidden_units": 1, "batch": 2}  # a divergence is of clusters, and a median of pairs
    small = {"hidden_units": 8, "batch": 20, "epochs": 8}

    def _init_network(self, rngs):
        """All layers, name to tensor with a leading seed axis."""
        network, features = self._init_embedding(rngs)
        hidden = self.initialisation if self.hidden_initialisation == "same" else self.hidden_initialisation
        network |= init_linear("hidden", features, self.hidden_units, rngs, hidden)
        if self.hidden_batch_norm:
            network |= init_batch_norm("hidden_norm", self.hidden_units, len(rngs))
        network |= init_linear("output", self.hidden_units, self.n_clusters, rngs, self.initialisation)
        return {name: tensor.to(self.device) for name, tensor in network.items()}

    def _forward(self, network, data, index, training):
        """Hidden representation (S, B, units) and assignments (S, B, k) of the sequences `index` (S, B)."""
        h = torch.relu(linear(self._embed(network, data, index, training), network, "hidden"))
        if self.hidden_batch_norm:
            h = batch_norm(h, network, "hidden_norm", training)
        return h, torch.softmax(linear(h, network, "output"), dim=-1)

    def _loss_terms(self, network, data, index, training):
        h, A = self._forward(network, data, index, training)
        return divergence_terms(
            h,
            A,
            kernel_width=self.kernel_width,
            relative_width=self.relative_width,
            orthogonality_form=self.orthogonality_form,
            orthogonality_weight=self.orthogonality_weight,
            simplex_weight=self.simplex_weight,
            added=self.added,
        )

    def fit_from(self, X, partition, epochs):
        """`fit`, after as many epochs of cross-entropy on a partition of `X`, which has no say after that.

        Parameters
        ----------
        X
            As in `fit`.
        partition : ndarray of shape (n,), int64
            Clusters from 0 to ``n_clusters - 1``, found by other runs.
        epochs : int
        """
        (failure,) = self._train(self._check(X, reset=True), [self], torch.from_numpy(partition), epochs)
        if failure is not None:
            raise failure
        return self

    def _draw_order(self, data, n, rng):
        """In which order an epoch takes the training data."""
        return rng.permutation(n)

    def _minimise(self, loss_terms, network, data, n, epochs, rngs, **more):
        """`methods.deep.minimise` with this method's settings."""
        settings = {name: getattr(self, name) for name in ("learning_rate", "clip_norm", "clip_each")}
        settings |= {"batch": self.batch_, "draw_order": functools.partial(self._draw_order, data, n)}
        return minimise(loss_terms, network, trainable(network), n, epochs=epochs, rngs=rngs, **settings, **more)

    def _cross_entropy(self, network, data, index, partition):
        _, A = self._forward(network, data, index, training=True)
        given = A.gather(2, partition.to(self.device)[index][:, :, None]).squeeze(2)
        return {"cross_entropy": -given.clamp_min(1e-9).log().mean(1)}

    def _learn_scale(self, values, estimators):
        """Let all know mean and scale of the training data's elements (N, d), as `input_scale` says."""
        mean, scale = np.zeros(values.shape[1]), np.ones(values.shape[1])
        if self.input_scale != "none":
            mean, scale = values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64)
        if self.input_scale == "overall":
            scale = np.full_like(scale, np.sqrt(np.mean(scale**2)))
        for estimator in estimators:
            estimator.mean_, estimator.scale_ = mean, np.where(scale > 0, scale, 1)

    def _scaled(self, values):
        """Elements as a tensor, scaled."""
        return torch.from_numpy(((values - self.mean_) / self.scale_).astype(np.float32)).to(self.device)

    def _train(self, X, estimators, partition=None, partition_epochs=0):
        self._resolve(X, estimators)
        streams = [random_streams(estimator.random_state, 2) for estimator in estimators]
        network = self._init_network([init for init, _ in streams])
        data, orders, before = self._tensors(X), [order for _, order in streams], (0, 0)
        if partition is not None:
            start = functools.partial(self._cross_entropy, network, data, partition=partition)
            curve, updates = self._minimise(start, network, data, len(X), partition_epochs, orders)
            before = updates, len(curve["loss"])
        terms = functools.partial(self._loss_terms, network, data, training=True)
        curve, updates = self._minimise(terms, network, data, len(X), self.epochs_, orders, best_epoch=self.best_epoch)
        failures = []
        for seed, estimator in enumerate(estimators):
            failures.append(estimator._keep(network, curve, updates, seed))
            estimator.n_updates_ += before[0]
            estimator.n_epochs_ += before[1]
            if failures[-1] is None:
                if self.best_epoch:
                    estimator.loss_ = min(estimator.loss_curve_["loss"])
                estimator.labels_ = estimator.predict(X)
        return failures

    def predict_proba(self, X):
        """Cluster assignments, shape (n, k); rows sum to 1."""
        X = self._check(X, reset=False)
        data = self._tensors(X)
        with torch.no_grad():
            parts = [
                self._forward(self.network_, data, index[None], training=False)[1][0].cpu().numpy()
                for index in torch.arange(len(X), device=self.device).split(1024)
            ]
        return np.concatenate(parts)

    def predict(self, X):
        """Most probable cluster, shape (n,)."""
        return self.predict_proba(X).argmax(axis=1).astype(np.int64)

    def score_loss(self, X):
        """Loss on other sequences: mean over parts about as large as a training batch, running averages kept.

        It is about pairs, so that a single sequence has none: None.
        """
        X = self._check(X, reset=False)
        if len(X) < 2:
            return None
        data = self._tensors(X)
        n_parts = max(1, len(X) // self.batch_)
        # Every part takes sequences from everywhere: neighbours in a file are often of one class.
        parts = [torch.arange(first, len(X), n_parts, device=self.device) for first in range(n_parts)]
        with torch.no_grad():
            losses = [sum(self._loss_terms(self.network_, data, part[None], False).values()).item() for part in parts]
        return float(np.mean(losses))


class DDC(DivergenceClusterer):
    """DDC on vectors.

    Parameters
    ----------
    n_clusters : int
        At least 2.
    input_scale : {"none", "overall", "dimension"}
        The values lose their mean over the training data and are divided by one standard deviation of all dimensions,
        or each dimension by its own; ``none`` leaves them alone.
    hidden_units : int
        Units of the hidden layer.
    hidden_batch_norm : bool
        Batch normalisation after the hidden layer's ReLU.
    kernel_width : {"median_squared_distance", "median_of_all", "median_distance"}
        See `methods.divergence.kernel_matrix`.
    relative_width : float
    orthogonality_form : {"memberships", "memberships_sum", "clusters", "clusters_mean"}
        See `methods.divergence.orthogonality`.
    orthogonality_weight, simplex_weight : float
        λ2 and λ3.
    added : float or None
        Added under the root of the divergence, in place of floors; see `methods.divergence.cauchy_schwarz`.
    initialisation : {"tensorflow", "keras", "torch"}
        The first two differ in recurrent layers only; see `methods.gru.init_gru_weights`.
    hidden_initialisation : {"same", "he_uniform"}
        That of the hidden layer.
    learning_rate : float
    clip_norm : float or None
        Largest norm of a seed's gradient.
    clip_each : bool
        Whether that is the largest norm of each tensor's gradient instead, as Keras's ``clipnorm``.
    best_epoch : bool
        Whether the network and the loss of the epoch with the lowest loss are kept, and not those of the last.
    batch : int or {"by_size"}
        ``by_size``: 25 below 200 training sequences, 50 below 1000, else 100; and no more than there are.
    epochs : int or {"by_size"}
        ``by_size``: as many as make up at least so many `updates`.
    updates : int
        Has a say with such `epochs` alone.
    device : str
    random_state : int or None
    """

    exempt = {"check_clustering": "needs more updates than a test has"} | dict.fromkeys(
        (
            "check_dont_overwrite_parameters",
            "check_methods_subset_invariance",
            "check_fit2d_1feature",
            "check_fit2d_predict1d",
        ),
        "asks for one cluster, and a divergence between clusters needs two",
    )

    def __init__(
        self,
        n_clusters=8,
        input_scale="none",
        hidden_units=100,
        hidden_batch_norm=True,
        kernel_width="median_squared_distance",
        relative_width=0.15,
        orthogonality_form="memberships",
        orthogonality_weight=1.0,
        simplex_weight=1.0,
        added=None,
        initialisation="tensorflow",
        hidden_initialisation="same",
        learning_rate=1e-3,
        clip_norm=5.0,
        clip_each=False,
        best_epoch=False,
        batch=100,
        epochs=100,
        updates=300,
        device="cpu",
        random_state=None,
    ):
        store(locals())

    def _init_embedding(self, rngs):
        return {}, self.n_features_in_

    def _embed(self, network, data, index, training):
        return data[index]

    def _tensors(self, X):
        return self._scaled(X)

    def _train(self, X, estimators, *start):
        self._learn_scale(X, estimators)
        return super()._train(X, estimators, *start)
