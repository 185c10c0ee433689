"""Cells of text files as numbers: what is one, what is a missing value, and where it stands."""

import csv
import re
from decimal import Decimal

import numpy as np

from .fetch import DataError, choose

MISSING = ("", "?", "na", "n/a", "<na>", "nan", "null", "none")  # upper and lower case aside
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]\d{1,3})?", re.ASCII | re.IGNORECASE)  # 1e1 may be in base 16
LARGEST = float(np.finfo(np.float32).max)
LOST, ALIKE = 0.01, 1e-15  # of a column's spread, and of its largest value
TOLD = 40  # characters of a cell in a message


def as_number(cell, where):
    """The number in a cell, NaN where it is missing; `DataError` that says where for anything else.

    Python's own ``float`` takes ``12_5`` and the digits of any script, which no file means.
    """
    if cell.lower() in MISSING:
        return np.nan
    if NUMBER.fullmatch(cell) and abs(float(cell)) <= LARGEST:
        return float(cell)
    if re.search(r"[;\s]", cell):
        remedy = "separate values by commas, and write decimals with a point"
        raise DataError(f"{where}: {cell[:TOLD]!r} is no number; {remedy}")
    remedy = "write decimals with a point, and a missing value as nothing or nan"
    raise DataError(f"{where}: {cell[:TOLD]!r} is no finite number in float32; {remedy}")


def one_number(names):
    """The first two of several different names that are one number, such as ``1`` and ``1.0``; None without such."""
    seen = {}
    for name in names:
        if PLAIN.fullmatch(name) and (first := seen.setdefault(Decimal(name), name)) != name:
            return first, name
    return None


def told(cell):
    """What a message says of a cell without a value."""
    return f"{cell[:TOLD]!r} is no finite number" if cell else "an empty value"


def is_number(cell):
    """Whether a cell can't be the name of a column: it is a number, finite or not, or a missing value."""
    try:
        float(cell)
    except ValueError:
        return cell.lower() in MISSING
    return True


def refuse_lost(path, values):
    """Raise `DataError` for a column whose values lie so close together that float32 can't tell them apart.

    Parameters
    ----------
    values : ndarray of shape (N, d)
        As they were read; NaN where one is missing.
    """
    exact = values.astype(np.longdouble)
    lost, spread = np.nanmax(np.abs(exact - values.astype(np.float32)), axis=0), np.nanstd(exact, axis=0)
    # A column that is constant but for the arithmetic of whoever wrote it is taken as constant.
    same = 0 if values.dtype.kind in "iu" else ALIKE * np.nanmax(np.abs(exact), axis=0)
    for column in np.flatnonzero((spread > same) & (lost > LOST * spread)):
        raise DataError(
            f"{path}: column {column + 1}: values around {np.nanmean(exact[:, column]):.6g} that differ by about"
            f" {spread[column]:.3g}, which float32 can't hold; subtract an offset from them"
        )


def table(file):
    """(line number, cells) of a CSV file's lines; a blank line has no cells, and those at the end are left out."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{file}: not a CSV file in UTF-8 ({error})") from error
    while lines and not lines[-1][1]:
        lines.pop()
    return lines


def read_text(file):
    """Lines of a text file in UTF-8, in which comments, lines that begin with ``#``, may be in any encoding."""
    lines = file.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            yield number, line.decode(errors="replace" if line.startswith(b"#") else "strict")
        except UnicodeDecodeError as error:
            raise DataError(f"{file}, line {number}: not a text file in UTF-8 ({error})") from error


class Gaps:
    """What becomes of missing values: those at the end of a sequence are its end, others are refused or interpolated.

    Parameters
    ----------
    missing : {"refuse", "interpolate"}
        Interpolated linearly between the neighbours in their column; before the first value and after the last one,
        the nearest.

    Attributes
    ----------
    notes : dict of str to int
        How much of either there was, for the sheet.
    """

    def __init__(self, missing="refuse"):
        choose("own data", "missing", missing, ("refuse", "interpolate"))
        self.missing, self.notes = missing, {}

    def close(self, values, place):
        """A sequence without missing values.

        Parameters
        ----------
        values : ndarray of shape (length, d)
            NaN where a value is missing.
        place : callable
            Where an element and column stand in a file, and what is there, as a message says it.

        Returns
        -------
        ndarray of shape (at most length, d)

        Raises
        ------
        DataError
            For a missing value that isn't the end, and for a column without any value.
        """
        there = ~np.isnan(values)
        if there.all():
            return values
        if empty := np.flatnonzero(~there.any(axis=0)).tolist():
            whole = "no value at all" if len(empty) == values.shape[1] else f"no value in column {empty[0] + 1}"
            raise DataError(f"{place(0, empty[0])}, and there is {whole} in this sequence")
        length = int(np.flatnonzero(there.any(axis=1))[-1]) + 1
        self._note("sequences that end before missing values", int(length < len(values)))
        values, there = values[:length], there[:length]
        gaps = np.argwhere(~there)
        if len(gaps) and self.missing == "refuse":
            raise DataError(f"{place(*gaps[0])}; fill it in, or set missing: interpolate")
        self._note("missing values that are interpolated", len(gaps))
        moments = np.arange(length)
        columns = [
            np.interp(moments, moments[known], column[known]) for column, known in zip(values.T, there.T, strict=True)
        ]
        return np.stack(columns, axis=1)

    def _note(self, what, count):
        if count:
            self.notes[what] = self.notes.get(what, 0) + count
