"""The evidence: the published cells of the baselines, what the paper says of its data, and the misfit of a reading.

The misfit has one unit, that of ACC and NMI:

- cells: for every published cell of k-means, Ward's linkage and spectral clustering how far it is from the cells of
  test splits (`crps`; for all sequences simply |ΔACC| + |ΔNMI|), spectral clustering under the affinity that fits best,
  since the authors' is unknown;
- statements: what each measurement lacks to its demand (0 when it is met). What is measured lies between 0 and 1, and
  the demands are round numbers of this study, written beside the paper's words.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import mannwhitneyu
from sklearn.neighbors import NearestNeighbors

from methods.vectorize import vectorize
from reports.published import published_scores

from .clustering import AFFINITIES, NORMALISATIONS, cell, kmeans

METHODS = ("kmeans", "ward", "spectral")  # no deep row: those are to be tested, so they don't choose the data
VECTORIZATIONS = ("zero", "crop", "avg")
NEIGHBOURS = 10


@functools.cache
def published():
    """Published cells of the baselines: dict of data set to dict of (method, vectorisation) to (ACC, NMI)."""
    cells = {}
    for row in published_scores("rddc_table1", ["accuracy", "nmi"]).itertuples(index=False):
        if row.method in METHODS:
            cells.setdefault(row.dataset, {})[row.method, row.vectorization] = row.published_accuracy, row.published_nmi
    return cells


# ---- statements


@dataclass(frozen=True)
class Statement:
    """Something the paper says of its data, as a measurement.

    Parameters
    ----------
    name : str
        What is measured, in a few words.
    said : str
        What the paper says.
    demand : float
        Least value that agrees with it.
    measure : callable
        Takes sequences, labels and the reading's cells; returns the value, 0 to 1.
    """

    name: str
    said: str
    demand: float
    measure: Callable


def neighbours(vectors):
    """Indices of the `NEIGHBOURS` nearest other vectors, shape (n, 10): what a t-SNE keeps together."""
    return NearestNeighbors(n_neighbors=NEIGHBOURS).fit(vectors).kneighbors(return_distance=False)


def length_of_neighbours(sequences, labels, cells):
    """Correlation of a sequence's length with the mean length of its neighbours among the averages."""
    near = neighbours(vectorize(sequences, "avg"))
    lengths = sequences.lengths
    return abs(float(np.corrcoef(lengths, lengths[near].mean(axis=1))[0, 1]))


def length_of_clusters(sequences, labels, cells):
    """How well length tells the k-means clusters of the averages apart: the chance that of two sequences of different
    clusters the longer is in the cluster of the longer ones, from .5 to 1."""
    clusters = kmeans(vectorize(sequences, "avg"), 2)
    pair = [sequences.lengths[clusters == c] for c in (0, 1)]
    share = mannwhitneyu(*pair).statistic / (len(pair[0]) * len(pair[1]))
    return float(max(share, 1 - share))


def narrow(sequences, labels):
    """Averages and labels of sequences of about one length, cropped to the shortest of them.

    The quarter around the median length; the paper's range is lost.
    """
    order = np.argsort(sequences.lengths, kind="stable")
    chosen = np.sort(order[3 * len(order) // 8 : 5 * len(order) // 8])
    shortest = int(sequences.lengths[chosen].min())
    elements = sequences.offsets[:-1][chosen][:, None] + np.arange(shortest)
    return sequences.values[elements].mean(axis=1), labels[chosen]


def words_of_neighbours(sequences, labels, cells):
    """Share of the neighbours that are the same word, among sequences of about one length."""
    vectors, words = narrow(sequences, labels)
    return float((words[neighbours(vectors)] == words[:, None]).mean())


def words_of_clusters(sequences, labels, cells):
    """ACC of k-means on sequences of about one length."""
    vectors, words = narrow(sequences, labels)
    return cell(words, kmeans(vectors, 2))[0]


def centred(sequences, labels, cells):
    """1 less the largest mean of a dimension over a sequence, in standard deviations of that dimension."""
    means = vectorize(sequences, "avg").astype(np.float64)
    return max(0.0, 1 - float(np.abs(means / sequences.values.std(axis=0, dtype=np.float64)).max()))


def spreads_differ(sequences, labels, cells):
    """1 less the least standard deviation of a dimension by the largest: near 0 where they were made equal."""
    spread = sequences.values.std(axis=0, dtype=np.float64)
    return 1 - float(spread.min() / spread.max())


def averages_are_best(sequences, labels, cells):
    """By how much the ACC of k-means on averages is above that on padded or cropped sequences."""
    others = [cells[key][0] for key in ("kmeans-zero", "kmeans-crop") if key in cells]
    return cells["kmeans-avg"][0] - max(others)


STATEMENTS = {
    "speech_commands": (
        Statement(
            "correlation of the length with that of the 10 nearest averages",
            "t-SNE of the averages: length decides the neighbourhoods",
            0.80,
            length_of_neighbours,
        ),
        Statement(
            "how well length tells the clusters of k-means on averages apart (AUC)",
            "k-means on the averages groups almost solely by length",
            0.90,
            length_of_clusters,
        ),
        Statement(
            "share of the same word among the 10 nearest, sequences of about one length",
            "t-SNE of sequences of about one length: two separate clusters that are yes and no",
            0.90,
            words_of_neighbours,
        ),
        Statement(
            "ACC of k-means, sequences of about one length",
            "k-means does much better there",
            0.80,
            words_of_clusters,
        ),
    ),
    "arabic_digits": (
        Statement(
            "1 less the largest mean of a sequence, in standard deviations",
            "all sequences are normalised to have zero mean",
            0.99,
            centred,
        ),
        Statement(
            "1 less the least standard deviation of a coefficient by the largest",
            "nothing of a unit variance, which it does say of Speech Commands' recordings",
            0.50,
            spreads_differ,
        ),
    ),
    "twenty_newsgroups": (
        Statement(
            "ACC of k-means on averages, less the better of padding and cropping",
            "the averages are the best input",
            0.10,
            averages_are_best,
        ),
    ),
    "character_trajectories": (),
}


def measurements(name, sequences, labels, cells):
    """Value of every statement on a data set, in order, four digits."""
    return [round(float(statement.measure(sequences, labels, cells)), 4) for statement in STATEMENTS[name]]


# ---- misfit


def distance(samples, goal, method, affinity=None, normalisation="arithmetic"):
    """How far a method's cells are from the published ones, ACC and NMI summed over those that a reading has.

    Parameters
    ----------
    samples : list of dict of str to list
        What `clustering.evaluate` gives: once for all sequences, or of several test splits.
    goal : dict of (method, vectorisation) to (ACC, NMI)
    method : str
        One of `METHODS`.
    affinity : str, optional
        For spectral clustering, one of `AFFINITIES`.
    normalisation : str
        One of `NORMALISATIONS`.
    """
    total, row = 0.0, 1 + NORMALISATIONS.index(normalisation)
    for (published_method, how), (accuracy, nmi) in goal.items():
        key = f"{affinity or method}-{how}"
        if published_method == method and key in samples[0]:
            found = np.array([cells[key] for cells in samples])
            total += crps(found[:, 0], accuracy) + crps(found[:, row], nmi)
    return total


def crps(samples, value):
    """Continuous ranked probability score of `value` under the distribution of `samples`, by its unbiased estimate.

    E|X - value| - E|X - X'| / 2: the distance to a single sample, and for several it doesn't punish a spread that the
    published draw had as well. A reading of the right distribution has the least one on average (T. Gneiting, A. E.
    Raftery: Strictly proper scoring rules, prediction, and estimation. JASA, 2007).
    """
    m = len(samples)
    apart = np.abs(samples[:, None] - samples).sum() / (m * (m - 1)) if m > 1 else 0.0
    return float(np.abs(samples - value).mean() - apart / 2)


def samples_of(record, protocol):
    """Cells of a record: those of its test splits, or ``all`` for those of all its sequences."""
    return record["test_cells"] if protocol == "test" else [record["cells"]]


def best_affinity(name, record, protocol="test", normalisation="arithmetic"):
    """The affinity whose spectral cells are nearest to the published ones."""
    goal, samples = published()[name], samples_of(record, protocol)
    return min(AFFINITIES, key=lambda affinity: distance(samples, goal, "spectral", affinity, normalisation))


def misfit(name, record, protocol="test", normalisation="arithmetic"):
    """Parts of a reading's misfit: dict with ``kmeans, ward, spectral, statements`` and their sum, ``total``.

    A record of the first stage has cells of all sequences alone, and no spectral clustering: that part is 0.
    """
    goal, samples = published()[name], samples_of(record, protocol)
    parts = {method: distance(samples, goal, method, None, normalisation) for method in ("kmeans", "ward")}
    affinity = best_affinity(name, record, protocol, normalisation)
    parts["spectral"] = distance(samples, goal, "spectral", affinity, normalisation)
    pairs = zip(STATEMENTS[name], record["measurements"], strict=True)
    parts["statements"] = sum(max(0.0, statement.demand - value) for statement, value in pairs)
    return {part: round(value, 4) for part, value in parts.items()} | {"total": round(sum(parts.values()), 4)}
