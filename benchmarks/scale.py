"""What grows how: planning of many runs, records read into a table, and very many sequences.

``python -m benchmarks.scale`` writes ``benchmarks/scale.json`` and ``benchmarks/scale.md``. Each measurement is a
process of its own, so that its peak memory is its own; times are processor seconds, which other work on the machine
disturbs least. Linux lets a process begin with the peak of the one that started it, so what is large is imported late.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from datasets.sequences import Sequences
from datasets.storage import write_json, write_text
from methods.vectorize import vectorize
from runs.sources import ROOT

HERE = Path(__file__).parent
SIZES = {
    "planning": (1, 3, 11),
    "records": (1_000, 10_000, 100_000, 1_000_000),
    "sequences": (10_000, 100_000, 1_000_000),
}
DATASETS = ["character_trajectories", "twenty_newsgroups", "speech_commands", "arabic_digits"]
READINGS = sorted(path.stem for path in (ROOT / "config/readings").glob("*.yaml") if path.stem != "smoke")


def measured(work):
    """Result of ``work()`` and its processor seconds, those of its child processes included."""

    def seconds():
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    start = seconds()
    return work(), round(seconds() - start, 2)


def planning(n_readings):
    """A dry run of every row on four data sets in `n_readings` readings, every seed a job of its own."""
    methods = {name: {"seeds": 50, "seeds_per_job": 1} for name in ("kmeans", "spectral", "dec", "ddc", "rddc")}
    config = {"readings": READINGS[:n_readings], "run": {"datasets": DATASETS}, "methods": methods}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.json").write_text(json.dumps(config))
        command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
        command += ["--dry-run", "--cores", "1", "--configfile", Path(folder, "config.json")]
        run, seconds = measured(lambda: subprocess.run(command, capture_output=True, text=True, check=True))
    jobs = int(run.stdout.split("\ntotal ")[1].split()[0])
    written = re.findall(r"^    (?:output|log): (.*)", run.stdout, re.MULTILINE)
    return {"jobs": jobs, "files": sum(len(names.split(", ")) for names in written), "seconds": {"dry run": seconds}}


def records(n):
    """`n` records of a deep method, 20 a file and 20,000 a data set, read and checked one by one into a table.

    Its summary is the paper's protocol for every cell; the report's says more and takes its records as a list.
    """
    from reports.statistics import CELL, protocol_score
    from runs.record import RUN
    from runs.results import each_scored, frame, scores_file
    from runs.run import run_job
    from runs.score import split_scores

    rng = np.random.default_rng(0)
    toy = Sequences.from_list(list(rng.normal(size=(200, 3, 2))), np.repeat([0, 1, 2], [100, 50, 50]), n_classes=3)
    job = {"reading": "scale", "dataset": "toy", "method": "ddc", "vectorization": "avg", "seeds": [0], "limit": 60}
    made, clusters = run_job(toy, **job, settings={"epochs": 50, "batch": 50})
    scored = split_scores(clusters[0], toy.split, np.arange(200) % 3)
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for first in range(0, n, 20):
            dataset = f"toy_{first // 20_000}"
            paths.append(Path(folder, "records", dataset, f"{first}.jsonl"))
            paths[-1].parent.mkdir(parents=True, exist_ok=True)
            runs = [made[0] | {"dataset": dataset, "seed": seed} for seed in range(first, first + 20)]
            lines = [json.dumps(run, sort_keys=True) + "\n" for run in runs]
            paths[-1].write_text("".join(lines))
            named = [{field: run[field] for field in [*RUN, "clusters_digest"]} | {"scores": scored} for run in runs]
            scores_file(paths[-1]).parent.mkdir(exist_ok=True)
            with scores_file(paths[-1]).open("a") as stream:
                stream.writelines(json.dumps(line) + "\n" for line in named)
        size = len(lines[0])
        table, reading = measured(lambda: frame(each_scored(paths)))
    assert len(table) == n

    def summary():
        return [protocol_score(group, "train", "accuracy") for _, group in table.groupby(CELL)]

    cells, summing = measured(summary)
    return {"bytes": size, "cells": len(cells), "seconds": {"read and check": reading, "summary": summing}}


def sequences(n):
    """`n` sequences of 5 to 15 vectors of 13 dimensions: made, saved, loaded, vectorised, and clustered in batches."""
    from sklearn.cluster import MiniBatchKMeans

    rng = np.random.default_rng(0)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(5, 16, n))])
    labels = rng.integers(0, 10, n)
    values = rng.standard_normal((offsets[-1], 13), dtype=np.float32)
    values += np.repeat(labels, np.diff(offsets))[:, None]
    seconds = {}
    made, seconds["make"] = measured(lambda: Sequences(values, offsets))
    with tempfile.TemporaryDirectory() as folder:
        _, seconds["save"] = measured(lambda: made.save(Path(folder, "made.npz")))
        loaded, seconds["load"] = measured(lambda: Sequences.load(Path(folder, "made.npz")))
    assert len(loaded) == n
    for name in ("crop", "avg", "zero"):
        vectors, seconds[name] = measured(lambda name=name: vectorize(loaded, name))
    kmeans = MiniBatchKMeans(10, random_state=0, n_init=1)

    def stream():
        for first in range(0, n, 10_000):
            kmeans.partial_fit(vectors[first : first + 10_000])

    _, seconds["streaming k-means"] = measured(stream)
    return {"seconds": seconds}


def run(part, size):
    """One measurement in this process."""
    start = time.perf_counter()
    found = {"planning": planning, "records": records, "sequences": sequences}[part](size)
    wall = round(time.perf_counter() - start, 1)
    kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if part == "planning" else own_peak()
    return {"part": part, "size": size, "wall": wall, "memory_mib": round(kib / 1024)} | found


def own_peak():
    """Largest memory of this process in KiB; ``ru_maxrss`` would begin with that of the process that started it."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def page(made):
    """The measurements as Markdown."""
    from .gru import machine

    titles = {
        "planning": ("Planning", "readings"),
        "records": ("Records into a table", "records"),
        "sequences": ("Sequences of 5 to 15 vectors of 13 dimensions", "sequences"),
    }
    text = ["# What grows how", f"{machine()}. Processor seconds; peak memory of the process."]
    for part, (title, unit) in titles.items():
        rows = [row for row in made if row["part"] == part]
        steps = list(rows[0]["seconds"])
        counts = [name for name in ("jobs", "files", "cells") if name in rows[0]]
        head = [unit, *counts, *(f"{step}, s" for step in steps), "memory, MiB"]
        lines = [" | ".join(head), " | ".join(["---:"] * len(head))]
        for row in rows:
            counted = [f"{row[name]:,}" for name in ("size", *counts)]
            numbers = [f"{row['seconds'][step]:.2f}" for step in steps]
            lines.append(" | ".join([*counted, *numbers, f"{row['memory_mib']:,}"]))
        text += [f"## {title}", "\n".join(f"| {line} |" for line in lines)]
    return "\n\n".join(text) + "\n"


def main():
    """Run every measurement in a process of its own and write the page; or one, as JSON on standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=SIZES)
    parser.add_argument("size", nargs="?", type=int)
    given = parser.parse_args()
    if given.part:
        print(json.dumps(run(given.part, given.size)))
        return
    made = []
    for part, sizes in SIZES.items():
        for size in sizes:
            command = [sys.executable, "-m", "benchmarks.scale", part, str(size)]
            shown = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
            made.append(json.loads(shown.splitlines()[-1]))
            print(made[-1])
    write_json(HERE / "scale.json", made)
    write_text(HERE / "scale.md", page(made))


if __name__ == "__main__":
    main()
