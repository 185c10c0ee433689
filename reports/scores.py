"""How well clusters agree with classes: ACC, NMI, ARI. The only place that compares predictions with labels."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix


def match_clusters(labels, clusters):
    """Best one-to-one map of clusters to classes (Hungarian algorithm).

    Parameters
    ----------
    labels, clusters : array of int, shape (n,)

    Returns
    -------
    dict of int to int
        Cluster to class; clusters beyond the number of classes are left out.
    """
    counts = contingency_matrix(labels, clusters)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    classes, found = np.unique(labels), np.unique(clusters)
    return {int(found[column]): int(classes[row]) for row, column in zip(rows, columns, strict=True)}


def accuracy(labels, clusters):
    """Share of sequences in the right class under the best one-to-one map (ACC), 0 to 1."""
    counts = contingency_matrix(labels, clusters)
    return float(counts[linear_sum_assignment(counts, maximize=True)].sum() / counts.sum())


def scores(labels, clusters):
    """All scores of one clustering.

    Parameters
    ----------
    labels : array of int, shape (n,)
        Classes; sequences labelled -1 (unknown) are left out.
    clusters : array of int, shape (n,)

    Returns
    -------
    dict or None
        ``accuracy``, ``nmi`` (arithmetic mean of the entropies), ``nmi_geometric``, ``ari``, ``n_clusters`` (found);
        None without any label.

    Raises
    ------
    ValueError
        When the shapes differ or a cluster is negative, which no method may return.
    """
    labels, clusters = np.asarray(labels), np.asarray(clusters)
    if labels.shape != clusters.shape or labels.ndim != 1:
        raise ValueError(f"clusters: shape {clusters.shape}, expected {labels.shape} as the labels")
    if not np.issubdtype(clusters.dtype, np.integer) or (clusters.size and clusters.min() < 0):
        raise ValueError("clusters: expected integers from 0")
    known = labels >= 0
    if not known.any():
        return None
    labels, clusters = labels[known], clusters[known]
    return {
        "accuracy": accuracy(labels, clusters),
        "nmi": float(normalized_mutual_info_score(labels, clusters)),
        "nmi_geometric": float(normalized_mutual_info_score(labels, clusters, average_method="geometric")),
        "ari": float(adjusted_rand_score(labels, clusters)),
        "n_clusters": int(len(np.unique(clusters))),
    }
