"""One's own data in an ``.npz``: all elements and where each sequence begins, or a padded array."""

import numpy as np

from .arrays import as_sequences, one_way_round
from .cells import refuse_lost
from .fetch import DataError
from .sequences import Sequences
from .storage import read_arrays


def read_npz(path, gaps):
    """Sequences, labels and identifiers (None for what there isn't) of an ``.npz``."""
    arrays = read_arrays(path)
    labels = "y" if "X" in arrays else "labels"
    expected = {"X"} if "X" in arrays else {"values", "offsets"}
    unknown, missing = sorted(arrays.keys() - expected - {labels, "ids"}), sorted(expected - arrays.keys())
    if missing or unknown:
        what = f"{missing[0]} is missing" if missing else f"unknown array {unknown[0]}"
        raise DataError(f"{path}: {what}; expected values, offsets and, if wanted, labels and ids; or X, y and ids")
    sequences = padded(path, arrays["X"]) if "X" in arrays else flat(path, arrays["values"], arrays["offsets"], gaps)
    for name in (labels, "ids"):
        if name in arrays and (arrays[name].shape != (len(sequences),) or arrays[name].dtype.kind not in "iuU"):
            raise DataError(
                f"{path}: {name}: expected {len(sequences)} integers or strings, got shape {arrays[name].shape} of"
                f" {arrays[name].dtype}"
            )
    return sequences, *([str(x) for x in arrays[name]] if name in arrays else None for name in (labels, "ids"))


def padded(path, X):
    """Sequences of a padded array."""
    if X.dtype.kind not in "fiub":
        raise DataError(f"{path}: X ({X.dtype}) must be numbers")
    try:
        sequences = as_sequences(X)
    except ValueError as error:
        flat = "values=X.reshape(-1, X.shape[2]), offsets=np.arange(len(X) + 1) * X.shape[1]"
        remedy = f"; in a file, np.savez with {flat} says which" if "? Say" in str(error) else ""
        raise DataError(f"{path}: {str(error).split('? Say')[0]}{remedy}") from error
    refuse_lost(path, one_way_round(X).reshape(-1, sequences.dimensions))
    return sequences


def flat(path, values, offsets, gaps):
    """Sequences of all their elements, one after the other, and where each begins."""
    if values.dtype.kind not in "fiu" or offsets.dtype.kind not in "iu":
        raise DataError(f"{path}: values ({values.dtype}) must be numbers and offsets ({offsets.dtype}) integers")
    values = values[:, None] if values.ndim == 1 else values
    try:
        with np.errstate(over="ignore"):  # what float32 can't hold becomes infinite and is refused as such
            if values.ndim != 2 or not np.isnan(values).any():
                sequences = Sequences(values, offsets)
            else:
                whole = Sequences(np.nan_to_num(values, posinf=np.inf, neginf=-np.inf), offsets)
                sequences = closed(path, values.astype(np.float32), whole.offsets, gaps)
    except DataError:
        raise
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    if not len(sequences):
        raise DataError(f"{path}: there are no sequences")
    refuse_lost(path, values)
    return sequences


def closed(path, values, offsets, gaps):
    """Sequences of elements with missing values among them."""
    parts = [values[start:end] for start, end in zip(offsets[:-1], offsets[1:], strict=True)]

    def place(i):
        return lambda element, column: f"{path}: sequence {i}, element {element}, column {column + 1}: NaN"

    return Sequences.from_list([gaps.close(part, place(i)) for i, part in enumerate(parts)])
