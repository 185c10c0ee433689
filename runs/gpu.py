"""`jobs_per_gpu` jobs a GPU: each holds a kernel file lock for its life, which even SIGKILL releases."""

import contextlib
import fcntl
import itertools
import os
import subprocess
import tempfile
import time
from pathlib import Path


def visible_devices():
    """Names of the devices that this process may use: the parent's ``CUDA_VISIBLE_DEVICES``, else all there are."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name]
    try:
        listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    return [str(number) for number, _ in enumerate(listed.stdout.splitlines())] if listed.returncode == 0 else []


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
    devices = visible_devices() if gpus else []
    if not devices:
        yield "cpu"
        return
    # Slurm may call the device of every job 0: an allocation's names mean something inside it only.
    folder = Path(tempfile.gettempdir()) / f"gpu-leases-{os.getuid()}" / os.environ.get("SLURM_JOB_ID", "host")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        for place, device in itertools.product(range(jobs_per_gpu), devices):
            with (folder / f"{device.replace('/', '_')}.{place}").open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                os.environ["CUDA_VISIBLE_DEVICES"] = device
                yield "cuda"
                return
        time.sleep(0.5)
