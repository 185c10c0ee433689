"""Spoken Arabic Digits: ten digits spoken ten times by 44 men and 44 women; 13 MFCCs per frame.

Source: UCI 195. Licence CC BY 4.0. Citation: see `SOURCE`.

Published: 13 mel-frequency cepstral coefficients (11,025 Hz, 16 bit, Hamming window, pre-emphasis), and, in the RDDC
paper, that all sequences have zero mean; the UCI files don't. Whether they were scaled as well, and how, is not said:
`centre` and `scale`. What fits: reports/fingerprints/fingerprints.md.
Quirks: a block has no label; its position gives it: 660 (training) or 220 (test) a digit in the order 0 to 9, the
first half men. One training block has only 4 frames.
Expected: 6600 + 2200 sequences, 13 dimensions, lengths 4 to 93, 350,319 frames, 10 balanced classes.
"""

from pathlib import Path

import numpy as np

from .fetch import Archive, DataError, Loaded, Source, choose, expect
from .normalise import SPANS, normalise
from .sequences import Sequences

NAME = "arabic_digits"
SOURCE = Source(
    name=NAME,
    forms=(
        Archive(
            form="uci",
            file="spoken+arabic+digit.zip",
            address="https://archive.ics.uci.edu/static/public/195/spoken+arabic+digit.zip",
            members={
                "Train_Arabic_Digit.txt": "cecd3ee9951658e5391f0342e9b6467ba7c0e7ecff5c9012b9c1ed9f81b97bc6",
                "Test_Arabic_Digit.txt": "de40eac66ce18fca8924bad592002ee7ef646fc84d48b065ce21ac9f88946922",
            },
        ),
    ),
    homepage="https://archive.ics.uci.edu/dataset/195/spoken+arabic+digit",
    licence="CC BY 4.0",
    citation="N. Hammami, M. Bedda: Improved tree model for Arabic speech recognition. ICCSIT, 2010.",
)
DIMENSIONS = 13
PER_DIGIT = {"Train": 660, "Test": 220}
LENGTHS = (4, 93)
FRAMES = 350_319


def load(raw, seed, *, centre="sequence", scale="sequence"):
    """Load the data set.

    Parameters
    ----------
    centre : {"sequence", "all", "none"}
        Zero mean of every coefficient over each sequence or over all frames, or the values as they are.
    scale : {"sequence", "all", "none"}
        Division of every coefficient by its standard deviation then, over each sequence or over all frames, or none.
    """
    choose(NAME, "centre", centre, SPANS)
    choose(NAME, "scale", scale, SPANS)
    values, lengths, labels, split = [], [], [], []
    for part, code in (("Train", 0), ("Test", 2)):
        frames, found = _read(Path(raw, f"{part}_Arabic_Digit.txt"))
        expect(NAME, f"{part} blocks", len(found), 10 * PER_DIGIT[part])
        values.append(frames)
        lengths.append(found)
        labels.append(np.repeat(np.arange(10), PER_DIGIT[part]))
        split.append(np.full(len(found), code))
    values, lengths = np.concatenate(values), np.concatenate(lengths)
    expect(NAME, "shortest and longest", (int(lengths.min()), int(lengths.max())), LENGTHS)
    expect(NAME, "frames", len(values), FRAMES)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = normalise(values, offsets, centre, scale)
    sequences = Sequences(values, offsets, np.concatenate(split))
    return Loaded(sequences, np.concatenate(labels), tuple("0123456789"), {})


def _read(path):
    """All frames, shape (N, 13), and the length of every block; blocks are parted by lines of blanks."""
    try:
        lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
        frames = np.array([line for line in lines if line], dtype=np.float64).reshape(-1, DIMENSIONS)
    except ValueError as error:
        raise DataError(f"{NAME}: {path.name}: not {DIMENSIONS} numbers a line ({error})") from error
    bounds = np.flatnonzero([not line for line in lines] + [True])
    lengths = np.diff(bounds, prepend=-1) - 1
    return frames, lengths[lengths > 0]
