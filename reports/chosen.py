"""The run of each cell that is shown: its seed, and its clusters as CSV."""

from pathlib import Path

import numpy as np
import pandas as pd

from datasets.sequences import SPLITS
from datasets.storage import write_text
from runs.record import RUN
from runs.results import each_record, frame, read_clusters

from .agreement import margins, shares
from .indices import space
from .published import CELL
from .statistics import select

CONFIDENCE = ("membership", "distance")  # what a method may say of every sequence's cluster


def clusters_of(files):
    """Function of a run (data set, method, vectorization, split, seed) to all sequences' clusters, None without any.

    With the name of something else that the run left beside them, it gives that.
    """
    places = {tuple(record[field] for field in RUN[1:]): path for path in files for record in each_record([path])}
    return lambda *run: read_clusters(places[run[:5]], run[2], *run[4:])


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


def sureness(data, clusters, runs, chosen, every):
    """How sure the cluster of every sequence is in the chosen run of each cell, by cell.

    Parameters
    ----------
    data : dict of str to Data
    clusters : dict of (method, vectorization, dataset) to ndarray of shape (n,)
    runs : dict
        As `reports.agreement.ok_runs` gives it.
    chosen : dict of (method, vectorization, dataset) to int
        Seeds.
    every : callable
        As `clusters_of` gives it.

    Returns
    -------
    dict of str to ndarray of shape (n,)
        ``agreement`` (`shares`), ``margin`` (`margins`), and what `methods.base.Clusterer.confidence` gave.
    """
    spaces, sure = {name: space(of.sequences) for name, of in data.items()}, {}
    for (*row, name), found in clusters.items():
        cell = (*row, name)
        sure[cell] = {
            "agreement": shares(found, [other for seed, other in runs[cell].items() if seed != chosen[cell]]),
            "margin": margins(spaces[name], found),
        }
        own = {kind: every(name, *row, 0, chosen[cell], kind) for kind in CONFIDENCE}
        sure[cell] |= {kind: values for kind, values in own.items() if values is not None}
    return sure


def clusters_file(cell):
    """Path of a cell's file of clusters, in the folder that has all of them."""
    method, how, dataset = cell
    return f"{dataset}/{method}-{how}.csv"


def write_clusters(folder, data, clusters, sure):
    """Write the `clusters_file` of every chosen run: identifier, cluster, split, `sureness`.

    A sequence without an identifier is called by its place in the data set, from 0.
    """
    for cell, found in clusters.items():
        of = data[cell[-1]]
        table = pd.DataFrame(
            {
                "identifier": of.sheet.get("identifiers") or range(len(found)),
                "cluster": found,
                "split": np.array(SPLITS)[of.sequences.split],
                **sure[cell],
            }
        )
        lines = table.to_csv(index=False, lineterminator="\n", float_format="%.3f")
        write_text(Path(folder, clusters_file(cell)), lines)
