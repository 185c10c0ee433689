"""k-means on features that aeon makes of sequences: what `catch22_kmeans` and `minirocket_kmeans` share.

Features are standardised by the training data, each by itself, so that none weighs more for its unit; one that doesn't
vary there is left out. k-means is that of `methods.kmeans`, with its budget and its loss, which judges no feature.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .base import Clusterer, Diverged, check_squares
from .kmeans import KMeans


class FeatureKMeans(Clusterer):
    """Base of the methods; a subclass adds `_learn(X, rng)`, where features are learned, and `_features(X)` (n, m)."""

    accepts = "sequences"
    threads = 1
    backend = "aeon"

    def fit(self, X, y=None):
        """Cluster sequences."""
        X = self._checked(X, reset=True)
        rng = np.random.default_rng(self.random_state)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._learn(X, rng)
        features = self._finite_features(X)
        self.mean_, self.scale_ = features.mean(axis=0), features.std(axis=0)
        self.scale_[self.scale_ <= 1e-9 * np.abs(features).max(axis=0)] = np.inf
        self._reduce(self._standardised(features))
        self.kmeans_ = KMeans(self.n_clusters, n_init=self.n_init, random_state=int(rng.integers(2**31)))
        vectors = self._vectors(features)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # of too few different vectors: the run has collapsed
            self.kmeans_.fit(vectors)
        self.labels_, self.loss_ = self.kmeans_.predict(vectors), self.kmeans_.loss_
        self.n_updates_, self.n_parameters_ = self.kmeans_.n_updates_, self.kmeans_.n_parameters_
        return self

    def _checked(self, X, reset):
        X = self._check(X, reset)
        check_squares(X.values)
        return X

    def _learn(self, X, rng):
        """Nothing is learned unless a method says so."""

    def _reduce(self, standardised):
        """Nor are the features made fewer."""

    def _vectors(self, features):
        return self._standardised(features)

    def _standardised(self, features):
        return (features - self.mean_) / self.scale_

    def _finite_features(self, X):
        """Features as float64, or `Diverged` where numbers are too large for them."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # aeon's hints about packages, and numbers beyond a type's, refused below
            features = np.asarray(self._features(X), dtype=np.float64)
        if not np.isfinite(features).all():
            raise Diverged("X: a feature of it is not finite; scale the values")
        return features

    def _new_vectors(self, X):
        return self._vectors(self._finite_features(self._checked(X, reset=False)))

    def predict(self, X):
        """Cluster with the nearest mean of features, shape (n,)."""
        return self.kmeans_.predict(self._new_vectors(X))

    def distances(self, X):
        """Distance to every mean of features, shape (n, k)."""
        return self.kmeans_.distances(self._new_vectors(X))

    def score_loss(self, X):
        """Mean squared distance to the nearest mean."""
        return self.kmeans_.score_loss(self._new_vectors(X))
