"""Compare the records under a folder with a stored reference; ``--store`` makes the reference instead."""

import argparse
import sys

from reports.compare import compare, reference

from .entry import one_line_errors


def main():
    """Exit code 1, with one line a cell, when a result left its range."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("reference")
    parser.add_argument("--store", action="store_true")
    arguments = parser.parse_args()
    with one_line_errors():
        if arguments.store:
            reference(arguments.folder, arguments.reference)
            return
        moved = compare(arguments.folder, arguments.reference)
    print("\n".join(moved) or f"every cell of {arguments.folder} is in its reference range")
    sys.exit(bool(moved))


if __name__ == "__main__":
    main()
