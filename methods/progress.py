"""A line on stderr every half minute of a long training: how far it is and how long it may still take.

A job of the workflow writes to a pipe, so it can't see whether somebody watches; the workflow looks for it and says so
in the environment variable `VARIABLE`. Nobody watches where stderr is no terminal, or under CI: nothing is printed.
"""

import os
import sys
import time

VARIABLE = "SEQUENCE_PROGRESS_SECONDS"
_state = {"label": "training", "waiting": 0, "last": -float("inf")}


def interval():
    """Seconds between two lines; 0 for none."""
    watched = sys.stderr.isatty() and "CI" not in os.environ
    return float(os.environ.get(VARIABLE, 30 if watched else 0))


def begin(label, waiting):
    """The run called `label` begins; after it come `waiting` others like it."""
    _state.update(label=label, waiting=waiting)


def epoch(done, epochs, each):
    """Called after an epoch, `each` of which takes so many seconds; prints when it is time to."""
    now, every = time.monotonic(), interval()
    if every and done * each >= every and now - _state["last"] >= every:
        _state["last"] = now
        label, waiting = _state["label"], _state["waiting"]
        left = f"about {told(each * (epochs - done))} to go"
        if waiting:
            left += f", {told(each * (epochs - done + waiting * epochs))} with the {waiting} after it"
        print(f"{label}: epoch {done} of {epochs}, {left}", file=sys.stderr, flush=True)


def told(seconds):
    """A duration as a person says it."""
    seconds = max(0, round(seconds))
    return f"{seconds} s" if seconds < 100 else f"{round(seconds / 60)} min"
