"""Clusters whose number isn't known: from 2 to so many `times` `n_clusters`, by silhouettes (Rousseeuw 1987).

Each number has a fit of its own of another method on the same vectors, and the mean silhouette of at most `judged` of
them, the same for all numbers, chooses; no label takes part, and of equals the smallest number wins. A run that finds
fewer than `n_clusters` has not collapsed. Budget: that of the method times the numbers tried. There is no loss: a
silhouette compares numbers of clusters, not runs.
"""

import numpy as np
from sklearn.metrics import silhouette_score

from .base import Clusterer, InvalidInput, store
from .kmeans import KMeans
from .ward import Ward

TITLE = "k by silhouette"

METHODS = {"kmeans": KMeans, "ward": Ward}  # imported by name, so that a change of theirs reruns this


class SilhouetteK(Clusterer):
    """A method with the number of clusters that silhouettes choose.

    Parameters
    ----------
    n_clusters, times : int
        Their product is the most that there may be.
    method : {"kmeans", "ward"}
    settings : dict or None
        Of the method.
    judged : int
        Vectors, drawn at random, that silhouettes are taken of; at least 3.
    random_state : int or None
    """

    threads = 1
    fewest_clusters = 1
    choices = {"method": ("kmeans", "ward")}
    least = {"n_clusters": 1, "times": 1, "judged": 3}  # fewer have no silhouette, and 2 clusters would always win

    def __init__(self, n_clusters=8, times=1, method="kmeans", settings=None, judged=1000, random_state=None):
        store(locals())

    def fit(self, X, y=None):
        """Cluster vectors of shape (n, D)."""
        X = self._check(X, reset=True)
        rng = np.random.default_rng(self.random_state)
        judged = np.sort(rng.choice(len(X), min(self.judged, len(X)), replace=False))
        found, most = [], min(self.times * self.n_clusters, len(X))
        for k in range(min(2, most), most + 1):
            method = self._one(k, int(rng.integers(2**31)))
            labels = method.fit(X).labels_[judged]
            usable = 1 < len(np.unique(labels)) < len(judged)
            found.append((silhouette_score(X[judged], labels) if usable else -np.inf, method))
        self.chosen_ = max(found, key=lambda one: one[0])[1]
        self.labels_ = self.chosen_.labels_
        return self

    def _one(self, k, random_state):
        """The method with k clusters."""
        try:
            return METHODS[self.method](k, random_state=random_state, **(self.settings or {}))
        except TypeError as error:
            raise InvalidInput(f"settings: {error}") from error

    def predict(self, X):
        """Cluster by the method with the number that was chosen, shape (n,)."""
        X = self._check(X, reset=False)
        return self.chosen_.predict(X)
