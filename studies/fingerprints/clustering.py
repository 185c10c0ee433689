"""k-means, Ward's linkage and spectral clustering of a reading, and their cells: exact, but cheap for long vectors."""

import warnings

import numpy as np
import scipy.linalg
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse.csgraph import laplacian
from scipy.spatial.distance import squareform
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import normalized_mutual_info_score
from sklearn.neighbors import kneighbors_graph

from datasets.sequences import stratified_split
from methods.vectorize import vectorize
from runs.scores import accuracy

# The authors' affinity is unknown.
AFFINITIES = {
    "spectral": "exp(-‖x - y‖²), scikit-learn's default",
    "spectral_scaled": "exp(-‖x - y‖² / D)",
    "spectral_median": "exp(-‖x - y‖² / 2σ²), σ 15 % of the median distance",
    "spectral_neighbours": "10 nearest neighbours",
}
NORMALISATIONS = ("arithmetic", "geometric", "max")  # of the NMI: by which mean of the two entropies, or the larger
LARGEST_AFFINITY = 1500  # sequences; a dense eigendecomposition grows with the cube
TEST_SPLITS = 10


def rotate(vectors):
    """Vectors of shape (n, D) in at most n dimensions, with the same distances: a rotation, nothing is lost."""
    vectors = np.asarray(vectors, dtype=np.float64)
    if vectors.shape[1] <= len(vectors):
        return vectors
    centred = vectors - vectors.mean(axis=0)
    values, axes = scipy.linalg.eigh(centred @ centred.T)
    kept = values > values[-1] * 1e-12
    return axes[:, kept] * np.sqrt(values[kept])


def squared_distances(vectors):
    """Squared Euclidean distances, shape (n, n)."""
    squares = (vectors**2).sum(axis=1)
    found = np.maximum(squares[:, None] + squares - 2 * vectors @ vectors.T, 0)
    np.fill_diagonal(found, 0)
    return found


def kmeans(vectors, k):
    """k-means with ten restarts, as the paper's rows have it here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a near-identity leaves few distinct points
        return KMeans(k, n_init=10, random_state=0).fit_predict(vectors)


def ward(distances, k):
    """Ward's linkage from squared distances; scikit-learn's result in a fraction of its time for long vectors."""
    return fcluster(linkage(np.sqrt(squareform(distances, checks=False)), "ward"), k, "maxclust") - 1


def spectral(affinity, k):
    """scikit-learn's spectral clustering with a dense solver: its ARPACK need not converge on a near-identity."""
    matrix, degrees = laplacian(affinity, normed=True, return_diag=True)
    np.fill_diagonal(matrix, 1)
    vectors = scipy.linalg.eigh(matrix, subset_by_index=[0, k - 1])[1]
    vectors *= degrees.min() / degrees[:, None]  # scikit-learn's division, scaled so that tiny degrees don't overflow
    return kmeans(vectors / np.abs(vectors).max(), k)


def affinity_of(name, vectors, distances, dimensions):
    """Affinity matrix of shape (n, n): one of `AFFINITIES`."""
    if name == "spectral_neighbours":
        graph = kneighbors_graph(vectors, min(10, len(vectors)), include_self=True).toarray()
        return (graph + graph.T) / 2
    median = np.median(np.sqrt(distances[np.triu_indices(len(distances), 1)])) if name == "spectral_median" else 0
    return np.exp(
        -distances / {"spectral": 1, "spectral_scaled": dimensions, "spectral_median": 2 * (0.15 * median) ** 2}[name]
    )


def cells_of(vectors, labels, k, methods):
    """Cell of each method, as `cell` gives it: dict of method to list."""
    dimensions, vectors = vectors.shape[1], rotate(vectors)
    distances = squared_distances(vectors) if set(methods) - {"kmeans"} else None
    found = {}
    for method in methods:
        chosen = slice(None)
        if method == "kmeans":
            clusters = kmeans(vectors, k)
        elif method == "ward":
            clusters = ward(distances, k)
        else:
            chosen = thinned(labels, LARGEST_AFFINITY)
            affinity = affinity_of(method, vectors[chosen], distances[np.ix_(chosen, chosen)], dimensions)
            clusters = spectral(affinity, k)
        found[method] = cell(labels[chosen], clusters)
    return found


def cell(labels, clusters):
    """ACC, and the NMI by each of `NORMALISATIONS`, with four digits."""
    nmi = [normalized_mutual_info_score(labels, clusters, average_method=name) for name in NORMALISATIONS]
    return [round(float(value), 4) for value in (accuracy(labels, clusters), *nmi)]


def thinned(labels, most):
    """Sorted indices of at most `most` sequences, the classes in proportion, always the same."""
    if len(labels) <= most:
        return np.arange(len(labels))
    share = most / len(labels)
    return np.flatnonzero(stratified_split(labels, 0, "fingerprints", (share, 1 - share, 0)) == 0)


def evaluate(sequences, labels, vectorizations, methods, most=None):
    """Cells of a reading over all its sequences: dict of ``method-vectorisation`` to `cell`.

    The vectors' lengths come from all sequences, whatever is left out of the clustering.
    """
    chosen, found = thinned(labels, most or len(labels)), {}
    for how in vectorizations:
        vectors = vectorize(sequences, how)[chosen]
        for method, values in cells_of(vectors, labels[chosen], len(np.unique(labels)), methods).items():
            found[f"{method}-{how}"] = values
    return found


def evaluate_test(sequences, labels, vectorizations, name):
    """The same on `TEST_SPLITS` test splits of a tenth, each clustered by itself: a list of what `evaluate` gives.

    The paper says that its figures are those of the test set. Cropping then goes to the shortest sequence of that set.
    """
    methods, found = ["kmeans", "ward", *AFFINITIES], []
    for seed in range(TEST_SPLITS):
        test = np.flatnonzero(stratified_split(labels, seed, name) == 2)
        found.append(evaluate(sequences.subset(test), labels[test], vectorizations, methods))
    return found


def mean_cells(samples):
    """Mean of the cells of several splits: dict of ``method-vectorisation`` to list."""
    return {key: np.mean([cells[key] for cells in samples], axis=0).tolist() for key in samples[0]}
