"""Tables, figures and page of the supervised tasks of one reading."""

from reports.supervised import write_supervised

from .entry import main


def work(job, folder):
    """Write the report."""
    write_supervised(job, folder)


if __name__ == "__main__":
    main(work, "folder")
