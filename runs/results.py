"""Records as they are read: one by one, joined with their scores, or as a table."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd

from datasets.sequences import SPLITS
from datasets.storage import read_arrays

from .record import RUN, check_record


def finite(text):
    """A number of a JSON text; ``ValueError`` for NaN and infinity, which no record holds."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a finite number")
    return value


def each_line(path, check):
    """Objects of a ``.jsonl`` file that `check` lets pass; ``ValueError`` naming file and line for any other."""
    for number, line in enumerate(Path(path).read_bytes().splitlines(), start=1):
        try:
            value = json.loads(line, parse_constant=finite, parse_float=finite)
            check(value)
        except (ValueError, AttributeError, TypeError, KeyError, RecursionError) as error:
            told = f"no {error}" if isinstance(error, KeyError) else error
            raise ValueError(f"{path}, line {number}: {told}") from error
        yield number, value


def each_record(paths, seen=None):
    """Read and check records one by one, so that a million of them need little memory.

    Parameters
    ----------
    paths : iterable of str or Path
        ``.jsonl`` files.
    seen : set, optional
        Runs that other calls have read: none of them may be there again.

    Yields
    ------
    dict
        Without scores.

    Raises
    ------
    ValueError
        For a line that is no record, naming file and line, or a run that is there twice.
    """
    seen = set() if seen is None else seen
    for path in paths:
        for number, record in each_line(path, check_record):
            run = run_of(record)
            if run in seen:
                raise ValueError(f"{path}, line {number}: run {' '.join(map(str, run))} is there twice")
            seen.add(run)
            yield record


def run_of(record):
    """What names a run."""
    return tuple(record[field] for field in RUN)


def scores_file(path):
    """File with the scores of the records in the file `path`: that of their data set or task."""
    folder = Path(path).parent
    return folder.parents[1] / "scores" / f"{folder.name}.jsonl"


def each_scored(paths):
    """`each_record`, each with its ``scores``: split to scores, None where there are none.

    Raises
    ------
    ValueError
        As `each_record`; for scores that are missing, or of other clusters than the record's.
    """
    seen = set()
    for file, own in itertools.groupby(paths, scores_file):
        scores = None
        for record in each_record(own, seen):
            if record["clusters_digest"] is None:
                yield record | {"scores": dict.fromkeys(SPLITS)}
                continue
            if scores is None:
                scores = read_scores(file) if file.is_file() else {}
            digest, found = scores.get(run_of(record), (None, None))
            if digest != record["clusters_digest"]:
                what = "no scores" if found is None else "scores of other clusters"
                raise ValueError(f"{file}: {what} for run {' '.join(map(str, run_of(record)))}: score it anew")
            yield record | {"scores": found}


def read_scores(file):
    """Run to its clusters' digest and its scores, from what `runs.score` wrote."""

    def check(line):
        if line["scores"].keys() != set(SPLITS):
            raise ValueError(f"scores: expected those of {', '.join(SPLITS)}")

    return {run_of(line): (line["clusters_digest"], line["scores"]) for _, line in each_line(file, check)}


def read_records(paths):
    """List of what `each_scored` yields, sorted by run."""
    return sorted(each_scored(paths), key=run_of)


def read_clusters(path, *run):
    """Cluster of every sequence of the data set in a run, shape (n,); None when the run gave none.

    `run` is its vectorization and seed, and the name of an embedding where one is wanted that the run left.
    """
    name = "_".join(map(str, run))
    return read_arrays(Path(path).with_suffix(".npz"), [name]).get(name)


def clusters_if_told(path, problems, *run):
    """Clusters of the members of problems as if a run had known how many each has, shape (M,); None where it can't say.

    `run` is as in `read_clusters`, of a run that left its clusters for every number of them.
    """
    counts = np.repeat(problems.counts, problems.sizes)
    each = {count: read_clusters(path, *run, f"of_{count}") for count in np.unique(counts)}
    if any(clusters is None for clusters in each.values()):
        return None
    return np.stack(list(each.values()))[np.searchsorted(list(each), counts), np.arange(len(counts))]


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
    """Records with scores, or what `each_scored` yields, as a table.

    Returns
    -------
    pandas.DataFrame
        One row a run: the run's fields, status, reason, losses, scores of `split` with their sampling errors, and
        costs; missing numbers are NaN.
    """
    from .scores import ERRORS, SCORES  # here, so that a summary reads records without scikit-learn

    names = [*(score.name for score in SCORES), *ERRORS]
    rows = [
        {field: record[field] for field in [*RUN, "algorithm", "status", "reason", "n_clusters"]}
        | {f"loss_{part}": record["loss"][part] for part in ("train", "validation")}
        | {"found": len(record["usage"] or [])}
        | {name: (record["scores"][split] or {}).get(name) for name in names}
        | record["budget"]
        | record["cost"]
        for record in records
    ]
    table = pd.DataFrame(rows)
    words = (*RUN, "algorithm", "status", "reason", "n_clusters", "found", "gpu")
    return table.astype({name: float for name in table.columns if name not in words})
