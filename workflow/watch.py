"""Says which command helps when Slurm goes on listing a job that is done, because its controller lost the end."""

import sys
import threading
import time
from pathlib import Path

PATIENCE = 300  # seconds; Snakemake's plugin asks Slurm every three minutes at least
PAUSE = 20  # seconds between two looks


def watch(scheduler):
    """Look after the jobs of a Slurm cluster in a thread of its own; nothing on any other executor."""
    executor = getattr(scheduler, "_executor", None)
    if "slurm" in type(executor).__module__:
        threading.Thread(target=_look_on, args=(executor,), daemon=True).start()


def _look_on(executor):
    told = set()
    while True:
        time.sleep(PAUSE)
        for number, line in overdue(executor.active_jobs, time.time()):
            if number not in told:
                print(line, file=sys.stderr, flush=True)
                told.add(number)


def overdue(active_jobs, now):
    """(id, what to say) of the jobs whose results have been whole for longer than `PATIENCE`.

    Parameters
    ----------
    active_jobs : list
        Of Snakemake's executor: each has an ``external_jobid`` and a ``job``, with its ``name`` and ``output``.
    now : float
        Seconds, as file systems count them.
    """
    for info in list(active_jobs):
        written = [Path(path).stat().st_mtime for path in info.job.output if Path(path).exists()]
        if written and len(written) == len(info.job.output) and now - max(written) > PATIENCE:
            since = time.strftime("%H:%M", time.localtime(max(written)))
            number = info.external_jobid
            yield (
                number,
                f"Job {number} ({info.job.name}) wrote the last of its results at {since}, and Slurm hasn't said that"
                f" it ended. If squeue still lists it: scancel {number}, and Snakemake goes on.",
            )
