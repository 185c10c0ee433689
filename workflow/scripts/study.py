"""The study of the readings: its page, summary and figures."""

from reports.replication import write_study

from .entry import main


def work(job, folder):
    """Write the study."""
    write_study(job, folder)


if __name__ == "__main__":
    main(work, "folder")
