"""The contract that every clustering method keeps: scikit-learn's conventions, and what a run may end with."""

import importlib

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils.validation import validate_data

from datasets.sequences import Sequences


class InvalidInput(ValueError):
    """What the user gave can't be clustered; the message is one line that says why."""


class Diverged(ArithmeticError):
    """The loss stopped being finite; the message names the epoch and the last finite loss."""


class Clusterer(ClusterMixin, BaseEstimator):
    """Base of all methods.

    A method is one file ``methods/<name>.py`` with one class of that name. ``__init__`` only stores its settings,
    two of which are ``n_clusters`` and ``random_state``; ``fit(X)`` sets the attributes below; ``predict(X)`` gives
    the clusters of other sequences.

    Attributes
    ----------
    accepts : {"vectors", "sequences"}
        What ``X`` is: an array of shape (n, D), or `Sequences` (a list of arrays will do).
    backend : str
        What does the arithmetic, for the record.
    deterministic : bool
        Whether nothing is random, so that one run stands for all seeds.
    labels_ : ndarray of shape (n,), int64
        Cluster of every sequence of ``fit``, 0 to ``n_clusters - 1``.
    loss_ : float or None
        What the paper's protocol selects a run by, lower is better; None for a method without one.
    loss_curve_ : dict of str to list of float
        One value an epoch for every term; empty for a method without epochs.
    n_updates_, n_epochs_, n_parameters_ : int or None
        The training budget spent.
    """

    accepts = "vectors"
    backend = "scikit-learn"
    deterministic = False
    loss_ = None
    loss_curve_ = {}
    n_updates_ = None
    n_epochs_ = None
    n_parameters_ = None

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
            except (Diverged, MemoryError) as failure:
                outcomes.append(failure)
        return outcomes

    def score_loss(self, X):
        """Loss on sequences that were not trained on; None for a method without one."""
        return

    def _check(self, X, reset):
        """Return `X` as what the method accepts, or raise `InvalidInput` saying what is wrong with it."""
        if self.accepts == "vectors":
            try:
                X = validate_data(self, X, reset=reset, dtype=np.float32)
            except ValueError as error:
                raise InvalidInput(str(error)) from error
        else:
            X = X if isinstance(X, Sequences) else Sequences.from_list(X)
            if reset:
                self.n_features_in_ = X.dimensions
            elif X.dimensions != self.n_features_in_:
                raise InvalidInput(f"X: {X.dimensions} dimensions, but fit saw {self.n_features_in_}")
        if reset and not 1 <= self.n_clusters <= len(X):
            raise InvalidInput(f"n_clusters={self.n_clusters}: expected 1 to the number of sequences, {len(X)}")
        return X


class TransductiveClusterer(Clusterer):
    """Base of methods that can't predict: a new vector takes the cluster of its nearest vector in the training data.

    The paper doesn't say how it scored the test split with such methods. The nearest neighbour is the one rule that
    fits both a linkage and an affinity, whose clusters need not be round.
    """

    def predict(self, X):
        """Cluster of the nearest training vector, shape (n,)."""
        X = self._check(X, reset=False)
        return self.labels_[pairwise_distances_argmin(X, self._training_vectors)]


def load_method(name):
    """Class of the method in ``methods/<name>.py``: the one with the file's name, underscores and case aside."""
    module = importlib.import_module(f"methods.{name}")
    return next(value for key, value in vars(module).items() if key.lower() == name.replace("_", ""))
