"""Japanese Vowels: 640 utterances of /ae/ by nine male speakers; the data of the demonstration.

Source: UCI 128 in the ``.ts`` form of timeseriesclassification.com, which ships inside the package ``aeon``, so that
no download is needed. Licence CC BY 4.0. Citation: see `SOURCE`.

Published: 12 LPC cepstrum coefficients per frame; official training (270, 30 a speaker) and test set (370, 24 to 88).
Inferred: nothing; the values are used as they are.
Quirks: a file of the same name with ``_eq`` holds the data stretched to 25 frames; it is not used.
Expected: 640 sequences, 12 dimensions, lengths 7 to 29 (training 7 to 26), 9 classes.
"""

from collections import Counter
from pathlib import Path

from .fetch import Loaded, Package, Source, expect
from .sequences import Sequences
from .ts import PARTS, read_pair

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


def load(raw, seed):
    """Load the data set."""
    arrays, speakers, split = read_pair({part: Path(raw, f"JapaneseVowels_{part}.ts") for part in COUNTS})
    for part, counts in COUNTS.items():
        found = Counter(speaker for speaker, number in zip(speakers, split, strict=True) if number == PARTS[part])
        expect(NAME, f"{part} utterances per speaker", dict(sorted(found.items())), counts)
    sequences = Sequences.from_list(arrays, split)
    expect(NAME, "dimensions", sequences.dimensions, DIMENSIONS)
    expect(NAME, "shortest and longest", (sequences.lengths.min(), sequences.lengths.max()), LENGTHS)
    classes = tuple(f"speaker {speaker}" for speaker in COUNTS["TRAIN"])
    return Loaded(sequences, [int(speaker) - 1 for speaker in speakers], classes, {})
