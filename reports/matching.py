"""Which class a cluster stands for: its number, its colour, and who is confused with whom."""

import numpy as np

from runs.scores import match_clusters

from .style import COLOURS


def places(labels, found, n_classes):
    """Number of every cluster: that of the class it stands for, and beyond the classes for what stands for none.

    Parameters
    ----------
    labels, found : array of int, shape (n,)
        A label of -1 is unknown.
    n_classes : int

    Returns
    -------
    dict of int to int
    """
    known = labels >= 0
    matched = match_clusters(labels[known], found[known]) if known.any() else {}
    return matched | {c: n_classes + i for i, c in enumerate(sorted(set(found.tolist()) - set(matched)))}


def colours(labels, found, n_classes):
    """Colour of every cluster: that of the class it stands for, by `places`, and black for -1, a label not known."""
    numbers = places(labels, found, n_classes)
    return {c: COLOURS[number % len(COLOURS)] if c >= 0 else COLOURS[-1] for c, number in numbers.items()}


def hits(labels, clusters):
    """Which sequences are in the right class under the best one-to-one map, bool of shape (n,)."""
    classes = np.full(clusters.max() + 1, -1)
    for cluster, label in match_clusters(labels, clusters).items():
        classes[cluster] = label
    return classes[clusters] == labels


def contingency(labels, found, n_classes):
    """Sequences of each class in each cluster, and their share of the class.

    Returns
    -------
    counts, shares : ndarray of shape (n_classes, at least n_classes)
        A row a class, a column a cluster, in the order of `places`.
    """
    place = places(labels, found, n_classes)
    counts = np.zeros((n_classes, max([n_classes, *(number + 1 for number in place.values())])), int)
    np.add.at(counts, (labels, [place[int(c)] for c in found]), 1)
    return counts, counts / counts.sum(axis=1, keepdims=True).clip(1)
