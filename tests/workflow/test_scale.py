"""What grows stays bounded, at a hundredth of the sizes of benchmarks/scale.md. Processor seconds, not the clock's."""

import json
import subprocess
import sys

import pytest

from runs.sources import ROOT


@pytest.mark.parametrize(
    ("part", "size", "seconds", "memory_mib"),
    [("planning", 1, 40, 400), ("records", 5_000, 6, 600), ("sequences", 10_000, 3, 600)],
)
def test_time_and_memory_are_bounded(part, size, seconds, memory_mib):
    command = [sys.executable, "-m", "benchmarks.scale", part, str(size)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads(run.stdout.splitlines()[-1])
    assert sum(found["seconds"].values()) < seconds
    assert found["memory_mib"] < memory_mib
    if part == "planning":
        assert found["files"] <= 3 * found["jobs"], "records, clusters and a log for each, and the report's few"
