"""What every script does the same: read its arguments, and say a user's mistake in one line."""

import argparse
import contextlib
import gc
import json
import os
import select
import sys
import threading

from datasets.text import one_line

SNAKEMAKE = "SEQUENCE_SNAKEMAKE"  # environment variable with the process of whoever started the jobs


@contextlib.contextmanager
def imports():
    """Importing the large libraries makes objects and no garbage: looking for it takes a quarter of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # they stay, and a forked worker shares their memory for longer
        gc.enable()


@contextlib.contextmanager
def one_line_errors(code=1):
    """A ``ValueError`` or ``OSError``, which is what bad input raises, becomes one line and an exit code."""
    try:
        yield
    except (ValueError, OSError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        sys.exit(code)


def end_with(snakemake):
    """End this process when Snakemake's is gone (Linux): the next run does the job again, and not beside this one."""
    try:
        handle = os.pidfd_open(snakemake)
    except ProcessLookupError:
        sys.exit("error: Snakemake has ended")
    except (AttributeError, OSError):  # another system, or an old one
        return

    def wait():
        select.select([handle], [], [])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main(work, *paths):
    """Call ``work(job, **paths)`` with the job slice (JSON) and the paths of the command line.

    A job ``-`` is read from standard input: a report's names all records, and an argument ends at 128 KiB.
    """
    parser = argparse.ArgumentParser(description=(work.__doc__ or "").partition("\n")[0])
    parser.add_argument("--job", type=lambda text: json.loads(sys.stdin.read() if text == "-" else text), required=True)
    for path in paths:
        parser.add_argument(f"--{path}", required=True, nargs="?", const="")  # an input that there isn't has no words
    arguments = vars(parser.parse_args())
    if SNAKEMAKE in os.environ:
        end_with(int(os.environ[SNAKEMAKE]))
    with one_line_errors():
        work(arguments.pop("job"), **arguments)
