"""Fixed-length vectors from sequences, as the baselines need them. RDDC needs none of these."""

import numpy as np


def zero(sequences):
    """Zero padding at the end to the longest sequence, flattened: shape (n, longest · d)."""
    lengths, longest = sequences.lengths, int(sequences.lengths.max())
    padded = np.zeros((len(sequences), longest, sequences.dimensions), np.float32)
    padded[np.arange(longest) < lengths[:, None]] = sequences.values
    return padded.reshape(len(sequences), -1)


def crop(sequences):
    """The first elements, as many as the shortest sequence has, flattened: shape (n, shortest · d)."""
    shortest = int(sequences.lengths.min())
    elements = sequences.offsets[:-1, None] + np.arange(shortest)
    return sequences.values[elements].reshape(len(sequences), -1)


def avg(sequences):
    """Average over time: shape (n, d)."""
    sums = np.add.reduceat(sequences.values, sequences.offsets[:-1], axis=0, dtype=np.float64)
    return (sums / sequences.lengths[:, None]).astype(np.float32)


def vector(sequences):
    """The vectors of a data set whose sequences all have length 1: shape (n, d)."""
    if sequences.lengths.max() > 1:
        raise ValueError(f"vectorization 'vector': a sequence has length {sequences.lengths.max()}, all need length 1")
    return sequences.values


VECTORIZATIONS = {"zero": zero, "crop": crop, "avg": avg, "vector": vector}


def vectorize(sequences, name):
    """Vectors of all sequences of a data set; lengths come from the whole data set, as in the paper.

    Parameters
    ----------
    sequences : Sequences
        All splits together, so that train and test agree on the length.
    name : {"zero", "crop", "avg", "vector"}

    Returns
    -------
    ndarray of shape (n, D), float32
    """
    if name not in VECTORIZATIONS:
        raise ValueError(f"vectorization {name!r}: expected one of {', '.join(VECTORIZATIONS)}")
    return VECTORIZATIONS[name](sequences)
