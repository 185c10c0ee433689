"""k-medoids (Kaufman and Rousseeuw 1987) under dynamic time warping, as in `methods.dtw_kmeans`: aeon's distances.

A centroid is one of the sequences, so that none is averaged or stretched. Starts are drawn as k-means++ draws them, and
then medoids and members take turns (Park and Jun 2009); the start with the lowest sum of distances is kept. aeon's
k-medoids would take sequences of one length only. What is common to the elastic distances is in `methods.elastic`.

Deviation, for time: a sample of the training sequences. Budget: `sample` sequences, `n_init` starts of at most
`iterations` iterations. The loss is the mean distance to the nearest medoid.
"""

import numpy as np

from .base import store
from .elastic import ElasticKMeans, squared_dtw

TITLE = "DTW k-medoids"


class DTWMedoids(ElasticKMeans):
    """DTW k-medoids.

    Parameters
    ----------
    n_clusters : int
    sample : int
        Training sequences, drawn at random, that the medoids are among; at least `n_clusters`.
    n_init : int
        Starts.
    iterations : int
        Of one start.
    longest : int or None
        Elements that the longest training sequence is shortened to, and all by the same factor; None: they stay.
    random_state : int or None
    """

    backend = "aeon"

    def __init__(self, n_clusters=8, sample=300, n_init=10, iterations=100, longest=None, random_state=None):
        store(locals())

    def _centroids(self, array, rng):
        distances = np.sqrt(squared_dtw(array, array))
        starts = [medoids(distances, self.n_clusters, self.iterations, rng) for _ in range(self.n_init)]
        _, chosen, updates = min(starts, key=lambda start: start[0])
        return array[chosen], updates

    def _costs(self, array):
        return np.sqrt(squared_dtw(array, self.cluster_centers_))


def medoids(distances, k, iterations, rng):
    """Sum of distances to the nearest medoid, the medoids and the iterations of one start on distances (n, n)."""
    chosen = [int(rng.integers(len(distances)))]
    while len(chosen) < k:
        weights = distances[:, chosen].min(axis=1) ** 2
        free = np.setdiff1d(np.arange(len(distances)), chosen)
        share = weights[free] / total if (total := weights[free].sum()) else None
        chosen.append(int(rng.choice(free, p=share)))
    updates = 0
    while updates < iterations:
        updates += 1
        nearest, before = distances[:, chosen].argmin(axis=1), chosen
        members = [np.flatnonzero(nearest == cluster) for cluster in range(k)]
        chosen = [
            int(own[distances[np.ix_(own, own)].sum(axis=1).argmin()]) if len(own) else old
            for own, old in zip(members, before, strict=True)
        ]
        if chosen == before:
            break
    return float(distances[:, chosen].min(axis=1).sum()), chosen, updates
