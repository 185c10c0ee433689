"""The base of every clustering method: scikit-learn's conventions, and what a run may end with.

What a method promises beyond its attributes is listed in `methods.contract`.
"""

import functools
import importlib
import inspect
import json
from numbers import Real
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from datasets.arrays import as_sequences
from datasets.kinds import fits, written
from datasets.storage import read_arrays, write_arrays
from datasets.text import one_line

FORMAT = 1  # of what `Clusterer.save` writes


class InvalidInput(ValueError):
    """What the user gave can't be clustered; the message is one line that says why."""

    def __init__(self, message):
        super().__init__(one_line(message))


class Diverged(ArithmeticError):
    """A run came to nothing: its loss stopped being finite, say; the message says why, and in which epoch if in one."""


def store(given):
    """Keep the arguments of an estimator's ``__init__``, which gives its ``locals()``, under their own names.

    That is all that scikit-learn lets ``__init__`` do.
    """
    vars(given["self"]).update((name, value) for name, value in given.items() if name not in ("self", "__class__"))


def limited(function):
    """A method of a `Clusterer` that runs with at most its `threads`, whatever the libraries' defaults are."""

    @functools.wraps(function)
    def call(self, *given, **named):
        if self.threads is None:
            return function(self, *given, **named)
        with threadpool_limits(self.threads):
            return function(self, *given, **named)

    return call


@functools.cache
def kinds(cls):
    """Type of every setting of a method, as the docstring of its class words it; without one, its default's."""
    told = written(inspect.getdoc(cls), lambda name: kinds(load_method(name)))
    found = {}
    for name, parameter in inspect.signature(cls).parameters.items():
        default = type(parameter.default)
        found[name] = told.get(name) or (default.__name__ if default in (int, float, bool, str) else "anything")
    return found


def check_settings(estimator):
    """Raise `InvalidInput` for a setting that isn't of its type, and for a number below its ``least``.

    NumPy's numbers and arrays become Python's own of the same value, as torch takes no others.
    """
    for name, kind in kinds(type(estimator)).items():
        value = getattr(estimator, name)
        if not fits(value, kind):
            raise InvalidInput(f"{name}={value!r}: expected {kind}")
        if isinstance(value, (np.generic, np.ndarray)):
            setattr(estimator, name, value := value.tolist())
        least = estimator.least.get(name, 0)
        if isinstance(value, Real) and not value >= least:  # nor NaN
            raise InvalidInput(f"{name}={value!r}: expected {least} or more")


class Clusterer(ClusterMixin, BaseEstimator):
    """Base of all methods.

    A method is one file ``methods/<name>.py`` with one class of that name. ``__init__`` only stores its settings,
    two of which are ``n_clusters`` and ``random_state``; ``fit(X)`` sets the attributes below; ``predict(X)`` gives
    the clusters of other sequences. `methods.contract.PROMISES` is all that is asked of it, and checked.

    Attributes
    ----------
    accepts : {"vectors", "sequences"}
        What ``X`` is: an array of shape (n, D), or `Sequences` (a list of arrays will do).
    backend : str
        What does the arithmetic, for the record.
    deterministic : bool
        Whether nothing is random, so that one run stands for all seeds.
    supervised : bool
        False; what learns from labels is no `Clusterer` but a `methods.supervised.SupervisedClusterer`.
    by_loss : bool
        Whether the paper scores the run with the lowest loss, as it does for its own methods, and not the mean of all.
    threads : int or None
        Threads that ``fit`` and ``predict`` take; None for those of the libraries. A method of small steps says 1:
        it gains nothing from more, and loses much where others want the cores.
    choices : dict of str to sequence of str
        The words that a setting may be, all of which its type has too. `Real` among them is any number.
    least : dict of str to number
        The smallest value of a setting that is a number, where that isn't 0; `fit` refuses smaller ones.
    few : dict of str to number
        Settings that cut a fit short, for an estimate of its time, which grows with each of them.
    small : dict
        Settings with which it trains on 60 short sequences in moments, for `methods.contract`.
    exempt : dict of str to str
        Promises, and checks of scikit-learn's, that the method can't keep, by name, each with the reason.
    labels_ : ndarray of shape (n,), int64
        Cluster of every sequence of ``fit``, 0 to ``n_clusters - 1``.
    loss_ : float or None
        What the paper's protocol selects a run by, lower is better; None for a method without one.
    loss_curve_ : dict of str to list of float
        One value an epoch for every term; empty for a method without epochs.
    n_updates_, n_epochs_, n_parameters_ : int or None
        The training budget spent; where one run has several starts (``n_init``), that of the start that it keeps.
    n_sequences_ : int or None
        Sequences that were trained on, by a method that takes only some of them.
    embeddings_ : dict of str to ndarray of shape (n, m)
        Coordinates of the training data that the clusters were found in, kept for figures; mostly empty.
    confidence_ : dict of str to ndarray of shape (n,), or None
        `confidence` of the training data, by a method that would take as long as its fit to tell it again.
    """

    accepts = "vectors"
    backend = "scikit-learn"
    deterministic = False
    supervised = False
    by_loss = False
    threads = None
    choices = {}
    least = {"n_clusters": 1}
    few = {}
    small = {}
    exempt = {}
    loss_ = None
    loss_curve_ = {}
    n_updates_ = None
    n_epochs_ = None
    n_parameters_ = None
    n_sequences_ = None
    embeddings_ = {}
    confidence_ = None

    def __init_subclass__(cls, **given):
        super().__init_subclass__(**given)
        for name in {"fit", "predict"} & vars(cls).keys():
            setattr(cls, name, limited(vars(cls)[name]))

    @property
    def fewest_clusters(self):
        """Clusters below which a run has collapsed; a method that finds their number by itself says less."""
        return self.n_clusters

    def fit_seeds(self, X, random_states):
        """Fit once for each random state, as if alone.

        Returns
        -------
        list
            A fitted estimator, or the exception that ended its training, for each random state.
        """
        outcomes = []
        for random_state in random_states:
            estimator = clone(self).set_params(random_state=random_state)
            try:
                outcomes.append(estimator.fit(X))
            except InvalidInput:
                raise
            except (ArithmeticError, MemoryError, ValueError, RuntimeError) as failure:
                outcomes.append(failure)  # of this run, whatever becomes of the others
        return outcomes

    def score_loss(self, X):
        """Loss on sequences that were not trained on; None for a method without one."""
        return

    def confidence(self, X):
        """How sure each cluster of `predict` is, where the method says so.

        Returns
        -------
        dict of str to ndarray of shape (n,)
            ``membership``, the share of a sequence that is its cluster's, from ``predict_proba(X)`` of shape (n, k); or
            ``distance`` to its cluster's centre, as the method measures it, from ``distances(X)`` of shape (n, k).
            Empty for a method that has neither function.
        """
        if hasattr(self, "predict_proba"):
            return {"membership": self.predict_proba(X).max(axis=1)}
        return {"distance": self.distances(X).min(axis=1)} if hasattr(self, "distances") else {}

    def save(self, path):
        """Write the fitted estimator as ``.npz``: arrays, and the settings and everything else as JSON; no pickle.

        Parameters
        ----------
        path : str or Path
        """
        check_is_fitted(self, "labels_")
        arrays = {}
        content = json.dumps({"format": FORMAT} | pack(self, "", arrays), sort_keys=True, allow_nan=False)
        write_arrays(path, **arrays, content=np.array(content))

    @classmethod
    def load(cls, path):
        """Read what `save` wrote; whatever it was trained on, it predicts on the CPU.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Clusterer
            Of this class; ``Clusterer.load`` reads any method.

        Raises
        ------
        InvalidInput
            When the file is broken, was not written by `save`, or holds another method or other settings.
        FileNotFoundError
            When there is none.
        """
        try:
            arrays = read_arrays(path)
            content = json.loads(str(arrays.pop("content")))
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']}, expected {FORMAT}")
            estimator = unpack(content, arrays)
            if not isinstance(estimator, cls):
                raise ValueError(f"it holds {type(estimator).__name__}, expected {cls.__name__}")
        except FileNotFoundError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            told = f"no {error}" if isinstance(error, KeyError) else str(error).removeprefix(f"{path}: ")
            raise InvalidInput(f"{path}: not a saved method that can be used here: {told}") from error
        return estimator

    def _check(self, X, reset):
        """Return `X` as what the method accepts, or raise `InvalidInput` saying what is wrong with it."""
        if reset:
            check_settings(self)
        else:
            check_is_fitted(self)
        if np.ma.is_masked(X):
            raise InvalidInput("X: there are masked values in it; fill them, or leave the elements out")
        given = X
        try:
            X = validate_data(self, X, reset=reset, dtype=np.float32) if self.accepts == "vectors" else as_sequences(X)
        except ValueError as error:
            raise InvalidInput(self._refusal(given, str(error).splitlines()[0])) from error
        if self.accepts == "vectors":
            check_squares(X)
            if reset:
                check_vanishing(X)
        elif reset:
            self.n_features_in_ = X.dimensions
        elif X.dimensions != self.n_features_in_:
            remedy = ""
            if set(X.lengths.tolist()) == {self.n_features_in_}:
                turned = "an array is (length, dimensions): transpose them"
                remedy = f"; {'one sequence alone is put in a list: [X]' if X.dimensions == 1 else turned}"
            raise InvalidInput(f"X: {X.dimensions} dimensions, but fit saw {self.n_features_in_}{remedy}")
        if reset and self.n_clusters > len(X):
            raise InvalidInput(f"n_clusters={self.n_clusters}: expected 1 to the number of sequences, {len(X)}")
        return X

    def _refusal(self, X, said):
        """Why `X` is refused: what was `said`, and what to do about sequences where vectors are needed."""
        if self.accepts == "vectors" and "got 1D array" in said:
            return f"{said.rstrip(':')}; one vector alone is put in a list: [X]"
        if self.accepts == "vectors" and ("inhomogeneous" in said or "with dim 3" in said):
            made = "methods.vectorize.vectorize(Sequences.from_list(X), 'avg')"
            return f"X: {type(self).__name__} reads vectors of one length, shape (n, D); {made} makes some of sequences"
        return said


class TransductiveClusterer(Clusterer):
    """Base of methods that can't predict: a new vector takes the cluster of its nearest vector in the training data.

    The paper doesn't say how it scored the test split with such methods. The nearest neighbour is the one rule that
    fits both a linkage and an affinity, whose clusters need not be round. A row whose config says `trained_on: test`
    clusters that split by itself and needs none.
    """

    def predict(self, X):
        """Cluster of the nearest training vector, shape (n,)."""
        X = self._check(X, reset=False)
        return self.labels_[pairwise_distances_argmin(X, self._training_vectors)]


def alike(labels, X):
    """Cluster of every vector, that of the first one that is equal to it, as the nearest is: int64, shape (n,)."""
    _, first, inverse = np.unique(X, axis=0, return_index=True, return_inverse=True)
    return labels[first][inverse.ravel()].astype(np.int64)


def check_squares(X):
    """Raise `Diverged` for vectors whose squares don't add up to a number of their type, as distances need."""
    largest = float(np.abs(X).max())
    if largest**2 * X.size > float(np.finfo(X.dtype).max):
        raise Diverged(f"X: values up to {largest:.3g} are too large to square in {X.dtype}; scale them")


def check_vanishing(X):
    """Raise `Diverged` for vectors, not all of them 0, whose squares are: all distances between them would be."""
    largest = float(np.abs(X).max())
    if 0 < largest**2 < float(np.finfo(X.dtype).tiny):
        raise Diverged(f"X: values up to {largest:.3g} are too small to square in {X.dtype}; scale them")


def pack(value, place, arrays):
    """A fitted attribute as JSON-able content; its arrays go into `arrays`, under names that begin with `place`."""
    if isinstance(value, Clusterer):
        settings = value.get_params()
        fitted = {name: part for name, part in vars(value).items() if name not in settings}
        if "device" in settings:
            settings["device"] = "cpu"
        name = type(value).__module__.rpartition(".")[2]
        parts = {part: pack(fitted[part], f"{place}{part}", arrays) for part in sorted(fitted)}
        return {"method": name, "settings": pack(settings, place, arrays), "fitted": parts}
    if isinstance(value, dict):
        return {"dict": {key: pack(part, f"{place}.{key}", arrays) for key, part in value.items()}}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [pack(part, f"{place}.{i}", arrays) for i, part in enumerate(value)]}
    if hasattr(value, "detach"):
        arrays[place] = value.detach().cpu().numpy()
        return {"tensor": place}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        arrays[place] = value
        return {"array": place}
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{place}: {type(value).__name__} can't be saved; keep what predict needs as arrays and numbers")


def unpack(content, arrays):
    """What `pack` packed; ValueError, KeyError or TypeError for what it can't have packed."""
    if not isinstance(content, dict):
        if isinstance(content, list):
            raise ValueError("a list without its kind")
        return content
    if "method" in content:
        return unpack_method(content, arrays)
    ((kind, value),) = content.items()
    if kind == "dict":
        return {key: unpack(part, arrays) for key, part in value.items()}
    if kind in ("list", "tuple"):
        return {"list": list, "tuple": tuple}[kind]([unpack(part, arrays) for part in value])
    if kind == "tensor":
        import torch  # here, so that a method without torch loads without it

        return torch.from_numpy(arrays[value])
    if kind == "array":
        return arrays[value]
    raise ValueError(f"unknown kind {kind!r}")


def unpack_method(content, arrays):
    """A fitted estimator; nothing but a method of this folder is made, and no attribute of its class is replaced."""
    name = content["method"]
    try:
        known = (Path(__file__).parent / f"{name}.py").is_file() and str(name).isidentifier()
        cls = load_method(name) if known else None
    except StopIteration:
        cls = None
    if cls is None:
        raise ValueError(f"there is no method {name!r}")
    estimator = cls(**unpack(content["settings"], arrays))
    for attribute, value in content["fitted"].items():
        own = attribute.endswith("_") or attribute.startswith("_")
        if not own or attribute.startswith("__") or callable(getattr(cls, attribute, None)):
            raise ValueError(f"{cls.__name__} has no fitted attribute {attribute!r}")
        setattr(estimator, attribute, unpack(value, arrays))
    if {"labels_", "n_features_in_"} - vars(estimator).keys():
        raise ValueError(f"{cls.__name__} lacks labels_ or n_features_in_")
    return estimator


def load_method(name):
    """Class of the method in ``methods/<name>.py``: the one with the file's name, underscores and case aside."""
    module = importlib.import_module(f"methods.{name}")
    return next(value for key, value in vars(module).items() if key.lower() == name.replace("_", ""))
