"""One job a GPU: a kernel file lock on each device, held for the job's life and released even by SIGKILL."""

import contextlib
import fcntl
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
def device_lease(gpus):
    """Hold a GPU that no other job holds, waiting for one if need be.

    Parameters
    ----------
    gpus : int
        What Snakemake grants: 0 means CPU.

    Yields
    ------
    str
        ``"cuda"``, of which just the leased device is visible, or ``"cpu"`` when none is granted or there is none.
    """
    devices = visible_devices() if gpus else []
    if not devices:
        yield "cpu"
        return
    folder = Path(tempfile.gettempdir()) / f"gpu-leases-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    while True:
        for device in devices:
            with (folder / device.replace("/", "_")).open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                os.environ["CUDA_VISIBLE_DEVICES"] = device
                yield "cuda"
                return
        time.sleep(0.5)
