"""About how long a run takes, from a few updates of it on more and more of the data, before anything is trained."""

import functools
import math
import time
import warnings

import numpy as np

from datasets.sequences import SPLITS
from methods import progress
from methods.base import InvalidInput, load_method
from methods.vectorize import vectorize

from .run import take
from .worker import GRACE, Worker, WorkerError

SHARES = (1 / 64, 1 / 64, 1 / 16, 1 / 4, 1)  # of the training sequences; the first warms up: imports, compilers
STEEPEST = 3  # power of the number of sequences that a method's time may grow with


def pilot(sequences, vectorization, algorithm, settings, n_clusters, seconds):
    """Seconds that one run may take; None where its first few updates take too long, or can't be done.

    Parameters
    ----------
    sequences : Sequences
        With a split.
    vectorization, algorithm : str
    settings : dict
    n_clusters : int
    seconds : float
        That the pilot itself may take; its process ends with it, and leaves nothing.
    """
    until, points = time.monotonic() + seconds, {}
    training = np.flatnonzero(sequences.split == SPLITS.index("train"))
    vectorized = functools.cache(lambda: take(vectorize(sequences, vectorization), training))
    whole = load_method(algorithm)(**settings | {"n_clusters": n_clusters, "random_state": 0})
    few = whole.few.keys() & whole.get_params().keys()
    times = math.prod(whole.get_params()[name] / whole.few[name] for name in few)

    def timed(size):
        X = vectorized()
        part = take(X, np.linspace(0, len(X) - 1, size).astype(int))
        start = time.monotonic()
        try:
            with warnings.catch_warnings(), progress.few_updates() as left:
                warnings.simplefilter("ignore")
                whole.set_params(**{name: whole.few[name] for name in few}).fit_seeds(part, [0])
        except InvalidInput:
            return None  # a batch takes more
        return times * (time.monotonic() - start + sum(left))

    with Worker(timed) as worker:
        for share in SHARES:
            size = min(len(training), max(math.ceil(share * len(training)), n_clusters + 1))
            try:
                points[size] = worker.ask(size, until - GRACE - time.monotonic())
            except WorkerError:
                break
    return extrapolated([point for point in points.items() if point[1] is not None], len(training))


def extrapolated(points, n):
    """Seconds for `n` sequences from (sequences, seconds) of ever more of them: linear, or as steep as the last two."""
    if not points:
        return None
    power, (size, seconds) = 1.0, points[-1]
    if points[:-1]:
        before, less = points[-2]
        power = math.log(seconds / less) / math.log(size / before)
    return seconds * (n / size) ** min(max(power, 1.0), STEEPEST)
