"""N2D: the pieces against scikit-learn's, DBSCAN's number of clusters, and the manifold of UMAP."""

import numpy as np
import pytest
import sklearn.cluster
import sklearn.manifold
import sklearn.mixture
import torch
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from datasets.sequences import Sequences
from methods.autoencoder import DenseAutoencoder
from methods.deep import random_streams
from methods.n2d import N2D, load_umap
from runs.run import run_job

SMALL = {"widths": (16,), "batch": 20, "epochs": 5, "random_state": 0}


@pytest.fixture(scope="module")
def blobs():
    X, labels = make_blobs(120, 6, centers=4, cluster_std=0.3, random_state=0)
    return X.astype(np.float32), labels


def test_the_tutorial_s_autoencoder_has_its_parameters():
    tutorial = N2D(5, (1024, 512, 256), 10, manifold="none", clustering="kmeans", batch=8, epochs=1, random_state=0)
    assert tutorial.fit(np.eye(20, 500, dtype=np.float32)).n_parameters_ == 2_343_934


def test_k_means_on_the_code_is_scikit_learn_s(blobs):
    fitted = N2D(4, manifold="none", clustering="kmeans", **SMALL).fit(blobs[0])
    code = fitted.transform(blobs[0])
    assert code.shape == (120, 4)
    expected = sklearn.cluster.KMeans(4, n_init=10, random_state=1).fit_predict(code)
    assert adjusted_rand_score(fitted.labels_, expected) == 1


def test_watched_vectors_are_not_trained_on(blobs):
    fitted = N2D(4, manifold="none", watched=100, **SMALL).fit(blobs[0])
    assert fitted.n_updates_ == 5 and len(fitted.loss_curve_["validation_loss"]) == 5
    assert len(fitted.labels_) == 120
    assert "validation_loss" not in N2D(4, manifold="none", **SMALL).fit(blobs[0]).loss_curve_
    watched = blobs[0][random_streams(0, 3)[0].permutation(120)[:100]]
    error = DenseAutoencoder(fitted.network_).error(torch.from_numpy(watched))
    assert fitted.loss_curve_["validation_loss"][-1] == pytest.approx(error, rel=1e-5)


@pytest.mark.parametrize("components", [None, 2])
def test_a_mixture_on_isomap_of_the_code_is_scikit_learn_s(components):
    X = np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32)
    settings = {"neighbors": 12, "components": components, "code_units": 5}
    fitted = N2D(4, manifold="isomap", **settings, **SMALL).fit(X)
    isomap = sklearn.manifold.Isomap(n_components=components or 4, n_neighbors=12, eigen_solver="dense")
    manifold = isomap.fit_transform(fitted.transform(X)).astype(float)
    seed = int(random_streams(0, 3)[2].integers(2**31))
    mixture = sklearn.mixture.GaussianMixture(4, random_state=seed).fit(manifold)
    np.testing.assert_allclose(fitted.embeddings_["manifold"], manifold, atol=1e-5)
    np.testing.assert_array_equal(fitted.labels_, mixture.predict(manifold))
    others = X[[7, 3, 3]]
    np.testing.assert_allclose(fitted.predict_proba(others), mixture.predict_proba(manifold[[7, 3, 3]]), atol=1e-6)


def test_a_mixture_is_fitted_to_codes_of_any_scale_and_rank():
    """In float32 their covariance is singular."""
    codes = np.random.default_rng(0).normal(size=(60, 1)).astype(np.float32) * np.float32([1e4, 2e4, -1e4])
    model = N2D(3, clustering="gmm")
    assert set(model._cluster(codes, 0)) == {0, 1, 2}
    with pytest.raises(ValueError, match="ill-defined empirical covariance"):
        sklearn.mixture.GaussianMixture(3, random_state=0).fit(codes)


def test_vectors_with_one_code_share_a_cluster():
    doubled = np.repeat(np.random.default_rng(0).normal(size=(60, 6)), 2, axis=0)
    labels = N2D(4, manifold="isomap", **SMALL).fit_predict(doubled)
    np.testing.assert_array_equal(labels[::2], labels[1::2])


def dbscan(X, **settings):
    """Record and clusters of a run that asks for 5 clusters."""
    settings = {"n_clusters": 5, "manifold": "none", "clustering": "dbscan", "min_samples": 5} | SMALL | settings
    settings.pop("random_state")
    sequences = Sequences(X, np.arange(len(X) + 1))
    job = {"reading": "test", "dataset": "blobs", "method": "n2d", "vectorization": "vector"}
    (record,), clusters = run_job(sequences, **job, seeds=[0], settings=settings, limit=60)
    return record, clusters


def test_dbscan_may_find_another_number_of_clusters(blobs):
    record, clusters = dbscan(blobs[0], radius=1.0)
    assert record["status"] == "ok" and 2 <= len(record["usage"]) != record["n_clusters"] == 5
    assert len(np.unique(clusters[0])) == len(record["usage"])
    assert clusters["0_code"].shape == (120, 5)


def test_dbscan_that_finds_one_cluster_has_collapsed(blobs):
    record, clusters = dbscan(blobs[0], radius=1e3)
    assert record["status"] == "collapsed" and record["reason"].startswith("1 of 2 clusters are used")
    assert set(clusters[0]) == {1}


def test_what_dbscan_takes_for_noise_is_cluster_0(blobs):
    record, clusters = dbscan(blobs[0], radius=1e-6)
    assert record["status"] == "collapsed" and set(clusters[0]) == {0}


def test_umap(blobs):
    """The paper's manifold: found, without a warning, the same for one seed, without touching any global state."""
    X, labels = blobs
    state = np.random.get_state()[1].copy()
    paper = N2D(4, **SMALL | {"epochs": 20})
    threads = torch.get_num_threads()
    first, second = (clone(paper).fit(X).embeddings_["manifold"] for _ in range(2))
    assert first.shape == (120, 4) and torch.get_num_threads() == threads
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(np.random.get_state()[1], state)
    fitted = paper.fit(X)
    assert adjusted_rand_score(labels, fitted.labels_) > 0.9
    seed = int(random_streams(0, 3)[1].integers(2**31))
    direct = load_umap()(n_components=4, n_neighbors=20, min_dist=0, n_jobs=1, random_state=seed)
    np.testing.assert_allclose(direct.fit_transform(fitted.embeddings_["code"]), first, atol=1e-4)
