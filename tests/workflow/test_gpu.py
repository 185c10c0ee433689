"""The lease of a device, with pretend ones and real processes."""

import collections
import os
import signal
import subprocess
import sys
import time

import pytest

from runs.gpu import device_lease, visible_devices
from runs.sources import ROOT

# One job: takes a lease, notes when it begins and ends, and waits in between.
JOB = """
import os, sys, time
from runs.gpu import device_lease
with device_lease(1, int(sys.argv[1])) as kind:
    with open(sys.argv[2], "a") as log:
        for change in (1, -1):
            log.write(f"{time.monotonic()} {os.environ['CUDA_VISIBLE_DEVICES']} {change} {kind}\\n")
            log.flush()
            time.sleep(float(sys.argv[3]) if change == 1 else 0)
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts a job in a process of its own, with its leases in a folder of the test's."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)

    def start(devices="0,1,2,3", jobs_per_gpu=1, seconds=0.4, **more):
        arguments = [sys.executable, "-c", JOB, str(jobs_per_gpu), str(tmp_path / "log"), str(seconds)]
        return subprocess.Popen(arguments, env=os.environ | {"CUDA_VISIBLE_DEVICES": devices} | more)

    return start


def events(tmp_path):
    """(moment, device, +1 or -1, kind) of every begin and end so far, in order."""
    lines = (tmp_path / "log").read_text().splitlines() if (tmp_path / "log").exists() else []
    return sorted((float(moment), device, int(change), kind) for moment, device, change, kind in map(str.split, lines))


def await_events(tmp_path, number):
    deadline = time.monotonic() + 30
    while len(events(tmp_path)) < number:
        assert time.monotonic() < deadline, events(tmp_path)
        time.sleep(0.05)


@pytest.mark.parametrize("jobs_per_gpu", [1, 2])
def test_twelve_jobs_on_four_devices(start, tmp_path, jobs_per_gpu):
    """No device has more jobs at once than it may, and all devices are used."""
    jobs = [start(jobs_per_gpu=jobs_per_gpu) for _ in range(12)]
    assert [job.wait(timeout=60) for job in jobs] == [0] * 12
    held, most = collections.Counter(), collections.Counter()
    for _, device, change, kind in events(tmp_path):
        assert kind == "cuda"
        held[device] += change
        most[device] = max(most[device], held[device])
    assert sorted(most) == ["0", "1", "2", "3"] and not any(held.values())
    assert max(most.values()) == jobs_per_gpu


def test_a_killed_job_frees_its_device(start, tmp_path):
    killed = start(devices="7", seconds=600)
    await_events(tmp_path, 1)
    waiting = start(devices="7", seconds=0)
    time.sleep(1.5)
    assert len(events(tmp_path)) == 1 and waiting.poll() is None
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert waiting.wait(timeout=30) == 0


def test_names_of_an_allocation_are_its_own(start, tmp_path):
    """Slurm calls the one device of either job 0; neither waits for the other."""
    jobs = [start(devices="0", seconds=600, SLURM_JOB_ID=name) for name in ("11", "12")]
    try:
        await_events(tmp_path, 2)
    finally:
        for job in jobs:
            job.kill()
            job.wait()


@pytest.mark.parametrize(("gpus", "visible"), [(0, "0"), (1, "")])
def test_cpu(monkeypatch, gpus, visible):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with device_lease(gpus) as device:
        assert device == "cpu"


def test_the_parents_choice_is_respected(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    assert visible_devices() == ["3", "1"]


def test_torch_is_imported_after_the_lease():
    """torch reads CUDA_VISIBLE_DEVICES only once."""
    code = "import sys, workflow.scripts.train; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
