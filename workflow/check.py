"""What a method or one's own data must keep, checked outside the tests and said in plain words.

`check_method`, of `methods.contract`, and `check_data` give findings, pairs of what was looked at and what is wrong
with it, None where nothing is; `Note` is a finding that is no mistake but that its owner should know of.
"""

import contextlib
from collections import Counter
from pathlib import Path

import numpy as np

from datasets import own
from datasets.cells import Gaps
from datasets.fetch import DataError
from datasets.normalise import CONSTANT
from datasets.sequences import SPLITS
from datasets.storage import visible_files
from datasets.text import one_line
from methods.base import InvalidInput
from methods.contract import Note, check_method
from runs.sources import ROOT

from .catalogue import ConfigError, available, settings_of
from .validate import check_settings, common_settings

UNEVEN = 5.0  # so many times another's spread, or its own spread away from 0, and a dimension outweighs others
FEW = 10  # a class or training split smaller than that is worth a note


def check_data(path, settings=None):
    """Yield what is wrong with a user's data at `path`, read with these `settings`, else what they are."""
    path, settings = Path(path), own_settings(settings or {})
    problems = list(folder_problems(path, settings.get("missing", "refuse"))) if path.is_dir() else []
    if problems:
        yield from (("files", problem) for problem in problems)
        return
    try:
        loaded = own.read(path, **{"k": 1} | settings)
    except (ValueError, OSError) as error:
        yield "content", str(error)
        return
    data, lengths = loaded.sequences, loaded.sequences.lengths
    yield f"{len(data)} sequences of {data.dimensions} dimensions", None
    yield f"lengths {lengths.min()} to {lengths.max()}, median {np.median(lengths):g}; none is empty", None
    yield from ((f"{count} {what}", None) for what, count in loaded.notes.items())
    yield "no other missing and no infinite value" if loaded.notes else "no missing and no infinite value", None
    if loaded.classes:
        sizes = np.bincount(loaded.labels)
        yield f"{len(loaded.classes)} classes of {sizes.min()} to {sizes.max()} sequences", None
        rare = [name for name, size in zip(loaded.classes, sizes, strict=True) if size < FEW]
        if rare:
            yield "labels", Note(f"fewer than {FEW} sequences of class {', '.join(rare)}: hardly any will be tested")
    else:
        asked = "" if "k" in settings else "give k, a number of clusters or a list of them; "
        yield "no labels", Note(f"{asked}nothing is scored against labels")
    parts = np.bincount(data.split, minlength=len(SPLITS))
    if parts[1:].any():
        told = ", ".join(f"{count} {part}" for part, count in zip(SPLITS, parts, strict=True) if count)
        yield "official split", Note(f"{told}: kept with split: {{kind: official}}, else all are trained on and scored")
    yield from left_out(path)
    yield from scale_problems(data)
    yield from worth_knowing(loaded)


def own_settings(settings):
    """Those `settings` of one's own data that its reading needs; `InvalidInput` for what a config can't have."""
    if not isinstance(settings, dict):
        raise InvalidInput(f"--settings: expected names and values, as in {{missing: interpolate}}, got {settings!r}")
    known, beside = settings_of(ROOT / "datasets/own.py", "read") | {"k": "int or list of int"}, common_settings()
    del known["path"]  # which the command has already
    try:
        check_settings("settings", settings, known | beside)
    except ConfigError as error:
        raise InvalidInput(str(error).removeprefix("config: ")) from error
    wanted = {name: value for name, value in settings.items() if name not in beside}
    if isinstance(wanted.get("k"), list):
        wanted["k"] = max(wanted["k"], default=0)
    return wanted


def left_out(path):
    """Yield which files beside those that are read are not."""
    if others := own.left_out(path):
        yield "not read", Note(f"{len(others)} other files or folders there, the first: {others[0]}")
    elif other := own.other_part(path):
        yield "not read", Note(f"{other.name} beside it; the folder as path reads both")


def scale_problems(data):
    """Yield a note where one dimension would outweigh the others by its scale, or the padding by its offset."""
    values = data.values.astype(np.float64)
    means, spreads = values.mean(axis=0), values.std(axis=0)
    vary = spreads > CONSTANT * np.abs(values).max(axis=0)
    if not vary.any():
        return
    means, spreads, numbers = means[vary], spreads[vary], np.flatnonzero(vary) + 1
    wide, narrow, off = spreads.argmax(), spreads.argmin(), (np.abs(means) / spreads).argmax()
    told = []
    if (times := spreads[wide] / spreads[narrow]) > UNEVEN:
        told.append(f"column {numbers[wide]} spreads {times:.3g} times as far as {numbers[narrow]}")
    if abs(means[off]) > UNEVEN * spreads[off]:
        told.append(f"column {numbers[off]} lies around {means[off]:.3g} with a spread of {spreads[off]:.3g}")
    if told:
        yield "scale", Note(f"{' and '.join(told)}: add `normalise: all` (or `sequence`) beside path in the config")


def folder_problems(folder, missing):
    """Every file of a folder that can't be read, in one line each."""
    for file in visible_files(folder, ".csv"):
        if file.name.lower() != own.LABELS:
            try:
                own.check_file(file)
                own.read_csv(file, Gaps(missing))
            except DataError as error:
                yield str(error)


def worth_knowing(loaded):
    """Yield what is allowed but is often not meant."""
    data = loaded.sequences
    same = Counter(data[i].tobytes() for i in range(len(data)))
    copies = sum(count - 1 for count in same.values())
    if copies:
        first = next(i for i in range(len(data)) if same[data[i].tobytes()] > 1)
        yield "duplicates", Note(f"{copies} sequences are copies of others, the first: {loaded.identifiers[first]}")
    for column in range(data.dimensions):
        values = data.values[:, column]
        largest = np.abs(values).max()
        if largest > 1e18:
            yield f"column {column + 1}", Note(f"has values up to {largest:g}, whose squares overflow: a fill value?")
        if 0 < largest < 1e-19:
            yield f"column {column + 1}", Note(f"has values up to {largest:g}, whose squares are 0: take another unit")
        steps = np.diff(values)
        inside = np.ones(len(steps), bool)
        inside[data.offsets[1:-1] - 1] = False
        if np.ptp(values) == 0:
            yield f"column {column + 1}", Note(f"is {values[0]:g} everywhere and tells nothing")
        elif inside.any() and (steps[inside] > 0).all() and np.ptp(steps[inside]) < 1e-3 * steps[inside].mean():
            yield f"column {column + 1}", Note("counts up evenly in every sequence: an index or a time? leave it out")
    counting = np.arange(data.dimensions)
    if data.dimensions > 1 and all((data[i][0] == counting).all() for i in range(len(data))):
        yield "first line", Note(f"is 0 to {counting[-1]} in every sequence: column names? leave it out")


def check(what, settings=None):
    """Findings on a method, or on data with `settings` as in a config; `InvalidInput` for what is neither."""
    path = Path(what)
    python = path.suffix == ".py" and not path.is_dir()
    if method := in_project(what, "methods", python):
        return check_method(method)
    if path.exists() and not python:
        return check_data(what, settings)
    if (name := in_project(what, "datasets", python)) in available("datasets"):
        raise InvalidInput(f"{what}: a data set's file is checked by: pytest tests/contract/test_datasets.py -k {name}")
    raise InvalidInput(f"{what}: neither a file in methods/ ({', '.join(available('methods'))}) nor {own.FORMS}")


def in_project(what, folder, python):
    """Name of the file in a `folder` of the project that `what` names, or that it is if `python`; None for others."""
    name, folder = Path(what).stem if python else str(what), ROOT / folder
    there = name.isidentifier() and (folder / f"{name}.py").is_file()
    return name if there and (not python or Path(what).parent.resolve() == folder.resolve()) else None


def report(what, settings=None):
    """Print the findings on `what`, a line each; returns whether nothing is wrong."""
    fine = True
    with contextlib.closing(iter(check(what, settings))) as findings:
        for looked_at, problem in findings:
            verdict = "ok   " if problem is None else "note " if isinstance(problem, Note) else "WRONG"
            told = f"{looked_at}: {problem}" if problem else looked_at
            print(f"{verdict} {one_line(told)}", flush=True)
            fine &= verdict != "WRONG"
    return fine
