"""The page of one reading, section by section."""

import pandas as pd

from runs.results import commit

from . import tables, verdict
from .page import forest, grid, image, lines, notes, page, plot, table
from .published import CELL

WHERE = ("data set", "method", "input")
SORTING = "A click on a heading sorts by it, a second reverses, a third takes it back."
FOREST = "Charts: accuracy from 0 to 1."
FILES = (
    "In the folders beside this page: tables, figures for print, and the cluster of every sequence by its identifier"
    " with how sure it is. Agreement: the share of the other runs that have it in the same cluster. Margin, -1 to 1:"
    " how much nearer it is to the mean of its cluster than to that of the next, in one space for all methods."
    " Membership: the share that the method itself gives its cluster; or distance: that to its cluster's centre, in the"
    " method's own measure. A method without either has neither."
)
TYPICAL = (
    "The most typical sequences of each cluster (solid) and the least sure ones (dashed): by the margin of the indices'"
    " space and, for the least sure, first by the share of runs that agree. One column is drawn, the one whose clusters"
    " differ most; time runs from a sequence's start to its end."
)
GRIDS = {
    "confusion": "Confusion of the selected run, or of the first ok run of a method without a loss: a row is a class, a"
    " column the cluster that stands for it.",
    "loss": "Loss of every run; bold: the selected one, dashed and crossed: not ok.",
}


def render(job, records, summary, written, pictures, drawn, answers=()):
    """The page.

    Parameters
    ----------
    job : dict
    records : list of dict
    summary : DataFrame
        With the controls that need no run.
    written : dict of str to DataFrame of str
        Tables, and ``footnotes``: name of a table to what is said below it.
    pictures : list of (Path, str)
    drawn : dict of str to (str, dict)
        Both as `reports.pictures.write_figures` gives them.
    answers : list of Answer
        What to look at in each data set, for a page without a paper.
    """
    datasets, below = job["datasets"], written["footnotes"]
    scored, published = map(bool, summary[["accuracy", "published_accuracy"]].notna().any())

    def explained(name):
        """A table below what there is to know about it; nothing for an empty table."""
        return [notes(below[name]), table(tables.filled(written[name]), WHERE)] if len(written[name]) else []

    sections = [
        ("The answer", [piece for one in answers for piece in answered(one, drawn, len(answers) > 1)]),
        ("Ours beside the published numbers" if published else "Results", results(datasets, summary, written)),
        (
            "The paper's table" if published else "All data sets side by side",
            [table(tables.filled(written["table1"])), notes(below["table1"])] if scored else [],
        ),
        *[(tables.title(name), of_dataset(name, drawn)) for name in datasets],
        ("The paper's figures", [image(*picture) for picture in pictures if picture[0].stem in ("figure2", "figure3")]),
        ("How to read the verdicts", [notes(verdict.RULES)] if published else []),
        (
            "What is not reproduced, and why",
            [table(written["unreproduced"], (*WHERE, "ACC", "NMI"))] if published else [],
        ),
        ("How much is selection", explained("selection")),
        ("Does the loss pick a run that reaches the published number?", explained("choice")),
        ("Runs that are not ok", [table(written["failures"], (*WHERE, "status"))]),
        ("Against the controls", explained("controls")),
        ("Seed by seed", explained("paired")),
        ("Budgets", [table(written["budgets"], WHERE)]),
        ("Data", [table(written["data"])]),
        ("Settings and their sources", [table(written["settings"], ("of", "source"))]),
        ("Provenance", [notes(provenance(records)), table(digests(records))]),
    ]
    if "indices" in written:
        sections.insert(
            2 if scored else 1,
            ("Indices that need no labels", [notes(below["indices"]), table(tables.filled(written["indices"]), WHERE)]),
        )
    sections = [(name, pieces) for name, pieces in sections if pieces]
    heading = f"Sequence clustering, reading “{job['reading']}”"
    return page(heading, headline(records, summary), sections, {name: of for name, (_, of) in drawn.items()})


def headline(records, summary):
    """What there is, and what it says about the paper where a number of one of these cells is published."""
    ok = sum(record["status"] == "ok" for record in records)
    cells = len({tuple(record[name] for name in CELL) for record in records})
    counted = f"{len(records)} runs, {ok} of them ok, in {cells} cells."
    return f"{counted} {verdict.headline(summary)}" if summary.published_accuracy.notna().any() else counted


def results(datasets, summary, written):
    """The detailed tables of all data sets as one, with a chart of every row."""
    shown = pd.concat([written[f"detail_{name}"].assign(**{"data set": tables.title(name)}) for name in datasets])
    shown = shown.fillna("–")  # columns that another data set alone has
    shown.insert(2, "data set", shown.pop("data set"))
    numbers = pd.concat([summary[summary.dataset == name] for name in datasets])
    numbers = numbers[["accuracy", "accuracy_low", "accuracy_high", "published_accuracy"]]
    scored, published = map(bool, numbers[["accuracy", "published_accuracy"]].notna().any())
    told = "ours ○ with prediction" + ", published ┃" * published
    charts = (told, "ours", [forest(*row) for row in numbers.to_numpy(float)]) if scored else None
    if not published:
        shown = shown.drop(columns=["verdict", "verdict, NMI"], errors="ignore")
    return [
        table(tables.filled(shown), (*WHERE, "verdict", "verdict, NMI"), charts),
        notes([*written["footnotes"]["results"], *([FOREST] if scored else []), SORTING, FILES]),
    ]


def answered(answer, drawn, several):
    """The answer on one data set: its lines and its pictures."""
    heading = [notes([answer.name])] if several else []
    wide = [plot(name, drawn[name][0]) for name in answer.figures if name.startswith("over_k/")]
    small = [plot(name, drawn[name][0]) for name in answer.figures if name.startswith("typical/")]
    return [*heading, lines(answer.lines), *wide, *([notes([TYPICAL])] if small else []), grid(small)]


def of_dataset(name, drawn):
    """Places of the figures of one data set."""

    def plotted(start, **how):
        names = [which for which in drawn if f"{which}/".startswith(f"{start}/")]
        return [plot(which, drawn[which][0], **how) for which in names]

    ways = drawn[f"scatter/{name}"][1]["points"]["ways"] if f"scatter/{name}" in drawn else ()
    shown = ("first", "last") if len(ways) > 1 else ("first",)
    scatters = [place for way in shown for place in plotted(f"scatter/{name}", way=way)]
    parts = [*plotted(f"strips/{name}"), grid(scatters, "pair")]
    for kind, heading in GRIDS.items():
        if pieces := plotted(f"{kind}/{name}"):
            parts += [notes([heading]), grid(pieces)]
    return parts


def provenance(records):
    """What the runs noted about code, packages and machine, as sentences."""

    def said(of):
        return ", ".join(sorted({str(of(record["provenance"])) for record in records}))

    versions = said(lambda p: " ".join(f"{name} {number}" for name, number in sorted(p["versions"].items())))
    return [
        f"Commit: {said(commit)}.",
        f"Versions: {versions}.",
        f"Device: {said(lambda p: p['device'])}; arithmetic: {said(lambda p: p['backend'])}; threads a run:"
        f" {said(lambda p: p['threads'])}.",
    ]


def digests(records):
    """Digests of the data of every data set and of the source of every method, as the runs noted them."""
    noted = [
        (kind, tables.title(record[of]), record["provenance"][digest])
        for kind, of, digest in (("data", "dataset", "data_digest"), ("source", "method", "source_digest"))
        for record in records
    ]
    return pd.DataFrame(list(dict.fromkeys(noted)), columns=["digest of", "name", "SHA-256"])
