"""Records: whole, checked, never there twice."""

import functools
import hashlib
import json
import time

import jsonschema
import numpy as np
import pytest
from fake_records import bare, record, write_scored

from runs.record import check_record, clusters_digest, read_pretraining, schema, write_records
from runs.results import commits, each_record, each_scored, frame, read_clusters, read_records


def test_round_trip(tmp_path):
    made = [record(seed=0), record(seed=1, status="oom")]
    path = tmp_path / "records/arabic_digits/a.jsonl"
    write_scored(path, made, {"avg": {0: np.array([0, 1, 1], np.int32), "0_code": np.eye(3)}})
    assert read_records([path]) == made and list(each_record([path])) == list(map(bare, made))
    np.testing.assert_array_equal(read_clusters(path, "avg", 0), [0, 1, 1])
    np.testing.assert_array_equal(read_clusters(path, "avg", 0, "code"), np.eye(3))
    assert read_clusters(path, "avg", 1) is None
    assert read_clusters(path, "zero", 0) is None


@pytest.mark.parametrize("field", sorted(bare(record())))
def test_every_field_is_needed(field):
    made = bare(record())
    del made[field]
    with pytest.raises(ValueError, match=field):
        check_record(made)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"more": 1}, "'more' was unexpected"),
        ({"status": "fine"}, "status: 'fine' is not one of"),
        ({"seed": -1}, "seed: -1 is less than"),
        ({"loss": {"train": "low", "validation": None}}, "loss.train"),
        ({"reason": "why"}, "reason: needed exactly when the status is not ok"),
        ({"usage": None}, "usage: missing although the status is ok"),
        ({"clusters_digest": None}, "clusters_digest: needed exactly when there are clusters"),
        ({"schema_version": 1}, "schema_version: 1, expected 2; records of other versions must be made anew"),
    ],
)
def test_a_wrong_field_is_named_in_one_line(changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        check_record(bare(record(**changes)))
    assert "\n" not in str(caught.value) and "rddc" in str(caught.value)


def test_a_record_that_breaks_the_schema_is_never_written(tmp_path):
    with pytest.raises(ValueError, match="reason: needed exactly when the status is not ok"):
        write_records(tmp_path / "a.jsonl", [bare(record()), bare(record(seed=1, reason="why"))], {})
    assert not list(tmp_path.iterdir())


def test_clusters_have_one_digest_whatever_holds_them():
    expected = hashlib.sha256(b"\1\0\0\0" + b"\0\0\0\0").hexdigest()
    for clusters in ([1, 0], np.array([1, 0]), np.array([1, 0], np.int8), np.array([1, 0], ">i4")):
        assert clusters_digest(clusters) == expected
    assert clusters_digest(None) is None


def test_what_starts_from_a_pretraining_knows_each_of_its_runs(tmp_path):
    """By a digest of them all, which the time that they took doesn't change."""

    def read(first, second):
        lent = [bare(record(vectorization="avg", seed=seed, **of)) for seed, of in enumerate((first, second))]
        write_records(tmp_path / "lent.jsonl", lent, {})
        return read_pretraining(tmp_path / "lent.jsonl")["avg"]

    right, failed = {}, {"status": "oom"}
    told = read(right, failed)
    assert told["folder"] == tmp_path / "lent.pretrained/avg"
    assert told["runs"] == {
        0: {"status": "ok", "reason": None, "seconds": 1.5},
        1: {"status": "oom", "reason": "it was not to be", "seconds": 1.5},
    }
    slower = {"cost": {"seconds": 9.0, "peak_memory_mib": 1.0}}
    assert read(slower, failed)["digest"] == told["digest"]
    others = [read(failed, failed)["digest"], read(right, right)["digest"]]
    assert len({told["digest"], *others}) == 3
    (tmp_path / "lent.jsonl").write_text(json.dumps(bare(record(reason="why"))) + "\n")
    with pytest.raises(ValueError, match="reason: needed exactly"):
        read_pretraining(tmp_path / "lent.jsonl")


def test_nan_is_never_written(tmp_path):
    made = bare(record(loss={"train": float("nan"), "validation": None}))
    with pytest.raises(ValueError, match="JSON compliant|not JSON|Out of range"):
        write_records(tmp_path / "a.jsonl", [made], {})
    assert not (tmp_path / "a.jsonl").exists()


def test_a_run_twice(tmp_path):
    for name in ("a", "b"):
        write_records(tmp_path / f"{name}.jsonl", [bare(record())], {})
    with pytest.raises(ValueError, match="b.jsonl, line 1: run test arabic_digits rddc none 0 0 is there twice"):
        list(each_record([tmp_path / "a.jsonl", tmp_path / "b.jsonl"]))


def test_a_run_twice_in_two_folders(tmp_path):
    files = [tmp_path / folder / "records/arabic_digits/rddc-none.0-0.jsonl" for folder in "ab"]
    for file in files:
        write_scored(file, [record()], {"none": {0: np.array([0])}})
    with pytest.raises(ValueError, match="line 1: run test arabic_digits rddc none 0 0 is there twice"):
        list(each_scored(files))


@pytest.mark.parametrize("line", ["{", "[]", "{}", json.dumps(bare(record(status="ok", usage=None)))])
def test_a_broken_line_is_named(tmp_path, line):
    (tmp_path / "a.jsonl").write_text(json.dumps(bare(record())) + "\n" + line + "\n")
    with pytest.raises(ValueError, match="a.jsonl, line 2: "):
        list(each_record([tmp_path / "a.jsonl"]))


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused(tmp_path, number):
    text = json.dumps(bare(record(loss={"train": 123.5, "validation": None})))
    (tmp_path / "a.jsonl").write_text(text.replace("123.5", number) + "\n")
    with pytest.raises(ValueError, match=f"a.jsonl, line 1: {number} is not a finite number"):
        list(each_record([tmp_path / "a.jsonl"]))


def test_an_array_that_needs_pickle_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", avg_0=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="a.npz: not a readable .npz without pickle"):
        read_clusters(tmp_path / "a.jsonl", "avg", 0)


def places(value, path=()):
    """Paths to every field of a record, nested ones too."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(inner, (*path, key))


@pytest.mark.parametrize("odd", [None, True, 0, -1, 1.0, 1.5, 2, "", "x", "cpu", [], ["x"], {}, {"x": 1}], ids=repr)
def test_the_compiled_schema_is_as_strict(odd):
    """Every field, replaced by every kind of value: fastjsonschema and jsonschema agree on all of them."""
    slow = jsonschema.Draft202012Validator(schema())
    verdicts = set()
    for path in places(bare(record())):
        made = bare(record())
        parent = functools.reduce(lambda value, key: value[key], path[:-1], made)
        parent[path[-1]] = odd
        accepted = slow.is_valid(made)
        verdicts.add(accepted)
        if not accepted:
            with pytest.raises(ValueError, match=str(path[0])):
                check_record(made)
        elif path[0] not in ("status", "reason", "usage", "clusters_digest"):  # which are held to each other elsewhere
            check_record(made)
    assert False in verdicts


def test_reading_is_fast(tmp_path):
    """At most 0.3 ms a record into a table; it takes 0.1 here, and 0.9 with jsonschema alone."""
    path = tmp_path / "records/arabic_digits/a.jsonl"
    write_scored(path, [record(seed=seed) for seed in range(2000)], {})
    start = time.process_time()
    table = frame(each_scored([path]))
    assert len(table) == 2000
    assert time.process_time() - start < 2000 * 3e-4


def test_commits_say_what_each_has_made():
    """But for a single one, which has made all of it."""
    made = [record(seed=seed) for seed in range(3)]
    made[0]["provenance"]["git"] = made[1]["provenance"]["git"] = {"sha": "a" * 40, "dirty": False}
    made[2]["provenance"]["git"] = {"sha": "b" * 40, "dirty": True}
    told = commits(made, lambda run: f"run {run['seed']}")
    assert told == "aaaaaaaaaaaa (run 0, run 1); bbbbbbbbbbbb with changes (run 2)"
    assert commits(made[:2], lambda run: run["method"]) == "aaaaaaaaaaaa"
