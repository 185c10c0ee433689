"""A line on stderr every half minute of a long training: how far it is and how long it may still take.

A job of the workflow always writes them, since they are its log's; the workflow says so in the environment variable
`VARIABLE`, whose 0 asks for none. From Python they come where stderr is a terminal, but not under CI.
"""

import contextlib
import os
import sys
import threading
import time

VARIABLE = "SEQUENCE_PROGRESS_SECONDS"
SECONDS = 30
FEW = 4  # updates
_state = {"label": "training", "waiting": 0, "last": -float("inf"), "epoch": -float("inf"), "left": None}


def interval():
    """Seconds between two lines; 0 for none."""
    watched = sys.stderr.isatty() and "CI" not in os.environ
    return float(os.environ.get(VARIABLE, SECONDS if watched else 0))


@contextlib.contextmanager
def running(label, waiting):
    """The run called `label`, after which come `waiting` others like it.

    Where it says nothing by itself, as a method without epochs, a line tells that it goes on.
    """
    _state.update(label=label, waiting=waiting)
    done, every = threading.Event(), interval()
    if every:
        threading.Thread(target=_beat, args=(done, every, time.monotonic()), daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _beat(done, every, start):
    while not done.wait(every / 4):
        now = time.monotonic()
        if now - start >= every and now - _state["last"] >= 1.25 * every:  # epochs go first
            waiting = f", {_state['waiting']} after it" if _state["waiting"] else ""
            _say(f"{_state['label']}: {told(now - start)} so far{waiting}")


def epoch(done, epochs, each):
    """Called after an epoch, `each` of which takes so many seconds; prints when it is time to."""
    now, every = time.monotonic(), interval()
    if every and done * each >= every and now - _state["epoch"] >= every:  # whatever `_beat` has told meanwhile
        _state["epoch"] = now
        label, waiting = _state["label"], _state["waiting"]
        left = f"about {told(each * (epochs - done))} to go"
        if waiting:
            left += f", {told(each * (epochs - done + waiting * epochs))} with the {waiting} after it"
        _say(f"{label}: epoch {done} of {epochs}, {left}")


@contextlib.contextmanager
def few_updates():
    """Every phase of the block's trainings ends after `FEW` updates.

    Yields
    ------
    list of float
        Seconds that the other updates of each phase would have taken.
    """
    left = _state["left"] = []
    try:
        yield left
    finally:
        _state["left"] = None


def until(after_update, total):
    """`after_update` of a phase of at most `total` updates; under `few_updates`, one that ends it early."""
    left = _state["left"]
    if left is None:
        return after_update
    times = []

    def few(done):
        stopped = after_update is not None and after_update(done)
        times.append(time.monotonic())
        if done == FEW and not stopped:  # the first warms up
            left.append((total - done) * (times[-1] - times[0]) / (done - 1))
        return stopped or done == FEW

    return few


def _say(line):
    _state["last"] = time.monotonic()
    print(line, file=sys.stderr, flush=True)


def told(seconds):
    """A duration as a person says it."""
    seconds = max(0, round(seconds))
    if seconds < 100:
        return f"{seconds} s"
    return f"{round(seconds / 60)} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
