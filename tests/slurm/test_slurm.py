"""A real Slurm cluster of one node: runs through it, one with a job and two daemons killed, make a local run's tables.

docs/cluster.md tells a user the same steps. Needs Debian's slurmctld, slurmd, slurm-client and munge, and Snakemake's
plugin in the Python that runs the tests: ``pytest -m nightly tests/slurm``.
"""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runs.results import read_records
from runs.sources import ROOT

CLUSTER = Path(__file__).with_name("cluster.sh")
PATH = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"
MISSING = [name for name in ("munged", "slurmctld", "slurmd", "squeue") if not shutil.which(name, path=PATH)]
if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
    MISSING.append("snakemake-executor-plugin-slurm")

pytestmark = [pytest.mark.nightly, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")]

SAVED = 10  # seconds after which the controller surely has written a submission to its disk

# Every way in which a job can be one of an array, and trainings long enough to be killed.
CONFIG = {
    "seeds": 2,
    "run": {"datasets": ["japanese_vowels"], "methods": ["kmeans", "ward", "ddc", "rddc"], "vectorizations": ["avg"]},
    "figures": {"dataset": "japanese_vowels"},
    "methods": {
        "kmeans": {"seeds": 2},
        "ddc": {"seeds_per_job": 2, "settings": {"epochs": 3}},
        "rddc": {"seeds_per_job": 1, "settings": {"epochs": 10, "hidden_units": 8}},
    },
}


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Folder of a running cluster, which Slurm's commands find."""
    folder = tmp_path / "cluster"
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{PATH}")
    subprocess.run([CLUSTER, "start", folder], check=True)
    yield folder
    subprocess.run([CLUSTER, "stop", folder], check=True)


def start(folder, *arguments):
    """Start Snakemake in `folder`; what it says goes to ``snakemake.log`` there."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder, "--nocolor"]
    with (folder / "snakemake.log").open("w") as log:
        return subprocess.Popen(
            [*command, "--configfile", folder / "config.json", *arguments], cwd=ROOT, stdout=log, stderr=log
        )


def wait_for(what, seconds=900):
    """First true value of ``what()``."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return found


def running_trainings():
    """Ids of the trainings that run now; none while the controller is away."""
    listed = subprocess.run(
        ["squeue", "--noheader", "--states=RUNNING", "--format=%i %k"], capture_output=True, text=True, check=False
    )
    return [line.split()[0] for line in listed.stdout.splitlines() if "rule_train" in line]


def killed(job, log):
    """Whether Snakemake knows that a job died of SIGKILL; one that has only just begun misses the signal."""
    subprocess.run(["scancel", "--full", "--signal=KILL", job], check=False)
    return "Trying to restart job" in log.read_text()


def kill_and_start_again(cluster, daemon):
    os.kill(int((cluster / f"{daemon}.pid").read_text()), signal.SIGKILL)
    time.sleep(2)
    subprocess.run([CLUSTER, "daemon", cluster, daemon], check=True)


def outcome(folder):
    """Name to content of every table, and all records, but for what is measured: times and memory."""
    folder = folder / "results/paper/recommended"
    tables = {path.name: path.read_text() for path in folder.glob("tables/*") if path.stem != "budgets"}
    return tables, [record | {"cost": None} for record in read_records(folder.glob("records/*/*.jsonl"))]


def kill_midway(cluster, log):
    """A training first, before the controller dies, which would forget it and run it again itself."""
    job = wait_for(running_trainings)[-1]
    wait_for(lambda: killed(job, log))
    time.sleep(SAVED)
    wait_for(running_trainings)
    for daemon in ("slurmctld", "slurmd"):
        kill_and_start_again(cluster, daemon)


def test_tables_of_a_cluster_are_those_of_a_local_run(cluster, tmp_path):
    """Once with everything killed, once in job arrays, whose tasks must not be killed: see docs/cluster.md."""
    status = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "5"]
    # All tasks of an array get what its first asks for, so all have to ask for the same: no GPU here.
    runs = {"killed": [], "array": ["--slurm-array-jobs", "train", "--set-resources", "train:gpu=0"]}
    for name, more in runs.items():
        workflow, log = start(tmp_path / name, "--profile", ROOT / "profiles/slurm", *status, *more), tmp_path / name
        try:
            if name == "killed":
                kill_midway(cluster, log / "snakemake.log")
            assert workflow.wait(timeout=1800) == 0, (log / "snakemake.log").read_text()
        finally:
            workflow.kill()
            workflow.wait()
    assert "Submitted array job" in (tmp_path / "array/snakemake.log").read_text()
    local = start(tmp_path / "local", "--cores", "2", "--resources", "gpu=0")
    assert local.wait(timeout=1800) == 0, (tmp_path / "local/snakemake.log").read_text()
    expected_tables, expected_records = outcome(tmp_path / "local")
    assert len(expected_records) == 17 and "table1.md" in expected_tables
    for name in runs:
        tables, records = outcome(tmp_path / name)
        assert records == expected_records and tables == expected_tables, name
