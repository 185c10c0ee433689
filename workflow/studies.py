"""Files and jobs of the studies, from what each file of studies/ declares in its ``STUDY``; none is imported.

- ``raw``: data sets with a case each, which reads raw data.
- ``cases``: file of the study's folder that makes these, so that another text of the page makes none anew.
- ``readings``: the study lays readings side by side, ``all`` of the config's.
- ``rows``: it lays rows of the first reading side by side: those of a list that there are, or as ``variants`` the last
  row of the config, which the others are compared with, and all others of the same method.
- ``case``: what a case on prepared data is given: its row's ``settings``, a section of the config, or the ``search`` of
  a row's settings.
- ``records``: whether the page reads records: a reading's, or a row's.
- ``writes``, ``draws``: files of the page, and its figures, which are a PNG and a PDF each.
"""

import ast
import functools
import json
import shlex
from typing import NamedTuple

from runs.sources import ROOT

from .catalogue import assigned
from .jobs import ENDINGS, control_rows, jobs, methods, record_files, run_limit, score_files
from .rows import algorithm, described, method_settings


class Variant(NamedTuple):
    """What a study lays beside others: a reading, or one of its rows."""

    reading: str
    resolved: dict
    row: str | None = None

    @property
    def folder(self):
        """Where the reading's data and records lie."""
        return f"{self.resolved['results']}/{self.reading}"

    def data(self, dataset):
        """Files of a prepared data set."""
        return [f"{self.folder}/data/{dataset}.{ending}" for ending in ENDINGS]


@functools.cache
def sources():
    """Name to file of every study: ``<name>.py``, or ``__main__.py`` of the folder ``<name>``."""
    files = [*(ROOT / "studies").glob("*.py"), *(ROOT / "studies").glob("*/__main__.py")]
    found = {path.parent.name if path.stem == "__main__" else path.stem: path for path in sorted(files)}
    return {name: path for name, path in found.items() if assigned(path, "STUDY")}


@functools.cache
def declared():
    """Name to ``STUDY`` of every study."""
    return {name: ast.literal_eval(assigned(path, "STUDY")) for name, path in sources().items()}


def case_source(study):
    """File that makes the cases of a study."""
    path = sources()[study]
    return path.with_name(declared()[study].get("cases", path.name))


def variants(study, readings):
    """Name to `Variant` of all that the study looks at; `readings` is name to resolved config."""
    what, (first, resolved) = declared()[study], next(iter(readings.items()))
    if what.get("readings") == "all":
        return {name: Variant(name, own) for name, own in readings.items()}
    asked = what.get("rows", [])
    rows = side_by_side(resolved) if asked == "variants" else asked
    return {row: Variant(first, resolved, row) for row in rows if row in resolved["run"]["methods"]}


def side_by_side(resolved):
    """The last row of the config, and then all others of its method."""
    *others, last = resolved["run"]["methods"]
    return [last, *(row for row in others if algorithm(resolved, row) == algorithm(resolved, last))]


def case_settings(study, variant, dataset):
    """What a case on prepared data is given."""
    what = declared()[study]["case"]
    if what == "search":
        return search_job(variant, dataset)
    return method_settings(variant.resolved, variant.row, dataset) if what == "settings" else variant.resolved[what]


def search_job(variant, dataset):
    """What the search of a row's settings on a data set needs to know: its budget, its inputs, what it starts from."""
    resolved, row = variant.resolved, variant.row
    inputs = next(inputs for of, method, inputs, _ in jobs(resolved) if (of, method) == (dataset, row))
    return resolved["search"] | {
        "core_hours": resolved["search"]["core_hours"][row],
        "datasets": len(resolved["run"]["datasets"]),
        "inputs": inputs.split("-"),
        "algorithm": algorithm(resolved, row),
        "settings": method_settings(resolved, row, dataset),
        "time_limit": run_limit(resolved, row),
    }


def cases(study, readings, results):
    """Files of all cases of the page."""
    what = declared()[study]
    asked = variants(study, readings) if "case" in what else {}
    return [f"{results}/{study}/{dataset}.jsonl" for dataset in what.get("raw", [])] + [
        f"{results}/{study}/{dataset}.{name}.json"
        for name, variant in asked.items()
        for dataset in variant.resolved["run"]["datasets"]
    ]


def records(study, variant):
    """Files of the records of one variant that the page reads: those on the first split, of a row no control's."""
    files = record_files(variant.resolved, variant.reading, split=0) if declared()[study].get("records") else []
    if variant.row is None:
        return files
    apart = tuple(f"{method}-{how}." for method, how in control_rows(variant.resolved))
    names = {file: file.rpartition("/")[2] for file in files}
    return [file for file in files if names[file].startswith(f"{variant.row}-") and not names[file].startswith(apart)]


def page_inputs(study, readings, results):
    """Cases, and records and data that the page reads."""
    files = cases(study, readings, results)
    for variant in variants(study, readings).values():
        if found := records(study, variant):
            files += found + score_files(variant.resolved, variant.reading)
            files += [file for dataset in variant.resolved["run"]["datasets"] for file in variant.data(dataset)]
    return list(dict.fromkeys(files))


def page_files(study, results):
    """Files of the page."""
    what = declared()[study]
    names = what["writes"] + [f"{name}.{ending}" for name in what["draws"] for ending in ("png", "pdf")]
    return [f"{results}/{study}/{name}" for name in names]


def page_job(study, readings, results):
    """Config slice of the page: its cases, and folder, records and row of every variant."""
    parts = {}
    for name, variant in variants(study, readings).items():
        files = [file.removeprefix(f"{variant.folder}/") for file in records(study, variant)]
        parts[name] = {"folder": variant.folder, "files": files} | rows_of(variant)
    first = next(iter(readings.values()))
    said = {name: first[name] for name in ("selection", "scored", "published")}
    return said | {"cases": cases(study, readings, results), "variants": parts}


def rows_of(variant):
    """What the page is told of a row, or of all rows of a reading: which are controls, and which data sets are kin."""
    if variant.row:
        return {"row": described(variant.resolved, variant.row)}
    told = {row: described(variant.resolved, row) for row in methods(variant.resolved)}
    return {"rows": told, "controls": control_rows(variant.resolved), "families": variant.resolved["families"]}


def page_argument(study, readings, results):
    """The job as words of a command, by way of standard input; none where all cases are of raw data."""
    if "raw" in declared()[study]:
        return ""
    return f"--job - <<< {shlex.quote(json.dumps(page_job(study, readings, results)))}"
