"""Split one prepared data set once more."""

from datasets.prepare import split_again
from datasets.sequences import load_labels
from datasets.storage import write_arrays

from .entry import main


def work(job, labels, split):
    """Write another split of the sequences, whose labels decide on it, so that no training opens them."""
    write_arrays(split, split=split_again(load_labels(labels), **job))


if __name__ == "__main__":
    main(work, "labels", "split")
