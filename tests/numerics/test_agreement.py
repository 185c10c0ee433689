"""Agreement between runs and halves, and how sure a sequence's cluster is."""

import json

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_samples

from datasets.sequences import Sequences
from reports.agreement import agreement, margins, read_halves, shares
from runs.halves import PAIRS, agreement_of_halves, halves
from workflow.scripts.halves import work


def test_agreement_is_the_mean_over_all_pairs():
    rng = np.random.default_rng(0)
    runs = [rng.integers(3, size=40) for _ in range(3)]
    expected = np.mean([adjusted_rand_score(runs[i], runs[j]) for i, j in ((0, 1), (0, 2), (1, 2))])
    assert agreement(runs) == pytest.approx(expected)
    assert agreement(runs[:1]) is None and agreement([runs[0], (runs[0] + 1) % 3]) == 1


def test_shares_match_clusters_before_they_are_compared():
    chosen = np.array([0, 0, 0, 1, 1, 1])
    renamed, other = np.array([5, 5, 5, 2, 2, 2]), np.array([1, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(shares(chosen, [renamed, other]), [1, 1, 0.5, 1, 1, 1])
    assert np.isnan(shares(chosen, [])).all()


def test_margins_tell_what_silhouettes_tell():
    rng = np.random.default_rng(0)
    found = np.repeat([0, 1, 4], 30)
    vectors = rng.normal(size=(90, 5)) + 4 * found[:, None]
    ours = margins(vectors, found)
    assert np.corrcoef(ours, silhouette_samples(vectors, found))[0, 1] > 0.9
    assert (np.abs(ours) <= 1).all() and np.isnan(margins(vectors, np.zeros(90, int))).all()
    assert (margins(np.ones((4, 2)), np.array([0, 0, 1, 1])) == 0).all()


def test_a_margin_by_hand():
    """Means 11/3 and 10: the third is nearer to the other cluster's, and its share is of its own, larger distance."""
    found = margins(np.array([[0.0], [2], [9], [10]]), np.array([0, 0, 0, 1]))
    np.testing.assert_allclose(found, [1 - 11 / 30, 1 - 5 / 24, 3 / 16 - 1, 1])


@pytest.mark.parametrize("real", [True, False])
def test_halves_agree_on_clusters_that_are_there(real):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 2)).astype(np.float32) + (30 * (np.arange(60) % 3)[:, None] if real else 0)
    data = Sequences.from_list(list(values[:, None]))
    job = {"reading": "test", "dataset": "toy", "method": "kmeans", "vectorization": "avg", "n_clusters": 3}
    found = agreement_of_halves(data, **job, settings={}, limit=60)
    assert len(found) == 2 and (found == [1, 1] if real else max(found) < 0.95)
    collapsed = agreement_of_halves(Sequences.from_list([np.zeros((2, 1))] * 60), **job, settings={}, limit=60)
    assert collapsed == [None, None]


def test_a_pair_is_compared_on_all_sequences_when_both_of_its_fits_are_ok(monkeypatch):
    """By the adjusted index: what agrees less than chance is below 0."""
    halved, crossed = [0, 0, 1, 1], [0, 1, 0, 1]
    found, statuses = iter([halved, crossed, halved, halved]), iter(["ok", "ok", "ok", "collapsed"])

    def run_job(sequences, *, seeds):
        return [{"status": next(statuses)}], {seeds[0]: np.array(next(found))}

    monkeypatch.setattr("runs.halves.run_job", run_job)
    assert agreement_of_halves(Sequences.from_list([np.zeros((2, 1))] * 4)) == [pytest.approx(-0.5), None]


def test_a_failed_pair_is_counted(tmp_path):
    file = "halves/toy_k3/rddc-none-avg.json"
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(json.dumps({"none": [0.95, None], "avg": [None, None], "zero": [0.5, 0.7]}))
    found = read_halves(tmp_path, [file])
    assert found["rddc", "none", "toy_k3"] == (0.95, 1, 2)
    assert found["rddc", "zero", "toy_k3"] == (pytest.approx(0.6), 2, 2)
    assert np.isnan(found["rddc", "avg", "toy_k3"][0]) and found["rddc", "avg", "toy_k3"][1:] == (0, 2)


def test_data_too_small_for_halves_have_as_many_failed_pairs(tmp_path):
    Sequences.from_list([np.full((2, 1), value) for value in range(5)]).save(tmp_path / "five.npz")
    job = {"reading": "test", "dataset": "toy", "method": "kmeans", "vectorizations": ["avg"], "n_clusters": 3}
    work(job | {"settings": {}, "limit": 60}, 0, 1, tmp_path / "five.npz", tmp_path / "made.json")
    assert json.loads((tmp_path / "made.json").read_text()) == {"avg": [None] * PAIRS}


def test_halves_are_halves():
    for pair in range(2):
        first, second = halves(7, pair)
        assert sorted(np.bincount(first, minlength=3).tolist()) == [0, 3, 4] and (first != second).all()
    assert (halves(50, 0)[0] != halves(50, 1)[0]).any()
