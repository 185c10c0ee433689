"""Tables, figures, page and chosen clusters of one reading."""

from .entry import imports, main


def work(job, page, tables, figures, clusters):
    """Write the report."""
    with imports():
        from reports.report import write_report
    write_report(job, page, tables, figures, clusters)


if __name__ == "__main__":
    main(work, "page", "tables", "figures", "clusters")
