"""The kept pages of the other systems: what was run is there, and nothing else."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from fake_records import runs, write_scored

from datasets.storage import write_text
from reports.compare import read_runs
from reports.origins import check_order, write_list
from reports.systems import SYSTEMS, in_one_line, write_systems
from runs.sources import ROOT


def made(results, name):
    for reading, accuracies in (("one", [0.5, None]), ("two", [0.6])):
        found = runs(accuracies, [0.1] * len(accuracies), dataset="mnist", reading=reading)
        for record in found:
            record["provenance"]["git"] = {"sha": "0123456789abcdef", "dirty": reading == "two"}
        kept = "learned/records/mnist/runs" if name == "supervised" else "records/mnist/rddc-none.0-1"
        write_scored(results / name / reading / f"{kept}.jsonl", found, {"none": {0: np.array([0])}})
    parts = SYSTEMS[name]
    if "/tables/" in parts[0]:
        tables = results / name / parts[0].rsplit("/", 1)[0]
        write_list(tables, [f"../{reading}/{kept}.jsonl" for reading in ("one", "two")])
    for part in parts:
        write_text(
            results / name / part, f"| {part} |\n![it]({parts[-1].split('/')[-1]})\n" if name == "imdb" else part
        )


def test_pages(tmp_path):
    results, folder = tmp_path / "results", tmp_path / "systems"
    assert write_systems(results, folder) == ([], {}) and not list(folder.iterdir())
    made(results, "mnist")
    made(results, "imdb")
    assert write_systems(results, folder) == (["mnist", "imdb"], {})
    assert {path.name for path in folder.iterdir()} == {"mnist.md", "mnist.png", "imdb.md", "imdb.png", "runs"}
    kept = {path.name: read_runs(path).test_accuracy.tolist() for path in (folder / "runs").iterdir()}
    assert kept.keys() == {f"{name}-{reading}.csv" for name in ("mnist", "imdb") for reading in ("one", "two")}
    assert kept["mnist-one.csv"] == pytest.approx([0.5, np.nan], nan_ok=True) and kept["mnist-two.csv"] == [0.6]
    text = (folder / "mnist.md").read_text()
    assert "3 runs, 2 of them ok; readings: one, two; commit 0123456789ab, 0123456789ab with changes." in text
    assert text.count("](mnist.png)") == 1 and "tables/detail_mnist.md" in text
    text = (folder / "imdb.md").read_text()
    assert text.count("](imdb.png)") == 1 and "tutorial.png" not in text.replace("| tutorial/tutorial.md |", "")


@pytest.mark.parametrize(("name", "kept"), [("mnist", "records/mnist/rddc-none.0-1"), ("supervised", None)])
def test_a_page_of_earlier_runs_than_those_in_the_folder_is_not_kept(name, kept, tmp_path):
    results, folder = tmp_path / "results", tmp_path / "systems"
    made(results, "imdb")
    made(results, name)
    runs_of = results / name / "two" / f"{kept or 'learned/records/mnist/runs'}.jsonl"
    table = results / name / SYSTEMS[name][0]
    same = table.stat().st_mtime_ns
    for part in SYSTEMS[name]:
        os.utime(results / name / part, ns=(same, same))
    if kept:
        os.utime(results / name / "mnist_reduced/tables/records.txt", ns=(same, same))
    os.utime(runs_of, ns=(same, same + 1))
    write_text(folder / f"{name}.md", "as it was\n")
    kept, refused = write_systems(results, folder)
    assert kept == ["imdb"] and list(refused) == [name]
    assert re.search(rf"{runs_of.name} is newer than .*/{name}/.*, which is of earlier runs", refused[name])
    assert {path.name for path in folder.iterdir()} == {"imdb.md", "imdb.png", "runs", f"{name}.md"}
    assert (folder / f"{name}.md").read_text() == "as it was\n"
    os.utime(runs_of, ns=(same, same))
    assert write_systems(results, folder) == (sorted([name, "imdb"], key=list(SYSTEMS).index), {})


def test_no_part_of_a_page_may_be_older_than_a_record(tmp_path):
    files = {name: tmp_path / name for name in ("runs", "table", "picture")}
    for name, moment in (("runs", 2), ("table", 2), ("picture", 3)):
        files[name].touch()
        os.utime(files[name], ns=(0, moment))
    made = [files["picture"], files["table"]]
    check_order([files["runs"]], made)
    os.utime(files["table"], ns=(0, 1))
    with pytest.raises(ValueError, match="runs is newer than .*table, which is of earlier runs"):
        check_order([files["runs"]], made)


def test_the_command_keeps_what_it_can_and_names_the_rest(tmp_path):
    results = tmp_path / "results"
    made(results, "mnist")
    made(results, "imdb")
    (results / "mnist/mnist_reduced/tables/records.txt").unlink()
    command = [sys.executable, "-m", "workflow.scripts.systems"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    finished = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 1 and finished.stdout == "kept in reports/systems/: imdb\n"
    (line,) = finished.stderr.splitlines()
    assert line.startswith("error: left as they were: mnist: results/mnist/mnist_reduced/tables/records.txt is missing")
    assert {path.name for path in (tmp_path / "reports/systems").iterdir()} == {"imdb.md", "imdb.png", "runs"}


def test_a_run_that_the_tables_leave_out_is_not_counted(tmp_path):
    results = tmp_path / "results"
    made(results, "mnist")
    write_list(results / "mnist/mnist_reduced/tables", ["../one/records/mnist/rddc-none.0-1.jsonl"])
    write_systems(results, tmp_path / "systems")
    assert "2 runs, 1 of them ok; readings: one; commit 0123456789ab.\n" in (tmp_path / "systems/mnist.md").read_text()


def test_a_page_of_supervised_tasks_counts_their_runs(tmp_path):
    """And keeps those of their controls beside them."""
    results, folder = tmp_path / "results", tmp_path / "systems"
    made(results, "supervised")
    told = results / "supervised/two/learned/records/mnist/told.jsonl"
    write_scored(
        told, runs([0.3], [0.1], dataset="mnist", reading="two", method="kmeans"), {"none": {0: np.array([0])}}
    )
    kept, refused = write_systems(results, folder)
    assert kept == [] and "told.jsonl is newer than" in refused["supervised"]
    os.utime(told, (0, 0))
    write_systems(results, folder)
    assert "3 runs, 2 of them ok; readings: one, two;" in (folder / "supervised.md").read_text()
    assert read_runs(folder / "runs/supervised-two.csv").test_accuracy.tolist() == [0.6, 0.3]


def test_a_kept_page_in_one_line(tmp_path):
    assert in_one_line(tmp_path / "none.md") == ""
    page = tmp_path / "mnist_full.md"
    page.write_text(
        "| method | ours | published |\n|---|---|---|\n| DEC | 0.83 (0.80) | 0.84 |\n| CatGAN | 0.64 (0.56) | – |\n\n"
        "| data set | method |\n|---|---|\n| MNIST | DEC |\n\nKept.\n"
    )
    assert in_one_line(page) == f"At the full budgets, ACC (NMI): DEC 0.83 (0.80), published 0.84. See {page}\n"
