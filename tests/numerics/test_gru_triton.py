"""The Triton kernels against torch's GRU in float64: compiled where there is a GPU, and everywhere in Triton's
interpreter, in a process of its own because Triton decides at import which of the two it is."""

import functools
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("triton")

from methods import gru, gru_triton  # noqa: E402

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cpu" if INTERPRETED else "cuda"
resets = pytest.mark.parametrize("reset", gru.RESETS)
somewhere = pytest.mark.skipif(
    not INTERPRETED and not torch.cuda.is_available(), reason="no GPU; runs in the interpreter's process"
)


@pytest.mark.skipif(INTERPRETED, reason="this is the interpreter's process")
def test_in_the_interpreter():
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        env=os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def problem(lengths, d=3, hidden=16, layers=2, seeds=2, batch=None):
    """Ragged data, a random batch for every seed, with repetitions, and weights."""
    rng = np.random.default_rng(0)
    offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)]))
    values = torch.from_numpy(rng.normal(size=(sum(lengths), d)).astype(np.float32))
    index = torch.from_numpy(rng.integers(0, len(lengths), (seeds, batch or len(lengths))))
    rngs = [np.random.default_rng(seed) for seed in range(seeds)]
    return values, offsets, index, gru.init_gru_weights(d, hidden, layers, rngs, init="torch")


def outcome(states_of, values, offsets, index, layers, reset="after", dtype=torch.float32, device=DEVICE):
    """Final states, and the gradient of a fixed linear function of each seed's with respect to every weight."""
    weights = [
        [tuple(torch.from_numpy(a).to(device, dtype).requires_grad_() for a in side) for side in layer]
        for layer in layers
    ]
    states = states_of(values.to(device, dtype), offsets.to(device), index.to(device), weights, reset=reset)
    direction = torch.from_numpy(np.random.default_rng(1).normal(size=tuple(states.shape[1:]))).to(device, dtype)
    (states * direction).sum().backward()
    return [states.detach()] + [tensor.grad for layer in weights for side in layer for tensor in side]


def reference(*problem, reset="after"):
    states_of = functools.partial(gru.gru_final_states, backend="torch")
    return outcome(states_of, *problem, reset, dtype=torch.float64, device="cpu")


def errors(ours, expected):
    """Largest difference of each tensor, relative to its largest number, which may be zero."""
    return [
        ((a.cpu().double() - b.cpu().double()).abs().max() / b.abs().max().cpu().clamp_min(1e-3)).item()
        for a, b in zip(ours, expected, strict=True)
    ]


def small(states, *gradients):
    return states <= 2e-6 and all(error <= 2e-5 for error in gradients)


@somewhere
@resets
@pytest.mark.parametrize(
    "shape",
    [
        {"lengths": [3, 1, 7, 4, 5, 2]},
        {"lengths": [2, 9, 4], "batch": 35, "hidden": 32, "seeds": 3},
        {"lengths": [5, 1, 3], "d": 5, "hidden": 64, "layers": 1},
        {"lengths": [2, 3], "d": 1, "layers": 3, "seeds": 1},
        {"lengths": [6]},
        {"lengths": [1] * 5},
        {"lengths": [1], "seeds": 1},
        {"lengths": [60, 2], "layers": 1},
    ],
    ids=["unsorted", "three tiles", "64 units", "three layers", "one sequence", "length 1", "one row", "long"],
)
def test_against_float64(shape, reset):
    given = problem(**shape)
    found = errors(outcome(gru_triton.gru_states, *given, reset), reference(*given, reset=reset))
    assert small(*found)


@somewhere
def test_several_seeds_are_one_at_a_time():
    values, offsets, index, layers = problem([3, 1, 7, 4, 5, 2], seeds=3)
    together = outcome(gru_triton.gru_states, values, offsets, index, layers)
    for seed in range(3):
        own = [[tuple(array[seed, None] for array in side) for side in layer] for layer in layers]
        alone = outcome(gru_triton.gru_states, values, offsets, index[seed, None], own)
        found = errors(alone, [tensor[seed, None] for tensor in together])
        assert small(*found)


@somewhere
def test_an_index_in_another_order_of_memory():
    values, offsets, index, layers = problem([3, 1, 7, 4], seeds=3)
    expected = outcome(gru_triton.gru_states, values, offsets, index, layers)
    transposed = index.T.contiguous().T
    assert all(map(torch.equal, outcome(gru_triton.gru_states, values, offsets, transposed, layers), expected))


@somewhere
@resets
def test_without_gradients_the_same_states(reset):
    given = problem([3, 1, 7, 4])
    expected = outcome(gru_triton.gru_states, *given, reset)[0]
    values, offsets, index, layers = given
    weights = [[tuple(torch.from_numpy(a).to(DEVICE) for a in side) for side in layer] for layer in layers]
    states = gru_triton.gru_states(values.to(DEVICE), offsets.to(DEVICE), index.to(DEVICE), weights, reset)
    assert not states.requires_grad
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-6)


@somewhere
@resets
def test_saturated_gates(reset):
    values, *rest = problem([3, 1, 4])
    found = outcome(gru_triton.gru_states, 50 * values, *rest, reset)
    states, *_ = errors(found, reference(50 * values, *rest, reset=reset))
    assert states <= 1e-5


@somewhere
def test_nan_is_never_hidden_nor_spread():
    values, offsets, _, layers = problem([3, 4, 2], seeds=1)
    values[4, 1] = torch.nan
    states = outcome(gru_triton.gru_states, values, offsets, torch.arange(3)[None], layers)[0][0]
    assert torch.isfinite(states[[0, 2]]).all() and torch.isnan(states[1]).all(-1).any()


@somewhere
@pytest.mark.parametrize(
    ("line", "mistake", "reset"),
    [
        ("d_r = d_n * q * r * (1 - r)", "d_r = d_n * 0.0", "after"),
        ("d_r = d_read * h * r * (1 - r)", "d_r = d_n * 0.0", "before"),
        ("d += d_read * r", "d += d_read", "before"),
    ],
)
def test_a_mutant_with_a_wrong_gradient_is_caught(tmp_path, line, mistake, reset):
    source = Path(gru_triton.__file__).read_text()
    assert source.count(line) == 1
    path = tmp_path / "mutant.py"
    path.write_text(source.replace(line, mistake))
    spec = importlib.util.spec_from_file_location("mutant", path)
    mutant = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mutant)
    given = problem([3, 1, 7, 4, 5, 2])
    found = errors(outcome(mutant.gru_states, *given, reset), reference(*given, reset=reset))
    assert small(found[0]) and not small(*found)


@pytest.mark.parametrize(
    ("hidden", "dtype", "said"),
    [
        (20, torch.float32, "a power of two from 16 to 64"),
        (128, torch.float32, "a power of two from 16 to 64"),
        (16, torch.float64, "computes in float32"),
    ],
)
def test_what_the_kernels_cannot_do(hidden, dtype, said):
    values, offsets, index, layers = problem([2, 3], hidden=hidden)
    weights = [[tuple(map(torch.from_numpy, side)) for side in layer] for layer in layers]
    with pytest.raises(ValueError, match=said):
        gru_triton.gru_states(values.to(dtype), offsets, index, weights)


def test_a_gpu_takes_either_reset_and_all_sizes_of_the_kernels():
    can = [units for units in range(1, 130) if gru.backend_for("cuda", units) == "cuda-triton"]
    assert can == list(gru_triton.UNITS)
