"""The fingerprint study's own clustering against scikit-learn's, and its bound and its records."""

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering, SpectralClustering
from sklearn.metrics import adjusted_rand_score

from studies import fingerprints


@pytest.fixture
def vectors():
    rng = np.random.default_rng(0)
    return np.repeat(rng.normal(size=(3, 50)), 20, axis=0) * 2 + rng.normal(size=(60, 50))


def test_ward_is_scikit_learns(vectors):
    found = fingerprints.ward(fingerprints.squared_distances(vectors), 4)
    assert adjusted_rand_score(found, AgglomerativeClustering(4).fit_predict(vectors)) == 1


def test_spectral_is_scikit_learns(vectors):
    affinity = np.exp(-fingerprints.squared_distances(vectors) / 50)
    expected = SpectralClustering(3, affinity="precomputed", random_state=0).fit_predict(affinity)
    assert adjusted_rand_score(fingerprints.spectral(affinity, 3), expected) == 1


def test_a_rotation_keeps_distances(vectors):
    wide = np.hstack([vectors, vectors**2])
    turned = fingerprints.rotate(wide)
    assert turned.shape[1] < wide.shape[1]
    np.testing.assert_allclose(
        fingerprints.squared_distances(turned), fingerprints.squared_distances(wide), atol=1e-6 * (wide**2).sum(1).max()
    )


def test_fit_is_zero_for_the_published_cells_and_grows():
    goal = {("kmeans", "avg"): (0.8, 0.5), ("spectral", "avg"): (0.9, 0.1)}
    cells = {"kmeans-avg": [0.8, 0.5], "spectral_scaled-avg": [0.7, 0.1]}
    assert fingerprints.fit(cells, goal, ["kmeans", "ward"]) == 0
    assert fingerprints.fit(cells, goal, ["spectral_scaled"]) == pytest.approx(0.2)


def test_largest_nmi():
    assert fingerprints.largest_nmi(2, 0.5, starts=3) < 0.01  # no better than chance, so the clusters say nothing
    assert fingerprints.largest_nmi(2, 1.0, starts=3) > 0.99


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"stage": "screen"}\n{"stage": "fi')
    assert fingerprints.load_records(tmp_path / "a.jsonl") == [{"stage": "screen"}]
    assert fingerprints.load_records(tmp_path / "nothing.jsonl") == []
