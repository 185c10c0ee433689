"""Which settings stand behind a report, and where the value of each is from: config/sources.yaml."""

import importlib
import inspect
from pathlib import Path

import pandas as pd

from datasets.strict_yaml import read_yaml
from methods.base import load_method
from runs.sources import HARNESS

SOURCES = Path(__file__).parents[1] / "config" / "sources.yaml"


def defaults(function):
    """Settings of a method's class or of a function, and their defaults, without what the harness gives."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.name not in HARNESS and p.default is not p.empty}


def settings_of_rows(job, sheets):
    """Settings of every data set and row that ran, defaults included."""
    used = {f"datasets.{name}": sheet["settings"] for name, sheet in sheets.items()}
    for row, said in job["methods"].items():
        used[f"methods.{row}"] = defaults(load_method(said["algorithm"])) | said["settings"]
        used |= {f"methods.{row}, {dataset}": settings for dataset, settings in said["datasets"].items()}
    return used


def draw_of(task):
    """The function that draws the problems of a supervised task."""
    return importlib.import_module(f"datasets.{task['problems']}").draw


def settings_of_tasks(tasks):
    """Settings that the config makes for supervised tasks, and the defaults of their methods and problems."""
    used = {}
    for task in tasks.values():
        used[f"methods.{task['method']}"] = defaults(load_method(task["method"]))
        used[f"datasets.{task['problems']}"] = defaults(draw_of(task))
    for name, task in tasks.items():
        used[f"tasks.{name}"] = task["sizes"] | task.get("draw", {}) | task.get("settings", {})
    return used


def sources_of(methods):
    """config/sources.yaml; what a row has from its method has the method's source, unless the file says another."""
    sources = read_yaml(SOURCES)
    for row, said in methods.items():
        inherited = sources.get(f"methods.{said['algorithm']}", {}).items()
        inherited = {name: source for name, source in inherited if name not in said["own"]}
        sources[f"methods.{row}"] = inherited | sources.get(f"methods.{row}", {})
    return sources


def settings_table(used, sources):
    """Settings with their source.

    Parameters
    ----------
    used : dict
        ``datasets.<name>`` and ``methods.<name>`` to the settings of the runs, defaults included.
    sources : dict
        The same keys to setting to ``{source, reason}``, as `sources_of` gives it.

    Returns
    -------
    DataFrame of str
    """
    rows = []
    for owner, settings in used.items():
        for setting, value in settings.items():
            # What is said of a method holds for its settings on one data set, unless these have an entry of their own.
            known = sources.get(owner.partition(", ")[0], {}) | sources.get(owner, {})
            said = known.get(setting, {"source": "own choice", "reason": ""})
            rows.append(
                {"of": owner, "setting": setting, "value": str(value), "source": said["source"], "why": said["reason"]}
            )
    return pd.DataFrame(rows)
