"""A real Slurm cluster of one node: runs through it, one with a job and two daemons killed, make a local run's tables.

docs/cluster.md tells a user the same steps. Needs Debian's slurmctld, slurmd, slurm-client and munge, and Snakemake's
plugin in the Python that runs the tests: ``pytest -m nightly tests/slurm``. A test that takes too long is ended, and
whatever ends one, be it SIGKILL, daemons, jobs and Snakemake end with it.
"""

import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runs.results import read_records
from runs.sources import ROOT
from runs.worker import _die_with

CLUSTER = Path(__file__).with_name("cluster.sh")
PATH = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"
MISSING = [name for name in ("munged", "slurmctld", "slurmd", "squeue") if not shutil.which(name, path=PATH)]
if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
    MISSING.append("snakemake-executor-plugin-slurm")

pytestmark = [pytest.mark.nightly, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")]

LIMIT = 1500  # seconds that a test may take
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
    """Folder of a running cluster, which Slurm's commands find; it lasts as long as the test, and that not for ever."""
    folder = tmp_path / "cluster"
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{PATH}")

    def stop(_signal, _frame):
        raise TimeoutError(f"the test took longer than {LIMIT} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LIMIT)
    try:
        subprocess.run([CLUSTER, "start", folder, str(os.getpid())], check=True, timeout=120)
        yield folder
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
        subprocess.run([CLUSTER, "stop", folder], check=True, timeout=60)


@contextlib.contextmanager
def snakemake(folder, *arguments, config=CONFIG):
    """Snakemake at work in `folder`; what it says goes to ``snakemake.log`` there."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder, "--nocolor"]
    command += ["--configfile", folder / "config.json", *arguments]
    parent = os.getpid()
    with (folder / "snakemake.log").open("w") as log:
        running = subprocess.Popen(
            command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True, preexec_fn=lambda: _die_with(parent)
        )
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)  # also the jobs of a local run
        running.wait()


def end_of(workflow, log, seconds=900):
    """Exit code of `workflow`, whose advice is taken on the way: a job that Slurm takes to be running is cancelled."""
    deadline, advice = time.monotonic() + seconds, set()
    while workflow.poll() is None:
        assert time.monotonic() < deadline, log.read_text()
        for number in set(re.findall(r"scancel (\d+), and Snakemake goes on", log.read_text())) - advice:
            advice.add(number)
            subprocess.run(["scancel", number], check=True)
        time.sleep(1)
    return workflow.returncode


def wait_for(what, seconds=300):
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
    return tables, [record | {"cost": None} for record in read_records(sorted(folder.glob("records/*/*.jsonl")))]


def kill_midway(cluster, log):
    """A training first, before the controller dies, which would forget it and run it again itself."""
    job = wait_for(running_trainings)[-1]
    wait_for(lambda: killed(job, log))
    time.sleep(SAVED)
    wait_for(running_trainings)
    for daemon in ("slurmctld", "slurmd"):
        kill_and_start_again(cluster, daemon)


STATUS = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "5"]


def test_tables_of_a_cluster_are_those_of_a_local_run(cluster, tmp_path):
    """Once with everything killed, once in job arrays, whose tasks must not be killed: see docs/cluster.md."""
    # All tasks of an array get what its first asks for, so all have to ask for the same: no GPU here.
    runs = {"killed": [], "array": ["--slurm-array-jobs", "train", "--set-resources", "train:gpu=0"]}
    for name, more in runs.items():
        log = tmp_path / name / "snakemake.log"
        with snakemake(tmp_path / name, "--profile", ROOT / "profiles/slurm", *STATUS, *more) as workflow:
            if name == "killed":
                kill_midway(cluster, log)
            assert end_of(workflow, log) == 0, log.read_text()
    assert "Submitted array job" in (tmp_path / "array/snakemake.log").read_text()
    with snakemake(tmp_path / "local", "--cores", "2", "--resources", "gpu=0") as local:
        assert local.wait(timeout=600) == 0, (tmp_path / "local/snakemake.log").read_text()
    expected_tables, expected_records = outcome(tmp_path / "local")
    assert len(expected_records) == 17 and "table1.md" in expected_tables
    for name in runs:
        tables, records = outcome(tmp_path / name)
        assert records == expected_records and tables == expected_tables, name


def test_an_end_that_the_controller_lost_is_told_and_helped(cluster, tmp_path):
    """Killed between a job's end and its own next save, the controller takes the job to be running again."""
    config = CONFIG | {"run": CONFIG["run"] | {"methods": ["kmeans"], "controls": []}}
    log, done = tmp_path / "lost/snakemake.log", tmp_path / "lost/results/paper/recommended/records"
    with snakemake(tmp_path / "lost", "--profile", ROOT / "profiles/slurm", *STATUS, config=config) as workflow:
        (job,) = wait_for(running_trainings)
        wait_for(lambda: any(done.glob("*/*.npz")))
        wait_for(lambda: job not in running_trainings())
        for daemon in ("slurmctld", "slurmd"):
            kill_and_start_again(cluster, daemon)
        wait_for(lambda: job in running_trainings(), seconds=30)  # long done
        assert end_of(workflow, log) == 0, log.read_text()
    assert f"scancel {job}, and Snakemake goes on" in log.read_text() and len(list(done.glob("*/*.npz"))) == 1


def test_nothing_is_left_of_a_cluster_whose_user_is_killed(tmp_path):
    """Daemons and a job in the middle of its work, once the process that they were started for has got SIGKILL."""
    folder = tmp_path / "cluster"
    user = subprocess.Popen(["sleep", "600"])
    environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": PATH}
    try:
        subprocess.run([CLUSTER, "start", folder, str(user.pid)], check=True, timeout=120)
        command = ["sbatch", "--output", tmp_path / "log", "--wrap", f"echo $$ > {tmp_path}/job; sleep 600"]
        subprocess.run(command, env=environment, check=True, timeout=60, cwd=tmp_path)
        wait_for((tmp_path / "job").exists, seconds=60)
        time.sleep(1)
        left = [(folder / f"{name}.pid").read_text() for name in ("munged", "slurmctld", "slurmd")]
        left.append((tmp_path / "job").read_text())
        assert all(Path("/proc", number.strip()).exists() for number in left)
    finally:
        user.kill()
        user.wait()
    wait_for(lambda: not any(Path("/proc", number.strip()).exists() for number in left), seconds=60)
