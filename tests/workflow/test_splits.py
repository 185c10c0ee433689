"""Repeated splits: what they leave as it is, and what each of them has of its own."""

import numpy as np
import pytest

from datasets.prepare import split_again
from datasets.sequences import SPLITS, Sequences, load_split, stratified_split
from datasets.storage import write_arrays
from runs.run import run_job
from runs.sources import ROOT
from workflow import catalogue, jobs, layers, validate

LABELS = np.repeat([0, 1, 2], [80, 50, 70])
SEVERAL = {"splits": 3, "seeds": 4, "methods": {"kmeans": {"splits": 5}}}


def test_more_splits_are_jobs_beside_those_of_the_first():
    one, several = (layers.resolve(user, "recommended") for user in (SEVERAL | {"splits": 1, "methods": {}}, SEVERAL))
    before, now = (jobs.record_files(config, "recommended") for config in (one, several))
    assert set(before) < set(now)
    added = [file for file in now if file not in before]
    assert {file.rpartition(".split")[2] for file in added if "/rddc-none." in file} == {"1.jsonl", "2.jsonl"}
    assert {file.rpartition(".split")[2] for file in added if "/kmeans-" in file} == {
        f"{n}.jsonl" for n in (1, 2, 3, 4)
    }
    assert not [file for file in added if "length_kmeans" in file or "shuffled" in file]  # controls run on the first
    assert jobs.record_files(several, "recommended", split=0) == before
    for block in ("0-3", "0-3.split2"):
        job = jobs.train_job(several, "recommended", "arabic_digits", "rddc", "none", block)
        assert job["seeds"] == [0, 1, 2, 3] and job.get("split") == {"0-3": None}.get(block, 2)
        assert jobs.runs_of("zero-crop", block) == 8


def test_a_run_reads_the_split_of_its_block_and_scores_read_all_that_some_row_runs_on():
    several = layers.resolve(SEVERAL, "recommended")
    of_blocks = [jobs.split_of_block(several, "recommended", "x", block) for block in ("0-3", "0-3.split2")]
    files = jobs.split_files(several, "recommended", "x")
    assert len(files) == 4 and of_blocks == [[], [files[1]]]
    assert jobs.resplit_job(several, "x", "2")["number"] == 2


def test_a_control_runs_on_as_many_splits_as_it_says():
    control = {"method": "length_kmeans", "input": "none", "splits": 2}
    groups = jobs.row_groups(layers.resolve(SEVERAL | {"run": {"controls": [control]}}, "recommended"))
    assert {row: splits for row, _, _, splits in groups}["length_kmeans"] == 2


def test_splits_of_the_command_line_are_those_of_every_row():
    user = layers.read_user([ROOT / "config/paper.yaml"], ["splits=2"])
    resolved = layers.resolve(user, "recommended")
    controls = len(resolved["run"]["controls"])
    assert [n for *_, n in jobs.row_groups(resolved)][:-controls] == [2] * len(resolved["run"]["methods"])


def test_only_a_stratified_split_can_be_repeated():
    with pytest.raises(catalogue.ConfigError, match="splits: only a stratified split can be repeated.*official"):
        validate.check_config({"splits": 2, "split": {"kind": "official"}})
    with pytest.raises(ValueError, match="only a stratified split"):
        split_again(LABELS, "x", {}, {"kind": "everything"}, 0, 1)


def test_what_is_scaled_by_one_training_split_has_no_others():
    """Their test sequences would be among those that scale what they are trained on."""
    said = {"splits": 2, "datasets": {"arabic_digits": {"normalise": "all"}}}
    with pytest.raises(catalogue.ConfigError) as caught:
        validate.check_config(said)
    assert str(caught.value).startswith("config: splits: datasets.arabic_digits.normalise: all scales each of them by")
    assert str(caught.value).endswith("say normalise: sequence, or splits: 1") and "\n" not in str(caught.value)
    with pytest.raises(catalogue.ConfigError, match="arabic_digits.normalise: all"):
        validate.check_config(said | {"splits": 1, "methods": {"kmeans": {"splits": 2}}})
    validate.check_config(said | {"splits": 1})
    validate.check_config(said | {"datasets": {"arabic_digits": {"normalise": "sequence"}}})


def test_every_split_is_another_one_and_the_first_is_that_of_prepare():
    splits = [stratified_split(LABELS, 0, "x", number=number) for number in range(3)]
    np.testing.assert_array_equal(splits[0], stratified_split(LABELS, 0, "x"))
    for split in splits:
        assert [np.sum(split == part) for part in range(len(SPLITS))] == [160, 20, 20]
    assert all((splits[i] != splits[j]).any() for i, j in ((0, 1), (0, 2), (1, 2)))
    np.testing.assert_array_equal(split_again(LABELS, "x", {}, {}, 0, 2), splits[2])


def test_a_file_that_is_no_split_is_named(tmp_path):
    write_arrays(tmp_path / "x.npz", labels=LABELS)
    with pytest.raises(ValueError, match="x.npz: expected one array, split"):
        load_split(tmp_path / "x.npz")


def test_runs_of_another_split_have_random_numbers_of_their_own():
    values = list(np.random.default_rng(0).normal(size=(len(LABELS), 3, 2)))
    job = {"reading": "test", "dataset": "x", "method": "kmeans", "vectorization": "avg", "seeds": [0], "limit": 60}
    made = []
    for number, more in enumerate(({}, {"split": 1})):
        sequences = Sequences.from_list(values, stratified_split(LABELS, 0, "x", number=number), n_classes=3)
        made += run_job(sequences, **job, settings={}, **more)[0]
    first, other = made
    assert (first["split"], other["split"]) == (0, 1)
    entropy = [record["provenance"]["seed_entropy"] for record in (first, other)]
    assert entropy[1][:-1] == entropy[0]
    assert first["provenance"]["data_digest"] != other["provenance"]["data_digest"]
