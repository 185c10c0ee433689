"""Tables, figures and page of the supervised tasks of one reading."""

from reports.tasks import write_tasks

from .entry import main


def work(job, folder):
    """Write the report."""
    write_tasks(job, folder)


if __name__ == "__main__":
    main(work, "folder")
