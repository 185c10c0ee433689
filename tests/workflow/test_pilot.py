"""The pilot before a run: a few updates tell about how long all of them take, within bounds, and leave nothing."""

import time

import pytest

import methods.kmeans
from datasets.fetch import Archive, Package, Source, is_here
from datasets.prepare import is_at_hand
from datasets.storage import write_arrays
from methods import progress
from methods.contract import tiny_data
from methods.dec import DEC
from methods.rddc import RDDC
from methods.vectorize import vectorize
from runs import pilot as pilots
from runs.pilot import extrapolated, pilot
from workflow.estimate import ask, estimate, piloted, print_estimate

SMALL = {"batch": 20, "recurrent_units": 4, "hidden_units": 8}


def test_every_phase_ends_after_a_few_updates_and_the_rest_is_told():
    X = vectorize(tiny_data(), "avg")
    settings = {"n_clusters": 3, "random_state": 0, "widths": (16, 4), "batch": 20, "tolerance": 0}
    with progress.few_updates() as left:
        fitted = DEC(layer_updates=300, pretrain_updates=300, cluster_updates=300, **settings).fit(X)
    assert fitted.n_updates_ == 4 * progress.FEW and len(left) == 4 and min(left) > 0  # two layers, the whole, clusters
    assert DEC(**settings).fit(X).n_updates_ > 4 * progress.FEW  # and nothing of it stays
    with progress.few_updates() as left:
        RDDC(3, epochs=1, random_state=0, **SMALL).fit(tiny_data())
    assert left == []  # three updates are the whole


def test_about_what_it_takes():
    """Within a broad factor, as a machine may be busy at one moment and not at the next."""
    settings = SMALL | {"epochs": 200}
    found = pilot(tiny_data(), "none", "rddc", settings, 3, 60)
    start = time.monotonic()
    RDDC(3, random_state=0, **settings).fit(tiny_data())
    took = time.monotonic() - start
    assert took / 10 < found < 10 * took


def test_more_sequences_take_at_least_in_proportion():
    assert extrapolated([], 100) is None
    assert extrapolated([(10, 2.0)], 100) == pytest.approx(20)
    assert extrapolated([(10, 1.0), (20, 1.1)], 100) == pytest.approx(5.5)  # what it takes anyhow aside
    assert extrapolated([(10, 1.0), (20, 4.0)], 40) == pytest.approx(16)
    assert extrapolated([(10, 1.0), (20, 64.0)], 40) == pytest.approx(64 * 8)  # a hiccup is no power of six
    assert extrapolated([(10, 1.0), (40, 3.0)], 40) == pytest.approx(3)


def test_what_takes_long_is_told_from_few_sequences_in_time(monkeypatch):
    """A fit of a tenth of a second a sequence: all 60 take six seconds, which the pilot doesn't have."""
    right = methods.kmeans.KMeans.fit
    monkeypatch.setattr(methods.kmeans.KMeans, "fit", lambda self, X: time.sleep(len(X) / 10) or right(self, X))
    start = time.monotonic()
    found = pilot(tiny_data(), "avg", "kmeans", {"n_init": 1}, 3, 4)
    assert time.monotonic() - start < 8 and found == pytest.approx(6, rel=0.5)
    monkeypatch.setattr(methods.kmeans.KMeans, "fit", lambda self, X: time.sleep(60))
    start = time.monotonic()
    assert pilot(tiny_data(), "avg", "kmeans", {}, 3, 1) is None and time.monotonic() - start < 5


def test_what_can_not_be_done_is_not_known():
    assert pilot(tiny_data(), "avg", "ddc", {"batch": 100}, 3, 30) is None  # no batch of 60
    assert pilot(tiny_data(), "avg", "kmeans", {}, 61, 30) is None


def test_the_script_times_rows_and_leaves_no_file(tmp_path, monkeypatch, capsys):
    """On one's own data before they are prepared; a row that fails, or a data set to be downloaded, is not known."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(pilots.__file__).removesuffix("/runs/pilot.py"))
    data = tiny_data()
    write_arrays("bees.npz", values=data.values, offsets=data.offsets)
    common = {"raw": "raw", "mirror": None, "seed": 0, "split": {"kind": "everything"}}
    own = {"results": "results", "methods": {}, "time_limit": 10, **common}
    own["datasets"] = {f"bees_k{k}": {"path": "bees.npz", "k": k} for k in (2, 3)}
    own["datasets"] |= {"gone": {"path": "gone.npz"}, "far": {"like": "ucr", "name": "NoSuchSet"}}
    cells = [("own", name, "kmeans", "avg") for name in own["datasets"]]
    before = sorted(tmp_path.rglob("*"))
    found = piloted({"own": own}, cells, {})
    assert sorted(tmp_path.rglob("*")) == before
    assert found.keys() == {*cells[:2]} and len({*found.values()}) == 1  # the larger k stands for both
    planned = [
        dict(zip(("reading", "dataset", "method", "inputs", "block"), (*cell, "0-4"), strict=True)) for cell in cells
    ]
    (line, over) = estimate({"own": own}, planned, 1, lambda cells: {cells[0]: 3.0, cells[1]: 40.0})
    assert line.startswith("10 of 20 runs to train take about 65 s by a pilot of 4 updates each; not known of kmeans;")
    assert over == "A run may be stopped by its time_limit: kmeans (40 s)."
    monkeypatch.setenv(progress.VARIABLE, "30")
    monkeypatch.setenv("CI", "true")
    capsys.readouterr()
    print_estimate({"own": own}, planned, 1, {})
    assert capsys.readouterr().out.startswith("20 runs to train; no earlier run tells how long they take, at most")
    start = time.monotonic()
    assert ask({"rows": [{}], "row": 1, "until": time.time()}) == [] and time.monotonic() - start < 15


def test_what_needs_a_download_is_told(tmp_path):
    archive = Archive(form="a", file="a.zip", address="http://nowhere.invalid/a.zip")

    def source(form):
        return Source("sample", (form,), "", "", "")

    assert not is_here(source(archive), tmp_path) and is_here(source(Package("p", "numpy", ".", {})), tmp_path)
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample/a.zip").write_bytes(b"")
    assert is_here(source(archive), tmp_path / "raw", tmp_path)
    (tmp_path / "raw/sample.a").mkdir(parents=True)
    assert is_here(source(archive), tmp_path / "raw")


def test_the_form_that_is_asked_for_decides_on_a_download(tmp_path):
    places = {"raw": tmp_path / "raw", "mirror": tmp_path}
    (tmp_path / "character_trajectories").mkdir()
    (tmp_path / "character_trajectories/CharacterTrajectories.zip").write_bytes(b"")  # UEA's, the default
    assert is_at_hand("character_trajectories", {}, **places)
    assert not is_at_hand("letters", {"like": "character_trajectories", "form": "uci"}, **places)
    (tmp_path / "character_trajectories/mixoutALL_shifted.mat").write_bytes(b"")
    assert is_at_hand("letters", {"like": "character_trajectories", "form": "uci"}, **places)
