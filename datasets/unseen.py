"""Problems drawn from the classes of a data set, other classes for the test than for training.

The problems of a part have objects of the data set's own split of that name, so that no object is in two parts, and
training never sees the classes of the test. As the authors' code has it (core/data/data_provider.py and
impl/data/image/image_data_provider.py of kutoga/learning2cluster): every number of clusters is equally often, a problem
has one object of each of its classes and the others of any of them, and the validation problems, by which an epoch is
chosen, have the classes of the test. With MNIST that code trains on 0, 2, 3, 4, 6, 7 and tests on 1, 5, 8, 9. Unlike
there, an object is in a problem once at most, and validation and test share none. Not there either: `turned`.
"""

import math
from dataclasses import replace

import numpy as np

from .problems import gather
from .seeds import seed_sequence
from .sequences import SPLITS


def draw(sizes, seed, sequences, labels, *, test_classes, clusters=(1, 4), objects=20, turned=False):
    """Draw problems; ``ValueError`` when a part has fewer classes, or a class fewer objects, than a problem may need.

    Parameters
    ----------
    test_classes : list of int
    clusters : (int, int)
        Fewest and most clusters.
    objects : int
        Objects of a problem.
    turned : bool
        Whether training has twice the classes: each once more, turned (`turned_classes`).
    """
    if objects < clusters[1]:
        raise ValueError(f"objects: {objects}, but a problem may have {clusters[1]} clusters")
    test_classes = list(test_classes)
    train_classes = sorted(set(np.unique(labels).tolist()) - {-1, *test_classes})
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
    chosen = np.flatnonzero(np.isin(labels, classes))
    side = math.isqrt(sequences.dimensions)
    if sequences.lengths.max() > 1:
        values = sequences.subset(chosen[::-1]).values[::-1]
    elif side**2 == sequences.dimensions:
        values = np.rot90(sequences.subset(chosen).values.reshape(-1, side, side), axes=(1, 2)).reshape(len(chosen), -1)
    else:
        raise ValueError(f"turned: vectors of {sequences.dimensions} numbers are no square images")
    lengths, first = sequences.lengths, labels.max() + 1
    whole = replace(
        sequences,
        values=np.concatenate([sequences.values, values]),
        offsets=np.concatenate([[0], np.cumsum(np.concatenate([lengths, lengths[chosen]]))]),
        split=np.concatenate([sequences.split, sequences.split[chosen]]),
    )
    return whole, np.concatenate([labels, labels[chosen] + first]), [int(label + first) for label in classes]


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
