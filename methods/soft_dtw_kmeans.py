"""k-means under soft-DTW (Cuturi and Blondel, ICML 2017), tslearn's implementation.

soft-DTW replaces the least cost over all alignments by a soft minimum, -γ log Σ exp(-cost / γ), which can be
differentiated: L-BFGS finds a centroid. With γ towards 0 it becomes the square of `methods.dtw_kmeans`' distance. What
is common to the elastic distances is in `methods.elastic`; the scale of the input is what gives γ its meaning.

Deviations. For time: a sample of the training sequences, and few steps for a centroid. tslearn's k-means++ draws with
the square of soft-DTW. Budget: `sample` sequences, one start of at most `iterations` iterations, in each at most
`barycenter_iterations` of L-BFGS for every centroid. The loss is the mean soft-DTW to the nearest centroid, which may
be negative.
"""

from .base import store
from .elastic import ElasticKMeans, load_tslearn

TITLE = "soft-DTW k-means"


class SoftDTWKMeans(ElasticKMeans):
    """soft-DTW k-means.

    Parameters
    ----------
    n_clusters : int
    gamma : float
        γ, above 0.
    sample : int
        Training sequences, drawn at random, that the centroids are found on; at least `n_clusters`.
    iterations, barycenter_iterations : int
    longest : int or None
        Elements that the longest training sequence is shortened to, and all by the same factor; None: they stay.
    random_state : int or None
    """

    metric = "softdtw"
    least = {"n_clusters": 1, "gamma": 1e-6}
    few = {"iterations": 1}
    small = ElasticKMeans.small | {"barycenter_iterations": 2}

    def __init__(
        self,
        n_clusters=8,
        gamma=1.0,
        sample=300,
        iterations=10,
        barycenter_iterations=5,
        longest=None,
        random_state=None,
    ):
        store(locals())

    @property
    def _settings(self):
        return {"metric_params": {"gamma": self.gamma}, "max_iter_barycenter": self.barycenter_iterations}

    def _costs(self, array):
        return load_tslearn().metrics.cdist_soft_dtw(array, self.cluster_centers_, gamma=self.gamma)
