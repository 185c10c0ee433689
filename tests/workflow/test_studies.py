"""Studies: what they declare is what the rules and their own command line take."""

import importlib
import re
import shlex
import sys
from io import StringIO

import pytest
from test_snakemake import TINY, copy_of_the_project, jobs, snakemake

from studies import command
from workflow import layers, studies

PAGES = ["diagnosis", "replication", "true_partition", "tutorial"]
TWO = {"readings": ["recommended", "narrow_kernel"], "figures": {"dataset": None}}


def test_every_study_is_found():
    assert set(studies.declared()) == {"fingerprints", "one_length", *PAGES}
    for name, said in studies.declared().items():
        assert "writes" not in said or any(file == f"{name}.md" for file in said["writes"]), name


def test_which_readings_a_study_looks_at(monkeypatch):
    readings = {"b": {}, "a": {}, "c": {}}
    for asked, expected in (("all", "bac"), ("first", "b"), (["c", "d", "a"], "ca"), ([], "")):
        monkeypatch.setattr(studies, "declared", lambda asked=asked: {"x": {"readings": asked}})
        assert "".join(studies.variants("x", readings)) == expected


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    folder = copy_of_the_project(tmp_path_factory.mktemp("project"))
    return snakemake(folder, "--dry-run", "--printshellcmds", "--", *PAGES, config=layers.merge(TINY, TWO))


def test_every_command_is_one_that_its_study_takes(planned, monkeypatch):
    found = re.findall(r"python -m studies\.(\w+) (.*?) 2>&1", planned.stdout)
    assert jobs(planned)["study_case"] == 3 and len(found) == 3 + len(PAGES)  # both readings, and the first one
    calls = []
    for name, words in found:
        arguments, _, fed = words.partition(" <<< ")
        monkeypatch.setattr(sys, "argv", [name, *shlex.split(arguments)])
        monkeypatch.setattr(sys, "stdin", StringIO("".join(shlex.split(fed))))
        study = importlib.import_module(f"studies.{name}")
        takers = {action: hasattr(study, action) or None for action in ("run", "report")}
        for action in filter(takers.get, takers):
            takers[action] = lambda name=name, action=action, **given: calls.append((name, action, given))
        monkeypatch.setattr(command, "write_json", lambda path, made: None)
        command.main(study.__doc__, **takers)
    cases = [(name, given["variant"]) for name, action, given in calls if action == "run"]
    assert sorted(cases) == [
        ("diagnosis", "narrow_kernel"), ("diagnosis", "recommended"), ("true_partition", "recommended"),
    ]  # fmt: skip
    given = {name: given["job"] for name, action, given in calls if action == "report"}
    assert set(given) == set(PAGES)
    assert list(given["replication"]["readings"]) == ["recommended", "narrow_kernel"]
    assert len(given["diagnosis"]["cases"]) == 2 and given["replication"]["cases"] == []
    (files,) = [part["files"] for part in given["true_partition"]["readings"].values()]
    assert files and all("/rddc-" in file for file in files)


@pytest.mark.parametrize("arguments", [["report"], ["run", "x"], ["draw"]])
def test_a_wrong_command_and_a_wrong_input_are_one_line(arguments, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["x", *arguments])
    with pytest.raises(SystemExit) as caught:
        command.main("A study.", run=dict, report=dict)
    assert caught.value.code == 2 and "error: " in capsys.readouterr().err

    def broken(job, folder):
        raise ValueError("two\nlines")

    monkeypatch.setattr(sys, "argv", ["x", "report", "--job", "{}", "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as caught:
        command.main("A study.", report=broken)
    assert caught.value.code == "error: two lines"
