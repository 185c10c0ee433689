"""catch22 (Lubba et al., Data Mining and Knowledge Discovery 33, 2019) and k-means; the features are aeon's.

Twenty-two numbers that tell time series apart, found among thousands: of the distribution, autocorrelations, successive
differences, fluctuations. They are taken of every dimension of a sequence as long as it is; one of fewer than ten
elements repeats its last one up to that, without which some of the features divide by nothing. What a sequence is too
short for even so is 0. Sequences aren't z-normalised, as the paper's are: ask for it with the data set's `normalise`.
For its two features of outliers alone aeon does so itself. The rest is in `methods.features`.
"""

import numpy as np

from .base import store
from .features import FeatureKMeans

TITLE = "catch22 k-means"
LEAST = 10  # elements: a shorter sequence repeats its last one up to it, as aeon's features divide by nothing then


class Catch22KMeans(FeatureKMeans):
    """catch22 and k-means.

    Parameters
    ----------
    n_clusters : int
    n_init : int
        Restarts of k-means.
    random_state : int or None
    """

    def __init__(self, n_clusters=8, n_init=10, random_state=None):
        store(locals())

    def _features(self, X):
        from aeon.transformations.collection.feature_based import Catch22  # seconds, which only its users should pay

        cases = [X[i].T.astype(np.float64) for i in range(len(X))]
        cases = [np.pad(case, ((0, 0), (0, max(0, LEAST - case.shape[1]))), "edge") for case in cases]
        return Catch22(replace_nans=True).fit_transform(cases)
