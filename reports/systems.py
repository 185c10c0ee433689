"""What the other systems gave, kept in ``reports/systems/``: tables and a figure of each, with the runs' commit."""

import shutil
from pathlib import Path

from datasets.storage import write_text

from .records import read_records
from .report import commit

# Page: its command, the folder of its results below results/, and what is taken from there, a picture last.
SYSTEMS = {
    "mnist": (
        "make mnist",
        "mnist",
        [
            *(f"mnist_reduced/tables/{name}.md" for name in ("detail_mnist", "budgets")),
            "mnist_reduced/figures/confusion_mnist.png",
        ],
    ),
    "field": (
        "make field",
        "field",
        [
            *(f"field/tables/{name}.md" for name in ("table1", "budgets")),
            "field/figures/strips_speech_commands.png",
        ],
    ),
    "imdb": ("make imdb", "imdb", ["tutorial/tutorial.md", "tutorial/tutorial.png"]),
    "supervised": (
        "make supervised",
        "supervised",
        [
            *(f"supervised_reduced/report/{name}.md" for name in ("published", "scores", "breaks", "budgets")),
            "supervised_reduced/report/points_points.png",
        ],
    ),
}


def write_systems(results, folder):
    """Write a page for every system that was run.

    Parameters
    ----------
    results : Path
        Folder ``results`` of the project.
    folder : Path
        Where the pages and pictures go.

    Returns
    -------
    list of str
        Names of the pages.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, (command, place, parts) in SYSTEMS.items():
        if all((results / place / part).is_file() for part in parts):
            write_text(folder / f"{name}.md", page(name, command, results / place, parts, folder))
            made.append(name)
    return made


def page(name, command, place, parts, folder):
    """The text of a page; its picture, the last part, is copied."""
    files = [path for kind in ("*/records/*/*.jsonl", "*/learned/*.jsonl") for path in sorted(place.glob(kind))]
    records = read_records(files)
    ok = sum(record["status"] == "ok" for record in records)
    commits = ", ".join(sorted({commit(record["provenance"]["git"]) for record in records}))
    shutil.copyfile(place / parts[-1], folder / f"{name}.png")
    text = "\n".join((place / part).read_text(encoding="utf-8") for part in parts[:-1])
    pictured = text.replace(f"({Path(parts[-1]).name})", f"({name}.png)")
    made = f"Made by `{command}` and `make systems`: {len(records)} runs, {ok} of them ok; commit {commits}.\n"
    return "\n".join([pictured, *([] if f"({name}.png)" in pictured else [f"![{name}]({name}.png)\n"]), made])
