"""One's own data: a folder of CSV files, an ``.npz`` or a ``.ts`` file, named by ``datasets.<name>.path`` in a config.

- Folder: every ``*.csv`` is one sequence, an element a line, a dimension a column, with or without a line of column
  names; the file's name without ``.csv`` is the sequence's identifier. ``labels.csv``, which may be left out, has a
  line ``identifier,label`` for every sequence.
- ``.npz``: ``values`` (N, d), ``offsets`` (n + 1,): sequence i is ``values[offsets[i]:offsets[i + 1]]``; and, if
  wanted, ``labels`` (n,) and ``ids`` (n,), integers or strings.
- ``.ts``: the text format of sktime and of the UEA archive, one case a line, any number of channels and lengths.

Without identifiers a sequence is called by its place in the file, from 0. Nothing is guessed and nothing repaired: a
missing value, a line too short or an identifier without a label is refused in one line that names file and place.
aeon's reader of ``.ts`` files is not used, since it lets missing values through and doesn't name the line of a mistake.
"""

import csv
import hashlib
import math
import re
from pathlib import Path

import numpy as np

from .fetch import DataError, Loaded, file_sha256
from .sequences import UNKNOWN, Sequences
from .storage import read_arrays, visible_files

LABELS = "labels.csv"


def read(path, *, k=None):
    """Read a user's data.

    Parameters
    ----------
    path : str or Path
        A folder, or a file that ends in ``.npz`` or ``.ts``.
    k : int, optional
        Number of clusters; that of the labels when left out.

    Returns
    -------
    Loaded
        With ``identifiers``; without labels there are no classes.

    Raises
    ------
    DataError
        For a path that isn't there or of no known form, for content that is wrong, and for no `k` without labels.
    """
    path = Path(path)
    reader = read_folder if path.is_dir() else {".npz": read_npz, ".ts": read_ts}.get(path.suffix.lower())
    if reader is None or not path.exists():
        raise DataError(f"{path}: expected a folder of CSV files, or a file ending in .npz or .ts")
    arrays, labels, identifiers = reader(path)
    try:
        sequences = arrays if isinstance(arrays, Sequences) else Sequences.from_list(arrays)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    if len(sequences) < 2:
        raise DataError(f"{path}: one sequence only; each file of a folder, or line of a .ts file, is a sequence")
    classes = class_names(labels or ())
    if not classes and k is None:
        raise DataError(
            f"{path}: there are no labels, so the number of clusters must be given: k: 5, or k: [2, 3, 4, 5] to compare"
        )
    number = {name: i for i, name in enumerate(classes)}
    known = [number[label] for label in labels] if classes else np.full(len(sequences), UNKNOWN)
    identifiers = tuple(identifiers or map(str, range(len(sequences))))
    if len(set(identifiers)) < len(identifiers):
        twice = next(name for name in identifiers if identifiers.count(name) > 1)
        raise DataError(f"{path}: identifier {twice!r} is there twice")
    return Loaded(sequences, known, classes, {}, identifiers)


def digest(path):
    """SHA-256 over the names and contents of the files that are read, in the layout of ``sha256sum``."""
    files = visible_files(path, ".csv") if Path(path).is_dir() else [Path(path)]
    lines = "".join(f"{file_sha256(file)}  {file.name}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def class_names(labels):
    """Distinct labels, sorted: by value where all of them are numbers."""
    names = sorted(set(labels))
    try:
        return tuple(sorted(names, key=float))
    except ValueError:
        return tuple(names)


def read_folder(folder):
    """Sequences, labels (None without ``labels.csv``) and identifiers of a folder of CSV files."""
    files = [file for file in visible_files(folder, ".csv") if file.name != LABELS]
    if not files:
        raise DataError(
            f"{folder}: there is no .csv file (lower case, in no folder below); every sequence is a file of its own"
        )
    arrays, header = [], None
    for file in files:
        array, names = read_csv(file)
        if arrays and array.shape[1] != arrays[0].shape[1]:
            raise DataError(f"{file}: {array.shape[1]} columns, but {files[0].name} has {arrays[0].shape[1]}")
        if arrays and names != header:
            raise DataError(
                f"{file}: {told_names(names)}, but {files[0].name} has {told_names(header)}; all files must have the"
                " same"
            )
        header = names
        arrays.append(array)
    identifiers = [file.stem for file in files]
    labels = read_labels(folder / LABELS, identifiers) if (folder / LABELS).exists() else None
    return arrays, labels, identifiers


def read_csv(file):
    """Elements of one sequence, shape (length, d), and the column names, None without such a line."""
    lines = table(file)
    names = None
    if lines and not any(map(is_number, lines[0][1])):
        names = lines.pop(0)[1]
    if not lines:
        raise DataError(f"{file}: no elements; a sequence has at least one line of numbers")
    for number, cells in lines:
        if len(cells) != len(names or lines[0][1]):
            raise DataError(f"{file}, line {number}: {len(cells)} values, expected {len(names or lines[0][1])}")
        for column, cell in enumerate(cells, start=1):
            as_number(cell, f"{file}, line {number}, column {column}")
    return np.array([cells for _, cells in lines], dtype=np.float32), names


def told_names(names):
    """Column names as a message says them."""
    return f"the column names {', '.join(names)}" if names else "no column names"


def read_labels(file, identifiers):
    """Label of every sequence, in the order of `identifiers`."""
    lines = table(file)
    if lines and lines[0][1] == ["identifier", "label"]:
        lines.pop(0)
    labels, known = {}, set(identifiers)
    for number, cells in lines:
        if len(cells) != 2 or not all(cells):
            raise DataError(f"{file}, line {number}: expected identifier,label")
        identifier, label = cells
        if identifier not in known:
            raise DataError(
                f"{file}, line {number}: {identifier!r} is no sequence; expected a file's name without .csv, or the"
                " heading identifier,label"
            )
        if identifier in labels:
            raise DataError(f"{file}, line {number}: {identifier} has a label already")
        labels[identifier] = label
    missing = [identifier for identifier in identifiers if identifier not in labels]
    if missing:
        raise DataError(
            f"{file}: no label for {missing[0]}" + (f" and {len(missing) - 1} others" if missing[1:] else "")
        )
    return [labels[identifier] for identifier in identifiers]


def table(file):
    """(line number, cells) of a CSV file's lines, blank ones left out."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(cells)]
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{file}: not a CSV file in UTF-8 ({error})") from error


def is_number(cell):
    """Whether a cell can't be the name of a column: it is a number, finite or not, or empty."""
    try:
        float(cell)
    except ValueError:
        return not cell
    return True


def as_number(cell, where):
    """A finite number that float32 can hold, or `DataError` that says where."""
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not abs(value) <= float(np.finfo(np.float32).max):
        if re.search(r"[;\s]", cell):
            raise DataError(
                f"{where}: {cell!r} is no number; separate values by commas, and write decimals with a point"
            )
        told = f"{cell!r} is no finite number in float32" if cell else "an empty value"
        raise DataError(f"{where}: {told}; fill or leave out missing values yourself")
    return value


def read_npz(path):
    """Sequences, labels and identifiers (None for what there isn't) of an ``.npz``."""
    arrays = read_arrays(path)
    unknown = sorted(arrays.keys() - {"values", "offsets", "labels", "ids"})
    missing = sorted({"values", "offsets"} - arrays.keys())
    if missing or unknown:
        what = f"{missing[0]} is missing" if missing else f"unknown array {unknown[0]}"
        raise DataError(f"{path}: {what}; expected values, offsets and, if wanted, labels and ids")
    values, offsets = arrays["values"], arrays["offsets"]
    if values.dtype.kind not in "fiu" or offsets.dtype.kind not in "iu":
        raise DataError(f"{path}: values ({values.dtype}) must be numbers and offsets ({offsets.dtype}) integers")
    try:
        with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite and is refused as such
            sequences = Sequences(values[:, None] if values.ndim == 1 else values, offsets)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    if not len(sequences):
        raise DataError(f"{path}: there are no sequences")
    for name in ("labels", "ids"):
        if name in arrays and (arrays[name].shape != (len(sequences),) or arrays[name].dtype.kind not in "iuU"):
            raise DataError(
                f"{path}: {name}: expected {len(sequences)} integers or strings, got shape {arrays[name].shape} of"
                f" {arrays[name].dtype}"
            )
    return sequences, *([str(x) for x in arrays[name]] if name in arrays else None for name in ("labels", "ids"))


def read_ts(path):
    """Sequences, labels (None without) and None, as there are no identifiers, of a ``.ts`` file."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file in UTF-8 ({error})") from error
    header, body = {}, None
    for number, line in enumerate(lines, start=1):
        key, *values = line.split() or [""]
        if key.lower() == "@data":
            body = number
            break
        if key.startswith("@"):
            header[key.lower()] = values
        elif key and not key.startswith("#"):
            raise DataError(f"{path}, line {number}: expected a line that starts with @ or #, or @data")
    if body is None:
        raise DataError(f"{path}: there is no line @data")
    for key, why in (("@timestamps", "time stamps"), ("@targetlabel", "a number to predict for each sequence")):
        if header.get(key, ["false"])[0].lower() == "true":
            raise DataError(f"{path}: {key}: files with {why} can't be read")
    labelled, *allowed = header.get("@classlabel", ["false"])
    labelled = labelled.lower() == "true"
    channels = int(header["@dimensions"][0]) if header.get("@dimensions", [""])[0].isdigit() else None
    if header.get("@univariate", ["false"])[0].lower() == "true":
        channels = 1
    arrays, labels = [], []
    for number, line in enumerate(lines[body:], start=body + 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        parts = line.split(":")
        if labelled:
            labels.append(parts.pop().strip())
            if labels[-1] not in allowed:
                raise DataError(f"{where}: label {labels[-1]!r} is not in @classLabel ({', '.join(allowed)})")
        channels = channels or len(parts)
        if len(parts) != channels:
            raise DataError(f"{where}: {len(parts)} channels, expected {channels}")
        rows = [
            [as_number(cell.strip(), f"{where}, channel {channel}") for cell in part.split(",")]
            for channel, part in enumerate(parts, start=1)
        ]
        lengths = sorted({len(row) for row in rows})
        if len(lengths) > 1:
            raise DataError(f"{where}: channels of {lengths[0]} to {lengths[-1]} values, all must be of one length")
        arrays.append(np.array(rows, dtype=np.float32).T)
    if not arrays:
        raise DataError(f"{path}: no sequence follows @data")
    return arrays, labels if labelled else None, None
