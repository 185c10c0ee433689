"""A config's mistakes, in one line each, before anything starts."""

import json
from pathlib import Path

from runs.sources import ROOT

from .catalogue import ConfigError, arguments, class_constant, class_member, find, reads_vectors, source
from .jobs import dataset_source, is_own, method_settings, methods, own_files, rows
from .layers import resolve

SEQUENCE_INPUTS = ("none", "shuffled")


def check_config(config):
    """Raise `ConfigError` for the first key, name or setting that isn't known."""
    check_schema(config)
    for where, path in (("the project's own folder", ROOT), ("results", config["results"])):
        check_braces(where, path)
    for reading in config["readings"]:
        resolved = resolve(config, reading)
        check_schema(resolved)
        for dataset in resolved["run"]["datasets"]:
            settings = resolved["datasets"].get(dataset, {})
            reader = find(dataset_source(resolved, dataset), "read" if is_own(resolved, dataset) else "load")
            check_settings(f"datasets.{dataset}", settings, arguments(reader))
            if is_own(resolved, dataset):
                check_own(dataset, settings["path"], own_files(resolved, dataset))
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


def check_own(dataset, path, files):
    """Raise `ConfigError` when there are no `files` at the path of a user's data set, or one that can't be used."""
    where = f"datasets.{dataset}.path"
    if not files:
        seen = f"{path} (seen from {Path.cwd()})"
        raise ConfigError(f"config: {where}: no file, and no folder with CSV files, at {seen}")
    for file in files:
        check_braces(where, file)


def check_braces(where, path):
    """Raise `ConfigError` for a path with braces, which mean something to Snakemake."""
    if set("{}") & set(str(path)):
        raise ConfigError(f"config: {where}: Snakemake can't have braces in a path: rename {path}")


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
