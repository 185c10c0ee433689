"""Score all runs on one data set, or of one supervised task."""

from dataclasses import replace

from datasets.problems import Problems
from datasets.sequences import Sequences, load_labels, load_split
from runs.score import score_runs, score_task

from .entry import main


def work(job, data, labels, scores):
    """Write a line of scores for every run that gave clusters."""
    known = load_labels(labels)
    if job["ordered"] is None:
        splits = [Sequences.load(data).split, *map(load_split, job["splits"])]
        score_runs(scores, job["files"], splits, known)
    else:
        score_task(scores, job["files"], replace(Problems.load(data), clusters=known), job["ordered"])


if __name__ == "__main__":
    main(work, "data", "labels", "scores")
