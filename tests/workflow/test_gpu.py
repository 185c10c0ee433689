"""The lease of a device, with pretended ones and real processes, and blocks of seeds that a device is too small for."""

import collections
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

import runs.run
from datasets.sequences import Sequences
from methods.rddc import RDDC
from runs.gpu import device_lease, unless_lost, visible_devices
from runs.run import run_job
from runs.sources import ROOT

# What nvidia-smi says of four GPUs, the second in three parts and the last gone.
GPUS = [
    "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-0a89852c-d268-c3f3-1b07-005d5ae1dc3f)",
    """\
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-1b3c5d7e-0000-c3f3-1b07-005d5ae1dc3f)
  MIG 3g.20gb     Device  0: (UUID: MIG-c7384736-a75d-5afc-978f-d2f1294409fd)
  MIG 2g.10gb     Device  1: (UUID: MIG-a28ad590-3fda-56dd-84fc-0a0b96edc58d)
  MIG 2g.10gb     Device  2: (UUID: MIG-5c7a8b90-1111-56dd-84fc-0a0b96edc58d)""",
    "GPU 2: NVIDIA A100-SXM4-40GB (UUID: GPU-2c4d6e8f-d268-c3f3-1b07-005d5ae1dc3f)",
]
PARTS = [line.split("UUID: ")[1].rstrip(")") for line in GPUS[1].splitlines()[1:]]

# One job: takes a lease, notes when it begins and ends, and waits in between.
JOB = """
import os, sys, time
from runs.gpu import device_lease
with device_lease(1, int(sys.argv[1])) as kind:
    exec(sys.argv[4])
    with open(sys.argv[2], "a") as log:
        for change in (1, -1):
            log.write(f"{time.monotonic()} {os.environ['CUDA_VISIBLE_DEVICES']} {change} {kind}\\n")
            log.flush()
            time.sleep(float(sys.argv[3]) if change == 1 else 0)
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A pretended nvidia-smi: ``installed(lines)`` says which GPUs there are, ``installed(None)`` that no driver is."""
    program = tmp_path / "bin/nvidia-smi"
    program.parent.mkdir()
    path = os.environ["PATH"]

    def install(lines):
        if lines is None:
            monkeypatch.setenv("PATH", str(program.parent))
            program.unlink(missing_ok=True)
            return
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{path}")
        fresh = program.with_name("fresh")
        fresh.write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(lines) + "\nEND\n")
        fresh.chmod(0o755)
        fresh.replace(program)

    return install


@pytest.fixture
def start(tmp_path, monkeypatch, installed):
    """Starts a job in a process of its own, with its leases in a folder of the test's."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    installed([f"GPU {number}: Pretended (UUID: GPU-{number})" for number in range(8)])

    def start(devices="0,1,2,3", jobs_per_gpu=1, seconds=0.4, before="", stdout=None, **more):
        arguments = [sys.executable, "-c", JOB, str(jobs_per_gpu), str(tmp_path / "log"), str(seconds), before]
        return subprocess.Popen(arguments, env=os.environ | {"CUDA_VISIBLE_DEVICES": devices} | more, stdout=stdout)

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


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (None, ["0", *PARTS, "2"]),
        ("2,0", ["2", "0"]),
        ("", []),
        ("-1", []),
        ("0,-1,2", ["0"]),
        ("NoDevFiles", []),
        ("0,3,2", ["0", "2"]),
        ("GPU-2c4d, GPU-0a89852c-d268-c3f3-1b07-005d5ae1dc3f", ["GPU-2c4d", GPUS[0].split("UUID: ")[1].rstrip(")")]),
        ("GPU-2c4d,GPU-3", ["GPU-2c4d"]),
        (f"{PARTS[1]},MIG-00000000", [PARTS[1]]),
        ("MIG-GPU-1b3c5d7e-0000-c3f3-1b07-005d5ae1dc3f/1/0", ["MIG-GPU-1b3c5d7e-0000-c3f3-1b07-005d5ae1dc3f/1/0"]),
    ],
)
def test_names_of_devices(installed, monkeypatch, asked, names):
    """Numbers, UUIDs in full and abbreviated, parts of a GPU; a device that isn't there any more is left out."""
    installed(GPUS)
    if asked is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", asked)
    assert list(visible_devices()) == names


@pytest.mark.parametrize(("asked", "names"), [("3,1", ["3", "1"]), ("MIG-1/2", ["MIG-1/2"]), (None, []), ("-1", [])])
def test_without_a_driver_the_parent_is_trusted(installed, monkeypatch, asked, names):
    installed(None)
    if asked is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", asked)
    assert list(visible_devices()) == names


def test_two_names_of_one_device(start, installed, tmp_path):
    """One job calls it 2 and the other by its UUID: the second waits."""
    installed(GPUS)
    first = start(devices="2", seconds=600)
    await_events(tmp_path, 1)
    second = start(devices="GPU-2c4d", seconds=0)
    time.sleep(1.5)
    assert len(events(tmp_path)) == 1 and second.poll() is None
    first.kill()
    first.wait()
    assert second.wait(timeout=30) == 0


def test_parts_of_a_gpu_are_leased_like_gpus(start, installed, tmp_path):
    installed(GPUS)
    jobs = [start(devices=",".join(PARTS), seconds=0.2) for _ in range(6)]
    assert [job.wait(timeout=60) for job in jobs] == [0] * 6
    assert {device for _, device, _, _ in events(tmp_path)} == set(PARTS)


def test_a_device_that_disappears(start, installed, tmp_path):
    """Jobs go on with those that are left; one that waited for it, and has no other, runs on the CPU and says so."""
    holding = start(devices="1", seconds=600)
    await_events(tmp_path, 1)
    waiting = start(devices="1", seconds=0, stdout=subprocess.PIPE)
    time.sleep(1)
    assert waiting.poll() is None
    installed(["GPU 0: Pretended (UUID: GPU-0)"])
    try:
        assert b"none of the GPUs 1 is there: on the CPU" in waiting.communicate(timeout=30)[0]
        assert start(devices="0,1", seconds=0).wait(timeout=30) == 0
        assert [kind for *_, kind in events(tmp_path)] == ["cuda", "cpu", "cpu", "cuda", "cuda"]
        assert events(tmp_path)[-1][1] == "0"
    finally:
        holding.kill()
        holding.wait()


def test_an_error_on_a_device_that_is_gone_is_no_record(installed, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    failed = {"status": "error", "reason": "AcceleratorError: CUDA error: unspecified launch failure"}
    installed(GPUS)
    assert unless_lost(failed, "cuda") is failed
    installed(GPUS[:1])
    assert unless_lost(failed, "cpu") is failed and unless_lost({"status": "ok"}, "cuda") == {"status": "ok"}
    with pytest.raises(InterruptedError, match="the GPU 2 is gone; the same command"):
        unless_lost(failed, "cuda")


def test_a_killed_job_whose_training_is_a_process_of_its_own_frees_its_device(start, tmp_path):
    """The training inherits the lock, and dies with its job."""
    training = "from runs.worker import Worker\nworker = Worker(lambda _: 0)\nworker.ask(None, 9)\n"
    killed = start(devices="7", seconds=600, before=training)
    await_events(tmp_path, 1)
    killed.kill()
    killed.wait()
    assert start(devices="7", seconds=0).wait(timeout=30) == 0


def test_torch_is_imported_after_the_lease():
    """torch reads CUDA_VISIBLE_DEVICES only once."""
    code = "import sys, workflow.scripts.train; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


class Small(RDDC):
    """RDDC on a device with memory for so many seeds at once."""

    room = 1

    def fit_seeds(self, X, random_states):
        if len(random_states) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().fit_seeds(X, random_states)


def test_a_device_too_small_for_the_block_gives_what_each_seed_gives_alone(monkeypatch):
    """``cpu:0`` is no CPU to the harness, so that it trains seeds together there, and one to torch."""
    rng, labels = np.random.default_rng(0), np.arange(60) % 3
    sequences = [4 * label + rng.normal(size=(rng.integers(2, 9), 2)) for label in labels]
    data = Sequences.from_list(sequences, np.repeat([0, 1, 2], [40, 10, 10]), n_classes=3)
    monkeypatch.setattr(runs.run, "load_method", lambda name: Small)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "pretended")
    named = {"reading": "test", "dataset": "toy", "method": "rddc", "vectorization": "none", "limit": 60}
    settings = {"epochs": 2, "batch": 20, "recurrent_units": 16, "hidden_units": 8}

    def job(seeds, device):
        return run_job(data, seeds=seeds, settings=settings, device=device, **named)

    small, found = job([0, 1, 2, 3, 4], "cpu:0")
    for seed in range(5):
        (alone,), own = job([seed], "cpu")
        assert small[seed]["status"] == alone["status"]
        assert small[seed]["loss_curve"]["loss"] == pytest.approx(alone["loss_curve"]["loss"], rel=1e-5)
        np.testing.assert_array_equal(found[seed], own[seed])
