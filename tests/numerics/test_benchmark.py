"""The benchmark of the recurrent engine: what its command prints, and the number of operations behind the floor."""

import json
import subprocess
import sys

import pytest

from benchmarks import gru
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
