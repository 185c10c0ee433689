"""The baselines on vectors, k-means on lengths and k-means on features, against loops and their formulas."""

import numpy as np
import pytest
from sklearn.cluster import SpectralClustering
from sklearn.metrics import adjusted_rand_score

from datasets.sequences import Sequences
from methods.base import store
from methods.features import FeatureKMeans
from methods.kmeans import KMeans
from methods.length_kmeans import LengthKMeans
from methods.silhouette_k import SilhouetteK
from methods.spectral import Spectral
from methods.ward import Ward

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
OTHERS = np.random.default_rng(1).normal(size=(9, 3)).astype(np.float32)
LENGTHS = np.random.default_rng(2).integers(1, 200, 60)


class FirstElement(FeatureKMeans):
    """k-means on a feature that no library makes."""

    def __init__(self, n_clusters=8, n_init=10, random_state=None):
        store(locals())

    def _features(self, X):
        return X.values[X.offsets[:-1]]


def mean_square_to_nearest(points, centers):
    """The loss of k-means, point by point."""
    return np.mean([min(np.sum((point - center) ** 2) for center in centers) for point in points.astype(float)])


def test_the_loss_of_k_means_is_the_mean_squared_distance_to_the_nearest_centroid():
    fitted = KMeans(3, random_state=0).fit(X)
    for own, loss in ((X, fitted.loss_), (OTHERS, fitted.score_loss(OTHERS))):
        assert loss == pytest.approx(mean_square_to_nearest(own, fitted.cluster_centers_), rel=1e-5)


@pytest.mark.parametrize(
    ("method", "data"),
    [
        (KMeans(8), X),
        (LengthKMeans(8), Sequences.from_list([np.zeros((length, 1)) for length in LENGTHS])),
        (FirstElement(8), Sequences.from_list(list(X[:, None]))),
    ],
    ids=["kmeans", "length_kmeans", "features"],
)
def test_every_start_of_k_means_is_another_and_the_best_is_kept(method, data):
    single = [method.set_params(n_init=1, random_state=seed).fit(data).loss_ for seed in range(4)]
    assert len(set(single)) > 1
    assert method.set_params(n_init=30, random_state=0).fit(data).loss_ < single[0]


def test_k_means_on_lengths_knows_of_the_lengths_alone_and_as_they_are():
    """Two groups by difference; by ratio the shortest would stand alone."""
    data = Sequences.from_list([np.full((length, 1), length % 7) for length in (1, 20, 30, 90, 100, 110)])
    fitted = LengthKMeans(2, random_state=0).fit(data)
    assert len(set(fitted.labels_[:3])) == len(set(fitted.labels_[3:])) == 1 and fitted.labels_[0] != fitted.labels_[3]
    assert fitted.loss_ == pytest.approx(np.mean([16**2, 3**2, 13**2, 10**2, 0, 10**2]))
    assert fitted.predict(data.subset([5, 0, 2])).tolist() == fitted.labels_[[5, 0, 2]].tolist()


def test_features_are_standardised_one_by_one_by_the_training_data():
    scaled = X * [1, 50, 0.1] + [3, -7, 0]
    fitted = FirstElement(4, random_state=0).fit(Sequences.from_list(list(scaled[:, None])))
    standard = ((X - X.mean(axis=0)) / X.std(axis=0)).astype(float)
    centers = [standard[fitted.labels_ == cluster].mean(axis=0) for cluster in range(4)]
    assert fitted.loss_ == pytest.approx(mean_square_to_nearest(standard, centers), rel=1e-4)
    others = (OTHERS * [1, 50, 0.1] + [3, -7, 0]).astype(np.float32)
    moved = ((OTHERS - X.mean(axis=0)) / X.std(axis=0)).astype(float)
    found = fitted.score_loss(Sequences.from_list(list(others[:, None])))
    assert found == pytest.approx(mean_square_to_nearest(moved, centers), rel=1e-4)


def test_a_feature_that_is_constant_in_the_training_data_has_no_say():
    constant = np.column_stack([X, np.full(60, 5, np.float32)])[:, None]
    fitted = FirstElement(4, random_state=0).fit(Sequences.from_list(list(constant)))
    other = Sequences.from_list(list(constant + np.float32([0, 0, 0, 1000]) * (np.arange(60) % 2)[:, None, None]))
    np.testing.assert_array_equal(fitted.predict(other), fitted.labels_)
    assert fitted.score_loss(other) == pytest.approx(fitted.loss_)


def test_ward_merges_what_adds_least_to_the_squared_distances():
    def spread(members):
        return np.sum((X[members] - X[members].mean(axis=0)) ** 2)

    clusters = [[i] for i in range(20)]
    while len(clusters) > 4:
        pairs = [(one, other) for one in range(len(clusters)) for other in range(one)]
        cost = [spread(clusters[a] + clusters[b]) - spread(clusters[a]) - spread(clusters[b]) for a, b in pairs]
        one, other = pairs[int(np.argmin(cost))]
        clusters[other] += clusters.pop(one)
    found = Ward(4).fit(X[:20])
    expected = [next(number for number, members in enumerate(clusters) if i in members) for i in range(20)]
    assert adjusted_rand_score(expected, found.labels_) == 1
    nearest = [int(np.argmin([np.sum((x - own) ** 2) for own in X[:20]])) for x in X[20:]]
    np.testing.assert_array_equal(found.predict(X[20:]), found.labels_[nearest])


def test_the_affinity_of_spectral_clustering():
    """Each word for gamma by its formula, on data whose partitions tell the three apart."""
    data = X * np.float32([3, 1, 0.3])
    gammas = {"scale": 1 / (3 * np.mean((data - data.mean()) ** 2)), "dimensions": 1 / 3, 2.5: 2.5}
    squares = ((data[:, None] - data[None]) ** 2).sum(axis=2)
    settings = {"affinity": "precomputed", "eigen_solver": "lobpcg", "random_state": 0}
    expected = {
        word: SpectralClustering(4, **settings).fit_predict(np.exp(-gamma * squares)) for word, gamma in gammas.items()
    }
    for word, labels in expected.items():
        found = Spectral(4, gamma=word, random_state=0).fit_predict(data)
        agreement = [adjusted_rand_score(found, other) for other in expected.values()]
        assert agreement.count(1) == 1 and adjusted_rand_score(found, labels) == 1


def test_silhouettes_judge_up_to_the_last_number_and_vectors_with_their_own_clusters(monkeypatch):
    blobs = X[:, :2] + 12 * np.float32([[0, 0], [1, 0], [0, 1]])[np.arange(60) % 3]
    assert len(np.unique(SilhouetteK(3, random_state=0).fit(blobs).labels_)) == 3
    assert len(np.unique(SilhouetteK(2, times=2, random_state=0).fit(blobs).labels_)) == 3
    assert len(np.unique(SilhouetteK(2, random_state=0).fit(blobs).labels_)) == 2
    seen = []

    def watch(vectors, labels):
        seen.append((vectors, labels))
        return float(len(np.unique(labels)) == 3)

    monkeypatch.setattr("methods.silhouette_k.silhouette_score", watch)
    found = SilhouetteK(4, judged=20, random_state=0).fit(blobs)
    assert all(len(np.unique(vectors, axis=0)) == 20 for vectors, _ in seen)
    vectors, labels = seen[1]
    np.testing.assert_array_equal(found.predict(vectors), labels)


def test_each_run_of_silhouettes_has_starts_of_its_own():
    few = {"settings": {"n_init": 1}, "judged": 60}
    runs = [SilhouetteK(8, random_state=seed, **few).fit(X).chosen_.loss_ for seed in range(4)]
    assert len(set(runs)) > 1
