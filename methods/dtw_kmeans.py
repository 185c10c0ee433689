"""k-means under dynamic time warping, tslearn's implementation; distances after it are aeon's.

DTW (Sakoe and Chiba 1978): d(x, y)² is the least Σ ‖x_i - y_j‖² over all monotone alignments of two sequences of any
lengths; no band limits them. A centroid is found by DBA (Petitjean, Ketterlin, Gançarski 2011), which moves each of its
elements to the mean of all elements that are aligned with it, again and again. What is common to the elastic distances
is in `methods.elastic`.

Deviation, for time: a sample of the training sequences. Budget: `sample` sequences, one start of at most `iterations`
iterations; in each, a centroid has tslearn's own limit of 30 steps of DBA, which can't be set. The loss is the mean of
d² to the nearest centroid.
"""

from .base import store
from .elastic import ElasticKMeans, squared_dtw

TITLE = "DTW k-means"


class DTWKMeans(ElasticKMeans):
    """DTW k-means.

    Parameters
    ----------
    n_clusters : int
    sample : int
        Training sequences, drawn at random, that the centroids are found on; at least `n_clusters`.
    iterations : int
    longest : int or None
        Elements that the longest training sequence is shortened to, and all by the same factor; None: they stay.
    random_state : int or None
    """

    metric = "dtw"
    few = {"iterations": 1}
    _settings = {}

    def __init__(self, n_clusters=8, sample=300, iterations=10, longest=None, random_state=None):
        store(locals())

    def _costs(self, array):
        return squared_dtw(array, self.cluster_centers_)
