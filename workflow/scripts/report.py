"""Tables, figures, page and chosen clusters of one reading."""

from runs.worker import helpers

from .entry import imports, main


def work(job, page, tables, figures, clusters):
    """Write the report."""
    with imports():
        from reports.reading import write_report
    with helpers(2) as beside:
        write_report(job, page, tables, figures, clusters, beside)


if __name__ == "__main__":
    main(work, "page", "tables", "figures", "clusters")
