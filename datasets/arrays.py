"""Sequences in arrays, as people have them: a list, or padded; never read the wrong way round in silence."""

import warnings

import numpy as np

from .sequences import Sequences

LISTED = "a list of arrays of shape (length, dimensions)"


def as_sequences(X):
    """Sequences of what a caller has.

    Parameters
    ----------
    X : Sequences, list of array, or ndarray
        Arrays of a list have shape (length, d), or (length,) for one dimension. An ndarray has shape (n, length), or it
        is padded with NaN at the ends and of shape (n, length, d), as tslearn has it, or (n, d, length), as aeon has.

    Returns
    -------
    Sequences
        NaN at the end of a sequence is left out.

    Raises
    ------
    ValueError
        For anything else, and for an array of which it can't be told which axis is time.
    """
    if isinstance(X, Sequences):
        return X
    if np.ma.is_masked(X):
        raise ValueError("X: there are masked values in it; fill them, or leave the elements out")
    if isinstance(X, np.ndarray) and X.dtype.kind in "fiub":
        X = list(one_way_round(X))
    if not isinstance(X, (list, tuple)) and getattr(X, "dtype", None) != np.dtype(object):
        raise ValueError(f"X: {type(X).__name__}, expected {LISTED}")
    arrays = [one_array(i, x) for i, x in enumerate(X)]
    if arrays and all(array.ndim == 0 for array in arrays):
        raise ValueError("X: one sequence of numbers; put it in a list: [X]")
    check_turned(arrays)
    try:
        return Sequences.from_list([without_padding(i, array) for i, array in enumerate(arrays)])
    except ValueError as error:
        shapes = {array.shape for array in arrays}
        if all(len(shape) == 2 for shape in shapes) and len({d for d, _ in shapes}) == 1 < len(shapes):
            raise ValueError(
                f"{error}; arrays of shape (dimensions, length), as aeon has them, have to be transposed"
            ) from error
        raise


def one_array(i, x):
    """A sequence as an array of floats."""
    if np.ma.is_masked(x):
        raise ValueError(f"X: sequence {i}: there are masked values in it; fill them, or leave the elements out")
    try:
        array = np.asarray(x)
        if any(isinstance(value, str | bytes) for value in (array.flat if array.dtype == object else ())):
            raise ValueError("there is text in it")
        if array.dtype.kind not in "fiubO":
            raise ValueError(f"it is of {array.dtype}")
        with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite and is refused as such
            return np.asarray(array, dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"X: sequence {i}: no array of numbers ({error})") from error


def check_turned(arrays):
    """Refuse arrays that all have one line, and warn where all have as many lines and more columns than that."""
    shapes = {array.shape for array in arrays}
    if len(shapes) == 1 and len(shape := shapes.pop()) == 2 and 0 < shape[0] < shape[1]:
        told = f"X: every array has shape {shape}: {shape[0]} elements of {shape[1]} dimensions?"
        if shape[0] == 1:
            raise ValueError(f"{told} If not, transpose them; if so, say Sequences.from_list(X)")
        warnings.warn(f"{told} If not, transpose them: an array is (length, dimensions)", stacklevel=4)


def without_padding(i, array):
    """Sequence `i`, of shape (length, d), up to its last element that isn't NaN altogether."""
    if array.ndim not in (1, 2) or not array.size:
        raise ValueError(f"X: sequence {i} has shape {array.shape}, expected {LISTED}")
    values = array[:, None] if array.ndim == 1 else array
    there = np.flatnonzero(~np.isnan(values).all(axis=1))
    if not len(there):
        raise ValueError(f"X: sequence {i}: all of its values are NaN")
    return values[: there[-1] + 1]


def one_way_round(array):
    """An array of several sequences with time as its second axis; ValueError where it can't be told which that is."""
    if array.ndim == 1:
        raise ValueError("X: one sequence of numbers; put it in a list: [X]")
    if array.ndim == 2 and array.shape[1] == 1:
        raise ValueError(f"X: {len(array)} sequences of one element, or one sequence? Say list(X), or [X]")
    if array.ndim == 2:
        return array
    if array.ndim != 3:
        raise ValueError(f"X: shape {array.shape}, expected {LISTED}")
    flipped = array.transpose(0, 2, 1)
    if array.shape[2] == 1 or array.shape[1] == 1:
        return array if array.shape[2] == 1 else flipped
    ways = [way for way in (array, flipped) if ends_in_nan(way)]
    if len(ways) == 1:
        return ways[0]
    if np.isnan(array).any():
        raise ValueError(f"X: shape {array.shape} with NaN elsewhere than at the ends of sequences")
    either = "(n, length, dimensions) or (n, dimensions, length)"
    raise ValueError(f"X: shape {array.shape} is {either}? Say list(X), or list(X.transpose(0, 2, 1))")


def ends_in_nan(array):
    """Whether NaN stands in whole elements at the ends of some sequences, and nowhere else; time is the second axis."""
    missing = np.isnan(array)
    whole = missing.all(axis=2)
    return bool(missing.any()) and (missing == whole[:, :, None]).all() and (np.diff(whole.astype(int)) >= 0).all()
