"""Whatever happens to a run, it leaves a record: each failure on purpose."""

import json
import subprocess
import sys
import time
from dataclasses import replace

import fake_records
import numpy as np
import pytest
import torch

import methods.kmeans
import methods.length_kmeans
import runs.score
from datasets.seeds import seed_sequence
from datasets.sequences import SPLITS, Sequences
from methods.base import InvalidInput
from methods.vectorize import vectorize
from runs.record import check_record, clusters_digest, write_records
from runs.results import each_record, read_clusters, read_records, scores_file
from runs.run import clusters_of, run_job
from runs.score import score_runs
from runs.sources import ROOT

LABELS = np.arange(120) % 3


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    sequences = [4 * label + rng.normal(size=(rng.integers(2, 9), 2)) for label in LABELS]
    split = np.repeat([0, 1, 2], [80, 20, 20])
    return Sequences.from_list(sequences, split, n_classes=3)


def job(data, method="kmeans", vectorization="avg", seeds=(0, 1), settings=None, limit=60, **more):
    return run_job(
        data,
        reading="test",
        dataset="toy",
        method=method,
        vectorization=vectorization,
        seeds=list(seeds),
        settings=settings or {},
        limit=limit,
        **more,
    )


def without_cost(records):
    return [json.dumps({k: v for k, v in record.items() if k != "cost"}, sort_keys=True) for record in records]


SMALL_RDDC = {"batch": 20, "epochs": 3, "recurrent_units": 4, "hidden_units": 8}


@pytest.mark.parametrize(
    ("method", "vectorization", "settings"),
    [("kmeans", "zero", {}), ("ward", "crop", {}), ("rddc", "none", SMALL_RDDC)],
)
def test_same_seed_same_bytes(data, method, vectorization, settings, tmp_path):
    first, clusters = job(data, method, vectorization, settings=settings)
    second, again = job(data, method, vectorization, settings=settings)
    assert without_cost(first) == without_cost(second)
    write_records(tmp_path / "a.jsonl", first, {vectorization: clusters})
    write_records(tmp_path / "b.jsonl", second, {vectorization: again})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_seed_does_not_depend_on_its_block(data):
    together, clusters = job(data, "rddc", "none", seeds=(3, 4, 5), settings=SMALL_RDDC)
    alone, own = job(data, "rddc", "none", seeds=(4,), settings=SMALL_RDDC)
    assert without_cost(together[1:2]) == without_cost(alone)
    np.testing.assert_array_equal(clusters[4], own[4])


@pytest.mark.parametrize(
    ("method", "how", "name", "settings"),
    [("kmeans", "avg", "distance", {}), ("rddc", "none", "membership", SMALL_RDDC), ("ward", "avg", None, {})],
)
def test_beside_the_clusters_lies_how_sure_they_are(data, method, how, name, settings):
    """Of every sequence, those that were not trained on too, and only where the method says so."""
    _, clusters = job(data, method, how, seeds=(4,), settings=settings)
    assert [key for key in clusters if key != 4] == ([f"4_{name}"] if name else [])
    if name == "distance":
        X, found = vectorize(data, how), clusters[4]
        centres = np.stack([X[:80][found[:80] == group].mean(axis=0) for group in range(3)])
        np.testing.assert_allclose(clusters["4_distance"], np.linalg.norm(X - centres[found], axis=1), rtol=1e-3)
    elif name:
        assert clusters["4_membership"].shape == (120,)
        assert (clusters["4_membership"] >= 1 / 3).all() and (clusters["4_membership"] <= 1).all()


def test_ok_and_read_back(data, tmp_path):
    records, clusters = job(data)
    path = tmp_path / "records/toy/kmeans.jsonl"
    write_records(path, records, {"avg": clusters})
    assert list(each_record([path])) == records
    score_runs(scores_file(path), [path], [data.split], LABELS)
    records = read_records([path])
    assert [record["status"] for record in records] == ["ok", "ok"]
    assert records[0]["scores"]["test"]["accuracy"] > 0.9
    np.testing.assert_array_equal(read_clusters(path, "avg", 1), clusters[1])
    assert records[0]["provenance"]["seed_entropy"] != records[1]["provenance"]["seed_entropy"]


def test_what_was_trained_on_is_not_predicted_again(data, monkeypatch):
    """Its clusters are those of the fit, and all others are predicted, each in its place."""
    seen = []
    predict = methods.kmeans.KMeans.predict
    monkeypatch.setattr(methods.kmeans.KMeans, "predict", lambda self, X: seen.append(len(X)) or predict(self, X))
    X, parts = vectorize(data, "avg"), {name: np.flatnonzero(data.split == i) for i, name in enumerate(SPLITS)}
    fitted = methods.kmeans.KMeans(3, random_state=0).fit(X[parts["train"]])
    np.testing.assert_array_equal(clusters_of(fitted, X, parts["train"]), predict(fitted, X))
    assert seen == [len(parts["validation"]) + len(parts["test"])]
    np.testing.assert_array_equal(clusters_of(fitted, X[parts["train"]], np.arange(80)), fitted.labels_)


def test_a_method_that_asks_for_labels_gets_none(data, monkeypatch):
    """There are none in what it is given, so its run ends in an error and not in a score."""
    monkeypatch.setattr(methods.length_kmeans.LengthKMeans, "fit", lambda self, X: setattr(self, "labels_", X.labels))
    records, clusters = job(data, "length_kmeans", "none")
    assert [record["status"] for record in records] == ["error"] * 2 and clusters == {}
    assert "'Sequences' object has no attribute 'labels'" in records[0]["reason"]


def test_other_labels_give_other_scores_and_nothing_else(data, tmp_path):
    records, clusters = job(data)
    path = tmp_path / "records/toy/kmeans.jsonl"
    write_records(path, records, {"avg": clusters})
    found = []
    for labels in (LABELS, np.random.default_rng(1).permutation(LABELS), np.full(120, -1)):
        score_runs(scores_file(path), [path], [data.split], labels)
        read = read_records([path])
        found.append([record.pop("scores")["test"] for record in read])
        assert read == records
    assert found[0][0]["accuracy"] > 0.9 > found[1][0]["accuracy"] and found[2] == [None, None]
    with pytest.raises(ValueError, match="119 labels of 120 sequences"):
        score_runs(scores_file(path), [path], [data.split], LABELS[1:])


SPLIT_ANEW = [np.repeat([0, 1, 2], [80, 20, 20]), np.repeat([2, 1, 0], [20, 20, 80])]


def check_scored_on_its_split(folder):
    """Clusters that are right on the test sequences of the run's own split, and one cluster everywhere else."""
    paths = [folder / f"records/toy/rddc-none.0-0.split{number}.jsonl" for number in range(2)]
    for number, path in enumerate(paths):
        clusters = np.where(SPLIT_ANEW[number] == SPLITS.index("test"), LABELS, 0)
        made = fake_records.record(dataset="toy", split=number, clusters_digest=clusters_digest(clusters))
        write_records(path, [fake_records.bare(made)], {"none": {0: clusters}})
    score_runs(scores_file(paths[0]), paths, SPLIT_ANEW, LABELS)
    assert [one["scores"]["test"]["accuracy"] for one in read_records(paths)] == [1, 1]


def test_a_run_is_scored_on_the_split_that_it_ran_on(tmp_path):
    check_scored_on_its_split(tmp_path)


def test_scores_on_the_first_split_alone_are_found(tmp_path, monkeypatch):
    right = runs.score.split_scores
    mutant = lambda clusters, split, labels: right(clusters, SPLIT_ANEW[0], labels)  # noqa: E731
    monkeypatch.setattr(runs.score, "split_scores", mutant)
    with pytest.raises(AssertionError):
        check_scored_on_its_split(tmp_path)


def test_scores_of_other_clusters_are_refused(data, tmp_path):
    path = tmp_path / "records/toy/kmeans.jsonl"
    records, clusters = job(data)
    write_records(path, records[:1], {"avg": clusters})
    with pytest.raises(ValueError, match=r"scores/toy.jsonl: no scores for run test toy kmeans avg 0 0: score it anew"):
        read_records([path])
    score_runs(scores_file(path), [path], [data.split], LABELS)
    assert len(read_records([path])) == 1
    unscored = "no scores for run test toy kmeans avg 0 1"
    for now, told in ((records, unscored), (records[:1], "scores of other clusters")):
        clusters[0][0] += 1
        now[0]["clusters_digest"] = clusters_digest(clusters[0]) if now is not records else now[0]["clusters_digest"]
        write_records(path, now, {"avg": clusters})
        with pytest.raises(ValueError, match=told):
            read_records([path])


def test_without_labels_the_number_of_clusters_must_be_given(data):
    unlabelled = replace(data, n_classes=0)
    assert job(unlabelled, n_clusters=3)[0][0]["n_clusters"] == 3
    with pytest.raises(InvalidInput, match="no labels; give n_clusters"):
        job(unlabelled)


def test_one_number_of_clusters_is_asked_for_and_recorded(data):
    (record,), _ = job(data, seeds=[0], settings={"n_clusters": 5})
    assert record["n_clusters"] == len(record["usage"]) == 5
    assert job(data, seeds=[0], settings={"n_clusters": 2}, n_clusters=2)[0][0]["n_clusters"] == 2
    with pytest.raises(InvalidInput, match="toy, kmeans, avg: n_clusters=3, but 5 in the settings"):
        job(data, settings={"n_clusters": 5}, n_clusters=3)
    with pytest.raises(InvalidInput, match="n_clusters=0: expected 1 or more"):
        job(data, settings={"n_clusters": 0})


def test_a_row_with_a_name_of_its_own_has_the_streams_of_its_algorithm(data):
    """So that variants of a method are paired, seed by seed."""
    plain, clusters = job(data)
    row, own = job(data, "kmeans_again", algorithm="kmeans")
    assert [(record["method"], record["algorithm"]) for record in row] == [("kmeans_again", "kmeans")] * 2
    np.testing.assert_array_equal(clusters[1], own[1])
    assert row[1]["provenance"] == plain[1]["provenance"]


def failing(monkeypatch, failure):
    """k-means that fails for the first seed only."""
    original = methods.kmeans.KMeans.fit
    first = int(seed_sequence(0, "toy", "kmeans").generate_state(1)[0])

    def fit(self, X, y=None):
        if self.random_state == first:
            failure()
        return original(self, X)

    monkeypatch.setattr(methods.kmeans.KMeans, "fit", fit)


def fail_with(error):
    def failure():
        raise error

    return failure


@pytest.mark.parametrize(
    ("failure", "status", "reason"),
    [
        (fail_with(MemoryError("12 GiB")), "oom", "MemoryError: 12 GiB"),
        (fail_with(torch.OutOfMemoryError("CUDA out of memory")), "oom", "OutOfMemoryError: CUDA out of memory"),
        (fail_with(RuntimeError("DefaultCPUAllocator: not enough memory")), "oom", "not enough memory"),
        (fail_with(ZeroDivisionError("two\nlines")), "error", "ZeroDivisionError: two lines"),
        (lambda: time.sleep(60), "timeout", "stopped at its limit of 5 s"),
    ],
)
def test_a_failed_run_is_a_record_and_the_next_goes_on(data, monkeypatch, failure, status, reason):
    failing(monkeypatch, failure)
    records, clusters = job(data, limit=5)
    assert [record["status"] for record in records] == [status, "ok"]
    assert reason in records[0]["reason"] and "\n" not in records[0]["reason"]
    assert list(clusters) == [1, "1_distance"]
    assert records[0]["clusters_digest"] is None
    for record in records:
        check_record(record)


def test_diverged(data):
    records, clusters = job(data, "rddc", "none", settings=SMALL_RDDC | {"learning_rate": 1e38, "clip_norm": None})
    assert {record["status"] for record in records} == {"diverged"}
    assert "loss is not finite in epoch" in records[0]["reason"]
    assert clusters == {}


def test_collapsed(data):
    """Equal sequences can't be told apart, so one cluster is all that there is."""
    same = replace(data, values=np.zeros_like(data.values))
    records, clusters = job(same, "rddc", "none", settings=SMALL_RDDC)
    assert {record["status"] for record in records} == {"collapsed"}
    assert records[0]["reason"] == "1 of 3 clusters are used; the largest holds 100%"
    assert records[0]["usage"] == [80] and {0, 1} <= set(clusters)


@pytest.mark.parametrize(
    ("method", "settings", "more", "message"),
    [
        (
            "kmeans",
            {},
            {"n_clusters": 81},
            "toy, kmeans, avg: n_clusters=81: expected 1 to the number of sequences, 80",
        ),
        ("ddc", {"batch": 81}, {}, "toy, ddc, avg: batch=81: more than the 80 sequences"),
    ],
)
def test_bad_input_is_no_record(data, method, settings, more, message):
    with pytest.raises(InvalidInput, match=message):
        job(data, method, settings=settings, **more)


def test_a_method_without_torch_runs_without_loading_it():
    """Loading it takes longer than most of k-means' runs."""
    code = "import sys, runs.run, methods.kmeans; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_training_does_not_load_the_compiler_of_torch():
    """Which takes longer than a short training; building `torch.optim.Adam` is what loads it."""
    code = (
        "import sys, numpy as np; from methods.ddc import DDC;"
        "DDC(2, epochs=1, batch=8).fit(np.eye(16)); sys.exit('torch._dynamo' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
