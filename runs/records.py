"""Records: one JSON line a run, its clusters in an ``.npz`` beside it. A failed run is a record too."""

import functools
import json
import math
from pathlib import Path

import fastjsonschema
import pandas as pd

from datasets.storage import read_arrays, write_arrays, write_text

SCHEMA = Path(__file__).with_name("record.schema.json")
RUN = ["reading", "dataset", "method", "vectorization", "seed"]


def finite(text):
    """A number of a JSON text; ``ValueError`` for NaN and infinity, which no record holds."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a finite number")
    return value


@functools.cache
def _compiled():
    """The schema as a function: thirty times faster than jsonschema, and as strict (see the tests)."""
    # The keywords that the schema uses mean the same in draft 7, the newest that fastjsonschema knows.
    schema = json.loads(SCHEMA.read_text()) | {"$schema": "http://json-schema.org/draft-07/schema#"}
    return fastjsonschema.compile(schema, use_default=False)


def check_record(record):
    """Raise ``ValueError`` naming the run and the field when `record` breaks the schema or contradicts itself."""
    run = " ".join(str(record.get(field, "?")) for field in RUN)
    try:
        _compiled()(record)
    except fastjsonschema.JsonSchemaValueException as refusal:
        import jsonschema  # it says it better, and is too slow to import to be there before it's needed

        error = next(jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).iter_errors(record), refusal)
        where = ".".join(map(str, getattr(error, "absolute_path", error.path))) or "record"
        raise ValueError(f"record {run}: {where}: {error.message}") from refusal
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


def each_record(paths):
    """Read and check records one by one, so that a million of them need little memory.

    Parameters
    ----------
    paths : iterable of str or Path
        ``.jsonl`` files.

    Yields
    ------
    dict

    Raises
    ------
    ValueError
        For a line that is no record, naming file and line, or a run that is there twice.
    """
    seen = set()
    for path in paths:
        for number, line in enumerate(Path(path).read_bytes().splitlines(), start=1):
            try:
                record = json.loads(line, parse_constant=finite, parse_float=finite)
                check_record(record)
            except (ValueError, AttributeError, RecursionError) as error:
                raise ValueError(f"{path}, line {number}: {error}") from error
            run = tuple(record[field] for field in RUN)
            if run in seen:
                raise ValueError(f"{path}, line {number}: run {' '.join(map(str, run))} is there twice")
            seen.add(run)
            yield record


def read_records(paths):
    """List of what `each_record` yields, sorted by run."""
    return sorted(each_record(paths), key=lambda record: [record[field] for field in RUN])


def read_clusters(path, *run):
    """Cluster of every sequence of the data set in a run, shape (n,); None when the run gave none.

    `run` is its vectorization and seed, and the name of an embedding where one is wanted that the run left.
    """
    name = "_".join(map(str, run))
    return read_arrays(Path(path).with_suffix(".npz"), [name]).get(name)


def commit(provenance):
    """Commit that a record comes from, and whether the files differed from it."""
    state = provenance["git"]
    return f"{(state['sha'] or 'no checkout')[:12]}{' with changes' if state['dirty'] else ''}"


def commits(records, part):
    """All commits in one line, and with several what each has made: `part` of a record, a method's name say."""
    made = {}
    for record in records:
        made.setdefault(commit(record["provenance"]), {})[part(record)] = True
    return "; ".join(f"{name} ({', '.join(parts)})" if len(made) > 1 else name for name, parts in made.items())


def frame(records, split="test"):
    """Records, or what `each_record` yields, as a table.

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
    table = pd.DataFrame(rows)
    words = (*RUN, "status", "reason", "n_clusters", "found", "gpu")
    return table.astype({name: float for name in table.columns if name not in words})
