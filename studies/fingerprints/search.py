"""Two stages: every reading on at most `SCREEN` sequences, the best of each group on all; records as lines of JSON."""

import functools
import itertools
import json
import time
from pathlib import Path

import numpy as np

from datasets.fetch import fetch
from datasets.storage import write_text

from ..command import load_records
from .clustering import AFFINITIES, evaluate, evaluate_test, mean_cells
from .evidence import VECTORIZATIONS, measurements, misfit, published
from .readings import READERS

SCREEN = 1000  # sequences of the first stage
WHOLE = 3000  # sequences of the second: all of them but for Arabic Digits, whose cells hardly move beyond it


def key_of(stage, settings):
    """What names a record."""
    return json.dumps([stage, settings], sort_keys=True)


def run(name, raw, mirror, out, seed=0):
    """Evaluate every reading of a data set that has no record yet, then the best ones on all sequences.

    Parameters
    ----------
    name : str
        A key of `readings.READERS`.
    raw, mirror, out : str or Path or None
        Folders: raw data, mirror (see `datasets.fetch.fetch`), records.
    seed : int
        For Word2Vec.
    """
    module, read, screened, most = READERS[name]
    path, records = Path(out, f"{name}.jsonl"), load_records(Path(out, f"{name}.jsonl"))
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = "".join(json.dumps(record, sort_keys=True) + "\n" for record in records)
    write_text(path, whole)  # without a line that was cut off
    done = {key_of(record["stage"], record["reading"]) for record in records}
    with path.open("a", encoding="utf-8") as stream:

        def keep(stage, reading, evaluated):
            if key_of(stage, reading.settings) in done:
                return
            started = time.process_time()
            record = {"dataset": name, "stage": stage, "reading": reading.settings} | evaluated(name, reading)
            record["seconds"] = round(time.process_time() - started, 2)
            records.append(record)
            stream.write(json.dumps(record, sort_keys=True) + "\n")
            stream.flush()

        found = read(functools.partial(place, module.SOURCE, raw, mirror), seed)
        for _, group in itertools.groupby(found, lambda reading: reading.group):
            readings = list(group)  # both stages of a group at once, while what it loads is in memory
            for reading in readings:
                keep("screen", reading, functools.partial(screen, vectorizations=screened))
            for reading in finalists(name, readings, records, most):
                keep("final", reading, in_full)


def place(source, raw, mirror, form="any"):
    """Folder of a form's raw data."""
    return fetch(source, raw, mirror, form).path


def screen(name, reading, vectorizations):
    """Cells of k-means and Ward's linkage on a part of the sequences, and what the statements measure on all."""
    sequences, labels = reading.make()
    cells = evaluate(sequences, labels, vectorizations, ["kmeans", "ward"], SCREEN)
    found = measurements(name, sequences, labels, cells)
    return described(sequences, labels) | {"cells": cells, "measurements": found}


def in_full(name, reading):
    """All cells of a reading, over all sequences and over test splits, and what the statements measure."""
    sequences, labels = reading.make()
    asked = {how for _, how in published()[name]}
    vectorizations = [how for how in VECTORIZATIONS if how in asked]
    cells = evaluate(sequences, labels, vectorizations, ["kmeans", "ward", *AFFINITIES], WHOLE)
    test_cells = evaluate_test(sequences, labels, vectorizations, name)
    found = measurements(name, sequences, labels, mean_cells(test_cells))
    return described(sequences, labels) | {"cells": cells, "test_cells": test_cells, "measurements": found}


def described(sequences, labels):
    """Sizes of a reading."""
    lengths = sequences.lengths
    return {
        "n": len(sequences),
        "classes": np.bincount(labels).tolist(),
        "lengths": [int(lengths.min()), int(lengths.max())],
    }


def finalists(name, group, records, most):
    """The `most` best readings of a group by their screening, and the anchors."""
    fits = {
        key_of("screen", record["reading"]): misfit(name, record, "all")["total"]
        for record in records
        if record["stage"] == "screen"
    }
    best = sorted(group, key=lambda reading: fits[key_of("screen", reading.settings)])
    return [reading for reading in group if reading.anchor or reading in best[:most]]
