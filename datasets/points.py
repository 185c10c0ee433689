"""Sets of 2-D points in clusters of several shapes: the first experiment of Learning to Cluster (Meier et al., 2018).

Generated, nothing to download. Published: 1 to 5 clusters, 72 points, several shapes, noise of standard deviation 0.05.
All else is as the authors' public code has it, kutoga/learning2cluster (impl/data/misc/extended_data_gen_2d.py and
data_gen_2d.py). Every number of clusters is equally often, and the clusters of a set are drawn in groups (`SHAPES`): a
ring, a ring in another, a half ring, two half rings that interlock, or 1, 2 or 5 blobs, whose noise the published one
is. Of several groups each has a cell of a grid with empty cells among them, and two times in three neighbours of it
that are free; it is shrunk into its cells, its noise with it.

Deviation: their code gives a third cell in the y direction to the x direction instead, where another group may be.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import make_circles, make_moons

from .problems import gather
from .seeds import seed_sequence
from .sequences import Sequences

BOX = (0.25, 0.75)  # what rings and half rings lie in, of the unit square
APART = 0.2  # least distance of two blobs' centres
# Cells that a group may take beside its own, at the left, right, bottom and top, so that one side is two cells long.
WIDER = [more for more in itertools.product(range(2), repeat=4) if 1 in (more[0] + more[1], more[2] + more[3])]


def draw(sizes, seed, sequences=None, labels=None, *, clusters=(1, 5), points=72, noise=0.05):
    """Draw problems; ``ValueError`` when a set has fewer points than it may need.

    Parameters
    ----------
    clusters : (int, int)
        Fewest and most clusters.
    points : int
        Points of a set.
    noise : float
        Standard deviation of a blob that isn't shrunk.
    """
    if points < clusters[1]:
        raise ValueError(f"points: {points}, but a set may have {clusters[1]} clusters")
    values, problems, drawn = [], {}, 0
    for part, size in sizes.items():
        rng = np.random.default_rng(seed_sequence(seed, "points", part))
        problems[part] = []
        for _ in range(size):
            found, of = point_set(int(rng.integers(clusters[0], clusters[1] + 1)), points, noise, rng)
            order = rng.permutation(points)
            values.append(found[order])
            problems[part].append((np.arange(drawn, drawn + points), of[order]))
            drawn += points
    values = np.concatenate(values)
    return gather(Sequences(values, np.arange(len(values) + 1)), problems)


def point_set(count, points, noise, rng):
    """Points (n, 2) in `count` clusters, and the cluster of each, (n,)."""
    sizes = [points // count] * (count - 1) + [points // count + points % count]
    groups, clusters = [], []
    while sizes:
        possible = [shape for shape in SHAPES if shape.fits(sizes)]
        shape = possible[rng.integers(len(possible))]
        found, of = shape.draw(sum(sizes[: shape.clusters]), noise, rng)
        groups.append(found)
        clusters.append(of + count - len(sizes))
        sizes = sizes[shape.clusters :]
    return np.concatenate(groups if len(groups) == 1 else on_grid(groups, rng)), np.concatenate(clusters)


@dataclass(frozen=True)
class Shape:
    """A group of `clusters` with `least` points each or more, and an even number of all if so needed; ``draw(points,
    noise, rng)`` gives the points and the cluster of each."""

    clusters: int
    least: int
    even: bool
    draw: Callable

    def fits(self, sizes):
        """Whether the next clusters, of these sizes, may have this shape."""
        own = sizes[: self.clusters]
        return len(own) == self.clusters and min(own) >= self.least and not (self.even and sum(own) % 2)


def ring(points, noise, rng):
    """A ring."""
    found, inner = circles(2 * points, rng)
    return in_box(found[inner == 1], rng), np.zeros(points, int)


def nested_rings(points, noise, rng):
    """A ring in another."""
    found, inner = circles(points, rng)
    return in_box(found, rng), inner


def half_ring(points, noise, rng):
    """A half ring."""
    found, second = moons(2 * points, rng)
    return in_box(found[second == rng.integers(2)], rng), np.zeros(points, int)


def half_rings(points, noise, rng):
    """Two half rings that interlock."""
    found, second = moons(points, rng)
    return in_box(found, rng), second


def circles(points, rng):
    """Points of two rings, half of them in each, and which are of the inner one."""
    shape = {"noise": rng.uniform(0, 0.02), "factor": rng.uniform(0.1, 0.4)}
    return make_circles(points, random_state=int(rng.integers(2**32)), **shape)


def moons(points, rng):
    """Points of two half rings, half of them in each, and which are of the second one."""
    return make_moons(points, noise=rng.uniform(0, 0.03), random_state=int(rng.integers(2**32)))


def in_box(found, rng):
    """Points (n, 2), turned at random and stretched to the whole of `BOX` in both directions."""
    angle = rng.uniform(0, 2 * np.pi)
    turned = found @ [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    low, high = turned.min(axis=0), turned.max(axis=0)
    return BOX[0] + (BOX[1] - BOX[0]) * (turned - low) / (high - low)


def blobs(count):
    """What draws `count` blobs, one point in each and the others at random."""

    def draw_blobs(points, noise, rng):
        sizes = 1 + rng.multinomial(points - count, np.full(count, 1 / count))
        clusters = np.repeat(np.arange(count), sizes)
        return centres(count, rng)[clusters] + noise * rng.normal(size=(points, 2)), clusters

    return draw_blobs


def centres(count, rng):
    """Random points of the unit square, each `APART` or more from those before it, (count, 2)."""
    found = np.empty((0, 2))
    while len(found) < count:
        next_one = rng.uniform(size=(1, 2))
        if (np.linalg.norm(found - next_one, axis=1) >= APART).all():
            found = np.concatenate([found, next_one])
    return found


SHAPES = [
    Shape(1, 10, False, ring),
    Shape(2, 5, True, nested_rings),
    Shape(1, 10, False, half_ring),
    Shape(2, 5, False, half_rings),
    *(Shape(count, 1, False, blobs(count)) for count in (1, 2, 5)),
]


def on_grid(groups, rng):
    """Groups of points in the unit square, each shrunk into cells of its own of a grid of that square."""
    side = math.isqrt(len(groups) - 1) + 1
    width, height = side + rng.integers(side // 2 + 1, size=2)
    cells = rng.choice(width * height, len(groups), replace=False)
    own = [{(int(cell) % width, int(cell) // width)} for cell in cells]
    for i, group in enumerate(groups):
        taken, ((x, y),) = set().union(*own[:i], *own[i + 1 :]), own[i]
        areas = [rectangle(x - left, x + right, y - bottom, y + top) for left, right, bottom, top in WIDER]
        inside = rectangle(0, width - 1, 0, height - 1)
        possible = [area for area in areas if area <= inside and not area & taken]
        if possible and rng.integers(3):
            own[i] = possible[rng.integers(len(possible))]
        low, high = np.min(list(own[i]), axis=0), np.max(list(own[i]), axis=0) + 1
        groups[i] = (low + group * (high - low)) / [width, height]
    return groups


def rectangle(left, right, bottom, top):
    """Cells (x, y) of a grid, the ends included."""
    return {(x, y) for x in range(left, right + 1) for y in range(bottom, top + 1)}
