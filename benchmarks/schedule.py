"""How long a profile takes on 1, 2, 4 and 8 GPUs, and whether the order of its jobs keeps them busy: a simulation.

``python -m benchmarks.schedule results/paper/recommended`` takes the seconds of a run from the records there, the jobs
from config/config.yaml (or another ``--configfile``) and the order from Snakemake's own greedy scheduler with this
project's priorities, and writes ``benchmarks/schedule.md``. The records may be of any number of seeds: a job's seconds
are its runs times the mean of its cell. Data are taken to be ready, and the tables to take no time.

The pace is that of the device that made the records. Records of a CPU thus tell how evenly the work is shared out, and
an upper bound of the time: a GPU trains the seeds of a block together, which is what benchmarks/gpu.md measures.
"""

import argparse
import collections
import heapq
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from snakemake.scheduling.greedy import Scheduler, SchedulerSettings
from tabulate import tabulate

from datasets.storage import write_text
from runs.results import each_record
from workflow import catalogue, layers, rows
from workflow import jobs as planned

HERE = Path(__file__).parent
CORES = 8  # a GPU, for the jobs that need none


class _Input(str):
    """A job's input, as Snakemake's scheduler looks at it."""

    def is_flagged(self, _flag):
        return False


@dataclass(frozen=True, eq=False)
class Job:
    """What Snakemake's scheduler knows of a training, and how long it takes."""

    name: str
    dataset: str
    gpu: int
    seconds: float

    @property
    def priority(self):
        return self.gpu  # as in workflow/rules/train.smk

    @property
    def input(self):
        return [_Input(self.dataset)]

    @property
    def scheduler_resources(self):
        return {"gpu": self.gpu, "_cores": 1}


def seconds_of_runs(folder):
    """(data set, method, input) to the seconds of its runs.

    Raises
    ------
    ValueError
        Without records.
    """
    cells = collections.defaultdict(list)
    for record in each_record(sorted(Path(folder).glob("records/*/*.jsonl"))):
        cells[record["dataset"], record["method"], record["vectorization"]].append(record["cost"]["seconds"])
    if not cells:
        raise ValueError(f"{folder}: there are no records")
    return cells


def jobs_of(resolved, seconds):
    """The trainings of a reading, and the cells of theirs that there are no seconds of."""
    made, missing = [], []
    for dataset, method, inputs, block in planned.jobs(resolved):
        first, last = map(int, block.split("-"))
        cells = [(dataset, method, how) for how in inputs.split("-")]
        missing += [", ".join(cell) for cell in cells if cell not in seconds]
        total = (last - first + 1) * sum(float(np.mean(seconds[cell])) for cell in cells if cell in seconds)
        gpu = catalogue.gpus(rows.algorithm(resolved, method))
        made.append(Job(f"{dataset}/{method}-{inputs}.{block}", dataset, gpu, total))
    return made, missing


def simulate(jobs, gpus, cores, sizes):
    """Seconds until the last job ends, and the seconds that all GPUs together were in use.

    Parameters
    ----------
    jobs : list of Job
    gpus, cores : int
    sizes : dict of str to int
        Data set to bytes: of several jobs that could start, the scheduler takes the one with most.
    """
    scheduler, left, running, now = Scheduler(None, SchedulerSettings(), None), list(jobs), [], 0.0
    free = {"gpu": gpus, "_cores": cores}
    while left or running:
        for job in scheduler.select_jobs(left, left, free, sizes) if left else []:
            left.remove(job)
            heapq.heappush(running, (now + job.seconds, len(left), job))  # by the second where two end at once
            free = {name: number - job.scheduler_resources[name] for name, number in free.items()}
        now, _, job = heapq.heappop(running)
        free = {name: number + job.scheduler_resources[name] for name, number in free.items()}
    return now, sum(job.seconds for job in jobs if job.gpu)


def table(jobs, sizes, numbers):
    """Wall time for every number of GPUs beside the least that any order could need, as Markdown."""
    rows = []
    for gpus in numbers:
        wall, used = simulate(jobs, gpus, gpus * CORES, sizes)
        least = max(used / gpus, *(job.seconds for job in jobs))
        row = [gpus, f"{wall / 60:.1f}", f"{least / 60:.1f}", f"{wall / least - 1:.0%}", f"{used / gpus / wall:.0%}"]
        rows.append(row)
    head = ["GPUs", "wall time, min", "least possible, min", "above it", "of the GPUs' time in use"]
    return tabulate(rows, head, tablefmt="github", disable_numparse=True)


def page(jobs, sizes, seconds, numbers):
    """All of it as Markdown."""
    longest, whole = max(jobs, key=lambda job: job.seconds), sum(job.seconds for job in jobs)
    runs = f"{sum(map(len, seconds.values()))} runs of {len(seconds)} cells"
    return (
        f"# Schedule on several GPUs, simulated\n\n{len(jobs)} jobs with {whole / 60:.1f} min of training, the"
        f" longest {longest.name} with {longest.seconds / 60:.1f} min; {CORES} cores a GPU.\n\n"
        f"{table(jobs, sizes, numbers)}\n\n"
        "**Simulated**, with Snakemake's own greedy scheduler and this project's priorities, at the pace of the device"
        f" that made the records ({runs}). Where that was a CPU this tells how evenly the work is shared out, and"
        " bounds the time from above: a GPU trains a block's seeds together. Seconds are by the clock, so that other"
        " work on that machine lengthens them. Data are taken to be ready, and the tables to take no time.\n"
    )


def main():
    """Print the page of one reading and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="results of a reading, as results/paper/recommended")
    parser.add_argument("--configfile", type=Path, help="laid over config/config.yaml, as Snakemake does")
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 2, 4, 8])
    arguments = parser.parse_args()
    try:
        user = layers.read_user([arguments.configfile] if arguments.configfile else [], [])
        seconds = seconds_of_runs(arguments.folder)
        sizes = {path.stem: path.stat().st_size for path in arguments.folder.glob("data/*.npz")}
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    jobs, missing = jobs_of(layers.resolve(user, arguments.folder.name), seconds)
    if missing:
        sys.exit(f"error: {arguments.folder}: no record of {'; '.join(missing)}")
    text = page(jobs, sizes, seconds, arguments.gpus)
    print(text)
    write_text(HERE / "schedule.md", text)


if __name__ == "__main__":
    main()
