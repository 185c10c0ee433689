"""Benchmarks: what the recurrent engine's command prints and the operations behind its floor; rows beside libraries."""

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import gru, peers
from methods.contract import tiny_data
from methods.gru import backend_for


def test_one_line_of_json_a_backend():
    command = [sys.executable, "-m", "benchmarks.gru", "--shape", "character_trajectories", "--batch", "12", "--json"]
    printed = subprocess.run(command, cwd=gru.HERE.parent, capture_output=True, text=True, check=True).stdout
    first, *others = map(json.loads, printed.splitlines())
    assert [each["backend"] for each in others] == [backend_for("cpu")]
    assert first["backend"] == "nn.GRU packed" and first["ratio_vs_nn_gru"] == 1
    for each in others:
        assert each["shape"] == "character_trajectories" and each["batch"] == 12
        assert each["ratio_vs_nn_gru"] == pytest.approx(first["seconds_per_step_seed"] / each["seconds_per_step_seed"])
        assert 0 < each["fraction_of_fastest"] <= each["fraction_of_floor"]


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_operations_of_a_step(layers):
    d, hidden = 5, 4
    matrix = 2 * 3 * hidden  # multiplications and additions of the three gates for one input
    forward = weights = states = 0
    for layer in range(layers):
        for width in (d if layer == 0 else 2 * hidden, hidden):  # the input's product and the recurrent one
            forward += 2 * matrix * width  # two directions
            weights += 2 * matrix * width
        states += 2 * matrix * hidden + (2 * matrix * 2 * hidden if layer else 0)
    assert gru.flops(d, hidden, 7, layers) == 7 * (forward + weights + states)


def test_a_row_beside_its_library_agrees_and_a_mutant_does_not(monkeypatch):
    X, labels, row = tiny_data(lengths=(8, 12)), np.arange(60) % 3, "k-means, resampled"
    monkeypatch.setattr(peers, "POINTS", X.resample_length)
    name, _, ours, theirs, *_, agrees, _, _, _ = peers.line("toy", row, X, labels, 2)
    assert (name, agrees, ours) == ("toy", "yes", theirs) and ours > "0.8"
    monkeypatch.setitem(peers.CASES, row, (lambda X, k, seed: np.arange(len(X)) // k, *peers.CASES[row][1:]))
    assert peers.line("toy", row, X, labels, 2)[5] == "no"
