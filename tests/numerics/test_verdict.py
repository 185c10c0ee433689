"""Verdicts: the rule at its edges, and what another test split could explain."""

import csv
import io

import numpy as np
import pytest
from fake_records import runs

from reports import statistics
from reports.verdict import COLUMNS, headline, split_error, summary_csv, verdict, within_split_error

NAN = float("nan")


@pytest.mark.parametrize(
    ("accuracy", "low", "high", "published", "expected"),
    [
        (0.80, 0.75, 0.82, 0.80, "reproduced"),
        (0.80, 0.80, 0.80, 0.80, "reproduced"),
        (0.795, 0.795, 0.795, 0.80, "reproduced"),  # half a unit of the last digit away
        (0.805, 0.805, 0.805, 0.80, "reproduced"),
        (0.794, 0.794, 0.794, 0.80, "different"),
        (0.806, 0.806, 0.806, 0.80, "better"),
        (0.60, 0.50, 0.90, 0.80, "reproduced"),
        (0.90, 0.85, 0.95, 0.80, "better"),
        (0.50, 0.45, 0.55, 0.80, "different"),
        (0.50, 0.45, 0.55, NAN, "not comparable"),
        (NAN, NAN, NAN, 0.80, "not comparable"),
    ],
)
def test_the_rule(accuracy, low, high, published, expected):
    assert verdict(accuracy, low, high, published) == expected


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [([0.8] * 3, "reproduced"), ([0.9] * 3, "better"), ([0.5] * 3, "different"), ([None] * 3, "not comparable")],
)
def test_from_records(accuracies, expected):
    made = runs(accuracies, [0.1, 0.2, 0.3])
    assert statistics.summarise(made, "test", "train").verdict.tolist() == [expected]


def test_split_error_covers_95_of_100_pairs_of_splits():
    rng = np.random.default_rng(0)
    ours, theirs = rng.binomial(150, 0.8, size=(2, 4000)) / 150
    covered = np.abs(ours - theirs) <= split_error(ours, theirs, 150)
    assert 0.94 < covered.mean() < 0.975


def test_split_error_is_not_zero_at_one():
    assert 0 < split_error(1.0, 1.0, 44) < 0.1
    assert split_error(0.8, 0.7, 880) < split_error(0.8, 0.7, 88)
    assert np.isnan(split_error(0.8, NAN, 88))


def summary():
    """RDDC's four published cells are 1.00, 0.88, 0.74 and 0.80; ours near, above, below, and none."""
    ours = {"arabic_digits": 0.78, "speech_commands": 0.95, "twenty_newsgroups": 0.40, "character_trajectories": None}
    made = [run for dataset, value in ours.items() for run in runs([value] * 2, [0.1, 0.2], dataset=dataset)]
    return statistics.summarise(made, "test", "train")


SIZES = dict.fromkeys(["arabic_digits", "speech_commands", "twenty_newsgroups", "character_trajectories"], 150)


def test_what_another_split_could_explain():
    near = within_split_error(summary(), SIZES)
    assert near.tolist() == [True, False, False, False]


def test_the_headline_counts_every_verdict_once():
    assert headline(summary(), SIZES) == (
        "Of 3 cells with a published number: 1 better, 2 different."
        " Another test split alone could explain 1 of the 3 that are not reproduced."
    )
    nothing = statistics.summarise(runs([None], [None]), "test", "train")
    assert headline(nothing, SIZES) == "There is no cell with both a published number and an ok run."


def test_summary_csv():
    text = summary_csv(summary())
    lines = {line["dataset"]: line for line in csv.DictReader(io.StringIO(text))}
    known = {
        "n_ok": "2",
        "accuracy": "0.7800",
        "accuracy_low": "0.7800",
        "nmi": "0.7800",
        "published_accuracy": "0.8000",
    }
    assert lines["arabic_digits"].items() >= (known | {"published_nmi": "0.7700", "verdict": "different"}).items()
    nothing = {"n_ok": "0", "n": "2", "accuracy": "", "nmi": "", "published_nmi": "1.0000", "published_ari": ""}
    assert lines["character_trajectories"].items() >= (nothing | {"verdict": "not comparable"}).items()
    assert text == summary_csv(summary()) and text.splitlines()[0].split(",") == COLUMNS
