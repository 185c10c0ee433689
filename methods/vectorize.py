"""What a method reads: fixed-length vectors, as the baselines need them, or the sequences, as RDDC does."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from datasets.seeds import seed_sequence


def zero(sequences, lengths):
    """Zero padding at the end to the longest of the `lengths`, flattened: shape (n, longest · d)."""
    return firsts(sequences, int(lengths.max()))


def crop(sequences, lengths):
    """The first elements, as many as the shortest of the `lengths`, flattened: shape (n, shortest · d)."""
    return firsts(sequences, int(lengths.min()))


def firsts(sequences, count):
    """The first `count` elements, zeros after the end of a sequence that has fewer, flattened: shape (n, count · d)."""
    found = np.zeros((len(sequences), count, sequences.dimensions), np.float32)
    moment = np.arange(len(sequences.values)) - np.repeat(sequences.offsets[:-1], sequences.lengths)
    found[np.arange(count) < sequences.lengths[:, None]] = sequences.values[moment < count]
    return found.reshape(len(sequences), -1)


def avg(sequences, _lengths):
    """Average over time, by each sequence's length or by the data set's ``average_length``: shape (n, d)."""
    sums = np.add.reduceat(sequences.values, sequences.offsets[:-1], axis=0, dtype=np.float64)
    return (sums / (sequences.average_length or sequences.lengths[:, None])).astype(np.float32)


def resample(sequences, _lengths):
    """Every sequence at evenly spaced moments from its first element to its last, linear between: (n, length · d).

    There are as many moments as the data set's ``resample_length``.
    """
    return moments(sequences, sequences.resample_length).astype(np.float32)


def moments(sequences, points):
    """`resample` to any number of points, float64."""
    place = np.linspace(0, 1, points) * (sequences.lengths - 1)[:, None]
    before = np.floor(place).astype(int)
    after = np.minimum(before + 1, (sequences.lengths - 1)[:, None])
    start, weight = sequences.offsets[:-1, None], (place - before)[:, :, None]
    one, other = sequences.values[start + before], sequences.values[start + after]
    values = one * (1 - weight) + other * weight
    # Rounding alone leads out of these bounds, and would tell constant sequences apart by their lengths.
    return values.clip(np.minimum(one, other), np.maximum(one, other)).reshape(len(sequences), -1)


def step_for(sequences, longest):
    """By how much `shortened` makes the longest of the sequences so long; 1 for None or where it isn't longer."""
    return max(1.0, float(sequences.lengths.max()) / longest) if longest else 1.0


def shortened(sequences, step):
    """Sequences with means over `step` neighbours, a float, in place of their elements; lengths keep their ratios."""
    if step == 1:
        return sequences
    moment = np.arange(len(sequences.values)) - np.repeat(sequences.offsets[:-1], sequences.lengths)
    block = (moment / step).astype(np.int64)
    firsts = np.flatnonzero((moment == 0) | (np.diff(block, prepend=0) != 0))
    counts = np.diff(firsts, append=len(moment))
    means = np.add.reduceat(sequences.values.astype(np.float64), firsts) / counts[:, None]
    return replace(sequences, values=means, offsets=np.searchsorted(firsts, sequences.offsets))


def vector(sequences, _lengths):
    """The vectors of a data set whose sequences all have length 1: shape (n, d)."""
    if sequences.lengths.max() > 1:
        from .base import InvalidInput  # here, so that a summary reads records without scikit-learn

        raise InvalidInput(
            f"vectorization 'vector': a sequence has length {sequences.lengths.max()}, all need length 1"
        )
    return sequences.values


def none(sequences, _lengths):
    """The sequences as they are."""
    return sequences


def shuffled(sequences, _lengths):
    """A control: the elements of every sequence in a random order, the same in every run."""
    rng = np.random.default_rng(seed_sequence(0, "shuffled"))
    owner = np.repeat(np.arange(len(sequences)), sequences.lengths)
    order = np.lexsort((rng.random(len(owner)), owner))
    return replace(sequences, values=sequences.values[order])


class Input(NamedTuple):
    """What can be read of sequences: its title in tables, and what makes it of them and of the lengths that count."""

    title: str
    make: Callable


# The one list of inputs: the schemas, the planner and the tables take them from here.
VECTORS = {
    "zero": Input("zero padding", zero),
    "crop": Input("cropping", crop),
    "avg": Input("time average", avg),
    "resample": Input("resampled", resample),
    "vector": Input("vectors", vector),
}
SEQUENCES = {"none": Input("variable length", none), "shuffled": Input("time-shuffled", shuffled)}
INPUTS = VECTORS | SEQUENCES


def vectorize(sequences, name, alone=None):
    """What a method reads of a data set; the vectors' length comes from the whole data set.

    Parameters
    ----------
    sequences : Sequences
        All splits together, so that train and test agree on the length.
    name : str
        One of `INPUTS`.
    alone : ndarray of int, optional
        Indices of the sequences that the vectors' length comes from, where these are clustered by themselves.

    Returns
    -------
    ndarray of shape (n, D), float32, or Sequences

    Raises
    ------
    ValueError
        For another `name`, and for ``vector`` where a sequence has more than one element.
    """
    if name not in INPUTS:
        raise ValueError(f"vectorization {name!r}: expected one of {', '.join(INPUTS)}")
    return INPUTS[name].make(sequences, sequences.lengths if alone is None else sequences.lengths[alone])
