"""Progress while somebody watches, and the summary at the end."""

import json
import time

import pytest
from fake_records import bare, record

from datasets.storage import write_text
from methods import progress
from runs.record import write_records
from workflow import layers
from workflow.estimate import estimate
from workflow.summary import print_summary, summary, times


@pytest.mark.parametrize("seconds", ["0", "5"])
def test_a_line_says_how_far_it_is_when_somebody_watches(monkeypatch, capsys, seconds):
    monkeypatch.setenv(progress.VARIABLE, seconds)
    monkeypatch.setitem(progress._state, "last", time.monotonic())  # that it goes on has just been told
    monkeypatch.setitem(progress._state, "epoch", 0)
    with progress.running("toy, rddc, none, run 2 of 4", 2):
        progress.epoch(20, 100, 0.5)
    printed = capsys.readouterr()
    assert printed.out == ""
    told = "toy, rddc, none, run 2 of 4: epoch 20 of 100, about 40 s to go, 2 min with the 2 after it\n"
    assert printed.err == ("" if seconds == "0" else told)


def test_lines_come_at_intervals(monkeypatch, capsys):
    monkeypatch.setenv(progress.VARIABLE, "0.2")
    with progress.running("toy", 0):
        for epoch in range(50):
            time.sleep(0.01)
            progress.epoch(epoch + 1, 50, 0.01)
    assert 1 <= len(capsys.readouterr().err.splitlines()) <= 5


def test_a_run_without_epochs_says_that_it_goes_on(monkeypatch, capsys):
    monkeypatch.setenv(progress.VARIABLE, "0.1")
    with progress.running("toy, dtw_kmeans, none, run 1 of 3", 2):
        time.sleep(0.5)
    told = capsys.readouterr().err.splitlines()
    assert told and all(line.startswith("toy, dtw_kmeans, none, run 1 of 3: ") for line in told)
    assert told[0].endswith(" s so far, 2 after it")
    time.sleep(0.2)
    assert not capsys.readouterr().err


def test_the_estimate_is_from_earlier_runs(resolved, tmp_path):
    planned = [
        {"reading": "recommended", "dataset": "arabic_digits", "method": method, "inputs": how, "block": "0-1"}
        for method, how in (("kmeans", "zero"), ("rddc", "none"))
    ]
    (line,) = estimate({"recommended": resolved}, planned, 2)
    assert line == "4 runs to train; no earlier run tells how long they take, at most 2.0 h by time_limit, 2 at a time."
    # Three jobs of two hours on two cores: the third follows one of the others.
    (line,) = estimate({"recommended": resolved}, [*planned, planned[0] | {"method": "ward"}], 2)
    assert "at most 4.0 h by time_limit, 2 at a time" in line
    made = [bare(record(reading="other", method="kmeans", vectorization="zero", seed=seed)) for seed in (0, 1)]
    for seed, one in enumerate(made):
        one["cost"]["seconds"] = 20 + 20 * seed
    for seed in (2, 3, 4):  # not tried after timeouts: they took no time, which tells nothing
        made.append(bare(record(reading="other", method="kmeans", vectorization="zero", seed=seed, status="timeout")))
        made[-1]["cost"] = {"seconds": 0.0, "peak_memory_mib": 0.0}
    write_records(tmp_path / "other/records/arabic_digits/kmeans-zero.0-1.jsonl", made, {})
    resolved["methods"]["rddc"]["time_limit"] = 10
    (line,) = estimate({"recommended": resolved}, planned, 1)
    said = "2 of 4 runs to train took about 60 s before; not known of rddc; at most 2.0 h by time_limit, 1 at a time."
    assert line == said and estimate({"recommended": resolved}, [], 1) == []


def test_quiet_without_a_terminal_and_under_ci(monkeypatch):
    monkeypatch.delenv(progress.VARIABLE, raising=False)
    monkeypatch.delenv("CI", raising=False)
    assert progress.interval() == 0  # pytest has captured stderr
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert progress.interval() == 30
    monkeypatch.setenv("CI", "true")
    assert progress.interval() == 0


@pytest.fixture
def resolved(tmp_path):
    run = {"datasets": ["arabic_digits"], "methods": ["kmeans", "rddc"], "vectorizations": ["zero"], "controls": []}
    user = {"run": run, "results": str(tmp_path), "methods": {"rddc": {"seeds": 2}}}
    return layers.resolve(user, "recommended")


def test_the_summary_counts_ends_and_names_errors_and_the_page(resolved, tmp_path, capsys):
    assert summary({"recommended": resolved}) == []
    made = [record(seed=0), record(seed=1, status="timeout")]
    folder = tmp_path / "recommended"
    write_records(folder / "records/arabic_digits/rddc-none.0-1.jsonl", list(map(bare, made)), {})
    write_text(folder / "data/arabic_digits.npz", "")
    write_text(folder / "logs/train/arabic_digits/kmeans-zero.0-4.log", "a line\nerror: no memory left\n")
    write_text(folder / "logs/train/arabic_digits/rddc-none.0-1.log", "error: of an earlier try\n")
    told = summary({"recommended": resolved})
    assert told[0] == f"{folder}: 1 ok, 1 timeout; 1 of 2 jobs left no record"
    assert told[1:] == [f"  {folder}/logs/train/arabic_digits/kmeans-zero.0-4.log: error: no memory left"]
    write_text(folder / "report.html", "")
    assert str(folder / "report.html") in summary({"recommended": resolved})[-1]
    earlier = times([*folder.rglob("*.jsonl"), *folder.rglob("*.log"), folder / "report.html"])
    assert summary({"recommended": resolved}, earlier) == []  # all of it is of an earlier run
    log = folder / "logs/train/arabic_digits/kmeans-zero.0-4.log"
    write_text(log, "error: anew\n")
    told = [f"{folder}: 2 of 2 jobs left no record", f"  {log}: error: anew"]
    assert summary({"recommended": resolved}, earlier) == [*told, f"  {folder / 'report.html'} is of an earlier run"]
    (folder / "records/arabic_digits/rddc-none.0-1.jsonl").write_text(json.dumps({}))
    print_summary({"recommended": resolved})
    assert "no summary: " in capsys.readouterr().out
