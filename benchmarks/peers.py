"""The suite's rows beside the same done with their libraries' public entry points alone: ARI by seed, and seconds.

``python -m benchmarks.peers`` writes ``benchmarks/peers.md``; with names of rows it measures these alone anew. Both
sides get the same sequences, normalised each by itself, on one thread, one after the other in one process; compiling is
done before. What is asked is whether the project changes a method, so data and budgets are small: at most 100
sequences, all shortened by one factor until the longest has 64 elements, and five iterations where a distance is
elastic. DTW k-medoids has no peer: aeon's take sequences of one length.
"""

import argparse
import functools
import json
import os
import time
import warnings
from pathlib import Path

import numpy as np
import sklearn.cluster
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler
from tabulate import tabulate
from threadpoolctl import threadpool_limits

from datasets.prepare import prepare
from datasets.sequences import Sequences
from datasets.storage import write_text
from methods.catch22_kmeans import Catch22KMeans
from methods.dtw_kmeans import DTWKMeans
from methods.elastic import load_tslearn
from methods.k_shape import KShape
from methods.kasba import KASBA, aeon_without_hints
from methods.kmeans import KMeans
from methods.minirocket_kmeans import EXPLAINED, MiniRocketKMeans, load_minirocket
from methods.soft_dtw_kmeans import SoftDTWKMeans
from methods.spectral import Spectral
from methods.vectorize import shortened, step_for, vectorize
from methods.ward import Ward

from .gru import machine

HERE = Path(__file__).parent
KEPT = HERE / "peers.json"
SETS = {"japanese_vowels": {}, "pickup_gesture_wiimote_z": {"like": "ucr", "name": "PickupGestureWiimoteZ"}}
MOST = 100  # sequences, as many as the suite's elastic centroids come from
SEEDS, POINTS, ITERATIONS = 5, 64, 5


# ---- what a library is given, which takes no part in its time
def listed(X):
    return [X[i].astype(float) for i in range(len(X))]


def resampled(X):
    """tslearn's own resampling: shape (n, POINTS, d)."""
    return load_tslearn().preprocessing.TimeSeriesResampler(POINTS).fit_transform(listed(X))


def flat(X):
    return resampled(X).reshape(len(X), -1)


def in_channels(X):
    return resampled(X).transpose(0, 2, 1)


# ---- the libraries' rows
def sklearn_kmeans(given, k, seed):
    return sklearn.cluster.KMeans(k, n_init=10, random_state=seed).fit_predict(given)


def sklearn_ward(given, k, seed):
    return sklearn.cluster.AgglomerativeClustering(k).fit_predict(given)


def sklearn_spectral(given, k, seed):
    gamma = 1 / (given.shape[1] * given.var())
    return sklearn.cluster.SpectralClustering(k, gamma=gamma, random_state=seed).fit_predict(given)


def tslearn_kmeans(given, k, seed, **settings):
    tslearn = load_tslearn()
    kmeans = tslearn.clustering.TimeSeriesKMeans(k, max_iter=ITERATIONS, random_state=seed, **settings)
    return kmeans.fit_predict(tslearn.utils.to_time_series_dataset(given))


def tslearn_k_shape(given, k, seed, signs=False):
    """tslearn's, or with `signs` the same with a sign for each dimension of a centroid (see `REASON`)."""
    tslearn = load_tslearn()

    class Signed(tslearn.clustering.KShape):
        def _shape_extraction(self, X, k):
            own, shape = self.labels_ == k, super()._shape_extraction(X, k)
            given = {"norm_ref": -1, "norms_dataset": self.norms_[own]}
            members = tslearn.metrics.cycc.y_shifted_sbd_vec(self.cluster_centers_[k], X[own], **given)
            return shape * np.where(np.einsum("mtd,td->d", members, shape) < 0, -1, 1)

    scaled = tslearn.preprocessing.TimeSeriesScalerMeanVariance().fit_transform(given)
    kind = Signed if signs else tslearn.clustering.KShape
    return kind(k, max_iter=30, random_state=seed).fit_predict(scaled)


def aeon_kasba(given, k, seed):
    with aeon_without_hints() as aeon:
        return aeon.clustering.KASBA(k, max_iter=ITERATIONS, random_state=seed).fit_predict(given)


def aeon_catch22(given, k, seed):
    from aeon.transformations.collection.feature_based import Catch22

    features = Catch22(replace_nans=True).fit_transform([x.T for x in given])
    return sklearn_kmeans(StandardScaler().fit_transform(features), k, seed)


def aeon_minirocket(given, k, seed):
    features = load_minirocket()(500, random_state=seed).fit_transform(given.astype(np.float32))
    found = PCA().fit(scaled := StandardScaler().fit_transform(features))
    return sklearn_kmeans(found.transform(scaled)[:, found.explained_variance_ratio_ >= EXPLAINED], k, seed)


# ---- ours
def on_vectors(method, **settings):
    return lambda X, k, seed: method(k, random_state=seed, **settings).fit_predict(vectorize(X, "resample"))


def on_sequences(method, **settings):
    return lambda X, k, seed: method(k, random_state=seed, **settings).fit_predict(X)


def k_shape(X, k, seed):
    same = Sequences.from_list(vectorize(X, "resample").reshape(len(X), POINTS, -1))
    return KShape(k, random_state=seed).fit_predict(same)


SAME = {"sample": MOST, "iterations": ITERATIONS}
SOFT = {"metric": "softdtw", "metric_params": {"gamma": 1.0}, "max_iter_barycenter": 5}
REASON = (
    "k-Shape: tslearn chooses the sign of a centroid's dimension by its distance to all dimensions of the members, so"
    " with several dimensions it is often the wrong one and the loss rises at once, which ends the search; the next row"
    " is tslearn's with each sign chosen by its own dimension, as ours chooses it."
)
# Row to ours, its peer, and what the peer is given. A clusterer takes that, the number of clusters and the seed.
CASES = {
    "k-means, resampled": (on_vectors(KMeans), sklearn_kmeans, flat),
    "Ward, resampled": (on_vectors(Ward), sklearn_ward, flat),
    "spectral, resampled": (on_vectors(Spectral, gamma="scale"), sklearn_spectral, flat),
    "k-Shape, resampled": (k_shape, tslearn_k_shape, resampled),
    "k-Shape, a sign a dimension": (k_shape, functools.partial(tslearn_k_shape, signs=True), resampled),
    "DTW k-means": (on_sequences(DTWKMeans, **SAME), functools.partial(tslearn_kmeans, metric="dtw"), listed),
    "soft-DTW k-means": (on_sequences(SoftDTWKMeans, **SAME), functools.partial(tslearn_kmeans, **SOFT), listed),
    "KASBA, resampled": (on_sequences(KASBA, **SAME), aeon_kasba, in_channels),
    "catch22 k-means": (on_sequences(Catch22KMeans), aeon_catch22, listed),
    "MiniRocket k-means, resampled": (on_sequences(MiniRocketKMeans), aeon_minirocket, in_channels),
}


def measured(cluster, X, labels, k, seeds):
    """ARI of every seed, and the median of the processor's seconds, which other work on the machine hardly changes."""
    found, seconds = [], []
    for seed in range(seeds):
        start = time.process_time()
        found.append(adjusted_rand_score(labels, cluster(X, k, seed)))
        seconds.append(time.process_time() - start)
    return np.array(found), float(np.median(seconds))


def line(name, row, X, labels, seeds):
    """A line of the table; some sequences are clustered once before, so that nothing is left to compile."""
    (mine, peer, form), k, few = CASES[row], int(labels.max()) + 1, X.subset(np.arange(30))
    mine(few, 3, 0)
    peer(form(few), 3, 0)
    (ours, own), (theirs, other) = measured(mine, X, labels, k, seeds), measured(peer, form(X), labels, k, seeds)
    gap, spread = ours.mean() - theirs.mean(), ours.std() + theirs.std()
    agrees = "yes" if abs(gap) <= spread + 1e-6 else "no"
    told = [f"{of.mean():.3f} ± {of.std():.3f}" for of in (ours, theirs)]
    return [name, row, *told, f"{gap:+z.3f}", agrees, f"{own:.2f}", f"{other:.2f}", f"{other / own:.2f}"]


def page(found):
    """The page, from the lines that there are; what isn't measured says so."""
    head = ["data set", "row", "ours, ARI", "library alone, ARI", "difference", "within spread"]
    head += ["seconds", "library, seconds", "times as fast"]
    known = {tuple(line[:2]): line for line in found["lines"]}
    lines = [known.get((name, row), [name, row, "not measured"]) for name in SETS for row in CASES]
    return (
        f"# Rows beside their libraries\n\n{found['machine']}, one thread, at most {MOST} sequences, {SEEDS} seeds,"
        " mean ± standard deviation. Within spread: the means differ by no more than both standard deviations together."
        " Seconds are the processor's, of one clustering; bringing the sequences into the library's form is not among"
        f" them.\n\n{tabulate(lines, head, tablefmt='github', disable_numparse=True)}\n\n{REASON}\n"
    )


def main():
    """Measure every row, or those that are named, on both data sets, beside what was measured before."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help="; ".join(CASES))
    parser.add_argument("--raw", default="data")
    arguments = parser.parse_args()
    before = json.loads(KEPT.read_text())["lines"] if arguments.rows else []
    found = {"machine": machine(), "lines": [line for line in before if line[1] not in arguments.rows]}
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, settings in SETS.items():
            given = settings | {"normalise": "sequence", "resample": POINTS}
            mirror = os.environ.get("SEQUENCE_DATA_MIRROR")
            X, labels, _ = prepare(name, given, {"kind": "everything"}, raw=arguments.raw, mirror=mirror)
            kept = np.linspace(0, len(X) - 1, min(len(X), MOST)).astype(int)
            X, labels = shortened(X.subset(kept), step_for(X, POINTS)), labels[kept]
            for row in arguments.rows or CASES:
                found["lines"].append(line(name, row, X, labels, SEEDS))
                print(*found["lines"][-1], sep="; ", flush=True)
                write_text(KEPT, json.dumps(found, indent=1) + "\n")
                write_text(HERE / "peers.md", page(found))


if __name__ == "__main__":
    main()
