"""KASBA (Holder and Bagnall, Data Mining and Knowledge Discovery 40, 2026), aeon's implementation.

k-means under the Move-Split-Merge distance (Stefan, Athitsos, Das 2013), a metric: bounds by the triangle inequality
save most distances, and a barycentre is found by stochastic subgradient descent. aeon's takes sequences of one length
only, so they are resampled as for the input ``resample``, to as many elements as the data set says; the row's title
tells so. What is common to the elastic distances is in `methods.elastic`.

Deviation, for time: a sample of the training sequences. Budget: `sample` sequences, one start of at most `iterations`
iterations. The loss is the mean squared distance to the nearest centroid.
"""

from .base import store
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

    def _array(self, X):
        """Scaled and resampled sequences as aeon takes them: float64 of shape (n, d, length)."""
        array = moments(X, X.resample_length).reshape(len(X), -1, X.dimensions)
        return ((array - self.mean_) / self.scale_).transpose(0, 2, 1)

    def _centroids(self, array, rng):
        state = int(rng.integers(2**31))
        with aeon_without_hints() as aeon:
            found = aeon.clustering.KASBA(self.n_clusters, max_iter=self.iterations, random_state=state).fit(array)
        return found.cluster_centers_, int(found.n_iter_)

    def _costs(self, array):
        with aeon_without_hints() as aeon:
            return aeon.distances.msm_pairwise_distance(array, self.cluster_centers_) ** 2
