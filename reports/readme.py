"""Generated results between two markers of the README, so that no number there is typed."""

import os
import platform
import re
from pathlib import Path

import numpy as np
import pandas as pd

from datasets.storage import write_text
from runs.results import commits, each_record

from .data import load_sheet
from .origins import read_list
from .tables import markdown, shares, span, title
from .verdict import FROM_LABELS, RULES, headline

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"
MARKS = {"reproduced": "=", "inconclusive": "≈", "above": "▲", "below": "▼", "not comparable": "·"}
PAUSE = 300  # seconds without a training after which nobody was running anything


def insert(readme, text):
    """Put `text` between the markers of the file `readme`; ``ValueError`` when one is missing or out of order."""
    before = Path(readme).read_text(encoding="utf-8")
    found = re.fullmatch(f"(.*{BEGIN}\n).*({END}.*)", before, re.DOTALL)
    if not found:
        raise ValueError(f"{readme}: the markers {BEGIN} and {END} are not there, in this order")
    write_text(readme, f"{found[1]}{text}{found[2]}")


def results(folder, pictures):
    """The README's generated part: Table 1 in short, its verdicts counted, and a figure.

    Parameters
    ----------
    folder : Path
        A reading's results, with its report.
    pictures : Path
        Where the README finds the copied figures.
    """
    summary = pd.read_csv(folder / "tables/summary.csv")
    sheets = {name: load_sheet(folder, name) for name in summary.dataset.unique()}
    parts = [
        in_short(pd.read_csv(folder / "tables/table1.csv", dtype=str, keep_default_na=False), summary),
        "ACC (NMI), ours and the paper's. " + "; ".join(f"{mark} {told}" for told, mark in MARKS.items()) + ".",
        " ".join([headline(summary), *shares(sheets), made_of(folder)]),
        f"![Speech Commands: time averages by length, truth, k-means and RDDC, as t-SNE]({pictures}/figure2.png)",
    ]
    return "\n" + "\n\n".join(parts) + "\n\n"


def in_short(table1, summary):
    """Table 1 with ours, the verdict's mark and the paper's in one cell; of the controls those that ran."""
    rows = []
    cells = summary.groupby(["method", "vectorization"], sort=False)
    for line, ((_, how), group) in zip(table1.to_dict("records"), cells, strict=True):
        if how == FROM_LABELS:
            continue
        told = {name: re.sub(r" \([a-z]\)$", "", line[name]) for name in map(title, summary.dataset.unique())}
        for row in group[group.published_accuracy.notna()].itertuples():
            name = title(row.dataset)
            told[name] += f" {MARKS[row.verdict]} {line[f'{name}, paper']}"
        rows.append({"method": line["method"], "input": line["input"]} | told)
    return markdown(pd.DataFrame(rows)).rstrip("\n")


def details(folder, pictures):
    """The page behind the README's table: all of it, how it was made, verdicts, and what is not reproduced and why."""
    summary, seeds = pd.read_csv(folder / "tables/summary.csv"), {}
    for record in each_record(read_list(folder)):
        seeds.setdefault(record["method"], set()).add((record["split"], record["seed"]))
    counted = ", ".join(f"{title(method)} {len(found)}" for method, found in seeds.items())
    tables = {name: (folder / f"tables/{name}.md").read_text(encoding="utf-8") for name in ("table1", "unreproduced")}
    parts = [
        "# Table 1",
        f"{made_of(folder)} Runs a cell, of all splits: {counted}.",
        tables["table1"],
        f"## Verdicts\n\n{headline(summary)}",
        verdicts(summary),
        "\n".join(f"- {rule}" for rule in RULES),
        f"## What is not reproduced, and why\n\n{tables['unreproduced']}",
        f"![Speech Commands: sequences of about one length, as t-SNE]({pictures}/figure3.png)",
        f"![Speech Commands: every run beside the published value]({pictures}/strips_speech_commands.png)",
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def made_of(folder):
    """What the records that the tables are made from were made with, in two sentences."""
    files = read_list(folder)
    records = list(each_record(files))
    hours = sum(record["cost"]["seconds"] for record in records) / 3600
    ok = sum(record["status"] == "ok" for record in records)
    made_with = [record["provenance"] for record in records]
    versions = {name: each(made["versions"].get(name) for made in made_with) for name in ("torch", "scikit-learn")}
    told = commits(records, lambda record: title(record["method"]))
    threads = each(made["threads"] for made in made_with)
    return (
        f"{len(records)} runs, {ok} of them ok, in {wall_time(files) / 60:.0f} minutes; {hours:.1f} core-hours of that"
        f" were training, threads a run: {threads} (torch {versions['torch']}, scikit-learn"
        f" {versions['scikit-learn']}). Commit: {told}. This was written on {processor()}."
    )


def each(values):
    """All different values in one line."""
    return ", ".join(sorted(set(map(str, values))))


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


def wall_time(files):
    """Seconds from the start of the first training to the last record, by the times of the files, without pauses."""
    ends = {file: file.stat().st_mtime for file in files}
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
