"""What a person wants to know when Snakemake is done: how the runs ended, and where to look."""

from collections import Counter
from pathlib import Path

from datasets.text import one_line

from .jobs import record_files


def times(paths):
    """When each of some files was written, those that there are."""
    return {str(path): Path(path).stat().st_mtime_ns for path in paths if Path(path).exists()}


def summary(readings, earlier=()):
    """Lines about the readings' records and pages, as they lie there now.

    Parameters
    ----------
    readings : dict of str to dict
        Name to resolved config.
    earlier : dict of str to int
        `times` of files that were to be made anew: one that still has its time is of an earlier run, and counts as not
        made.

    Returns
    -------
    list of str
    """
    from runs.results import each_record  # here, as a dry run has no summary and needs none of its libraries

    lines = []

    def is_made(path):
        return path.exists() and times([path])[str(path)] != dict(earlier).get(str(path))

    for name, resolved in readings.items():
        folder = Path(resolved["results"], name)
        expected = [Path(file) for file in record_files(resolved, name)]
        made = [file for file in expected if is_made(file)]
        logs = [folder / "logs/train" / file.relative_to(folder / "records") for file in expected if file not in made]
        data = [folder / "data" / f"{dataset}.npz" for dataset in resolved["run"]["datasets"]]
        logs += [folder / "logs/prepare" / file.name for file in data if not is_made(file)]
        errors = list(errors_in(filter(is_made, (log.with_suffix(".log") for log in logs))))
        if not made and not errors:
            continue
        ends = Counter(record["status"] for record in each_record(made))
        told = ", ".join(f"{count} {status}" for status, count in ends.most_common())
        missing = f"{len(expected) - len(made)} of {len(expected)} jobs left no record" if made != expected else ""
        lines += [f"{folder}: {'; '.join(filter(None, (told, missing)))}", *errors]
        if not is_made(page := folder / "report.html"):
            lines += [f"  {page} is of an earlier run"] if page.exists() else []
        else:
            lines.append(f"  look at {page}; clusters of every sequence: {folder / 'clusters'}/")
    return lines


def errors_in(logs):
    """Lines that tell a user's mistake, each with its log."""
    for log in logs:
        yield from (f"  {log}: {line}" for line in log.read_text().splitlines() if line.startswith("error: "))


def print_summary(readings, earlier=()):
    """Print `summary`; a record that can't be read is said in its place."""
    try:
        print("\n".join(["", *summary(readings, earlier)]))
    except (OSError, ValueError) as error:
        print(f"\nno summary: {one_line(error)}")
