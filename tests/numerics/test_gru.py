"""The recurrent engine against torch's GRU in float64: outputs, every gradient, odd shapes, and mutants."""

import platform
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from methods import gru


def problem(lengths, d, hidden, layers=2, seed=0, scale=1.0):
    """Ragged data and weights."""
    rng = np.random.default_rng(seed)
    offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))
    values = torch.from_numpy((scale * rng.normal(size=(sum(lengths), d))).astype(np.float32))
    return values, offsets, gru.init_gru_weights(d, hidden, layers, [rng], init="torch")


def outcome(values, offsets, index, layers, backend, dtype=torch.float32, reset="after"):
    """Final states, and the gradient of a fixed linear function of them with respect to every weight."""
    weights = [
        [tuple(torch.from_numpy(a).to(dtype).requires_grad_() for a in side) for side in layer] for layer in layers
    ]
    states = gru.gru_final_states(values.to(dtype), offsets, index, weights, reset=reset, backend=backend)
    direction = torch.from_numpy(np.random.default_rng(1).normal(size=tuple(states.shape))).to(dtype)
    (states * direction).sum().backward()
    return [states.detach()] + [tensor.grad for layer in weights for side in layer for tensor in side]


def agree(ours, reference, tolerance=2e-5):
    """Largest difference, relative to the largest number of each tensor, is within the tolerance."""
    return all(
        (a.double() - b.double()).abs().max() <= tolerance * b.abs().max().clamp_min(1e-3)
        for a, b in zip(ours, reference, strict=True)
    )


@pytest.fixture(scope="module")
def kernel():
    kernel = gru.load_kernel()
    assert kernel is not None, "the tests need a C++ compiler"
    return kernel


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=13),
    d=st.sampled_from([1, 3, 13]),
    hidden=st.sampled_from([16, 32, 48, 64]),
    layers=st.integers(1, 3),
    seed=st.integers(0, 5),
    reset=st.sampled_from(gru.RESETS),
)
def test_kernel_against_float64(lengths, d, hidden, layers, seed, reset):
    values, offsets, weights = problem(lengths, d, hidden, layers, seed)
    index = torch.from_numpy(np.random.default_rng(seed).integers(0, len(lengths), (1, len(lengths))))
    ours = outcome(values, offsets, index, weights, "cpu", reset=reset)
    assert agree(ours, outcome(values, offsets, index, weights, "torch", torch.float64, reset))


@pytest.mark.parametrize("reset", gru.RESETS)
def test_batches_between_forward_and_backward_disturb_nothing(reset):
    values, offsets, layers = problem([9, 2, 5, 7, 1, 30], 3, 32)
    batches = [torch.tensor([[0, 1, 5]]), torch.tensor([[2, 3, 4]])]
    expected = [outcome(values, offsets, index, layers, "cpu", reset=reset)[1:] for index in batches]
    weights = [[[tuple(map(torch.tensor, side)) for side in layer] for layer in layers] for _ in batches]
    flat = [[t.requires_grad_() for layer in each for side in layer for t in side] for each in weights]
    states = [
        gru.gru_final_states(values, offsets, index, each, reset=reset)
        for index, each in zip(batches, weights, strict=True)
    ]
    with torch.no_grad():
        gru.gru_final_states(values, offsets, batches[0], weights[0], reset=reset)
    for outputs, tensors, gradients in zip(states, flat, expected, strict=True):
        direction = torch.from_numpy(np.random.default_rng(1).normal(size=tuple(outputs.shape))).float()
        (outputs * direction).sum().backward()
        assert agree([tensor.grad for tensor in tensors], gradients, 1e-6)


def test_gradients_can_be_had_once():
    values, offsets, layers = problem([4, 2], 3, 32)
    weights = [[tuple(torch.from_numpy(a).requires_grad_() for a in side) for side in layer] for layer in layers]
    states = gru.gru_final_states(values, offsets, torch.arange(2)[None], weights, backend="cpu")
    states.sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="the gradients of a step once"):
        states.sum().backward()


@pytest.mark.parametrize(("flag", "width"), [("-mno-avx512f", 8), ("-mno-avx", 4)])
def test_the_paths_of_lesser_machines(monkeypatch, tmp_path, flag, width):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if platform.machine() != "x86_64":
        pytest.skip("other machines have one path")
    assert gru.open_library(gru.build_kernel(shutil.which("g++"), [flag])).vector_width() == width


@pytest.mark.parametrize(
    ("lengths", "d", "hidden"),
    [([800, 3], 2, 32), ([1] * 9, 4, 32), ([7] * 5, 300, 32), ([3, 50], 1, 128), ([5, 2, 5], 3, 20), ([4, 4], 2, 7)],
    ids=["long", "length 1", "wide input", "wide state", "no multiple of a vector", "odd"],
)
def test_shapes_at_the_edge(lengths, d, hidden):
    values, offsets, weights = problem(lengths, d, hidden)
    index = torch.arange(len(lengths))[None]
    ours = outcome(values, offsets, index, weights, "auto")
    assert agree(ours, outcome(values, offsets, index, weights, "torch", torch.float64), 1e-4)


def test_ten_thousand_steps():
    values, offsets, weights = problem([10_000, 2], 2, 32)
    tensors = [[tuple(map(torch.from_numpy, side)) for side in layer] for layer in weights]
    with torch.no_grad():
        states = [
            gru.gru_final_states(values, offsets, torch.arange(2)[None], tensors, backend=backend)
            for backend in ("auto", "torch")
        ]
    torch.testing.assert_close(*states, rtol=0, atol=1e-5)


def test_reference_is_nn_gru():
    values, offsets, weights = problem([3, 6, 1], 5, 8)
    module = torch.nn.GRU(5, 8, num_layers=2, bidirectional=True)
    arrays = [array[0] for layer in weights for side in layer for array in side]
    with torch.no_grad():
        for parameter, array in zip(module.parameters(), arrays, strict=True):
            parameter.copy_(torch.from_numpy(array))
    packed = torch.nn.utils.rnn.pack_sequence(
        [values[a:b] for a, b in zip(offsets[:-1], offsets[1:], strict=True)], enforce_sorted=False
    )
    expected = module(packed)[1].view(2, 2, 3, 8).permute(2, 0, 1, 3)
    tensors = [[tuple(map(torch.from_numpy, side)) for side in layer] for layer in weights]
    ours = gru.gru_final_states(values, offsets, torch.arange(3)[None], tensors, backend="torch")[0]
    torch.testing.assert_close(ours, expected.detach(), rtol=0, atol=1e-6)


def test_reset_before_against_a_loop():
    values, offsets, weights = problem([4, 1, 6], 3, 5, layers=1)
    tensors = [[tuple(torch.from_numpy(a).double() for a in side) for side in layer] for layer in weights]
    ours = gru.gru_final_states(values.double(), offsets, torch.arange(3)[None], tensors, reset="before")[0]
    for i in range(3):
        for side in range(2):
            w, u, b, c = (tensor[0].numpy() for tensor in tensors[0][side])
            h = np.zeros(5)
            steps = values[offsets[i] : offsets[i + 1]].double().numpy()
            for x in steps if side == 0 else steps[::-1]:
                r, z = 1 / (1 + np.exp(-((w @ x + b + c)[:10] + u[:10] @ h).reshape(2, 5)))
                n = np.tanh((w @ x + b + c)[10:] + u[10:] @ (r * h))
                h = (1 - z) * n + z * h
            np.testing.assert_allclose(ours[i, 0, side], h, rtol=1e-10)


def test_gradcheck_of_both_conventions():
    values, offsets, weights = problem([2, 3], 2, 2, layers=1)
    flat = [torch.from_numpy(a).double().requires_grad_() for side in weights[0] for a in side]
    for reset in ("after", "before"):

        def states(*tensors, reset=reset):
            layer = [tuple(tensors[:4]), tuple(tensors[4:])]
            return gru.gru_final_states(values.double(), offsets, torch.arange(2)[None], [layer], reset=reset)

        assert torch.autograd.gradcheck(states, flat)


def test_the_company_changes_nothing():
    values, offsets, weights = problem([9, 2, 5, 7, 1, 30], 3, 32)
    tensors = [[tuple(map(torch.from_numpy, side)) for side in layer] for layer in weights]
    everyone = gru.gru_final_states(values, offsets, torch.arange(6)[None], tensors)[0]
    for index in ([2], [5, 2], [4, 2, 2, 0]):
        states = gru.gru_final_states(values, offsets, torch.tensor([index]), tensors)[0]
        torch.testing.assert_close(states, everyone[index], rtol=0, atol=1e-6)


def test_a_seed_is_bitwise_the_same_in_any_block():
    values, offsets, _ = problem([9, 2, 5, 7, 1, 30], 3, 32)
    index = torch.tensor([[0, 1, 2], [3, 4, 5], [5, 0, 3]])

    def run(seeds):
        rngs = [np.random.default_rng(seed) for seed in seeds]
        weights = gru.init_gru_weights(3, 32, 2, rngs, init="torch")
        results = outcome(values, offsets, index[seeds], weights, "auto")
        return results[0], results[1:]

    states, gradients = run([0, 1, 2])
    own_states, own_gradients = run([1])
    # The function that is differentiated weighs states by their place in the block, so only the states are compared.
    assert torch.equal(states[1], own_states[0])
    assert all(len(a) == 3 and len(b) == 1 for a, b in zip(gradients, own_gradients, strict=True))


def test_nan_is_never_hidden():
    values, offsets, weights = problem([5, 3], 3, 32)
    values[6, 1] = torch.nan
    tensors = [[tuple(map(torch.from_numpy, side)) for side in layer] for layer in weights]
    states = gru.gru_final_states(values, offsets, torch.arange(2)[None], tensors)[0]
    assert torch.isfinite(states[0]).all() and torch.isnan(states[1]).any()


def test_the_start_of_tensorflows_cell_of_2018():
    """One Glorot-uniform kernel [input + state] for both gates, one for the candidate: for d = 40 and 32 units their
    standard deviations are .121 and .139, and no part of them is orthogonal."""
    (layer,) = gru.init_gru_weights(40, 32, 1, [np.random.default_rng(0)], init="tensorflow", update_bias=0.5)
    w, u, b, c = (array[0] for array in layer[0])
    kernel = np.hstack([w, u])
    for part, outputs, told in ((kernel[:64], 64, 0.121), (kernel[64:], 32, 0.139)):
        bound = np.sqrt(6 / (40 + 32 + outputs))
        assert bound * 0.99 < np.abs(part).max() <= bound
        assert part.std() == pytest.approx(told, rel=0.03)
    np.testing.assert_array_equal(b + c, np.repeat([1, 1.5, 0], 32))


def test_keras_start():
    (layer,) = gru.init_gru_weights(6, 8, 1, [np.random.default_rng(0)], init="keras", update_bias=0.5)
    w, u, b, c = (array[0] for array in layer[0])
    assert 0.95 * np.sqrt(6 / 14) < np.abs(w).max() <= np.sqrt(6 / 14)
    for gate in np.split(u, 3):
        np.testing.assert_allclose(gate @ gate.T, np.eye(8), atol=1e-6)
    np.testing.assert_array_equal(b + c, np.repeat([1, 1.5, 0], 8))


def test_torch_s_start():
    """As `torch.nn.GRU` has it: everything within one over the root of the units, whatever the input."""
    for array in gru.init_gru_weights(6, 32, 1, [np.random.default_rng(0)], init="torch")[0][0]:
        assert 0.9 / np.sqrt(32) < np.abs(array).max() <= 1 / np.sqrt(32)


def test_a_mutant_without_the_reset_gates_gradient_is_caught(kernel, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = gru.build_kernel(shutil.which("g++"), ["-DDROP_RESET_GRADIENT"])
    with pytest.raises(OSError, match="the kernel's numbers differ from torch's"):
        gru.open_library(path)


def test_without_a_compiler_one_warning_and_the_same_numbers(monkeypatch):
    values, offsets, weights = problem([4, 2], 3, 32)
    index = torch.arange(2)[None]
    expected = outcome(values, offsets, index, weights, "auto")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    gru.load_kernel.cache_clear()
    try:
        with pytest.warns(UserWarning, match="plain torch, many times slower: there is no C\\+\\+ compiler"):
            assert gru.backend_for("cpu") == "torch"
        assert agree(outcome(values, offsets, index, weights, "auto"), expected)
    finally:
        gru.load_kernel.cache_clear()


BUILD = "import shutil; from methods import gru; gru.open_library(gru.build_kernel(shutil.which('g++')))"


def test_two_processes_build_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    processes = [subprocess.Popen([sys.executable, "-c", BUILD], cwd=gru.SOURCE.parents[1]) for _ in range(2)]
    assert [process.wait(120) for process in processes] == [0, 0]
    assert len(list(tmp_path.rglob("*.so"))) == 1


def test_a_corrupt_cache_is_built_again(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = gru.build_kernel(shutil.which("g++"))
    path.write_bytes(path.read_bytes()[:100])
    gru.load_kernel.cache_clear()
    try:
        assert gru.load_kernel() is not None
    finally:
        gru.load_kernel.cache_clear()
    assert path.stat().st_size > 1000


def test_bad_arguments():
    values, offsets, weights = problem([2], 1, 16)
    tensors = [[tuple(map(torch.from_numpy, side)) for side in layer] for layer in weights]
    with pytest.raises(ValueError, match="reset='never': expected 'after' or 'before'"):
        gru.gru_final_states(values, offsets, torch.zeros(1, 1, dtype=torch.int64), tensors, reset="never")
