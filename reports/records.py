"""Records: one JSON line a run, its clusters in an ``.npz`` beside it. A failed run is a record too."""

import functools
import json
import math
from pathlib import Path

import jsonschema
import pandas as pd

from datasets.storage import read_arrays, write_arrays, write_text

SCHEMA = Path(__file__).parents[1] / "workflow" / "schemas" / "record.schema.json"
RUN = ["reading", "dataset", "method", "vectorization", "seed"]


def finite(text):
    """A number of a JSON text; ``ValueError`` for NaN and infinity, which no record holds."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a finite number")
    return value


@functools.cache
def _validator():
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))


def check_record(record):
    """Raise ``ValueError`` naming the run and the field when `record` breaks the schema or contradicts itself."""
    run = " ".join(str(record.get(field, "?")) for field in RUN)
    for error in _validator().iter_errors(record):
        raise ValueError(f"record {run}: {'.'.join(map(str, error.absolute_path)) or 'record'}: {error.message}")
    if (record["status"] == "ok") != (record["reason"] is None):
        raise ValueError(f"record {run}: reason: needed exactly when the status is not ok")
    if (record["status"] == "ok") and record["usage"] is None:
        raise ValueError(f"record {run}: usage: missing although the status is ok")


def write_records(path, records, clusters):
    """Write the records of one job and, beside them, their clusters.

    Parameters
    ----------
    path : str or Path
        The ``.jsonl`` file; the clusters go to the same name ending in ``.npz``.
    records : list of dict
    clusters : dict of int to ndarray of shape (n,)
        Seed to the cluster of every sequence of the data set, all splits; seeds whose run gave none are left out.
    """
    for record in records:
        check_record(record)
    lines = [json.dumps(record, sort_keys=True, allow_nan=False) + "\n" for record in records]
    write_arrays(Path(path).with_suffix(".npz"), **{f"seed_{seed}": array for seed, array in clusters.items()})
    write_text(path, "".join(lines))


def read_records(paths):
    """Read and check records.

    Parameters
    ----------
    paths : iterable of str or Path
        ``.jsonl`` files.

    Returns
    -------
    list of dict
        Sorted by run.

    Raises
    ------
    ValueError
        For a line that is no record, naming file and line, or a run that is there twice.
    """
    records = {}
    for path in paths:
        for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
            try:
                record = json.loads(line, parse_constant=finite, parse_float=finite)
                check_record(record)
            except (ValueError, AttributeError) as error:
                raise ValueError(f"{path}, line {number}: {error}") from error
            run = tuple(record[field] for field in RUN)
            if run in records:
                raise ValueError(f"{path}, line {number}: run {' '.join(map(str, run))} is there twice")
            records[run] = record
    return [records[run] for run in sorted(records)]


def read_clusters(path, seed):
    """Cluster of every sequence of the data set in the run of `seed`, shape (n,); None when the run gave none."""
    return read_arrays(Path(path).with_suffix(".npz")).get(f"seed_{seed}")


def frame(records, split="test"):
    """Records as a table.

    Returns
    -------
    pandas.DataFrame
        One row a run: the run's fields, status, reason, losses, scores of `split` and costs; missing numbers are NaN.
    """
    rows = [
        {field: record[field] for field in [*RUN, "status", "reason", "n_clusters"]}
        | {f"loss_{part}": record["loss"][part] for part in ("train", "validation")}
        | {"found": len(record["usage"] or [])}
        | {name: (record["scores"][split] or {}).get(name) for name in ("accuracy", "nmi", "nmi_geometric", "ari")}
        | record["budget"]
        | record["cost"]
        for record in records
    ]
    return pd.DataFrame(rows)
