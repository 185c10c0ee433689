"""Generated results between two markers of the README, so that no number there is typed."""

import os
import platform
import re
from pathlib import Path

import numpy as np
import pandas as pd

from datasets.storage import write_text
from runs.results import commits, each_record, read_records

from .tables import markdown, span, title
from .verdict import RULES, headline

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
PAUSE = 300  # seconds without a training after which nobody was running anything


def insert(readme, text):
    """Put `text` between the markers of the file `readme`; ``ValueError`` when a marker is missing or out of order."""
    before = Path(readme).read_text(encoding="utf-8")
    found = re.fullmatch(f"(.*{BEGIN}\n).*({END}.*)", before, re.DOTALL)
    if not found:
        raise ValueError(f"{readme}: the markers {BEGIN} and {END} are not there, in this order")
    write_text(readme, f"{found[1]}{text}{found[2]}")


def results(folder, pictures):
    """The README's generated part: the table, what it was made with, and a figure.

    `folder` has a reading's results, with its report; in `pictures` the README finds the copied figures.
    """
    records = read_records(sorted(folder.glob("records/*/*.jsonl")))
    hours = sum(record["cost"]["seconds"] for record in records) / 3600
    seeds = {}
    for record in records:
        seeds.setdefault(record["method"], set()).add((record["split"], record["seed"]))
    counted = ", ".join(f"{title(method)} {len(found)}" for method, found in seeds.items())
    ok = sum(record["status"] == "ok" for record in records)
    versions, told = records[0]["provenance"]["versions"], commits(records, lambda record: title(record["method"]))
    made = (
        f"{len(records)} runs, {ok} of them ok, in {wall_time(folder) / 60:.0f} minutes on {processor()}; {hours:.1f}"
        f" core-hours of that were training, one thread a run (torch {versions['torch']}, scikit-learn"
        f" {versions['scikit-learn']}). Runs a cell: {counted}. Commit: {told}."
    )
    summary = pd.read_csv(folder / "tables/summary.csv")
    parts = [
        made,
        (folder / "tables/table1.md").read_text(encoding="utf-8"),
        headline(summary),
        verdicts(summary),
        "\n".join(f"- {rule}" for rule in RULES),
        f"![Speech Commands: time averages by length, truth, k-means and RDDC, as t-SNE]({pictures}/figure2.png)",
        f"![Speech Commands: every run beside the published value]({pictures}/strips_speech_commands.png)",
    ]
    return "\n" + "\n\n".join(part.rstrip("\n") for part in parts) + "\n\n"


def verdicts(summary):
    """Verdicts of every cell of Table 1 with a published number, and the prediction interval of ACC, as Markdown."""
    told = [
        f"{row.verdict} ({span(row.accuracy_low, row.accuracy_high)}); NMI {row.verdict_nmi}"
        for row in summary.itertuples()
    ]
    summary = summary.assign(verdict=told)
    rows = []
    for (method, how), group in summary.groupby(["method", "vectorization"], sort=False):
        if group.published_accuracy.isna().all():
            continue
        found = dict(zip(group.dataset, group.verdict, strict=True))
        cells = {title(dataset): found.get(dataset, "–") for dataset in summary.dataset.unique()}
        rows.append({"method": title(method), "input": title(how)} | cells)
    return markdown(pd.DataFrame(rows))


def wall_time(folder):
    """Seconds from the start of the first training to the last record, by the times of the files, without pauses."""
    ends = {file: file.stat().st_mtime for file in Path(folder).glob("records/*/*.jsonl")}
    spans = [(end - sum(run["cost"]["seconds"] for run in each_record([file])), end) for file, end in ends.items()]
    total, until = 0.0, -np.inf
    for start, end in sorted(spans):
        total += max(end - (start if start > until + PAUSE else until), 0)
        until = max(until, end)
    return total


def processor():
    """Number of cores and their vector instructions, as far as the system tells."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    widest = next((name for name in ("avx512f", "avx2") if name in flags), "no AVX2")
    return f"{os.cpu_count()} cores ({platform.machine()}, {widest})"
