"""What is said of a job on Slurm whose results are there while Slurm lists it as running, and how long a job may be."""

import os
import time
from types import SimpleNamespace

import pytest

from workflow import watch
from workflow.jobs import minutes as given


def submitted(tmp_path, number, *ages):
    """A job with an output file of each age in seconds; None: not written yet."""
    files = []
    for place, age in enumerate(ages):
        files.append(tmp_path / f"{number}-{place}")
        if age is not None:
            files[-1].touch()
            os.utime(files[-1], (time.time() - age,) * 2)
    return SimpleNamespace(external_jobid=str(number), job=SimpleNamespace(name="train", output=files))


def test_the_job_that_is_done_is_named_with_its_command(tmp_path):
    jobs = [
        submitted(tmp_path, 7, 400, 1000),
        submitted(tmp_path, 8, 10, 1000),
        submitted(tmp_path, 9, 400, None),
        submitted(tmp_path, 10),
    ]
    ((number, line),) = watch.overdue(jobs, time.time())
    assert number == "7" and "scancel 7, and Snakemake goes on" in line


def test_it_is_said_once_and_on_slurm_only(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(watch, "PAUSE", 0.01)
    jobs = [submitted(tmp_path, 7, 400)]
    for module in ("snakemake.executors.local", "snakemake_executor_plugin_slurm"):
        executor = type("Executor", (), {"__module__": module, "active_jobs": jobs})()
        watch.watch(SimpleNamespace(_executor=executor))
        time.sleep(0.3)
        assert capfd.readouterr().err.count("scancel 7") == (module == "snakemake_executor_plugin_slurm")


@pytest.mark.parametrize(
    ("limit", "runs", "minutes"),
    [(3600, 1, [75, 75, 75]), (3600, 9, [75, 195, 555]), (300, 3, [20, 24, 30]), (30, 1, [16, 16, 16])],
)
def test_minutes_of_a_job(limit, runs, minutes):
    """First as long as one run may take, at last as long as all may; and a quarter of an hour for all else."""
    assert [given(limit, runs, attempt) for attempt in (1, 2, 3)] == minutes
