"""Clusters around centroids under an elastic distance: what the methods with one share, on libraries' implementations.

Elements are scaled as in `methods.rddc` (less their mean, divided by one standard deviation of all dimensions) and no
more: no sequence is z-normalised by itself.

Time is quadratic in length, so where `longest` is given all sequences are shortened by one factor until the longest of
the training data has so many elements: means over neighbours take their place, and lengths keep their ratios. Centroids
are found on a random sample of at most `sample` training sequences, drawn with the run's own seed; then every sequence
goes to its nearest centroid.

Unless a method says otherwise they are those of tslearn's k-means: Lloyd's algorithm with k-means++ seeding under the
distance d, and barycentres under it in place of means. tslearn starts every centroid at a sequence, stretched to the
longest one of the sample, and keeps that length. A start in which a cluster loses all its members is repeated, up to
ten times as tslearn does; if the last has empty clusters too, its centroids are kept, and the run's record says that it
collapsed.
"""

import contextlib
import functools
import sys
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .base import Clusterer, InvalidInput
from .vectorize import shortened, step_for


class ElasticKMeans(Clusterer):
    """Base of the methods; a subclass adds its settings and `_costs(array)`, what the centroids minimise, shape (n, k).

    To tslearn's k-means it adds `metric` and a property `_settings`, its arguments; another algorithm has a
    `_centroids(array, rng)` of its own, which gives the centroids and the number of iterations.
    """

    accepts = "sequences"
    threads = 1
    backend = "tslearn"
    longest = None
    small = {"sample": 40, "iterations": 2}

    def fit(self, X, y=None):
        """Cluster sequences."""
        X = self._check(X, reset=True)
        if self.sample < self.n_clusters:
            raise InvalidInput(f"sample={self.sample}: fewer sequences than n_clusters={self.n_clusters}")
        rng = np.random.default_rng(self.random_state)
        chosen = np.sort(rng.choice(len(X), min(self.sample, len(X)), replace=False))
        values = X.values.astype(np.float64)
        self.mean_ = values.mean(axis=0)
        self.scale_ = float(np.sqrt(np.mean((values - self.mean_) ** 2))) or 1.0
        self.step_ = step_for(X, self.longest)
        self.cluster_centers_, self.n_updates_ = self._centroids(self._array(X.subset(chosen)), rng)
        costs = self._costs_of(X)
        self.confidence_ = {"distance": costs.min(axis=1)}
        self.labels_, self.loss_ = costs.argmin(axis=1), float(costs.min(axis=1).mean())
        self.n_parameters_ = int(np.isfinite(self.cluster_centers_).sum())  # without what pads a shorter centroid
        self.n_sequences_ = len(chosen)
        return self

    def _centroids(self, array, rng):
        kmeans = load_tslearn().clustering.TimeSeriesKMeans(
            self.n_clusters,
            metric=self.metric,
            max_iter=self.iterations,
            n_jobs=1,
            random_state=int(rng.integers(2**31)),
            **self._settings,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # of a barycentre that it stopped before its limit
            kmeans.fit(array)
        return kmeans.cluster_centers_, int(kmeans.n_iter_)

    def predict(self, X):
        """Nearest centroid, shape (n,)."""
        return self.distances(X).argmin(axis=1)

    def distances(self, X):
        """What the centroids minimise, of every sequence to every centroid, shape (n, k)."""
        return self._costs_of(self._check(X, reset=False))

    def score_loss(self, X):
        """Mean of what the centroids minimise, at the nearest centroid."""
        return float(self.distances(X).min(axis=1).mean())

    def _costs_of(self, X):
        return self._costs(self._array(X))

    def _array(self, X):
        """Scaled sequences as tslearn takes them: float64 of shape (n, longest, d), NaN after the end of each."""
        X = shortened(X, self.step_)
        array = np.full((len(X), X.lengths.max(), X.dimensions), np.nan)
        array[np.arange(X.lengths.max()) < X.lengths[:, None]] = (X.values - self.mean_) / self.scale_
        return array


@functools.cache
def load_tslearn():
    """The package. Its import takes seconds, which only those who use it should pay."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its hints about packages that aren't there
        import tslearn.clustering
        import tslearn.metrics
    for module in [module for name, module in sys.modules.items() if name.startswith("tslearn.")]:
        for compiled in vars(module).values():
            if hasattr(compiled, "enable_caching"):  # or every process would compile it anew
                compiled.enable_caching()
    return tslearn


def squared_dtw(array, others):
    """Squared DTW distances, shape (n, m), of two arrays as `ElasticKMeans` makes them.

    They are aeon's: the same numbers as tslearn's, sooner. Its function for many pairs is faster still, but starts
    OpenMP's threads, after which no process can fork.
    """
    one, other = ([np.ascontiguousarray(of[~np.isnan(of[:, 0])].T) for of in part] for part in (array, others))
    with aeon_without_hints() as aeon:
        return np.array([[aeon.distances.dtw_distance(x, y) for y in other] for x in one])


@contextlib.contextmanager
def aeon_without_hints():
    """The package. Its import and its compiling take seconds, which only those who use it should pay."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of packages that aren't there, and of integers that it compiles
        import aeon.clustering
        import aeon.distances

        yield aeon
