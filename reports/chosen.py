"""The run of each cell that is shown: its seed, and its clusters as CSV."""

import csv
import io
from pathlib import Path

from datasets.sequences import SPLITS
from datasets.storage import write_text
from runs.record import RUN
from runs.results import frame, read_clusters, read_records

from .published import CELL
from .statistics import select


def clusters_of(files):
    """Function of a run (data set, method, vectorization, split, seed) to all sequences' clusters, None without any."""
    places = {tuple(record[field] for field in RUN[1:]): path for path in files for record in read_records([path])}
    return lambda *run: read_clusters(places[run], run[2], run[-1])


def chosen_seeds(job, records):
    """(method, vectorization, dataset) to the seed of the lowest loss, or to the first ok one without a loss.

    Of the runs on the first split, which is the one that figures and files of clusters show.
    """
    runs, chosen = frame([record for record in records if record["split"] == 0], job["scored"]), {}
    for cell, group in runs.groupby(CELL, sort=False):
        index = select(group, job["selection"])
        if index is None:
            ok = group.index[group.status == "ok"]
            index = ok[0] if len(ok) else None
        if index is not None:
            chosen[cell] = int(runs.seed[index])
    return chosen


def write_clusters(folder, data, clusters):
    """Write ``<dataset>/<method>-<vectorization>.csv`` of every chosen run: identifier, cluster, split.

    A sequence without an identifier is called by its place in the data set, from 0.
    """
    for (method, how, dataset), found in clusters.items():
        identifiers = data[dataset].sheet.get("identifiers") or range(len(found))
        splits = (SPLITS[part] for part in data[dataset].sequences.split)
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(["identifier", "cluster", "split"])
        writer.writerows(zip(identifiers, found.tolist(), splits, strict=True))
        write_text(Path(folder) / dataset / f"{method}-{how}.csv", lines.getvalue())
