"""What is known of a GPU's speed without one: machine code, occupancy, launches a step, and what a step should take.

``python -m benchmarks.gpu_paper`` compiles the kernels for three GPUs, counts the launches of one training step, puts
both into a roofline model and writes ``benchmarks/gpu_paper.md``. ``python -m benchmarks.gpu`` measures.
"""

import collections
import functools
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import triton
from tabulate import tabulate
from torch.utils._python_dispatch import TorchDispatchMode

from datasets.storage import write_text
from methods import divergence, rddc
from methods.deep import minimise, trainable
from methods.gru import RESETS, init_gru_weights
from methods.gru_triton import TILE, UNITS, gru_states

from .compiled import kernels, loop, usage, without_launches
from .gru import CLUSTERS, SHAPES, ragged

HERE = Path(__file__).parent
SEEDS, BATCH, UNITS_OF_RDDC = 20, 100, 32


@dataclass(frozen=True)
class GPU:
    """Figures of the vendor's data sheets: multiprocessors, Hz, bytes/s, bytes of shared memory each, float32 lanes."""

    capability: int
    processors: int
    clock: float
    bandwidth: float
    shared: int
    lanes: int

    @property
    def rate(self):
        """Float32 operations a second outside the tensor cores."""
        return 2 * self.lanes * self.processors * self.clock


GPUS = {
    "A100": GPU(80, 108, 1.41e9, 2.04e12, 164 * 1024, 64),
    "H100": GPU(90, 132, 1.98e9, 3.35e12, 228 * 1024, 128),
    "B200": GPU(100, 148, 1.98e9, 7.7e12, 228 * 1024, 128),
}
# Of one multiprocessor of each of them.
REGISTERS, WARPS, SCHEDULERS, RESERVED = 65536, 64, 4, 1024
# Assumed, not measured: clocks of a time step that nothing hides; seconds that a launch costs the CPU and the GPU.
LATENCY, HOST, DEVICE = 500, 6e-6, 2e-6
# Operations that launch nothing on a GPU: views, and memory that nobody fills.
FREE = {"aten::empty", "aten::_unsafe_view", "aten::lift_fresh", "aten::detach", "aten::alias", "aten::view"}


class Launches(TorchDispatchMode):
    """Counts the operations that reach a device, each as one launch, which is the least that it can be."""

    def __init__(self):
        super().__init__()
        self.counts = collections.Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket._qualified_op_name
        if not function.is_view and name not in FREE:
            self.counts[name] += 1
        return function(*args, **(kwargs or {}))


def step_launches(seeds=SEEDS, batch=BATCH, rows=None):
    """Operation to launches of one training step of RDDC as a GPU gets it: the Triton path, and its own median.

    Parameters
    ----------
    rows : int, optional
        As `methods.gru_triton.gru_states` takes it.
    """
    data = ragged("arabic_digits", batch)
    estimator = rddc.RDDC(CLUSTERS, batch=batch, random_state=0)
    estimator._check(data, reset=True)
    estimator._resolve(data, [estimator])
    estimator.mean_, estimator.scale_ = 0.0, 1.0
    rngs = [np.random.default_rng(seed) for seed in range(seeds)]
    network, tensors = estimator._init_network(rngs), estimator._tensors(data)
    on_the_cpu = rddc.gru_final_states, divergence.median_off_diagonal
    rddc.gru_final_states = functools.partial(gru_states, rows=rows)
    divergence.median_off_diagonal = divergence.median_on_gpu
    try:
        with without_launches(80) as launched, Launches() as operations:
            minimise(
                functools.partial(estimator._loss_terms, network, tensors, training=True),
                network,
                trainable(network),
                batch,
                batch=batch,
                epochs=1,
                rngs=rngs,
                learning_rate=1e-3,
                clip_norm=5.0,
            )
    finally:
        rddc.gru_final_states, divergence.median_off_diagonal = on_the_cpu
    return operations.counts + collections.Counter(launch.variant for launch in launched)


def recurrent_launches():
    """Launches of the recurrent layers alone, forward and backward."""
    data = ragged("arabic_digits", BATCH)
    rngs = [np.random.default_rng(seed) for seed in range(SEEDS)]
    weights = [
        [tuple(torch.from_numpy(array).requires_grad_() for array in side) for side in layer]
        for layer in init_gru_weights(data.dimensions, UNITS_OF_RDDC, 2, rngs, init="torch")
    ]
    given = torch.from_numpy(data.values), torch.from_numpy(data.offsets), torch.arange(BATCH).expand(SEEDS, BATCH)
    with without_launches(80) as launched, Launches() as operations:
        states = gru_states(*given, weights)
        torch.autograd.grad(states, [array for layer in weights for side in layer for array in side], states)
    return sum(operations.counts.values()) + len(launched)


def occupancy(use, gpu):
    """Programs that fit on a multiprocessor at once, and the share of its warps that they fill."""
    warps = use["threads"] // 32
    registers = warps * 256 * math.ceil(use["registers"] * 32 / 256)
    programs = min(REGISTERS // registers, gpu.shared // (use["shared"] + RESERVED), WARPS // warps)
    return programs, programs * warps / WARPS


def kernel_seconds(launch, gpu, lengths, hidden):
    """The roofline: the longest of issuing all instructions, moving all bytes, and the longest sequence's steps."""
    warps, counts = launch.kernel.metadata.num_warps, loop(launch.kernel)
    products = sum(count for name, count in counts.items() if name.startswith("FFMA"))
    clocks = warps / SCHEDULERS * (sum(counts.values()) + products * (128 // gpu.lanes - 1))
    ordered = -np.sort(-lengths)
    longest = np.concatenate([ordered[:, first : first + 1] for first in range(0, lengths.shape[1], TILE)], axis=1)
    floats = {"_forward": 3 + 5 + 1, "_backward": 5 + 1 + 4}[launch.name] * hidden
    return {
        "issue": 2 * longest.sum() * clocks / gpu.processors / gpu.clock,
        "bytes": 2 * lengths.sum() * floats * 4 / gpu.bandwidth,
        "chain": lengths.max() * (clocks + LATENCY) / gpu.clock,
    }


def product_seconds(gpu, d, rows, hidden):
    """Of the products that wait for no state, all layers, forward and backward, at the float32 rate."""
    inputs = [2 * 6 * hidden * width for width in (d, 2 * hidden)]
    operations = 2 * inputs[0] + 3 * inputs[1] + 2 * 2 * 6 * hidden * hidden
    return rows * operations / gpu.rate


def step_seconds(name, shape, launched):
    """Seconds of a step of all seeds: the recurrent kernels, all on the GPU, and with the CPU that launches it."""
    gpu = GPUS[name]
    lengths = np.stack([ragged(shape, BATCH).lengths] * SEEDS)
    launches = [each for each in compiled(name, UNITS_OF_RDDC, "after") if "without" not in each.variant]
    forward, *backward = (kernel_seconds(launch, gpu, lengths, UNITS_OF_RDDC) for launch in launches)
    recurrent = 2 * max(forward.values()) + sum(max(part.values()) for part in backward)
    bound = max(forward, key=forward.get)
    device = recurrent + product_seconds(gpu, SHAPES[shape][0], lengths.sum(), UNITS_OF_RDDC) + launched * DEVICE
    return recurrent, bound, device, max(device, launched * HOST)


@functools.cache
def compiled(name, hidden, reset):
    """The kernels for a GPU."""
    return kernels(GPUS[name].capability, hidden, reset)


def table(rows, head):
    return tabulate(rows, head, tablefmt="github", disable_numparse=True)


def kernel_table():
    """What every kernel compiles to, and how many programs of it a multiprocessor holds."""
    rows = []
    for name, gpu in GPUS.items():
        for hidden in UNITS:
            for reset in RESETS:
                for launch in compiled(name, hidden, reset):
                    use, counts = usage(launch.kernel), loop(launch.kernel)
                    programs, share = occupancy(use, gpu)
                    row = [name, hidden, reset, launch.variant, use["threads"], use["registers"], use["spilled"]]
                    row += [f"{use['shared'] / 1024:.0f}", sum(counts.values()), programs, f"{share:.0%}"]
                    rows.append(row)
    head = ["GPU", "units", "reset", "kernel", "threads", "registers", "bytes spilled", "KiB shared"]
    return table(rows, [*head, "instructions a time step", "programs a multiprocessor", "of its warps"])


def step_table(launched):
    """What a step should take by the model."""
    rows = []
    for name in GPUS:
        for shape in SHAPES:
            recurrent, bound, device, eager = step_seconds(name, shape, launched)
            row = [name, shape, bound] + [f"{1e6 * each:.0f}" for each in (recurrent, device, eager)]
            rows.append([*row, f"{1e6 * eager / SEEDS:.0f}", f"{1e6 * device / SEEDS:.0f}"])
    head = ["GPU", "shape", "recurrence bound by", "recurrence, µs", "all on the GPU, µs", "launched one by one, µs"]
    return table(rows, [*head, "a seed, µs", "a seed in a graph, µs"])


def launch_table(step):
    """What the launches of a step, name to number, are for."""
    whole, recurrent = sum(step.values()), recurrent_launches()
    update = sum(step[f"aten::{name}"] for name in ("_fused_adam_", "_foreach_add_"))
    update += sum(step[f"aten::{name}"] for name in ("linalg_vector_norm", "reciprocal", "clamp_max", "mul_"))
    parts = [
        ["recurrent layers with their gather", recurrent],
        ["normalisation, two layers, loss and their gradients", whole - recurrent - update],
        ["clipping and Adam", update],
        ["all", whole],
    ]
    return table(parts, ["part", "launches"])


def sheet_table():
    """The GPUs by their data sheets."""
    rows = [
        [name, gpu.processors, f"{gpu.clock / 1e9:.2f}", f"{gpu.bandwidth / 1e12:.2f}", f"{gpu.rate / 1e12:.1f}"]
        for name, gpu in GPUS.items()
    ]
    return table(rows, ["GPU", "multiprocessors", "GHz", "TB/s", "TFLOP/s in float32"])


def page():
    """Everything as Markdown."""
    step = step_launches()
    whole = sum(step.values())
    often = ", ".join(f"{name.removeprefix('aten::')} {count}" for name, count in step.most_common(8))
    programs = 2 * SEEDS * math.ceil(BATCH / TILE)
    cost = f"{whole * HOST * 1e3:.1f} ms a step ({HOST * 1e6:.0f} µs each, assumed)"
    return f"""\
# A GPU on paper

No GPU was at hand. **Compiled**: the kernels, by Triton {triton.__version__} and its ptxas, for machines not here.
**Interpreted**: their results, against float64 (tests/numerics/test_gru_triton.py). **Counted**: launches.
**Estimated**: occupancy from the machine code, seconds from a model. **Measured**: nothing; `make gpu`
does that: [gpu.md](gpu.md). Made by `python -m benchmarks.gpu_paper`.

## Machine code

{kernel_table()}

A program is one tile of {TILE} sequences of one seed and direction, held in registers through all time steps. With
{SEEDS} seeds and batches of {BATCH} a launch has {programs} programs. Few warps are no fault of a kernel whose every
thread has many products in flight; what counts is that all programs are on the machine at once. Of a multiprocessor:
{REGISTERS} registers, {WARPS} warps, {SCHEDULERS} schedulers, {RESERVED} bytes of shared memory reserved a program.

## Launches a step

One step of RDDC, {SEEDS} seeds, forward, loss, backward, clipping and Adam: operations that reach torch's dispatcher
(the leaves of its profiler's CPU-side trace), without views and empty memory, and Triton's launches. An operation is
at least one launch.

{launch_table(step)}

Most frequent: {often}. The number doesn't grow with the seeds,
the batch or the lengths: {whole / SEEDS:.0f} a seed. By far the most are the loss's, each on a few kilobytes.

**Plan.** One by one they cost the CPU about {cost}, often more than the GPU
needs for the work (below). The step is fit for a CUDA graph: given the number of rows (`rows` of `gru_states`), nothing
in it waits for the GPU (tests/numerics/test_gpu_paper.py), all memory has the same shape in every step, and clipping
and Adam work on one tensor in place. **A graph makes a step two launches**: the copy of the batch's index, and the
graph. `rows` has to be the most of any batch: with {BATCH} sequences within {row_spread():.0%} of the mean, which costs
that share of the products only. Expected gain: the last two columns below. `python -m benchmarks.gpu` captures such a
graph, checks it against the plain step and times it: [gpu.md](gpu.md). It works there; training doesn't use it yet.

## What a step should take

{step_table(whole)}

The roofline of a recurrent kernel is the longest of three: issuing the instructions of all programs' time steps evenly
over all schedulers (“issue”), moving the bytes it reads and writes (“bytes”), and the steps of the longest sequence one
after the other by a program alone on its multiprocessor, {LATENCY} clocks of each hidden by nothing (“chain”). Other
products run at the float32 rate, other launches take {DEVICE * 1e6:.0f} µs. All of that is optimistic: measured
steps take several times as long ([gpu.md](gpu.md)). From the GPUs' data sheets:

{sheet_table()}
"""


def row_spread():
    """By how much the largest batch of an epoch exceeds the mean, the worst of the shapes."""
    excess = []
    for shape in SHAPES:
        rows = np.random.default_rng(0).permutation(ragged(shape, 200 * BATCH).lengths).reshape(-1, BATCH).sum(1)
        excess.append(rows.max() / rows.mean() - 1)
    return max(excess)


def main():
    """Write the page."""
    write_text(HERE / "gpu_paper.md", page())


if __name__ == "__main__":
    main()
