"""Where the workflow stands and what lies there: strange files, homes that can't be written, names with a meaning."""

import os
import subprocess
import sys

import numpy as np
import pytest
import yaml
from test_snakemake import copy_of_the_project

from methods.n2d import load_umap
from runs.sources import ROOT
from workflow import validate
from workflow.catalogue import ConfigError
from workflow.jobs import can_be_made_in

SHADOWS = ("random", "datasets", "json", "yaml", "numpy", "reports", "methods")
OWN = {
    "readings": ["own"],
    "published": None,
    "seeds": 1,
    "run": {"datasets": ["mine"], "methods": ["kmeans"], "vectorizations": ["avg"], "controls": []},
}


@pytest.fixture
def place(tmp_path):
    """A folder with data, and with files that have the names of modules."""
    (tmp_path / "mine").mkdir()
    for i in range(30):
        np.savetxt(tmp_path / f"mine/{i:02d}.csv", np.random.default_rng(i).normal(i % 2, 1, (4, 2)), delimiter=",")
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(OWN | {"datasets": {"mine": {"path": "mine", "k": 2}}}))
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong file is imported')\n")
    return tmp_path


def run(folder, *command, **environment):
    """Run a module of Python's in `folder`, as the program of its name does."""
    given = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"} | environment
    return subprocess.run(
        command, cwd=folder, env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def test_files_with_the_names_of_modules_and_a_home_that_can_not_be_written_have_no_effect(place):
    snakemake = f"import sys; sys.path[0] = {str(ROOT)!r}; from snakemake.cli import main; main()"
    command = [sys.executable, "-P", "-c", snakemake, "-s", ROOT / "Snakefile", "--cores", "1", "--resources", "gpu=0"]
    finished = run(place, *command, "--configfile", "own.yaml", HOME="/dev/null/nobody")
    assert finished.returncode == 0, finished.stdout
    assert "results/own: 1 ok" in finished.stdout
    assert (place / "results/own/report.html").exists() and (place / ".snakemake/cache").is_dir()


def test_the_command_that_checks_takes_no_file_for_a_module(place):
    finished = run(place, sys.executable, "-m", "workflow.scripts.check", "mine", PYTHONPATH=str(ROOT))
    assert finished.returncode == 0 and "30 sequences of 2 dimensions" in finished.stdout


def test_can_be_made_in(tmp_path):
    (tmp_path / "file").write_text("")
    assert can_be_made_in(tmp_path / "not/there/yet") and not can_be_made_in(tmp_path / "file" / "cache")


def test_without_a_place_for_compiled_code_one_line_says_what_to_set(monkeypatch, tmp_path):
    (tmp_path / "umap.py").write_text("raise RuntimeError(\"cannot cache function 'rdist': no locator available\")\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "umap", raising=False)
    with pytest.raises(OSError, match="set NUMBA_CACHE_DIR to a folder that can be written"):
        load_umap()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"results": "res{x}"}, "config: results: Snakemake can't have {} or <> in a path: rename res{x}"),
        ({"results": "a\nb"}, r"config: results: a path can't have 'a.nb''s characters"),
        ({"results": "a\0"}, r"config: results: a path can't have 'a.x00''s characters"),
        ({"raw": "a\x1b[1m"}, "config: raw: a path can't have"),
        ({"mirror": "\ud800"}, "config: mirror: a path can't have"),
        ({"results": "a<x>"}, "config: results: Snakemake can't have {} or <> in a path: rename a<x>"),
        ({"results": "mine/{b}.csv/results"}, "config: results: Snakemake can't have {} or <>"),
        ({"results": "file/results"}, "config: results: no folder that can be written in: file/results"),
        ({"datasets": {"mine": {"path": "mi{n}e", "k": 2}}}, "config: datasets.mine.path: .* rename mi{n}e/a.csv"),
        ({"datasets": {"mine": {"path": "mine", "k": 2}}}, "config: datasets.mine.path: .* rename mine/{b}.csv"),
    ],
)
def test_a_path_that_can_not_be_is_refused_before_the_start(tmp_path, monkeypatch, changes, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    for file in ("mi{n}e/a.csv", "mine/{b}.csv"):
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_text("1\n2\n")
    with pytest.raises(ConfigError, match=message) as caught:
        validate.check_config(OWN | changes)
    assert "\n" not in str(caught.value)


def test_braces_in_the_checkout_s_own_path_are_refused(tmp_path):
    folder = tmp_path / "a{b}"
    folder.mkdir()
    finished = run(copy_of_the_project(folder), sys.executable, "-m", "snakemake", "-n", "--cores", "1")
    assert finished.returncode and "config: the project's own folder: Snakemake can't have {} or <>" in finished.stdout
