"""Zero mean and unit standard deviation, per dimension, over each sequence or over all."""

import numpy as np

SPANS = ("sequence", "all", "none")
CONSTANT = 1e-7  # of a column's largest value: a standard deviation below it is float32's rounding


def normalise(values, offsets, centre, scale):
    """Zero mean and unit standard deviation per column, each over a span of its own.

    Parameters
    ----------
    values : ndarray of shape (N, d)
    offsets : ndarray of shape (n + 1,)
        Sequence i is ``values[offsets[i]:offsets[i + 1]]``.
    centre, scale : {"sequence", "all", "none"}

    Returns
    -------
    ndarray of shape (N, d)
        A column that is constant over its span becomes 0 when it is centred; it is never scaled.
    """
    given = values
    if centre != "none":
        values = values - means(values, offsets, centre)
    if scale != "none":
        deviation = np.sqrt(means((values - means(values, offsets, scale)) ** 2, offsets, scale))
        values = values / np.where(deviation > CONSTANT * largest(given, offsets, scale), deviation, 1)
    return values


def means(values, offsets, span):
    """Mean of every column over its ``sequence``, at every element, shape (N, d), or over ``all``, shape (1, d)."""
    if span == "all":
        return values.mean(axis=0, keepdims=True)
    lengths = np.diff(offsets)
    return np.repeat(np.add.reduceat(values, offsets[:-1]) / lengths[:, None], lengths, axis=0)


def largest(values, offsets, span):
    """Largest absolute value of every column over its span, in the shapes of `means`."""
    if span == "all":
        return np.abs(values).max(axis=0, keepdims=True)
    return np.repeat(np.maximum.reduceat(np.abs(values), offsets[:-1]), np.diff(offsets), axis=0)


def standardised(values, lengths, training, span):
    """Each dimension with zero mean and unit standard deviation over each sequence, or over all training sequences.

    Parameters
    ----------
    values : ndarray of shape (N, d)
    lengths : ndarray of shape (n,)
    training : ndarray of bool, shape (n,)
        The sequences that ``all`` is about; the others are shifted and scaled by the same numbers.
    span : {"sequence", "all"}

    Returns
    -------
    ndarray of shape (N, d), float32
        A dimension that is constant over its span becomes 0.
    """
    values = values.astype(np.float64)
    if span == "sequence":
        values = normalise(values, np.concatenate([[0], np.cumsum(lengths)]), span, span)
    else:
        seen = values[np.repeat(training, lengths)]
        mean, deviation = seen.mean(axis=0), seen.std(axis=0)
        constant = deviation <= CONSTANT * np.abs(seen).max(axis=0)
        values = (values - mean) / np.where(constant, 1, deviation)
    return values.astype(np.float32)
