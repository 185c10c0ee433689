"""What it brings that a training's process keeps the memory that it frees (`runs.worker.keep_freed_memory`).

``python -m benchmarks.memory`` trains each method by turns in a process that keeps it and in one that doesn't, and
writes ``benchmarks/memory.md``: a few minutes. The data are random numbers of the shapes of MNIST and of spoken digits.
"""

import multiprocessing
import resource
import time
from pathlib import Path

import numpy as np
import torch
from tabulate import tabulate

from datasets.problems import Problems
from datasets.sequences import Sequences
from datasets.storage import write_text
from methods.base import load_method
from runs.worker import keep_freed_memory

from .gru import machine

HERE = Path(__file__).parent
ROUNDS = 3
PROBLEMS, OBJECTS = 250, 20
L2C = {"batch": 25, "epochs": 1, "precision": "bfloat16", "center_weight": 0, "divergence_weight": 0}
DEC = {"layer_updates": 20, "pretrain_updates": 60, "cluster_updates": 40, "refresh_interval": 20, "n_clusters": 10}
CASES = {
    "L2C, images": ("l2c", "images", L2C | {"embedding": "convolutional", "embedding_units": 256}),
    "L2C, sequences": ("l2c", "sequences", L2C | {"embedding": "gru", "embedding_units": 64}),
    "DEC, images": ("dec", "images", DEC),
    "RDDC, sequences": ("rddc", "sequences", {"n_clusters": 10, "epochs": 3}),
}


def data(kind, problems):
    """Random images or sequences, with `problems` as clustering problems of them."""
    rng = np.random.default_rng(0)
    lengths, d = (np.ones(5000, int), 784) if kind == "images" else (rng.integers(20, 80, 2000), 13)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    objects = Sequences(rng.random((offsets[-1], d), dtype=np.float32), offsets)
    if not problems:
        return objects.values if kind == "images" else objects
    members = rng.integers(len(objects), size=PROBLEMS * OBJECTS)
    clusters = np.tile(np.arange(OBJECTS) % 4, PROBLEMS)
    return Problems(objects, members, np.arange(PROBLEMS + 1) * OBJECTS, clusters, np.zeros(PROBLEMS))


def train(case, keeps, pipe):
    """Send the seconds of the processor that a training takes, and its process's largest memory in MiB."""
    if keeps:
        keep_freed_memory()
    torch.set_num_threads(1)
    method, kind, settings = CASES[case]
    X = data(kind, problems=method == "l2c")
    start = time.process_time()
    load_method(method)(**settings, random_state=0).fit(X)
    pipe.send((time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def measured(case, keeps):
    """`train` in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=train, args=(case, keeps, theirs))
    process.start()
    theirs.close()
    found = ours.recv()
    process.join()
    return found


def page():
    """Seconds and memory of each case with and without, as Markdown."""
    rows = []
    for case in CASES:
        turns = [[measured(case, keeps) for keeps in (False, True)] for _ in range(ROUNDS)]
        (seconds, memory), (kept_seconds, kept_memory) = np.median(turns, axis=0)
        rows.append([case, seconds, kept_seconds, seconds / kept_seconds, memory, kept_memory])
    heads = ["", "s", "s, kept", "times as fast", "MiB", "MiB, kept"]
    table = tabulate(rows, heads, tablefmt="github", floatfmt=("", ".1f", ".1f", ".2f", ".0f", ".0f"))
    return f"# Memory that a training keeps\n\n{machine()}. Medians of {ROUNDS} turns.\n\n{table}\n"


if __name__ == "__main__":
    text = page()
    print(text)
    write_text(HERE / "memory.md", text)
