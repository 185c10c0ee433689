"""A long table, as pandas users have it: a line an element, with columns that say of which sequence and at which time.

CSV, or Parquet where pandas can read it. Lines may come in any order: a sequence's go by time, numbers or ISO 8601, and
the sequences by their first line. The time orders the elements and is no value of theirs; all other columns are.
"""

import datetime
import math
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np

from .cells import MISSING, NUMBER, TOLD, as_number, one_number, table, told
from .fetch import DataError

COLUMNS = {"id": "id", "time": "time", "label": "label"}
WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)
TIMES = "a number, or 2024-05-01T12:00:00"


def read_table(path, columns, gaps):
    """Sequences, labels or None, and identifiers of a table.

    Parameters
    ----------
    path : Path
    columns : dict or None
        Names of the columns ``id``, ``time`` and ``label``, where those are other ones; None for what there isn't.
    gaps : Gaps

    Raises
    ------
    DataError
        For what can't be read, naming file, line and column.
    """
    found, place = read_parquet(path) if path.suffix.lower() == ".parquet" else read_columns(path)
    names = named(path, found, columns or {})
    owners = texts(found.pop(names["id"]), place)
    times = None if names["time"] is None else moments(found.pop(names["time"]), place)
    labels = None if names["label"] is None else texts(found.pop(names["label"]), place)
    if not found:
        raise DataError(f"{path}: no column of values beside {', '.join(filter(None, names.values()))}")
    values = np.stack([numbers(cells, name, place) for name, cells in found.items()], axis=1)
    lines = {}
    for line, owner in enumerate(owners):
        lines.setdefault(owner, []).append(line)
    if same := one_number(lines):
        where, elsewhere = place(lines[same[1]][0]), f"but {same[0]!r} stands elsewhere and is the same number"
        raise DataError(f"{where}: identifier {same[1]!r}, {elsewhere}; write them alike, or as words")
    arrays, classes = [], []
    for owner, own in lines.items():
        own = np.array(own) if times is None else in_order(own, times, place)
        cells = list(found.values())
        arrays.append(gaps.close(values[own], lambda i, column: place(own[i], column, cells[column][own[i]])))  # noqa: B023
        if labels and len({labels[line] for line in own}) > 1:
            other = next(line for line in own if labels[line] != labels[own[0]])
            raise DataError(f"{place(other)}: label {labels[other]!r}, but {owner} has {labels[own[0]]!r} elsewhere")
        classes.append(labels[own[0]] if labels else None)
    return arrays, classes if labels else None, list(lines)


def named(path, found, columns):
    """Name of the columns ``id``, ``time`` and ``label``; None for a label or a time that there isn't."""
    if unknown := sorted(set(columns) - set(COLUMNS)):
        raise DataError(f"columns: unknown {unknown[0]!r}, expected {', '.join(COLUMNS)}")
    for what, name in columns.items():
        if name is not None and not isinstance(name, str | int):
            raise DataError(f"columns: {what}: expected the name of a column, got {name!r}")
    names = COLUMNS | {what: name if name is None else str(name) for what, name in columns.items()}
    if names["label"] not in found and "label" not in columns:
        names["label"] = None
    given = [name for name in names.values() if name is not None]
    if twice := [name for name in given if given.count(name) > 1]:
        raise DataError(f"{path}: column {twice[0]!r} can be one of {', '.join(COLUMNS)} only")
    for what, name in names.items():
        if name not in found and not (name is None and what != "id"):
            there = f"{path}: there is no column {name!r} ({', '.join(found)})"
            order = "; columns: {time: null} takes the lines as they come" if what == "time" else ""
            raise DataError(
                f"{there}; a table of many sequences needs one for the {what}: columns: {{{what}: ...}}{order}"
            )
    return names


def read_columns(path):
    """Column name to cells of a CSV file with a heading, and the function that says where a line stands."""
    lines = table(path)
    if len(lines) < 2:
        raise DataError(f"{path}: expected a line of column names, and lines below it")
    (_, names), *lines = lines
    for column, name in enumerate(names, start=1):
        if not name:
            raise DataError(f"{path}, line 1, column {column}: {UNNAMED}")
        if names.count(name) > 1:
            raise DataError(f"{path}, line 1: two columns are called {name!r}")
    for number, cells in lines:
        if len(cells) != len(names):
            raise DataError(f"{path}, line {number}: {len(cells)} values, expected {len(names)}")

    def place(line, column=None, cell=None):
        where = f"{path}, line {lines[line][0]}"
        return where if cell is None else f"{where}, column {list(found)[column]}: {told(cell)}"

    found = {name: [cells[column] for _, cells in lines] for column, name in enumerate(names)}
    return found, place


UNNAMED = "a column without a name, as pandas writes its index; leave it out with index=False"


def read_parquet(path):
    """The same of a Parquet file; numbers stay arrays."""
    import pandas as pd  # takes a while, which other data sets need not pay

    try:
        frame = pd.read_parquet(path)
    except ImportError as error:
        raise DataError(f"{path}: reading Parquet needs pyarrow (pip install pyarrow); CSV needs nothing") from error
    except Exception as error:  # a broken file raises whatever its bytes lead to
        raise DataError(f"{path}: not a Parquet file that can be read ({error})") from error
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()

    def place(row, column=None, cell=None):
        return f"{path}, row {row}" + ("" if column is None else f", column {list(found)[column]}: an empty value")

    called = [str(name) for name in frame]
    if twice := [name for name in called if called.count(name) > 1]:
        raise DataError(f"{path}: two columns are called {twice[0]!r}")
    found = {str(name): frame[name].to_numpy() for name in frame}
    return found, place


def texts(cells, place):
    """Cells as text, none of them empty."""
    cells = [str(cell) for cell in cells]
    for line, cell in enumerate(cells):
        if cell.lower() in MISSING:
            raise DataError(f"{place(line)}: {told(cell)} where an identifier or a label is needed")
    return cells


def numbers(cells, name, place):
    """A column of values as floats, NaN where one is missing."""
    if getattr(cells, "dtype", np.dtype(object)).kind in "fiub":
        values = cells.astype(float)
        if np.isinf(values.astype(np.float32)).any():
            line = int(np.isinf(values.astype(np.float32)).argmax())
            raise DataError(f"{place(line)}, column {name}: {values[line]} is no finite number in float32")
        return values
    cells = ["" if cell is None else str(cell) for cell in cells]
    return np.array([as_number(cell, f"{place(line)}, column {name}") for line, cell in enumerate(cells)])


def moments(cells, place):
    """The times of all lines as numbers that can be compared."""
    kind = getattr(cells, "dtype", np.dtype(object)).kind
    if kind in "iu" or (kind in "fM" and np.isfinite(cells).all()):
        return cells.astype(np.int64) if kind == "M" else cells
    texts = list(map(str, cells))
    read = number if texts and NUMBER.fullmatch(texts[0]) else moment
    if all(map(WHOLE.fullmatch, texts)):
        read = int  # exact, whatever their size
    made = []
    for line, cell in enumerate(texts):
        try:
            made.append(read(cell))
        except (ValueError, ArithmeticError) as error:
            raise DataError(f"{place(line)}: {cell[:TOLD]!r} is no time: {TIMES}") from error
        if made[-1] == math.inf:
            raise DataError(f"{place(line)}: {cell[:TOLD]!r} is no finite time")
    return np.array(made, object)


def number(text):
    """A time that is a number, exactly, or infinity for one beyond float64; ``Decimal`` alone takes more than that."""
    if not NUMBER.fullmatch(text):
        raise ValueError(text)
    return Decimal(text) if math.isfinite(float(text)) else math.inf


def moment(text):
    """Microseconds since 1970 of a date or time in ISO 8601, exactly; UTC where no zone is said."""
    read = datetime.datetime.fromisoformat(text)
    read = read if read.tzinfo else read.replace(tzinfo=datetime.UTC)
    whole = (read - EPOCH) // datetime.timedelta(microseconds=1)
    beyond = re.search(r"[.,]\d{6}(\d+)", text)  # which datetime leaves out
    return whole + Fraction(f"0.{beyond[1]}") if beyond else whole


def in_order(lines, times, place):
    """The lines of one sequence by their times, no two of which may be equal."""
    own = times[lines]
    order = np.argsort(own, kind="stable")
    twice = np.flatnonzero(own[order][1:] == own[order][:-1])
    if len(twice):
        raise DataError(f"{place(lines[order[twice[0] + 1]])}: its sequence has that time already")
    return np.array(lines)[order]
