"""Time a few updates of rows; one line of JSON for each as soon as it is known, null where it can't be."""

import contextlib
import functools
import json
import sys
import time

from datasets.fetch import DataError
from datasets.prepare import is_at_hand, prepare
from datasets.sequences import Sequences
from methods.base import InvalidInput
from runs.pilot import pilot

from .entry import main


@functools.cache
def data_of(data, job):
    """Sequences of a prepared data set, or as `prepare` would make them; None where something had to be downloaded."""
    if data:
        return Sequences.load(data)
    job = json.loads(job)
    places = {"raw": job["raw"], "mirror": job["mirror"]}
    if not is_at_hand(job["dataset"], job["settings"], **places):
        return None
    return prepare(job["dataset"], job["settings"], job["split"], seed=job["seed"], **places)[0]


def work(job):
    """Print the seconds of one run of each of ``rows``: at most ``row`` seconds for one, and ``until`` for all.

    A row takes no more than its share of the time that is left, so that there is some for the last.
    """
    for number, row in enumerate(job["rows"]):
        try:
            sequences = data_of(row.pop("data"), row.pop("prepare"))
            limit = min(job["row"], (job["until"] - time.time()) / (len(job["rows"]) - number))
            k = row.pop("k") or row["settings"].get("n_clusters") or (sequences and sequences.n_classes)
            with contextlib.redirect_stdout(sys.stderr):  # whatever a library says there
                found = sequences and pilot(sequences, n_clusters=k, seconds=limit, **row)
        except (DataError, InvalidInput, ValueError, OSError, MemoryError):
            found = None  # whatever it is, the job itself will tell
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(work)
