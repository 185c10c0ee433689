"""How well clusters agree with classes: ACC, NMI, ARI. The only place that compares predictions with labels.

Other names for the same: the misclassification rate MR is 1 - ACC, the V-measure is the NMI.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    completeness_score,
    homogeneity_score,
    normalized_mutual_info_score,
)
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


@dataclass(frozen=True)
class Score:
    """One score: its name in files, its title in tables, what computes it from labels and clusters, its least value."""

    name: str
    title: str
    function: Callable
    least: float = 0.0


SCORES = (
    Score("accuracy", "ACC", accuracy),
    Score("nmi", "NMI", normalized_mutual_info_score),
    Score("nmi_geometric", "NMI, geometric", partial(normalized_mutual_info_score, average_method="geometric")),
    Score("ari", "ARI", adjusted_rand_score, least=-0.5),
    Score("ami", "AMI", adjusted_mutual_info_score, least=-np.inf),  # no bound is known
)
RANGES = {score.name: (score.least, 1.0) for score in SCORES}
ROUNDING = 1e-6  # by less than that a score that was computed may be outside


def outside(values, least, most):
    """Which of the `values`, NaN for none, are not from `least` to `most`: bool of the same shape."""
    return (values < least - ROUNDING) | (values > most + ROUNDING)


# What `sampling_errors` gives: how far a score would move with other sequences of the same kind.
ERRORS = ("accuracy_error", "nmi_error")


def sampling_errors(labels, clusters):
    """Standard deviations of ACC and NMI over samples of as many sequences from the same population.

    Of ACC that of a binomial share, of NMI by the delta method on the table of classes and clusters. Two members more,
    spread over all outcomes, keep a perfect clustering from being taken for certain (Agresti and Caffo 2000).

    Parameters
    ----------
    labels, clusters : array of int, shape (n,)
        Sequences labelled -1 (unknown) are left out.

    Returns
    -------
    dict of str to float
        `ERRORS`.
    """
    known = np.asarray(labels) >= 0
    counts = contingency_matrix(np.asarray(labels)[known], np.asarray(clusters)[known]).astype(float)
    n = counts.sum() + 2
    rows, columns = linear_sum_assignment(counts, maximize=True)
    share = (counts[rows, columns].sum() + 1) / n
    p = (counts + 2 / counts.size) / n
    of_class, of_cluster = p.sum(axis=1, keepdims=True), p.sum(axis=0, keepdims=True)
    entropies = -sum(float((q * np.log(q)).sum()) for q in (of_class, of_cluster))
    information = np.log(p / (of_class * of_cluster))
    if not entropies:
        return dict(zip(ERRORS, (float(np.sqrt(share * (1 - share) / n)), 0.0), strict=True))
    # NMI is 2 I / H: its change with one more member of a cell, up to a constant.
    nmi = 2 * float((p * information).sum()) / entropies
    change = (2 * information + nmi * (np.log(of_class) + np.log(of_cluster))) / entropies
    variance = float((p * change**2).sum() - (p * change).sum() ** 2)
    errors = np.sqrt(share * (1 - share) / n), np.sqrt(max(variance, 0.0) / n)
    return dict(zip(ERRORS, map(float, errors), strict=True))


# What `problem_scores` adds for a task: name to title.
TASK_SCORES = {
    "homogeneity": "homogeneity",
    "completeness": "completeness",
    "count_accuracy": "right number of clusters",
    "element_accuracy": "right element",
    "order_agreement": "agreement of two orders",
}


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
        Those of `SCORES`, and ``n_clusters``, the number found; None without any label.

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
    return {score.name: float(score.function(labels, clusters)) for score in SCORES} | {
        "n_clusters": int(len(np.unique(clusters)))
    }


def problem_scores(problems, found, ordered, again=None, told=None):
    """Mean over problems of the scores of each.

    Parameters
    ----------
    problems : Problems
    found : ndarray of shape (M,)
        Cluster of every member.
    ordered : bool
        Whether a cluster's number means something, so that elements can be right or wrong by themselves.
    again : ndarray of shape (M,), optional
        Clusters of the same members when every problem was read in another order.
    told : ndarray of shape (M,), optional
        Clusters of the same members as if the number of clusters of every problem had been known.

    Returns
    -------
    dict or None
        Those of `scores`, ``n_clusters`` being the most found in a problem; ``homogeneity``, ``completeness``;
        ``count_accuracy``, the share of problems whose number of clusters is right; with `ordered`
        ``element_accuracy``, the share of members with the right number; with `again` ``order_agreement``, the ARI
        between the two clusterings; with `told` ``accuracy_told``, the accuracy of those. None without problems.
    """
    if not len(problems):
        return None
    pairs = list(zip(problems.split_up(problems.clusters), problems.split_up(found), strict=True))
    each = [
        scores(clusters, own)
        | {"homogeneity": homogeneity_score(clusters, own), "completeness": completeness_score(clusters, own)}
        | {"count_accuracy": len(np.unique(own)) == len(np.unique(clusters))}
        for clusters, own in pairs
    ]
    means = {name: float(np.mean([one[name] for one in each])) for name in each[0]}
    means["n_clusters"] = max(one["n_clusters"] for one in each)
    if ordered:
        means["element_accuracy"] = float(np.mean(found == problems.clusters))
    if again is not None:
        pairs = zip(problems.split_up(found), problems.split_up(again), strict=True)
        means["order_agreement"] = float(np.mean([adjusted_rand_score(one, other) for one, other in pairs]))
    if told is not None:
        pairs = zip(problems.split_up(problems.clusters), problems.split_up(told), strict=True)
        means["accuracy_told"] = float(np.mean([accuracy(*pair) for pair in pairs]))
    return means
