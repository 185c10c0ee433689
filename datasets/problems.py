"""Clustering problems with known clusters: what a supervised method learns from, where a data set has one label each.

A problem is a list of objects and the cluster of each. Objects are sequences (a vector is a sequence of one element),
kept once in a pool: many problems can be drawn from few objects.
"""

import hashlib
import importlib
from dataclasses import dataclass, replace

import numpy as np

from .sequences import NUMBERS, SPLITS, UNKNOWN, Sequences
from .storage import read_arrays, write_arrays


@dataclass(frozen=True)
class Problems:
    """Clustering problems of any number of objects each.

    Parameters
    ----------
    objects : Sequences
        The pool.
    members : ndarray of shape (M,), int64
        Objects of all problems, one problem after the other, in the order in which a method reads them.
    offsets : ndarray of shape (p + 1,), int64
        Problem i is ``members[offsets[i]:offsets[i + 1]]``.
    clusters : ndarray of shape (M,), int64
        Cluster of every member within its problem, 0, 1, ...; -1 where it is withheld, as from all who learn it is for
        the test problems.
    split : ndarray of shape (p,), int8
        Index into `datasets.sequences.SPLITS`.

    Raises
    ------
    ValueError
        For a shape that doesn't fit, an empty problem, an object or cluster that there isn't, or a problem whose
        clusters leave a number out, since the highest tells how many there are.
    """

    objects: Sequences
    members: np.ndarray
    offsets: np.ndarray
    clusters: np.ndarray
    split: np.ndarray

    def __post_init__(self):
        for name, dtype in (("members", "i8"), ("offsets", "i8"), ("clusters", "i8"), ("split", "i1")):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype))
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.members) or (self.sizes < 1).any():
            raise ValueError(f"offsets: expected 0, ..., {len(self.members)} (the number of members), rising")
        for name, given, expected in (
            ("clusters", len(self.clusters), len(self.members)),
            ("split", len(self.split), len(self)),
        ):
            if given != expected:
                raise ValueError(f"{name}: expected shape ({expected},), got ({given},)")
        if len(self.members) and not 0 <= self.members.min() <= self.members.max() < len(self.objects):
            raise ValueError(f"members: expected 0 to {len(self.objects) - 1}, the last object")
        if len(self.clusters) and self.clusters.min() < UNKNOWN:
            raise ValueError(f"clusters: expected integers from 0, or {UNKNOWN}, got {self.clusters.min()}")
        gaps = np.flatnonzero(self._numbers_used() != np.maximum.reduceat(self.clusters, self.offsets[:-1]) + 1)
        if len(gaps):
            raise ValueError(f"clusters: expected 0, 1, ... in each problem; problem {gaps[0]} leaves a number out")

    def __len__(self):
        return len(self.offsets) - 1

    def _numbers_used(self):
        """How many different clusters that aren't withheld every problem has, shape (p,)."""
        known, most = self.clusters >= 0, self.clusters.max(initial=0) + 1
        used = np.unique(np.repeat(np.arange(len(self)), self.sizes)[known] * most + self.clusters[known])
        return np.bincount(used // most, minlength=len(self))

    @property
    def sizes(self):
        """Number of objects of every problem, shape (p,)."""
        return np.diff(self.offsets)

    @property
    def counts(self):
        """Number of clusters of every problem, shape (p,); 1 where they are withheld."""
        return np.array([len(np.unique(clusters)) for clusters in self.split_up(self.clusters)], np.int64)

    def split_up(self, values):
        """Values of all members, shape (M, ...), as a list with one array a problem."""
        return np.split(values, self.offsets[1:-1])

    def part(self, name):
        """Problems of one split, with the same pool."""
        chosen = self.split == SPLITS.index(name)
        inside = np.repeat(chosen, self.sizes)
        offsets = np.concatenate([[0], np.cumsum(self.sizes[chosen])])
        return Problems(self.objects, self.members[inside], offsets, self.clusters[inside], self.split[chosen])

    def withhold(self, name):
        """The same problems without the clusters of one split."""
        inside = np.repeat(self.split == SPLITS.index(name), self.sizes)
        return replace(self, clusters=np.where(inside, UNKNOWN, self.clusters))

    def digest(self):
        """SHA-256 over content."""
        sha = hashlib.sha256(self.objects.digest().encode())
        for array in (self.members, self.offsets, self.clusters, self.split):
            sha.update(repr(array.shape).encode() + array.tobytes())
        return sha.hexdigest()

    def save(self, path):
        """Write as ``.npz`` without pickle, whole or not at all; objects that no problem has are left out."""
        used, members = np.unique(self.members, return_inverse=True)
        pool = self.objects.subset(used)
        arrays = {name: getattr(self, name) for name in ("offsets", "clusters", "split")}
        arrays |= {name: np.int64(getattr(pool, name)) for name in NUMBERS}
        write_arrays(path, values=pool.values, object_offsets=pool.offsets, members=members, **arrays)

    @classmethod
    def load(cls, path):
        """Read what `save` wrote; ``ValueError`` naming the file when it is broken or lacks an array."""
        arrays = read_arrays(path)
        try:
            numbers = {name: arrays.pop(name) for name in NUMBERS if name in arrays}
            pool = Sequences(*(arrays.pop(name) for name in ("values", "object_offsets")), **numbers)
            return cls(pool, **arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from error


def gather(objects, problems):
    """Problems from lists.

    Parameters
    ----------
    objects : Sequences
    problems : dict of str to list of (ndarray, ndarray)
        Split to the members and clusters of each of its problems.
    """
    pairs = [pair for part in SPLITS for pair in problems.get(part, [])]
    split = np.repeat(np.arange(len(SPLITS)), [len(problems.get(part, [])) for part in SPLITS])
    members, clusters = zip(*pairs, strict=True)
    offsets = np.concatenate([[0], np.cumsum([len(chosen) for chosen in members])])
    return Problems(objects, np.concatenate(members), offsets, np.concatenate(clusters), split)


def draw_problems(job, sequences=None, labels=None):
    """Problems of one task from the function ``draw`` of its file in ``datasets/``.

    That takes ``sizes``, split to its number of problems; the ``seed``, of which every split has a stream of its own;
    the data set that the problems come from, with splits, and its labels, (n,), or None for both; and settings.
    """
    generator = importlib.import_module(f"datasets.{job['problems']}")
    return generator.draw(job["sizes"], job["seed"], sequences, labels, **job["settings"])
