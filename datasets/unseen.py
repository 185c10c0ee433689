"""Problems drawn from the classes of a data set, other classes for the test than for training.

The problems of a part have objects of the data set's own split of that name, so that no object is in two parts, and
training never sees the classes of the test. As the authors' code has it (core/data/data_provider.py and
impl/data/image/image_data_provider.py of kutoga/learning2cluster): every number of clusters is equally often, a problem
has one object of each of its classes and the others of any of them, and the validation problems, by which an epoch is
chosen, have the classes of the test. With MNIST that code trains on 0, 2, 3, 4, 6, 7 and tests on 1, 5, 8, 9.

Our own addition are more classes to learn from: images turned by quarters, as in Santoro et al. (Meta-learning with
memory-augmented neural networks, ICML 2016), each turn of a class a class of its own.
"""

import math
from dataclasses import replace

import numpy as np

from .problems import gather
from .seeds import seed_sequence
from .sequences import SPLITS


def draw(sizes, seed, sequences, labels, *, test_classes, clusters=(1, 4), objects=20, turned=None):
    """Draw problems; ``ValueError`` when a part has fewer classes, or a class fewer objects, than a problem may need.

    Parameters
    ----------
    test_classes : list of int
    clusters : (int, int)
        Fewest and most clusters.
    objects : int
        Objects of a problem.
    turned : dict or None
        Training class to the numbers of quarters that its images are turned by, each of which makes a class more.
    """
    if objects < clusters[1]:
        raise ValueError(f"objects: {objects}, but a problem may have {clusters[1]} clusters")
    test_classes = list(test_classes)
    for label, quarters in (turned or {}).items():
        if str(label) in map(str, test_classes):  # a key of JSON is a string
            raise ValueError(f"turned: {label}, a class of the test; training would see its images")
        for number in np.ravel(quarters).tolist():
            sequences, labels = with_turned(sequences, labels, label, number)
    train_classes = sorted(set(np.unique(labels).tolist()) - {-1, *test_classes})
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


def with_turned(sequences, labels, label, quarters):
    """Sequences and labels, and behind them the training images of one class turned, as a class of their own."""
    side = math.isqrt(sequences.dimensions)
    if side**2 != sequences.dimensions or (sequences.lengths != 1).any():
        raise ValueError(f"turned: elements of {sequences.dimensions} values; expected square images, an element each")
    mine = (labels.astype(str) == str(label)) & (sequences.split == SPLITS.index("train"))
    if not mine.any() or quarters not in (1, 2, 3):
        raise ValueError(f"turned: {label}: {quarters}, expected a class of the training images: 1, 2 or 3 quarters")
    images = np.rot90(sequences.values[mine].reshape(-1, side, side), quarters, axes=(1, 2))
    values = np.concatenate([sequences.values, images.reshape(len(images), -1)])
    split = np.concatenate([sequences.split, sequences.split[mine]])
    more = replace(sequences, values=values, offsets=np.arange(len(values) + 1), split=split)
    return more, np.concatenate([labels, np.full(len(images), labels.max() + 1)])


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
