"""How far runs agree with each other, and how sure a sequence's cluster is: no label takes part."""

import itertools
import json
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score

from runs.record import RUN
from runs.scores import match_clusters

from .published import CELL


def ok_runs(records, every):
    """(method, vectorization, dataset) to seed to the clusters of every sequence, of the ok runs on the first split.

    `every` gives a run's clusters, as `reports.chosen.clusters_of` does.
    """
    found = {}
    for record in records:
        if record["status"] == "ok" and record["split"] == 0:
            run = tuple(record[field] for field in RUN[1:])
            found.setdefault(tuple(record[field] for field in CELL), {})[record["seed"]] = every(*run)
    return found


def agreement(runs):
    """Mean adjusted Rand index over all pairs of runs, each the cluster of every sequence; None with fewer than two."""
    pairs = [adjusted_rand_score(one, other) for one, other in itertools.combinations(runs, 2)]
    return float(np.mean(pairs)) if pairs else None


def shares(chosen, others):
    """Share of `others` in which a sequence is in the cluster that stands for its one in `chosen`, shape (n,).

    Clusters of each run are matched one to one with those of `chosen`; NaN without others.
    """
    same = []
    for other in others:
        stands = np.full(other.max() + 1, -1)
        for cluster, own in match_clusters(chosen, other).items():
            stands[cluster] = own
        same.append(stands[other] == chosen)
    return np.mean(same, axis=0) if same else np.full(len(chosen), np.nan)


def margins(vectors, found):
    """How much nearer a vector is to the mean of its cluster than to that of the next, shape (n,), -1 to 1.

    The silhouette with means in place of all members (Hruschka et al. 2004); NaN with a single cluster.
    """
    groups, own = np.unique(found, return_inverse=True)
    if len(groups) < 2:
        return np.full(len(found), np.nan)
    distances = np.stack([np.linalg.norm(vectors - vectors[own == g].mean(axis=0), axis=1) for g in range(len(groups))])
    each = np.arange(len(found))
    inside = distances[own, each]
    distances[own, each] = np.inf
    outside = distances.min(axis=0)
    largest = np.maximum(inside, outside)
    return np.divide(outside - inside, largest, out=np.zeros(len(found)), where=largest > 0)


def read_halves(folder, files):
    """(method, vectorization, dataset) to the mean agreement of halves, from what `runs.halves` gave.

    `files` lie in `folder`, as ``halves/<dataset>/<method>-<inputs>.json``. The mean is that of the ok pairs, NaN
    without any; behind it stand how many these are, and how many pairs there are.
    """
    found = {}
    for file in files:
        method, dataset = Path(file).stem.split("-")[0], Path(file).parent.name
        for how, pairs in json.loads(Path(folder, file).read_text(encoding="utf-8")).items():
            ok = [value for value in pairs if value is not None]
            found[method, how, dataset] = float(np.mean(ok)) if ok else np.nan, len(ok), len(pairs)
    return found
