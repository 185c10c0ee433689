"""The README's generated part: whole, from files, and nothing else of the README touched."""

import json
import os

import numpy as np
import pandas as pd
import pytest
from fake_records import runs, write_scored

from datasets.storage import write_text
from reports import statistics
from reports.origins import write_list
from reports.readme import BEGIN, END, details, insert, results, wall_time
from reports.tables import table1
from reports.verdict import summary_csv


@pytest.fixture
def folder(tmp_path):
    """A reading's results: RDDC on two data sets, on one of which the loss chooses between very different runs."""
    made = runs([0.6, 0.9] * 5, [0.1, 0.2] * 5) + runs([0.95] * 10, [0.1] * 10, dataset="speech_commands")
    for dataset in ("arabic_digits", "speech_commands"):
        own = [record for record in made if record["dataset"] == dataset]
        for record in own:
            record["provenance"]["versions"] |= {"torch": "2", "scikit-learn": "1"}
        write_scored(tmp_path / f"records/{dataset}/rddc-none.0-9.jsonl", own, {"none": {0: np.array([0])}})
        write_text(tmp_path / f"data/{dataset}.json", json.dumps({"n": 8, "notes": {"whole": len(dataset) - 5}}))
    summary = statistics.summarise(made, "test", "train")
    write_text(tmp_path / "tables/summary.csv", summary_csv(summary))
    write_list(tmp_path / "tables", [f"records/{name}/rddc-none.0-9.jsonl" for name in summary.dataset])
    write_text(tmp_path / "tables/table1.csv", table1(summary, ["arabic_digits", "speech_commands"], {}).to_csv())
    for name in ("table1", "unreproduced"):
        write_text(tmp_path / f"tables/{name}.md", f"| {name} |\n")
    return tmp_path


def test_the_generated_part(folder):
    text = results(folder, "pictures")
    assert "\n20 runs, 20 of them ok, in 0 minutes; " in text.replace(". ", ".\n")
    assert "; 0.0 core-hours of that were training" in text  # 20 times 1.5 s
    assert "threads a run: 1 (torch 2, scikit-learn 1). Commit: no checkout. This was written on " in text
    assert "ACC, of 2 cells with a published number: " in text and "pictures/figure2.png" in text
    assert "Of Speech Commands 8 of 10 sequences are used" in text and "Of Arabic Digits" not in text
    (row,) = [line for line in text.splitlines() if line.startswith("| RDDC ")]
    assert "0.95 (0.95) ▲ 0.74 (0.19)" in row and row.count("0.80 (0.77)") == 1


def test_runs_of_other_tables_in_the_folder_do_not_count(folder):
    """`make study` puts its own beside those of `make paper`, more seeds of its rows too."""
    others = runs([None] * 3, [None] * 3, method="rddc_raw_input")
    write_scored(folder / "records/arabic_digits/rddc_raw_input-none.0-2.jsonl", others, {"none": {}})
    more = runs([0.5] * 15, [0.1] * 15)[5:]
    write_scored(folder / "records/arabic_digits/rddc-none.5-14.jsonl", more, {"none": {0: np.array([0])}})
    assert "20 runs, 20 of them ok" in results(folder, "pictures")
    assert "Runs a cell, of all splits: RDDC 10." in details(folder, "pictures")


def test_tables_that_do_not_say_their_runs_and_runs_made_after_them_are_refused(folder):
    path = folder / "records/arabic_digits/rddc-none.0-9.jsonl"
    table = folder / "tables/records.txt"
    os.utime(path, ns=(0, table.stat().st_mtime_ns))
    assert "20 runs" in results(folder, "pictures")
    os.utime(path, ns=(0, table.stat().st_mtime_ns + 1))
    for made in (results, details):
        with pytest.raises(ValueError, match=r"rddc-none.0-9.jsonl is newer than .*records.txt, which is of earlier"):
            made(folder, "pictures")
    table.unlink()
    with pytest.raises(ValueError, match=r"records.txt is missing, so the tables don't say which runs are in them"):
        results(folder, "pictures")


def test_every_version_and_number_of_threads_is_told(folder):
    path = folder / "records/arabic_digits/rddc-none.0-9.jsonl"
    first, *lines = path.read_text().splitlines()
    other = json.loads(first)
    other["provenance"]["versions"]["torch"], other["provenance"]["threads"] = "3", 4
    path.write_text("\n".join([json.dumps(other), *lines]) + "\n")
    os.utime(path, (0, 0))
    assert "threads a run: 1, 4 (torch 2, 3, scikit-learn 1)" in results(folder, "pictures")


def test_the_page_behind_it(folder):
    text = details(folder, "pictures")
    assert "| table1 |" in text and "| unreproduced |" in text and "Runs a cell, of all splits: RDDC 10." in text
    (row,) = [line for line in text.splitlines() if line.startswith("| RDDC ")]
    assert "above (" in row and row.count("; NMI ") == 2


def test_intervals_are_shown(folder):
    path = folder / "tables/summary.csv"
    summary = pd.read_csv(path)
    told = ["accuracy_low", "accuracy_high", "verdict", "verdict_nmi"]
    summary.loc[0, told] = [0.5, 0.9, "reproduced", "below"]
    summary.to_csv(path, index=False)
    assert "reproduced (0.50 to 0.90); NMI below" in details(folder, "pictures")
    assert "0.60 (0.60) = 0.80 (0.77)" in results(folder, "pictures")


def test_a_pause_is_no_wall_time(tmp_path):
    """Jobs of 100 s: two at once, one right after, and one on another day."""
    for i, end in enumerate((1000, 1050, 1160, 90_000)):
        path = tmp_path / f"records/arabic_digits/rddc-none.{i}-{i}.jsonl"
        made = runs([0.5] * 2, [0.1] * 2)
        for run in made:
            run["cost"]["seconds"] = 50.0
        write_scored(path, made, {"none": {0: np.array([0])}})
        os.utime(path, (end, end))
    assert wall_time(tmp_path.glob("records/*/*.jsonl")) == pytest.approx(260 + 100)


def test_insert(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    insert(path, "new\n")
    assert path.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    path.write_text(f"{END}\n{BEGIN}\n")
    with pytest.raises(ValueError, match="README.md: the markers"):
        insert(path, "new\n")
