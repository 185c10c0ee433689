"""Seconds per training step and seed of every recurrent backend, beside packed ``nn.GRU`` and the arithmetic floor.

One step is what RDDC does with a mini-batch: forward, divergence loss, backward, clipping and Adam. With 1 thread the
backends take turns in one process, so that whatever else the machine does meets all of them. With 2 threads each
backend has both cores in its own way: ``nn.GRU`` as one process with two threads, the kernel as two processes with one
thread each, which is how the workflow runs it.

The floor is the number of floating-point operations that the recurrent layers can't do without, over the rate at which
two 512 × 512 matrices are multiplied in float32, measured in the same run: by torch, and by the fastest library that is
at hand. The two differ where torch's library doesn't use the widest vectors of a processor that isn't its maker's.

``python -m benchmarks.gru --shape arabic_digits --batch 200 --threads 1 --json`` prints one JSON line a backend;
``python -m benchmarks.gru --all`` measures everything and writes ``benchmarks/gru.md``, ``.json`` and ``.png``.
"""

import argparse
import functools
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from tabulate import tabulate

from datasets.sequences import Sequences
from datasets.storage import write_json, write_text
from methods import gru, rddc
from methods.deep import minimise, trainable
from methods.gru import backend_for, gru_final_states, load_kernel

HERE = Path(__file__).parent
# Dimensions, and deciles of the lengths, of the four data sets as this project prepares them.
SHAPES = {
    "arabic_digits": (13, (4, 30, 33, 35, 37, 39, 41, 44, 47, 51, 93)),
    "speech_commands": (40, (2, 25, 31, 35, 39, 43, 47, 53, 68, 92, 98)),
    "twenty_newsgroups": (100, (50, 59, 69, 81, 94, 108, 127, 148, 182, 226, 300)),
    "character_trajectories": (3, (70, 82, 87, 98, 126, 131, 134, 139, 146, 153, 173)),
}
CLUSTERS = 10
BACKENDS = ("torch", "auto")
NARROWER = {"cpu-avx512": {"cpu-avx2": "-mno-avx512f", "cpu-plain": "-mno-avx"}, "cpu-avx2": {"cpu-plain": "-mno-avx"}}
TURNS, SECONDS = 5, 2.0  # of each backend
# glibc's settings with which a process keeps what it once had from the system.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**32), "MALLOC_MMAP_THRESHOLD_": str(2**32)}
EXPLAINED = """\
A step is forward, divergence loss, backward, clipping and Adam. “× nn.GRU” is the ratio to packed `nn.GRU` in the
same run. “Of floor” is the time that the recurrent layers' products need at the rate of torch's sgemm, over the time
of the whole step: more than 100 % means that the kernel's products are faster than the library's. “Of fastest” is the
same at the rate of the fastest sgemm here, which is NumPy's when told to use the machine's widest vectors. With 2
threads, `nn.GRU` is one process with two threads, the kernel two processes with one thread each. Rows with narrower
vectors than the machine's are the same kernel, built as a machine without the wider ones would build it. Each case is
a process of its own, as a training is. With large batches much of `nn.GRU`'s time there goes into memory that the C
library gives back to the system and asks for again in every step; rows “memory kept” have a process that is told not
to. On a CPU the seeds of a block follow each other, so a step and seed costs the same for any number of seeds."""


def ragged(shape, n, length=None):
    """`n` sequences with a data set's dimensions and lengths, or all of one `length`; the values are noise."""
    d, deciles = SHAPES[shape]
    rng = np.random.default_rng(0)
    lengths = np.full(n, length) if length else np.quantile(deciles, rng.random(n)).round().astype(int).clip(1)
    offsets = np.concatenate([[0], lengths.cumsum()])
    values = rng.normal(size=(offsets[-1], d)).astype(np.float32)
    return Sequences(values, offsets)


def flops(d, hidden, elements, layers=2):
    """Operations of all products of a step: forward, and backward without the gradient of the data."""
    total = 0
    for layer in range(layers):
        width = d if layer == 0 else 2 * hidden
        products = 3 * hidden * width + 3 * hidden * hidden
        total += 2 * 2 * (3 * products - (3 * hidden * width if layer == 0 else 0))
    return total * elements


def sgemm_rate(a):
    """Operations a second of a square float32 product with the current number of threads."""
    best = 0.0
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(5):
            a @ a
        best = max(best, 5 * 2 * len(a) ** 3 / (time.perf_counter() - start))
    return best


def fastest_sgemm_rate(threads):
    """The same by NumPy, whose OpenBLAS takes AVX-512 from the environment: by itself it may stay below."""
    code = "import numpy as np; from benchmarks import gru; print(gru.sgemm_rate(np.ones((512, 512), np.float32)))"
    environment = os.environ | {"OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    if backend_for("cpu") == "cpu-avx512":
        environment["OPENBLAS_CORETYPE"] = "SkylakeX"
    command = [sys.executable, "-c", code]
    return float(subprocess.run(command, env=environment, cwd=HERE.parent, check=True, capture_output=True).stdout)


@functools.cache
def kernel_of(backend):
    """The kernel as this machine gets it, or as one with narrower vectors would (`NARROWER`)."""
    for flags in NARROWER.values():
        if backend in flags:
            compiler = shutil.which(os.environ.get("CXX", "g++"))
            return gru.open_library(gru.build_kernel(compiler, (flags[backend],)))
    return load_kernel()


class Step:
    """One backend's training, a few steps at a time."""

    def __init__(self, backend, data, batch, hidden):
        self.backend, self.data, self.batch = backend, data, batch
        self.estimator = rddc.RDDC(CLUSTERS, batch=batch, recurrent_units=hidden, random_state=0)
        self.estimator._check(data, reset=True)
        self.estimator._resolve(data, [self.estimator])
        self.estimator.mean_, self.estimator.scale_ = 0.0, 1.0
        self.rng = np.random.default_rng(0)
        self.network = self.estimator._init_network([self.rng])
        self.names = trainable(self.network)
        self.tensors = self.estimator._tensors(data)

    def seconds(self, epochs):
        """Seconds a step over so many epochs."""

        def states(*arguments, **settings):
            return gru_final_states(*arguments, **settings, backend="torch" if self.backend == "torch" else "auto")

        rddc.gru_final_states = states  # the one place where a method asks for its recurrent layers
        gru.load_kernel = lambda: kernel_of(self.backend)
        try:
            start = time.perf_counter()
            _, updates = minimise(
                lambda index: self.estimator._loss_terms(self.network, self.tensors, index, training=True),
                self.network,
                self.names,
                len(self.data),
                batch=self.batch,
                epochs=epochs,
                rngs=[self.rng],
                learning_rate=1e-3,
                clip_norm=5.0,
            )
            return (time.perf_counter() - start) / updates
        finally:
            rddc.gru_final_states, gru.load_kernel = gru_final_states, load_kernel


def in_turns(shape, batch, hidden=32, length=None, backends=BACKENDS):
    """Seconds a step of every backend, which take turns: median of `TURNS`."""
    data = ragged(shape, batch, length)
    steps = {backend: Step(backend, data, batch, hidden) for backend in backends}
    for step in steps.values():
        step.seconds(2)  # warm-up
    epochs = {name: max(1, int(SECONDS / TURNS / step.seconds(2))) for name, step in steps.items()}
    turns = {name: [] for name in steps}
    for _ in range(TURNS):
        for name, step in steps.items():
            turns[name].append(step.seconds(epochs[name]))
    return {name: float(np.median(found)) for name, found in turns.items()}, data


def side_by_side(shape, batch, processes, backend, threads):
    """Seconds a step and seed when so many processes train at once, each with so many threads."""
    command = [sys.executable, "-m", "benchmarks.gru", "--shape", shape, "--batch", str(batch), "--worker", backend]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
        for _ in range(processes)
    ]
    found = [json.loads(process.communicate()[0]) for process in started]
    return float(np.mean(found)) / processes


def measure(shape, batch, threads, hidden=32, length=None):
    """One dict a backend: what was measured, and its ratios to packed ``nn.GRU`` and to the floor."""
    torch.set_num_threads(threads)
    rate = sgemm_rate(torch.ones(512, 512))
    fastest = max(rate, fastest_sgemm_rate(threads))
    if threads == 1:
        narrower = NARROWER.get(backend_for("cpu", hidden), {}) if batch == 200 else {}
        seconds, data = in_turns(shape, batch, hidden, length, (*BACKENDS, *narrower))
    else:
        data = ragged(shape, batch)
        seconds = {
            "torch": side_by_side(shape, batch, 1, "torch", threads),
            "auto": side_by_side(shape, batch, threads, "auto", 1),
        }
    products = flops(data.dimensions, hidden, len(data.values))
    return [
        {
            "shape": shape,
            "batch": batch,
            "threads": threads,
            "hidden": hidden,
            "mean_length": round(float(data.lengths.mean()), 1),
            "default_lengths": length is None,
            "memory_kept": os.environ.items() >= KEEP_MEMORY.items(),
            "backend": {"torch": "nn.GRU packed", "auto": backend_for("cpu", hidden)}.get(name, name),
            "seconds_per_step_seed": found,
            "ratio_vs_nn_gru": seconds["torch"] / found,
            "fraction_of_floor": products / rate / found,
            "fraction_of_fastest": products / fastest / found,
            "gflops_of_sgemm": rate / 1e9,
            "gflops_of_fastest_sgemm": fastest / 1e9,
            "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        for name, found in seconds.items()
    ]


def everything():
    """All cases of the page, each measured by a process of its own."""
    cases = [
        {"shape": shape, "batch": batch, "threads": threads}
        for shape in SHAPES
        for batch in (32, 200, 512)
        for threads in (1, 2)
    ]
    cases += [{"hidden": hidden} for hidden in (16, 64, 128)] + [{"length": length} for length in (10, 160)]
    jobs = [(case, {}) for case in cases] + [({"shape": shape}, KEEP_MEMORY) for shape in SHAPES]
    found = []
    for case, environment in jobs:
        command = [sys.executable, "-m", "benchmarks.gru", "--json"]
        command += [word for name, value in case.items() for word in (f"--{name}", str(value))]
        lines = subprocess.run(
            command, env=os.environ | environment, cwd=HERE.parent, check=True, capture_output=True, text=True
        ).stdout.splitlines()
        print(lines[1], flush=True)
        found += map(json.loads, lines)
    return found


def machine():
    """Processor, vector instructions and versions, as far as the system tells."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    flags = next((line for line in lines if line.startswith("flags")), "")
    widest = next((each for each in ("avx512f", "avx2") if each in flags), "no AVX2")
    return f"{name}, {os.cpu_count()} cores, {widest}; torch {torch.__version__}, Python {platform.python_version()}"


def page(found):
    """The measurements as Markdown."""
    rows = [
        [
            each["shape"],
            each["batch"],
            each["threads"],
            each["hidden"],
            f"{each['mean_length']:.0f}",
            each["backend"] + (", memory kept" if each["memory_kept"] else ""),
            f"{each['seconds_per_step_seed'] * 1e3:.2f}",
            f"{each['ratio_vs_nn_gru']:.1f}",
            f"{each['fraction_of_floor']:.0%}",
            f"{each['fraction_of_fastest']:.0%}",
        ]
        for each in found
    ]
    head = [
        "shape",
        "batch",
        "threads",
        "hidden",
        "mean length",
        "backend",
        "ms a step and seed",
        "× nn.GRU",
        "of floor",
        "of fastest",
    ]
    memory = max(each["peak_memory_mib"] for each in found)
    rates = [
        [each[of] for each in found if each["threads"] == 1] for of in ("gflops_of_sgemm", "gflops_of_fastest_sgemm")
    ]
    spans = [f"{min(rate):.0f} to {max(rate):.0f}" for rate in rates]
    return (
        f"# Recurrent training\n\n{machine()}. Sgemm of one thread: torch's {spans[0]}, the fastest {spans[1]} GFLOP/s."
        f" Largest memory of the measuring process: {memory:.0f} MiB.\n\n{EXPLAINED}\n\n"
        "![Ratio to packed nn.GRU](gru.png)\n\n"
        f"{tabulate(rows, head, tablefmt='github', disable_numparse=True)}\n\n"
        "Not timed: the GPU's kernels (methods/gru_triton.py), which were run in Triton's interpreter only.\n"
    )


def plot(found, path):
    """Ratio to packed ``nn.GRU`` over the batch size, one line a shape, dashed for two threads."""
    import matplotlib.pyplot as plt

    from reports.style import COLOURS, COLUMN, STYLE, save

    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(COLUMN, COLUMN * 0.75), layout="constrained")
        for colour, shape in zip(COLOURS, SHAPES, strict=False):
            for threads, line in ((1, "o-"), (2, "o--")):
                own = [
                    each
                    for each in found
                    if (each["shape"], each["threads"], each["hidden"]) == (shape, threads, 32)
                    and each["backend"] == found[1]["backend"]
                    and each["default_lengths"]
                    and not each["memory_kept"]
                ]
                x, y = [each["batch"] for each in own], [each["ratio_vs_nn_gru"] for each in own]
                label = shape.replace("_", " ").title() if threads == 1 else None
                axis.plot(x, y, line, color=colour, label=label, markersize=3, linewidth=1)
        axis.set(xscale="log", xlabel="batch (dashed: two cores)", ylabel="times faster than packed nn.GRU")
        axis.set_xticks([32, 200, 512], ["32", "200", "512"])
        axis.minorticks_off()
        axis.set_ylim(bottom=0)
        axis.legend(fontsize=6)
        save(figure, path)


def main():
    """Measure one case, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="arabic_digits")
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--length", type=int, help="of every sequence; those of the data set when left out")
    parser.add_argument("--json", action="store_true", help="one JSON line a backend instead of a table")
    parser.add_argument("--all", action="store_true", help="every case; writes the page, its figure and the numbers")
    parser.add_argument("--worker", choices=BACKENDS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        threads = int(os.environ["OMP_NUM_THREADS"])
        torch.set_num_threads(threads)
        seconds, _ = in_turns(arguments.shape, arguments.batch, backends=(arguments.worker,))
        print(json.dumps(seconds[arguments.worker]))
    elif arguments.all:
        found = everything()
        write_json(HERE / "gru.json", {"machine": machine(), "measured": found})
        write_text(HERE / "gru.md", page(found))
        plot(found, HERE / "gru")
    else:
        found = measure(arguments.shape, arguments.batch, arguments.threads, arguments.hidden, arguments.length)
        print("\n".join(map(json.dumps, found)) if arguments.json else page(found))


if __name__ == "__main__":
    main()
