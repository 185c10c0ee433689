"""Handwritten digits of UCI 80: images of 8 × 8 pixels as vectors of 64 values from 0 to 1; a stand-in for MNIST.

Source: the test part of UCI 80, which ships inside scikit-learn, so that no download is needed. Licence CC BY 4.0.
Citation: see `SOURCE`.

Published: nothing; pixels from 0 to 16 are divided by 16.
Expected: 1797 sequences of length 1, 64 dimensions, 10 classes of 174 to 183.
"""

import gzip
import zlib
from pathlib import Path

import numpy as np

from .fetch import DataError, Loaded, Package, Source, expect
from .sequences import Sequences

NAME = "handwritten_digits"
SOURCE = Source(
    name=NAME,
    forms=(
        Package(
            form="csv",
            package="sklearn",
            folder="datasets/data",
            members={"digits.csv.gz": "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"},
        ),
    ),
    homepage="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
    licence="CC BY 4.0",
    citation="E. Alpaydin, C. Kaynak: Optical recognition of handwritten digits. UCI, 1998.",
)
CLASS_SIZES = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def load(raw, seed):
    """Load the data set."""
    try:
        with gzip.open(Path(raw, "digits.csv.gz"), "rt", encoding="ascii") as stream:
            table = np.loadtxt(stream, delimiter=",", ndmin=2)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{NAME}: digits.csv.gz: {error}; install scikit-learn again") from error
    expect(NAME, "images and columns", table.shape, (sum(CLASS_SIZES), 65))
    images, labels = table[:, :64] / 16, table[:, 64].astype(int)
    expect(NAME, "images of each digit", np.bincount(labels, minlength=10).tolist(), CLASS_SIZES)
    sequences = Sequences(images, np.arange(len(images) + 1))
    return Loaded(sequences, labels, tuple("0123456789"), {})
