"""R-clustering (Marco-Blanco, Cuevas, Data Mining and Knowledge Discovery 38, 2024): MiniRocket, PCA and k-means.

MiniRocket (Dempster, Schmidt, Webb, KDD 2021), aeon's: convolutions with fixed kernels of length 9 at many dilations;
a feature is the share of moments at which one exceeds a bias that was drawn from the data. As in R-clustering, 500 of
them are asked for (aeon makes 420), each is standardised, and the principal components that explain at least a
hundredth of the variance are kept. It wants sequences of one length, so they are resampled as for the input
``resample``, to as many elements as the data set says, at least 9; the row's title tells so. The rest is in
`methods.features`.
"""

import numpy as np
from sklearn.decomposition import PCA

from .base import store
from .features import FeatureKMeans
from .vectorize import moments

TITLE = "MiniRocket k-means, resampled"
SHORTEST = 9  # elements that a kernel needs
EXPLAINED = 0.01


class MiniRocketKMeans(FeatureKMeans):
    """MiniRocket, principal components and k-means on resampled sequences.

    Parameters
    ----------
    n_clusters : int
    n_kernels : int
        Features asked for; 84 at least.
    n_init : int
        Restarts of k-means.
    random_state : int or None
    """

    def __init__(self, n_clusters=8, n_kernels=500, n_init=10, random_state=None):
        store(locals())

    def _learn(self, X, rng):
        rocket = load_minirocket()(self.n_kernels, random_state=int(rng.integers(2**31)))
        self.points_ = max(X.resample_length, SHORTEST)
        self.parameters_ = list(rocket.fit(self._resampled(X)).parameters)

    def _features(self, X):
        rocket = load_minirocket()(self.n_kernels)
        rocket.parameters, rocket._n_jobs, rocket.is_fitted = tuple(self.parameters_), 1, True
        return rocket._transform(self._resampled(X))

    def _resampled(self, X):
        """As MiniRocket takes them, float32 of shape (n, d, points)."""
        return moments(X, self.points_).reshape(len(X), self.points_, -1).transpose(0, 2, 1).astype(np.float32)

    def _reduce(self, standardised):
        pca = PCA(min(standardised.shape), svd_solver="full").fit(standardised)
        kept = max(1, int((np.nan_to_num(pca.explained_variance_ratio_) >= EXPLAINED).sum()))
        self.components_ = pca.components_[:kept]

    def _vectors(self, features):
        return self._standardised(features) @ self.components_.T


def load_minirocket():
    """The class. Its import takes seconds, which only those who use it should pay."""
    from aeon.transformations.collection.convolution_based import MiniRocket

    return MiniRocket
