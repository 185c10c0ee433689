"""RDDC with a search over partitions: an extension of this project, not of the paper.

The paper trains several initialisations and evaluates the one with the lowest loss. On Arabic Digits a network that
starts from the true partition may end at a lower loss than all of these (reports/true_partition/), so better solutions
exist, and restarts don't meet them. But runs err each in its own way, so what a few good ones agree on is nearer to
such a solution than any of them is. Hence:

1. train `restarts` runs of RDDC;
2. `offspring` times: take the clusters of the `parents` runs with the lowest training loss, find their consensus
   (k-means on their memberships side by side: Topchy, Jain, Punch, IEEE TPAMI 2005), train a fresh network on it by
   cross-entropy for `consensus_epochs`, go on by RDDC's loss alone, and let the run take part from then on;
3. of all runs keep the one with the lowest training loss, as the paper does.

A run that doesn't use all clusters is no parent, and is kept only where there is no other.

No label takes part anywhere; the loss is that of RDDC and alone decides who is a parent and which run is kept.
reports/replication.md shows what a consensus without step 2's networks gives. Budget: that of RDDC times `restarts` +
`offspring`, and `consensus_epochs` for each of the latter.
"""

import numpy as np
from sklearn.cluster import KMeans

from .base import Diverged, InvalidInput, store
from .deep import DeepMethod
from .rddc import RDDC

TITLE = "RDDC+"


def consensus(partitions, n_clusters, random_state):
    """The clusters that several partitions of the same n sequences agree on most.

    Parameters
    ----------
    partitions : list of ndarray of shape (n,)
        Clusters from 0 to ``n_clusters - 1``; which number a cluster has doesn't matter.
    n_clusters : int
    random_state : int

    Returns
    -------
    ndarray of shape (n,), int64
    """
    memberships = np.hstack([np.eye(n_clusters, dtype=np.float32)[partition] for partition in partitions])
    kmeans = KMeans(n_clusters, n_init=10, random_state=random_state)
    return kmeans.fit(memberships).labels_.astype(np.int64)


class RDDCPlus(DeepMethod):
    """RDDC with a search over partitions.

    Parameters
    ----------
    n_clusters : int
        At least 2.
    restarts : int
        Runs of RDDC from a random start.
    offspring : int
        Runs of RDDC from a consensus of others, one after the other.
    parents : int
        Runs that a consensus is made of: those with the lowest training loss so far.
    consensus_epochs : int
        Epochs of cross-entropy on the consensus.
    rddc : dict or None
        Settings of `methods.rddc.RDDC`.
    device : str
    random_state : int or None
    """

    accepts = "sequences"
    by_loss = True
    threads = 1
    small = {"restarts": 2, "offspring": 1, "consensus_epochs": 2, "rddc": RDDC.small | {"epochs": 4}}

    def __init__(
        self,
        n_clusters=8,
        restarts=10,
        offspring=6,
        parents=5,
        consensus_epochs=10,
        rddc=None,
        device="cpu",
        random_state=None,
    ):
        store(locals())

    @property
    def backend(self):
        """Backend of the recurrent layers."""
        return self._one().backend

    def _one(self, random_state=None):
        """A single RDDC with these settings."""
        try:
            return RDDC(self.n_clusters, device=self.device, random_state=random_state, **(self.rddc or {}))
        except TypeError as error:
            raise InvalidInput(f"rddc: {error}") from error

    def _train(self, X, estimators):
        for name, least in (("restarts", 1), ("offspring", 0), ("parents", 1), ("consensus_epochs", 1)):
            if getattr(self, name) < least:
                raise InvalidInput(f"{name}={getattr(self, name)}: expected at least {least}")
        return [estimator._search(X) for estimator in estimators]

    def _search(self, X):
        """Train all runs and keep one; None, or the exception where none of them is usable."""
        streams = np.random.SeedSequence(self.random_state).spawn(2)
        starts, kinships = (
            stream.generate_state(n).tolist()
            for stream, n in zip(streams, (self.restarts + self.offspring, self.offspring), strict=True)
        )
        outcomes = self._restart(X, starts[: self.restarts])
        for start, kinship in zip(starts[self.restarts :], kinships, strict=True):
            if parents := self._whole(outcomes)[: self.parents]:
                partition = consensus([run.labels_ for run in parents], self.n_clusters, kinship)
                outcomes.append(self._descend(X, partition, start))
        runs = fitted(outcomes)
        if not runs:
            return Diverged(f"none of {len(outcomes)} runs is usable; the first: {outcomes[0]}")
        self.chosen_ = (self._whole(outcomes) or runs)[0]
        self.labels_, self.loss_ = self.chosen_.labels_, self.chosen_.loss_
        self.loss_curve_, self.n_parameters_ = self.chosen_.loss_curve_, self.chosen_.n_parameters_
        self.n_updates_ = sum(run.n_updates_ for run in runs)
        self.n_epochs_ = sum(run.n_epochs_ for run in runs)
        return None

    def _whole(self, outcomes):
        """The fitted runs that use all clusters, lowest loss first."""
        return [run for run in fitted(outcomes) if len(np.unique(run.labels_)) == self.n_clusters]

    def _restart(self, X, states):
        """Runs from a random start, or the exceptions that ended them."""
        # On a CPU one after the other is faster: a step's working memory then stays in the cache.
        groups = [[state] for state in states] if self.device == "cpu" else [states]
        return [outcome for group in groups for outcome in self._one().fit_seeds(X, group)]

    def _descend(self, X, partition, state):
        """A run from a consensus, or the exception that ended it."""
        try:
            return self._one(state).fit_from(X, partition, self.consensus_epochs)
        except Diverged as failure:
            return failure

    def predict_proba(self, X):
        """Cluster assignments of the chosen run, shape (n, k); rows sum to 1."""
        return self.chosen_.predict_proba(self._check(X, reset=False))

    def predict(self, X):
        """Most probable cluster, shape (n,)."""
        return self.chosen_.predict(self._check(X, reset=False))

    def score_loss(self, X):
        """Loss of the chosen run on other sequences."""
        return self.chosen_.score_loss(self._check(X, reset=False))


def fitted(outcomes):
    """The fitted runs among runs and exceptions, lowest loss first."""
    return sorted((run for run in outcomes if not isinstance(run, Exception)), key=lambda run: run.loss_)
