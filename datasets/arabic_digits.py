"""Spoken Arabic Digits: ten digits spoken ten times by 44 men and 44 women; 13 MFCCs per frame.

Source: UCI 195. Licence CC BY 4.0. Citation: see `SOURCE`.

Published: 13 mel-frequency cepstral coefficients (11,025 Hz, 16 bit, Hamming window, pre-emphasis), and, in the RDDC
paper, that all sequences have zero mean. Inferred (`normalisation`): the UCI files are not zero-mean; per-sequence
zero mean *and unit variance* per coefficient gives k-means scores nearest to the paper's.
Quirks: a block has no label; its position gives it: 660 (training) or 220 (test) a digit in the order 0 to 9, the
first half men. One training block has only 4 frames.
Expected: 6600 + 2200 sequences, 13 dimensions, lengths 4 to 93, 350,319 frames, 10 balanced classes.
"""

from pathlib import Path

import numpy as np

from .fetch import Archive, DataError, Loaded, Source, choose, expect
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
NORMALISATIONS = ("sequence", "global", "none")


def load(raw, seed, *, normalisation="sequence"):
    """Load the data set.

    Parameters
    ----------
    raw : Path
        Folder with the two text files.
    seed : int
        Unused: nothing here is random.
    normalisation : {"sequence", "global", "none"}
        Zero mean and unit variance per coefficient, over each sequence or over all frames; or the values as they are.

    Returns
    -------
    Loaded

    Raises
    ------
    DataError
        When a file is not as published.
    """
    choose(NAME, "normalisation", normalisation, NORMALISATIONS)
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
    values = normalise(values, offsets, normalisation)
    sequences = Sequences(values, offsets, np.concatenate(split))
    return Loaded(sequences, np.concatenate(labels), tuple("0123456789"), {})


def normalise(values, offsets, normalisation):
    """Zero mean and unit variance per column.

    Parameters
    ----------
    values : ndarray of shape (N, d)
    offsets : ndarray of shape (n + 1,)
        Sequence i is ``values[offsets[i]:offsets[i + 1]]``.
    normalisation : {"sequence", "global", "none"}

    Returns
    -------
    ndarray of shape (N, d)
        A column that is constant over its sequence becomes 0.
    """
    if normalisation == "none":
        return values
    if normalisation == "global":
        offsets = np.array([0, len(values)])
    lengths = np.diff(offsets)
    centred = values - np.repeat(np.add.reduceat(values, offsets[:-1]) / lengths[:, None], lengths, axis=0)
    deviation = np.sqrt(np.add.reduceat(centred**2, offsets[:-1]) / lengths[:, None])
    deviation[deviation == 0] = 1
    return centred / np.repeat(deviation, lengths, axis=0)


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
