"""A control of one supervised task: a method that learns nothing."""

from dataclasses import replace

from datasets.problems import Problems
from datasets.sequences import load_labels
from runs.record import write_records
from runs.tasks import run_control

from .entry import main


def work(job, problems, labels, records):
    """Write its record, and the clusters beside it."""
    solved = replace(Problems.load(problems), clusters=load_labels(labels))
    made, clusters = run_control(solved, **job)
    write_records(records, made, {"avg": clusters})


if __name__ == "__main__":
    main(work, "problems", "labels", "records")
