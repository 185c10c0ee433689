"""Pen digits: handwritten digits as the pen went, 44 writers on a tablet, before anything was resampled.

Source: UCI 81, the files ``pendigits-orig``: UNIPEN text in Unix ``compress``. Licence CC BY 4.0. Citation: `SOURCE`.

Published: x and y of the pen ten times a second in a box of 500 by 500; 30 writers for training and 14 others for the
test. The pen leaves the tablet between the strokes of a digit.
Inferred: an element is x and y, divided by the side of the box, and 1 where the pen is lifted after it, else 0 (as in
Graves 2013, arXiv:1308.0850); the last element ends the digit and so is one of these.
Quirks: the well-known form of these data has eight points a digit, and lengths are lost in it.
Expected: 7494 + 3498 sequences, 3 dimensions, lengths 9 to 231, 442,794 points, 10 classes of 1055 to 1144.
"""

import hashlib
import re
from pathlib import Path

import numpy as np

from .fetch import DataError, Files, Loaded, Source, expect
from .lzw import decompress
from .sequences import Sequences

NAME = "pen_digits"
SOURCE = Source(
    name=NAME,
    forms=(
        Files(
            form="strokes",
            # Packed anew now and then: what counts is the text in them, `TEXT`.
            members={"pendigits-orig.tra.Z": None, "pendigits-orig.tes.Z": None},
            addresses=("https://archive.ics.uci.edu/ml/machine-learning-databases/pendigits/",),
        ),
    ),
    homepage="https://archive.ics.uci.edu/dataset/81/pen+based+recognition+of+handwritten+digits",
    licence="CC BY 4.0",
    citation="E. Alpaydin, F. Alimoglu: Pen-based recognition of handwritten digits. UCI, 1996.",
)
TEXT = {  # SHA-256 of the text in each file, and its digits
    "tra": ("a66225d68d7d68591e62944df1ad33b3f5aa608e2df2505844b41f5568a80da4", 7494),
    "tes": ("ddb1c19e277a56c7ffe682cc024d6ab73696f9adcc1643ef9ed5aa753007e081", 3498),
}
SIDE = 500
LENGTHS, POINTS = (9, 231), 442_794
LIMIT = 20_000_000  # bytes of a text


def load(raw, seed):
    """Load the data set."""
    arrays, labels, split = [], [], []
    for code, (part, (sha256, count)) in zip((0, 2), TEXT.items(), strict=True):
        file = f"pendigits-orig.{part}.Z"
        text = _read(Path(raw, file))
        expect(NAME, f"sha256 of the text in {file}", hashlib.sha256(text).hexdigest(), sha256)
        digits, found = strokes(text.decode("ascii"))
        expect(NAME, f"digits in {file}", len(digits), count)
        arrays += digits
        labels += found
        split += [code] * count
    sequences = Sequences.from_list(arrays, split)
    lengths = sequences.lengths
    expect(NAME, "shortest and longest", (int(lengths.min()), int(lengths.max())), LENGTHS)
    expect(NAME, "points", len(sequences.values), POINTS)
    return Loaded(sequences, labels, tuple("0123456789"), {})


def _read(path):
    """The text in a file."""
    try:
        return decompress(path.read_bytes(), LIMIT)
    except (ValueError, OSError) as error:
        raise DataError(f"{NAME}: {path.name}: {error}") from error


def strokes(text):
    """Every digit of a UNIPEN text, as an array (points, 3), and what it is."""
    digits, labels = [], []
    for segment in text.split(".SEGMENT DIGIT")[1:]:
        labels.append(int(re.search(r'"(\d)"', segment)[1]))
        points = []
        for stroke in re.findall(r"\.PEN_DOWN([\d\s]*)\.PEN_UP", segment):
            values = np.array(stroke.split(), float).reshape(-1, 2)
            points.append(np.column_stack([values / SIDE, np.zeros(len(values))]))
            points[-1][-1, 2] = 1
        digits.append(np.concatenate(points))
    return digits, labels
