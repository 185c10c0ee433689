"""Fetch, verify, preprocess and split one data set."""

from datasets.prepare import prepare
from datasets.storage import write_arrays, write_json

from .entry import main


def work(job, data, labels, sheet):
    """Write the data set, its labels apart, and its sheet."""
    sequences, known, description = prepare(
        job["dataset"], job["settings"], job["split"], raw=job["raw"], mirror=job["mirror"], seed=job["seed"]
    )
    sequences.save(data)
    write_arrays(labels, labels=known)
    write_json(sheet, description)


if __name__ == "__main__":
    main(work, "data", "labels", "sheet")
