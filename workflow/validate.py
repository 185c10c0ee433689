"""A config's mistakes, in one line each, before anything starts."""

import ast
import itertools
import json
import re
from pathlib import Path

from datasets.kinds import fits
from datasets.sequences import SPLITS
from runs.sources import ROOT

from . import jobs, rows
from .catalogue import (
    ConfigError,
    available,
    class_constant,
    class_member,
    defaults,
    find,
    reads_vectors,
    settings_of,
    source,
    words,
)
from .layers import lay, own_names, parts, whole

LARGEST = 2**31 - 1  # of whole numbers
TOLD = 40  # characters of a number in a message


def check_config(user):
    """Raise `ConfigError` for the first key, name or value that the config with `user`'s layers can't have."""
    config = lay(user)
    check_schema(config)
    for where, path in (("the project's own folder", ROOT), ("results", config["results"])):
        check_braces(where, path)
    for where in ("results", "raw", "mirror"):
        check_printable(where, config[where])
    if not jobs.can_be_made_in(Path(config["results"])):
        raise ConfigError(f"config: results: no folder that can be written in: {config['results']}")
    for reading in config["readings"]:
        laid = lay(user, reading)
        check_schema(laid)
        resolved = whole(laid, user)
        check_names(resolved)
        for dataset in dict.fromkeys([*resolved["run"]["datasets"], *resolved["datasets"]]):
            check_dataset(resolved, dataset)
        check_splits(resolved, user)
        for method in dict.fromkeys([*jobs.methods(resolved), *resolved["methods"]]):
            check_method(resolved, method)
        for row, lender in jobs.rows_pretrained(resolved).items():
            check_pretrained(resolved, row, lender)
        for dataset in itertools.chain(resolved["skip"], *resolved["families"].values()):
            jobs.dataset_source(resolved, dataset)
        check_titles(resolved)
        check_n_clusters(resolved)
        check_controls(resolved)
        check_inputs(resolved)
        check_trained_on(resolved)
        check_repeated(resolved)
        for name in resolved["tasks"]:
            check_task(resolved, name)


def check_schema(config):
    """Raise `ConfigError` for the first key or value that the schema doesn't allow."""
    import jsonschema  # takes a while, and a job that only reads the schema's words doesn't need it

    kind = jsonschema.Draft202012Validator
    whole = kind.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST
    )
    validator = jsonschema.validators.extend(kind, type_checker=whole)(schema())
    for error in sorted(validator.iter_errors(config), key=lambda error: list(map(str, error.path))):
        raise ConfigError(f"config: {'.'.join(map(str, error.absolute_path)) or 'top level'}: {refusal(error)}")


def refusal(error):
    """What is wrong with a value, for what a schema can say in its own words only."""
    if error.validator == "pattern":
        near = re.sub("[^a-z0-9]+", "_", str(error.instance).lower()).strip("_")
        near = f", such as {near}" if re.fullmatch(error.validator_value, near) else ""
        return f"{error.instance!r}: a name has small letters, digits and _, and begins with a letter{near}"
    if list(error.absolute_path)[::2] == ["datasets", "k"]:
        several = "a list such as [2, 3, 4, 5], which the report compares by indices that need no labels"
        return f"{error.instance!r} is not valid; expected a number of clusters, or {several}"
    if error.validator == "type" and isinstance(error.instance, int) and abs(error.instance) > LARGEST:
        return f"{str(error.instance)[:TOLD]} is too large a number"
    return error.message


def schema():
    """The config's schema, with the lists of words that the code has."""
    found = json.loads((ROOT / "workflow/schemas/config.schema.json").read_text(encoding="utf-8"))
    vectorizations, sequences = (words(ROOT / "methods/vectorize.py", name) for name in ("VECTORS", "SEQUENCES"))
    found["$defs"] |= {
        "vectorization": {"enum": vectorizations},
        "input": {"enum": vectorizations + sequences},
        "split_kind": {"enum": words(ROOT / "datasets/prepare.py", "SPLIT_KINDS")},
        "part": {"enum": list(SPLITS)},
    }
    return found


def check_names(resolved):
    """Raise `ConfigError` for a published table or a figure's data set that isn't there."""
    tables = sorted(path.stem for path in (ROOT / "reports/published").glob("*.csv"))
    if resolved["published"] not in (None, *tables):
        raise ConfigError(f"config: published: {resolved['published']!r} is none of {', '.join(tables)}")
    shown = resolved["figures"]["dataset"]
    if shown is not None and shown not in resolved["run"]["datasets"]:
        jobs.dataset_source(resolved, shown)


def check_splits(resolved, user):
    """Raise `ConfigError` for splits that don't go together, or where one's own and public data would share one.

    One's own data are trained on and scored on whole unless `user` says otherwise; the others have a test split.
    """
    fractions = resolved["split"].get("fractions", [1])
    if abs(sum(fractions) - 1) > 1e-9 or not fractions[0]:
        raise ConfigError(f"config: split.fractions: {fractions}: expected a share to train on, and a sum of 1")
    there = parts(resolved["split"])
    for key in ("scored", "selection"):
        if resolved[key] not in there:
            raise ConfigError(
                f"config: {key}: nothing is in the {resolved[key]} split (kind {resolved['split']['kind']}); expected"
                f" {' or '.join(there)}, or a split that has one, such as split: {{kind: stratified}}"
            )
    own = own_names(resolved)
    listed = [name in own for name in resolved["run"]["datasets"]]
    if any(listed) and not all(listed) and "kind" not in user.get("split", {}):
        raise ConfigError(
            f"config: run.datasets: {own[0]!r} is your own data, which is trained on and scored on whole, and others"
            " have a test split: run them apart, or say split: {kind: stratified} or {kind: everything} for all"
        )


def check_dataset(resolved, dataset):
    """Raise `ConfigError` for a data set that isn't there, or a setting that it can't have."""
    settings, own = resolved["datasets"].get(dataset, {}), jobs.is_own(resolved, dataset)
    file = jobs.dataset_source(resolved, dataset)
    if own and "like" in settings:
        raise ConfigError(f"config: datasets.{dataset}: path and like: it can be one of them only")
    known = settings_of(file, "read" if own else "load") | common_settings()
    check_settings(f"datasets.{dataset}", {name: of for name, of in settings.items() if name != "like"}, known)
    if own and dataset in resolved["run"]["datasets"]:
        check_own(dataset, settings["path"], jobs.own_files(resolved, dataset))


def common_settings():
    """Settings that any data set may have, name to type; see `datasets.prepare.COMMON`."""
    said = {"average": ("prepare", "AVERAGES"), "normalise": ("normalise", "SPANS")}
    allowed = {name: words(ROOT / f"datasets/{file}.py", constant) for name, (file, constant) in said.items()}
    return {name: "{" + ", ".join(map(repr, told)) + "}" for name, told in allowed.items()} | {"resample": "int"}


def check_own(dataset, path, files):
    """Raise `ConfigError` when there are no `files` at the path of a user's data set, or one that can't be used."""
    where = f"datasets.{dataset}.path"
    if not files:
        seen = f"{path} (seen from {Path.cwd()})"
        raise ConfigError(f"config: {where}: no file, and no folder with CSV files, at {seen}")
    for file in files:
        check_braces(where, file)
        check_printable(where, file)
        if not Path(file).is_file():
            raise ConfigError(f"config: {where}: {file} is no file that can be read")


def check_printable(where, path):
    """Raise `ConfigError` for a path with a line break or what else can't be seen, which no tool below takes."""
    if path is not None and not str(path).isprintable():
        raise ConfigError(f"config: {where}: a path can't have {str(path)!r}'s characters: rename it")


def check_braces(where, path):
    """Raise `ConfigError` for a path with braces or angles, which mean something to Snakemake."""
    if set("{}<>") & set(str(path)):
        raise ConfigError(f"config: {where}: Snakemake can't have {{}} or <> in a path: rename {path}")


def check_method(resolved, method):
    """Raise `ConfigError` for a row whose method isn't there or isn't of this kind, or a setting that it can't have."""
    section = resolved["methods"].get(method, {})
    if "like" in section and method in available("methods"):
        raise ConfigError(f"config: methods.{method}.like: methods/{method}.py has this name; a row needs its own")
    if method in words(ROOT / "reports/controls.py", "NAMES"):
        raise ConfigError(f"config: run.methods: {method!r} is a control of every table; a row needs another name")
    file = rows.source(resolved, method)
    if class_constant(file, "supervised"):
        raise ConfigError(f"config: run.methods: {method!r} is supervised: it runs as one of the tasks")
    if "vectorizations" in section and not reads_vectors(rows.algorithm(resolved, method)):
        raise ConfigError(f"config: methods.{method}.vectorizations: it reads sequences, not vectors")
    known = settings_of(file, "__init__") | {"n_clusters": "int"}
    check_settings(f"methods.{method}.settings", section.get("settings", {}), known)
    for dataset, settings in section.get("datasets", {}).items():
        jobs.dataset_source(resolved, dataset)
        check_settings(f"methods.{method}.datasets.{dataset}", settings, known)


def check_pretrained(resolved, row, lender):
    """Raise `ConfigError` for a row that can't start from the pretraining of `lender`, as it would do another."""
    where = f"config: methods.{row}.pretrained: {lender}"
    if row in jobs.rows_pretrained(resolved).values() or lender in jobs.rows_pretrained(resolved):
        raise ConfigError(f"{where}: a row that others start from starts from none itself")
    for dataset in (None, *resolved["run"]["datasets"]):
        mine, theirs = (recipe(resolved, of, dataset) for of in (row, lender))
        if not (mine and theirs):
            raise ConfigError(f"{where}: {lender if mine else row} has no pretraining of its own")
        for name in dict.fromkeys((*mine, *theirs)):
            if mine.get(name) != theirs.get(name):
                told = f"{name} is {theirs.get(name)!r} there and {mine.get(name)!r} in {row}"
                raise ConfigError(f"{where}: it pretrains otherwise: {told}")
        if rows.method_settings(resolved, lender, dataset).get("cluster_updates") != 0:
            raise ConfigError(
                f"{where}: it goes on after its pretraining; say methods.{lender}.settings.cluster_updates: 0"
            )
    mine, theirs = ({job[2:] for job in jobs.jobs(resolved) if job[1] == of} for of in (row, lender))
    if theirs and not mine <= theirs:  # one that isn't asked for runs for those that are
        raise ConfigError(f"{where}: it runs on other inputs, seeds or splits, or with other seeds_per_job")


def recipe(resolved, row, dataset):
    """Name to value of the settings of a row that say all about its pretraining; nothing for a method without one."""
    file = rows.source(resolved, row)
    if class_member(file, "recipe") is None:
        return {}
    settings, given = rows.method_settings(resolved, row, dataset), defaults(class_member(file, "__init__"))
    found = {}
    for name in class_constant(file, "recipe"):
        default = ast.literal_eval(given[name]) if name in given else class_constant(file, name)
        found[name] = settings.get(name, list(default) if isinstance(default, tuple) else default)
    return found | {"trained on": rows.stated(resolved, row, "trained_on", "train")}


def check_titles(resolved):
    """Raise `ConfigError` for two rows that tables and figures would call the same."""
    seen = {}
    for row in dict.fromkeys([*jobs.methods(resolved), *resolved["methods"]]):
        method, said = rows.algorithm(resolved, row), resolved["methods"].get(row, {}).get("title")
        words = said or (method, row.removeprefix(method).strip("_"))
        if words in seen:
            raise ConfigError(f"config: methods: {seen[words]} and {row} have one title; give one of them a title")
        seen[words] = row


def check_n_clusters(resolved):
    """Raise `ConfigError` for a number of clusters that one of the rows can't find, and for two that differ."""
    for dataset, row in itertools.product(resolved["run"]["datasets"], jobs.methods(resolved)):
        k = resolved["datasets"].get(dataset, {}).get("k")
        own = rows.method_settings(resolved, row, dataset).get("n_clusters")
        least = class_constant(rows.source(resolved, row), "least").get("n_clusters", 1)
        for where, number in ((f"datasets.{dataset}: k", k), (f"methods.{row}: n_clusters", own)):
            if number is not None and number < least:
                raise ConfigError(f"config: {where}: {number}: {row} needs {least} or more clusters")
        if None not in (k, own) and k != own:
            told = f"n_clusters is {own}, but k of datasets.{dataset} is {k}; leave n_clusters out"
            raise ConfigError(f"config: methods.{row}: {told}")


def check_controls(resolved):
    """Raise `ConfigError` for a control that is a row already, or that can't read its input."""
    found = jobs.rows(resolved)
    for method, how in {row for row in found if found.count(row) > 1}:
        raise ConfigError(f"config: run.controls: {method} with input {how!r} is a row already")
    vectorizations = words(ROOT / "methods/vectorize.py", "VECTORS")
    for control in resolved["run"]["controls"]:
        if reads_vectors(rows.algorithm(resolved, control["method"])) != (control["input"] in vectorizations):
            raise ConfigError(f"config: run.controls: {control['method']} can't read the input {control['input']!r}")


def check_inputs(resolved):
    """Raise `ConfigError` for a data set on which nothing but controls runs."""
    apart = jobs.control_rows(resolved)
    left = {dataset for dataset, method, inputs, _ in jobs.jobs(resolved) if (method, inputs) not in apart}
    for dataset in resolved["run"]["datasets"]:
        if dataset not in left:
            asked = [how for _, how in jobs.rows(resolved)]
            skipped = {how: why for how, why in resolved["skip"].get(dataset, {}).items() if how in asked}
            told = "; ".join(f"{how} is skipped: {why}" for how, why in skipped.items()) or "no vectorization is listed"
            raise ConfigError(f"config: run.datasets: {dataset}: none of run.methods has an input there ({told})")


def check_trained_on(resolved):
    """Raise `ConfigError` for a row that clusters the test split by itself where there is none, or none is scored."""
    kind, scored = resolved["split"]["kind"], resolved["scored"]
    for row in jobs.methods(resolved):
        where = f"config: methods.{row}.trained_on"
        if rows.stated(resolved, row, "trained_on", "train") == "test" != scored:
            raise ConfigError(
                f"{where}: test, where split.kind is {kind} and scored is {scored}; say {where[8:]}: train"
            )


def check_repeated(resolved):
    """Raise `ConfigError` when splits are to be repeated that can't be."""
    kind = resolved["split"]["kind"]
    if max(splits for *_, splits in jobs.row_groups(resolved)) == 1:
        return
    if kind != "stratified":
        raise ConfigError(f"config: splits: only a stratified split can be repeated, and split.kind is {kind}")
    for dataset in resolved["run"]["datasets"]:
        if resolved["datasets"].get(dataset, {}).get("normalise") == "all":  # over what other splits test
            scaled = f"datasets.{dataset}.normalise: all scales each of them by the first one's training sequences"
            raise ConfigError(f"config: splits: {scaled}; say normalise: sequence, or splits: 1")


def check_task(resolved, name):
    """Raise `ConfigError` for a name or setting of a supervised task that isn't known."""
    task = resolved["tasks"][name]
    method = source("methods", task["method"])
    if not class_constant(method, "supervised"):
        raise ConfigError(f"config: tasks.{name}.method: {task['method']!r} is not supervised")
    check_settings(f"tasks.{name}.settings", task.get("settings", {}), settings_of(method, "__init__"))
    generator = ROOT / "datasets" / f"{task['problems']}.py"
    if not generator.is_file() or find(generator, "draw") is None:
        raise ConfigError(f"config: tasks.{name}.problems: no function draw in datasets/{task['problems']}.py")
    check_settings(f"tasks.{name}.draw", task.get("draw", {}), settings_of(generator, "draw"))
    if "dataset" in task:
        check_dataset(resolved, task["dataset"])


def check_settings(where, settings, known):
    """Raise `ConfigError` for a setting that isn't one of `known`, name to type, or whose value isn't of its type."""
    for name, value in settings.items():
        if name not in known:
            raise ConfigError(f"config: {where}: no setting {name!r} (there are {', '.join(known)})")
        if too_large(value) or not fits(value, known[name]):
            raise ConfigError(f"config: {where}.{name}: expected {known[name]}, got {value!r}")
        if isinstance(value, dict) and name in available("methods"):  # a method that has another inside
            check_settings(f"{where}.{name}", value, settings_of(source("methods", name), "__init__"))


def too_large(value):
    """Whether a whole number, or one of a list, is larger than what a job can have."""
    if isinstance(value, list):
        return any(map(too_large, value))
    return isinstance(value, int) and abs(value) > LARGEST
