"""Whether a method finds the same clusters on two halves of the data: stability that needs no labels.

Each half is clustered by itself, with the time limit and process of any run, and each fit says the cluster of every
sequence; the adjusted Rand index between the two is 1 where the clusters don't depend on which half was seen
(Ben-Hur et al. 2002; Lange et al. 2004). Predicted clusters are a method's own rule for sequences that it hasn't seen.
"""

from dataclasses import replace

import numpy as np
from sklearn.metrics import adjusted_rand_score

from datasets.seeds import seed_sequence
from datasets.sequences import SPLITS

from .run import run_job

PAIRS = 2  # of halves


def halves(n, pair):
    """Index into `SPLITS` of every sequence for each half of a pair: it is trained on, the other one is not.

    All numbers of clusters of the same data have the same halves.
    """
    first = np.zeros(n, bool)
    first[np.random.default_rng(seed_sequence(pair, "own", "halves")).permutation(n)[: n // 2]] = True
    train, test = SPLITS.index("train"), SPLITS.index("test")
    return [np.where(half, train, test).astype(np.int8) for half in (first, ~first)]


def agreement_of_halves(sequences, **job):
    """Adjusted Rand index of each of `PAIRS` pairs of halves; None where one of the two fits isn't ok.

    Parameters
    ----------
    sequences : Sequences
    **job
        As `runs.run.run_job` takes it, without seeds.
    """
    found = []
    for pair in range(PAIRS):
        fits = [run_job(replace(sequences, split=half), **job, seeds=[pair]) for half in halves(len(sequences), pair)]
        ok = all(records[0]["status"] == "ok" for records, _ in fits)
        found.append(float(adjusted_rand_score(*(clusters[pair] for _, clusters in fits))) if ok else None)
    return found
