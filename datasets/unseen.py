"""Problems drawn from the classes of a data set, other classes for the test than for training.

Training and validation problems have objects of the training classes, from the data set's own training and validation
split; test problems have objects of the other classes, which training never saw. No class and no object is on both
sides. Every number of clusters is equally often, and a problem has equally many objects of each of its classes, or one
more. Own choice, as the text that we have doesn't say: the number of objects and which classes are left for the test.
"""

import numpy as np

from .problems import gather
from .seeds import seed_sequence
from .sequences import SPLITS


def draw(sizes, seed, sequences, labels, *, test_classes, clusters=(1, 4), objects=20):
    """Draw problems; ``ValueError`` when a side has fewer classes, or a class fewer objects, than a problem may need.

    Parameters
    ----------
    test_classes : list of int
    clusters : (int, int)
        Fewest and most clusters.
    objects : int
        Objects of a problem.
    """
    train_classes = sorted(set(np.unique(labels).tolist()) - {-1, *test_classes})
    allowed = {"train": train_classes, "validation": train_classes, "test": list(test_classes)}
    problems = {}
    for part, size in sizes.items():
        rng = np.random.default_rng(seed_sequence(seed, "unseen", part))
        usable = (part == "test") | (sequences.split == SPLITS.index(part))
        pools = [np.flatnonzero(usable & (labels == label)) for label in allowed[part]]
        if len(pools) < clusters[1]:
            raise ValueError(f"clusters: up to {clusters[1]}, but the {part} problems have {len(pools)} classes")
        most = -(-objects // clusters[0])
        if min(map(len, pools)) < most:
            raise ValueError(
                f"objects: up to {most} of a class, but one has {min(map(len, pools))} for {part} problems"
            )
        problems[part] = [one_problem(pools, clusters, objects, rng) for _ in range(size)]
    return gather(sequences, problems)


def one_problem(pools, clusters, objects, rng):
    """Members and clusters of a problem, in random order."""
    count = rng.integers(clusters[0], clusters[1] + 1)
    chosen = rng.choice(len(pools), count, replace=False)
    found = rng.permutation(np.arange(objects) % count)
    members = np.empty(objects, np.int64)
    for cluster, pool in enumerate(chosen):
        inside = found == cluster
        members[inside] = rng.choice(pools[pool], inside.sum(), replace=False)
    return members, found
