"""Which run of a cell is shown, how sure its clusters are, and what their file says."""

import numpy as np
import pandas as pd
import pytest
from fake_records import record, runs

from datasets.sequences import Sequences
from reports.agreement import ok_runs
from reports.chosen import chosen_seeds, sureness, write_clusters
from reports.data import Data

CELL = ("rddc", "none", "arabic_digits")
JOB = {"scored": "test", "selection": "train"}
LABELS = np.array([0, 0, 1, 1])


def check_chosen():
    """On the first split, by the loss that selects, whatever a score, a failed run or another split says."""
    low = {"train": 0.0, "validation": 0.0}
    collapsed = record(seed=3, status="collapsed", reason="x", loss=low)
    other = runs([0.9] * 6, [0.05] * 6, split=1)[5:]
    made = [*runs([0.9, 0.5, 0.7], [0.3, 0.1, 0.2]), collapsed, *other]
    assert chosen_seeds(JOB, made) == {CELL: 1}
    made[2]["loss"]["validation"] = 0.01
    assert chosen_seeds(JOB | {"selection": "validation"}, made) == {CELL: 2}


def test_the_run_with_the_lowest_loss_is_shown():
    check_chosen()


MUTANTS = {
    "every split's runs": lambda records: [one | {"split": 0} for one in records],
    "collapsed runs": lambda records: [one | {"status": "ok", "reason": None} for one in records],
    "the highest loss": lambda records: [
        one | {"loss": {part: -loss for part, loss in one["loss"].items()}} for one in records
    ],
    "the best score": lambda records: [
        one | {"loss": dict.fromkeys(one["loss"], -one["scores"]["test"]["accuracy"])} for one in records
    ],
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_another_choice_is_found(mutant, monkeypatch):
    right = chosen_seeds
    monkeypatch.setitem(globals(), "chosen_seeds", lambda job, records: right(job, MUTANTS[mutant](records)))
    with pytest.raises(AssertionError):
        check_chosen()


def test_without_a_loss_the_first_ok_run_is_shown():
    assert chosen_seeds(JOB, runs([None, 0.6, 0.9], [None] * 3)) == {CELL: 1}
    assert chosen_seeds(JOB, runs([None], [None])) == {}


def test_runs_on_the_first_split_that_are_ok_agree():
    made = [*runs([0.5, None], [0.1, None]), *runs([0.5] * 3, [0.1] * 3, split=1)[2:]]
    made.append(record(seed=4, status="collapsed", reason="x"))
    assert ok_runs(made, lambda *run: run) == {CELL: {0: (CELL[2], *CELL[:2], 0, 0)}}


def test_a_run_is_not_among_those_that_it_agrees_with(tmp_path):
    sequences = Sequences.from_list([np.full((3, 1), value) for value in (0.0, 0.1, 5.0, 5.1)], [0, 0, 2, 1])
    data = {CELL[2]: Data(sequences, LABELS, {"identifiers": ["a", "b", "c", "d"]})}
    agreed = {CELL: {0: LABELS, 1: np.array([0, 1, 1, 1])}}
    sure = sureness(data, {CELL: LABELS}, agreed, {CELL: 0}, lambda *run: np.arange(4.0) if "distance" in run else None)
    np.testing.assert_array_equal(sure[CELL]["agreement"], [1, 0, 1, 1])
    assert list(sure[CELL]) == ["agreement", "margin", "distance"]
    write_clusters(tmp_path, data, {CELL: LABELS}, sure)
    table = pd.read_csv(tmp_path / "arabic_digits/rddc-none.csv")
    assert table[["identifier", "cluster", "split"]].values.tolist() == [
        ["a", 0, "train"],
        ["b", 0, "train"],
        ["c", 1, "test"],
        ["d", 1, "validation"],
    ]
    assert table.agreement.tolist() == [1, 0, 1, 1] and table.distance.tolist() == [0, 1, 2, 3]
