"""From the config to jobs: which runs there are, with which settings. No method or data set is imported for that."""

import ast
import copy
import functools
import json
import math
import os
import re
import sys
from pathlib import Path

import yaml

from datasets.storage import visible_files
from methods import progress
from runs.sources import ROOT, imported_sources, tree

SEQUENCE_INPUTS = ("none", "shuffled")
# Arguments that the harness gives, so that they are no settings.
HARNESS = ("self", "raw", "seed", "n_clusters", "random_state", "device", "sizes", "sequences")


def set_environment():
    """Let every job find this project's modules and the Python that runs Snakemake, and know whether it is watched."""
    os.environ.setdefault(progress.VARIABLE, str(progress.interval()))
    # A job has one thread. Numba sets OpenMP's number of threads for all libraries, so it has to be told as well.
    os.environ |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


class ConfigError(ValueError):
    """The config asks for something that there isn't; the message is one line that names it."""


def merge(base, changes):
    """`base` with `changes` laid over it, dict by dict; anything else is replaced whole."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def difference(config, base):
    """What `config` says that `base` doesn't, dict by dict."""
    changed = {}
    for key, value in config.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            if inner := difference(value, base[key]):
                changed[key] = inner
        elif key not in base or value != base[key]:
            changed[key] = value
    return changed


def typed(value):
    """`value` with numbers, true, false and null as such: Snakemake's command line gives what a dict holds as text."""
    if isinstance(value, dict):
        return {key: typed(part) for key, part in value.items()}
    if isinstance(value, list):
        return [typed(part) for part in value]
    if isinstance(value, str) and re.fullmatch(r"true|false|null|-?(0|[1-9]\d*)(\.\d+)?(e[-+]?\d+)?", value):
        return json.loads(value)
    return value


def check_config(config):
    """Raise `ConfigError` for the first key, name or setting that isn't known."""
    check_schema(config)
    for reading in config["readings"]:
        resolved = resolve(config, reading)
        check_schema(resolved)
        for dataset in resolved["run"]["datasets"]:
            settings = resolved["datasets"].get(dataset, {})
            reader = find(dataset_source(resolved, dataset), "read" if is_own(resolved, dataset) else "load")
            check_settings(f"datasets.{dataset}", settings, arguments(reader))
            if is_own(resolved, dataset) and not own_files(resolved, dataset):
                where = f"{settings['path']} (seen from {Path.cwd()})"
                raise ConfigError(f"config: datasets.{dataset}.path: no file, and no folder with CSV files, at {where}")
        found = rows(resolved)
        for method, vectorization in {row for row in found if found.count(row) > 1}:
            raise ConfigError(f"config: run.controls: {method} with input {vectorization!r} is a row already")
        for control in resolved["run"]["controls"]:
            name, given = control["method"], control["input"]
            if reads_vectors(name) == (given in SEQUENCE_INPUTS):
                raise ConfigError(f"config: run.controls: {name} can't read the input {given!r}")
        for method in methods(resolved):
            if class_constant(source("methods", method), "supervised"):
                raise ConfigError(f"config: run.methods: {method!r} is supervised: it runs as one of the tasks")
            known = ["n_clusters", *arguments(class_member(source("methods", method), "__init__"))]
            for dataset in [None, *resolved["run"]["datasets"]]:
                check_settings(f"methods.{method}", method_settings(resolved, method, dataset), known)
        for name, task in resolved["tasks"].items():
            check_task(name, task)


def check_schema(config):
    """Raise `ConfigError` for the first key or value that the schema doesn't allow."""
    import jsonschema  # not for the jobs, which import this module too

    schema = json.loads((ROOT / "workflow/schemas/config.schema.json").read_text())
    for error in sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(config), key=lambda error: list(error.path)
    ):
        raise ConfigError(f"config: {'.'.join(map(str, error.absolute_path)) or 'top level'}: {error.message}")


def check_task(name, task):
    """Raise `ConfigError` for a name or setting of a supervised task that isn't known."""
    method = source("methods", task["method"])
    if not class_constant(method, "supervised"):
        raise ConfigError(f"config: tasks.{name}.method: {task['method']!r} is not supervised")
    check_settings(f"tasks.{name}.settings", task.get("settings", {}), arguments(class_member(method, "__init__")))
    generator = ROOT / "datasets" / f"{task['problems']}.py"
    draw = find(generator, "draw") if generator.is_file() else None
    if draw is None:
        raise ConfigError(f"config: tasks.{name}.problems: no function draw in datasets/{task['problems']}.py")
    check_settings(f"tasks.{name}.draw", task.get("draw", {}), arguments(draw))
    if "dataset" in task:
        source("datasets", task["dataset"])


def check_settings(where, settings, known):
    """Raise `ConfigError` when a setting isn't an argument of the code that takes it."""
    for name in settings:
        if name not in known:
            raise ConfigError(f"config: {where}: no setting {name!r} (there are {', '.join(known)})")


def source(folder, name):
    """Source file of a method or data set.

    Raises
    ------
    ConfigError
        When there is no such file, naming those that there are.
    """
    names = available(folder)
    if name not in names:
        raise ConfigError(f"config: run.{folder}: {name!r} is not in {folder}/ (there are {', '.join(names)})")
    return ROOT / folder / f"{name}.py"


def is_own(resolved, dataset):
    """Whether a data set is a user's own: it has a ``path``, and its name is none of `available`."""
    return "path" in resolved["datasets"].get(dataset, {}) and dataset not in available("datasets")


def dataset_source(resolved, dataset):
    """Source file that reads a data set."""
    return ROOT / "datasets/own.py" if is_own(resolved, dataset) else source("datasets", dataset)


def own_files(resolved, dataset):
    """Files of a user's own data set; none for any other."""
    if not is_own(resolved, dataset):
        return []
    path = Path(resolved["datasets"][dataset]["path"])
    return visible_files(path, ".csv") if path.is_dir() else [path] * path.exists()


@functools.cache
def available(folder):
    """Names of all methods (files with a class of their own name) or data sets (files with a function ``load``)."""
    member = {"methods": class_name, "datasets": lambda path: "load"}[folder]
    return [path.stem for path in sorted((ROOT / folder).glob("*.py")) if find(path, member(path))]


def class_name(path):
    """Name of the class that a method's file defines: the file's, underscores and case aside."""
    names = [node.name for node in tree(path).body if isinstance(node, ast.ClassDef)]
    return next((name for name in names if name.lower() == path.stem.replace("_", "")), None)


def find(path, name):
    """Top-level function or class `name` of a file, as syntax; None when it isn't there."""
    return next((node for node in tree(path).body if name and getattr(node, "name", None) == name), None)


@functools.cache
def class_member(path, name):
    """Method or constant `name` of a method's class or of the nearest base in the project; None when there is none."""
    classes = {
        node.name: node
        for file in imported_sources(path)
        if file.suffix == ".py"
        for node in tree(file).body
        if isinstance(node, ast.ClassDef)
    }
    wanted = [class_name(path)]
    while wanted:
        node = classes.get(wanted.pop(0))
        for line in node.body if node else []:
            targets = getattr(line, "targets", [line])
            if name in (getattr(targets[0], "name", None), getattr(targets[0], "id", None)):
                return line
        wanted += [base.id for base in node.bases if isinstance(base, ast.Name)] if node else []
    return None


def class_constant(path, name):
    """Value of a constant of a method's class, such as ``accepts``."""
    return ast.literal_eval(class_member(path, name).value)


def arguments(function):
    """Names of the settings that a function takes, without those that the harness gives."""
    names = [argument.arg for argument in function.args.args + function.args.kwonlyargs]
    return [name for name in names if name not in HARNESS]


def read_reading(reading, followed=()):
    """What ``config/readings/<reading>.yaml`` sets, laid over the reading that it is ``like``, if any."""
    if reading in followed:
        raise ConfigError(f"config/readings/{reading}.yaml: like: it is like itself, by way of {', '.join(followed)}")
    path = ROOT / "config" / "readings" / f"{reading}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml")))
        raise ConfigError(f"config: readings: {reading!r} is not in config/readings/ (there are {names})")
    changes = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    unknown = changes.keys() - {"like", "datasets", "methods", "tasks"}
    if unknown:
        raise ConfigError(
            f"config/readings/{reading}.yaml: {min(unknown)}: a reading sets datasets, methods and tasks only"
        )
    like = changes.pop("like", None)
    return merge(read_reading(like, (*followed, reading)), changes) if like else changes


def resolve(config, reading):
    """The config with a reading of ``config/readings/`` laid over it; what a user changed goes over both."""
    changes = read_reading(reading)
    base = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    return one_k_each(merge(merge(config, changes), difference(config, base)))


def one_k_each(resolved):
    """The config with a data set ``<name>_k<k>`` for each of the numbers of clusters of a user's data with several."""
    resolved = copy.deepcopy(resolved)
    for name, settings in list(resolved["datasets"].items()):
        if isinstance(settings.get("k"), list):
            copies = {f"{name}_k{k}": settings | {"k": k} for k in settings["k"]}
            resolved["datasets"] |= copies
            listed = resolved["run"]["datasets"]
            resolved["run"]["datasets"] = [x for old in listed for x in (copies if old == name else [old])]
            for section in (resolved["skip"], *(method.get("datasets", {}) for method in resolved["methods"].values())):
                if name in section:
                    section.update(dict.fromkeys(copies, section[name]))
    return resolved


def method_settings(resolved, method, dataset):
    """Settings of a method on a data set: its own, then those for the data set."""
    section = resolved["methods"].get(method, {})
    return merge(section.get("settings", {}), section.get("datasets", {}).get(dataset, {}))


def seed_blocks(n_seeds, per_job):
    """Blocks of seeds as ``first-last``."""
    return [f"{first}-{min(first + per_job, n_seeds) - 1}" for first in range(0, n_seeds, per_job)]


def runs_of(inputs, block):
    """Number of runs of a job: those of its seeds on each of its inputs."""
    first, last = map(int, block.split("-"))
    return (last - first + 1) * len(inputs.split("-"))


def jobs(resolved):
    """(dataset, method, inputs, block of seeds) of every job, in the order of the config; inputs as ``zero-crop``."""
    for dataset in resolved["run"]["datasets"]:
        for method, asked, n_seeds in row_groups(resolved):
            inputs = "-".join(how for how in asked if how not in resolved["skip"].get(dataset, {}))
            per_job = resolved["methods"].get(method, {}).get("seeds_per_job", n_seeds)
            yield from ((dataset, method, inputs, block) for block in seed_blocks(n_seeds, per_job) if inputs)


def controls(resolved):
    """The controls that run: one on time-shuffled sequences only beside its method."""
    run = resolved["run"]
    return [row for row in run["controls"] if row["input"] != "shuffled" or row["method"] in run["methods"]]


def row_groups(resolved):
    """(method, inputs, number of runs) of the rows that share jobs: a method on all it can read, and every control."""
    vectorizations = resolved["run"]["vectorizations"]
    asked = [(name, vectorizations if reads_vectors(name) else ["none"], {}) for name in resolved["run"]["methods"]]
    asked += [(control["method"], [control["input"]], control) for control in controls(resolved)]
    for method, inputs, row in asked:
        seeds = row.get("seeds", resolved["methods"].get(method, {}).get("seeds", resolved["seeds"]))
        yield method, inputs, 1 if class_constant(source("methods", method), "deterministic") else seeds


def rows(resolved):
    """(method, vectorization) of every row of the tables, the controls last."""
    return [(method, how) for method, inputs, _ in row_groups(resolved) for how in inputs]


def methods(resolved):
    """Names of all methods that run, those of the controls among them."""
    return list(dict.fromkeys([*resolved["run"]["methods"], *(row["method"] for row in controls(resolved))]))


def reads_vectors(method):
    """Whether a method takes vectors, and not sequences."""
    return class_constant(source("methods", method), "accepts") == "vectors"


def record_files(resolved, reading):
    """Paths of all records of a reading."""
    return [
        f"{resolved['results']}/{reading}/records/{dataset}/{method}-{inputs}.{block}.jsonl"
        for dataset, method, inputs, block in jobs(resolved)
    ]


def prepare_job(resolved, dataset):
    """Config slice of one data set's preparation: what changes it, and nothing else."""
    slice_ = {name: resolved[name] for name in ("raw", "mirror", "seed", "split")}
    return slice_ | {"dataset": dataset, "settings": resolved["datasets"].get(dataset, {})}


def train_job(resolved, reading, dataset, method, inputs, block):
    """Config slice of one job's runs: what changes them, and nothing else."""
    first, last = map(int, block.split("-"))
    return {
        "reading": reading,
        "dataset": dataset,
        "method": method,
        "vectorizations": inputs.split("-"),
        "seeds": list(range(first, last + 1)),
        "n_clusters": resolved["datasets"].get(dataset, {}).get("k"),
        "settings": method_settings(resolved, method, dataset),
        "limit": resolved["time_limit"],
    }


def report_job(resolved, reading):
    """Config slice of a reading's tables, figures and page."""
    settings = {
        "datasets": {name: resolved["datasets"].get(name, {}) for name in resolved["run"]["datasets"]},
        "methods": {name: resolved["methods"].get(name, {}) for name in methods(resolved)},
    }
    kept = ("selection", "scored", "published", "figures", "run", "split", "seed", "seeds")
    slice_ = {name: resolved[name] for name in kept}
    folder = f"{resolved['results']}/{reading}"
    files = [file.removeprefix(f"{folder}/") for file in record_files(resolved, reading)]
    order = rows(resolved)
    asked = {how for _, how in order}
    # A page doesn't excuse a cell that none of its rows could have.
    slice_["skip"] = {
        dataset: {how: why for how, why in reasons.items() if how in asked}
        for dataset, reasons in resolved["skip"].items()
    }
    return slice_ | settings | {"reading": reading, "folder": folder, "files": files, "rows": order}


def study_job(readings):
    """Config slice of the study that lays `readings`, name to resolved config, side by side."""
    parts = {name: report_job(resolved, name) for name, resolved in readings.items()}
    kept = {name: {key: part[key] for key in ("folder", "files")} for name, part in parts.items()}
    return {"selection": next(iter(readings.values()))["selection"], "readings": kept}


def task_data(resolved, reading, task):
    """Files of the data set that a supervised task's problems are drawn from, if any."""
    dataset = resolved["tasks"][task].get("dataset")
    return [f"{resolved['results']}/{reading}/data/{dataset}.npz"] if dataset else []


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


def supervised_report_job(resolved, reading):
    """Config slice of the report of the supervised tasks."""
    return {"reading": reading, "folder": f"{resolved['results']}/{reading}", "tasks": resolved["tasks"]}


def gpus(method):
    """GPUs that a job of this method asks for: 1 for a method that has a ``device``, else 0."""
    initialise = class_member(source("methods", method), "__init__")
    return int(any(argument.arg == "device" for argument in initialise.args.args))


def minutes(limit, runs, attempt):
    """Minutes that a batch system shall give a job of so many runs, each of at most `limit` seconds.

    The first of three attempts gets what one run may take, the last what all may, since a run that an earlier attempt
    finished is not done again; each has a quarter of an hour for all else. A short job is let in earlier, and one whose
    end the batch system missed blocks nothing for long.
    """
    return math.ceil(limit * runs ** ((min(attempt, 3) - 1) / 2) / 60) + 15
