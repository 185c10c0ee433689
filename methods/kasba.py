"""KASBA (Holder and Bagnall, Data Mining and Knowledge Discovery 40, 2026), aeon's implementation.

k-means under the Move-Split-Merge distance (Stefan, Athitsos, Das 2013), a metric: bounds by the triangle inequality
save most distances, and a barycentre is found by stochastic subgradient descent. aeon's takes sequences of one length
only, so they are resampled as for the input ``resample``, to as many elements as the data set says; the row's title
tells so. What is common to the elastic distances is in `methods.elastic`.

Deviation, for time: a sample of the training sequences. Budget: `sample` sequences, one start of at most `iterations`
iterations; in each, a centroid has aeon's own limit of 50 steps. The loss is the mean squared distance to the nearest
centroid.
"""

import numpy as np

from .base import Diverged, store
from .elastic import ElasticKMeans, aeon_without_hints
from .vectorize import moments

TITLE = "KASBA, resampled"


class KASBA(ElasticKMeans):
    """KASBA on resampled sequences.

    Parameters
    ----------
    n_clusters : int
    sample : int
        Training sequences, drawn at random, that the centroids are found on; at least `n_clusters`.
    iterations : int
    random_state : int or None
    """

    backend = "aeon"

    def __init__(self, n_clusters=8, sample=300, iterations=50, random_state=None):
        store(locals())

    def fit(self, X, y=None):
        """Cluster sequences."""
        self.points_ = self._check(X, reset=True).resample_length
        return super().fit(X)

    def _array(self, X):
        """Scaled and resampled sequences as aeon takes them: float64 of shape (n, d, length)."""
        array = moments(X, self.points_).reshape(len(X), self.points_, X.dimensions)
        return ((array - self.mean_) / self.scale_).transpose(0, 2, 1)

    def _centroids(self, array, rng):
        state, different = int(rng.integers(2**31)), np.unique(array, axis=0)
        if len(different) < self.n_clusters:  # for which aeon's has no start
            return different[np.arange(self.n_clusters) % len(different)], 0
        with aeon_without_hints() as aeon:
            kasba = aeon.clustering.KASBA(self.n_clusters, max_iter=self.iterations, random_state=state)
            try:
                found = kasba.fit(array)
            except aeon.clustering._k_means.EmptyClusterError as error:
                raise Diverged("a cluster lost all its sequences, however often it was given the farthest") from error
        return found.cluster_centers_, int(found.n_iter_)

    def _costs(self, array):
        with aeon_without_hints() as aeon:
            return aeon.distances.msm_pairwise_distance(array, self.cluster_centers_) ** 2
