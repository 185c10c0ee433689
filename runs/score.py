"""Scores of runs that are done, from their clusters and the labels; no training has either in its way."""

import json
from pathlib import Path

import numpy as np

from datasets.sequences import SPLITS
from datasets.storage import write_text

from .record import RUN
from .results import clusters_if_told, each_record, read_clusters
from .scores import problem_scores, sampling_errors, scores


def write_scores(path, files, score):
    """Write a line for every run of some record files that gave clusters.

    Parameters
    ----------
    path : str or Path
    files : list of str or Path
        Records of one data set or task, their clusters beside them.
    score : callable
        Gives the scores of each split from a record and the file that it is in.
    """
    lines = []
    for file in map(Path, files):
        for record in each_record([file]):
            if record["clusters_digest"] is not None:
                run = {field: record[field] for field in [*RUN, "clusters_digest"]}
                lines.append(json.dumps(run | {"scores": score(record, file)}, sort_keys=True, allow_nan=False) + "\n")
    write_text(path, "".join(lines))


def score_runs(path, files, splits, labels):
    """Write the scores of all runs on one data set.

    Parameters
    ----------
    path : str or Path
    files : list of str or Path
    splits : list of ndarray of shape (n,)
        By number.
    labels : ndarray of shape (n,)

    Raises
    ------
    ValueError
        When the labels are of other sequences than a split.
    """
    for split in splits:
        if len(labels) != len(split):
            raise ValueError(f"{path}: {len(labels)} labels of {len(split)} sequences")

    def score(record, file):
        clusters = read_clusters(file, record["vectorization"], record["seed"])
        return split_scores(clusters, splits[record["split"]], labels)

    write_scores(path, files, score)


def split_scores(clusters, split, labels):
    """Scores of each split, from the cluster, the split and the label of every sequence, shape (n,) each."""
    parts = {name: split == number for number, name in enumerate(SPLITS)}
    return {name: with_errors(labels[part], clusters[part]) if part.any() else None for name, part in parts.items()}


def with_errors(labels, clusters):
    """`scores` and their `sampling_errors`; None without any label."""
    found = scores(labels, clusters)
    return found and found | sampling_errors(labels, clusters)


def score_task(path, files, problems, ordered):
    """Write the scores of all runs of one supervised task; the problems that were learned from get none.

    Parameters
    ----------
    path : str or Path
    files : list of str or Path
    problems : Problems
        With all clusters.
    ordered : bool
        Whether a cluster's number means something to the task's method.
    """

    def score(record, file):
        run, made = (record["vectorization"], record["seed"]), {"train": None}
        for name in ("validation", "test"):
            inside = np.repeat(problems.split == SPLITS.index(name), problems.sizes)
            part, beside = problems.part(name), {}
            if name == "test":
                beside = {"again": read_clusters(file, *run, "again"), "told": clusters_if_told(file, part, *run)}
            made[name] = problem_scores(part, read_clusters(file, *run)[inside], ordered, **beside)
        return made

    write_scores(path, files, score)
