"""Sequences whose elements are labelled by the order of first appearance: a, b, a, c becomes 0, 1, 0, 2.

Generated, nothing to download. Published, a question on element-wise sequence clustering and its own answer: sequences
over 'abc', length 15, 1000 of them, one-hot, 20 % for validation. The question asks for more: 300-dimensional vectors,
any length. Own choice for that: an element is its symbol's prototype, a random vector of length 1, plus noise; the
prototypes are the same for all sequences (``shared``) or drawn anew for each (``fresh``), where nothing but a
comparison with earlier elements tells what an element is. Sequences are drawn independently, so that a short one may
be in two parts: with lengths from 5 to 25 about one of a hundred test problems is one of training too.
"""

import numpy as np

from .fetch import choose
from .problems import gather
from .seeds import seed_sequence
from .sequences import Sequences

ALPHABETS = ("one_hot", "shared", "fresh")


def draw(
    sizes,
    seed,
    sequences=None,
    labels=None,
    *,
    symbols=3,
    length=(15, 15),
    alphabet="one_hot",
    dimensions=300,
    noise=0.1,
):
    """Draw problems.

    Parameters
    ----------
    symbols : int
    length : (int, int)
        Shortest and longest sequence.
    alphabet : {"one_hot", "shared", "fresh"}
    dimensions : int
        Of the vectors; one-hot elements have as many as there are symbols.
    noise : float
        Expected length of the noise on a vector; one-hot elements have none.
    """
    choose("abc", "alphabet", alphabet, ALPHABETS)
    shared = prototypes(symbols, dimensions, np.random.default_rng(seed_sequence(seed, "abc", "prototypes")))
    values, problems, drawn = [], {}, 0
    for part, size in sizes.items():
        rng = np.random.default_rng(seed_sequence(seed, "abc", part))
        problems[part] = []
        for _ in range(size):
            word = rng.integers(symbols, size=rng.integers(length[0], length[1] + 1))
            if alphabet == "one_hot":
                elements = np.eye(symbols, dtype=np.float32)[word]
            else:
                known = shared if alphabet == "shared" else prototypes(symbols, dimensions, rng)
                elements = known[word] + noise / np.sqrt(dimensions) * rng.normal(size=(len(word), dimensions))
            values.append(elements.astype(np.float32))
            problems[part].append((np.arange(drawn, drawn + len(word)), first_appearance(word)))
            drawn += len(word)
    values = np.concatenate(values)
    return gather(Sequences(values, np.arange(len(values) + 1)), problems)


def first_appearance(word):
    """Rank of every symbol by its first place in the word, shape (n,)."""
    _, first, inverse = np.unique(word, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def prototypes(symbols, dimensions, rng):
    """Random vectors of length 1, shape (symbols, dimensions)."""
    vectors = rng.normal(size=(symbols, dimensions))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
