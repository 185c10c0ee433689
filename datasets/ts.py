"""The forms of the UCR and UEA archives: ``.ts``, ``.tsv`` and ``.txt``, and ``<Name>_TRAIN`` beside ``<Name>_TEST``.

- ``.ts``: the text format of sktime, aeon and the archives' site, one case a line, any number of channels and lengths.
- ``.tsv``, ``.txt``: the label, then the values of one channel, with tabs or spaces between; shorter cases end in NaN.

aeon's readers are not used, since they let missing values through and don't name the line of a mistake.
"""

import re

import numpy as np

from .cells import Gaps, as_number, is_number, read_text, told
from .fetch import DataError
from .storage import visible_files

ENDINGS = (".ts", ".tsv", ".txt")  # the best first, where a folder has several
PARTS = {"TRAIN": 0, "TEST": 2}  # as in `sequences.SPLITS`


def read_case_file(path, gaps):
    """Sequences, and labels or None, of a file in one of these forms."""
    return read_ts(path, gaps) if path.suffix.lower() == ".ts" else read_padded(path, gaps)


def pair(folder):
    """Files of the official training and test set in a folder, by their ``PARTS``; None where there is no such file.

    Raises
    ------
    DataError
        When there is one of the two only, or sets of several names.
    """
    found = {}
    for file in visible_files(folder, *ENDINGS):
        if name := re.fullmatch(r"(.+)_(TRAIN|TEST)", file.stem):
            found.setdefault((name[1], file.suffix.lower()), {})[name[2]] = file
    if names := sorted({name for name, _ in found}):
        if names[1:]:
            raise DataError(f"{folder}: sets of several names ({', '.join(names)}): a folder for each")
        files = next(found[names[0], ending] for ending in ENDINGS if (names[0], ending) in found)
        for part in PARTS:
            if part not in files:
                other = next(iter(files.values()))
                raise DataError(f"{folder}: {other.name}, but no {names[0]}_{part}{other.suffix} beside it")
        return files
    return None


def read_pair(files, gaps=None):
    """Sequences, labels or None, and the split of an archive's training and test set, as `pair` gives their files.

    Raises
    ------
    DataError
        When only one of the two has labels, or they differ in channels.
    """
    gaps, arrays, labels, split = gaps or Gaps(), [], [], []
    for part, number in PARTS.items():
        sequences, names = read_case_file(files[part], gaps)
        if arrays and (bool(names) != bool(labels) or sequences[0].shape[1] != arrays[0].shape[1]):
            raise DataError(f"{files[part]}: other channels, or labels in one of the two only, than {files['TRAIN']}")
        arrays += sequences
        labels += names or []
        split += [number] * len(sequences)
    return arrays, labels or None, np.array(split, np.int8)


def read_padded(path, gaps):
    """Sequences and labels of a ``.tsv`` or ``.txt`` file."""
    arrays, labels = [], []
    for number, line in read_text(path):
        if not line.strip():
            continue
        label, *cells = line.strip("\n").split("\t") if path.suffix.lower() == ".tsv" else line.split()
        where = f"{path}, line {number}"
        if not cells:
            raise DataError(f"{where}: expected a label and then values, with tabs between (spaces in .txt)")
        cells = [cell.strip() for cell in cells]
        if not arrays and not any(map(is_number, cells)):
            raise DataError(f"{where}: no numbers, but {label} and others: column names? A long table is a .csv")
        values = [as_number(cell, f"{where}, value {i}") for i, cell in enumerate(cells, start=1)]

        def place(i, _, where=where, cells=cells):
            return f"{where}, value {i + 1}: {told(cells[i])}"

        arrays.append(gaps.close(np.array(values)[:, None], place))
        labels.append(plain(label.strip()))
        if not labels[-1]:
            raise DataError(f"{where}: expected a label before the first tab")
    if not arrays:
        raise DataError(f"{path}: no line with a label and values")
    return arrays, labels


def plain(label):
    """A label as people write it: ``3`` for ``3.0000000e+00``."""
    whole = re.fullmatch(r"([+-]?\d+)(?:\.0*)?(?:e\+?0+)?", label, re.ASCII)
    return str(int(whole[1])) if whole else label


def read_ts(path, gaps):
    """Sequences and labels, None without, of a ``.ts`` file."""
    header, lines = {}, read_text(path)
    for number, line in lines:
        key, *values = line.split() or [""]
        if key.lower() == "@data":
            break
        if key.startswith("@"):
            if key.lower() in header:
                raise DataError(f"{path}, line {number}: {key} stands twice")
            header[key.lower()] = values or [""]
        elif key and not key.startswith("#"):
            raise DataError(f"{path}, line {number}: expected a line that starts with @ or #, or @data")
    else:
        raise DataError(f"{path}: there is no line @data")
    for key, why in (("@timestamps", "time stamps"), ("@targetlabel", "a number to predict for each sequence")):
        if header.get(key, ["false"])[0].lower() != "false":
            raise DataError(f"{path}: {key}: files with {why} can't be read")
    labelled, *allowed = header.get("@classlabel", ["false"])
    channels = int(header["@dimensions"][0]) if header.get("@dimensions", [""])[0].isdecimal() else None
    if header.get("@univariate", ["false"])[0].lower() == "true":
        channels = 1
    arrays, labels = [], []
    for number, line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        where, parts = f"{path}, line {number}", [part.strip() for part in line.split(":")]
        if labelled.lower() == "true":
            labels.append(parts.pop())
            if labels[-1] not in allowed:
                raise DataError(f"{where}: label {labels[-1]!r} is not in @classLabel ({', '.join(allowed)})")
        channels = channels or len(parts)
        if len(parts) != channels:
            raise DataError(f"{where}: {len(parts)} channels, expected {channels}")
        arrays.append(case([part.split(",") for part in parts], where, gaps))
    if not arrays:
        raise DataError(f"{path}: no sequence follows @data")
    return arrays, labels or None


def case(channels, where, gaps):
    """The sequence of a ``.ts`` file's line; a channel that is shorter than others lacks its last values."""
    lengths = sorted({len(channel) for channel in channels})
    values = np.full((lengths[-1], len(channels)), np.nan)
    for column, channel in enumerate(channels):
        for i, cell in enumerate(channel):
            values[i, column] = as_number(cell.strip(), f"{where}, channel {column + 1}, value {i + 1}")

    def place(i, column):
        if i >= len(channels[column]):
            return f"{where}: channels of {lengths[0]} to {lengths[-1]} values, and all must be of one length"
        return f"{where}, channel {column + 1}, value {i + 1}: {told(channels[column][i].strip())}"

    return gaps.close(values, place)
