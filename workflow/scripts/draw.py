"""Draw the problems of one supervised task."""

from datasets.problems import draw_problems
from datasets.sequences import Sequences, load_labels
from datasets.storage import write_arrays

from .entry import main


def work(job, data, known, problems, labels):
    """Write the problems, those of the test without their clusters, and all clusters apart.

    `data` and `known` are the data set that they are drawn from and its labels, or empty.
    """
    drawn = draw_problems(job, Sequences.load(data), load_labels(known)) if data else draw_problems(job)
    drawn.withhold("test").save(problems)
    write_arrays(labels, labels=drawn.clusters)


if __name__ == "__main__":
    main(work, "data", "known", "problems", "labels")
