"""Check a method by its name or file, or one's own data by their path, and say in plain words what is wrong."""

import argparse
import sys

from datasets.strict_yaml import parse_yaml
from workflow.check import report

from .entry import one_line_errors


def main():
    """Exit code 1 when something is wrong; notes are no mistakes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", help="my_method, methods/my_method.py, my/folder, my.zip, my.csv, my.npz or my.ts")
    parser.add_argument("--settings", default="{}", help="of the data, as in a config: '{missing: interpolate}'")
    arguments = parser.parse_args()
    with one_line_errors():
        fine = report(arguments.what, parse_yaml(arguments.settings, "--settings"))
    sys.exit(not fine)


if __name__ == "__main__":
    main()
