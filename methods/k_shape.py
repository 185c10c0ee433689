"""k-Shape (Paparrizos and Gravano, SIGMOD 2015) on sequences of unequal lengths.

Distance (section 3.1): 1 - max over shifts w of Σ_t x_{t+w} · y_t / (‖x‖ ‖y‖). Centroid (section 3.2): the members,
shifted to lie best against the present centroid, have a direction that they share most, the leading eigenvector of Q S
Q with S = Σ x xᵀ and Q = I - 11ᵀ/T. The two take turns until no sequence changes its cluster.

tslearn's k-Shape wants one length and the paper's one dimension, so this is our own, and dozens of times faster by one
Fourier transform for many sequences and one eigenvector a centroid: benchmarks/peers.md. A sequence is z-normalised
over its own elements, dimension by dimension, and divided by its norm, so that a long one weighs no more. Then zeros
follow it up to the longest: they add nothing to a product at any shift, so only a centroid, of the longest one's
length, knows of them. Products are summed over the dimensions; a centroid has one eigenvector, of length 1, for each,
as in tslearn.

Deviations: a start takes k of the sequences as centroids, as tslearn's does, and not random members; a cluster without
members keeps its centroid. Budget: `n_init` starts of at most `iterations` iterations on all of the training data; the
start with the lowest loss, the mean distance to the nearest centroid, is kept. A sequence without variance, such as
one of length 1, has distance 1 to everything.
"""

from dataclasses import replace

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import eigh

from .base import Clusterer, store

TITLE = "k-Shape"

PART = 256  # sequences that are compared at once: a bound on memory


class KShape(Clusterer):
    """k-Shape.

    Parameters
    ----------
    n_clusters : int
    n_init : int
        Starts.
    iterations : int
        Of one start.
    random_state : int or None
    """

    accepts = "sequences"
    threads = 1
    backend = "numpy"
    small = {"iterations": 2}

    def __init__(self, n_clusters=8, n_init=1, iterations=30, random_state=None):
        store(locals())

    def fit(self, X, y=None):
        """Cluster sequences."""
        X = padded(normalised(self._check(X, reset=True)))
        rng = np.random.default_rng(self.random_state)
        starts = [self._start(X, rng) for _ in range(self.n_init)]
        self.loss_, self.labels_, self.cluster_centers_, self.n_updates_ = min(starts, key=lambda start: start[0])
        self.n_parameters_ = int(self.cluster_centers_.size)
        return self

    def _start(self, X, rng):
        """Loss, clusters, centroids and iterations of one start."""
        centroids = X[rng.choice(len(X), self.n_clusters, replace=False)]
        distances, shifts = compare(X, centroids)
        labels, updates = distances.argmin(axis=1), 0
        while updates < self.iterations:
            updates += 1
            for cluster in np.unique(labels):
                members = labels == cluster
                centroids[cluster] = shape_of(shifted(X[members], shifts[members, cluster]))
            before, (distances, shifts) = labels, compare(X, centroids)
            labels = distances.argmin(axis=1)
            if (labels == before).all():
                break
        return float(distances.min(axis=1).mean()), labels, centroids, updates

    def distances(self, X):
        """Distance to every centroid, shape (n, k)."""
        return compare(padded(normalised(self._check(X, reset=False))), self.cluster_centers_)[0]

    def predict(self, X):
        """Nearest centroid, shape (n,)."""
        return self.distances(X).argmin(axis=1)

    def score_loss(self, X):
        """Mean distance to the nearest centroid."""
        return float(self.distances(X).min(axis=1).mean())


def normalised(sequences):
    """Every sequence less its mean and divided by its standard deviation, by dimension, then by its norm; or zeros."""
    starts, lengths = sequences.offsets[:-1], sequences.lengths
    values = sequences.values.astype(np.float64)
    tiny = 1e-6 * np.maximum.reduceat(np.abs(values), starts)
    values -= np.repeat(np.add.reduceat(values, starts) / lengths[:, None], lengths, axis=0)
    deviation = np.sqrt(np.add.reduceat(values**2, starts) / lengths[:, None])
    varies = deviation > tiny
    # A dimension that varies has the squared norm `lengths` once it is divided by its deviation.
    norm = deviation * np.sqrt(lengths * varies.sum(axis=1).clip(1))[:, None]
    return replace(sequences, values=values / np.repeat(np.where(varies, norm, np.inf), lengths, axis=0))


def padded(sequences):
    """Sequences as one array of shape (n, longest, d), zeros after the end of each."""
    array = np.zeros((len(sequences), sequences.lengths.max(), sequences.dimensions))
    array[np.arange(array.shape[1]) < sequences.lengths[:, None]] = sequences.values
    return array


def compare(X, centroids):
    """Distance of sequences (n, T, d) of norm 1 or 0 to centroids (k, T', d), and the shifts that give it.

    Returns
    -------
    distances : ndarray of shape (n, k)
    shifts : ndarray of int of shape (n, k)
        Element ``t + shift`` of the sequence lies against element ``t`` of the centroid.
    """
    longest = max(X.shape[1], centroids.shape[1])
    size = next_fast_len(2 * longest - 1, real=True)
    norms = np.linalg.norm(centroids, axis=(1, 2))
    theirs = rfft(centroids / np.where(norms > 0, norms, 1)[:, None, None], size, axis=1).conj().transpose(1, 2, 0)
    distances, shifts = np.empty((len(X), len(centroids))), np.empty((len(X), len(centroids)), np.int64)
    for first in range(0, len(X), PART):
        part = slice(first, first + PART)
        ours = rfft(X[part], size, axis=1).transpose(1, 0, 2)
        products = irfft(np.ascontiguousarray((ours @ theirs).transpose(1, 2, 0)), size)
        best = products.argmax(axis=2)
        distances[part] = 1 - np.take_along_axis(products, best[:, :, None], axis=2)[:, :, 0]
        shifts[part] = np.where(best < longest, best, best - size)
    return distances, shifts


def shifted(X, shifts):
    """Every sequence of (n, T, d) by its shift, zeros where that leaves nothing."""
    place = np.arange(X.shape[1]) + shifts[:, None]
    inside = (place >= 0) & (place < X.shape[1])
    return np.take_along_axis(X, place.clip(0, X.shape[1] - 1)[:, :, None], axis=1) * inside[:, :, None]


def shape_of(members):
    """What aligned members (m, T, d) share most: for every dimension an eigenvector of Q S Q, shape (T, d)."""
    centred = np.ascontiguousarray((members - members.mean(axis=1, keepdims=True)).transpose(2, 0, 1))
    return np.stack([leading(of) for of in centred], axis=1)


def leading(rows):
    """Leading eigenvector of the sum of x xᵀ over rows x (m, T), shape (T,), with the sign that they agree with.

    Zeros where all rows are, as in a dimension that is constant in every member: any vector would be one there.
    """
    if not rows.any():
        return np.zeros(rows.shape[1])
    few = len(rows) < rows.shape[1]
    products = rows @ rows.T if few else rows.T @ rows  # whose eigenvalues are the same
    vector = eigh(products, subset_by_index=[len(products) - 1] * 2)[1][:, 0]
    shape = vector @ rows if few else vector
    norm = np.linalg.norm(shape) * (-1 if (rows @ shape).sum() < 0 else 1)
    return shape / norm if norm else shape
