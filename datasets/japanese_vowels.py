"""Japanese Vowels: 640 utterances of /ae/ by nine male speakers; the data of the demonstration.

Source: UCI 128 in the ``.ts`` form of timeseriesclassification.com, which ships inside the package ``aeon``, so that
no download is needed. Licence CC BY 4.0. Citation: see `SOURCE`.

Published: 12 LPC cepstrum coefficients per frame; official training (270, 30 a speaker) and test set (370, 24 to 88).
Inferred: nothing; the values are used as they are.
Quirks: a file of the same name with ``_eq`` holds the data stretched to 25 frames; it is not used.
Expected: 640 sequences, 12 dimensions, lengths 7 to 29 (training 7 to 26), 9 classes.
"""

from pathlib import Path

import numpy as np

from .fetch import DataError, Loaded, Package, Source, expect
from .sequences import Sequences

NAME = "japanese_vowels"
SOURCE = Source(
    name=NAME,
    forms=(
        Package(
            form="ts",
            package="aeon",
            folder="datasets/data/JapaneseVowels",
            members={
                "JapaneseVowels_TRAIN.ts": "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
                "JapaneseVowels_TEST.ts": "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
            },
        ),
    ),
    homepage="https://archive.ics.uci.edu/dataset/128/japanese+vowels",
    licence="CC BY 4.0",
    citation="M. Kudo, J. Toyama, M. Shimbo: Multidimensional curve classification using passing-through regions."
    " Pattern Recognition Letters 20(11-13), 1999.",
)
DIMENSIONS = 12
COUNTS = {
    "TRAIN": dict.fromkeys("123456789", 30),
    "TEST": {"1": 31, "2": 35, "3": 88, "4": 44, "5": 29, "6": 24, "7": 40, "8": 50, "9": 29},
}
LENGTHS = (7, 29)
HEADER = {
    "@problemname": "JapaneseVowels",
    "@timestamps": "false",
    "@missing": "false",
    "@univariate": "false",
    "@dimensions": "12",
    "@equallength": "false",
    "@classlabel": "true 1 2 3 4 5 6 7 8 9",
}


def load(raw, seed):
    """Load the data set."""
    arrays, labels, split = [], [], []
    for part, code in (("TRAIN", 0), ("TEST", 2)):
        sequences, classes = _read(Path(raw, f"JapaneseVowels_{part}.ts"))
        expect(
            NAME, f"{part} utterances per speaker", {c: classes.count(c) for c in sorted(set(classes))}, COUNTS[part]
        )
        arrays += sequences
        labels += [int(c) - 1 for c in classes]
        split += [code] * len(sequences)
    lengths = [len(array) for array in arrays]
    expect(NAME, "shortest and longest", (min(lengths), max(lengths)), LENGTHS)
    classes = tuple(f"speaker {c}" for c in COUNTS["TRAIN"])
    return Loaded(Sequences.from_list(arrays, np.array(split)), labels, classes, {})


def _read(path):
    """Sequences (length, 12) and class names of a ``.ts`` file: one case a line, ``channel:...:channel:class``."""
    try:
        header, _, body = path.read_text(encoding="utf-8").partition("@data\n")
    except ValueError as error:
        raise DataError(f"{NAME}: {path.name}: not text ({error})") from error
    lines = [line.partition(" ") for line in header.splitlines() if line.startswith("@")]
    found = {key.lower(): value.strip() for key, _, value in lines}
    expect(NAME, f"header of {path.name}", found, HEADER)
    arrays, classes = [], []
    for number, line in enumerate(body.splitlines(), start=1):
        *channels, label = line.split(":")
        try:
            array = np.array([channel.split(",") for channel in channels], dtype=np.float32).T
        except ValueError as error:
            raise DataError(f"{NAME}: {path.name}, case {number}: {error}") from error
        expect(NAME, f"{path.name}, case {number}, channels", array.shape[1:], (DIMENSIONS,))
        arrays.append(array)
        classes.append(label.strip())
    return arrays, classes
