"""The simulated schedule: by hand, in Snakemake's own order, from records of another number of seeds."""

import subprocess
import sys

import numpy as np
import pytest
from fake_records import runs, write_scored

from benchmarks.schedule import Job, jobs_of, seconds_of_runs, simulate, table
from runs.sources import ROOT
from workflow import layers

SIZES = {"small": 1, "middle": 2, "large": 3}


def job(dataset, seconds, gpu=1):
    return Job(f"{dataset} {seconds} {gpu}", dataset, gpu, float(seconds))


def test_by_hand():
    """The two larger first; the third takes the place that is free first."""
    jobs = [job("small", 3), job("middle", 3), job("large", 4)]
    assert simulate(jobs, 2, 8, SIZES) == (6, 10)
    assert simulate(jobs, 1, 8, SIZES) == (10, 10)


def test_the_larger_data_start_first():
    jobs = [job("small", 1), job("small", 1), job("large", 8)]
    assert simulate(jobs, 2, 8, SIZES)[0] == 8
    assert simulate(jobs, 2, 8, {"small": 3, "large": 1})[0] == 9


def test_jobs_without_a_gpu_wait_for_cores_only():
    """Those with a GPU go first, and then take a core as well."""
    jobs = [job("large", 5, gpu=0), job("large", 5, gpu=0), job("small", 2)]
    assert simulate(jobs, 1, 3, SIZES) == (5, 2)
    assert simulate(jobs, 1, 1, SIZES) == (12, 2)


def test_the_table():
    (*_, row) = table([job("large", 60), job("large", 120)], SIZES, [2]).splitlines()
    assert row.replace(" ", "") == "|2|2.0|2.0|0%|75%|"


def test_seconds_of_a_job_from_other_numbers_of_seeds(tmp_path):
    """Cells of the paper profile from two runs each: a block of ten takes ten times their mean."""
    made = runs([0.5, 0.5], [0.1, 0.2])
    made[0]["cost"]["seconds"], made[1]["cost"]["seconds"] = 2.0, 4.0
    write_scored(tmp_path / "records/arabic_digits/rddc-none.0-1.jsonl", made, {"none": {0: np.array([0])}})
    seconds = seconds_of_runs(tmp_path)
    assert seconds == {("arabic_digits", "rddc", "none"): [2.0, 4.0]}
    jobs, missing = jobs_of(resolved(), seconds)
    found = {one.name: one.seconds for one in jobs if one.seconds}
    assert found == {"arabic_digits/rddc-none.0-9": 30.0, "arabic_digits/rddc-none.10-19": 30.0}
    assert "arabic_digits, kmeans, zero" in missing and "arabic_digits, rddc, none" not in missing
    assert {one.name: one.gpu for one in jobs}["arabic_digits/kmeans-zero-crop.0-4"] == 0


def resolved():
    return layers.resolve({}, "recommended")


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_without_records(tmp_path, folder):
    command = [sys.executable, "-m", "benchmarks.schedule", tmp_path / folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.startswith("error: ") and "there are no records" in done.stderr
