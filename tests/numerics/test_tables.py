"""Tables: the paper's protocol, honest about failed runs, blind to labels."""

import ast
import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_records import record, runs, score

from reports import latex, page, plots, readme, statistics, tables, verdict
from reports.settings import settings_table
from runs.scores import SCORES
from workflow import catalogue


def cell(records, selection="train"):
    (row,) = statistics.summarise(records, "test", selection).to_dict("records")
    return row


def test_the_lowest_loss_is_reported_not_the_best_score():
    row = cell(runs([0.6, 0.9, 0.7], [0.1, 0.3, 0.2]))
    assert row["accuracy"] == 0.6 and row["best"] == 0.9
    assert row["mean"] == pytest.approx(np.mean([0.6, 0.9, 0.7]))
    assert row["std"] == pytest.approx(np.std([0.6, 0.9, 0.7], ddof=1))
    assert row["published_accuracy"] == 0.8 and row["difference"] == pytest.approx(-0.2)


def test_a_note_says_which_data_are_a_part_of_the_whole():
    sheets = {"a": {"n": 3, "notes": {"whole": 7}}, "b": {"n": 7, "notes": {"whole": 7}}, "c": {"n": 7, "notes": {}}}
    (note,) = tables.shares(sheets)
    assert note.startswith("Of A 3 of 7 sequences are used")


def test_a_note_says_whose_averages_divide_by_the_padded_length():
    sheets = {"speech_commands": {"settings": {"average": "padded"}}, "arabic_digits": {"settings": {}}}
    (note,) = tables.averages(sheets)
    assert "Speech Commands divide by the length of the longest" in note and "Arabic" not in note
    assert tables.averages({"arabic_digits": sheets["arabic_digits"]}) == []


def test_selection_is_blind_to_scores():
    first = runs([0.6, 0.9, 0.7], [0.1, 0.3, 0.2])
    second = runs([0.9, 0.7, 0.6], [0.1, 0.3, 0.2])
    frames = [statistics.frame(records) for records in (first, second)]
    assert statistics.select(frames[0], "train") == statistics.select(frames[1], "train") == 0


def test_selection_by_validation_loss():
    made = runs([0.6, 0.9], [0.1, 0.3])
    made[0]["loss"]["validation"], made[1]["loss"]["validation"] = 0.9, 0.2
    assert cell(made, "validation")["accuracy"] == 0.9


def test_a_failed_run_is_counted_and_enters_no_mean():
    row = cell(runs([0.6, None, 0.8], [0.1, None, 0.3]))
    assert (row["n_ok"], row["n"], row["failures"]) == (2, 3, "1 diverged")
    assert row["mean"] == pytest.approx(0.7)  # 0.47 would be a mean with a 0 in it
    made = runs([0.6, None, 0.8], [0.1, None, 0.3])
    summary = statistics.summarise(made, "test", "train")
    table = tables.table1(summary, ["arabic_digits"], {})
    assert table["Arabic Digits"].tolist() == ["0.60 (0.60) 2/3"]
    said = " ".join(tables.footnotes(summary, made, ["arabic_digits"], {}, "train", "test"))
    assert "RDDC variable length on Arabic Digits: 1 diverged" in said
    assert "Diverged: for example, it was not to be." in said
    assert "Largest update budgets, where a run has several starts that of the one kept: RDDC 10." in said


def test_a_collapsed_run_has_scores_but_is_not_selected():
    made = [*runs([0.6], [0.2]), record(seed=1, status="collapsed", reason="x", loss={"train": 0.1, "validation": 0.1})]
    row = cell(made)
    assert row["accuracy"] == 0.6 and row["mean"] == 0.6 and (row["n_ok"], row["n"]) == (1, 2)


def test_without_an_ok_run_there_is_no_number():
    summary = statistics.summarise(runs([None, None], [None, None]), "test", "train")
    for table in (tables.table1(summary, ["arabic_digits"], {}), tables.detailed(summary, "arabic_digits")):
        text = tables.markdown(table)
        assert "failed 0/2" in text and "nan" not in text.lower() and "0.00" not in text
    assert summary.verdict.tolist() == ["not comparable"]
    assert f",0,2,1{',' * len(SCORES)},,,,,0.8000," in verdict.summary_csv(summary)


def test_one_run_has_no_standard_deviation():
    detail = tables.detailed(statistics.summarise(runs([0.6], [0.1]), "test", "train"), "arabic_digits")
    assert detail["mean ± std"].tolist() == ["0.60"]


def test_a_method_without_a_loss_reports_its_mean():
    made = runs([0.6, 0.8], [None, None], method="spectral", vectorization="zero")
    row = cell(made)
    assert row["accuracy"] == pytest.approx(0.7) and not row["by_loss"]
    detail = tables.detailed(statistics.summarise(made, "test", "train"), "arabic_digits")
    assert detail[["ours", "scored", "lowest loss"]].values.tolist() == [["0.70 (0.70)", "mean", "–"]]


def test_bootstrap_against_enumeration():
    """Of two runs, a resample misses the better loss with probability 1/4: both values are in the interval."""
    low, high = statistics.bootstrap(statistics.frame(runs([0.6, 0.9], [0.1, 0.2])), "train", "x")
    assert (low, high) == (0.6, 0.9)
    many = statistics.frame(runs([0.6] + [0.9] * 19, [0.1] + [0.2] * 19))
    # missed in (19/20)^20 = 36 % of resamples
    assert statistics.bootstrap(many, "train", "x") == (0.6, 0.9)
    equal = statistics.frame(runs([0.6] * 5, [0.1] * 5))
    assert statistics.bootstrap(equal, None, "x") == pytest.approx((0.6, 0.6))


def test_bootstrap_is_the_same_every_time():
    made = statistics.frame(runs(np.linspace(0.4, 0.9, 12), np.linspace(1, 0, 12)))
    assert statistics.bootstrap(made, "train", "x") == statistics.bootstrap(made, "train", "x")


def check_splits_drawn_apart():
    """Of four splits with the same runs the interval of the mean is half as wide as that of one."""
    values = np.linspace(0.4, 0.9, 12)
    made = statistics.frame([run for split in range(4) for run in runs(values, values, split=split)])
    (low, high), one = (statistics.bootstrap(of, None, "x") for of in (made, made[:12]))
    assert high - low == pytest.approx((one[1] - one[0]) / 2, rel=0.1)


def test_runs_of_every_split_are_drawn_by_themselves():
    check_splits_drawn_apart()


def test_draws_that_all_splits_share_are_found(monkeypatch):
    monkeypatch.setattr(statistics, "split_words", lambda number: ())
    with pytest.raises(AssertionError):
        check_splits_drawn_apart()


@pytest.mark.parametrize("selection", ["train", None])
def test_a_collapsed_run_is_drawn_and_gives_no_number(selection):
    """It has the lowest loss and the lowest score; one resample of 27 has nothing else."""
    collapsed = {"status": "collapsed", "reason": "x", "seed": 2}
    made = statistics.frame([*runs([0.6, 0.8], [0.2, 0.3]), runs([0.1], [0.05])[0] | collapsed])
    found = statistics.resample(made, selection, "x")
    assert (np.nanmin(found), np.nanmax(found)) == pytest.approx((0.6, 0.8)) and 0.02 < np.isnan(found).mean() < 0.06


def test_what_the_paper_does_not_have():
    row = cell(runs([0.5], [0.1], dataset="japanese_vowels"))
    assert row["verdict"] == "not comparable"
    summary = statistics.summarise(runs([0.5], [0.1], dataset="japanese_vowels"), "test", "train")
    assert "Japanese Vowels, paper" not in tables.table1(summary, ["japanese_vowels"], {})


def test_every_score_has_a_column():
    """In the detailed table, which is the page's too, and in the state as CSV: adding one is a line of `SCORES`."""
    made = runs([0.6], [0.1])
    values = [f"0.{i + 1}0" for i in range(len(SCORES))]
    made[0]["scores"]["test"] |= {of.name: float(value) for of, value in zip(SCORES, values, strict=True)}
    summary = statistics.summarise(made, "test", "train")
    detail = tables.detailed(summary, "arabic_digits")
    assert detail["ours"].tolist() == [f"{values[0]} ({values[1]})"]
    assert detail[[of.title for of in SCORES[2:]]].values.tolist() == [values[2:]]
    (line,) = csv.DictReader(io.StringIO(verdict.summary_csv(summary)))
    assert [line[of.name] for of in SCORES] == [f"{value}00" for value in values]
    told = plots.outcome(statistics.frame(made).iloc[0])
    assert all(f"{of.title} {value}0" in told for of, value in zip(SCORES, values, strict=True))


def test_what_other_scores_a_paper_has_is_shown():
    summary = statistics.summarise(runs([0.6], [0.1]), "test", "train")
    detail = tables.detailed(summary.assign(published_ari=0.25), "arabic_digits")
    assert detail.published.tolist() == ["0.80 (0.77), ARI 0.25"]


def test_titles():
    assert [tables.title(name) for name in ("kmeans", "twenty_newsgroups", "arabic_digits", "avg", "my_own")] == [
        "k-means", "20 Newsgroups", "Arabic Digits", "time average", "My Own",
    ]  # fmt: skip


def test_no_report_knows_a_method_by_its_name():
    """But for the paper's figures 2 and 3, which show two of them."""
    known = {
        (path.name, node.value)
        for path in Path(tables.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in catalogue.available("methods")
    }
    assert known == {("pictures.py", "kmeans"), ("pictures.py", "rddc"), ("standings.py", "rddc")}


def test_who_cannot_predict_is_said():
    for method, said in (("ward", True), ("kmeans", False)):
        made = runs([0.5], [0.1], method=method, vectorization="avg")
        summary = statistics.summarise(made, "test", "train")
        notes = tables.footnotes(summary, made, ["arabic_digits"], {}, "train", "test")
        assert ("Without a rule for new sequences: Ward." in " ".join(notes)) == said


def test_skipped_cells_say_why():
    made = runs([0.5], [0.1], method="ddc", vectorization="avg", dataset="speech_commands")
    summary = statistics.summarise(made, "test", "train")
    names, skip = ["speech_commands", "arabic_digits"], {"arabic_digits": {"avg": "it is zero"}, "other": {"avg": "?"}}
    assert tables.table1(summary, names, skip)["Arabic Digits"].tolist() == ["– (a)"]
    notes = tables.footnotes(summary, made, names, skip, "train", "test")
    assert "(a) Arabic Digits, time average: not run, because it is zero." in notes
    assert not any("?" in note for note in notes)


def test_markdown_and_latex_hold_the_same_numbers():
    table = pd.DataFrame({"a": ["0.10", "–"], "b": ["0.5 ± 0.1", "x"]})
    assert "| 0.10 | 0.5 ± 0.1 |" in tables.markdown(table)
    made = latex.table(table, ["5 % of a_b"])
    assert "0.10" in made and "$\\pm$" in made and "--" in made and "5 \\% of a\\_b" in made
    assert made.count("{") == made.count("}") and made.isascii()


def test_what_would_break_a_table_is_escaped():
    reason = "a | b & <script>alert(1)</script>"
    table = pd.DataFrame({"reason": [reason]})
    assert tables.markdown(table).splitlines()[2].count("|") == 3 and "a \\| b" in tables.markdown(table)
    assert "\\&" in latex.table(table)
    assert latex.table(table.iloc[:0], ["5 %"]) == "None.\n"
    made = page.page(reason, reason, [(reason, [page.table(table), page.notes([reason])])])
    assert "<script>alert" not in made and made.count("&lt;script&gt;") == 7


def test_settings_name_their_source():
    used = {"methods.rddc": {"epochs": 3, "batch": 5}}
    sources = {"methods.rddc": {"epochs": {"source": "inferred", "reason": "lost"}}}
    table = settings_table(used, sources)
    assert table.source.tolist() == ["inferred", "own choice"]
    there = {"methods.rddc, speech_commands": {"epochs": 5, "batch": 7}}
    sources |= {"methods.rddc, speech_commands": {"batch": {"source": "observed", "reason": "seen"}}}
    assert settings_table(there, sources).source.tolist() == ["inferred", "observed"]
    sources["methods.rddc"] |= {"batch": {"source": "published", "reason": "said of the others"}}
    assert settings_table(there, sources).source.tolist() == ["inferred", "observed"]


def test_scores_are_not_confused_between_splits():
    made = record(scores={"train": score(0.1), "validation": score(0.2), "test": score(0.9)})
    assert cell([made])["accuracy"] == 0.9


# What a careless table would do. Each must turn `check_honest` red.
MUTANTS = {
    "failed runs are dropped": lambda runs: runs[runs.status == "ok"],
    "failed runs are averaged as 0": lambda runs: runs.assign(accuracy=runs.accuracy.fillna(0), status="ok"),
    "labels select": lambda runs: runs.assign(loss_train=-runs.accuracy),
    "collapsed runs are selected": lambda runs: runs.assign(status=runs.status.replace("collapsed", "ok")),
    "the highest loss is selected": lambda runs: runs.assign(loss_train=-runs.loss_train),
}


def check_honest():
    collapsed = {"status": "collapsed", "reason": "x", "loss": {"train": 0.05, "validation": 0.05}}
    row = cell([*runs([0.6, None, 0.8], [0.1, None, 0.3]), record(seed=3, **collapsed)])
    assert (row["n_ok"], row["n"]) == (2, 4)
    assert row["accuracy"] == 0.6 and row["mean"] == pytest.approx(0.7) and row["std"] == pytest.approx(0.02**0.5)


def test_an_honest_table_passes():
    check_honest()


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_caught(mutant, monkeypatch):
    frame = statistics.frame
    monkeypatch.setattr(statistics, "frame", lambda records, *more: MUTANTS[mutant](frame(records)))
    with pytest.raises(AssertionError):
        check_honest()


def test_readings_are_not_mixed():
    with pytest.raises(ValueError, match="records of reading other among those of test"):
        statistics.summarise([*runs([0.5], [0.1]), record(reading="other", seed=1)], "test", "train")


def test_without_labels_there_is_no_score_and_no_failure():
    made = [record(scores=dict.fromkeys(("train", "validation", "test")))]
    summary = statistics.summarise(made, "test", "train")
    assert tables.table1(summary, ["arabic_digits"], {})["Arabic Digits"].tolist() == ["not scored"]
    assert tables.detailed(summary, "arabic_digits")["mean ± std"].tolist() == ["–"]


def test_an_ok_run_without_a_loss_is_not_drawn_as_the_best():
    made = statistics.frame(runs([0.6, 0.9], [None, 0.2]))
    assert statistics.select(made, "train") == 1
    assert statistics.bootstrap(made.iloc[[1, 1, 0]].reset_index(drop=True), "train", "x")[1] == 0.9


def test_the_first_note_names_the_rows_that_are_selected():
    made = runs([0.2, 0.9], [1.0, 0.1], method="rddc_plus", algorithm="rddc_plus") + runs(
        [0.5], [0.1], method="kmeans", algorithm="kmeans", vectorization="zero"
    )
    summary = statistics.summarise(made, "test", "train")
    (first, *_) = tables.footnotes(summary, made, ["arabic_digits"], {}, "train", "test")
    assert f"of {tables.title('rddc_plus')} that of the ok run with the lowest loss on the train split" in first
    baseline = statistics.summarise(made[2:], "test", "train")
    (first, *_) = tables.footnotes(baseline, made[2:], ["arabic_digits"], {}, "train", "test")
    assert first == "Each cell is ACC (NMI) on the test split: the mean over ok runs."


def test_how_much_is_selection():
    made = runs([0.6, 0.9, 0.6], [0.1, 0.3, 0.2]) + runs([0.5], [None], method="ward", vectorization="zero")
    (row,) = tables.selection_table(statistics.summarise(made, "test", "train")).to_dict("records")
    assert [row[name] for name in ("lowest loss", "mean", "best", "gained", "missed")] == [
        "0.60",
        "0.70",
        "0.90",
        "-0.10",
        "+0.30",
    ]


def test_the_selected_run_and_the_mean_have_an_interval_each():
    """One resample of 256 has no run of .6, whose losses are lower; one of 20 has .9 or more as its mean."""
    made = runs([0.6, 0.6, 0.6, 1.0], [0.1, 0.2, 0.3, 0.4])
    (row,) = tables.selection_table(statistics.summarise(made, "test", "train")).to_dict("records")
    assert row["95 % interval"] == "0.60 to 0.60" and row["95 % interval of the mean"] == "0.60 to 0.90"


def test_a_run_reaches_the_published_number_as_it_is_rounded():
    """RDDC's is .80; a mean of k-means is no choice."""
    made = runs([0.796, 0.794], [0.1, 0.2]) + runs([0.9], [0.1], method="kmeans", vectorization="zero")
    table = tables.choice_table(statistics.frame(made), statistics.summarise(made, "test", "train"))
    assert table[["method", "published", "any run"]].values.tolist() == [["RDDC", "0.80", "50%"]]


def test_nmi_has_an_interval_a_verdict_and_a_published_number_of_its_own():
    made = runs([0.8] * 3, [0.1] * 3)
    for one in made:
        one["scores"]["test"]["nmi"] = 0.3
    summary = statistics.summarise(made, "test", "train")
    (row,) = tables.detailed(summary, "arabic_digits").to_dict("records")
    assert (row["95 % prediction, ACC"], row["verdict"]) == ("0.80 to 0.80", "reproduced")
    assert (row["95 % prediction, NMI"], row["verdict, NMI"]) == ("0.30 to 0.30", "below")
    assert tables.table1(summary, ["arabic_digits"], {})["Arabic Digits, paper"].tolist() == ["0.80 (0.77)"]


def test_a_failed_cell_still_says_what_it_cost():
    failed = record(status="collapsed", reason="x")
    table = tables.budgets(statistics.summarise([failed], "test", "train"))
    assert table[["updates", "epochs", "parameters", "seconds a run"]].values.tolist() == [["10", "2", "99", "1.5"]]


def test_a_data_sheet_keeps_splits_apart():
    """Sheets are JSON with sorted keys: test comes before train there."""
    sheet = {
        "name": "x",
        "n": 10,
        "classes": ["a"],
        "dimensions": 1,
        "lengths": {"max": 3, "median": 2.0, "min": 1},
        "split_sizes": {"test": 1, "train": 7, "validation": 2},
        "source": {"file": "f", "form": "csv", "origin": "mirror"},
        "licence": "CC0",
    }
    table = tables.data_sheets([sheet])
    assert table["train / validation / test"].tolist() == ["7 / 2 / 1"]
    assert table.lengths.tolist() == ["1 to 3, median 2"]


def test_a_failure_is_listed_by_its_split_and_seed():
    table = tables.failures([*runs([0.5, None], [0.1, None], split=3)])
    assert table[["split", "seed", "status"]].values.tolist() == [[3, 1, "diverged"]]


def test_only_rows_of_several_splits_are_said_to_be_means_over_them():
    several = [run for split in range(2) for run in runs([0.5], [0.1], split=split)]
    made = several + runs([0.5], [0.1], method="kmeans", algorithm="kmeans", vectorization="zero")
    notes = tables.footnotes(statistics.summarise(made, "test", "train"), made, ["arabic_digits"], {}, "train", "test")
    assert sum(note.startswith("Means over several splits of the data: RDDC 2. ") for note in notes) == 1


def test_the_readme_gets_results_between_its_markers(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n")
    readme.insert(path, "new\n")
    readme.insert(path, "newer\n")
    assert path.read_text() == f"before\n{readme.BEGIN}\nnewer\n{readme.END}\nafter\n"


@pytest.mark.parametrize("text", ["", readme.BEGIN + "\n", readme.END + "\n" + readme.BEGIN + "\n"])
def test_a_readme_without_markers_is_left_alone(tmp_path, text):
    path = tmp_path / "README.md"
    path.write_text(text)
    with pytest.raises(ValueError, match="the markers .* are not there, in this order") as caught:
        readme.insert(path, "new")
    assert path.read_text() == text and "\n" not in str(caught.value)


def test_the_scored_split_and_the_published_table_are_the_configs_choice():
    made = runs([0.5], [0.1])
    made[0]["scores"] = {"train": score(0.9), "validation": None, "test": None}
    (row,) = statistics.summarise(made, "test", "train", "train", None).to_dict("records")
    assert row["accuracy"] == 0.9 and np.isnan(row["published_accuracy"]) and row["verdict"] == "not comparable"


@pytest.mark.parametrize(("part", "told"), [("test", "own shortest sequence: Ward."), ("train", "Ward. A test")])
def test_how_a_test_sequence_got_its_cluster_is_told(part, told):
    made = [one | {"method": "ward", "algorithm": "ward", "trained_on": part} for one in runs([0.6], [None])]
    summary = statistics.summarise(made, "test", "train")
    notes = tables.footnotes(summary, made, ["arabic_digits"], {}, "train", "test")
    assert sum(told in note for note in notes) == 1


def test_runs_that_were_not_tried_take_no_part_in_the_seconds():
    runs = pd.DataFrame({"seconds": [12.0, 0.0, 0.0], "peak_memory_mib": [90.0, 80.0, 0.0]})
    assert statistics.seconds_tried(runs) == 6.0 and np.isnan(statistics.seconds_tried(runs[2:]))
    assert tables.number(statistics.seconds_tried(runs[2:]), ".1f") == "–"
