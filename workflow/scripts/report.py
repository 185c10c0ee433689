"""Tables, figures and page of one reading."""

from reports.report import write_report

from .entry import main


def work(job, page, tables, figures):
    """Write the report."""
    write_report(job, page, tables, figures)


if __name__ == "__main__":
    main(work, "page", "tables", "figures")
