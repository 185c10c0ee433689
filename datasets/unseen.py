"""Problems drawn from the classes of a data set, other classes for the test than for training.

The problems of a part have objects of the data set's own split of that name, so that no object is in two parts, and
training never sees the classes of the test. As the authors' code has it (core/data/data_provider.py and
impl/data/image/image_data_provider.py of kutoga/learning2cluster): every number of clusters is equally often, a problem
has one object of each of its classes and the others of any of them, and the validation problems, by which an epoch is
chosen, have the classes of the test. With MNIST that code trains on 0, 2, 3, 4, 6, 7 and tests on 1, 5, 8, 9. Unlike
there, an object is in a problem once at most, and validation and test share none. Not there either: `joined`, `turned`.
"""

import itertools
import math
from dataclasses import replace

import numpy as np

from .problems import gather
from .seeds import seed_sequence
from .sequences import SPLITS, Sequences

JOINED = 400  # objects of a joined class at most


def draw(sizes, seed, sequences, labels, *, test_classes, clusters=(1, 4), objects=20, joined=False, turned=False):
    """Draw problems; ``ValueError`` when a part has fewer classes, or a class fewer objects, than a problem may need.

    Parameters
    ----------
    test_classes : list of int
    clusters : (int, int)
        Fewest and most clusters.
    objects : int
        Objects of a problem.
    joined : bool
        Whether training has a class more for any two classes, of their halves (`joined_classes`).
    turned : bool
        Whether training has twice the classes: each once more, turned (`turned_classes`).
    """
    if objects < clusters[1]:
        raise ValueError(f"objects: {objects}, but a problem may have {clusters[1]} clusters")
    test_classes = list(test_classes)
    train_classes = sorted(set(np.unique(labels).tolist()) - {-1, *test_classes})
    if joined:
        rng = np.random.default_rng(seed_sequence(seed, "unseen", "joined"))
        sequences, labels, further = joined_classes(sequences, labels, train_classes, rng)
        train_classes += further
    if turned:
        sequences, labels, further = turned_classes(sequences, labels, train_classes)
        train_classes += further
    allowed = {"train": train_classes, "validation": test_classes, "test": test_classes}
    problems = {}
    for part, size in sizes.items():
        rng = np.random.default_rng(seed_sequence(seed, "unseen", part))
        usable = sequences.split == SPLITS.index(part)
        pools = [np.flatnonzero(usable & (labels == label)) for label in allowed[part]]
        if len(pools) < clusters[1]:
            raise ValueError(f"clusters: up to {clusters[1]}, but the {part} problems have {len(pools)} classes")
        most = objects - clusters[0] + 1
        if min(map(len, pools)) < most:
            raise ValueError(
                f"objects: up to {most} of a class, but one has {min(map(len, pools))} for {part} problems"
            )
        problems[part] = [one_problem(pools, clusters, objects, rng) for _ in range(size)]
    return gather(sequences, problems)


def joined_classes(sequences, labels, classes, rng):
    """A data set with a class more for any two of some classes, one's first halves joined to the other's second ones.

    Of images the upper and the lower halves. Each object is of two of training that `rng` draws, and a class has at
    most `JOINED`. It is an addition of this project.

    Returns
    -------
    sequences, labels, further
        As from `turned_classes`.

    Raises
    ------
    ValueError
        For a single class, or for vectors that are no square images.
    """
    if len(classes) < 2:
        raise ValueError(f"joined: takes two classes to learn from or more, got {len(classes)}")
    pools = [np.flatnonzero((sequences.split == SPLITS.index("train")) & (labels == label)) for label in classes]
    firsts, seconds = [], []
    for pair in itertools.permutations(pools, 2):
        one, other = (rng.permutation(pool) for pool in pair)
        some = min(len(one), len(other), JOINED)
        firsts.append(one[:some])
        seconds.append(other[:some])
    before, after = (sequences.subset(np.concatenate(of)) for of in (firsts, seconds))
    images = sequences.lengths.max() == 1
    if images:
        before, after = rows_of(before, "joined"), rows_of(after, "joined")
    first, second = before.lengths // 2, after.lengths - after.lengths // 2
    starts = np.stack([before.offsets[:-1], len(before.values) + after.offsets[1:] - second], axis=1).ravel()
    sizes = np.stack([first, second], axis=1).ravel()
    elements = np.repeat(starts - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
    values = np.concatenate([before.values, after.values])[elements]
    further = labels.max() + 1 + np.arange(len(firsts))
    given = np.repeat(further, [len(of) for of in firsts])
    if images:
        return enlarged(sequences, labels, values.reshape(len(given), -1), np.ones_like(given), given)
    return enlarged(sequences, labels, values, first + second, given)


def turned_classes(sequences, labels, classes):
    """A data set with some of its classes once more: sequences from their end, square images by a quarter turn.

    Source of turned images as new classes: Santoro, Bartunov, Botvinick, Wierstra, Lillicrap: Meta-learning with
    memory-augmented neural networks, 2016, on Omniglot.

    Returns
    -------
    sequences : Sequences
    labels : ndarray of int
    further : list of int
        The new classes.

    Raises
    ------
    ValueError
        For vectors that are no square images.
    """
    chosen = np.flatnonzero((sequences.split == SPLITS.index("train")) & np.isin(labels, classes))
    if sequences.lengths.max() > 1:
        values = sequences.subset(chosen[::-1]).values[::-1]
    else:
        rows = rows_of(sequences.subset(chosen), "turned").values
        images = rows.reshape(len(chosen), -1, rows.shape[1])
        values = np.rot90(images, axes=(1, 2)).reshape(len(chosen), -1)
    return enlarged(sequences, labels, values, sequences.lengths[chosen], labels[chosen] + labels.max() + 1)


def rows_of(images, setting):
    """Images that are vectors, as sequences of their rows."""
    side = math.isqrt(images.dimensions)
    if side**2 != images.dimensions:
        raise ValueError(f"{setting}: vectors of {images.dimensions} numbers are no square images")
    return Sequences(images.values.reshape(-1, side), side * np.arange(len(images) + 1))


def enlarged(sequences, labels, values, lengths, given):
    """A data set with sequences of training more, whose labels are `given`; as `turned_classes` returns it."""
    whole = replace(
        sequences,
        values=np.concatenate([sequences.values, values]),
        offsets=np.concatenate([sequences.offsets, sequences.offsets[-1] + np.cumsum(lengths)]),
        split=np.concatenate([sequences.split, np.full(len(given), SPLITS.index("train"))]),
    )
    return whole, np.concatenate([labels, given]), np.unique(given).tolist()


def one_problem(pools, clusters, objects, rng):
    """Members and clusters of a problem, in random order."""
    count = rng.integers(clusters[0], clusters[1] + 1)
    chosen = rng.choice(len(pools), count, replace=False)
    found = rng.permutation(np.concatenate([np.arange(count), rng.integers(count, size=objects - count)]))
    members = np.empty(objects, np.int64)
    for cluster, pool in enumerate(chosen):
        inside = found == cluster
        members[inside] = rng.choice(pools[pool], inside.sum(), replace=False)
    return members, found
