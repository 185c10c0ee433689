"""k-means on the lengths of the sequences and on nothing else: a control, no method of the paper.

Where the classes differ in length, a padded vector tells the length, and what looks like clustering of content may be
this. Lloyd's algorithm as in `methods.kmeans`, on vectors of one number. Budget: `n_init` restarts of at most 300
iterations. The loss is the mean squared distance to the nearest centroid. With fewer different lengths than clusters
there are only so many clusters.
"""

import numpy as np

from .base import Clusterer, store
from .kmeans import KMeans

TITLE = "k-means on length"


class LengthKMeans(Clusterer):
    """k-means on lengths.

    Parameters
    ----------
    n_clusters : int
    n_init : int
        Restarts.
    random_state : int or None
    """

    accepts = "sequences"
    threads = 1

    def __init__(self, n_clusters=8, n_init=10, random_state=None):
        store(locals())

    def fit(self, X, y=None):
        """Cluster sequences by their lengths."""
        X = self._check(X, reset=True)
        n_clusters = min(self.n_clusters, len(np.unique(X.lengths)))
        self._kmeans = KMeans(n_clusters, n_init=self.n_init, random_state=self.random_state).fit(X.lengths[:, None])
        self.labels_, self.loss_ = self._kmeans.labels_, self._kmeans.loss_
        self.n_updates_, self.n_parameters_ = self._kmeans.n_updates_, self._kmeans.n_parameters_
        return self

    def predict(self, X):
        """Cluster with the nearest mean length, shape (n,)."""
        return self._kmeans.predict(self._check(X, reset=False).lengths[:, None])

    def distances(self, X):
        """Difference from every mean length, shape (n, k)."""
        return self._kmeans.distances(self._check(X, reset=False).lengths[:, None])

    def score_loss(self, X):
        """Mean squared distance to the nearest mean length."""
        return self._kmeans.score_loss(self._check(X, reset=False).lengths[:, None])
