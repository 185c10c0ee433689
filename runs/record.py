"""The record of a run: one JSON line, its clusters in an ``.npz`` beside it. A failed run is a record too.

No score is in it: `runs.score` computes them afterwards, from the clusters and labels that no training has seen.
"""

import functools
import hashlib
import json
from pathlib import Path

import fastjsonschema
import numpy as np

from datasets.storage import write_arrays, write_text
from methods.vectorize import INPUTS

SCHEMA = Path(__file__).with_name("record.schema.json")
VERSION = 2
RUN = ["reading", "dataset", "method", "vectorization", "split", "seed"]


@functools.cache
def schema():
    """The schema of a record, with the inputs that there are."""
    read = json.loads(SCHEMA.read_text())
    read["properties"]["vectorization"]["enum"] = list(INPUTS)
    return read


@functools.cache
def _compiled():
    """The schema as a function: thirty times faster than jsonschema, and as strict (see the tests)."""
    # The keywords that the schema uses mean the same in draft 7, the newest that fastjsonschema knows.
    return fastjsonschema.compile(schema() | {"$schema": "http://json-schema.org/draft-07/schema#"}, use_default=False)


def check_record(record):
    """Raise ``ValueError`` naming the run and the field when `record` breaks the schema or contradicts itself."""
    run = " ".join(str(record.get(field, "?")) for field in RUN)
    if record.get("schema_version") != VERSION:
        told = f"{record.get('schema_version')}, expected {VERSION}; records of other versions must be made anew"
        raise ValueError(f"record {run}: schema_version: {told}")
    try:
        _compiled()(record)
    except fastjsonschema.JsonSchemaValueException as refusal:
        import jsonschema  # it says it better, and is too slow to import to be there before it's needed

        error = next(jsonschema.Draft202012Validator(schema()).iter_errors(record), refusal)
        where = ".".join(map(str, getattr(error, "absolute_path", error.path))) or "record"
        raise ValueError(f"record {run}: {where}: {error.message}") from refusal
    if (record["status"] == "ok") != (record["reason"] is None):
        raise ValueError(f"record {run}: reason: needed exactly when the status is not ok")
    if (record["status"] == "ok") and record["usage"] is None:
        raise ValueError(f"record {run}: usage: missing although the status is ok")
    if (record["usage"] is None) != (record["clusters_digest"] is None):
        raise ValueError(f"record {run}: clusters_digest: needed exactly when there are clusters")


def clusters_digest(clusters):
    """SHA-256 over the cluster of every sequence, the same on every machine; None for None."""
    return None if clusters is None else hashlib.sha256(np.asarray(clusters, "<i4").tobytes()).hexdigest()


def write_records(path, records, clusters):
    """Write the records of one job and, beside them, their clusters.

    Parameters
    ----------
    path : str or Path
        The ``.jsonl`` file; the clusters go to the same name ending in ``.npz``.
    records : list of dict
    clusters : dict of str to dict
        For each vectorization, seed to the cluster of every sequence of the data set, all splits; seeds whose run gave
        none are left out. And ``<seed>_<name>`` to an embedding of the training split.
    """
    for record in records:
        check_record(record)
    lines = [json.dumps(record, sort_keys=True, allow_nan=False) + "\n" for record in records]
    arrays = {f"{how}_{run}": array for how, found in clusters.items() for run, array in found.items()}
    write_arrays(Path(path).with_suffix(".npz"), **arrays)
    write_text(path, "".join(lines))


def read_pretraining(records):
    """What the records of a row tell those that start from its pretraining.

    Parameters
    ----------
    records : str or Path
        The folder with its fitted estimators has the same name, ending in ``.pretrained``.

    Returns
    -------
    dict
        Vectorization to ``folder``, ``runs``: seed to its ``status``, ``reason`` and ``seconds``, and ``digest`` of the
        records but for their cost, by which a checkpoint knows the pretraining that it went on from.
    """
    found = {}
    for line in Path(records).read_text(encoding="utf-8").splitlines():
        check_record(record := json.loads(line))
        how = record["vectorization"]
        empty = {"folder": Path(records).with_suffix(".pretrained") / how, "runs": {}, "digest": ""}
        of = found.setdefault(how, empty)
        told = {name: record[name] for name in ("status", "reason")}
        of["runs"][record["seed"]] = told | {"seconds": record["cost"]["seconds"]}
        lasting = {name: value for name, value in record.items() if name != "cost"}
        of["digest"] = hashlib.sha256((of["digest"] + json.dumps(lasting, sort_keys=True)).encode()).hexdigest()
    return found
