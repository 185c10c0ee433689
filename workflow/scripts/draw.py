"""Draw the problems of one supervised task."""

from datasets.sequences import Sequences
from runs.tasks import draw_problems

from .entry import main


def work(job, data, problems):
    """Write the problems; `data` is the data set that they are drawn from, or empty."""
    draw_problems(job, Sequences.load(data) if data else None).save(problems)


if __name__ == "__main__":
    main(work, "data", "problems")
