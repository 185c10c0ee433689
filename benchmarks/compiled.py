"""The Triton kernels compiled for GPUs that aren't here: `methods.gru_triton` runs as it does on one, all but launches.

Triton compiles without a GPU, with the ptxas of its wheel. So what is compiled is what would be launched: the calls are
the real ones, with their arguments' types and alignments, and only the launch is left out. Results are then NaN.
"""

import contextlib
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from methods.gru import init_gru_weights
from methods.gru_triton import gru_states


@dataclass(frozen=True)
class Launch:
    """One launch that didn't happen: name, grid, and the `triton.compiler.CompiledKernel`."""

    name: str
    grid: tuple
    kernel: object

    @property
    def signature(self):
        """Argument to type, ``constexpr`` for those that are compiled in."""
        return dict(self.kernel.src.signature)

    @property
    def aligned(self):
        """Names of the arguments that the machine code takes to be divisible by 16."""
        names = list(self.signature)
        attributes = self.kernel.src.attrs.items()
        return [names[path[0]] for path, found in attributes if ["tt.divisibility", 16] in found]

    @property
    def variant(self):
        """Name, and what it leaves out."""
        left_out = {"saved": "without saving", "d_states": "last layer"}
        notes = [note for name, note in left_out.items() if self.signature.get(name) == "constexpr"]
        return ", ".join([self.name.strip("_"), *notes])


class _Device:
    """What Triton asks of a driver before it launches."""

    def __init__(self, capability):
        self.capability = capability

    def get_current_device(self):
        return self.capability  # Triton keeps what it compiled by device

    def get_current_stream(self, _device):
        return 0

    def get_current_target(self):
        return GPUTarget("cuda", self.capability, 32)


@contextlib.contextmanager
def without_launches(capability):
    """In the block, Triton's kernels compile for a compute capability such as 80, and nothing is launched.

    Yields
    ------
    list of Launch
        Filled as the block goes on.
    """
    launches, run, active = [], JITFunction.run, driver._active

    def record(kernel, *arguments, grid, warmup, **settings):
        compiled = run(kernel, *arguments, grid=grid, warmup=True, **settings)
        launches.append(Launch(kernel.__name__, grid, compiled))

    JITFunction.run = record
    driver.set_active(_Device(capability))
    try:
        yield launches
    finally:
        JITFunction.run = run
        driver.set_active(active)


def kernels(capability, hidden, reset):
    """One `Launch` of every kernel that a training and a prediction of two layers launch."""
    weights = [
        [tuple(torch.from_numpy(array).requires_grad_() for array in side) for side in layer]
        for layer in init_gru_weights(3, hidden, 2, [np.random.default_rng(0)], init="torch")
    ]
    batch = torch.ones(3, 3), torch.tensor([0, 1, 3]), torch.tensor([[0, 1]])
    with without_launches(capability) as launches:
        gru_states(*batch, weights, reset).sum().backward()
        with torch.no_grad():
            gru_states(*batch, weights, reset)
    return list({launch.kernel.hash: launch for launch in launches}.values())


def cuobjdump(kernel, *options):
    """What NVIDIA's tool of Triton's wheel says of a kernel's machine code."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(kernel.kernel)
        command = [triton.knobs.nvidia.cuobjdump.path, *options, path]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def usage(kernel):
    """Registers a thread, bytes that a thread spills, threads and bytes of shared memory of a program."""
    found = re.findall(r"\b(REG|STACK):(\d+)", cuobjdump(kernel, "--dump-resource-usage"))
    registers, stack = (int(dict(found)[name]) for name in ("REG", "STACK"))
    threads = 32 * kernel.metadata.num_warps
    return {"registers": registers, "spilled": stack, "threads": threads, "shared": kernel.metadata.shared}


def loop(kernel):
    """Instructions of the loop over time, name to number: those from the longest jump back's target to the jump."""
    code = re.findall(r"/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9.]+)([^;]*);", cuobjdump(kernel, "-sass"))
    code = [(int(address, 16), name, rest) for address, name, rest in code]
    jumps = [
        (int(target[1], 16), address)
        for address, name, rest in code
        if name == "BRA" and (target := re.search(r"0x([0-9a-f]+)", rest)) and int(target[1], 16) < address
    ]
    first, last = max(jumps, key=lambda jump: jump[1] - jump[0])
    counts = {}
    for address, name, _ in code:
        if first <= address <= last:
            short = name.split(".")[0]
            counts[short] = counts.get(short, 0) + 1
    return counts
