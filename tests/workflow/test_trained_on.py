"""A row may cluster the test split by itself, as the published baselines did; nothing else changes."""

import numpy as np
import pytest

from datasets.sequences import SPLITS, Sequences
from methods.vectorize import vectorize
from methods.ward import Ward
from runs.run import run_job
from workflow import jobs, layers, validate
from workflow.catalogue import ConfigError


def toy():
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(3 + i % 3, 2)) + i % 2 for i in range(40)]
    return Sequences.from_list(arrays, [0] * 20 + [1] * 4 + [2] * 16, n_classes=2)


def run(**more):
    what = {"reading": "own", "dataset": "toy", "method": "ward", "vectorization": "zero", "seeds": [0]}
    records, clusters = run_job(toy(), **what, settings={}, limit=60, **more)
    return records[0], clusters[0]


def test_the_test_split_is_clustered_by_itself():
    sequences = toy()
    test = sequences.split == SPLITS.index("test")
    record, clusters = run(trained_on="test")
    assert record["trained_on"] == "test" and record["budget"]["sequences"] == test.sum() == sum(record["usage"])
    alone = Ward(n_clusters=2).fit(vectorize(sequences, "zero")[test]).labels_
    assert clusters[test].tolist() == alone.tolist()


@pytest.mark.parametrize("how", ["crop", "zero"])
def test_its_vectors_are_as_long_as_its_own_sequences_ask(how):
    """As if there were no others: their shortest would take away what the test split has."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(length, 2)) + i % 2 for i, length in enumerate([1, 9, *rng.integers(3, 6, 30)])]
    sequences = Sequences.from_list(arrays, [0] * 8 + [1] * 4 + [2] * 20, n_classes=2)
    test = np.flatnonzero(sequences.split == SPLITS.index("test"))
    own = vectorize(sequences.subset(test), how)
    np.testing.assert_array_equal(vectorize(sequences, how, test)[test], own)
    assert vectorize(sequences, how).shape[1] != own.shape[1]
    what = {"reading": "own", "dataset": "toy", "method": "ward", "vectorization": how, "seeds": [0]}
    _, clusters = run_job(sequences, **what, settings={}, limit=60, trained_on="test")
    assert clusters[0][test].tolist() == Ward(n_clusters=2).fit(own).labels_.tolist()


def test_without_it_the_training_split_is():
    record, _ = run()
    assert record["trained_on"] == "train" and record["budget"]["sequences"] == 20


def test_a_row_says_it_and_its_jobs_know():
    config = {"methods": {"kmeans": {"trained_on": "test"}, "mine": {"like": "kmeans"}}}
    resolved = layers.resolve(config, "demo")
    for row, part in (("kmeans", "test"), ("mine", "test"), ("ddc", "train")):
        assert jobs.train_job(resolved, "demo", "japanese_vowels", row, "zero", "0-0")["trained_on"] == part


@pytest.mark.parametrize("more", [{"split": {"kind": "everything"}, "scored": "train"}, {"scored": "train"}])
def test_without_a_test_split_that_is_scored_it_is_refused(more):
    run = {"datasets": ["japanese_vowels"], "methods": ["kmeans"], "controls": []}
    user = {"readings": ["demo"], "run": run, "methods": {"kmeans": {"trained_on": "test"}}}
    validate.check_config(user)
    with pytest.raises(ConfigError, match="methods.kmeans.trained_on: test, where split.kind is"):
        validate.check_config(user | more | {"selection": "train"})
