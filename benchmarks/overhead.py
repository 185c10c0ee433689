"""What the harness costs: cores × wall time of a finished workflow run less the time of the trainings in it.

``python -m benchmarks.overhead results/paper/recommended`` writes ``benchmarks/overhead.md``. The wall time goes from
the first file that the run wrote to the last, which is the report: preparing data, imports, prediction, scoring, tables
and figures all count as overhead, and so does a core that had nothing left to do.
"""

import os
import sys
from pathlib import Path

from datasets.storage import write_text
from runs.results import each_record

from .gru import machine

HERE = Path(__file__).parent


def page(folder):
    """Wall time, training time and what is left, as Markdown."""
    files = sorted(Path(folder).glob("records/*/*.jsonl"))
    trained = sum(record["cost"]["seconds"] for record in each_record(files))
    times = [path.stat().st_mtime for path in Path(folder).rglob("*") if path.is_file()]
    wall, cores = max(times) - min(times), os.cpu_count()
    return (
        f"# Overhead of the harness\n\n{machine()}.\n\n{folder}: {wall / 60:.1f} min of wall time on {cores} cores; the"
        f" trainings of {len(files)} jobs took {trained / 60:.1f} min, so {1 - trained / (cores * wall):.1%} of the"
        f" cores' time went elsewhere, {(cores * wall - trained) / len(files):.1f} s a job. Each job is a process that"
        " loads its libraries: the more seeds it trains (`seeds_per_job`), the less of that there is.\n"
    )


def main(folder):
    """Write the page."""
    text = page(folder)
    print(text)
    write_text(HERE / "overhead.md", text)


if __name__ == "__main__":
    main(sys.argv[1])
