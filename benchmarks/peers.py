"""The suite's rows beside the same done with their libraries' public entry points alone: ARI by seed, and seconds.

``python -m benchmarks.peers`` writes ``benchmarks/peers.md``. Both sides get the same sequences, normalised each by
itself, on one thread, one after the other in one process; compiling is done before. The data sets are small ones: what
is asked is whether the harness changes a method.
"""

import argparse
import os
import time
import warnings
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score
from tabulate import tabulate
from threadpoolctl import threadpool_limits

from datasets.prepare import prepare
from datasets.sequences import Sequences
from datasets.storage import write_text
from methods.catch22_kmeans import Catch22KMeans
from methods.dtw_kmeans import DTWKMeans
from methods.elastic import load_tslearn
from methods.k_shape import KShape
from methods.kasba import KASBA
from methods.kmeans import KMeans
from methods.vectorize import vectorize
from methods.ward import Ward

from .gru import machine

HERE = Path(__file__).parent
SETS = {"japanese_vowels": {}, "pickup_gesture_wiimote_z": {"like": "ucr", "name": "PickupGestureWiimoteZ"}}
SEEDS, POINTS = 5, 64


def resampled(X):
    """tslearn's own resampling: shape (n, POINTS, d)."""
    return load_tslearn().preprocessing.TimeSeriesResampler(POINTS).fit_transform([X[i] for i in range(len(X))])


def flat(X):
    return resampled(X).reshape(len(X), -1)


def sklearn_kmeans(X, k, seed):
    from sklearn.cluster import KMeans as Peer

    return Peer(k, n_init=10, random_state=seed).fit_predict(flat(X))


def sklearn_ward(X, k, seed):
    from sklearn.cluster import AgglomerativeClustering

    return AgglomerativeClustering(k).fit_predict(flat(X))


def tslearn_dtw(X, k, seed):
    tslearn = load_tslearn()
    given = tslearn.utils.to_time_series_dataset([X[i] for i in range(len(X))])
    return tslearn.clustering.TimeSeriesKMeans(k, metric="dtw", max_iter=5, random_state=seed).fit_predict(given)


def tslearn_k_shape(X, k, seed):
    tslearn = load_tslearn()
    given = tslearn.preprocessing.TimeSeriesScalerMeanVariance().fit_transform(resampled(X))
    return tslearn.clustering.KShape(k, max_iter=30, random_state=seed).fit_predict(given)


def aeon_kasba(X, k, seed):
    from aeon.clustering import KASBA as Peer

    return Peer(k, max_iter=50, random_state=seed).fit_predict(resampled(X).transpose(0, 2, 1))


def aeon_catch22(X, k, seed):
    from aeon.transformations.collection.feature_based import Catch22
    from sklearn.cluster import KMeans as Peer
    from sklearn.preprocessing import StandardScaler

    features = Catch22(replace_nans=True).fit_transform([X[i].T.astype(float) for i in range(len(X))])
    return Peer(k, n_init=10, random_state=seed).fit_predict(StandardScaler().fit_transform(features))


def on_vectors(method):
    return lambda X, k, seed: method(k, random_state=seed).fit_predict(vectorize(X, "resample"))


def k_shape(X, k, seed):
    same = Sequences.from_list(vectorize(X, "resample").reshape(len(X), POINTS, -1))
    return KShape(k, random_state=seed).fit_predict(same)


# Row to ours and its peer, each a function of sequences, number of clusters and seed.
CASES = {
    "k-means, resampled": (on_vectors(KMeans), sklearn_kmeans),
    "Ward, resampled": (on_vectors(Ward), sklearn_ward),
    "DTW k-means": (
        lambda X, k, seed: DTWKMeans(k, sample=len(X), iterations=5, random_state=seed).fit_predict(X),
        tslearn_dtw,
    ),
    "k-Shape, resampled": (k_shape, tslearn_k_shape),
    "KASBA, resampled": (lambda X, k, seed: KASBA(k, sample=len(X), random_state=seed).fit_predict(X), aeon_kasba),
    "catch22 k-means": (lambda X, k, seed: Catch22KMeans(k, random_state=seed).fit_predict(X), aeon_catch22),
}


def measured(cluster, X, labels, k, seeds):
    """ARI and seconds of every seed."""
    found, seconds = [], []
    for seed in range(seeds):
        start = time.perf_counter()
        found.append(adjusted_rand_score(labels, cluster(X, k, seed)))
        seconds.append(time.perf_counter() - start)
    return np.array(found), float(np.median(seconds))


def line(name, row, X, labels, seeds):
    """A line of the table; the first 30 sequences are clustered once before, so that nothing is left to compile."""
    k, few = int(labels.max()) + 1, X.subset(np.arange(30))
    for cluster in CASES[row]:
        cluster(few, 3, 0)
    (ours, own), (theirs, other) = (measured(cluster, X, labels, k, seeds) for cluster in CASES[row])
    gap, spread = ours.mean() - theirs.mean(), ours.std() + theirs.std()
    agrees = "yes" if abs(gap) <= spread + 1e-6 else "no"
    told = [f"{of.mean():.3f} ± {of.std():.3f}" for of in (ours, theirs)]
    return [name, row, *told, f"{gap:+z.3f}", agrees, f"{own:.2f}", f"{other:.2f}", f"{other / own:.2f}"]


def main():
    """Measure every row, or those that are named, on both data sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help="; ".join(CASES))
    parser.add_argument("--raw", default="data")
    arguments = parser.parse_args()
    lines = []
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, settings in SETS.items():
            given = settings | {"normalise": "sequence", "resample": POINTS}
            mirror = os.environ.get("SEQUENCE_DATA_MIRROR")
            X, labels, _ = prepare(name, given, {"kind": "everything"}, raw=arguments.raw, mirror=mirror)
            lines += [line(name, row, X, labels, SEEDS) for row in arguments.rows or CASES]
    head = [
        "data set",
        "row",
        "ours, ARI",
        "library alone, ARI",
        "less",
        "within spread",
        "s",
        "library, s",
        "× the library",
    ]
    text = (
        f"# Rows beside their libraries\n\n{machine()}, one thread, {SEEDS} seeds, mean ± standard deviation. Within"
        " spread: the means differ by no more than the two standard deviations together.\n\n"
        f"{tabulate(lines, head, tablefmt='github', disable_numparse=True)}\n"
    )
    print(text)
    if not arguments.rows:
        write_text(HERE / "peers.md", text)


if __name__ == "__main__":
    main()
