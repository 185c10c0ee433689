"""Compare records with a stored reference, or make it: exit code 0 when nothing moved, 1 when, 2 for unusable input.

With ``--row`` it says whether that row is better than the others of a reading, over all its data sets.
"""

import argparse
import sys

from reports.compare import better, compare, reference, scored_below

from .entry import one_line_errors


def main():
    """Print one line a cell that moved."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="folder with records, or a CSV as the reference")
    parser.add_argument("reference", nargs="?", help="CSV, one line a run")
    parser.add_argument("--store", action="store_true", help="make the reference from the records")
    parser.add_argument("--row", help="no reference: is this row of a reading's results better than its others?")
    parser.add_argument("--exact", action="store_true", help="run by run, on the machine that made the reference")
    arguments = parser.parse_args()
    if (arguments.row is None) == (arguments.reference is None):
        parser.error("expected a reference, or --row and none")
    with one_line_errors(2):
        if arguments.row:
            print("\n".join(better(arguments.folder, arguments.row)))
            return
        if arguments.store:
            reference(scored_below(arguments.folder), arguments.reference)
            return
        found = compare(arguments.folder, arguments.reference, arguments.exact)
    print("\n".join(found) or f"nothing moved in {arguments.folder}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
