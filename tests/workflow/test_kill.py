"""Killed at random moments, the same command afterwards ends with the same tables; a record is whole or absent."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pandas as pd
import psutil
import pytest
from test_snakemake import copy_of_the_project, snakemake, without_cost

from datasets.storage import read_arrays
from runs.results import each_record

CONFIG = {
    "seeds": 3,
    "run": {"datasets": ["japanese_vowels"], "methods": ["rddc"], "vectorizations": []},
    "figures": {"dataset": "japanese_vowels"},
    "methods": {
        "rddc": {"settings": {"epochs": 30, "recurrent_units": 16, "hidden_units": 8}},
    },
}
MEASURED = ["seconds", "peak_memory_mib", "seconds a run", "peak memory, MiB"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project in which even the shortest training is saved after every epoch."""
    folder = copy_of_the_project(tmp_path_factory.mktemp("killed"))
    path = folder / "methods/checkpoint.py"
    code = path.read_text()
    for line in ("INTERVAL = 30.0", "SHARE = 0.05"):
        assert line in code
        code = code.replace(line, line.split("=")[0] + ("= 0.0" if "INTERVAL" in line else '= float("inf")'))
    path.write_text(code)
    return folder


@pytest.fixture(scope="module")
def undisturbed(project):
    """Results of a run that nobody kills, and its seconds."""
    start = time.monotonic()
    finished = snakemake(project, config=CONFIG | {"results": "results/whole"})
    assert finished.returncode == 0, finished.stdout
    return content(project / "results/whole"), time.monotonic() - start


def content(results):
    """Name to bytes of everything in records and tables that isn't measured."""
    folder = results / "recommended"
    found = {}
    for path in sorted([*folder.glob("records/*/*"), *folder.glob("tables/[a-z]*"), *folder.glob("data/*")]):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".jsonl":
            found[name] = without_cost(path)
        elif path.suffix == ".csv":
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
            found[name] = table.drop(columns=[column for column in MEASURED if column in table]).to_csv()
        elif not path.name.startswith("budgets"):
            found[name] = path.read_bytes()
    return found


def start(project):
    """The command of a user at a terminal: a process group of its own."""
    (project / "tiny.json").write_text(json.dumps(CONFIG | {"results": "results/killed"}))
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--resources", "gpu=0", "--configfile", "tiny.json"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.Popen(
        command,
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def of_the_project(project):
    """Processes of jobs that run in the project's folder, orphans too."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(project) and any("workflow.scripts" in word for word in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def strike(process, how, project, chance):
    """Kill in one of four ways; ``job`` is any process of any job, its training or the shell around it."""
    if how == "workflow":
        process.kill()
    elif how == "everything":
        os.killpg(process.pid, signal.SIGKILL)
    elif how == "ctrl-c":
        os.killpg(process.pid, signal.SIGINT)
    elif jobs := of_the_project(project):
        try:
            chance.choice(jobs).kill()
        except psutil.NoSuchProcess:
            return


def whole_or_absent(results):
    for path in results.glob("recommended/records/*/*.jsonl"):
        assert list(each_record([path]))
        read_arrays(path.with_suffix(".npz"))


def survive(project, undisturbed, ways, seed):
    """Kill one run so many times, each time at a random moment, and compare what comes out."""
    expected, seconds = undisturbed
    chance = random.Random(seed)
    results = project / "results/killed"
    shutil.rmtree(results, ignore_errors=True)
    struck, previous = 0, None
    try:
        for how in [*ways, None]:
            while True:
                process = start(project)
                try:
                    told, _ = process.communicate(timeout=None if how is None else chance.uniform(0.05, 0.9) * seconds)
                except subprocess.TimeoutExpired:
                    struck += 1
                    strike(process, how, project, chance)
                    told, _ = process.communicate(timeout=600)
                    whole_or_absent(results)
                    break
                if "--unlock" in told:  # what Snakemake tells the user to do
                    assert previous in ("workflow", "everything"), told
                    assert snakemake(project, "--unlock", config=CONFIG).returncode == 0
                    continue
                assert process.returncode == 0, told
                if how is None:
                    break
                shutil.rmtree(results)  # it was done before it could be killed: from the start
            previous = how
    finally:
        for left in of_the_project(project):
            left.kill()
    assert struck == len(ways)
    found = content(results)
    assert found.keys() == expected.keys()
    for name in expected:
        assert found[name] == expected[name], name
    assert not list(results.rglob("*.resume")) and not list(results.rglob(".*.jsonl"))


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_workflow_ends_with_the_same_tables(project, undisturbed):
    survive(project, undisturbed, ["everything", "ctrl-c"], seed=1)


@pytest.mark.nightly
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_fifty_kills_end_with_the_same_tables(project, undisturbed):
    ways = random.Random(0).choices(["workflow", "everything", "job", "ctrl-c"], k=50)
    survive(project, undisturbed, ways, seed=2)
