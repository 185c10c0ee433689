"""Sets of 2-D points in clusters of several shapes: the first experiment of Learning to Cluster (Meier et al., 2018).

Generated, nothing to download. Published: 1 to 5 clusters, 72 points, several shapes, noise of standard deviation 0.05.
Own choice: the shapes (a ring, a half ring, a line, as large as `radius`, or a blob), centres at least `distance` apart
in the unit square. Shapes that come near each other overlap in places. As the authors' public code has it: every number
of clusters is equally often, with equally many points a cluster, but for its blobs.

Deviations: in that code (impl/data/misc/extended_data_gen_2d.py of kutoga/learning2cluster) two rings may lie in each
other and two half rings interlock; it has no lines; the noise of 0.05 is that of blobs alone, rings and half rings have
less; and what was drawn together is shrunk into the cells of a grid, its noise with it.
"""

import numpy as np

from .problems import gather
from .seeds import seed_sequence
from .sequences import Sequences

SHAPES = ("blob", "ring", "half ring", "line")
TRIES = 100_000  # a few seconds; five centres of the default distance take about 50


def draw(
    sizes, seed, sequences=None, labels=None, *, clusters=(1, 5), points=72, noise=0.05, radius=0.1, distance=0.35
):
    """Draw problems; ``ValueError`` when a set has fewer points than it may need, or the square no room for centres.

    Parameters
    ----------
    clusters : (int, int)
        Fewest and most clusters.
    points : int
        Points of a set.
    noise, radius, distance : float
        Standard deviation of the noise, size of the shapes, least distance of two centres.
    """
    if points < clusters[1]:
        raise ValueError(f"points: {points}, but a set may have {clusters[1]} clusters")
    values, problems, drawn = [], {}, 0
    for part, size in sizes.items():
        rng = np.random.default_rng(seed_sequence(seed, "points", part))
        problems[part] = []
        for _ in range(size):
            found = np.arange(points) % rng.integers(clusters[0], clusters[1] + 1)
            rng.shuffle(found)
            values.append(point_set(found, noise, radius, distance, rng))
            problems[part].append((np.arange(drawn, drawn + points), found))
            drawn += points
    values = np.concatenate(values)
    return gather(Sequences(values, np.arange(len(values) + 1)), problems)


def point_set(clusters, noise, radius, distance, rng):
    """Points in clusters of a random shape each, shape (n, 2)."""
    count = clusters.max() + 1
    middles = centres(count, distance, rng)[clusters]
    kind = rng.choice(SHAPES, count)[clusters, None]
    turn = rng.uniform(0, 2 * np.pi, count)[clusters]
    along = rng.uniform(-1, 1, len(clusters))
    ring = unit(turn + np.pi * along)
    shapes = [np.zeros_like(ring), ring, unit(turn + np.pi / 2 * along), along[:, None] * unit(turn)]
    shape = np.select([kind == name for name in SHAPES], shapes)
    return middles + radius * shape + noise * rng.normal(size=shape.shape)


def unit(angle):
    """Points of the unit circle, shape (n, 2)."""
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def centres(count, distance, rng):
    """Random points of the unit square, no two nearer than `distance`, (count, 2); ``ValueError`` for too many."""
    for _ in range(TRIES):
        found = rng.uniform(size=(count, 2))
        apart = np.linalg.norm(found[:, None] - found, axis=2)[np.triu_indices(count, 1)]
        if (apart >= distance).all():
            return found
    raise ValueError(f"distance: the unit square has hardly room for {count} centres {distance} apart")
