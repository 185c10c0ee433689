"""The appendix of one reading: LaTeX, and its PDF where pdflatex is installed."""

from reports.appendix import write_appendix

from .entry import main


def work(job, tables, figures, folder):
    """Write the appendix."""
    write_appendix(job, tables, figures, folder)


if __name__ == "__main__":
    main(work, "tables", "figures", "folder")
