"""What all deep clusterers share: seed-batched layers and the one training loop (`methods.supervised` has its own).

Every parameter has a leading axis of S seeds, so that a block of seeds trains in the same launches on a GPU; on a CPU a
block is one seed. No operation mixes seeds: a seed's result does not depend on its block.
"""

import contextlib
import time
from numbers import Real

import numpy as np
import torch
from sklearn.base import clone
from torch.optim.adadelta import adadelta
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from . import progress
from .base import Clusterer, Diverged, InvalidInput
from .checkpoint import begin_phase


def random_streams(random_state, n):
    """`n` independent generators of one seed: initialisation, data order, ..."""
    return [np.random.default_rng(stream) for stream in np.random.SeedSequence(random_state).spawn(n)]


def glorot(d_in, d_out):
    """Bound of Glorot's uniform weights."""
    return np.sqrt(6 / (d_in + d_out))


def fan_in(d_in, _d_out):
    """Bound of uniform weights by the number of inputs alone."""
    return 1 / np.sqrt(d_in)


# Of weights: uniform between a bound and its negative, or normal with a deviation.
BOUNDS = {"tensorflow": glorot, "keras": glorot, "glorot_uniform": glorot, "torch": fan_in, "fan_in_uniform": fan_in}
BOUNDS |= {"he_uniform": lambda d_in, _: np.sqrt(6 / d_in)}
DEVIATIONS = {"normal": lambda _: 0.01, "fan_in_normal": lambda d_in: 1 / np.sqrt(d_in)}


def init_linear(name, d_in, d_out, rngs, initialisation):
    """Weights (S, d_out, d_in) and biases (S, d_out) of a fully connected layer, each seed from its own generator.

    Parameters
    ----------
    initialisation : str
        A word of `BOUNDS` or `DEVIATIONS`. Biases are 0, but for "torch" uniform as the weights are.
    """
    if initialisation in DEVIATIONS:
        deviation = DEVIATIONS[initialisation](d_in)
        drawn = stack([rng.normal(0, deviation, (d_out, d_in)) for rng in rngs])
        return {f"{name}.weight": drawn, f"{name}.bias": torch.zeros(len(rngs), d_out)}
    bound = BOUNDS[initialisation](d_in, d_out)
    bias_bound = bound if initialisation == "torch" else 0
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

    Training updates the running averages, which prediction uses.
    """
    seeds, n, features = x.shape
    kinds = ("running_mean", "running_var", "weight", "bias")
    flat = [network[f"{name}.{kind}"].reshape(-1) for kind in kinds]
    normed = torch.nn.functional.batch_norm(x.transpose(0, 1).reshape(n, -1), *flat, training=training)
    return normed.view(n, seeds, features).transpose(0, 1)


def trainable(network):
    """Names of the tensors that the optimiser may change."""
    return [name for name in network if ".running_" not in name]


class Joint:
    """The tensors `names` of a network as parts of one tensor, `parameters` (S, P).

    An optimiser's step and a norm then cost a few operations and not a few for each of two dozen tensors, and no update
    makes a tensor anew. `leaves` are the parts as autograd's leaves, `values` the same without gradients; `sizes` are
    their numbers of values.
    """

    def __init__(self, network, names):
        sizes = [network[name][0].numel() for name in names]
        self.parameters = torch.cat([network[name].detach().flatten(1) for name in names], dim=1)
        self.sizes, parts = sizes, zip(names, self.parameters.split(sizes, dim=1), strict=True)
        self.values = {name: part.view(network[name].shape) for name, part in parts}
        self.leaves = {name: value.detach().requires_grad_() for name, value in self.values.items()}
        self._gradient = torch.empty_like(self.parameters)

    def gradient(self, loss):
        """Gradient of a number that was computed with the `leaves`: (S, P), in the place of the last one."""
        parts = torch.autograd.grad(loss, list(self.leaves.values()), materialize_grads=True)
        return torch.cat([part.flatten(1) for part in parts], dim=1, out=self._gradient)


class Adam:
    """Adam on one tensor, by torch's functional form: `torch.optim.Adam` loads torch's compiler, a second of every job.

    Attributes
    ----------
    state : dict of str to Tensor
        All that the next step needs beside the tensor and its gradient.
    """

    def __init__(self, parameters, learning_rate):
        self.parameters, self.learning_rate = parameters, learning_rate
        first, second = torch.zeros_like(parameters), torch.zeros_like(parameters)
        self.state = {"step": first.new_zeros(()), "exp_avg": first, "exp_avg_sq": second}

    @torch.no_grad()
    def step(self):
        step, first, second = ([self.state[name]] for name in ("step", "exp_avg", "exp_avg_sq"))
        settings = {"lr": self.learning_rate, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}
        settings |= {"amsgrad": False, "maximize": False, "fused": True}
        adam([self.parameters], [self.parameters.grad], first, second, [], step, **settings)


class SGD:
    """Stochastic gradient descent with a momentum of 0.9 on one tensor; `state` as in `Adam`."""

    nesterov = False

    def __init__(self, parameters, learning_rate):
        self.parameters, self.learning_rate = parameters, learning_rate
        self.state = {"momentum": torch.zeros_like(parameters)}

    @torch.no_grad()
    def step(self):
        settings = {"lr": self.learning_rate, "momentum": 0.9, "dampening": 0.0, "weight_decay": 0.0}
        settings |= {"nesterov": self.nesterov, "maximize": False, "fused": True}
        sgd([self.parameters], [self.parameters.grad], [self.state["momentum"]], **settings)


class Nesterov(SGD):
    """The same with the gradient of where the momentum leads (Nesterov 1983), as Sutskever et al. (2013) put it."""

    nesterov = True


class Adadelta:
    """Adadelta on one tensor, by torch's functional form with Keras's constants; `state` as in `Adam`."""

    def __init__(self, parameters, learning_rate):
        self.parameters, self.learning_rate = parameters, learning_rate
        first, second = torch.zeros_like(parameters), torch.zeros_like(parameters)
        self.state = {"step": first.new_zeros(()), "square_avg": first, "acc_delta": second}

    @torch.no_grad()
    def step(self):
        step, first, second = ([self.state[name]] for name in ("step", "square_avg", "acc_delta"))
        settings = {"lr": self.learning_rate, "rho": 0.95, "eps": 1e-7, "weight_decay": 0.0, "maximize": False}
        adadelta([self.parameters], [self.parameters.grad], first, second, step, foreach=False, **settings)


OPTIMIZERS = {"adam": Adam, "adadelta": Adadelta, "sgd": SGD, "nesterov": Nesterov}
PRECISIONS = ("float32", "bfloat16")


def autocast(device, precision):
    """Context in which products are of a `precision` on a `device`."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(torch.device(device).type, getattr(torch, precision))


@contextlib.contextmanager
def flushed_denormals():
    """Numbers of less than 1.2e-38 are 0 meanwhile, in this thread.

    To that the averages of a dead unit's gradient decay, and arithmetic with them is ten times as slow: with 40 % of
    Adam's first moments there, an update of N2D's autoencoder took twice its time.
    """
    before = bool(np.float32(2.0**-140) * np.float32(1) == 0)  # not by a tensor: nothing waits for a GPU
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def clip_gradient(parameters, norm, sizes=None):
    """Scale each seed's gradient, a row of `parameters`, to a norm of at most `norm`, or its parts of `sizes` each."""
    for part in [parameters.grad] if sizes is None else parameters.grad.split(sizes, dim=1):
        part.mul_((norm / part.norm(dim=1, keepdim=True)).clamp_max(1))


def keep_better(network, curve):
    """Copy the network of every seed whose last epoch has the lowest loss so far over its ``best.`` copy."""
    losses = np.stack(curve).sum(axis=1)
    before = np.fmin.reduce(losses[:-1], axis=0, initial=np.inf)
    for name in [name for name in network if name.startswith("best.")]:
        now = network[name.removeprefix("best.")]
        better = torch.from_numpy(losses[-1] < before).to(now.device).view(-1, *[1] * (now.ndim - 1))
        network[name] = torch.where(better, now, network[name])


def take_best(network, finished):
    """Put the ``best.`` copies, if any, in the place of the last; of a `finished` phase they are there already."""
    for name in [name for name in network if name.startswith("best.")]:
        best = network.pop(name)
        if not finished:
            network[name.removeprefix("best.")] = best


def minimise(
    loss_terms,
    network,
    names,
    n,
    *,
    batch,
    epochs,
    rngs,
    learning_rate,
    optimizer="adam",
    decay_interval=None,
    precision="float32",
    clip_norm=None,
    clip_each=False,
    best_epoch=False,
    draw_order=None,
    after_update=None,
    after_epoch=None,
    generators=(),
):
    """Train on mini-batches: the one loop of all that learn without labels, so that they differ in nothing else.

    Parameters
    ----------
    loss_terms : callable
        Takes ``index``, int64 (S, B), and gives a dict of term to Tensor (S,); their sum is the loss of each seed.
    network : dict of str to Tensor (S, ...)
        Its tensors `names` are trained and replaced.
    n : int
        Sequences in the training data. What doesn't fill a batch is left out until the next epoch.
    rngs : list of S numpy.random.Generator
    optimizer : {"adam", "adadelta", "sgd", "nesterov"}
        The last two with a momentum of 0.9, the last with Nesterov's.
    decay_interval : int, optional
        Updates after which the learning rate falls tenfold, and again and again.
    precision : {"float32", "bfloat16"}
        Of the products in `loss_terms`, by torch's autocast; weights, their steps and all else are float32.
    clip_norm : float, optional
        Largest norm of a seed's gradient.
    clip_each : bool
        Whether that is the largest norm of each tensor's gradient instead.
    best_epoch : bool
        Whether the network that is left is, for each seed, that of the epoch with the lowest loss, and not the last.
    draw_order : callable, optional
        Takes a seed's generator and gives the order of an epoch; a permutation of all when left out.
    after_update, after_epoch : callable, optional
        Called with the number of updates or epochs done; training stops when it returns True. What it keeps for the
        next one lies in the network, so that a resumed training, which calls the second with the last number again,
        finds it there.
    generators : sequence of torch.Generator, optional
        Those that `loss_terms` draws from, for a checkpoint (`methods.checkpoint`).

    Returns
    -------
    curve : dict of str to ndarray of shape (epochs, S)
        Mean over the batches of an epoch of every term, and of the whole as ``loss``.
    updates : int

    Raises
    ------
    InvalidInput
        When there are fewer sequences than a batch, or nothing to do.
    """
    if min(batch, epochs) < 1:
        raise InvalidInput(f"batch={batch}, epochs={epochs}: expected at least 1 of each")
    if batch > n:
        raise InvalidInput(f"batch={batch}: more than the {n} sequences to train on; set batch to at most {n}")
    if best_epoch:  # in the network: a checkpoint has it
        network |= {f"best.{name}": tensor.clone() for name, tensor in network.items()}
    phase = begin_phase(network, rngs, generators)
    joint = Joint(network, names)
    optimizer = OPTIMIZERS[optimizer](joint.parameters, learning_rate)
    optimizer.state |= phase.optimizer_state
    draw_order = draw_order or (lambda rng: rng.permutation(n))
    after_update = progress.until(after_update, epochs * (n // batch))
    clip = None if clip_norm is None else (clip_norm, joint.sizes if clip_each else None)

    def terms_at(index):
        if decay_interval is not None:  # by the updates done, so that a resumed training goes on with the same
            optimizer.learning_rate = learning_rate * 0.1 ** (phase.updates // decay_interval)
        with autocast(joint.parameters.device, precision):
            return loss_terms(index)

    network |= joint.values
    if phase.curve and not phase.finished and after_epoch is not None:
        after_epoch(len(phase.curve))
    first, start = len(phase.curve), time.monotonic()
    for epoch in range(first, 0 if phase.finished else epochs):
        order = torch.from_numpy(np.stack([draw_order(rng) for rng in rngs])).to(joint.parameters.device)
        batches = order[:, : n // batch * batch].split(batch, dim=1)
        stopped = _one_epoch(terms_at, network, joint, optimizer, batches, phase, clip, after_update)
        if best_epoch:
            keep_better(network, phase.curve)
        progress.epoch(epoch + 1, epochs, (time.monotonic() - start) / (epoch + 1 - first))
        if stopped or not np.isfinite(phase.curve[-1]).all(axis=0).any():
            break  # told to, or no seed of the block is left to train
        if after_epoch is not None and after_epoch(epoch + 1):
            break
        phase.save(optimizer.state)
    take_best(network, phase.finished)
    phase.finish()
    values = np.stack(phase.curve, axis=1)
    return dict(zip(phase.terms, values, strict=True)) | {"loss": values.sum(axis=0)}, phase.updates


def _one_epoch(loss_terms, network, joint, optimizer, batches, phase, clip, after_update):
    """Update once for each batch and note the epoch's mean terms in `phase`; returns whether training shall stop."""
    sums, before, stopped = 0, phase.updates, False
    for index in batches:
        phase.terms, values = _update(loss_terms, network, joint, optimizer, index, clip)
        phase.updates += 1
        sums = sums + values
        if after_update is not None:
            network |= joint.values
            if stopped := after_update(phase.updates):
                break
    phase.curve.append((sums / (phase.updates - before)).cpu().numpy())
    network |= joint.values
    return stopped


@flushed_denormals()
def _update(loss_terms, network, joint, optimizer, index, clip):
    """Update once; the names of the loss's terms and their values, shape (terms, S)."""
    network |= joint.leaves
    terms = loss_terms(index)
    values = torch.stack(list(terms.values()))
    joint.parameters.grad = joint.gradient(values.sum())
    if clip is not None:
        clip_gradient(joint.parameters, *clip)
    optimizer.step()
    return list(terms), values.detach()


def batch_by_size(n):
    """Sequences in a batch for `n` to train on, of data that nobody has seen: all of them at most."""
    return min(n, 25 if n < 200 else 50 if n < 1000 else 100)


def epochs_of(updates, n, batch):
    """Whole epochs that make up at least so many updates."""
    return -(-updates // max(1, n // max(1, batch)))


def memory_by_length(lengths):
    """Initial bias of update gates that keeps a sixth of the median length, two elements at least: 1 + exp(bias)."""
    return float(np.log(max(np.median(lengths) / 6, 2) - 1))


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

    Attributes
    ----------
    batch_, epochs_ : int
        What `batch` and `epochs` came to on the training data.
    update_bias_ : float
        The same of `update_bias`, where there is one.
    """

    backend = "torch"
    by_data = {"batch": (Real, "by_size"), "epochs": (Real, "by_size")}

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

    def budget(self, n):
        """What `batch` and `epochs` come to on `n` sequences."""
        batch = batch_by_size(n) if self.batch == "by_size" else self.batch
        return batch, epochs_of(self.updates, n, batch) if self.epochs == "by_size" else self.epochs

    def _resolve(self, X, estimators):
        """Let all know what the settings that depend on the training data come to."""
        found = dict(zip(("batch_", "epochs_"), self.budget(len(X)), strict=True))
        if hasattr(self, "update_bias"):
            by_length = self.update_bias == "by_length"
            found["update_bias_"] = memory_by_length(X.lengths) if by_length else self.update_bias
        for estimator in estimators:
            vars(estimator).update(found)

    def _keep(self, network, curve, updates, seed):
        """Take over what the training of a block gave for its seed number `seed`: None, or why that is unusable."""
        self.loss_curve_ = {term: values[:, seed].astype(float).tolist() for term, values in curve.items()}
        self.loss_ = self.loss_curve_["loss"][-1]
        self.n_updates_, self.n_epochs_ = updates, len(curve["loss"])
        self.n_parameters_ = sum(network[name][0].numel() for name in trainable(network))
        self.network_ = {name: tensor[seed : seed + 1].clone() for name, tensor in network.items()}
        return divergence_of(curve["loss"][:, seed])
