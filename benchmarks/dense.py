"""Training a fully connected autoencoder on a CPU: which precision, and one process with two threads or two with one.

``python -m benchmarks.dense`` times updates of DEC's autoencoder (784-500-500-2000-10, batches of 256, Adam) by every
way in turn, so that what else the machine does meets all of them, and writes ``benchmarks/dense.md``: about a minute.
``--quality`` adds, in four minutes, what precision does to the result: DEC on 10,000 images of MNIST, three seeds.
"""

import argparse
import contextlib
import dataclasses
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import torch
from tabulate import tabulate

from datasets.prepare import prepare
from datasets.storage import write_text
from methods.autoencoder import DenseAutoencoder, init_autoencoder
from methods.dec import DEC
from methods.deep import OPTIMIZERS, Joint, autocast, flushed_denormals, trainable
from runs.scores import scores

from .gru import machine

HERE = Path(__file__).parent
WIDTHS, FEATURES, BATCH = (500, 500, 2000, 10), 784, 256
DENORMAL = 1e-40  # a tenth less an update ends at about this, or below


@dataclasses.dataclass
class Way:
    """One way to train: `precision` and `optimizer` are those of `methods.deep.minimise`.

    ``products`` is torch's precision of float32 products; ``dead`` the share of weights whose gradient has been 0 for
    long, as those of a unit that never answers; ``flushed`` whether denormals are, as they are in `minimise`.
    """

    precision: str = "bfloat16"
    optimizer: str = "adam"
    products: str = "highest"
    dead: float = 0.0
    flushed: bool = True


WAYS = {
    "float32": Way("float32"),
    "float32, SGD": Way("float32", "sgd"),
    "float32, products in bfloat16 (oneDNN)": Way("float32", products="medium"),
    "bfloat16 (autocast)": Way(),
    "bfloat16 (autocast), SGD": Way(optimizer="sgd"),
    "bfloat16 (autocast), 40 % dead": Way(dead=0.4),
    "the same, denormals not flushed": Way(dead=0.4, flushed=False),
}
REPEATS, ROUNDS, UPDATES = 3, 4, 3
IMAGES, SEEDS = 10_000, 3
BUDGET = {"layer_updates": 40, "pretrain_updates": 400, "cluster_updates": 160, "refresh_interval": 40}
COLUMNS = """
The last columns count updates of all processes while one process with one thread does a single one in float32.
"""
QUALITY = f"""
DEC on {IMAGES:,} images of MNIST, a cut budget ({", ".join(f"{name} {value}" for name, value in BUDGET.items())}).
Codes, clusters and all that isn't a product of a training step are float32 in both.
"""


def trainer(way):
    """A function that does one update by a way, as `methods.deep.minimise` does it."""
    way = WAYS[way]
    rng = np.random.default_rng(0)
    data = torch.from_numpy(rng.random((8192, FEATURES), dtype=np.float32))
    network = init_autoencoder(FEATURES, WIDTHS, rng)
    autoencoder, joint = DenseAutoencoder(network), Joint(network, trainable(network))
    optimizer = OPTIMIZERS[way.optimizer](joint.parameters, 1e-3)
    dead = int(way.dead * joint.parameters.shape[1])
    if dead:
        optimizer.state["exp_avg"][:, :dead] = DENORMAL

    def update():
        torch.set_float32_matmul_precision(way.products)
        index = torch.from_numpy(rng.permutation(len(data))[None, :BATCH])
        network.update(joint.leaves)
        with flushed_denormals() if way.flushed else contextlib.nullcontext():
            with autocast(joint.parameters.device, way.precision):
                loss = autoencoder.reconstruction(data[index])
            joint.parameters.grad = joint.gradient(loss.sum())
            joint.parameters.grad[:, :dead] = 0
            optimizer.step()
        torch.set_float32_matmul_precision("highest")

    return update


def timed(threads, start=None):
    """Seconds an update of every way, the median over rounds in which each has its turn."""
    torch.set_num_threads(threads)
    updates, found = {way: trainer(way) for way in WAYS}, {way: [] for way in WAYS}
    for number in range(ROUNDS + 1):
        for way, update in updates.items():
            if start is not None:
                start.wait()  # the processes meet, so that both always do the same
            begun = time.perf_counter()
            for _ in range(UPDATES):
                update()
            if number:  # the first warms up
                found[way].append((time.perf_counter() - begun) / UPDATES)
    return {way: float(np.median(seconds)) for way, seconds in found.items()}


def _one(threads, start, pipe):
    pipe.send(timed(threads, start))


def together(processes, threads):
    """`timed` of processes that run at the same time, the mean of theirs; fresh ones, as torch fixes its threads."""
    spawn = multiprocessing.get_context("spawn")
    start, pipes, running = spawn.Barrier(processes), [], []
    for _ in range(processes):
        mine, theirs = spawn.Pipe()
        running.append(spawn.Process(target=_one, args=(threads, start, theirs)))
        pipes.append(mine)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    for process in running:
        process.start()
    found = [pipe.recv() for pipe in pipes]
    for process in running:
        process.join()
    return {way: float(np.mean([one[way] for one in found])) for way in WAYS}


def products():
    """GFLOP/s of one thread for a product of 2000 × 2000: NumPy's OpenBLAS, torch's float32 and bfloat16."""
    torch.set_num_threads(1)
    a = np.random.default_rng(0).random((2000, 2000), dtype=np.float32)
    single = torch.from_numpy(a)
    half, found = single.bfloat16(), {}
    ways = {"NumPy, float32": lambda: a @ a, "torch, float32": lambda: single @ single}
    ways["torch, bfloat16"] = lambda: half @ half
    for _ in range(ROUNDS):
        for way, product in ways.items():
            begun = time.perf_counter()
            product()
            found.setdefault(way, []).append(time.perf_counter() - begun)
    return {way: 2 * 2000**3 / float(np.median(seconds)) / 1e9 for way, seconds in found.items()}


def quality():
    """ACC, NMI, reconstruction and core seconds of DEC in both precisions, a row a seed and precision."""
    split = {"kind": "everything", "fractions": [1, 0, 0]}
    sequences, labels, _ = prepare("mnist", {"n": IMAGES}, split, raw="data", mirror=None, seed=0)
    X = sequences.values.astype(np.float32)
    for seed in range(SEEDS):
        for precision in ("float32", "bfloat16"):
            begun = time.process_time()
            fitted = DEC(10, precision=precision, random_state=seed, **BUDGET).fit(X)
            seconds, found = time.process_time() - begun, scores(labels, fitted.labels_)
            loss = fitted.loss_curve_["reconstruction"][-1]
            yield [seed, precision, found["accuracy"], found["nmi"], loss, seconds]


def page(speed, rates, found):
    """The measurements as Markdown; `speed` is (processes, threads) to seconds by way."""
    (first, alone), *_ = speed.items()
    rows = [
        [way, f"{alone[way] * 1e3:.0f}", f"{alone['float32'] / alone[way]:.2f}"]
        + [f"{kind[0] / seconds[way] * alone['float32']:.2f}" for kind, seconds in speed.items() if kind != first]
        for way in WAYS
    ]
    columns = ["way", "ms an update, alone", "× float32"]
    columns += [
        f"updates for one, {n} × {threads} thread{'s' * (threads > 1)}" for n, threads in speed if (n, threads) != first
    ]
    table = tabulate(rows, columns, tablefmt="github", disable_numparse=True)
    told = ", ".join(f"{way} {rate:.0f}" for way, rate in rates.items())
    text = [
        f"# Training a fully connected autoencoder\n\n{machine()}; on a machine that others use too.\n",
        table,
        COLUMNS,
    ]
    text += [f"GFLOP/s of one thread, a product of 2000 × 2000: {told}.\n"]
    if found:
        columns = ["seed", "precision", "ACC", "NMI", "reconstruction", "core seconds"]
        lines = [[*row[:2], *(f"{value:.3f}" for value in row[2:4]), f"{row[4]:.4f}", f"{row[5]:.0f}"] for row in found]
        text += [QUALITY, tabulate(lines, columns, tablefmt="github", disable_numparse=True), ""]
    return "\n".join(text)


def main():
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quality", action="store_true", help="also what precision does to the result")
    asked = parser.parse_args()
    measured = [{kind: together(*kind) for kind in ((1, 1), (2, 1), (1, 2))} for _ in range(REPEATS)]
    speed = {kind: {way: min(one[kind][way] for one in measured) for way in WAYS} for kind in measured[0]}
    rates, found = products(), []
    for row in quality() if asked.quality else [None]:
        found += [row] if row else []
        write_text(HERE / "dense.md", page(speed, rates, found))  # also what there is, should somebody stop it
    print((HERE / "dense.md").read_text())


if __name__ == "__main__":
    main()
