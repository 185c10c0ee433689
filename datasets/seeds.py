"""Random streams: everything random in the project starts here."""

import hashlib

import numpy as np


def seed_sequence(seed, *names):
    """Random stream of one purpose.

    Parameters
    ----------
    seed : int
        Non-negative seed, as in the config.
    *names : str
        What the stream is for, such as the data set and the method. Another name gives an independent stream.

    Returns
    -------
    numpy.random.SeedSequence
    """
    words = [int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little") for name in names]
    return np.random.SeedSequence([int(seed), *words])


def split_words(number):
    """What names the streams of a repeated split: nothing for the first, which so is what a single split is."""
    return [f"split {number}"] * (number > 0)
