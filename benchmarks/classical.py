"""The baselines' libraries side by side: seconds, and whether they find the same partition.

k-means and Ward have the size of Arabic Digits after zero padding (n = 8800, D = 1209); the data are overlapping
Gaussian clusters. ``python -m benchmarks.classical`` writes ``benchmarks/classical.md``; fastcluster and openTSNE are
measured where they are installed.
"""

import argparse
import importlib.util
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import AgglomerativeClustering, KMeans, SpectralClustering
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_rand_score
from tabulate import tabulate
from threadpoolctl import threadpool_limits

from datasets.storage import write_text

from .gru import machine

HERE = Path(__file__).parent
USED = """\
The project uses scikit-learn's Lloyd, lobpcg and t-SNE (of at most 2000 points), and its Ward linkage: fastcluster
finds the same partition sooner, but saves half a minute on 8800 sequences for one dependency more."""
CLUSTERS = 10


def vectors(n, d):
    """Overlapping Gaussian clusters, float32, and the clusters they came from."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % CLUSTERS
    centres = rng.normal(size=(CLUSTERS, d)) * 3 / np.sqrt(d)
    return (centres[labels] + rng.normal(size=(n, d)) / np.sqrt(d) * 1.5).astype(np.float32), labels


def ward_from(distances):
    """Ten clusters of Ward's linkage of condensed distances."""
    import fastcluster

    return fcluster(fastcluster.linkage(distances, "ward", preserve_input=False), CLUSTERS, "maxclust")


def condensed(X):
    """Euclidean distances by one matrix product, condensed."""
    X = X.astype(np.float64)
    squares = (X**2).sum(1)
    products = X @ X.T
    rows, columns = np.triu_indices(len(X), 1)
    return np.sqrt(np.maximum(squares[rows] + squares[columns] - 2 * products[rows, columns], 0))


def kmeans(algorithm):
    return lambda X: KMeans(CLUSTERS, n_init=10, algorithm=algorithm, random_state=0).fit_predict(X)


def spectral(solver):
    return lambda X: SpectralClustering(CLUSTERS, eigen_solver=solver, gamma=0.5, random_state=0).fit_predict(X)


def embedding(X):
    TSNE(random_state=0).fit_transform(X)


def fast_embedding(X):
    from openTSNE import TSNE as FastTSNE

    FastTSNE(random_state=0, negative_gradient_method="fft", n_jobs=1).fit(X)


# What is compared: name, packages needed beyond the project's, function of the vectors, n and D.
CASES = {
    "k-means": [
        ("scikit-learn, Lloyd", None, kmeans("lloyd"), 8800, 1209),
        ("scikit-learn, Elkan", None, kmeans("elkan"), 8800, 1209),
    ],
    "Ward": [
        ("scikit-learn", None, AgglomerativeClustering(CLUSTERS, linkage="ward").fit_predict, 8800, 1209),
        ("scipy", None, lambda X: fcluster(linkage(X, "ward"), CLUSTERS, "maxclust"), 8800, 1209),
        ("fastcluster, distances by GEMM", "fastcluster", lambda X: ward_from(condensed(X)), 8800, 1209),
    ],
    "spectral clustering": [
        ("scikit-learn, arpack", None, spectral("arpack"), 3000, 39),
        ("scikit-learn, lobpcg", None, spectral("lobpcg"), 3000, 39),
    ],
    "t-SNE": [
        ("scikit-learn", None, embedding, 2000, 40),
        ("openTSNE, FFT", "openTSNE", fast_embedding, 2000, 40),
    ],
}


def measure(kind):
    """Rows of the table for one kind: seconds, ratio to the first, agreement with it."""
    rows, first = [], None
    for name, package, cluster, n, d in CASES[kind]:
        if package and not importlib.util.find_spec(package):
            rows.append([kind, name, n, d, "not installed", "–", "–"])
            continue
        X, _ = vectors(n, d)
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of convergence; what was found is compared below
            labels = cluster(X)
        seconds = time.perf_counter() - start
        first = first or (seconds, labels)
        same = "–" if labels is None else f"{adjusted_rand_score(first[1], labels):.3f}"
        rows.append([kind, name, n, d, f"{seconds:.1f}", f"{first[0] / seconds:.1f}", same])
    return rows


def main():
    """Measure every kind, or those that are named, on one thread."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(CASES))
    kinds = parser.parse_args().kinds or list(CASES)
    with threadpool_limits(1):
        rows = [row for kind in kinds for row in measure(kind)]
    head = ["method", "library", "n", "D", "seconds", "× the first", "ARI with the first"]
    text = (
        f"# Baselines\n\n{machine()}, one thread. Ratios are to the first library of each method in the same run.\n\n"
        f"{tabulate(rows, head, tablefmt='github', disable_numparse=True)}\n\n{USED}\n"
    )
    print(text)
    if kinds == list(CASES):
        write_text(HERE / "classical.md", text)


if __name__ == "__main__":
    main()
