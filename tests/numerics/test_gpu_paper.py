"""The Triton kernels compiled for GPUs that aren't here, from the calls that launch them; and a step's launches."""

import os

import numpy as np
import pytest
import torch

pytest.importorskip("triton")
if os.environ.get("TRITON_INTERPRET") == "1":
    pytest.skip("the interpreter compiles nothing", allow_module_level=True)

from benchmarks import gpu_paper  # noqa: E402
from benchmarks.compiled import kernels, loop, usage, without_launches  # noqa: E402
from methods import gru, gru_triton  # noqa: E402

# Bytes of shared memory that one program may have, CUDA's own limits.
SHARED = {75: 65536, 80: 166912, 86: 101376, 90: 232448, 100: 232448, 120: 101376}
SPILLED = {75: 160, 86: 160}  # bytes a thread; elsewhere 32. They have 64 units only, whose weights fill the registers
# The smallest GPU's largest kernels and all of a large one's in every run; all others, two minutes, in the nightly one.
EVERY_RUN = [(75, 64), *((90, hidden) for hidden in gru_triton.UNITS)]
NIGHTLY = [(number, hidden) for number in SHARED for hidden in gru_triton.UNITS if (number, hidden) not in EVERY_RUN]
CASES = [*EVERY_RUN, *(pytest.param(*case, marks=pytest.mark.nightly) for case in NIGHTLY)]

POINTERS = {
    "_forward": {"projected", "recurrent", "bias", "first", "length", "slot", "final", "states", "saved"},
    "_backward": {"saved", "recurrent", "first", "length", "slot", "d_final", "d_states", "d_gates"},
}


def too_much(capability, launch):
    """What a kernel asks for and a GPU of that capability doesn't have, or has only at a price."""
    use = usage(launch.kernel)
    limits = {"shared": SHARED[capability], "registers": 255, "spilled": SPILLED.get(capability, 32)}
    return {name: use[name] for name, limit in limits.items() if use[name] > limit}


def states(hidden, d=3, layers=1, lengths=(1, 2), seeds=1):
    """Final states, or what takes their place without launches."""
    rngs = [np.random.default_rng(0)] * seeds
    weights = [
        [tuple(torch.from_numpy(array).requires_grad_() for array in side) for side in layer]
        for layer in gru.init_gru_weights(d, hidden, layers, rngs, init="torch")
    ]
    offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)]))
    index = torch.arange(len(lengths)).expand(seeds, -1)
    return gru_triton.gru_states(torch.ones(sum(lengths), d), offsets, index, weights)


@pytest.mark.parametrize("reset", gru.RESETS)
@pytest.mark.parametrize(("capability", "hidden"), CASES)
def test_machine_code(capability, hidden, reset):
    launches = kernels(capability, hidden, reset)
    variants = {"forward", "forward, without saving", "backward", "backward, last layer"}
    assert {launch.variant for launch in launches} == variants and len(launches) == 4
    for launch in launches:
        assert not too_much(capability, launch), launch.variant
        counts, use = loop(launch.kernel), usage(launch.kernel)
        # One product a weight and sequence, in a loop without tensor cores, whose float32 isn't IEEE's. From capability
        # 10 on one instruction may do two.
        products = sum(count for name, count in counts.items() if name.startswith("FFMA"))
        floor = 3 * hidden * hidden * gru_triton.TILE / use["threads"]
        assert products >= floor / (2 if capability >= 100 else 1) and not any("MMA" in name for name in counts)


def test_the_signature_is_the_launch_s():
    """Pointers of float32 and int64, all known to be aligned, and a batch of any size without another compilation."""
    for launch in kernels(90, 16, "after"):
        signature = {name: kind for name, kind in launch.signature.items() if kind != "constexpr"}
        pointers = {name for name in signature if signature[name].startswith("*")}
        assert pointers == POINTERS[launch.name] & signature.keys()
        assert {signature[name] for name in ("first", "length", "slot")} == {"*i64"}
        assert {signature[name] for name in pointers - {"first", "length", "slot"}} == {"*fp32"}
        assert set(launch.aligned) == pointers | {"final_stride"} and signature["batch"] == "i32"


def test_one_compilation_for_all_sizes():
    hashes = {launch.kernel.hash for launch in kernels(90, 16, "after")}
    for d, layers, lengths, seeds in ((1, 1, [1], 1), (7, 3, [5, 2, 9] * 6, 3)):
        with without_launches(90) as launches:
            states(16, d, layers, lengths, seeds).sum().backward()
        assert len(launches) == 2 * layers and {launch.kernel.hash for launch in launches} <= hashes
        assert {launch.grid for launch in launches} == {(seeds, 2, -(-len(lengths) // gru_triton.TILE))}


def test_a_mutant_with_larger_tiles_is_caught(monkeypatch):
    monkeypatch.setattr(gru_triton, "TILE", 64)
    with torch.no_grad(), without_launches(75) as launches:
        states(64)
    assert "spilled" in too_much(75, *launches)


def test_occupancy_by_hand():
    """128 threads of 168 registers: four warps of 21 × 256 registers, so three programs of a multiprocessor's 65536."""
    use = {"threads": 128, "registers": 168, "spilled": 0, "shared": 14336}
    assert gpu_paper.occupancy(use, gpu_paper.GPUS["A100"]) == (3, 12 / 64)
    assert gpu_paper.occupancy(use | {"shared": 100_000}, gpu_paper.GPUS["A100"]) == (1, 4 / 64)


def test_launches_of_a_step():
    """As many for any number of seeds; nothing waits for the GPU once the rows are known, as a CUDA graph needs it."""
    few, more = (gpu_paper.step_launches(seeds=seeds, batch=20) for seeds in (2, 5))
    assert few == more and few["aten::_local_scalar_dense"] == 1 and few["aten::_fused_adam_"] == 1
    known = gpu_paper.step_launches(seeds=2, batch=20, rows=2000)
    assert not {"aten::_local_scalar_dense", "aten::nonzero", "aten::_to_copy"} & known.keys()
    assert known["forward"] == 2 and known["backward"] == known["backward, last layer"] == 1


def test_rows_that_do_not_suffice():
    with pytest.raises(RuntimeError, match="more than 5 rows"):
        gpu_paper.step_launches(seeds=1, batch=20, rows=5)


@pytest.mark.nightly
def test_the_page_is_the_script_s():
    assert (gpu_paper.HERE / "gpu_paper.md").read_text() == gpu_paper.page()
