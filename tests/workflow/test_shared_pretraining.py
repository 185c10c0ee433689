"""One pretraining for several rows: what starts from it is what the method gives alone, and it is paid for once."""

import json
from pathlib import Path

import numpy as np
import pytest

from datasets.seeds import seed_sequence
from datasets.sequences import Sequences
from datasets.strict_yaml import parse_yaml
from methods import checkpoint
from methods.base import load_method
from methods.dec import DEC
from methods.vectorize import vectorize
from runs import run
from workflow import catalogue, jobs, layers, validate
from workflow.scripts import train

SETTINGS = {"widths": [8, 4], "batch": 20, "layer_updates": 4, "pretrain_updates": 8}
LENT = {"method": "lent", "algorithm": "dec"}


@pytest.fixture
def place(tmp_path):
    """Folder with prepared data."""
    rng = np.random.default_rng(0)
    sequences = [4 * (i % 3) + rng.normal(size=(rng.integers(2, 9), 2)) for i in range(60)]
    Sequences.from_list(sequences, np.repeat([0, 1, 2], [50, 0, 10]), n_classes=3).save(tmp_path / "toy.npz")
    return tmp_path


def work(place, method, algorithm, cluster_updates=8, start=None, **more):
    """Records of a job on two inputs for two seeds."""
    settings = SETTINGS | {"cluster_updates": cluster_updates}
    job = {"reading": "test", "dataset": "toy", "method": method, "algorithm": algorithm, "settings": settings}
    job |= {"vectorizations": ["avg", "zero"], "seeds": [0, 1], "n_clusters": None, "limit": 60, **more}
    records = place / f"{method}.jsonl"
    train.work(job, "0", "1", str(place / "toy.npz"), "", str(start or ""), str(records))
    return [json.loads(line) for line in records.read_text().splitlines()]


def lend(place):
    return work(place, "lent", "dec", cluster_updates=0, lends=True)


def test_rows_start_from_it_and_it_is_paid_for_once(place):
    lent = lend(place)
    assert {record["status"] for record in lent} == {"ok"}
    assert not any("pretraining_seconds" in record["cost"] for record in lent)
    assert len(list((place / "lent.pretrained").glob("*/*.npz"))) == 4 and not (place / "lent.resume").exists()
    sequences = Sequences.load(place / "toy.npz")
    for algorithm in ("dec", "idec", "dcn"):
        for record, of in zip(
            work(place, "own", algorithm, start=place / "lent.jsonl", pretrained=LENT), lent, strict=True
        ):
            assert record["cost"]["pretraining_seconds"] == of["cost"]["seconds"]
            assert record["provenance"]["pretrained"] == "lent"
            state = int(seed_sequence(record["seed"], "toy", "dec").generate_state(1)[0])
            alone = load_method(algorithm)(3, random_state=state, **SETTINGS, cluster_updates=8)
            alone.fit(vectorize(sequences, record["vectorization"])[:50])
            assert record["loss_curve"] == alone.loss_curve_ and record["budget"]["updates"] == alone.n_updates_


def test_a_row_whose_pretraining_failed_fails_as_that_did(place, monkeypatch):
    right = DEC.fit

    def fit(self, X, y=None):
        if self.cluster_updates == 0 and self.random_state % 2 == state % 2:
            raise run.Diverged("loss is not finite in epoch 1")
        return right(self, X)

    state = int(seed_sequence(0, "toy", "dec").generate_state(1)[0])
    monkeypatch.setattr(DEC, "fit", fit)
    lent = lend(place)
    assert lent[0]["status"] == "diverged"
    for record, of in zip(work(place, "own", "idec", start=place / "lent.jsonl", pretrained=LENT), lent, strict=True):
        assert record["status"] == of["status"]
        assert record["reason"] == (of["reason"] and f"its pretraining, lent: {of['reason']}")


def test_one_that_was_stopped_goes_on_and_leaves_the_same(place, monkeypatch):
    """Stopped when all is trained and nothing written: what was trained is not trained again, and is lent."""
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(run, "whole_records", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            lend(place)
    assert (place / "lent.resume").exists() and not (place / "lent.pretrained").exists()
    with monkeypatch.context() as patch:
        patch.setattr(DEC, "fit", lambda *_: 1 / 0)  # the first input is done
        found = lend(place)
    assert [record["status"] for record in found] == ["ok", "ok", "error", "error"]
    left = {path.name: path.read_bytes() for path in (place / "lent.pretrained/avg").iterdir()}
    lend(place)
    assert left == {path.name: path.read_bytes() for path in (place / "lent.pretrained/avg").iterdir()}


def test_one_that_was_stopped_before_others_started_from_it_leaves_what_they_need(place, monkeypatch, capsys):
    """All was trained and nothing of it kept to be lent: it is trained again."""
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(run, "whole_records", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            work(place, "lent", "dec", cluster_updates=0)
    lend(place)
    assert "it comes from another job: lends differ" in capsys.readouterr().err
    found = work(place, "own", "idec", start=place / "lent.jsonl", pretrained=LENT)
    assert [(record["status"], record["reason"]) for record in found] == [("ok", None)] * 4


def test_a_run_does_not_go_on_from_another_pretraining(place, monkeypatch):
    """Interrupted when the lender's runs had failed; since then they have been made anew."""
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(DEC, "fit", lambda *_: 1 / 0)
        lend(place)
    with monkeypatch.context() as patch:
        patch.setattr(run, "whole_records", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            work(place, "own", "idec", start=place / "lent.jsonl", pretrained=LENT)
    lend(place)
    found = work(place, "own", "idec", start=place / "lent.jsonl", pretrained=LENT)
    assert {record["status"] for record in found} == {"ok"}


def test_a_failed_pretraining_is_no_run_at_its_limit(place, monkeypatch):
    """Of two seeds the first one's pretraining ran out of time: the second is tried all the same."""
    lent = lend(place)
    for record in lent:
        if record["seed"] == 0:
            record |= run.failure_of(run.TimeLimit("stopped")) | {"cost": record["cost"]}
            del record["clusters"]
            record["budget"] |= {"sequences": 50}
    (place / "lent.jsonl").write_text("".join(json.dumps(record) + "\n" for record in lent))
    found = work(place, "own", "idec", start=place / "lent.jsonl", pretrained=LENT, most_timeouts=1)
    assert [record["status"] for record in found] == ["timeout", "ok"] * 2


def test_a_lender_whose_loss_is_not_finite_has_diverged(place):
    """And not failed to be written: what is lent is what is ok."""
    big = Sequences.load(place / "toy.npz")
    big.values[0] = 1e18
    big.save(place / "toy.npz")
    job = {"lends": True, "seeds": [0]}
    settings = {"input_scale": "none", "pretraining": "end_to_end"}
    monkeyed = SETTINGS | settings
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "SETTINGS", monkeyed)
        found = work(place, "lent", "dec", cluster_updates=0, **job)
    assert {record["status"] for record in found} == {"diverged"}


def test_a_row_lends_in_every_reading_where_it_does_in_one():
    """One rule runs it in all of them, and waits for what it leaves."""
    both = "{lent: {like: dec, settings: {cluster_updates: 0}}, idec: {pretrained: lent}}"
    alone = "{lent: {like: dec, settings: {cluster_updates: 0}}}"
    readings = {name: {"methods": parse_yaml(said, "here")} for name, said in (("a", both), ("b", alone))}
    for resolved in jobs.lending(readings).values():
        assert jobs.pretraining(resolved, "lent") == {"lends": True}
    assert jobs.pretraining(readings["b"], "lent") == {}
    assert jobs.pretraining(readings["a"], "idec") == {"pretrained": LENT}


def test_a_job_waits_for_the_pretraining_of_the_same_data_inputs_and_seeds():
    resolved = {"results": "r", "methods": {"lent": {"like": "dec"}, "idec": {"pretrained": "lent"}}}
    stem = "r/a/records/toy/lent-zero-avg.2-3.split1"
    found = jobs.pretrained_files(resolved, "a", "toy", "idec", "zero-avg", "2-3.split1")
    assert found == [f"{stem}.jsonl", f"{stem}.pretrained"]
    assert jobs.pretrained_files(resolved, "a", "toy", "lent", "zero-avg", "2-3.split1") == []


# ---- the config


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ("{idec: {pretrained: nobody}}", "methods: 'nobody' is not in methods/"),
        ("{lent: {like: dec}, dec: {pretrained: lent}}", "methods.dec.pretrained: lent: it goes on after"),
        ("{idec: {pretrained: kmeans}}", "methods.idec.pretrained: kmeans: kmeans has no pretraining of its own"),
        (
            "{lent: {like: dec, settings: {cluster_updates: 0, batch: 9}}, dec: {pretrained: lent}}",
            "methods.dec.pretrained: lent: it pretrains otherwise: batch is 9 there and 256 in dec",
        ),
        (
            "{lent: {like: dec, pretrained: more}, more: {like: dec}, idec: {pretrained: lent}}",
            "methods.lent.pretrained: more: a row that others start from starts from none itself",
        ),
    ],
)
def test_a_mistake_is_named_in_one_line(methods, message):
    with pytest.raises(catalogue.ConfigError) as caught:
        validate.check_config({"methods": parse_yaml(methods, "here")})
    assert str(caught.value).startswith(f"config: {message}") and "\n" not in str(caught.value)


def test_full_and_reduced_mnist_pretrain_once():
    for reading, profile in (("mnist", ["mnist", "mnist_full"]), ("mnist_reduced", ["mnist"])):
        user = {}
        for name in profile:
            user = layers.over(user, layers.read(Path(validate.ROOT, f"config/{name}.yaml")))
        validate.check_config(user)
        resolved = layers.resolve(user, reading)
        asked = list(jobs.jobs(resolved))
        lenders = {row: [job for job in asked if job[1] == row] for row in jobs.lenders({reading: resolved})}
        assert len(lenders) == 3 and all(lenders.values())
        for dataset, method, inputs, block in asked:
            for path in jobs.pretrained_files(resolved, reading, dataset, method, inputs, block)[:1]:
                assert path in jobs.record_files(resolved, reading)
