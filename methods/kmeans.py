"""k-means on vectors (Lloyd 1982; k-means++ seeding by Arthur and Vassilvitskii 2007), scikit-learn's implementation.

The paper names k-means without settings. Budget: `n_init` restarts (inferred: 10, scikit-learn's default of 2018) of at
most `max_iter` iterations; the restart with the lowest inertia is kept. The loss is the mean squared distance to the
nearest centroid.
"""

import numpy as np
import sklearn.cluster
from sklearn.metrics import pairwise_distances, pairwise_distances_argmin_min

from .base import Clusterer, store

TITLE = "k-means"


class KMeans(Clusterer):
    """k-means.

    Parameters
    ----------
    n_clusters : int
    n_init : int
        Restarts.
    max_iter : int
        Iterations of one restart.
    random_state : int or None
    """

    threads = 1

    def __init__(self, n_clusters=8, n_init=10, max_iter=300, random_state=None):
        store(locals())

    def fit(self, X, y=None):
        """Cluster vectors of shape (n, D)."""
        X = self._check(X, reset=True)
        kmeans = sklearn.cluster.KMeans(
            self.n_clusters, n_init=self.n_init, max_iter=self.max_iter, random_state=self.random_state
        ).fit(X)
        self.cluster_centers_ = kmeans.cluster_centers_
        self.labels_ = self._nearest(X)[0].astype(np.int64)  # centroids of equal vectors coincide, and ties go one way
        self.loss_ = float(kmeans.inertia_ / len(X))
        self.n_updates_ = self.n_iter_ = int(kmeans.n_iter_)
        self.n_parameters_ = int(self.cluster_centers_.size)
        return self

    def predict(self, X):
        """Nearest centroid, shape (n,)."""
        return self._nearest(X)[0]

    def score_loss(self, X):
        """Mean squared distance to the nearest centroid."""
        return float(np.mean(np.square(self._nearest(X)[1], dtype=np.float64)))

    def distances(self, X):
        """Distance to every centroid, shape (n, k)."""
        return pairwise_distances(self._check(X, reset=False), self.cluster_centers_)

    def _nearest(self, X):
        """Index of the nearest centroid and the distance to it, each of shape (n,)."""
        return pairwise_distances_argmin_min(self._check(X, reset=False), self.cluster_centers_)
