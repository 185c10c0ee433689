"""Tables: the paper's protocol, honest about failed runs, blind to labels."""

import numpy as np
import pandas as pd
import pytest
from fake_records import record, runs, score

from reports import tables


def cell(records, selection="train"):
    (row,) = tables.summarise(records, "test", selection).to_dict("records")
    return row


def test_the_lowest_loss_is_reported_not_the_best_score():
    row = cell(runs([0.6, 0.9, 0.7], [0.1, 0.3, 0.2]))
    assert row["accuracy"] == 0.6 and row["best"] == 0.9
    assert row["mean"] == pytest.approx(np.mean([0.6, 0.9, 0.7]))
    assert row["std"] == pytest.approx(np.std([0.6, 0.9, 0.7], ddof=1))
    assert row["published_accuracy"] == 0.8 and row["difference"] == pytest.approx(-0.2)


def test_selection_is_blind_to_scores():
    first = runs([0.6, 0.9, 0.7], [0.1, 0.3, 0.2])
    second = runs([0.9, 0.7, 0.6], [0.1, 0.3, 0.2])
    frames = [tables.frame(records) for records in (first, second)]
    assert tables.select(frames[0], "train") == tables.select(frames[1], "train") == 0


def test_selection_by_validation_loss():
    made = runs([0.6, 0.9], [0.1, 0.3])
    made[0]["loss"]["validation"], made[1]["loss"]["validation"] = 0.9, 0.2
    assert cell(made, "validation")["accuracy"] == 0.9


def test_a_failed_run_is_counted_and_enters_no_mean():
    row = cell(runs([0.6, None, 0.8], [0.1, None, 0.3]))
    assert (row["n_ok"], row["n"], row["failures"]) == (2, 3, "1 diverged")
    assert row["mean"] == pytest.approx(0.7)  # 0.47 would be a mean with a 0 in it
    summary = tables.summarise(runs([0.6, None, 0.8], [0.1, None, 0.3]), "test", "train")
    table = tables.table1(summary, ["arabic_digits"], {})
    assert table["Arabic Digits"].tolist() == ["0.60 (0.60) 2/3"]
    assert "RDDC variable length on Arabic Digits: 1 diverged" in " ".join(tables.footnotes(summary, [], {}, "train"))


def test_a_collapsed_run_has_scores_but_is_not_selected():
    made = [*runs([0.6], [0.2]), record(seed=1, status="collapsed", reason="x", loss={"train": 0.1, "validation": 0.1})]
    row = cell(made)
    assert row["accuracy"] == 0.6 and row["mean"] == 0.6 and (row["n_ok"], row["n"]) == (1, 2)


def test_without_an_ok_run_there_is_no_number():
    summary = tables.summarise(runs([None, None], [None, None]), "test", "train")
    for table in (tables.table1(summary, ["arabic_digits"], {}), tables.detailed(summary, "arabic_digits")):
        text = tables.markdown(table)
        assert "failed 0/2" in text and "nan" not in text.lower() and "0.00" not in text
    assert summary.verdict.tolist() == ["not comparable"]
    assert ",0,2,,,,," in tables.summary_csv(summary)


def test_one_run_has_no_standard_deviation():
    detail = tables.detailed(tables.summarise(runs([0.6], [0.1]), "test", "train"), "arabic_digits")
    assert detail["mean ± std"].tolist() == ["0.60"]


def test_a_method_without_a_loss_reports_its_mean():
    made = runs([0.6, 0.8], [None, None], method="spectral", vectorization="zero")
    row = cell(made)
    assert row["accuracy"] == pytest.approx(0.7) and not row["by_loss"]
    detail = tables.detailed(tables.summarise(made, "test", "train"), "arabic_digits")
    assert detail["lowest loss"].tolist() == ["0.70 (0.70) (mean)"]


def test_bootstrap_against_enumeration():
    """Of two runs, a resample misses the better loss with probability 1/4: both values are in the interval."""
    low, high = tables.bootstrap(tables.frame(runs([0.6, 0.9], [0.1, 0.2])), "train", "protocol", "x")
    assert (low, high) == (0.6, 0.9)
    many = tables.frame(runs([0.6] + [0.9] * 19, [0.1] + [0.2] * 19))
    assert tables.bootstrap(many, "train", "protocol", "x") == (0.6, 0.9)  # missed in (19/20)^20 = 36 % of resamples
    assert tables.bootstrap(tables.frame(runs([0.6] * 5, [0.1] * 5)), "train", "mean", "x") == pytest.approx((0.6, 0.6))


def test_bootstrap_is_the_same_every_time():
    made = tables.frame(runs(np.linspace(0.4, 0.9, 12), np.linspace(1, 0, 12)))
    assert tables.bootstrap(made, "train", "protocol", "x") == tables.bootstrap(made, "train", "protocol", "x")


@pytest.mark.parametrize(
    ("accuracies", "verdict"),
    [([0.8] * 3, "reproduced"), ([0.796] * 3, "reproduced"), ([0.9] * 3, "better"), ([0.5] * 3, "different")],
)
def test_verdicts(accuracies, verdict):
    assert cell(runs(accuracies, [0.1, 0.2, 0.3]))["verdict"] == verdict


def test_what_the_paper_does_not_have():
    row = cell(runs([0.5], [0.1], dataset="japanese_vowels"))
    assert row["verdict"] == "not comparable"
    summary = tables.summarise(runs([0.5], [0.1], dataset="japanese_vowels"), "test", "train")
    assert tables.table1(summary, ["japanese_vowels"], {})["Japanese Vowels, paper"].tolist() == ["–"]


def test_every_published_cell_is_read():
    table = tables.published()
    assert len(table) == 4 * 16 - 5 and table.accuracy.between(0, 1).all()
    assert not table.duplicated(tables.CELL).any()


def test_skipped_cells_say_why():
    summary = tables.summarise(runs([0.5], [0.1]), "test", "train")
    skip = {"arabic_digits": {"avg": "it is zero"}}
    assert "Arabic Digits, time average: not run, because it is zero." in tables.footnotes(summary, [], skip, "train")


def test_markdown_and_latex_hold_the_same_numbers():
    table = pd.DataFrame({"a": ["0.10", "–"], "b": ["0.5 ± 0.1", "x"]})
    assert "| 0.10 | 0.5 ± 0.1 |" in tables.markdown(table)
    made = tables.latex(table)
    assert "0.10" in made and "$\\pm$" in made and "--" in made


def test_settings_name_their_source():
    used = {"methods.rddc": {"epochs": 3, "batch": 5}}
    sources = {"methods.rddc": {"epochs": {"source": "inferred", "reason": "lost"}}}
    table = tables.settings_table(used, sources)
    assert table.source.tolist() == ["inferred", "own choice"]


def test_scores_are_not_confused_between_splits():
    made = record(scores={"train": score(0.1), "validation": score(0.2), "test": score(0.9)})
    assert cell([made])["accuracy"] == 0.9
