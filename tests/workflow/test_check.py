"""The command that checks a method or one's own data: quiet about what is right, plain about what is wrong."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import methods.kmeans
from methods.base import InvalidInput
from methods.kmeans import KMeans
from runs.sources import ROOT
from workflow.check import check, check_data, report


def test_a_good_method_keeps_every_promise(capsys):
    assert report("kmeans")
    assert {line[:5] for line in capsys.readouterr().out.splitlines()} == {"ok   "}


class Off(KMeans):
    def fit(self, X, y=None):
        super().fit(X)
        self.labels_ = self.labels_ + 1
        return self


class Unseeded(KMeans):
    def __init__(self, n_clusters=8):
        super().__init__(n_clusters)


@pytest.mark.parametrize(
    ("mutant", "promise", "message"),
    [
        (Off, "fit and predict give", "labels_ are 1 to 3, not within 0 to n_clusters - 1 = 2"),
        (Unseeded, "n_clusters, random_state", "unexpected keyword argument 'random_state'"),
        (LinearRegression, "LinearRegression", "must derive from methods.base.Clusterer"),
    ],
)
def test_a_broken_promise_is_named(monkeypatch, capsys, mutant, promise, message):
    """By the command; tests/contract/test_methods.py has a mutant of every promise."""
    monkeypatch.setattr(methods.kmeans, "KMeans", mutant)
    assert not report("kmeans")
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith(f"WRONG {promise}"))
    assert message in line


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{missing: interpolate", "--settings"),
        ("interpolate", "--settings: expected names and values, as in {missing: interpolate}, got 'interpolate'"),
        ("{clusters: 3}", "settings: no setting 'clusters' (there are k, missing, columns, "),
        ("{normalise: yes}", "settings.normalise: expected {"),
        ("{path: birds}", "settings: no setting 'path' (there are k, missing, columns, "),
        ("{k: [2, 2.5]}", "settings.k: expected int or list of int, got [2, 2.5]"),
        ("{k: [2, 3]}", "k: 3: expected 1 to the number of sequences, 2"),
        ("{columns: {id: [id]}}", "columns: id: expected the name of a column, got ['id']"),
    ],
)
def test_settings_that_no_config_could_have_get_one_line(tmp_path, settings, message):
    (tmp_path / "t.csv").write_text("id,time,v\na,0,1\na,1,2\nb,0,3\nb,1,5\n")
    command = [sys.executable, "-m", "workflow.scripts.check", str(tmp_path / "t.csv"), "--settings", settings]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 1 and "Traceback" not in finished.stderr
    assert message in finished.stdout + finished.stderr


def test_settings_of_a_config_are_those_of_the_check(tmp_path, capsys):
    """Also the one that the check recommends; a column may be called by a number."""
    (tmp_path / "t.csv").write_text("0,1,2\na,0,1\na,1,2\nb,0,3\nb,1,5\n")
    assert report(tmp_path / "t.csv", {"normalise": "all", "k": 2, "columns": {"id": 0, "time": 1, "label": None}})
    assert "2 sequences of 1 dimensions" in capsys.readouterr().out
    assert report(tmp_path / "t.csv", {"k": [1, 2], "columns": {"id": 0, "time": 1, "label": None}})
    assert "no labels: nothing is scored against labels" in capsys.readouterr().out


def test_neither_method_nor_data():
    with pytest.raises(
        InvalidInput,
        match="nothing: neither a file in methods/ .catch22_kmeans, .* nor a folder of CSV files, or of <Name>_TRAIN",
    ):
        check("nothing")


@pytest.mark.parametrize("written", ["methods/kmeans.py", "./methods/kmeans.py", ROOT / "methods/kmeans.py"])
def test_a_method_may_be_named_by_its_file(monkeypatch, written):
    monkeypatch.chdir(ROOT)
    looked_at, problem = next(iter(check(written)))
    assert looked_at == "methods/kmeans.py has class KMeans, which accepts vectors" and problem is None


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("datasets/mnist.py", "^datasets/mnist.py: a data set's .* pytest tests/contract/test_datasets.py -k mnist$"),
        ("mnist", "^mnist: a data set's file is checked by: pytest tests/contract/test_datasets.py -k mnist$"),
        ("datasets/seeds.py", "^datasets/seeds.py: neither a file in methods/"),
        ("methods/kmean.py", "^methods/kmean.py: neither a file in methods/"),
        ("runs/run.py", "^runs/run.py: neither a file in methods/"),
    ],
)
def test_other_files_of_python_are_no_data(monkeypatch, what, message):
    monkeypatch.chdir(ROOT)
    with pytest.raises(InvalidInput, match=message):
        check(what)


def test_a_folder_is_data_whatever_it_is_called(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("mnist", "birds.py"):
        (tmp_path / name).mkdir()
        folder(tmp_path / name, a="1\n2\n", b="3\n4\n")
        assert report(name) and "2 sequences of 1 dimensions" in capsys.readouterr().out


def test_a_python_file_beside_the_data_is_no_method(tmp_path, capsys):
    folder(tmp_path, a="1\n2\n", b="3\n4\n")
    tmp_path.with_suffix(".py").write_text("raise SystemExit('run')")
    assert report(str(tmp_path)) and "2 sequences of 1 dimensions" in capsys.readouterr().out


def folder(tmp_path, **files):
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


def test_every_broken_file_is_named_at_once(tmp_path):
    findings = list(check_data(folder(tmp_path, a="1,2\n", b="1,2\n1,x\n", c="")))
    assert [problem.split(": ", 1)[1] for _, problem in findings] == [
        "'x' is no finite number in float32; write decimals with a point, and a missing value as nothing or nan",
        "no elements; a sequence has at least one line of numbers",
    ]
    assert not report(str(tmp_path))


def test_what_is_allowed_but_seldom_meant_is_noted(tmp_path):
    same = "0,1,2\n5,7,2\n6,5,2\n7,4,2\n"
    path = folder(tmp_path, a=same, b=same, c="0,1,2\n1,8,2\n2,9,2\n", labels="a,x\nb,x\nc,y\n")
    notes = [f"{looked_at}: {problem}" for looked_at, problem in check_data(path) if problem]
    for words in (
        "1 sequences are copies of others, the first: a",
        "column 3: is 2 everywhere",
        "first line: is 0 to 2",
    ):
        assert any(words in note for note in notes), notes
    assert any("fewer than 10 sequences of class x, y" in note for note in notes)
    path = folder(tmp_path, a="9.96921e+36,3,1\n1,5,2\n", b="4,1,0\n", c="7,1,5\n")
    assert any("column 1: has values up to 9.96921e+36" in f"{what}: {problem}" for what, problem in check_data(path))
    path = folder(tmp_path, a="3e-22,3,1\n1e-21,5,2\n", b="4e-22,1,0\n", c="7e-22,1,5\n")
    assert any("column 1: has values up to 1e-21" in f"{what}: {problem}" for what, problem in check_data(path))
    path = folder(tmp_path, a="0,3\n1,5\n", b="4,1\n5,1\n6,0\n", c="7,1\n8,2\n")
    assert any("column 1: counts up evenly" in f"{what}: {problem}" for what, problem in check_data(path))
    assert report(str(path))


def test_uneven_scales_and_offsets_are_noted_with_the_way_out(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    folder.mkdir()
    for name in "abc":
        np.savetxt(folder / f"{name}.csv", rng.normal(size=(30, 3)) * [1, 60, 1] + [0, 0, 40], delimiter=",")
    (note,) = [problem for what, problem in check_data(folder) if what == "scale"]
    assert "column 2 spreads" in note and "column 3 lies around" in note and "`normalise: all`" in note
    for name in "abc":
        np.savetxt(folder / f"{name}.csv", rng.normal(size=(30, 3)), delimiter=",")
    assert not [problem for what, problem in check_data(folder) if what == "scale"]
