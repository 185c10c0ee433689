"""RDDC with a run chosen by agreement: an extension of this project, not of the paper.

The paper trains several initialisations and evaluates the one with the lowest loss. On some data sets the loss says
little about which run is right, but right runs agree with each other while wrong ones are wrong each in its own way
(stability selection; Lange, Roth, Braun, Buhmann, Neural Computation 2004). So: train `restarts` runs of RDDC, keep the
share `kept` with the lowest training loss, and take the one whose clusters of the training data agree most with those
of the others, by the mean adjusted Rand index. No label takes part.

reports/replication.md has the ablation: choice by loss alone, by agreement alone, and by both. Agreement helps where
the loss doesn't rank the runs (Speech Commands) and costs where it does (Arabic Digits), so this is no replacement of
the paper's protocol. Budget: that of RDDC times `restarts`.
"""

from itertools import combinations

import numpy as np
from sklearn.metrics import adjusted_rand_score

from .base import Diverged, InvalidInput
from .deep import DeepMethod
from .rddc import RDDC


def agreements(partitions):
    """Adjusted Rand index of every pair of partitions, arrays of int of shape (n,): a matrix of shape (R, R)."""
    table = np.eye(len(partitions))
    for i, j in combinations(range(len(partitions)), 2):
        table[i, j] = table[j, i] = adjusted_rand_score(partitions[i], partitions[j])
    return table


def most_agreed(losses, table, kept):
    """Index of the run that agrees most with the others among the share `kept` with the lowest losses.

    Parameters
    ----------
    losses : ndarray of shape (R,)
    table : ndarray of shape (R, R)
        As `agreements` gives it.
    kept : float
        Above 0 and at most 1; at least one run is kept, and the lower loss decides between equals.
    """
    candidates = np.argsort(losses, kind="stable")[: max(1, round(kept * len(losses)))]
    return int(candidates[table[np.ix_(candidates, candidates)].sum(axis=1).argmax()])


class RDDCPlus(DeepMethod):
    """RDDC with a run chosen by agreement.

    Parameters
    ----------
    n_clusters : int
        At least 2.
    restarts : int
        Runs of RDDC, of which one is kept.
    kept : float
        Share of the runs, those with the lowest training loss, that the choice is among.
    rddc : dict or None
        Settings of `methods.rddc.RDDC`.
    device : str
    random_state : int or None
    """

    accepts = "sequences"

    def __init__(self, n_clusters=8, restarts=10, kept=0.5, rddc=None, device="cpu", random_state=None):
        self.n_clusters = n_clusters
        self.restarts = restarts
        self.kept = kept
        self.rddc = rddc
        self.device = device
        self.random_state = random_state

    @property
    def backend(self):
        """Backend of the recurrent layers."""
        return self._one().backend

    def _one(self):
        """A single RDDC with these settings."""
        try:
            return RDDC(self.n_clusters, device=self.device, **(self.rddc or {}))
        except TypeError as error:
            raise InvalidInput(f"rddc: {error}") from error

    def _train(self, X, estimators):
        if self.restarts < 1 or not 0 < self.kept <= 1:
            raise InvalidInput(f"restarts={self.restarts}, kept={self.kept}: expected at least 1, and above 0 to 1")
        return [estimator._choose(X) for estimator in estimators]

    def _choose(self, X):
        """Train all restarts and keep one; None, or the exception where none of them is usable."""
        states = [int(state) for state in np.random.SeedSequence(self.random_state).generate_state(self.restarts)]
        # On a CPU one after the other is faster: a step's working memory then stays in the cache.
        groups = [[state] for state in states] if self.device == "cpu" else [states]
        outcomes = [outcome for group in groups for outcome in self._one().fit_seeds(X, group)]
        runs = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
        if not runs:
            return Diverged(f"none of {self.restarts} restarts is usable; the first: {outcomes[0]}")
        losses = np.array([run.loss_ for run in runs])
        self.chosen_ = runs[most_agreed(losses, agreements([run.labels_ for run in runs]), self.kept)]
        self.labels_, self.loss_ = self.chosen_.labels_, self.chosen_.loss_
        self.loss_curve_, self.n_parameters_ = self.chosen_.loss_curve_, self.chosen_.n_parameters_
        self.n_updates_ = sum(run.n_updates_ for run in runs)
        self.n_epochs_ = sum(run.n_epochs_ for run in runs)
        return None

    def predict_proba(self, X):
        """Cluster assignments of the chosen run, shape (n, k); rows sum to 1."""
        return self.chosen_.predict_proba(self._check(X, reset=False))

    def predict(self, X):
        """Most probable cluster, shape (n,)."""
        return self.chosen_.predict(self._check(X, reset=False))

    def score_loss(self, X):
        """Loss of the chosen run on other sequences."""
        return self.chosen_.score_loss(self._check(X, reset=False))
