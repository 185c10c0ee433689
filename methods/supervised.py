"""What the supervised methods share: the contract, mini-batches without padding, and a training loop of their own.

A supervised method learns from clustering problems whose clusters are known (`datasets.problems.Problems`) and then
clusters other problems. It stands apart from `methods.base.Clusterer`, which never sees a label. The loop isn't that
of `methods.deep`: batches here differ in number and size, validation is watched, and networks are torch's own modules.
"""

import contextlib
import math
import time

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.base import BaseEstimator
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils.validation import check_is_fitted

from . import progress
from .base import Diverged, InvalidInput, check_settings
from .checkpoint import begin_phase
from .deep import flushed_denormals, random_streams

AT_ONCE = 100  # problems where nothing is learned


class SupervisedClusterer(BaseEstimator):
    """Base of the supervised methods.

    A method is one file ``methods/<name>.py`` with one class of that name; ``__init__`` only stores its settings, among
    them ``batch``, ``epochs``, ``device`` and ``random_state``. It adds ``_build(X)``, the network; ``_optimizer``; and
    two functions of a mini-batch of problems of one size: ``_terms``, a dict whose ``loss`` is minimised and whose
    other values are watched, and ``_clusters``. One that finds the number of clusters may add ``predict_each(X)``: the
    clusters for each number from 1 to `n_clusters_`, shape (n_clusters_, M), in which scoring looks up the right one.

    Attributes
    ----------
    supervised : bool
        True: the class attribute that keeps these methods out of the unsupervised tables.
    ordered : bool
        Whether a cluster's number means something, and not just which objects are together.
    least : dict of str to number
        As in `methods.base.Clusterer`.
    epoch_batches : int or None
        Batches of an epoch, drawn from all; None: all of them.
    annealed : bool
        Whether steps shrink from epoch to epoch, from `learning_rate` to nearly 0 along half a cosine.
    best_epoch : bool
        Whether the network kept is that of the epoch that is best on the validation problems, not of the last.
    keep : {"loss", "mr"}
        What the best epoch has the lowest of; ``mr``, the misclassification rate, is among the terms then.
    n_clusters_ : int
        Most clusters of a training problem, and so the most that are ever found.
    loss_, validation_loss_ : float
        Of the epoch whose network is kept; the latter None without validation problems.
    loss_curve_ : dict of str to list of float
        One value an epoch of every term, and of every term on the validation problems as ``validation_<term>``.
    n_updates_, n_epochs_, n_parameters_ : int
        The training budget spent.
    """

    supervised = True
    ordered = False
    epoch_batches = None
    annealed = False
    best_epoch = False
    keep = "loss"
    accepts = "problems"
    backend = "torch"
    deterministic = False
    least = {"batch": 1, "epochs": 1}

    def fit(self, X, validation=None):
        """Learn from problems; those of `validation` are watched only, and say which epoch is the best.

        Raises
        ------
        InvalidInput
            When the problems can't be used, in one line.
        Diverged
            When the loss stops being finite.
        """
        check_settings(self)
        for name, problems in (("X", X), ("validation", validation)):
            if problems is not None and (problems.clusters < 0).any():
                raise InvalidInput(f"{name}: a problem whose clusters are withheld; there is nothing to learn from it")
        if not len(X):
            raise InvalidInput("X: no problems to learn from")
        self.n_features_in_ = X.objects.dimensions
        self.n_clusters_ = int(X.clusters.max()) + 1
        self._check(X)
        if validation is not None and len(validation) and validation.clusters.max() >= self.n_clusters_:
            raise InvalidInput(f"validation: {validation.clusters.max() + 1} clusters, training has {self.n_clusters_}")
        init, order = random_streams(self.random_state, 2)
        with seeded(init):
            self._network = self._build(X).to(self.device)
        optimizer = self._optimizer(self._network.parameters())
        self.n_parameters_ = sum(parameter.numel() for parameter in self._network.parameters())
        phase, tensors = begin(self._network, optimizer, order)
        first, start = len(phase.curve), time.monotonic()
        for epoch in range(first, 0 if phase.finished else self.epochs):
            if self.annealed:
                for group in optimizer.param_groups:
                    group["lr"] = self.learning_rate * (1 + math.cos(math.pi * epoch / self.epochs)) / 2
            phase.updates += self._one_epoch(X, optimizer, order, seen := [])
            measured = mean_terms(seen)
            if validation is not None and len(validation):
                measured |= {f"validation_{name}": value for name, value in self._measure(validation).items()}
            if not np.isfinite(list(measured.values())).all():
                last = f"the last finite loss was {phase.curve[-1][0]:.6g}" if epoch else "no epoch had a finite loss"
                raise Diverged(f"loss is not finite in epoch {epoch + 1}; {last}")
            phase.terms = list(measured)
            phase.curve.append(np.array(list(measured.values())))
            if self._kept(phase) == epoch:
                tensors |= best_copies(self._network)
            progress.epoch(epoch + 1, self.epochs, (time.monotonic() - start) / (epoch + 1 - first))
            phase.save(flat_state(optimizer))
        phase.finish()
        self._network.load_state_dict({name: tensors[f"best.{name}"] for name in self._network.state_dict()})
        self.loss_curve_ = dict(zip(phase.terms, np.stack(phase.curve, axis=1).tolist(), strict=True))
        self.n_updates_, self.n_epochs_ = phase.updates, self.epochs
        kept = dict(zip(phase.terms, phase.curve[self._kept(phase)].tolist(), strict=True))
        self.loss_, self.validation_loss_ = kept["loss"], kept.get("validation_loss")
        return self

    def _one_epoch(self, X, optimizer, order, seen):
        """Update once for each batch, whose size and terms go to `seen`; the number of updates."""
        self._network.train()
        for index in equal_batches(X.sizes, self.batch, order)[: self.epoch_batches]:
            optimizer.zero_grad()
            with flushed_denormals():
                terms = self._terms(*self._tensors(X, index))
                terms["loss"].backward()
                optimizer.step()
            seen.append((len(index), terms))
        return len(seen)

    def _kept(self, phase):
        """Number of the epoch so far whose network is kept."""
        if not (self.best_epoch and f"validation_{self.keep}" in phase.terms):
            return len(phase.curve) - 1
        return int(np.argmin([values[phase.terms.index(f"validation_{self.keep}")] for values in phase.curve]))

    def predict(self, X):
        """Cluster of every member, shape (M,); the problems' own clusters are not looked at."""
        return self._found(X, self._clusters)

    def _found(self, X, clusters, *leading):
        """What `clusters` gives of every mini-batch's objects, (B, n) behind the sizes `leading`, for every member."""
        self._check(X)
        self._network.train(False)
        found = np.empty((*leading, len(X.members)), np.int64)
        with torch.no_grad():
            for index in equal_batches(X.sizes, AT_ONCE):
                objects, _ = self._tensors(X, index)
                found[..., places(X, index)] = clusters(objects).cpu().numpy()
        return found

    def _measure(self, X):
        """Terms on other problems."""
        self._network.train(False)
        with torch.no_grad():
            batches = equal_batches(X.sizes, AT_ONCE)
            terms = mean_terms([(len(index), self._terms(*self._tensors(X, index))) for index in batches])
        if self.keep == "mr":
            pairs = zip(X.split_up(X.clusters), X.split_up(self.predict(X)), strict=True)
            terms["mr"] = float(np.mean([misclassification_rate(*pair) for pair in pairs]))
        return terms

    def _check(self, X):
        check_is_fitted(self, "n_features_in_")
        if X.objects.dimensions != self.n_features_in_:
            raise InvalidInput(f"X: {X.objects.dimensions} dimensions, but fit saw {self.n_features_in_}")

    def _tensors(self, X, index):
        """What the network reads of some problems, B of n members each, and their clusters (B, n)."""
        at = places(X, index)
        return self._objects(X, X.members[at]), torch.from_numpy(X.clusters[at]).to(self.device)

    def _objects(self, X, members):
        """Objects that are vectors: (B, n, d)."""
        if (X.objects.lengths[members] != 1).any():
            raise InvalidInput("X: an object of more than one element; this method takes vectors")
        return torch.from_numpy(X.objects.values[X.objects.offsets[members]]).to(self.device)


def begin(network, optimizer, order):
    """The training that starts now, what an earlier attempt saved of it put back (`methods.checkpoint`).

    Parameters
    ----------
    network : torch.nn.Module
        Random numbers of its own are in attributes called ``generator``.
    optimizer : torch.optim.Optimizer
    order : numpy.random.Generator

    Returns
    -------
    phase : Phase
    tensors : dict of str to Tensor
        What its checkpoints hold: those of the network, and copies of them as ``best.<name>``.
    """
    tensors = network.state_dict() | best_copies(network)
    generators = [module.generator for module in network.modules() if hasattr(module, "generator")]
    phase = begin_phase(tensors, [order], generators)
    if phase.curve:
        network.load_state_dict({name: tensors[name] for name in network.state_dict()})
        state = {}
        for name, value in phase.optimizer_state.items():
            number, _, kind = name.partition(".")
            state.setdefault(int(number), {})[kind] = value
        optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
        tensors |= network.state_dict()
    return phase, tensors


def best_copies(network):
    """Copies of a network's tensors as they are now, as ``best.<name>``."""
    return {f"best.{name}": tensor.clone() for name, tensor in network.state_dict().items()}


def flat_state(optimizer):
    """All that an optimiser keeps, as a dict of ``<number of the tensor>.<name>`` to Tensor."""
    state = optimizer.state_dict()["state"]
    return {f"{number}.{name}": value for number, kept in state.items() for name, value in kept.items()}


def places(X, index):
    """Where the members of some problems of one size lie among all members, shape (B, n)."""
    return X.offsets[index][:, None] + np.arange(X.sizes[index[0]])


def misclassification_rate(clusters, found):
    """Share of a problem's members that no one-to-one map of the found clusters puts right."""
    both = contingency_matrix(clusters, found)
    return 1 - both[linear_sum_assignment(both, maximize=True)].sum() / len(clusters)


def equal_batches(sizes, batch, rng=None):
    """Mini-batches of problems of one size each, so that nothing is padded.

    Parameters
    ----------
    sizes : ndarray of shape (p,)
    batch : int
        Problems in a batch; the last one of a size may have fewer.
    rng : numpy.random.Generator, optional
        Draws the order of the problems and of the batches; without it they come as they lie.

    Returns
    -------
    list of ndarray of int
    """
    order = np.arange(len(sizes)) if rng is None else rng.permutation(len(sizes))
    groups = [order[sizes[order] == size] for size in np.unique(sizes)]
    batches = [group[start : start + batch] for group in groups for start in range(0, len(group), batch)]
    return batches if rng is None else [batches[i] for i in rng.permutation(len(batches))]


def mean_terms(seen):
    """Mean of every term over problems, from (number of problems, terms) of each batch."""
    n = sum(size for size, _ in seen)
    return {name: float(sum(size * terms[name].detach() for size, terms in seen)) / n for name in seen[0][1]}


@contextlib.contextmanager
def seeded(rng):
    """Layers made in the block, on the CPU, are initialised from `rng`; torch's global state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed, which seeds every GPU as well, and those aren't forked.
        torch.default_generator.manual_seed(int(rng.integers(2**63)))
        yield


def lstm(d, units, bidirectional=False):
    """An LSTM layer that reads (B, n, d), initialised as Keras does: forget gates start open."""
    layer = torch.nn.LSTM(d, units, batch_first=True, bidirectional=bidirectional)
    for name, parameter in layer.named_parameters():
        if name.startswith("weight_ih"):
            torch.nn.init.xavier_uniform_(parameter)
        elif name.startswith("weight_hh"):
            torch.nn.init.orthogonal_(parameter)
        else:
            torch.nn.init.zeros_(parameter)
            if name.startswith("bias_ih"):
                torch.nn.init.ones_(parameter.data[units : 2 * units])
    return layer


def dense(d, units):
    """A fully connected layer, initialised as Keras does."""
    layer = torch.nn.Linear(d, units)
    torch.nn.init.xavier_uniform_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    return layer
