"""The ragged container: sequences of different lengths as one flat array and offsets, never padded."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from .seeds import seed_sequence, split_words
from .storage import read_arrays, write_arrays

SPLITS = ("train", "validation", "test")
NUMBERS = ("n_classes", "average_length", "resample_length")
TYPES = {"values": "float32", "offsets": "int64", "split": "int8"} | dict.fromkeys(NUMBERS, "int64")
POINTS = 32  # elements of a sequence that the input ``resample`` has, unless a data set says otherwise
UNKNOWN = -1  # the label of a sequence whose class isn't known


@dataclass(frozen=True)
class Sequences:
    """Sequences of d-dimensional vectors. They carry no labels, so that nothing that trains on them can look at any.

    Parameters
    ----------
    values : ndarray of shape (N, d), float32
        All elements of all sequences, one after the other.
    offsets : ndarray of shape (n + 1,), int64
        Sequence i is ``values[offsets[i]:offsets[i + 1]]``.
    split : ndarray of shape (n,), int8, optional
        Index into `SPLITS`; everything is ``train`` when left out.
    n_classes : int
        Number of classes of the data set, which its protocol tells every method; 0 where it isn't known.
    average_length : int
        What a time average divides by, such as the length of the padded array; 0 for each sequence's own length.
    resample_length : int
        Elements of every sequence as the input ``resample`` has them.

    Raises
    ------
    ValueError
        For a shape or type that does not fit, an empty sequence, or a value that is not finite, naming the sequence.
    """

    values: np.ndarray
    offsets: np.ndarray
    split: np.ndarray | None = None
    n_classes: int = 0
    average_length: int = 0
    resample_length: int = POINTS

    def __post_init__(self):
        set_field = object.__setattr__  # the only way to fill the defaults of a frozen dataclass
        set_field(self, "values", np.ascontiguousarray(self.values, dtype=np.float32))
        set_field(self, "offsets", np.asarray(self.offsets, dtype=np.int64))
        if self.values.ndim != 2 or self.values.shape[1] == 0:
            raise ValueError(f"values: expected shape (N, d) with d > 0, got {self.values.shape}")
        if (
            self.offsets.ndim != 1
            or len(self.offsets) < 1
            or self.offsets[0] != 0
            or self.offsets[-1] != len(self.values)
        ):
            raise ValueError(
                f"offsets: expected 0, ..., {len(self.values)} (the number of elements), one more than sequences"
            )
        split = np.zeros(len(self), np.int8) if self.split is None else np.asarray(self.split, dtype=np.int8)
        if split.shape != (len(self),):
            raise ValueError(f"split: expected shape ({len(self)},), got {split.shape}")
        set_field(self, "split", split)
        for name in NUMBERS:
            number = getattr(self, name)
            if np.ndim(number) or int(number) < 0:
                raise ValueError(f"{name}: expected a number from 0, got {number}")
            set_field(self, name, int(number))
        if len(self) and self.lengths.min() < 1:
            raise ValueError(
                f"sequence {int(self.lengths.argmin())}: length {int(self.lengths.min())}, at least 1 is needed"
            )
        if self.split.size and not (self.split.min() >= 0 and self.split.max() < len(SPLITS)):
            raise ValueError(
                f"split: expected 0 to {len(SPLITS) - 1}, got {int(self.split.min())} to {int(self.split.max())}"
            )
        finite = np.isfinite(self.values).all(axis=1)
        if not finite.all():
            element = int(finite.argmin())
            sequence = int(np.searchsorted(self.offsets, element, side="right")) - 1
            raise ValueError(f"sequence {sequence}, element {element - self.offsets[sequence]}: NaN or infinite value")

    @classmethod
    def from_list(cls, sequences, split=None, n_classes=0):
        """Build from a list of arrays of shape (length_i, d), or (length_i,) for one dimension.

        Raises
        ------
        ValueError
            When two sequences differ in d, naming the sequence, and when there is none.
        """
        arrays = [np.asarray(sequence, dtype=np.float32) for sequence in sequences]
        if not arrays:
            raise ValueError("no sequences: at least 1 is needed")
        arrays = [array[:, None] if array.ndim == 1 else array for array in arrays]
        for i, array in enumerate(arrays):
            if array.ndim != 2 or array.shape[1] != arrays[0].shape[1]:
                raise ValueError(
                    f"sequence {i}: shape {array.shape}, expected (length, {arrays[0].shape[-1]}) as in sequence 0"
                )
        offsets = np.concatenate([[0], np.cumsum([len(array) for array in arrays])])
        return cls(np.concatenate(arrays), offsets, split, n_classes)

    def __len__(self):
        return len(self.offsets) - 1

    def __getitem__(self, i):
        """Sequence `i` as a view of shape (length, d)."""
        i = range(len(self))[i]
        return self.values[self.offsets[i] : self.offsets[i + 1]]

    @property
    def lengths(self):
        """Number of elements of every sequence, shape (n,)."""
        return np.diff(self.offsets)

    @property
    def dimensions(self):
        """Number d of values in an element."""
        return self.values.shape[1]

    def subset(self, index):
        """Sequences at `index` (integers or a mask), in that order."""
        index = np.arange(len(self))[index]
        lengths = self.lengths[index]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        elements = np.repeat(self.offsets[:-1][index] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return replace(self, values=self.values[elements], offsets=offsets, split=self.split[index])

    def part(self, name):
        """Sequences of one split: ``train``, ``validation`` or ``test``."""
        return self.subset(self.split == SPLITS.index(name))

    def digest(self):
        """SHA-256 over content, the same on every machine."""
        sha = hashlib.sha256()
        for array in (self.values.astype("<f4"), self.offsets.astype("<i8"), self.split):
            sha.update(repr(array.shape).encode())
            sha.update(np.ascontiguousarray(array).tobytes())
        if self.average_length:
            sha.update(f"average_length {self.average_length}".encode())
        if self.resample_length != POINTS:
            sha.update(f"resample_length {self.resample_length}".encode())
        return sha.hexdigest()

    def save(self, path):
        """Write as ``.npz`` without pickle, whole or not at all."""
        numbers = {name: np.int64(getattr(self, name)) for name in NUMBERS}
        write_arrays(path, values=self.values, offsets=self.offsets, split=self.split, **numbers)

    @classmethod
    def load(cls, path):
        """Read what `save` wrote.

        Raises
        ------
        ValueError
            When the file is broken or lacks an array, naming the file.
        """
        arrays = read_arrays(path)
        missing = {"values", "offsets"} - arrays.keys()
        unknown = arrays.keys() - TYPES.keys()
        if missing or unknown:
            raise ValueError(f"{path}: missing arrays {sorted(missing)}, unknown arrays {sorted(unknown)}")
        for name, array in arrays.items():
            if array.dtype != TYPES[name]:
                raise ValueError(f"{path}: {name}: {array.dtype}, expected {TYPES[name]}")
        try:
            return cls(**arrays)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error


def check_labels(labels, n):
    """Labels as an int64 array: a class 0, 1, ... or `UNKNOWN` for each of `n` sequences; ValueError for others."""
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ValueError(f"labels: expected shape ({n},), got {labels.shape}")
    if labels.size and (labels.dtype.kind not in "iu" or labels.min() < UNKNOWN):
        raise ValueError(f"labels: expected integers from 0, or {UNKNOWN} where a class isn't known")
    return labels.astype(np.int64)


def load_labels(path):
    """Labels of a data set's sequences, shape (n,), from the file of their own that only scores and figures open."""
    arrays = read_arrays(path)
    if arrays.keys() != {"labels"}:
        raise ValueError(f"{path}: expected one array, labels, got {', '.join(sorted(arrays)) or 'none'}")
    try:
        return check_labels(arrays["labels"], arrays["labels"].size)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def load_split(path):
    """Split of a data set's sequences, shape (n,), from the file that another split of theirs has of its own."""
    arrays = read_arrays(path)
    if arrays.keys() != {"split"} or arrays["split"].dtype != TYPES["split"]:
        raise ValueError(f"{path}: expected one array, split, of {TYPES['split']}")
    return arrays["split"]


def stratified_split(labels, seed, name, fractions=(0.8, 0.1, 0.1), number=0):
    """Split every class by the same fractions.

    Parameters
    ----------
    labels : array of shape (n,)
    seed : int
    name : str
        The data set's name: another one gives another stream.
    fractions : sequence of 3 floats
        Train, validation, test; must sum to 1.
    number : int
        Which of several splits; each has a stream of its own.

    Returns
    -------
    ndarray of shape (n,), int8
        Index into `SPLITS`.

    Raises
    ------
    ValueError
        For other fractions.
    """
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-9:
        raise ValueError(f"fractions: expected three that sum to 1, got {list(fractions)}")
    labels = np.asarray(labels)
    rng = np.random.default_rng(seed_sequence(seed, name, "split", *split_words(number)))
    split = np.empty(len(labels), np.int8)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        bounds = np.rint(np.cumsum(fractions)[:2] * len(members)).astype(int)
        for part, chosen in enumerate(np.split(members, bounds)):
            split[chosen] = part
    return split
