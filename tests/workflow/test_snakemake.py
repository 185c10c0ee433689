"""Real Snakemake runs on embedded data: results, reruns, byte equality, and mistakes that leave nothing behind."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.sequences import TYPES
from datasets.storage import read_arrays
from runs.results import each_record, read_records
from runs.sources import ROOT
from studies.fingerprints import __main__ as fingerprints
from workflow import layers

TINY = {
    "seeds": 2,
    "run": {
        "datasets": ["japanese_vowels"],
        "methods": ["kmeans", "ward", "rddc"],
        "vectorizations": ["avg"],
        "controls": [],
    },
    "figures": {"dataset": "japanese_vowels"},
    "methods": {
        "kmeans": {"seeds": 2},
        "rddc": {"seeds_per_job": 1, "settings": {"epochs": 2, "recurrent_units": 16, "hidden_units": 8}},
    },
}


def copy_of_the_project(folder):
    """The files that git tracks or would, as they are now: a clone with uncommitted changes."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def snakemake(project, *arguments, config=TINY):
    """Run Snakemake in `project`; returns the finished process with its output as text."""
    (project / "tiny.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--resources", "gpu=0", "--nocolor"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [*command, "--configfile", "tiny.json", *arguments],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )


def jobs(process):
    """Rule to number of jobs, from the table that a dry run prints."""
    assert process.returncode == 0, process.stdout
    if "Nothing to be done" in process.stdout:
        return {}
    lines = process.stdout.split("Job stats:")[1].split("\n\n")[0].splitlines()
    rows = [line.split() for line in lines if len(line.split()) == 2 and line.split()[1].isdigit()]
    return {rule: int(count) for rule, count in rows if rule not in ("total", "default", "all")}


def without_cost(path):
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:
        del record["cost"]
    return json.dumps(records)


def test_results(project):
    folder = project / "results/paper/recommended"
    records = read_records(folder.glob("records/*/*.jsonl"))
    assert read_arrays(folder / "data/japanese_vowels.npz").keys() == TYPES.keys() and "labels" not in TYPES
    assert [(r["method"], r["seed"]) for r in records] == [
        ("kmeans", 0),
        ("kmeans", 1),
        ("rddc", 0),
        ("rddc", 1),
        ("ward", 0),
    ]
    page = (folder / "report.html").read_text()
    assert "RDDC" in page and page.count("http-equiv") == page.count("Content-Security-Policy") == 1
    assert sorted(path.suffix for path in (folder / "tables").glob("table1.*")) == [".csv", ".md", ".tex"]
    assert list((folder / "figures").glob("*.png"))
    assert not list(project.rglob(".*.jsonl")) and not list(project.rglob("*.tmp"))


def test_the_report_of_snakemake_carries_tables_and_figures(project, monkeypatch):
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    finished = snakemake(project, "--report", "snakemake.html")
    assert finished.returncode == 0, finished.stdout
    made = (project / "snakemake.html").read_text()
    folder = project / "results/paper/recommended"
    carried = [*folder.glob("tables/*.csv"), *folder.glob("figures/*.png")]
    assert len(carried) > 8
    assert [path.name for path in carried if f'"name": "{path.name}"' not in made] == []
    assert "Table table1 of the reading" in made and "Sequence clustering: every method" in made


def test_the_appendix_is_made_when_it_is_asked_for_and_not_before(project):
    folder = project / "results/paper/recommended/appendix"
    assert not folder.exists()
    finished = snakemake(project, "--", "appendix")
    assert finished.returncode == 0, finished.stdout
    text = (folder / "appendix.tex").read_text()
    assert "\\RddcNoneJapaneseVowelsAccuracy" in text + (folder / "numbers.tex").read_text()
    wanted = set(re.findall(r"\\input\{(tables/\w+)\}", text)) | set(re.findall(r"\\onefigure\{(\w+)\}", text))
    there = {f"tables/{file.stem}" for file in folder.glob("tables/*.tex")}
    there |= {file.stem for file in folder.glob("figures/*.pdf")}
    assert wanted and wanted <= there
    assert jobs(snakemake(project, "--dry-run", "--", "appendix")) == {}


def test_deep_methods_start_first(project):
    """What is quick fills the cores that they leave; but all data come before any training."""
    planned = snakemake(project, "--dry-run", config=TINY | {"results": "results/planned"}).stdout
    jobs = [dict(re.findall(r"^    (log|priority): (.*)$", job, re.M)) for job in planned.split("\nrule ")]
    found = {"/".join(Path(job["log"]).parts[-2:]): job.get("priority") for job in jobs if "log" in job}
    assert found == {
        "prepare/japanese_vowels.log": "2",
        "japanese_vowels/kmeans-avg.0-1.log": None,
        "japanese_vowels/ward-avg.0-0.log": None,
        "japanese_vowels/rddc-none.0-0.log": "1",
        "japanese_vowels/rddc-none.1-1.log": "1",
        "score/japanese_vowels.log": None,
        "one_length/japanese_vowels.recommended.log": None,
        "logs/report.log": None,
    }


def test_a_number_of_the_command_line_is_one_at_any_depth(project):
    setting = "methods={rddc: {settings: {epochs: 3, learning_rate: 1e-3, clip_norm: null, hidden_batch_norm: true}}}"
    finished = snakemake(project, "--dry-run", "--printshellcmds", "--config", setting)
    assert jobs(finished) == {"train": 2, "score": 1, "report": 1}, finished.stdout
    said = finished.stdout.replace("\n", " ")
    quoted = snakemake(project, "--dry-run", config=TINY | {"results": "2024"})  # text in a file stays text
    assert jobs(quoted), quoted.stdout
    for part in ('"epochs": 3', '"learning_rate": 0.001', '"clip_norm": null', '"hidden_batch_norm": true'):
        assert part in said


@pytest.mark.parametrize(("limit", "often"), [([], False), (["--max-jobs-per-timespan", "50/1s"], True)])
def test_the_schedule_is_solved_when_a_job_has_finished_and_at_no_other_time(project, limit, often):
    """But for a limit that a user sets, which shows that counting can tell."""
    changes = {"run": {"methods": ["kmeans", "ward"]}, "methods": {"kmeans": {"seeds": 10, "seeds_per_job": 1}}}
    config = layers.merge(TINY, changes | {"results": f"results/often-{often}"})
    finished = snakemake(project, "--verbose", "--until", "train", *limit, config=config)
    assert finished.returncode == 0, finished.stdout
    looks = finished.stdout.count("Selected jobs:")
    assert (looks > 1 + 1 + 10 + 1) == often  # at the start, and after the data, k-means' jobs and Ward's


@pytest.mark.parametrize(("config", "mirror"), [({}, ""), ({"mirror": "my data"}, "my data")])
def test_the_command_of_a_fingerprint_is_one_that_its_script_takes(project, monkeypatch, config, mirror):
    (project / "my data").mkdir(exist_ok=True)
    config = layers.merge(TINY, config | {"readings": ["recommended"]})
    finished = snakemake(project, "--dry-run", "--printshellcmds", "--", "fingerprints", config=config)
    assert jobs(finished)["study_raw"] == 4, finished.stdout
    found, calls = re.findall(r"python -m studies.fingerprints (.*?)(?: <<< .*)? 2>&1", finished.stdout), []
    monkeypatch.setattr(fingerprints, "run", lambda *given: calls.append(given))
    monkeypatch.setattr(fingerprints, "report", lambda *given: calls.append(given))
    for arguments in found:
        monkeypatch.setattr(sys, "argv", ["fingerprints", *shlex.split(arguments)])
        fingerprints.main()
    folder = "results/paper/fingerprints"
    assert set(calls) == {(name, "data", mirror, folder) for name in fingerprints.READERS} | {(Path(folder),)}


def everything_in(folder):
    """Run, and name of an array, to what the records of a reading say of it, but for costs, or to its bytes."""
    found = {}
    for path in sorted(folder.glob("records/*/*.jsonl")):
        for record in each_record([path]):
            found[record["method"], record["vectorization"], record["seed"]] = json.dumps(record | {"cost": None})
        arrays = read_arrays(path.with_suffix(".npz")).items()
        found |= {(path.name.split("-")[0], name): array.tobytes() for name, array in arrays}
    return found


def test_same_bytes_from_other_jobs_cores_and_threads(project, monkeypatch):
    """Two seeds and two inputs in one job, on one core, for a user whose environment says three threads."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    run = {"methods": ["kmeans", "rddc"], "vectorizations": ["zero", "avg"]}
    config = layers.merge(TINY, {"results": "results/again", "run": run, "methods": {"rddc": {"seeds_per_job": 2}}})
    finished = snakemake(project, "--until", "train", "--cores", "1", config=config)
    assert finished.returncode == 0, finished.stdout
    again, before = (everything_in(project / f"results/{name}/recommended") for name in ("again", "paper"))
    shared = again.keys() & before.keys()
    assert len(shared) == 2 * 2 * 3 and {name: again[name] for name in shared} == {
        name: before[name] for name in shared
    }
    made = {"zero", "zero_0", "zero_1", "zero_0_distance", "zero_1_distance"}
    assert {name[1] for name in again.keys() - shared} == made


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sedes": 3}, "'sedes' was unexpected"),
        ({"run": {"methods": ["kmean"]}}, "'kmean' is not in methods/"),
        ({"run": {"datasets": ["vowels"]}}, "'vowels' is not in datasets/"),
        ({"methods": {"kmeans": {"settings": {"restarts": 3}}}}, "methods.kmeans.settings: no setting 'restarts'"),
        (
            {"run": {"methods": ["rddc"]}, "methods": {"rddc": {"settings": {"batch": 600}}}},
            "error: japanese_vowels, rddc, none: batch=600: more than the 511 sequences",
        ),
    ],
)
def test_a_mistake_gets_one_line_and_leaves_nothing(project, changes, message):
    config = layers.merge(TINY, changes | {"results": "results/mistake"})
    finished = snakemake(project, "--until", "train", config=config)
    assert finished.returncode != 0
    named = [line for line in finished.stdout.splitlines() if message in line]
    assert named and "Traceback" not in finished.stdout, finished.stdout
    assert not list((project / "results").glob("mistake/*/records/*/rddc*"))


def test_missing_mirror_and_no_network(project, tmp_path):
    config = layers.merge(TINY, {"results": "results/missing", "mirror": str(tmp_path), "raw": str(tmp_path / "raw")})
    config["run"]["datasets"] = ["arabic_digits"]
    environment_without_network = {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
    before = {name: os.environ.get(name) for name in environment_without_network}
    os.environ.update(environment_without_network)
    try:
        finished = snakemake(project, "--until", "prepare", config=config)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    assert finished.returncode != 0
    errors = [line for line in finished.stdout.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and "arabic_digits" in errors[0], finished.stdout
    assert not list((project / "results/missing").rglob("*.npz"))
