"""Files and jobs of the studies, from what each file of studies/ declares in its ``STUDY``; none is imported.

- ``raw``: data sets with a case each, which reads raw data.
- ``cases``: file of the study's folder that makes these, so that another text of the page makes none anew.
- ``readings``: which of the config's readings a study looks at: ``all``, ``first``, or those of a list that there are.
- ``method`` or ``section``: what a case on prepared data is given: a method's settings or a section of the config.
- ``records``: whose records the page reads: ``all`` or a method's name.
- ``writes``, ``draws``: files of the page, and its figures, which are a PNG and a PDF each.
"""

import ast
import functools

from runs.sources import ROOT, tree

from .jobs import ENDINGS, method_settings, record_files, score_files


@functools.cache
def sources():
    """Name to file of every study: ``<name>.py``, or ``__main__.py`` of the folder ``<name>``."""
    files = [*(ROOT / "studies").glob("*.py"), *(ROOT / "studies").glob("*/__main__.py")]
    found = {path.parent.name if path.stem == "__main__" else path.stem: path for path in sorted(files)}
    return {name: path for name, path in found.items() if assigned(path)}


def assigned(path):
    """``STUDY`` of a file; None without one."""
    lines = (line for line in tree(path).body if isinstance(line, ast.Assign))
    return next(
        (ast.literal_eval(line.value) for line in lines if getattr(line.targets[0], "id", None) == "STUDY"), None
    )


@functools.cache
def declared():
    """Name to ``STUDY`` of every study."""
    return {name: assigned(path) for name, path in sources().items()}


def case_source(study):
    """File that makes the cases of a study."""
    path = sources()[study]
    return path.with_name(declared()[study].get("cases", path.name))


def variants(study, readings):
    """Readings that the study looks at, name to resolved config, of all `readings`."""
    asked = declared()[study].get("readings", [])
    if asked == "first":
        return dict(list(readings.items())[:1])
    return {name: readings[name] for name in (readings if asked == "all" else asked) if name in readings}


def case_settings(study, resolved, dataset):
    """What a case on prepared data is given."""
    what = declared()[study]
    return method_settings(resolved, what["method"], dataset) if "method" in what else resolved[what["section"]]


def case_file(study, resolved, variant, dataset):
    """Where a case on prepared data lies."""
    return f"{resolved['results']}/{study}/{dataset}.{variant}.json"


def cases(study, readings, results):
    """Files of all cases of the page."""
    what = declared()[study]
    raw = [f"{results}/{study}/{dataset}.jsonl" for dataset in what.get("raw", [])]
    asked = variants(study, readings) if "method" in what else {}
    return raw + [
        case_file(study, resolved, variant, dataset)
        for variant, resolved in asked.items()
        for dataset in resolved["run"]["datasets"]
    ]


def records(study, resolved, reading):
    """Files of the records of one reading that the page reads."""
    whose = declared()[study].get("records")
    files = record_files(resolved, reading, split=0) if whose else []
    return files if whose == "all" else [file for file in files if file.rpartition("/")[2].startswith(f"{whose}-")]


def page_inputs(study, readings, results):
    """Cases, and records and data that the page reads."""
    files = cases(study, readings, results)
    for reading, resolved in variants(study, readings).items():
        if found := records(study, resolved, reading):
            folder = f"{resolved['results']}/{reading}/data"
            files += found + score_files(resolved, reading)
            files += [f"{folder}/{name}.{end}" for name in resolved["run"]["datasets"] for end in ENDINGS]
    return files


def page_files(study, results):
    """Files of the page."""
    what = declared()[study]
    names = what["writes"] + [f"{name}.{ending}" for name in what["draws"] for ending in ("png", "pdf")]
    return [f"{results}/{study}/{name}" for name in names]


def page_job(study, readings, results):
    """Config slice of the page: its cases, and folder and records of every reading."""
    parts = {}
    for reading, resolved in variants(study, readings).items():
        folder = f"{resolved['results']}/{reading}"
        files = [file.removeprefix(f"{folder}/") for file in records(study, resolved, reading)]
        parts[reading] = {"folder": folder, "files": files}
    selection = next(iter(readings.values()))["selection"]
    return {"selection": selection, "cases": cases(study, readings, results), "readings": parts}
