"""A real Snakemake run of two supervised tasks, and what an edit of one of them reruns."""

import pytest
from test_snakemake import copy_of_the_project, jobs, snakemake

from runs.results import read_records
from runs.sources import ROOT
from workflow import layers

SIZES = {"train": 20, "validation": 4, "test": 4}
TASKS = {
    "points": {
        "method": "l2c",
        "problems": "points",
        "sizes": SIZES,
        "settings": {"layers": 1, "units": 4, "batch": 10, "epochs": 1},
    },
    "abc": {"method": "element_wise", "problems": "abc", "sizes": SIZES, "settings": {"epochs": 1}},
    "vowels": {
        "method": "l2c",
        "problems": "unseen",
        "dataset": "japanese_vowels",
        "sizes": SIZES,
        "draw": {"test_classes": [1, 5, 8], "clusters": [2, 3], "objects": 6},
        "settings": {"embedding": "gru", "embedding_units": 4, "layers": 1, "units": 4, "batch": 10, "epochs": 1},
    },
}
TARGET = ("--printshellcmds", "supervised")  # an option first: `--configfile` would take the rule for a file
CONFIG = {"results": "my results/supervised", "seeds": 1, "tasks": TASKS}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = copy_of_the_project(tmp_path_factory.mktemp("project"))
    finished = snakemake(folder, *TARGET, config=CONFIG)
    assert finished.returncode == 0, finished.stdout
    return folder


def test_results_and_reruns(project):
    folder = project / "my results/supervised/recommended"
    records = read_records(folder.glob("learned/records/*/*.jsonl"))
    assert [(record["dataset"], record["method"]) for record in records] == [
        ("abc", "element_wise"),
        ("abc", "kmeans"),
        ("abc", "silhouette_k"),
        ("points", "kmeans"),
        ("points", "l2c"),
        ("points", "silhouette_k"),
        ("vowels", "kmeans"),
        ("vowels", "l2c"),
        ("vowels", "silhouette_k"),
    ]
    assert (folder / "report/report.html").is_file()
    assert jobs(snakemake(project, "--dry-run", *TARGET, config=CONFIG)) == {}
    longer = layers.merge(CONFIG, {"tasks": {"points": {"settings": {"epochs": 2}}}})
    expected = {"learn": 1, "score_task": 1, "report_tasks": 1, "supervised": 1}
    assert jobs(snakemake(project, "--dry-run", *TARGET, config=longer)) == expected
    bigger = layers.merge(CONFIG, {"tasks": {"abc": {"draw": {"symbols": 4}}}})
    assert jobs(snakemake(project, "--dry-run", *TARGET, config=bigger)) == expected | {"draw": 1, "control": 2}


def test_a_mistake_gets_one_line(project):
    points = layers.merge(TASKS["points"], {"settings": {"units": 5}})
    odd = CONFIG | {"results": "results/odd", "tasks": {"points": points}}
    finished = snakemake(project, *TARGET, config=odd)
    assert finished.returncode != 0 and "Traceback" not in finished.stdout
    assert "error: points, l2c: units=5: expected an even number, half for each direction" in finished.stdout
    wrong = layers.merge(CONFIG, {"run": {"methods": ["l2c"]}})
    finished = snakemake(project, "--dry-run", config=wrong)
    assert "config: run.methods: 'l2c' is supervised: it runs as one of the tasks" in finished.stdout


def test_readings_without_tasks_are_left_out_and_nothing_but_those_is_one_line(project):
    none = CONFIG | {"tasks": {}}
    mixed = none | {"readings": ["recommended", "supervised_reduced"]}
    assert jobs(snakemake(project, "--dry-run", *TARGET, config=mixed))["report_tasks"] == 1
    finished = snakemake(project, "--dry-run", *TARGET, config=none)
    assert finished.returncode == 1 and "Traceback" not in finished.stdout
    assert "error: config: tasks: none in recommended; say --config" in finished.stdout.splitlines()[-1]


def test_the_profile_names_the_tasks_of_its_reading():
    profile = layers.read(ROOT / "config/supervised.yaml")
    tasks = layers.resolve(profile, profile["readings"][0])["tasks"]
    assert {"points", "mnist", "arabic_digits", "abc"} <= tasks.keys()
    full = layers.resolve(profile, "supervised_full")["tasks"]
    published = {"layers": 14, "units": 288, "count_units": 128, "count_dense_units": 256}
    for task in ("points", "mnist", "arabic_digits", "letters"):
        assert full[task]["settings"].items() >= published.items(), task
    images = {"batch": 25, "epoch_batches": 100, "distortion": 8 / 128}
    assert full["mnist_lowest_mr"]["settings"].items() >= (published | images).items()
    for task, of in (
        ("mnist_turned", "mnist_lowest_mr"),
        ("arabic_digits_turned", "arabic_digits_lowest_mr"),
        ("letters_turned", "letters"),
    ):
        assert full[task]["draw"] == full[of]["draw"] | {"turned": True} and full[task]["sizes"] == full[of]["sizes"]
        assert full[task]["settings"] == full[of]["settings"]  # so that what differs is the number of classes
    for task, of in (("mnist_joined", "mnist_turned"), ("arabic_digits_joined", "arabic_digits_turned")):
        assert full[task]["draw"] == full[of]["draw"] | {"joined": True} and full[task]["sizes"] == full[of]["sizes"]
        assert full[task]["settings"] == full[of]["settings"] | ({"epochs": 60} if of == "mnist_turned" else {})
    steps = {"batch": 200, "learning_rate": 5}
    assert full["points_large_steps"]["settings"].items() >= (published | steps).items()
    unseen = layers.resolve(profile | layers.read(ROOT / "config/unseen.yaml"), "unseen")
    assert unseen["seeds"] == 3 and unseen["tasks"].keys() == {"mnist", "letters"}
    for task, of, epochs in (("mnist", "mnist_joined", 60), ("letters", "letters_turned", 16)):
        assert unseen["tasks"][task]["draw"] == full[of]["draw"] | {"joined": True}
        assert unseen["tasks"][task]["settings"] == full[of]["settings"] | {"annealed": True, "epochs": epochs}
