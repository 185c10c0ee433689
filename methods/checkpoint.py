"""Checkpoints inside a long training: interrupted and resumed equals uninterrupted, bit for bit on a CPU.

A training is a row of phases, the calls of `methods.deep.minimise`. What lies between two calls is computed again on
resuming; a phase that was finished is taken over whole, and one that was under way goes on after the last epoch saved.
A file is JSON and arrays in an ``.npz``, never pickled, written whole or not at all, and it carries the training's
origin (settings, data, sources, versions): a checkpoint of anything else is refused with the reason.
"""

import contextlib
import contextvars
import json
import sys
import time
from pathlib import Path

import numpy as np

from datasets.storage import read_arrays, write_arrays

INTERVAL = 30.0  # seconds between two saves, so that a short training writes none
SHARE = 0.05  # of the time that saving may take

_active = contextvars.ContextVar("training", default=None)


def write_state(path, origin, state, arrays):
    """Write `state` (JSON-able) and `arrays` (name to ndarray) with their `origin` (JSON-able dict).

    Where that can't be done, a full disk say, a line tells so: no training fails for want of a checkpoint.
    """
    try:
        write_arrays(path, **arrays, state=np.array(json.dumps({"origin": origin, "state": state})))
    except OSError as error:
        print(f"checkpoint {path} is not written: {error}", file=sys.stderr)


def read_state(path, origin):
    """What `write_state` wrote: (state, arrays); None, with one line of reason, for a broken or foreign file."""
    try:
        arrays = read_arrays(path)
        content = json.loads(str(arrays.pop("state")))
        theirs, state = content["origin"], content["state"]
        different = sorted(key for key in {*theirs, *origin} if theirs.get(key) != origin.get(key))
        if different:
            raise ValueError(f"it comes from another job: {', '.join(different)} differ")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"checkpoint {path} is not used: {' '.join(str(error).split())}", file=sys.stderr)
        return None
    return state, arrays


@contextlib.contextmanager
def resumable(folder, origin):
    """Trainings of the block save their state in `folder` now and then, and go on from what is there.

    Parameters
    ----------
    folder : str or Path or None
        None: nothing is saved.
    origin : dict
        What the training is: JSON-able, and equal only for one that gives the same bits.

    Yields
    ------
    float
        Seconds that earlier attempts spent.
    """
    training = None if folder is None else _Training(Path(folder), origin)
    token = _active.set(training)
    try:
        yield training.spent if training else 0.0
    finally:
        _active.reset(token)


def begin_phase(network, rngs, generators=()):
    """The phase that starts now, its saved state put into the network and the random streams, if there is any.

    Parameters
    ----------
    network : dict of str to Tensor
    rngs : list of numpy.random.Generator
    generators : sequence of torch.Generator
    """
    return Phase(_active.get(), network, rngs, generators)


class _Training:
    """Files ``phase-0.npz``, ``phase-1.npz``, ... of one training."""

    def __init__(self, folder, origin):
        self.folder, self.origin = folder, origin
        self.saved, self.spent, self.unwritten, self.begun = [], 0.0, {}, 0
        while self.path(len(self.saved)).exists():
            read = read_state(self.path(len(self.saved)), origin)
            if read is None:
                break
            self.saved.append(read)
            self.spent = read[0]["seconds"]
        self.start = self.last = time.monotonic()
        self.pause = INTERVAL

    def path(self, number):
        return self.folder / f"phase-{number}.npz"

    def write(self, number, snapshot):
        """Write the finished phases that aren't written yet, then this one."""
        start = time.monotonic()
        for place, (state, arrays) in sorted((self.unwritten | {number: snapshot}).items()):
            write_state(self.path(place), self.origin, state | {"seconds": self.spent + start - self.start}, arrays)
        self.unwritten = {}
        self.last = time.monotonic()
        self.pause = max(INTERVAL, (self.last - start) / SHARE)


class Phase:
    """State of one call of `methods.deep.minimise`.

    Attributes
    ----------
    curve : list of ndarray of shape (terms, S)
        One an epoch done.
    updates : int
    terms : list of str
    finished : bool
        Whether an earlier attempt finished it.
    optimizer_state : dict of str to Tensor
        What an earlier attempt saved of the optimiser.
    """

    def __init__(self, training, network, rngs, generators):
        self.curve, self.updates, self.terms, self.finished, self.optimizer_state = [], 0, [], False, {}
        self._training, self._network, self._rngs, self._generators = training, network, rngs, generators
        if training is None:
            return
        self._number, training.begun = training.begun, training.begun + 1
        if self._number < len(training.saved):
            self._take_over(*training.saved[self._number])
            training.saved[self._number] = None  # memory

    def _take_over(self, state, arrays):
        import torch  # here, so that a method without torch runs without loading it

        arrays = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self.curve = list(arrays.pop("curve").numpy())
        self.updates, self.terms, self.finished = state["updates"], state["terms"], state["finished"]
        for rng, saved in zip(self._rngs, state["rngs"], strict=True):
            rng.bit_generator.state = saved
        for number, generator in enumerate(self._generators):
            generator.set_state(arrays.pop(f"generator.{number}"))
        for name, tensor in arrays.items():
            kind, _, name = name.partition(".")
            if kind == "network":
                self._network[name] = tensor.to(self._network[name].device)
            else:
                self.optimizer_state[name] = tensor.to(next(iter(self._network.values())).device)

    def save(self, optimizer_state):
        """At the end of an epoch: write the state, with the optimiser's, when it is time for that."""
        training = self._training
        if training is not None and time.monotonic() - training.last >= training.pause:
            training.write(self._number, self._snapshot(optimizer_state, finished=False))

    def finish(self):
        """At the end of the phase: keep what comes out of it for the next file."""
        if self._training is not None and not self.finished:
            self._training.unwritten[self._number] = self._snapshot({}, finished=True)

    def _snapshot(self, optimizer_state, finished):
        tensors = {f"optimizer.{name}": tensor for name, tensor in optimizer_state.items()}
        tensors |= {f"network.{name}": tensor for name, tensor in self._network.items()}
        tensors |= {f"generator.{number}": one.get_state() for number, one in enumerate(self._generators)}
        arrays = {name: tensor.detach().cpu().numpy().copy() for name, tensor in tensors.items()}
        rngs = [rng.bit_generator.state for rng in self._rngs]
        state = {"updates": self.updates, "terms": self.terms, "finished": finished, "rngs": rngs}
        return state, arrays | {"curve": np.stack(self.curve)}
