"""Command line of the fingerprint study."""

import argparse
from pathlib import Path

from ..command import one_line_errors
from .page import report
from .readings import READERS
from .search import run

STUDY = {
    "raw": ["arabic_digits", "character_trajectories", "speech_commands", "twenty_newsgroups"],
    "cases": "search.py",
    "writes": ["fingerprints.md", "fingerprints.csv"],
    "draws": ["fingerprints"],
}


def main():
    parser = argparse.ArgumentParser(description="Which form of the data did the authors have?")
    parser.add_argument("action", choices=("run", "report"))
    parser.add_argument("datasets", nargs="*", default=list(READERS), metavar="DATASET")
    parser.add_argument("--raw", default="data", help="folder of raw data")
    parser.add_argument("--mirror", help="folder to look in before any download")
    parser.add_argument("--out", default="results/fingerprints", help="folder of records, tables and figure")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.datasets) - READERS.keys())
    if unknown:
        parser.error(f"unknown data set {unknown[0]!r}, expected one of {', '.join(READERS)}")
    with one_line_errors():
        if arguments.action == "report":
            report(Path(arguments.out))
        for name in arguments.datasets if arguments.action == "run" else ():
            run(name, arguments.raw, arguments.mirror, arguments.out)


if __name__ == "__main__":
    main()
