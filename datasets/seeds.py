"""Random streams: everything random in the project starts here."""

import hashlib

import numpy as np


def seed_sequence(seed, *names):
    """Random stream of one purpose, a `numpy.random.SeedSequence`.

    `seed` is not negative, as in the config; `names` say what the stream is for, such as the data set and the method:
    another name gives an independent stream.
    """
    words = [int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") for name in names]
    return np.random.SeedSequence([int(seed), *words])


def split_words(number):
    """What names the streams of a repeated split: nothing for the first, which so is what a single split is."""
    return [f"split {number}"] * (number > 0)
