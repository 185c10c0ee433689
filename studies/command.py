"""The command line that studies share: ``run`` makes one case, ``report`` writes the page of all.

- ``python -m studies.<name> run <data set> --folder <a reading's results> --variant <name> --settings <JSON> --out
  <file>``
- ``python -m studies.<name> report --job <JSON> --out <folder>``

JSON may be ``-`` for standard input.
"""

import argparse
import contextlib
import json
import sys
from pathlib import Path

from datasets.storage import write_json
from datasets.text import one_line


def from_json(text):
    """What a JSON text holds; ``-`` stands for standard input, as an argument ends at 128 KiB."""
    return json.loads(sys.stdin.read() if text == "-" else text)


def load_records(path):
    """Records of a file of JSON lines; none when there is no file. A last line that was cut off is left out."""
    if not Path(path).exists():
        return []
    lines = Path(path).read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


@contextlib.contextmanager
def one_line_errors():
    """A ``ValueError`` or ``OSError``, which is what bad input raises, becomes one line and exit code 1."""
    try:
        yield
    except (ValueError, OSError) as error:
        sys.exit(f"error: {one_line(error)}")


def main(description, run=None, report=None):
    """Read the arguments and do what they ask for, under `one_line_errors`.

    Parameters
    ----------
    description : str
    run : callable, optional
        Data set, folder, variant and settings to a JSON-able record.
    report : callable, optional
        Takes a job, as `workflow.studies.page_job` makes it, and a folder.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    if run:
        case = actions.add_parser("run", help="one case")
        case.add_argument("dataset")
        case.add_argument("--folder", required=True, help="results of the reading that has the data")
        case.add_argument("--variant", required=True, help="what the settings are called")
        case.add_argument("--settings", type=from_json, required=True)
        case.add_argument("--out", required=True)
    if report:
        page = actions.add_parser("report", help="the page")
        page.add_argument("--job", type=from_json, required=True)
        page.add_argument("--out", required=True)
    given = vars(parser.parse_args())
    out = given.pop("out")
    with one_line_errors():
        if given.pop("action") == "run":
            write_json(out, run(**given))
        else:
            report(**given, folder=Path(out))
