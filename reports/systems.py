"""What the other systems gave, kept in ``reports/systems/``: tables and a figure of each, with the runs' commit.

The runs behind a page, a line each, are in ``runs/`` beside it, a file a reading, as `reports.compare` reads them: so
its numbers can be checked, and new runs compared with them.
"""

import itertools
import operator
import shutil
from pathlib import Path

from datasets.storage import write_text
from runs.results import commit, read_records

from .compare import reference
from .origins import check_order, read_list

# Folder below results/, and the parts of its page, a picture last.
SYSTEMS = {
    "mnist": [
        *(f"mnist_reduced/tables/{name}.md" for name in ("detail_mnist", "unreproduced", "budgets")),
        "mnist_reduced/figures/confusion_mnist.png",
    ],
    "mnist_full": [
        *(f"mnist/tables/{name}.md" for name in ("detail_mnist", "unreproduced", "budgets")),
        "mnist/figures/confusion_mnist.png",
    ],
    "field": [
        *(f"field/tables/{name}.md" for name in ("table1", "budgets")),
        "field/figures/strips_speech_commands.png",
    ],
    "plus": [
        *(f"recommended/tables/{name}.md" for name in ("table1", "paired", "budgets")),
        "recommended/figures/strips_arabic_digits.png",
    ],
    "digits": [
        *(f"recommended/tables/{name}.md" for name in ("detail_arabic_digits", "choice", "selection", "budgets")),
        "recommended/figures/strips_arabic_digits.png",
    ],
    "words": [
        *(f"recommended/tables/{name}.md" for name in ("detail_speech_commands", "choice", "selection", "budgets")),
        "recommended/figures/strips_speech_commands.png",
    ],
    "suite": ["suite/suite.md", "suite/ranks.png"],
    "imdb": ["tutorial/tutorial.md", "tutorial/tutorial.png"],
    "supervised": [
        *(f"supervised_reduced/report/{name}.md" for name in ("published", "scores", "gains", "breaks", "budgets")),
        "supervised_reduced/report/curves.png",
    ],
    "supervised_full": [
        *(f"supervised_full/report/{name}.md" for name in ("scores", "gains", "failures", "budgets")),
        "supervised_full/report/curves.png",
    ],
    "unseen": [
        *(f"unseen/report/{name}.md" for name in ("scores", "gains", "failures", "budgets")),
        "unseen/report/curves.png",
    ],
}
CONTROLS = "*/learned/records/*/*told.jsonl"  # of tasks: no system's runs, but a page's intervals stand on them
READING = operator.itemgetter("reading")


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
    kept : list of str
        Names of the pages.
    refused : dict of str to str
        Why a system's page and picture are left as they were, by its name: its runs were made after what the page
        would show, say.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept, refused = [], {}
    for name, parts in SYSTEMS.items():
        paths = [results / name / part for part in parts]
        if not all(path.is_file() for path in paths):
            continue
        *texts, picture = paths
        try:
            files, controls = record_files(results, name), sorted((results / name).glob(CONTROLS))
            check_order([*files, *controls], paths)
            records = read_records(files)
            runs = sorted(records + read_records(controls), key=READING)
            text = page(name, texts, picture, made_with(records))
        except (ValueError, OSError) as error:
            refused[name] = str(error)
            continue
        shutil.copyfile(picture, folder / f"{name}.png")
        for reading, own in itertools.groupby(runs, READING):
            reference(own, folder / f"runs/{name}-{reading}.csv")
        write_text(folder / f"{name}.md", text)
        kept.append(name)
    return kept, refused


def page(name, texts, picture, made):
    """The texts, with the picture where they show it or else below them, and what it was `made` with."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in texts)
    shown = text.replace(f"({picture.name})", f"({name}.png)")
    return "\n".join([shown, *([] if f"({name}.png)" in shown else [f"![{name}]({name}.png)\n"]), made])


def record_files(results, name):
    """Files of the records of a system: those that its tables are made from, or all but a control's of its tasks."""
    place = results / name
    if readings := dict.fromkeys(Path(part).parts[0] for part in SYSTEMS[name] if "/tables/" in part):
        return [file for reading in readings for file in read_list(place / reading)]
    kinds = ("*/records/*/*.jsonl", "*/learned/*.jsonl", "*/learned/records/*/runs.jsonl")
    return [path for kind in kinds for path in sorted(place.glob(kind))]


def made_with(records):
    """The runs of a system in one line: how many, of which readings, at which commit."""
    ok = sum(record["status"] == "ok" for record in records)
    readings, commits = (
        ", ".join(sorted({of(record) for record in records}))
        for of in (lambda record: record["reading"], lambda record: commit(record["provenance"]))
    )
    return f"Kept by `make systems`: {len(records)} runs, {ok} of them ok; readings: {readings}; commit {commits}.\n"


def in_one_line(page):
    """What a kept page says of the methods that a paper has numbers of, in one line; nothing where none is kept."""
    if not page.is_file():
        return ""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.read_text().splitlines()]
    heads, _, *rows = lines
    told = [dict(zip(heads, row, strict=True)) for row in rows[: rows.index([""])]]
    each = "; ".join(
        f"{row['method']} {row['ours']}, published {row['published']}"
        for row in told
        if row.get("published", "–") != "–"
    )
    return f"At the full budgets, ACC (NMI): {each}. See {page}\n"
