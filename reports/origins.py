"""Which records a report was made from, and whether they are still the ones that it read."""

from pathlib import Path

from datasets.storage import write_text

LIST = "records.txt"  # in a report's folder of tables: its files of records, a line each, as seen from the reading's


def write_list(tables, files):
    """Say in the folder `tables` which `files` of records they are made from."""
    write_text(Path(tables, LIST), "".join(f"{file}\n" for file in files))


def read_list(folder):
    """Files of records that the tables of a reading's `folder` are made from: others may lie there too.

    Raises
    ------
    ValueError
        Where the tables don't say it, or one of the files was made anew after them.
    """
    told = Path(folder, "tables", LIST)
    if not told.is_file():
        raise ValueError(f"{told} is missing, so the tables don't say which runs are in them: make the report anew")
    files = [Path(folder, line) for line in told.read_text(encoding="utf-8").splitlines()]
    check_order(files, [told])
    return files


def check_order(records, made):
    """Raise ``ValueError`` when one of the files of `records` is newer than one of the files `made` from them."""
    newest, oldest = max(records, key=written, default=None), min(made, key=written)
    if newest and written(newest) > written(oldest):
        raise ValueError(f"{newest} is newer than {oldest}, which is of earlier runs: make the report anew")


def written(path):
    """When a file was written last, in nanoseconds."""
    return path.stat().st_mtime_ns
