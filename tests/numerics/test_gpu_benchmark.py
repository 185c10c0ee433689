"""What `make gpu` does, as far as it goes without a GPU."""

import json
import os
import subprocess
import sys

import pytest
import torch

pytest.importorskip("triton")

from benchmarks import gpu  # noqa: E402


def run(*arguments):
    command = [sys.executable, "-m", "benchmarks.gpu", *map(str, arguments)]
    return subprocess.run(
        command, cwd=gpu.ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )


def test_a_dry_run(tmp_path):
    """All parts, with the kernels in Triton's interpreter: everything agrees, and the page says what it is."""
    done = run("--dry", "--folder", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "disagree: none; not reached: none" in done.stdout
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert found["dry"] and found["parts"].keys() == gpu.PARTS.keys()
    parts = {name: part["rows"] for name, part in found["parts"].items()}
    assert {row["reset"] for row in parts["parity"]} == {"after", "before"}
    assert all(row["agrees"] for name in ("parity", "training", "graph", "smoke") for row in parts[name])
    assert {row["precision"] for row in parts["autoencoders"]} == {"float32", "TF32", "bfloat16"}
    text = (tmp_path / "gpu.md").read_text()
    assert "dry run without a GPU" in text and "Not reached" not in text and "| arabic_digits |" in text


def test_cut_short(tmp_path, monkeypatch):
    """A part that fails or disagrees doesn't keep the others from the page, and what isn't reached is said."""
    bench = gpu.Bench(dry=True, budget=60)

    def fail(_bench):
        raise RuntimeError("CUDA error:\n an illegal address")

    def use_the_time_up(bench):
        bench.end = 0
        return [{"ratio": 2.0, "agrees": False}]

    parts = {"parity": lambda _: [{"epochs": 1, "agrees": True}], "training": fail, "speed": use_the_time_up}
    monkeypatch.setattr(gpu, "PARTS", {name: (parts.get(name), *told) for name, (_, *told) in gpu.PARTS.items()})
    found = gpu.run_parts(bench, "a pretended GPU", tmp_path)
    assert list(found) == list(parts) and gpu.disagreements(found) == ["training", "speed"]
    text = (tmp_path / "gpu.md").read_text()
    assert "Failed: RuntimeError: CUDA error: an illegal address\n" in text and text.count("Not reached.") == 3
    assert "| 1        | yes      |" in text and "| 2       | **no**   |" in text


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu(tmp_path):
    done = run("--folder", tmp_path)
    assert done.returncode == 2 and not done.stdout and list(tmp_path.iterdir()) == []
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: no NVIDIA GPU to measure: ")


def test_a_dry_run_keeps_out_of_the_repository():
    done = run("--dry")
    assert done.returncode == 2 and "--dry needs a --folder" in done.stderr
