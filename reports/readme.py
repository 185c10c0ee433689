"""Generated results between two markers of the README, so that no number there is typed."""

import os
import platform
import re
from pathlib import Path

from datasets.storage import write_text

from .records import read_records
from .tables import title

BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"


def insert(readme, text):
    """Put `text` between the markers of the file `readme`; ``ValueError`` when a marker is missing or out of order."""
    before = Path(readme).read_text(encoding="utf-8")
    found = re.fullmatch(f"(.*{BEGIN}\n).*({END}.*)", before, re.DOTALL)
    if not found:
        raise ValueError(f"{readme}: the markers {BEGIN} and {END} are not there, in this order")
    write_text(readme, f"{found[1]}{text}{found[2]}")


def results(folder, pictures):
    """The README's generated part: the table, what it was made with, and a figure.

    Parameters
    ----------
    folder : Path
        A reading's results, with its report.
    pictures : Path
        Where the README finds the copied figures.
    """
    records = read_records(sorted(folder.glob("records/*/*.jsonl")))
    hours = sum(record["cost"]["seconds"] for record in records) / 3600
    seeds = {}
    for record in records:
        seeds.setdefault(record["method"], set()).add(record["seed"])
    counted = ", ".join(f"{title(method)} {len(found)}" for method, found in seeds.items())
    ok = sum(record["status"] == "ok" for record in records)
    versions = records[0]["provenance"]["versions"]
    made = (
        f"{len(records)} runs, {ok} of them ok, in {hours:.1f} core-hours of training on {processor()}, one thread"
        f" a run (torch {versions['torch']}, scikit-learn {versions['scikit-learn']}). Runs a cell: {counted}."
    )
    return (
        f"\n{made}\n\n{(folder / 'tables/table1.md').read_text(encoding='utf-8')}\n"
        f"![Speech Commands: t-SNE of the time averages by length, truth, k-means and RDDC]({pictures}/figure2.png)\n\n"
        f"![Speech Commands: every run beside the published value]({pictures}/strips_speech_commands.png)\n\n"
    )


def processor():
    """Number of cores and their vector instructions, as far as the system tells."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    widest = next((name for name in ("avx512f", "avx2") if name in flags), "no AVX2")
    return f"{os.cpu_count()} cores ({platform.machine()}, {widest})"
