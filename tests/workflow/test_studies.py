"""Studies: what they declare is what the rules and their own command line take."""

import importlib
import re
import shlex
import sys
from io import StringIO

import pytest
import yaml
from test_snakemake import TINY, copy_of_the_project, jobs, snakemake

from runs.sources import ROOT
from studies import command
from workflow import layers, studies

PAGES = ["diagnosis", "replication", "search", "suite", "true_partition", "tutorial"]
ROWS = {
    "run": {"methods": ["kmeans", "rddc_narrow_kernel", "rddc"]},
    "methods": {"rddc_narrow_kernel": {"like": "rddc", "settings": {"kernel_width": "median_distance"}}},
    "figures": {"dataset": None},
}


def test_every_study_is_found():
    assert set(studies.declared()) == {"fingerprints", "one_length", *PAGES}
    for name, said in studies.declared().items():
        assert "writes" not in said or any(file == f"{name}.md" for file in said["writes"]), name


def test_what_a_study_lays_side_by_side(monkeypatch):
    config = layers.merge(yaml.safe_load((ROOT / "config/config.yaml").read_text()), ROWS)
    readings = {"b": config, "a": config}
    for said, expected in (
        ({"readings": "all"}, ["b", "a"]),
        ({"rows": "variants"}, ["rddc", "rddc_narrow_kernel"]),
        ({"rows": ["rddc_longer", "rddc_narrow_kernel", "kmeans"]}, ["rddc_narrow_kernel", "kmeans"]),
        ({}, []),
    ):
        monkeypatch.setattr(studies, "declared", lambda said=said: {"x": said})
        found = studies.variants("x", readings)
        assert list(found) == expected
        assert [of.reading for of in found.values()] == (expected if "readings" in said else ["b"] * len(expected))


def test_a_row_whose_shuffled_input_is_a_control_stays_a_row():
    readings = {"recommended": layers.resolve({}, "recommended")}
    (part,) = studies.page_job("suite", readings, "results")["variants"].values()
    assert part["controls"] == [("length_kmeans", "none"), ("rddc", "shuffled")]
    part = studies.page_job("replication", readings, "results")["variants"]["rddc"]
    assert len(part["files"]) == 8 and all("/rddc-none." in file for file in part["files"])


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    folder = copy_of_the_project(tmp_path_factory.mktemp("project"))
    return snakemake(folder, "--dry-run", "--printshellcmds", "--", *PAGES, config=layers.merge(TINY, ROWS))


def test_every_command_is_one_that_its_study_takes(planned, monkeypatch):
    found = re.findall(r"python -m studies\.(\w+) (.*?) 2>&1", planned.stdout)
    assert jobs(planned)["study_case"] == 4 and len(found) == 4 + len(PAGES)  # both rows, and RDDC twice
    calls = []
    for name, words in found:
        arguments, _, fed = words.partition(" <<< ")
        monkeypatch.setattr(sys, "argv", [name, *shlex.split(arguments)])
        monkeypatch.setattr(sys, "stdin", StringIO("".join(shlex.split(fed))))
        file = studies.sources()[name].relative_to(ROOT).with_suffix("")
        study = importlib.import_module(".".join(file.parts))
        takers = {action: hasattr(study, action) or None for action in ("run", "report")}
        for action in filter(takers.get, takers):
            takers[action] = lambda name=name, action=action, **given: calls.append((name, action, given))
        monkeypatch.setattr(command, "write_json", lambda path, made: None)
        command.main(study.__doc__, **takers)
    cases = [(name, given["variant"]) for name, action, given in calls if action == "run"]
    assert sorted(cases) == [
        ("diagnosis", "rddc"), ("diagnosis", "rddc_narrow_kernel"), ("search", "rddc"), ("true_partition", "rddc"),
    ]  # fmt: skip
    (job,) = [given["settings"] for name, action, given in calls if (name, action) == ("search", "run")]
    assert job["inputs"] == ["none"] and job["algorithm"] == "rddc" and job["core_hours"] == 4 and job["datasets"] == 1
    given = {name: given["job"] for name, action, given in calls if action == "report"}
    assert set(given) == set(PAGES)
    assert list(given["replication"]["variants"]) == ["rddc", "rddc_narrow_kernel"]
    assert len(given["diagnosis"]["cases"]) == 2 and given["replication"]["cases"] == []
    (files,) = [part["files"] for part in given["true_partition"]["variants"].values()]
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
