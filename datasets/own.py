"""One's own data: a folder, an archive or a file, named by ``datasets.<name>.path`` in a config.

- Folder: every ``*.csv`` is one sequence, an element a line, a dimension a column, with or without a line of column
  names; the file's name without ``.csv`` is the sequence's identifier. ``labels.csv``, which may be left out, has a
  line ``identifier,label`` for every sequence.
- Folder with ``<Name>_TRAIN`` and ``<Name>_TEST``, as the UCR and UEA archives have them, and their ``.ts`` and
  ``.tsv`` files alone: see `datasets.ts`. ``split: {kind: official}`` keeps the two parts.
- ``.csv`` or ``.parquet``: a long table with columns ``id`` and ``time``, see `datasets.long_table`.
- ``.npz``: ``values`` (N, d), ``offsets`` (n + 1,): sequence i is ``values[offsets[i]:offsets[i + 1]]``; and, if
  wanted, ``labels`` (n,) and ``ids`` (n,), integers or strings. Or a padded array ``X``, see
  `datasets.arrays.as_sequences`, and, if wanted, ``y`` and ``ids``.
- ``.zip``, ``.tar``, ``.tar.gz``, ``.tar.bz2``, ``.tar.xz``: any of these, packed; or a file alone, ``.csv.gz`` say.

Without identifiers a sequence is called by its place in the file, from 0. Nothing is guessed and no line dropped: what
can't be read is refused in one line that names file and place. Missing values at the end of a sequence are its end.
"""

import hashlib
import os
import re
import tempfile
import unicodedata
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .cells import MISSING, Gaps, as_number, is_number, one_number, refuse_lost, table, told
from .fetch import Archive, DataError, Loaded, file_sha256, unpack
from .long_table import UNNAMED, read_table
from .npz import read_npz
from .sequences import UNKNOWN, Sequences
from .storage import visible_files
from .ts import PARTS, pair, read_case_file, read_pair

LABELS = "labels.csv"
PACKED = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz")
LARGEST = 20_000_000_000  # bytes that an archive may unpack to
FORMS = "a folder of CSV files, or of <Name>_TRAIN and <Name>_TEST, or a file ending in .csv, .parquet, .npz, .ts, .tsv"


class Found(NamedTuple):
    """What a reader gives: `sequences` (a list of array, or `Sequences`), and None for what there isn't."""

    sequences: list | Sequences
    labels: list | None = None
    identifiers: list | None = None
    split: np.ndarray | None = None


def read(path, *, k=None, missing="refuse", columns=None):
    """Read a user's data.

    Parameters
    ----------
    path : str or Path
        See above.
    k : int, optional
        Number of clusters; that of the labels when left out.
    missing : {"refuse", "interpolate"}
        What becomes of a missing value before the end of a sequence: an error that names its place, or a value on the
        line between its neighbours.
    columns : dict, optional
        Of a table: names of its columns ``id``, ``time`` and ``label`` where they are called otherwise, None for a time
        or a label that there isn't.

    Returns
    -------
    Loaded
        With ``identifiers``; without labels there are no classes.

    Raises
    ------
    DataError
        For a path that isn't there or of no known form, for content that is wrong, for no `k` without labels, and for
        more clusters than sequences.
    """
    path, gaps = Path(path), Gaps(missing)
    if not os.path.exists(path):  # noqa: PTH110 - Path's own fails for a name that is too long
        raise DataError(f"{path}: expected {FORMS}, but nothing is there")
    for file in files(path):
        check_file(file)
    found = read_packed(path, columns, gaps) if is_packed(path) else read_form(path, columns, gaps)
    if columns and not is_packed(path) and path.suffix.lower() not in (".csv", ".parquet"):
        raise DataError(f"{path}: columns are for a table in .csv or .parquet")
    try:
        sequences = found.sequences
        if not isinstance(sequences, Sequences):
            sequences = Sequences.from_list(sequences, found.split)
            refuse_lost(path, np.concatenate(found.sequences))
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    if len(sequences) < 2:
        raise DataError(
            f"{path}: one sequence only; each file of a folder, line of a .ts file or id of a table is a sequence, and"
            " a table is given by its own path"
        )
    identifiers = tuple(map(composed, found.identifiers or map(str, range(len(sequences)))))
    labels = list(map(composed, found.labels or ()))
    for name in dict.fromkeys((*identifiers, *labels)):
        check_text(path, name)
    for identifier, label in zip(identifiers, labels, strict=bool(labels)):
        if label.lower() in MISSING:
            raise DataError(
                f"{path}: {label!r} as the label of {identifier!r} is how a missing one is written; give it a label, or"
                " call the class otherwise"
            )
    if len(set(identifiers)) < len(identifiers):
        seen = set()
        twice = next(name for name in identifiers if name in seen or seen.add(name))
        raise DataError(f"{path}: identifier {twice!r} is there twice")
    classes = class_names(labels)
    if not classes and k is None:
        raise DataError(
            f"{path}: there are no labels, so the number of clusters must be given: k: 5, or k: [2, 3, 4, 5] to compare"
        )
    if len(classes) == 1:
        raise DataError(f"{path}: all labels are {classes[0]!r}, which says nothing; leave them out, and give k")
    if same := one_number(classes):
        raise DataError(f"{path}: labels {same[0]!r} and {same[1]!r} are one number; write them alike, or as words")
    if k is not None and not 1 <= k <= len(sequences):
        raise DataError(f"{path}: k: {k}: expected 1 to the number of sequences, {len(sequences)}")
    number = {name: i for i, name in enumerate(classes)}
    known = [number[label] for label in labels] if classes else np.full(len(sequences), UNKNOWN)
    return Loaded(sequences, known, classes, gaps.notes, identifiers)


def check_file(file):
    """Raise `DataError` for what can't be read as a file, so that no sequence is left out or waited for."""
    if not file.is_file():
        raise DataError(f"{file}: {'a link to nowhere' if file.is_symlink() else 'no regular file'}; put a file there")


def composed(text):
    """Text whose accents are one character with their letter, as most write it; some file systems part the two."""
    return unicodedata.normalize("NFC", text)


def check_text(path, name):
    """Raise `DataError` for an identifier or label that no text file can hold, or that can't be seen."""
    if not name.strip():
        raise DataError(f"{path}: {name!r} is an identifier or a label; it must have letters or digits")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"{path}: {name!r} is no text in UTF-8; rename it") from error


def read_form(path, columns, gaps):
    """What is at a path that is no archive."""
    readers = {
        ".npz": lambda: read_npz(path, gaps),
        ".ts": lambda: read_case_file(path, gaps),
        ".tsv": lambda: read_case_file(path, gaps),
        ".csv": lambda: read_table(path, columns, gaps),
        ".parquet": lambda: read_table(path, columns, gaps),
    }
    if path.is_dir():
        return read_folder(path, gaps)
    if path.suffix.lower() not in readers:
        raise DataError(f"{path}: expected {FORMS}, or one of these in {', '.join(PACKED)}")
    return Found(*readers[path.suffix.lower()]())


def is_packed(path):
    """Whether a path is an archive by its name."""
    return not path.is_dir() and path.name.lower().endswith(PACKED)


def read_packed(path, columns, gaps):
    """What is in an archive: its one file, or its folder, which may have others around it."""
    with tempfile.TemporaryDirectory() as temporary:
        inside = Path(temporary, "x")
        inside.mkdir()
        try:
            unpack(Archive("own", path.name, folders=(".",), limit=LARGEST), path, inside)
        except Exception as error:  # a broken archive raises whatever its bytes lead to
            raise DataError(f"{path}: cannot be unpacked ({error})".replace(f"{inside}/", "")) from error
        place = inside
        while len(kept := [item for item in place.iterdir() if not item.name.startswith((".", "__MACOSX"))]) == 1:
            place = kept[0]
            if place.is_file():
                break
        try:
            found = read_form(place, columns, gaps)
        except DataError as error:
            raise DataError(str(error).replace(str(inside), str(path))) from error
        if others := left_out(place):
            gaps.notes[f"other files or folders in it that are not read, the first: {others[0]}"] = len(others)
        return found


def files(path):
    """Files that are read of the data at `path`."""
    path = Path(path)
    if not path.is_dir():
        return [path]
    return visible_files(path, ".csv") or [*(pair(path) or {}).values()]


def left_out(folder):
    """Names of what is in a folder beside the files that are read, hidden ones aside; none for a file."""
    read, there = files(folder), folder.iterdir() if folder.is_dir() else ()
    return sorted(item.name for item in there if item not in read and not item.name.startswith((".", "__MACOSX")))


def other_part(path):
    """The test set beside an archive's training set, or the other way round; None where there is none."""
    if named := re.fullmatch(r"(.+)_(TRAIN|TEST)", path.stem):
        part = {"TRAIN": "TEST", "TEST": "TRAIN"}[named[2]]
        other = path.with_name(f"{named[1]}_{part}{path.suffix}")
        return other if other.exists() else None
    return None


def digest(path):
    """SHA-256 over the names and contents of the files that are read, in the layout of ``sha256sum``."""
    lines = "".join(f"{file_sha256(file)}  {file.name}\n" for file in files(path))
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()


def class_names(labels):
    """Distinct labels, sorted: by value where all of them are numbers."""
    names = sorted(set(labels))
    try:
        return tuple(sorted(names, key=float))
    except ValueError:
        return tuple(names)


def read_folder(folder, gaps):
    """What is in a folder of CSV files, or of an archive's training and test set."""
    own = [file for file in visible_files(folder, ".csv") if file.name.lower() != LABELS]
    if not own:
        if parts := pair(folder):
            arrays, labels, split = read_pair(parts, gaps)
            names = [f"{part} {i}" for part, number in PARTS.items() for i in range(int((split == number).sum()))]
            return Found(arrays, labels, names, split)
        raise DataError(
            f"{folder}: there is no .csv file in it (folders below aren't read), and no <Name>_TRAIN beside <Name>_TEST"
            " in .ts or .tsv; every .csv is a sequence of its own"
        )
    arrays, header = [], None
    for file in own:
        array, names = read_csv(file, gaps)
        if arrays and array.shape[1] != arrays[0].shape[1]:
            raise DataError(f"{file}: {array.shape[1]} columns, but {own[0].name} has {arrays[0].shape[1]}")
        if arrays and names != header:
            raise DataError(
                f"{file}: {told_names(names)}, but {own[0].name} has {told_names(header)}; all files must have the same"
            )
        header = names
        arrays.append(array)
    identifiers = [composed(file.stem) for file in own]
    known = [file for file in visible_files(folder, ".csv") if file.name.lower() == LABELS]
    if known[1:]:
        raise DataError(f"{folder}: both {known[0].name} and {known[1].name} are there; keep one")
    return Found(arrays, read_labels(known[0], identifiers) if known else None, identifiers)


def read_csv(file, gaps):
    """Elements of one sequence, shape (length, d), and the column names, None without such a line."""
    lines = table(file)
    names = None
    if lines and lines[0][1] and not any(map(is_number, lines[0][1])):
        names = lines.pop(0)[1]
    elif lines and lines[0][1][:1] == [""] and not any(map(is_number, lines[0][1][1:])):
        raise DataError(f"{file}, line 1, column 1: {UNNAMED}")
    width = len(names or next((cells for _, cells in lines if cells), ()))
    if not width or not lines:
        raise DataError(f"{file}: no elements; a sequence has at least one line of numbers")
    values = np.full((len(lines), width), np.nan)
    for i, (number, cells) in enumerate(lines):
        if cells and len(cells) != width:
            raise DataError(f"{file}, line {number}: {len(cells)} values, expected {width}")
        for column, cell in enumerate(cells):
            values[i, column] = as_number(cell, f"{file}, line {number}, column {column + 1}")

    def place(i, column):
        number, cells = lines[i]
        return f"{file}, line {number}" + (f", column {column + 1}: {told(cells[column])}" if cells else " is empty")

    return gaps.close(values, place), names


def told_names(names):
    """Column names as a message says them."""
    return f"the column names {', '.join(names)}" if names else "no column names"


def read_labels(file, identifiers):
    """Label of every sequence, in the order of `identifiers`."""
    lines = [(number, cells) for number, cells in table(file) if any(cells)]
    if lines and lines[0][1] == ["identifier", "label"]:
        lines.pop(0)
    labels, known = {}, set(identifiers)
    for number, cells in lines:
        if len(cells) != 2 or not all(cells):
            raise DataError(f"{file}, line {number}: expected identifier,label")
        identifier, label = map(composed, cells)
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
