"""What all deep methods share: seed-batched layers and the one training loop.

Every parameter has a leading axis of S seeds, so that a block of seeds trains in the same launches on a GPU; on a CPU a
block is one seed. No operation mixes seeds: a seed's result does not depend on its block.
"""

import numpy as np
import torch
from sklearn.base import clone

from .base import Clusterer, Diverged, InvalidInput


def random_streams(random_state, n):
    """`n` independent generators of one seed: initialisation, data order, ..."""
    return [np.random.default_rng(stream) for stream in np.random.SeedSequence(random_state).spawn(n)]


def init_linear(name, d_in, d_out, rngs, initialisation):
    """Weights (S, d_out, d_in) and biases (S, d_out) of a fully connected layer, each seed from its own generator.

    Parameters
    ----------
    initialisation : {"tensorflow", "torch"}
        Glorot-uniform weights and zero biases, or uniform in ±1/sqrt(d_in) for both.
    """
    bound = np.sqrt(6 / (d_in + d_out)) if initialisation == "tensorflow" else 1 / np.sqrt(d_in)
    bias_bound = 0 if initialisation == "tensorflow" else bound
    weights = [(rng.uniform(-bound, bound, (d_out, d_in)), rng.uniform(-bias_bound, bias_bound, d_out)) for rng in rngs]
    return {f"{name}.weight": stack([w for w, _ in weights]), f"{name}.bias": stack([b for _, b in weights])}


def stack(arrays):
    """One float32 tensor with a leading seed axis."""
    return torch.from_numpy(np.stack(arrays).astype(np.float32))


def linear(x, network, name):
    """Fully connected layer: (S, B, d_in) to (S, B, d_out)."""
    return torch.baddbmm(network[f"{name}.bias"][:, None, :], x, network[f"{name}.weight"].transpose(1, 2))


def init_batch_norm(name, features, seeds):
    """Scale and shift, which train, and the running averages, which don't."""
    return {
        f"{name}.weight": torch.ones(seeds, features),
        f"{name}.bias": torch.zeros(seeds, features),
        f"{name}.running_mean": torch.zeros(seeds, features),
        f"{name}.running_var": torch.ones(seeds, features),
    }


def batch_norm(x, network, name, training):
    """Batch normalisation over the sequences of a batch, each seed by itself (Ioffe and Szegedy 2015).

    Prediction uses running averages with momentum 0.1, as torch's layer does.
    """
    if training:
        var, mean = torch.var_mean(x, 1, correction=0)
        with torch.no_grad():
            network[f"{name}.running_mean"].lerp_(mean, 0.1)
            network[f"{name}.running_var"].lerp_(var * (x.shape[1] / max(1, x.shape[1] - 1)), 0.1)
    else:
        mean, var = network[f"{name}.running_mean"], network[f"{name}.running_var"]
    scale = network[f"{name}.weight"] * torch.rsqrt(var + 1e-5)
    return torch.addcmul((network[f"{name}.bias"] - mean * scale)[:, None], x, scale[:, None])


def trainable(network):
    """The tensors that the optimiser may change."""
    return [tensor for name, tensor in network.items() if ".running_" not in name]


def clip_gradients(parameters, norm):
    """Scale each seed's gradient to a norm of at most `norm`."""
    squares = sum(parameter.grad.flatten(1).square().sum(1) for parameter in parameters)
    scale = (norm / squares.sqrt().clamp_min(1e-12)).clamp_max(1)
    for parameter in parameters:
        parameter.grad.mul_(scale.view(-1, *[1] * (parameter.dim() - 1)))


def minimise(loss_terms, parameters, n, *, batch, epochs, rngs, learning_rate, clip_norm=None, after_epoch=None):
    """Train with Adam on mini-batches: the only training loop here, so that methods differ in nothing else.

    Parameters
    ----------
    loss_terms : callable
        Takes ``index``, int64 (S, B), and gives a dict of term to Tensor (S,); their sum is the loss of each seed.
    parameters : list of Tensor (S, ...)
    n : int
        Sequences in the training data. Each epoch every seed sees them in an order of its own; what doesn't fill a
        batch is left out until the next epoch.
    rngs : list of S numpy.random.Generator
    after_epoch : callable, optional
        Called with the number of epochs done; training stops when it returns True.

    Returns
    -------
    curve : dict of str to ndarray of shape (epochs, S)
        Mean over the batches of an epoch of every term, and of the whole as ``loss``.
    updates : int

    Raises
    ------
    InvalidInput
        When there are fewer sequences than a batch.
    """
    if batch > n:
        raise InvalidInput(f"batch={batch}: more than the {n} sequences to train on; set batch to at most {n}")
    device = parameters[0].device
    for parameter in parameters:
        parameter.requires_grad_()
    optimizer = torch.optim.Adam(parameters, lr=learning_rate, fused=True)
    curve, updates = [], 0
    for epoch in range(epochs):
        order = torch.from_numpy(np.stack([rng.permutation(n) for rng in rngs])).to(device)
        sums = 0
        for index in order[:, : n // batch * batch].split(batch, dim=1):
            optimizer.zero_grad()
            terms = loss_terms(index)
            sum(terms.values()).sum().backward()
            if clip_norm is not None:
                clip_gradients(parameters, clip_norm)
            optimizer.step()
            updates += 1
            with torch.no_grad():
                sums = sums + torch.stack(list(terms.values()))
        curve.append((sums / (n // batch)).cpu().numpy())
        if not np.isfinite(curve[-1]).all(axis=0).any():
            break  # no seed of the block is left to train
        if after_epoch is not None and after_epoch(epoch + 1):
            break
    for parameter in parameters:
        parameter.requires_grad_(False)
    values = np.stack(curve, axis=1)
    return dict(zip(terms, values, strict=True)) | {"loss": values.sum(axis=0)}, updates


def divergence_of(curve):
    """`Diverged` for a seed whose loss, one value an epoch, is not finite somewhere; else None."""
    bad = np.flatnonzero(~np.isfinite(curve))
    if not len(bad):
        return None
    last = f"the last finite loss was {curve[bad[0] - 1]:.6g}" if bad[0] else "no epoch had a finite loss"
    return Diverged(f"loss is not finite in epoch {bad[0] + 1}; {last}")


class DeepMethod(Clusterer):
    """Base of methods that train a block of seeds together; `_train(X, estimators)` is all that they add.

    `_train` fits the estimators in place and returns, for each, None or the exception that ended its training.
    """

    backend = "torch"

    def fit(self, X, y=None):
        """Cluster `X` with this estimator's `random_state`."""
        (failure,) = self._train(self._check(X, reset=True), [self])
        if failure is not None:
            raise failure
        return self

    def fit_seeds(self, X, random_states):
        """Fit once for each random state, all in one block."""
        estimators = [clone(self).set_params(random_state=random_state) for random_state in random_states]
        X = [estimator._check(X, reset=True) for estimator in estimators][0]
        failures = estimators[0]._train(X, estimators)
        return [failure or estimator for failure, estimator in zip(failures, estimators, strict=True)]
