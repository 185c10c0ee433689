"""Draw the problems of one supervised task."""

from datasets.problems import draw_problems
from datasets.sequences import Sequences, load_labels
from datasets.storage import write_arrays

from .entry import main


def work(job, data, problems, labels):
    """Write the problems, those of the test without their clusters, and all clusters apart.

    `data` names the data set that they are drawn from and its labels, or is empty.
    """
    files = data.split()
    drawn = draw_problems(job, Sequences.load(files[0]), load_labels(files[1])) if files else draw_problems(job)
    drawn.withhold("test").save(problems)
    write_arrays(labels, labels=drawn.clusters)


if __name__ == "__main__":
    main(work, "data", "problems", "labels")
