"""The appendix of one reading: LaTeX, and its PDF where pdflatex is installed."""

from reports.appendix import write_appendix

from .entry import main

if __name__ == "__main__":
    main(write_appendix, "tables", "figures", "folder")
