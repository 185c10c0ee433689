"""Verdicts: the prediction interval, the rule, how often it errs, and what is said of all cells."""

import csv
import io
import re

import numpy as np
import pandas as pd
import pytest
from fake_records import record, runs, score
from scipy import stats
from sklearn.metrics import normalized_mutual_info_score

import reports.verdict
from reports import controls, statistics
from reports.verdict import (
    COLUMNS,
    WIDEST,
    by_chance,
    headline,
    prediction_interval,
    summary_csv,
    verdict,
)
from runs.scores import accuracy, sampling_errors

NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "low", "high", "published", "expected"),
    [
        (0.80, 0.75, 0.82, 0.80, "reproduced"),
        (0.795, 0.795, 0.795, 0.80, "reproduced"),  # half a unit of the last digit away
        (0.805, 0.805, 0.805, 0.80, "reproduced"),
        (0.794, 0.794, 0.794, 0.80, "below"),
        (0.806, 0.806, 0.806, 0.80, "above"),
        (0.60, 0.50, 0.90, 0.80, "inconclusive"),
        (0.80, 0.70, 0.90, 0.80, "reproduced"),
        (0.80, 0.69, 0.90, 0.80, "inconclusive"),
        (0.90, 0.85, 0.95, 0.80, "above"),
        (0.50, 0.45, 0.55, 0.80, "below"),
        (0.50, 0.45, 0.55, NAN, "not comparable"),
        (NAN, NAN, NAN, 0.80, "not comparable"),
    ],
)
def test_the_rule(value, low, high, published, expected):
    assert verdict(value, low, high, published, 0.005) == expected


@pytest.mark.parametrize(("ours", "expected"), [(0.8806, "reproduced"), (0.8808, "above"), (0.885, "above")])
def test_a_number_printed_to_more_digits_is_rounded_less(ours, expected):
    """IDEC's accuracy on MNIST is published as .8806."""
    made = runs([ours] * 3, [0.1] * 3, method="idec", algorithm="idec", vectorization="vector", dataset="mnist")
    assert statistics.summarise(made, "test", "train", published="mnist").verdict.tolist() == [expected]


def of_split(split, accuracies, losses, error=0.0, **changes):
    """Records of one split."""
    made = runs(accuracies, losses, split=split, **changes)
    for one in made:
        for part in filter(None, one["scores"].values()):
            part |= {"accuracy_error": error, "nmi_error": error}
    return made


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [([0.8] * 3, "reproduced"), ([0.9] * 3, "above"), ([0.5] * 3, "below"), ([None] * 3, "not comparable")],
)
def test_from_records(accuracies, expected):
    made = runs(accuracies, [0.1, 0.2, 0.3])
    summary = statistics.summarise(made, "test", "train")
    assert summary.verdict.tolist() == [expected]
    # NMI is published as .77, and the records' is their accuracy.
    assert summary.verdict_nmi.tolist() == [{"reproduced": "above"}.get(expected, expected)]


def test_with_nothing_but_splits_it_is_the_interval_of_the_textbook():
    """Hahn and Meeker: of 5 numbers 50.10 ± 1.31 the next lies in 50.10 ± 2.78 · sqrt(1 + 1/5) · 1.31."""
    values = np.array([51.4, 49.5, 48.7, 49.3, 51.6]) / 100
    low, high = prediction_interval(values, values, 0.0)
    assert 100 * np.array([low, high]) == pytest.approx([50.10 - 3.98, 50.10 + 3.98], abs=0.02)


def test_it_never_leaves_0_to_1_and_no_number_gives_none():
    assert prediction_interval(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 0.0) == (0.0, 1.0)
    assert prediction_interval(np.array([NAN]), np.array([NAN]), 0.1) == (None, None)


def test_splits_that_happen_to_agree_are_not_taken_for_certain():
    low, high = prediction_interval(np.ones(5), np.ones(5), 0.02)
    assert low == pytest.approx(1 - 1.96 * 0.02 * np.sqrt(1.2), abs=1e-4) and high == 1


def test_one_split_that_is_left_of_several_tells_nothing():
    made = [run for split in range(5) for run in of_split(split, [None if split else 0.8] * 3, [0.1] * 3, 0.03)]
    (row,) = statistics.summarise(made, "test", "train").to_dict("records")
    assert (row["n_ok"], row["splits"], row["accuracy"]) == (3, 5, pytest.approx(0.8))
    assert (row["accuracy_low"], row["accuracy_high"], row["verdict"]) == (0, 1, "inconclusive")


def test_with_one_split_runs_and_sampling_add_as_errors_do():
    low, high = prediction_interval(np.array([0.5]), np.linspace(0.47, 0.53, 1001), 0.04 / 1.96 / np.sqrt(2))
    reach = np.hypot(0.03 * 0.95, 0.04)
    assert (low, high) == pytest.approx((0.5 - reach, 0.5 + reach), abs=1e-3)


def test_a_lottery_of_initialisations_widens_it_though_all_splits_agree():
    """On every split the lowest loss is a good run by a hair; a resample without that run picks a bad one."""
    good = [run for split in range(5) for run in of_split(split, [0.9, 0.5, 0.5], [0.1, 0.2, 0.3])]
    (row,) = statistics.summarise(good, "test", "train").to_dict("records")
    assert row["accuracy"] == 0.9 and (row["accuracy_low"], row["accuracy_high"]) == (0.5, 0.9)
    assert row["verdict"] == "inconclusive" and row["splits"] == 5


def test_the_sampling_error_is_that_of_ok_runs_on_a_test_split():
    """Nothing of Ward's is drawn, so that its interval is what sampling gives; where all is clustered, nothing does."""
    ward = {"method": "ward", "algorithm": "ward", "vectorization": "zero"}
    collapsed = {"status": "collapsed", "reason": "x", "seed": 1}
    made = [*of_split(0, [0.7], [0.1], 0.02, **ward), of_split(0, [0.7], [0.1], 0.2, **ward)[0] | collapsed]
    reach = stats.norm.ppf(0.975) * 0.02 * np.sqrt(2)
    for scored, wide in (("test", reach), ("train", 0)):
        found = statistics.predicted(statistics.frame(made), None, "accuracy", "x", scored)
        assert found == pytest.approx((0.7 - wide, 0.7 + wide))


def whole(accuracies, method, loss=0.1):
    """The summary's row of runs that cluster everything: one split, of which no part is a sample."""
    made = runs(accuracies, [loss] * len(accuracies), method=method, algorithm=method, vectorization="zero")
    for one in made:
        one |= {"trained_on": "all", "scores": dict.fromkeys(("train", "validation", "test"), one["scores"]["test"])}
    (row,) = statistics.summarise(made, "test", "train", "train").to_dict("records")
    return row


def check_few_runs():
    """Whatever is published for DEC, it can be no more than inconclusive; Ward's cell is .78."""
    for only in (0.4, 0.9):
        row = whole([only], "dec")
        assert (row["accuracy_low"], row["accuracy_high"]) == (0, 1)
        assert (row["verdict"], row["verdict_nmi"]) == ("inconclusive", "inconclusive")
        row = whole([only], "rddc")  # nor is a choice by loss one where there is nothing to choose from
        assert row["by_loss"] and (row["accuracy_low"], row["accuracy_high"]) == (0, 1)
    row = whole([0.85, 0.88, 0.91], "dec")
    reach = stats.t.ppf(0.975, 2) * 0.03 * np.sqrt(4 / 3)
    assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx((0.88 - reach, min(0.88 + reach, 1)))
    # Nothing in Ward's is drawn, so its single run is all that there is.
    row = whole([0.9], "ward")
    assert (row["accuracy_low"], row["accuracy_high"], row["verdict"]) == (0.9, 0.9, "above")


def test_a_single_run_of_what_is_drawn_says_nothing_of_the_next():
    check_few_runs()


def test_a_mean_for_want_of_a_loss_has_the_interval_of_a_mean():
    accuracies = [0.6, 0.7, 0.8, 0.65, 0.75]
    mean, chosen = whole(accuracies, "dec"), whole(accuracies, "rddc", loss=None)
    ends = ["accuracy", "accuracy_low", "accuracy_high", "nmi_low", "nmi_high"]
    assert [chosen[end] for end in ends] == [mean[end] for end in ends] and not chosen["by_loss"]
    assert whole(accuracies, "rddc")["by_loss"] and whole(accuracies, "rddc")["accuracy"] == 0.6


@pytest.mark.parametrize("mistake", [lambda values: 0.0, lambda values: np.nan_to_num(1.96 * values.std())])
def test_an_interval_without_width_is_found(mistake, monkeypatch):
    monkeypatch.setattr(statistics, "once_more", mistake)
    with pytest.raises(AssertionError):
        check_few_runs()


def simulated(less, splits, draws=1000):
    """Share of each verdict where ours is .8 on test splits of 150 sequences, and the paper's is so much less."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(draws):
        values = rng.binomial(150, 0.8, splits) / 150
        mean = values.mean()
        low, high = prediction_interval(values, values, np.sqrt(mean * (1 - mean) / 150))
        found.append(verdict(mean, low, high, np.round(rng.binomial(150, 0.8 - less) / 150, 2), 0.005))
    reproduced, inconclusive = (found.count(name) / draws for name in ("reproduced", "inconclusive"))
    return reproduced, inconclusive, 1 - reproduced - inconclusive


def test_how_often_each_verdict_falls_is_as_the_module_says():
    lines = re.findall(r"^(\.?\d+) +(\d+) +(\S+) +(\S+) +(\S+)$", reports.verdict.__doc__, re.M)
    assert len(lines) == 12
    for less, splits, *said in lines:
        assert simulated(float(less), int(splits)) == pytest.approx([float(share) for share in said], abs=0.03)


def test_it_errs_in_about_5_of_100_at_most_where_nothing_differs_and_hardly_ever_misses_a_fifth():
    for splits in (1, 2, 5, 20):
        assert simulated(0, splits)[2] <= 0.06
        assert simulated(WIDEST, splits)[0] <= 0.02


# Runs of RDDC on Speech Commands as they were: every one between .51 and .79, the loss tells them nothing apart.
LOTTERY = [0.53, 0.51, 0.55, 0.79, 0.52, 0.60, 0.53, 0.74, 0.51, 0.56, 0.68, 0.54, 0.52, 0.53, 0.76, 0.51, 0.58, 0.53]


@pytest.mark.parametrize("splits", [1, 5])
def test_speech_commands_of_53_is_no_reproduction_of_74(splits):
    rng = np.random.default_rng(0)
    made = []
    for split in range(splits):
        losses = rng.permutation(len(LOTTERY) - 1).tolist()
        made += of_split(split, LOTTERY, [-1.0, *losses], 0.035, dataset="speech_commands")
    (row,) = statistics.summarise(made, "test", "train").to_dict("records")
    assert row["accuracy"] == pytest.approx(0.53) and row["published_accuracy"] == 0.74
    assert row["verdict"] != "reproduced"
    assert row["accuracy_high"] - row["accuracy_low"] > WIDEST


def test_a_method_that_the_paper_does_not_select_by_loss_is_a_mean():
    made = of_split(0, [0.5, 0.7], [0.1, 0.2], method="dec", algorithm="dec", vectorization="zero")
    (row,) = statistics.summarise(made, "test", "train").to_dict("records")
    assert (row["accuracy"], row["lowest_accuracy"]) == (pytest.approx(0.6), 0.5) and not row["by_loss"]


def test_ours_is_the_mean_over_splits_of_what_the_protocol_gives_on_each():
    made = of_split(0, [0.9, 0.1], [0.1, 0.2]) + of_split(1, [0.2, 0.7], [0.2, 0.1])
    (row,) = statistics.summarise(made, "test", "train").to_dict("records")
    assert row["accuracy"] == pytest.approx(0.8)


def test_mean_and_best_are_means_over_splits_too():
    """Splits of unlike difficulty, of which one has many failed runs."""
    made = of_split(0, [0.9, 0.9, 0.7], [0.1, 0.2, 0.3]) + of_split(1, [0.4, None, None], [0.1, None, None])
    (row,) = statistics.summarise(made, "test", "train").to_dict("records")
    assert (row["lowest_accuracy"], row["best"]) == (pytest.approx(0.65), pytest.approx(0.65))
    assert row["mean"] == pytest.approx((2.5 / 3 + 0.4) / 2)


def test_a_row_cut_off_before_its_clustering_is_measured_by_no_paper_whatever_its_name():
    made = of_split(0, [0.7] * 3, [0.1] * 3, method="dec", algorithm="dec", vectorization="zero")
    for one in made:
        one["provenance"] = one["provenance"] | {"settings": {"cluster_updates": 0}}
    (row,) = statistics.summarise(made, "test", "train").to_dict("records")
    assert np.isnan(row["published_accuracy"]) and row["verdict"] == "not comparable"


def test_the_chance_that_a_loss_picks_a_run_that_reaches_the_published_number():
    """The good run has the lowest training loss: a resample of two has it with probability 3/4."""
    made = runs([0.9, 0.5], [0.1, 0.2])
    for one, loss in zip(made, (0.2, 0.1), strict=True):
        one["loss"]["validation"] = loss
    found = statistics.chances(statistics.frame(made), 0.8, "x")
    assert found["any"] == 0.5 and found["train"] == pytest.approx(0.75, abs=0.03)
    assert found["validation"] == pytest.approx(0.25, abs=0.03)
    for one in made:
        one["loss"]["validation"] = None
    assert np.isnan(statistics.chances(statistics.frame(made), 0.8, "x")["validation"])


def test_a_run_that_is_not_ok_is_none_that_reaches_the_published_number():
    collapsed = [one | {"status": "collapsed", "reason": "x", "seed": 2} for one in runs([0.9], [0.3])]
    assert statistics.chances(statistics.frame([*runs([0.9, 0.5], [0.1, 0.2]), *collapsed]), 0.8, "x")["any"] == 0.5


@pytest.mark.parametrize("p", [[[0.4, 0.1], [0.1, 0.4]], [[0.3, 0.0, 0.05], [0.05, 0.25, 0.05], [0.0, 0.1, 0.2]]])
def test_sampling_errors_are_those_of_samples(p):
    rng, p, n = np.random.default_rng(0), np.array(p), 400
    samples = [np.unravel_index(rng.choice(p.size, n, p=p.ravel()), p.shape) for _ in range(400)]
    spread = [np.std([of(*one) for one in samples]) for of in (accuracy, normalized_mutual_info_score)]
    told = np.mean([list(sampling_errors(*one).values()) for one in samples], axis=0)
    assert told == pytest.approx(spread, rel=0.1)


def test_a_perfect_clustering_has_an_error_too():
    labels = np.arange(90) % 3
    errors = sampling_errors(labels, labels)
    assert all(0 < error < 0.1 for error in errors.values())


def summary():
    """RDDC's four published cells are 1.00, 0.88, 0.74 and 0.80; ours near, above, below, and none."""
    ours = {"arabic_digits": 0.78, "speech_commands": 0.95, "twenty_newsgroups": 0.40, "character_trajectories": None}
    made = [run for dataset, value in ours.items() for run in runs([value] * 2, [0.1, 0.2], dataset=dataset)]
    return statistics.summarise(made, "test", "train")


def test_the_headline_counts_both_scores_and_the_cells_that_chance_reproduces():
    labels = {name: np.arange(100) % 2 for name in summary().dataset}
    table = controls.with_labels(summary(), labels, dict.fromkeys(labels, 2))
    table.loc[(table.dataset == "speech_commands") & ~table.control, "published_accuracy"] = 0.52
    assert by_chance(table).sum() == 1
    assert headline(table) == (
        "ACC, of 4 cells with a published number: 1 above, 2 below, 1 without an ok run. NMI, of 4 cells with a"
        " published number: 2 above, 1 below, 1 without an ok run. In 1 of them the published ACC is one that a random"
        " clustering gives: no verdict says much. Of the other 3, 0 are reproduced by ACC."
    )
    named = statistics.summarise(
        runs([0.9], [0.1], method="random", algorithm="rddc", dataset="speech_commands"), "test", "train"
    )
    assert by_chance(pd.concat([table, named], ignore_index=True)).sum() == 1
    for failed, told in ((3, True), (2, False)):
        few = statistics.summarise(runs([0.8] * 2 + [None] * failed, [0.1] * (2 + failed)), "test", "train")
        assert ("In 1 of all that are reproduced by ACC fewer than half of the runs are ok." in headline(few)) is told
    nothing = statistics.summarise(runs([None], [None]), "test", "train")
    assert headline(nothing) == "There is no cell with both a published number and an ok run."


def test_collapsed_runs_are_shown_and_judged_not():
    failed = record(status="collapsed", reason="x", scores=dict.fromkeys(("train", "validation", "test"), score(0.4)))
    (row,) = statistics.summarise([failed], "test", "train").to_dict("records")
    assert row["collapsed_accuracy"] == 0.4 and np.isnan(row["accuracy"]) and row["verdict"] == "not comparable"


def test_summary_csv():
    text = summary_csv(summary())
    lines = {line["dataset"]: line for line in csv.DictReader(io.StringIO(text))}
    known = {
        "n_ok": "2",
        "splits": "1",
        "accuracy": "0.7800",
        "accuracy_low": "0.7800",
        "nmi": "0.7800",
        "published_accuracy": "0.8000",
    }
    assert lines["arabic_digits"].items() >= (known | {"published_nmi": "0.7700", "verdict": "below"}).items()
    nothing = {"n_ok": "0", "n": "2", "accuracy": "", "nmi": "", "published_nmi": "1.0000", "published_ari": ""}
    assert lines["character_trajectories"].items() >= (nothing | {"verdict": "not comparable"}).items()
    assert text == summary_csv(summary()) and text.splitlines()[0].split(",") == COLUMNS
