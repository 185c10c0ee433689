"""From a resolved config to jobs: which runs there are, in which files, and what each needs to know."""

import ast
import hashlib
import json
import math
import os
import sys
from pathlib import Path

from datasets.storage import visible_files
from methods import progress
from runs.sources import ROOT

from .catalogue import assigned, class_constant, reads_vectors, source
from .layers import own_names
from .rows import algorithm, described, method_settings, stated
from .scripts.entry import SNAKEMAKE

LONGEST = 255  # bytes of a name, as most file systems have it
FITS_OF_HALVES = 2 * ast.literal_eval(assigned(ROOT / "runs/halves.py", "PAIRS"))  # on each input
ENDINGS = ("npz", "labels.npz", "json")  # of a prepared data set's files
# Of a supervised task: k-means told how many clusters each problem has, and one that knows no more than who learns.
TASK_CONTROLS = {
    "told": {"method": "kmeans", "settings": {"n_init": 3}},
    "untold": {"method": "silhouette_k", "settings": {"settings": {"n_init": 3}}},
}


def set_environment():
    """Let every job find this project's modules and the Python that runs Snakemake, and say how far it is."""
    os.environ.setdefault(progress.VARIABLE, str(progress.SECONDS))
    os.environ[SNAKEMAKE] = str(os.getpid())
    # A job has one thread. Numba sets OpenMP's number of threads for all libraries, so it has to be told as well.
    os.environ |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    # A file random.py or datasets.py in the folder where Snakemake runs is no module of anybody's.
    os.environ |= {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    if not can_be_made_in(Path(os.environ.get("XDG_CACHE_HOME") or f"{os.environ.get('HOME', '')}/.cache")):
        place = str(Path(".snakemake/cache").resolve())  # for what is compiled, and for matplotlib's list of fonts
        os.environ |= {"XDG_CACHE_HOME": place, "MPLCONFIGDIR": place}
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def can_be_made_in(folder):
    """Whether a file could be made in a folder, or in the nearest one above it that there is."""
    # Path's own exists() fails for a name that is too long.
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.exists(path))  # noqa: PTH110
    return there.is_dir() and os.access(there, os.W_OK) and all(len(os.fsencode(of)) <= LONGEST for of in folder.parts)


def is_own(resolved, dataset):
    """Whether a data set is a user's own: it has a ``path``, and its name is none of `available`."""
    return dataset in own_names(resolved)


def dataset_source(resolved, dataset):
    """Source file that reads a data set."""
    if is_own(resolved, dataset):
        return ROOT / "datasets/own.py"
    return source("datasets", resolved["datasets"].get(dataset, {}).get("like", dataset))


def own_files(resolved, dataset):
    """Files of a user's own data set; none for any other."""
    if not is_own(resolved, dataset):
        return []
    path = Path(resolved["datasets"][dataset]["path"])
    if not os.path.isdir(path):  # noqa: PTH112 - Path's own fails for a name that is too long
        return [path] * os.path.exists(path)  # noqa: PTH110
    return visible_files(path, ".csv") or visible_files(path, ".ts", ".tsv", ".txt")


def seed_blocks(n_seeds, per_job, n_splits=1):
    """Blocks of seeds as ``first-last`` on the first split, and as ``first-last.split1`` and so on on the others."""
    blocks = [f"{first}-{min(first + per_job, n_seeds) - 1}" for first in range(0, n_seeds, per_job)]
    return [block + f".split{split}" * (split > 0) for split in range(n_splits) for block in blocks]


def seeds_and_split(block):
    """Seeds of a block as a list, and the number of the split that they run on."""
    seeds, _, split = block.partition(".split")
    first, last = map(int, seeds.split("-"))
    return list(range(first, last + 1)), int(split or 0)


def runs_of(inputs, block):
    """Number of runs of a job: those of its seeds on each of its inputs."""
    return len(seeds_and_split(block)[0]) * len(inputs.split("-"))


def minutes(limit, runs, attempt):
    """Minutes that a batch system shall give a job of so many runs, each of at most `limit` seconds.

    The first of three attempts gets what one run may take, the last what all may, since a run that an earlier attempt
    finished is not done again; each has a quarter of an hour for all else. A short job is let in earlier, and one whose
    end the batch system missed blocks nothing for long.
    """
    return math.ceil(limit * runs ** ((min(attempt, 3) - 1) / 2) / 60) + 15


def jobs(resolved):
    """(dataset, method, inputs, block of seeds) of every job, in the order of the config; inputs as ``zero-crop``."""
    for dataset in resolved["run"]["datasets"]:
        for method, asked, n_seeds, n_splits in row_groups(resolved):
            inputs = "-".join(how for how in asked if how not in resolved["skip"].get(dataset, {}))
            per_job = stated(resolved, method, "seeds_per_job", n_seeds)
            blocks = seed_blocks(n_seeds, per_job, n_splits)
            yield from ((dataset, method, inputs, block) for block in blocks if inputs)


def controls(resolved):
    """The controls that run: one on time-shuffled sequences only beside its method."""
    run = resolved["run"]
    return [row for row in run["controls"] if row["input"] != "shuffled" or row["method"] in run["methods"]]


def control_rows(resolved):
    """(method, input) of the controls that run."""
    return [(row["method"], row["input"]) for row in controls(resolved)]


def row_groups(resolved):
    """(method, inputs, number of seeds, of splits) of what shares jobs: a method on all it can read, or a control.

    A control is no number to be compared with a published one: it runs on the first split alone, unless it says more.
    """
    asked = [(row, None, {}) for row in resolved["run"]["methods"]]
    asked += [(control["method"], [control["input"]], control) for control in controls(resolved)]
    for row, inputs, control in asked:
        file = algorithm(resolved, row)
        seeds = control.get("seeds", stated(resolved, row, "seeds", resolved["seeds"]))
        once = class_constant(source("methods", file), "deterministic")
        splits = control.get("splits", 1) if control else stated(resolved, row, "splits", resolved["splits"])
        vectorizations = stated(resolved, row, "vectorizations", resolved["run"]["vectorizations"])
        yield row, inputs or (vectorizations if reads_vectors(file) else ["none"]), 1 if once else seeds, splits


def rows(resolved):
    """(method, vectorization) of every row of the tables, the controls last."""
    return [(method, how) for method, inputs, *_ in row_groups(resolved) for how in inputs]


def methods(resolved):
    """Names of all methods that run, those of the controls among them."""
    return list(dict.fromkeys([*resolved["run"]["methods"], *(row["method"] for row in controls(resolved))]))


def record_files(resolved, reading, dataset=None, split=None):
    """Paths of all records of a reading, or of those of one data set, or of one split."""
    return [
        f"{resolved['results']}/{reading}/records/{of}/{method}-{inputs}.{block}.jsonl"
        for of, method, inputs, block in jobs(resolved)
        if dataset in (None, of) and split in (None, seeds_and_split(block)[1])
    ]


def split_file(resolved, reading, dataset, number):
    """Path of another split than the first, which lies in the data set's own file."""
    return f"{resolved['results']}/{reading}/data/{dataset}.split{number}.npz"


def split_files(resolved, reading, dataset):
    """Paths of all splits but the first that some row runs on."""
    splits = max(splits for *_, splits in row_groups(resolved))
    return [split_file(resolved, reading, dataset, number) for number in range(1, splits)]


def split_of_block(resolved, reading, dataset, block):
    """Path of the split of a block, as a list of one, or of none for the first split."""
    number = seeds_and_split(block)[1]
    return [split_file(resolved, reading, dataset, number)] if number else []


def score_files(resolved, reading):
    """Paths of the scores of all data sets of a reading."""
    return [f"{resolved['results']}/{reading}/scores/{dataset}.jsonl" for dataset in resolved["run"]["datasets"]]


def prepare_job(resolved, dataset):
    """Config slice of one data set's preparation: what changes it, and nothing else.

    Of a user's own files size and date are part of it: Snakemake misses one that is replaced by an older one.
    """
    slice_ = {name: resolved[name] for name in ("raw", "mirror", "seed", "split")}
    slice_ |= {"dataset": dataset, "settings": resolved["datasets"].get(dataset, {})}
    if not (files := own_files(resolved, dataset)):
        return slice_
    seen = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return slice_ | {"files": hashlib.sha256(json.dumps(seen).encode()).hexdigest()}


def resplit_job(resolved, dataset, number):
    """Config slice of another split of a data set."""
    settings = {key: value for key, value in resolved["datasets"].get(dataset, {}).items() if key == "path"}
    slice_ = {"name": dataset, "settings": settings, "number": int(number)}
    return slice_ | {name: resolved[name] for name in ("seed", "split")}


def train_job(resolved, reading, dataset, method, inputs, block):
    """Config slice of one job's runs: what changes them, and nothing else."""
    seeds, split = seeds_and_split(block)
    return (
        {
            "reading": reading,
            "dataset": dataset,
            "method": method,
            "algorithm": algorithm(resolved, method),
            "vectorizations": inputs.split("-"),
            "seeds": seeds,
            "n_clusters": resolved["datasets"].get(dataset, {}).get("k"),
            "settings": method_settings(resolved, method, dataset),
            "limit": run_limit(resolved, method),
            "trained_on": stated(resolved, method, "trained_on", "train"),
        }
        | ({"split": split} if split else {})
        | ({"most_timeouts": resolved["most_timeouts"]} if resolved["most_timeouts"] else {})
        | pretraining(resolved, method)
    )


def pretraining(resolved, row):
    """What a job's slice says of pretraining: the row, and the file in methods/ that it runs, which a row starts from.

    Or that others start from this one, in any reading: one rule runs all that do.
    """
    if lender := rows_pretrained(resolved).get(row):
        return {"pretrained": {"method": lender, "algorithm": algorithm(resolved, lender)}}
    return {"lends": True} if row in resolved.get("lenders", rows_pretrained(resolved).values()) else {}


def rows_pretrained(resolved):
    """Row to the row that it starts from; of those only that say it themselves, and not what they are like."""
    return {row: said["pretrained"] for row, said in resolved["methods"].items() if "pretrained" in said}


def lending(readings):
    """Readings, name to resolved config, each with the ``lenders`` of all."""
    known = lenders(readings)
    return {reading: resolved | {"lenders": known} for reading, resolved in readings.items()}


def lenders(readings):
    """Rows of any reading, name to resolved config, that others start from."""
    return {lender for resolved in readings.values() for lender in rows_pretrained(resolved).values()}


def pretrained_files(resolved, reading, dataset, method, inputs, block):
    """Records of the job whose pretraining a job starts from, and the folder with it, as a list; or an empty one."""
    lender = rows_pretrained(resolved).get(method)
    stem = f"{resolved['results']}/{reading}/records/{dataset}/{lender}-{inputs}.{block}"
    return [f"{stem}.jsonl", f"{stem}.pretrained"] if lender else []


def halves_job(resolved, reading, dataset, method, inputs):
    """Config slice of one row's trainings on halves of a data set."""
    job = train_job(resolved, reading, dataset, method, inputs, "0-0")
    return {name: value for name, value in job.items() if name not in ("seeds", "pretrained", "lends")}


def halves_files(resolved, reading):
    """Paths of the agreement of halves: of all rows but controls, on a user's data with a number of clusters."""
    apart = control_rows(resolved)
    cells = dict.fromkeys(job[:3] for job in jobs(resolved) if job[1:3] not in apart)
    return [
        f"{resolved['results']}/{reading}/halves/{dataset}/{method}-{inputs}.json"
        for dataset, method, inputs in cells
        if is_own(resolved, dataset) and resolved["datasets"][dataset].get("k")
    ]


def run_limit(resolved, row):
    """Seconds that one run of a row may take."""
    return stated(resolved, row, "time_limit", resolved["time_limit"])


def report_job(resolved, reading):
    """Config slice of a reading's tables, figures and page."""
    folder, order = f"{resolved['results']}/{reading}", rows(resolved)
    files, halves = (
        [file.removeprefix(f"{folder}/") for file in made(resolved, reading)] for made in (record_files, halves_files)
    )
    asked = {how for _, how in order}
    return {name: resolved[name] for name in ("selection", "scored", "published")} | {
        "reading": reading,
        "folder": folder,
        "files": files,
        "halves": halves,
        "datasets": resolved["run"]["datasets"],
        "rows": order,
        "controls": control_rows(resolved),
        "methods": {name: described(resolved, name) for name in methods(resolved)},
        # A page doesn't excuse a cell that none of its rows could have.
        "skip": {
            dataset: {how: why for how, why in reasons.items() if how in asked}
            for dataset, reasons in resolved["skip"].items()
        },
        "figures": {
            "dataset": resolved["figures"]["dataset"],
            "one_length": next(iter(one_length(resolved, reading)), None),
        },
    }


def one_length(resolved, reading):
    """File with the sequences of figure 3, if there is a figure 3: a case of `studies.one_length`."""
    dataset = resolved["figures"]["dataset"]
    shown = dataset in resolved["run"]["datasets"]
    return [f"{resolved['results']}/one_length/{dataset}.{reading}.json"] if shown else []


def with_tasks(readings):
    """Names of the readings, name to resolved config, that have supervised tasks; without any, Snakemake ends."""
    found = [reading for reading, resolved in readings.items() if resolved["tasks"]]
    if not found:  # of an exception in a rule's input Snakemake would tell more than its one line
        sys.exit(f"error: config: tasks: none in {', '.join(readings)}; say --config readings=[supervised_reduced]")
    return found


def task_data(resolved, reading, task):
    """Files of the data set that a supervised task's problems are drawn from, if any, and of its labels."""
    dataset = resolved["tasks"][task].get("dataset")
    return [f"{resolved['results']}/{reading}/data/{dataset}{end}.npz" for end in ("", ".labels")] if dataset else []


def draw_job(resolved, task):
    """Config slice of the problems of one supervised task."""
    given = resolved["tasks"][task]
    return {"seed": resolved["seed"], "problems": given["problems"], "sizes": given["sizes"]} | {
        "settings": given.get("draw", {})
    }


def learn_job(resolved, reading, task):
    """Config slice of the runs of one supervised task."""
    given = resolved["tasks"][task]
    return {
        "reading": reading,
        "task": task,
        "method": given["method"],
        "seeds": list(range(given.get("seeds", resolved["seeds"]))),
        "settings": given.get("settings", {}),
        "limit": resolved["time_limit"],
    }


def task_records(resolved, reading, task):
    """Paths of the records of one supervised task, the controls' last."""
    folder = f"{resolved['results']}/{reading}/learned/records/{task}"
    return [f"{folder}/{name}.jsonl" for name in ("runs", *TASK_CONTROLS)]


def ordered(resolved, task):
    """Whether a cluster's number means something to a task's method."""
    return class_constant(source("methods", resolved["tasks"][task]["method"]), "ordered")


def control_job(resolved, reading, task, control):
    """Config slice of a control of one supervised task, of `TASK_CONTROLS`."""
    what = {"reading": reading, "task": task, "ordered": ordered(resolved, task), "told": control == "told"}
    return what | TASK_CONTROLS[control]


def tasks_report_job(resolved, reading):
    """Config slice of the report of the supervised tasks."""
    folder, records = f"{resolved['results']}/{reading}", ["runs", *TASK_CONTROLS]
    return {"reading": reading, "folder": folder, "tasks": resolved["tasks"], "records": records}
