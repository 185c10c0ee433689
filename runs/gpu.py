"""`jobs_per_gpu` jobs a GPU: each holds a kernel file lock for its life, which even SIGKILL releases."""

import contextlib
import fcntl
import itertools
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

VARIABLE = "CUDA_VISIBLE_DEVICES"
PAUSE = 0.5  # seconds between two looks for a free place, each of which asks for the devices that are there


def installed_devices():
    """Name to UUID of all devices, in order: a GPU's number, or the UUIDs of its parts (MIG); None without a driver."""
    try:
        listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return None
    devices, gpu = {}, None
    for line in listed.splitlines():
        if found := re.match(r"GPU (\d+): .*\(UUID: (GPU-[^)]+)\)", line):
            gpu, uuid = found.groups()
            devices[gpu] = uuid
        elif found := re.match(r"\s+MIG .*\(UUID: (MIG-[^)]+)\)", line):
            devices.pop(gpu, None)  # what is divided can be used in parts only
            devices[found[1]] = found[1]
    return devices or None


def visible_devices():
    """Name to UUID of the devices that are there and that this process may use.

    These are the parent's ``CUDA_VISIBLE_DEVICES``, by numbers or UUIDs, which may be abbreviated, else all there are.
    Where no driver lists the devices the parent is trusted, and names stand for UUIDs.
    """
    installed, asked = installed_devices(), os.environ.get(VARIABLE)
    if asked is None:
        return installed or {}
    # As CUDA reads it: what stands after the first thing that is no name doesn't count.
    names = itertools.takewhile(re.compile(r"\d+$|(GPU|MIG)-.+").match, map(str.strip, asked.split(",")))
    if installed is None:
        return {name: name for name in names}
    found = {name: _uuid(name, installed) for name in names}
    return {name: uuid for name, uuid in found.items() if uuid is not None}


def _uuid(name, installed):
    """UUID of the device that is called `name`, or None."""
    if name.isdigit():
        return installed.get(name)
    if name.startswith("MIG-GPU-"):
        return name  # the name of drivers before R470, which later ones take but don't list
    return next((uuid for uuid in installed.values() if uuid.startswith(name)), None)


@contextlib.contextmanager
def device_lease(gpus, jobs_per_gpu=1):
    """Hold a place on a GPU, waiting for one if need be; at most `jobs_per_gpu` jobs hold the same GPU.

    Parameters
    ----------
    gpus : int
        What Snakemake grants: 0 means CPU.
    jobs_per_gpu : int

    Yields
    ------
    str
        ``"cuda"``, of which just the leased device is visible, or ``"cpu"`` when none is granted or there is none.
    """
    # Slurm may call the device of every job 0: an allocation's names mean something inside it only.
    folder = Path(tempfile.gettempdir()) / f"gpu-leases-{os.getuid()}" / os.environ.get("SLURM_JOB_ID", "host")
    while gpus and (devices := visible_devices()):  # anew each time: one that is waited for may disappear
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for place, (device, uuid) in itertools.product(range(jobs_per_gpu), devices.items()):
            with (folder / f"{uuid.replace('/', '_')}.{place}").open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                os.environ[VARIABLE] = device
                yield "cuda"
                return
        time.sleep(PAUSE)
    if gpus and os.environ.get(VARIABLE):
        print(f"none of the GPUs {os.environ[VARIABLE]} is there: on the CPU")
    yield "cpu"


def unless_lost(fields, device):
    """`fields`, what a run on `device` gave; that its leased GPU disappeared is no outcome of a run.

    Raises
    ------
    InterruptedError
        For an error on a GPU that is there no more.
    """
    if device != "cpu" and fields.get("status") == "error" and os.environ.get(VARIABLE) and not visible_devices():
        raise InterruptedError(f"the GPU {os.environ[VARIABLE]} is gone; the same command does what is missing")
    return fields
