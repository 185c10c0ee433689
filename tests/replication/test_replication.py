"""The study of the readings: every reading and failed run is there, and equal records give equal bytes."""

import numpy as np
import pandas as pd
import pytest
from fake_records import described, runs, write_scored

from datasets.sequences import Sequences, stratified_split
from datasets.storage import write_arrays, write_json
from datasets.strict_yaml import read_yaml
from runs.scores import SCORES
from runs.sources import ROOT
from studies import replication

LABELS = np.repeat([0, 1], 30)
CELLS = {
    ("rddc", "arabic_digits"): ([0.9, 0.7, 0.5, 0.8], [0.1, 0.3, 0.4, 0.2]),
    ("rddc_raw_input", "arabic_digits"): ([0.6, None, 0.95, 0.5], [0.2, None, 0.9, 0.3]),
    ("rddc", "speech_commands"): ([0.74] * 4, [0.1, 0.2, 0.3, 0.4]),
    ("rddc_raw_input", "speech_commands"): ([None] * 4, [None] * 4),
}


@pytest.fixture
def job(tmp_path):
    """Records of two rows on two data sets; the clusters of all ok runs are the labels, in either numbering."""
    parts = {row: {"folder": str(tmp_path), "files": [], "row": described("rddc")} for row, _ in CELLS}
    parts["rddc_raw_input"]["row"]["reason"] = "The elements as they come."
    sequences = Sequences.from_list([np.zeros((2, 1))] * 60, stratified_split(LABELS, 0, "x"))
    for (row, dataset), (accuracies, losses) in CELLS.items():
        sequences.save(tmp_path / f"data/{dataset}.npz")
        write_arrays(tmp_path / f"data/{dataset}.labels.npz", labels=LABELS)
        write_json(tmp_path / f"data/{dataset}.json", {})
        made = runs(accuracies, losses, method=row, algorithm="rddc", dataset=dataset)
        clusters = {r["seed"]: np.int32(LABELS if r["seed"] % 2 else 1 - LABELS) for r in made if r["status"] == "ok"}
        parts[row]["files"].append(f"records/{dataset}/{row}-none.0-3.jsonl")
        write_scored(tmp_path / parts[row]["files"][-1], made, {made[0]["vectorization"]: clusters})
    return {"selection": "validation", "variants": parts}


def test_the_study(job, tmp_path):
    for place in ("a", "b"):
        replication.report(job, tmp_path / place)
    files = [path for path in (tmp_path / "a").rglob("*") if path.is_file()]
    names = sorted(str(path.relative_to(tmp_path / "a")) for path in files)
    made = [".md", "/loss.pdf", "/loss.png", "/spread.pdf", "/spread.png", "/summary.csv", "/terms.pdf", "/terms.png"]
    assert names == [f"replication{name}" for name in made]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    text, lines = (
        (tmp_path / "a/replication.md").read_text(),
        (tmp_path / "a/replication/summary.csv").read_text().splitlines(),
    )
    failed = f"rddc_raw_input,none,speech_commands,test,0,4,1{',' * (len(SCORES) + 4)},0.7400,0.1900,"
    (line,) = [line for line in lines if line.startswith(failed)]
    assert len(lines) == 5 and line.endswith(",not comparable,not comparable")
    assert "nan" not in text.lower().split() and "16 runs of 2 readings, 0.0 core-hours of training. Commit: " in text
    short = text.split("## In short")[1].split("##")[0]
    (row,) = [line for line in short.splitlines() if line.startswith("| Arabic Digits")]
    told = [part.strip() for part in row.split("|")[4:-1]]
    assert told == ["0.70 to 0.90", "reproduced", "–", "RDDC, raw input", "–", "–"]
    (row,) = [line for line in text.splitlines() if line.startswith("| RDDC ") and "0.90 (0.90)" in line]
    assert "-1.00" in row and "| 1.00 " in row  # the loss ranks as the labels would, and all runs agree
    (row,) = [line for line in text.splitlines() if line.startswith("| RDDC, raw input") and "3/4" in line]
    assert "0.60 (0.60) 3/4" in row and row.count("| 0.60 (0.60) ") == 2  # by either loss, which is the same here
    assert "| RDDC, raw input" in text.split("## What if")[1] and "0.95 (0.95)" in text.split("## What if")[1]


def test_agreement():
    assert replication.agreement([LABELS, 1 - LABELS, LABELS]) == 1
    assert abs(replication.agreement([LABELS, np.arange(60) % 2])) < 0.05
    assert replication.agreement([LABELS]) is None


def test_every_rule_chooses_by_what_it_is_called_by():
    """Runs 2 and 3 agree on the training split alone, runs 0, 1 and 4 on the test split alone."""
    rng, split = np.random.default_rng(0), np.repeat([0, 2], 30)
    labels = np.tile([0, 1, 2], 20)
    clusters = [rng.integers(3, size=60) for _ in range(5)]
    for i in range(5):
        clusters[i][split == (0 if i in (2, 3) else 2)] = np.tile([0, 1, 2], 10)
    losses = {"loss_train": [0.1, 0.2, 0.3, 0.4, 0.5], "loss_validation": [0.5, 0.4, 0.3, 0.2, 0.1]}
    ok = pd.DataFrame(losses | {"accuracy": [0.1, 0.2, 0.3, 0.4, 0.5]})
    found = replication.chosen_by_rules(ok, clusters, split, labels, np.array([1, 4, 3, 0, 2]))
    names = ("any run", "lowest training loss", "lowest validation loss", "agreement")
    assert [found[name] for name in names] == [0.2, 0.1, 0.5, 0.4]


def test_a_consensus_is_that_of_the_lowest_training_losses_and_scored_on_the_test_split():
    """Three runs are right on the test split and nowhere else, two are right on the training split alone."""
    split, wrong = np.repeat([0, 2], 30), np.zeros(30, int)
    labels, right = np.tile([0, 1, 2], 20), np.tile([0, 1, 2], 10)
    wrong[0] = 1
    clusters = [np.concatenate([wrong, right])] * 3 + [np.concatenate([right, wrong])] * 2
    ok = pd.DataFrame({"loss_train": np.arange(5.0), "loss_validation": np.arange(5.0), "accuracy": 0.5})
    assert replication.chosen_by_rules(ok, clusters, split, labels, np.arange(5)[::-1])["consensus"] == 1


def test_every_reading_gives_its_reason(job, tmp_path):
    replication.report(job, tmp_path / "page")
    told = (tmp_path / "page/replication.md").read_text().split("## The readings")[1].split()
    assert " ".join(told) == f"- **RDDC** — {replication.AS_IT_IS} - **RDDC, raw input** — The elements as they come."
    rows = [row for name, row in read_yaml(ROOT / "config/study.yaml")["methods"].items() if name != "rddc"]
    assert len(rows) > 10 and all(row["like"].startswith("rddc") and len(row["reason"]) > 30 for row in rows)
