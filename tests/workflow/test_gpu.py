"""The lease of a device, with pretend ones."""

import multiprocessing
import os
import time

import pytest

from workflow.gpu import device_lease, visible_devices


def hold(number, log):
    with device_lease(1) as device:
        mine = os.environ["CUDA_VISIBLE_DEVICES"]
        log.put((mine, device, time.monotonic()))
        time.sleep(0.3)
        log.put((mine, device, time.monotonic()))


def test_no_two_jobs_on_one_device(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    context = multiprocessing.get_context("fork")
    log = context.Queue()
    jobs = [context.Process(target=hold, args=(number, log)) for number in range(5)]
    for process in jobs:
        process.start()
    events = [log.get(timeout=30) for _ in range(10)]
    for process in jobs:
        process.join()
    for name in ("2", "5"):
        times = sorted(moment for device, _, moment in events if device == name)
        held = list(zip(times[::2], times[1::2], strict=True))
        assert all(end - start >= 0.29 for start, end in held)  # overlapping leases would interleave
    assert {device for _, device, _ in events} == {"cuda"}


@pytest.mark.parametrize(("gpus", "visible"), [(0, "0"), (1, "")])
def test_cpu(monkeypatch, gpus, visible):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with device_lease(gpus) as device:
        assert device == "cpu"


def test_the_parents_choice_is_respected(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert visible_devices() == ["3"]
