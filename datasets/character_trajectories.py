"""Character Trajectories: 2858 single-stroke letters written on a tablet; pen-tip velocity in x and y, and force.

Source: UCI 175, in the form of the UEA archive (``uea``) or as published by UCI (``uci``). Licence CC BY 4.0.
Citation: see `SOURCE`.

Published: differentiated, Gaussian smoothing (sigma 2), 200 Hz, normalised, shifted to match the mean of the set; the
RDDC paper takes a subset of the characters, whose names are lost (`characters`). What fits:
reports/fingerprints/fingerprints.md.
Quirks: UEA stripped the zeros at both ends, channel by channel, so that in 39 cases x or y is shorter than the force:
the pen stood still, its velocity ending in exact zeros. The short channel is filled with those zeros again. The UCI
form keeps the padding at both ends, **to a length that is the same for all cases of a character: it leaks the label**
to whatever counts elements. UCI's file is known in copies that differ in the order of the cases and the last digits,
so its content is checked by what these share: the number of cases of every character, their padded length, where each
stroke begins and ends, and the mean size of the three channels.
Expected: 2858 sequences (UEA: 1422 + 1436), 3 dimensions, lengths 60 to 182 (UCI: 109 to 205), 20 classes.
"""

import hashlib
from pathlib import Path

import numpy as np
import scipy.io

from .fetch import Archive, DataError, Loaded, Source, choose, expect
from .sequences import Sequences

NAME = "character_trajectories"
UCI_MEMBERS = {"mixoutALL_shifted.mat": None}
SOURCE = Source(
    name=NAME,
    forms=(
        Archive(
            form="uea",
            file="CharacterTrajectories.zip",
            address="https://timeseriesclassification.com/aeon-toolkit/CharacterTrajectories.zip",
            members={
                "CharacterTrajectoriesDimension1_TRAIN.arff": (
                    "09d6a3c66b874ef80d8fa259a2a079534cf68f6893bd2667a5367400d5efa147"
                ),
                "CharacterTrajectoriesDimension1_TEST.arff": (
                    "35f8354a74addccbe2693875a6756a0b40a8e6300092a38cbd6aef96cee90b82"
                ),
                "CharacterTrajectoriesDimension2_TRAIN.arff": (
                    "052bd654def99d976967ae6a1a4aff625d2683116c8359232449b3df61e619f1"
                ),
                "CharacterTrajectoriesDimension2_TEST.arff": (
                    "0beb557aa88af34b74698c5fe00cc4fe7c01c9b0db580ef84ca9d4bad005381f"
                ),
                "CharacterTrajectoriesDimension3_TRAIN.arff": (
                    "043ac8333f7852844c8a5464abe435ee76e2ff29559cc00dfc16de7ab149db7b"
                ),
                "CharacterTrajectoriesDimension3_TEST.arff": (
                    "55d8aaddd4240ba8ce3ebd9e97451bcaef0db846e361c4c3264716715b11370e"
                ),
            },
        ),
        Archive(form="uci", file="mixoutALL_shifted.mat", members=UCI_MEMBERS),
        Archive(
            form="uci",
            file="character+trajectories.zip",
            address="https://archive.ics.uci.edu/static/public/175/character+trajectories.zip",
            members=UCI_MEMBERS,
        ),
    ),
    homepage="https://archive.ics.uci.edu/dataset/175/character+trajectories",
    licence="CC BY 4.0",
    citation="B. H. Williams, M. Toussaint, A. J. Storkey: Extracting motion primitives from natural handwriting data."
    " ICANN, 2006.",
)
CHARACTERS = "abcdeghlmnopqrsuvwyz"
TRAIN_COUNTS = [85, 70, 71, 78, 93, 69, 63, 87, 62, 65, 70, 65, 62, 59, 66, 65, 77, 62, 68, 85]
TEST_COUNTS = [86, 71, 71, 79, 93, 69, 64, 87, 63, 65, 71, 66, 62, 60, 67, 66, 78, 63, 69, 86]
LENGTHS = {"uea": (60, 182), "uci": (109, 205)}
SHORT_CHANNELS = {"TRAIN": 21, "TEST": 18}
UCI_LENGTHS = [178, 174, 130, 160, 174, 176, 162, 109, 198, 176, 183, 177, 205, 174, 173, 166, 152, 205, 163, 196]
UCI_STROKES = "61a2d13354b4a6dcd028629f56cd8e180d9df0ea947816519bdbe05b1bb52d8d"
UCI_SIZES = [0.5592, 0.5452, 0.4464]  # mean absolute value of the channels


def load(raw, seed, *, form="uea", characters=("a", "b", "c")):
    """Load the data set; the note ``short_channels`` counts the sequences whose x or y was filled with zeros.

    Parameters
    ----------
    form : {"uea", "uci"}
        Without or with the zero padding; only ``uea`` has official training and test sets.
    characters : list of str
        Wanted classes; the order numbers the labels.
    """
    choose(NAME, "form", form, ("uea", "uci"))
    if not characters or len(set(characters)) < len(characters):
        raise ValueError(f"{NAME}: characters: {list(characters)}, expected at least one and none twice")
    for character in characters:
        choose(NAME, "characters", character, list(CHARACTERS))
    arrays, codes, split, short = _load_uea(Path(raw)) if form == "uea" else _load_uci(Path(raw))
    lengths = [len(array) for array in arrays]
    expect(NAME, "shortest and longest", (min(lengths), max(lengths)), LENGTHS[form])
    label_of = {CHARACTERS.index(character): label for label, character in enumerate(characters)}
    chosen = [i for i, code in enumerate(codes) if code in label_of]
    sequences = Sequences.from_list([arrays[i] for i in chosen], [split[i] for i in chosen])
    labels = [label_of[codes[i]] for i in chosen]
    notes = {"short_channels": sum(short[i] for i in chosen)}
    if form == "uci":
        notes["padding"] = "the padded length is the same for all cases of a character, so it tells the class"
    return Loaded(sequences, labels, tuple(characters), notes)


def fill_short_channels(case):
    """Cut the padding off a case and fill channels that end early.

    Parameters
    ----------
    case : ndarray of shape (T, d)
        NaN where the archive has a ``?``.

    Returns
    -------
    case : ndarray of shape (length, d)
        Up to the end of the longest channel; a shorter channel ends in zeros, the velocity of a pen that stands still.
    short : bool
        Whether a channel was shorter.

    Raises
    ------
    DataError
        When a value is missing before the end of its channel.
    """
    missing = np.isnan(case)
    lengths = (~missing).sum(axis=0)
    if (missing != (np.arange(len(case))[:, None] >= lengths)).any():
        raise DataError(f"{NAME}: a value is missing within a channel, only trailing padding was expected")
    return np.nan_to_num(case[: lengths.max()]), bool(lengths.min() < lengths.max())


def _load_uea(raw):
    arrays, codes, split, short = [], [], [], []
    for part, number, counts in (("TRAIN", 0, TRAIN_COUNTS), ("TEST", 2, TEST_COUNTS)):
        channels, targets = zip(
            *(_read_arff(raw / f"CharacterTrajectoriesDimension{d}_{part}.arff") for d in (1, 2, 3)), strict=True
        )
        expect(NAME, f"{part} classes in the three files", [list(t) for t in targets[1:]], [list(targets[0])] * 2)
        found = np.bincount(targets[0], minlength=len(CHARACTERS)).tolist()
        expect(NAME, f"{part} cases per character", found, counts)
        cases = [fill_short_channels(case) for case in np.stack(channels, axis=-1)]
        expect(NAME, f"{part} cases with a short channel", sum(flag for _, flag in cases), SHORT_CHANNELS[part])
        arrays += [case for case, _ in cases]
        short += [flag for _, flag in cases]
        codes += targets[0].tolist()
        split += [number] * len(cases)
    return arrays, codes, split, short


def _read_arff(path):
    """One channel of all cases, shape (n, 182) with NaN as padding, and their classes from 0."""
    width = path.read_bytes().count(b"@attribute")
    try:
        _, _, body = path.read_text(encoding="utf-8").partition("@data\n")
        lines = [line.replace("?", "nan").split(",") for line in body.splitlines() if line.strip()]
        table = np.array(lines, dtype=np.float64).reshape(-1, width)
    except ValueError as error:
        raise DataError(f"{NAME}: {path.name}: not {width} values a line ({error})") from error
    known = np.isin(table[:, -1], np.arange(1, len(CHARACTERS) + 1))
    expect(NAME, f"{path.name}, lines whose class is not 1 to {len(CHARACTERS)}", int((~known).sum()), 0)
    return table[:, :-1], table[:, -1].astype(int) - 1


def _load_uci(raw):
    arrays, codes, key = _read_mat(raw / "mixoutALL_shifted.mat")
    expect(NAME, "characters", key, CHARACTERS)
    counts = [train + test for train, test in zip(TRAIN_COUNTS, TEST_COUNTS, strict=True)]
    expect(NAME, "cases per character", np.bincount(codes, minlength=len(CHARACTERS)).tolist(), counts)
    lengths = [sorted({len(a) for a, c in zip(arrays, codes, strict=True) if c == code}) for code in range(len(key))]
    expect(NAME, "padded lengths of each character", lengths, [[length] for length in UCI_LENGTHS])
    expect(NAME, "sha256 of where the strokes begin and end", strokes_digest(arrays, codes), UCI_STROKES)
    sizes = np.abs(np.concatenate(arrays)).mean(axis=0)
    expect(NAME, "mean sizes of the channels", [round(float(size), 4) for size in sizes], UCI_SIZES)
    return arrays, codes, [0] * len(arrays), [False] * len(arrays)


def _read_mat(path):
    """Cases, each of shape (length, 3), their classes from 0, and the names of the classes in one string."""
    try:
        content = scipy.io.loadmat(path, squeeze_me=True, variable_names=["mixout", "consts"])
        arrays = [np.asarray(case, dtype=np.float64).T for case in content["mixout"]]
        constants = content["consts"]
        codes = np.asarray(constants["charlabels"].item(), dtype=int) - 1
        key = "".join(constants["key"].item())
    except Exception as error:  # loadmat raises whatever the bytes lead it to
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{NAME}: {path.name}: not the UCI file ({reason})") from error
    expect(NAME, f"{path.name}: shapes of the cases", {array.shape[1:] for array in arrays}, {(3,)})
    expect(NAME, f"{path.name}: classes, one for each case", codes.shape, (len(arrays),))
    known = (codes >= 0) & (codes < len(CHARACTERS))
    expect(NAME, f"{path.name}: cases whose class is not 1 to {len(CHARACTERS)}", int((~known).sum()), 0)
    return arrays, codes.tolist(), key


def strokes_digest(cases, codes):
    """SHA-256 of the sorted lines ``character first last``: first and last element of every case that isn't zero."""
    moves = [np.flatnonzero((case != 0).any(axis=1)) for case in cases]
    ends = [(int(move[0]), int(move[-1])) if len(move) else (-1, -1) for move in moves]
    lines = sorted(f"{CHARACTERS[code]} {first} {last}\n" for code, (first, last) in zip(codes, ends, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
