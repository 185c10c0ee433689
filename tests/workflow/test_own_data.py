"""One's own data through a real Snakemake run: with labels, and without them for several numbers of clusters."""

import csv
import json
import os
import re

import numpy as np
import pytest
from test_snakemake import copy_of_the_project, jobs, snakemake

from datasets.sequences import Sequences
from datasets.storage import write_arrays
from methods.contract import tiny_data
from methods.progress import VARIABLE, told
from methods.vectorize import moments
from reports.indices import indices
from runs.results import read_records
from runs.sources import ROOT
from workflow import catalogue, layers, validate
from workflow.estimate import estimate

LABELS = np.arange(60) % 3  # of `tiny_data`
CONFIG = {
    "readings": ["own"],
    "published": None,
    "run": {"datasets": ["birds", "bees"], "methods": ["kmeans"], "vectorizations": ["avg"], "controls": []},
    "datasets": {"birds": {"path": "my birds"}, "bees": {"path": "bees.npz", "k": [2, 3]}},
    "methods": {"kmeans": {"seeds": 2, "datasets": {"bees": {"n_init": 3}}}},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = copy_of_the_project(tmp_path_factory.mktemp("project"))
    data = tiny_data()
    birds = folder / "my birds"
    birds.mkdir()
    for i in range(len(data)):
        np.savetxt(birds / f"bird {i:02d}.csv", data[i], delimiter=",")
    lines = ["identifier,label", *(f"bird {i:02d},{'abc'[label]}" for i, label in enumerate(LABELS))]
    (birds / "labels.csv").write_text("\n".join(lines))
    write_arrays(folder / "bees.npz", values=data.values, offsets=data.offsets, ids=np.arange(100, 160))
    finished = snakemake(folder, config=CONFIG)
    assert finished.returncode == 0, finished.stdout
    (folder / "output.txt").write_text(finished.stdout)
    return folder


def test_records(project):
    records = read_records((project / "results/own").glob("records/*/*.jsonl"))
    assert {(record["dataset"], record["n_clusters"]) for record in records} == {
        ("birds", 3),
        ("bees_k2", 2),
        ("bees_k3", 3),
    }
    for record in records:
        assert record["status"] == "ok"
        assert (record["scores"]["train"] is None) == (record["dataset"] != "birds")
        assert record["scores"]["test"] is None and record["budget"]["sequences"] == 60  # nothing is held out
        assert record["provenance"]["settings"]["n_init"] == (10 if record["dataset"] == "birds" else 3)


def test_clusters_have_the_identifiers_of_the_input(project):
    folder = project / "results/own/clusters"
    for dataset, names in (
        ("birds", [f"bird {i:02d}" for i in range(60)]),
        ("bees_k3", list(map(str, range(100, 160)))),
    ):
        with (folder / dataset / "kmeans-avg.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert [row["identifier"] for row in rows] == names
        assert {row["cluster"] for row in rows} == {"0", "1", "2"}
        assert {row["split"] for row in rows} == {"train"}
        assert all(0 <= float(row["agreement"]) <= 1 and -1 <= float(row["margin"]) <= 1 for row in rows)
        assert len({float(row["distance"]) for row in rows}) > 50 and "membership" not in rows[0]


def test_the_page_says_that_there_are_no_labels_and_has_a_figure(project):
    folder = project / "results/own"
    page = (folder / "report.html").read_text()
    assert "no labels" in page and "silhouette" in page.lower() and ">nan<" not in page
    assert (
        '"bird 07"' in page
        and "The paper's" not in page
        and "published" not in page.split("<main>")[1].split("<script")[0]
    )
    pictures = {path.stem for path in (folder / "figures").glob("*.png")}
    assert {"clusters_birds", "clusters_bees_k2", "clusters_bees_k3", "confusion_birds"} <= pictures
    assert not {"confusion_bees_k2", "strips_bees_k2"} & pictures
    with (folder / "tables/indices.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["data set"] == "Bees"]
    best = max(rows, key=lambda row: float(row["silhouette"]))
    assert [row["highest"] for row in rows if row["highest"]] == ["highest"]
    assert best["highest"] == "highest" and best["clusters"] == "3"


def test_the_page_opens_with_an_answer(project):
    page = (project / "results/own/report.html").read_text()
    first = page.split("<section>")[1]
    assert "The answer" in first and "its accuracy of" in first and "halves of the data agree" in first
    assert first.index("Look at") < first.index("How sure") < first.index("Clusters") < first.index("Failed")
    for link in ("clusters/birds/kmeans-avg.csv", "clusters/bees_k3/kmeans-avg.csv"):
        assert f'href="{link}"' in first and (project / "results/own" / link).is_file()
    for k in (2, 3):
        halves = json.loads((project / f"results/own/halves/bees_k{k}/kmeans-avg.json").read_text())
        assert len(halves["avg"]) == 2 and all(-1 <= value <= 1 for value in halves["avg"])


def test_the_sheet_has_the_digest_of_the_files(project):
    sheet = json.loads((project / "results/own/data/birds.json").read_text())
    assert len(sheet["source"]["sha256"]) == 64 and sheet["classes"] == ["a", "b", "c"]


def test_the_summary_says_how_it_ended_and_where_to_look(project):
    output = (project / "output.txt").read_text()
    assert "results/own: 6 ok\n" in output
    assert "look at results/own/report.html" in output
    assert "6 ok" not in snakemake(project, "--dry-run", config=CONFIG).stdout


def test_a_fresh_run_begins_with_an_estimate(project, monkeypatch):
    """From a timed pilot, on data that aren't prepared yet; once there are records, from those."""
    monkeypatch.setenv(VARIABLE, "30")
    monkeypatch.delenv("CI", raising=False)
    rddc = {"settings": {"batch": 20, "epochs": 150, "recurrent_units": 16}, "seeds": 2}
    run = CONFIG["run"] | {"datasets": ["birds"], "methods": ["rddc"]}
    config = CONFIG | {"results": "results/fresh", "run": run, "methods": {"rddc": rddc}}
    source = project / "workflow/estimate.py"
    code = source.read_text()
    assert "ROW, ALL = 15, 60 " in code
    source.write_text(code.replace("ROW, ALL = 15, 60 ", "ROW, ALL = 150, 600 "))  # for a busy machine
    output = snakemake(project, config=config).stdout
    assert output.count("Timing 4 updates of 1 rows first, for at most 600 s.\n") == 1
    told_first = r"2 of 2 runs to train take about (\d+ \w+) by a pilot of 4 updates each; at most 20 min"
    (line,) = re.findall(told_first, output)
    assert output.index("by a pilot") < output.index("rule prepare:")
    records = read_records((project / "results/fresh").glob("own/records/*/*.jsonl"))
    took = sum(record["cost"]["seconds"] for record in records)
    seconds = int(line.split()[0]) * (60 if line.endswith("min") else 1)
    assert took / 10 - 1 < seconds < 10 * took + 1
    planned = [{"reading": "own", "dataset": "birds", "method": "rddc", "inputs": "none", "block": "0-1"}]
    (line,) = estimate({"own": config | {"results": str(project / "results/fresh"), "time_limit": 600}}, planned, 1)
    assert line.startswith(f"2 of 2 runs to train took about {told(took)} before;")


def test_a_row_at_its_time_limit_is_in_the_summary_and_on_the_page(project):
    slow = {"like": "kmeans", "time_limit": 0.5, "seeds": 2, "settings": {"n_init": 10**6}}
    run = CONFIG["run"] | {"datasets": ["birds"], "methods": ["kmeans", "slow"]}
    config = CONFIG | {"results": "results/slow", "run": run, "methods": CONFIG["methods"] | {"slow": slow}}
    finished = snakemake(project, config=config)
    assert finished.returncode == 0 and "results/slow/own: 2 ok, 2 timeout\n" in finished.stdout
    page = (project / "results/slow/own/report.html").read_text()
    assert "2 of 4 runs (k-means, slow, time average: 2 timeout)" in page
    failures = (project / "results/slow/own/tables/failures.csv").read_text()
    assert failures.count("timeout,stopped at its limit of 0.5 s") == 2 and "stopped at its limit of 0.5 s" in page


def test_a_changed_file_is_prepared_anew(project):
    assert jobs(snakemake(project, "--dry-run", config=CONFIG)) == {}
    file = project / "my birds/bird 07.csv"
    before = file.read_text()
    try:
        file.write_text("1,2\n")
        planned = {"prepare": 1, "train": 1, "score": 1, "report": 1}
        assert jobs(snakemake(project, "--dry-run", config=CONFIG)) == planned
    finally:
        file.write_text(before)


def test_a_file_that_is_replaced_by_an_older_one_is_prepared_anew(project):
    """As mv, cp -p and unzip do: its date says that nothing is new."""
    file = project / "my birds/bird 01.csv"
    older = file.with_suffix(".new")
    older.write_text("9,9\n8,8\n7,7\n")
    os.utime(older, ns=(1, file.stat().st_mtime_ns - 10**12))
    older.replace(file)
    finished = snakemake(project, "--dry-run", config=CONFIG)
    assert jobs(finished)["prepare"] == 1, finished.stdout


def test_an_apostrophe_in_the_folder_of_results(project):
    config = CONFIG | {"results": "it's", "methods": {"kmeans": {"seeds": 1}}, "splits": 2}
    config |= {"split": {"kind": "stratified"}, "run": CONFIG["run"] | {"datasets": ["birds"]}}
    finished = snakemake(project, config=config)
    assert finished.returncode == 0, finished.stdout
    assert len(read_records((project / "it's/own").glob("records/*/*.jsonl"))) == 2


def test_a_mistake_in_the_data_gets_one_line_which_the_summary_repeats(project):
    run = CONFIG["run"] | {"datasets": ["bees"]}
    config = CONFIG | {"results": "results/mistake", "run": run, "datasets": {"bees": {"path": "bees.npz"}}}
    finished = snakemake(project, config=config)
    assert finished.returncode != 0 and "Traceback" not in finished.stdout
    message = "error: bees.npz: there are no labels, so the number of clusters must be given"
    assert finished.stdout.count(f"\n{message}") == 1
    assert f"  results/mistake/own/logs/prepare/bees.log: {message}" in finished.stdout
    assert not list((project / "results").glob("mistake/*/data/*"))


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"path": "nowhere"}, "config: datasets.birds.path: no file, and no folder with CSV files, at nowhere"),
        ({"path": str(ROOT / "datasets")}, "config: datasets.birds.path: no file, and no folder with CSV files"),
        ({"path": "README.md", "clusters": 3}, "config: datasets.birds: no setting 'clusters' .there are path, k."),
        ({"path": "README.md", "k": 0}, "config: datasets.birds.k: 0 is not valid"),
        (
            {"path": "README.md", "k": "auto"},
            "config: datasets.birds.k: 'auto' is not valid; expected a number .* or a l",
        ),
        (
            {"path": "README.md", "missing": "drop"},
            'config: datasets.birds.missing: expected {"refuse", "interpolate"}',
        ),
        ({"path": "README.md", "columns": "id"}, "config: datasets.birds.columns: expected dict"),
        ({"path": "README.md", "like": "ucr"}, "config: datasets.birds: path and like: it can be one of them only"),
        ({"like": "nothing"}, "config: .*'nothing' is not in datasets/"),
        ({"like": "ucr", "set": "x"}, "config: datasets.birds: no setting 'set' .there are name."),
        ({"path": "README.md", "k": [2, 2]}, "config: datasets.birds.k: .2, 2. is not valid"),
        ({"k": 3}, "config: datasets: 'birds' is not in datasets/"),
        ({"path": "README.md", "k": 10**20}, "config: datasets.birds.k: 10+ is not valid"),
        ({"path": "README.md", "k": 2, "resample": 10**12}, "config: datasets.birds.resample: 10+ is too large"),
    ],
)
def test_a_mistake_in_the_config_gets_one_line(dataset, message, monkeypatch):
    monkeypatch.chdir(ROOT)
    changes = {"run": CONFIG["run"] | {"datasets": ["birds"]}, "datasets": {"birds": dataset}}
    with pytest.raises(catalogue.ConfigError, match=message) as caught:
        validate.check_config(changes)
    assert "\n" not in str(caught.value)


def test_a_row_that_can_not_find_so_few_clusters_is_named(monkeypatch):
    monkeypatch.chdir(ROOT)
    run = CONFIG["run"] | {"datasets": ["birds"], "methods": ["kmeans", "rddc"], "controls": []}
    changes = {"run": run, "datasets": {"birds": {"path": "README.md", "k": [1, 2]}}}
    with pytest.raises(catalogue.ConfigError, match="config: datasets.birds_k1: k: 1: rddc needs 2 or more clusters"):
        validate.check_config(changes)
    validate.check_config(changes | {"run": run | {"methods": ["kmeans"]}})


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"settings": {"n_clusters": 0}}, "methods.rddc: n_clusters: 0: rddc needs 2 or more clusters"),
        ({"datasets": {"birds": {"n_clusters": 1}}}, "methods.rddc: n_clusters: 1: rddc needs 2 or more clusters"),
        ({"settings": {"n_clusters": 5}}, "methods.rddc: n_clusters is 5, but k of datasets.birds is 3; leave"),
        ({"settings": {"n_clusters": 5}, "datasets": {"birds": {"n_clusters": 3}}}, None),
        ({"settings": {"n_clusters": 3}}, None),
    ],
)
def test_a_row_and_its_data_say_one_number_of_clusters(section, message, monkeypatch):
    monkeypatch.chdir(ROOT)
    run = CONFIG["run"] | {"datasets": ["birds"], "methods": ["rddc"]}
    changes = {"run": run, "datasets": {"birds": {"path": "README.md", "k": 3}}, "methods": {"rddc": section}}
    if message is None:
        validate.check_config(changes)
        return
    with pytest.raises(catalogue.ConfigError, match=f"config: {message}") as caught:
        validate.check_config(changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 10**20}, "config: seeds: 10+ is too large a number"),
        ({"time_limit": 1e300}, "config: time_limit: 1e.300 is greater than the maximum"),
        (
            {"methods": {"kmeans": {"settings": {"n_init": 10**20}}}},
            "config: methods.kmeans.settings.n_init: expected int",
        ),
        (
            {"datasets": {"birds": {"path": "x", "k": [2]}, "birds_k2": {"path": "x"}}},
            "'birds_k2' is there, and 'birds'",
        ),
        ({"datasets": {"b" * 101: {"path": "README.md", "k": 2}}}, "b' is too long"),
    ],
)
def test_what_would_overflow_or_is_there_twice_gets_one_line(changes, message, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(catalogue.ConfigError, match=message) as caught:
        validate.check_config({"datasets": {"birds": {"path": "README.md", "k": 2}}} | changes)
    assert "\n" not in str(caught.value)


def test_a_key_twice_on_the_command_line_is_refused():
    with pytest.raises(catalogue.ConfigError, match="config: seeds: it stands twice on the command line"):
        layers.read_user([], ["seeds=3", "k=1", "seeds=4"])


def test_moments_go_from_the_first_element_to_the_last():
    data = tiny_data()
    found = moments(data, 16).reshape(len(data), -1, data.dimensions)
    for i in range(len(data)):
        place = np.linspace(0, len(data[i]) - 1, found.shape[1])
        expected = np.stack([np.interp(place, np.arange(len(data[i])), column) for column in data[i].T], axis=1)
        np.testing.assert_allclose(found[i], expected, atol=1e-5)


def test_moments_of_constant_sequences_are_that_constant():
    data = Sequences.from_list([np.full((length, 1), np.float32(0.1)) for length in range(1, 40)])
    assert (moments(data, 32) == np.float32(0.1)).all()


def test_indices_prefer_the_clusters_that_there_are():
    data = tiny_data(lengths=(8, 12))
    true, merged = indices(data, LABELS), indices(data, np.minimum(LABELS, 1))
    shuffled = indices(data, np.random.default_rng(0).permutation(LABELS))
    assert true["silhouette"] > max(merged["silhouette"], shuffled["silhouette"], 0.3)
    assert true["davies_bouldin"] < shuffled["davies_bouldin"]
    assert indices(data, np.zeros(len(data), int))["silhouette"] is None
