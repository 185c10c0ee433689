"""The suite's page: every row on every data set, ranks, costs, and what it costs not to know the number of clusters.

Readings stand beside each other, each with its heat map, ranks and tests. Everything is from records and their scores.
"""

import matplotlib.pyplot as plt
import pandas as pd

from datasets.storage import write_text
from reports import latex, ranks, style, tables
from reports.page import image, notes, page, table
from reports.readme import processor, wall_time
from reports.standings import SHOWN, Standings, called
from runs.results import commits

from .command import main

STUDY = {
    "readings": "all",
    "records": True,
    "writes": ["suite.html", "suite.md", "suite.csv", "suite.tex"],
    "draws": ["ranks", "cost"],
}
PROTOCOL = (
    "Everything is clustered and everything is scored, as this field reports it, with as many clusters as classes. A"
    " number is the mean over a cell's ok runs, with n_ok/n where not all are; a run that isn't ok enters no mean."
)
HEAT = "A click on a heading sorts data sets by a row, the lists above filter them; rows with the best mean rank first."
RANKS = (
    "Mean ranks over the data sets on which every row has a number, 1 is best. A bar joins rows of whom no two differ."
)
COSTS = (
    "Seconds of one run on one core of the machine that made the records, other work on it included; median and mean"
    " ARI are over the data sets on which every row has a number, longest and memory over all. On the front: no other"
    " row is at once as quick and better. Powers: least squares over the data sets with an ok run."
)
UNKNOWN = (
    "Rows that aren't told how many clusters there are: they may find from 2 to twice as many as there are classes."
    " |k̂ - k| is how far the number found is from that of the classes, on average. They take no part in the ranks."
)


def report(job, folder):
    """Write the page, its figures, and the same as Markdown, CSV and LaTeX."""
    tables.name_rows(next(iter(job["variants"].values()))["rows"])
    readings = [Standings(name, part, job["selection"], job["scored"]) for name, part in job["variants"].items()]
    for name, figure in (("ranks", rank_figure), ("cost", cost_figure)):
        style.save(figure(readings), folder / name)
    said = [line for one in readings for line in one.said()] + [made_with(readings)]
    every = pd.concat([one.cells.assign(reading=one.name) for one in readings])
    write_text(folder / "suite.html", as_page(readings, every, said, folder))
    write_text(folder / "suite.md", as_markdown(readings, said))
    write_text(folder / "suite.csv", every.to_csv(index=False, lineterminator="\n"))
    heats = [latex.table(one.heat(), [f"ARI, reading “{one.name}”. {PROTOCOL}"]) for one in readings]
    write_text(folder / "suite.tex", "\n".join(heats))


def as_page(readings, every, said, folder):
    """The page as HTML."""
    names = list(readings[0].sheets)
    before = 5 + 2 * len(readings)  # sections; those of data sets come last
    links = [f'<a href="#part{before + i}">details</a>' for i, _ in enumerate(names)]
    filters = ("length", "size", "channels")
    sections = [("In short", [notes(said)])]
    for one in readings:
        heat = table(one.heat(), filters, ("", "length", links), one.shades())
        sections.append((f"ARI, {one.name}", [notes([HEAT]), heat]))
    picture = image(folder / "ranks.png", RANKS)
    sections.append(("Mean ranks", [notes([ranks.RULE]), picture, *each(readings, Standings.rank_table)]))
    sections += [
        (f"Pairs of rows, {one.name}", [table(one.pair_table(), ("row", "less", "told apart"))]) for one in readings
    ]
    picture = image(folder / "cost.png", "Mean ARI over median seconds a run; the line is the front.")
    sections.append(("Costs", [notes([COSTS]), picture, *each(readings, Standings.cost_table)]))
    sections.append(("Number of clusters unknown", [notes([UNKNOWN]), *each(readings, Standings.unknown_table)]))
    sections.append(("Data", [table(data_table(readings[0].sheets))]))
    sections += [(tables.title(name), [table(of_dataset(every, name), ("reading", "row"))]) for name in names]
    return page("The suite: clustering sequences of varying length", PROTOCOL, sections)


def each(readings, make):
    """The table that `make` makes of every reading, under its name."""
    return [part for one in readings for part in (notes([f"Reading “{one.name}”"]), table(make(one)))]


def as_markdown(readings, said):
    """What a README shows: the sentences, and ranks by reading."""
    parts = [*said]
    for one in readings:
        parts += [f"## Mean ranks, {one.name}", tables.markdown(one.rank_table())]
        if len(unknown := one.unknown_table()):
            parts += [f"## Number of clusters unknown, {one.name}", UNKNOWN, tables.markdown(unknown)]
    return "\n\n".join(["# The suite", *parts, "![Mean ranks](ranks.png)", PROTOCOL, ranks.RULE]) + "\n"


def data_table(sheets):
    """A line a data set."""
    return pd.DataFrame(
        {
            "data set": tables.title(name),
            "sequences": f"{sheet['n']:,}",
            "channels": str(sheet["dimensions"]),
            "classes": str(len(sheet["classes"])),
            "lengths": f"{sheet['lengths']['min']} to {sheet['lengths']['max']}, median {sheet['lengths']['median']:g}",
            "licence": sheet["licence"],
        }
        for name, sheet in sheets.items()
    )


def of_dataset(every, name):
    """All cells of one data set, the highest ARI first."""
    own = every[every.dataset == name].sort_values("ari", ascending=False, kind="stable")
    return pd.DataFrame(
        {"reading": cell.reading, "row": called((cell.method, cell.vectorization))}
        | {score.title: tables.number(getattr(cell, score.name), ".3f") for score in SHOWN}
        | {"lowest loss, ARI": tables.number(cell.lowest, ".3f"), "ok": f"{cell.n_ok}/{cell.n}"}
        | {"not ok": cell.failures or "–", "seconds a run": tables.number(cell.seconds, ".2f")}
        | {"peak memory, MiB": tables.number(cell.peak_memory_mib, ".0f")}
        for cell in own.itertuples()
    )


def made_with(readings):
    """What the runs took, and where they come from."""
    records = [record for one in readings for record in one.records]
    hours = sum(record["cost"]["seconds"] for record in records) / 3600
    told = commits(records, lambda record: tables.title(record["method"]))
    minutes = wall_time(file for one in readings for file in one.files) / 60
    took = f"{len(records)} runs in {minutes:.0f} minutes on {processor()}, {hours:.1f} core-hours of training"
    return f"{took}. Commit: {told}."


def rank_figure(readings):
    """Critical-difference picture of every reading: names at their mean ranks, bars below for those alike."""
    tallest = max(len(one.table) for one in readings)
    with plt.rc_context(style.STYLE):
        size = (style.PAGE, (0.16 * tallest + 0.7) * len(readings))
        figure, axes = plt.subplots(len(readings), 1, figsize=size, squeeze=False, layout="constrained")
        for axis, one in zip(axes[:, 0], readings, strict=True):
            draw_ranks(axis, one)
    return figure


def draw_ranks(axis, one):
    """One reading: rows from the best on top, each at its mean rank, and a vertical bar for each clique."""
    order = one.mean_ranks()
    axis.set_title(f"Reading “{one.name}”: {one.complete.shape[1]} data sets")
    for place, rank in enumerate(order):
        axis.plot([1, rank], [place, place], color="0.85", linewidth=0.5, zorder=0)
        axis.plot(rank, place, "o", color=style.COLOURS[0], markersize=3.5)
    for number, (first, last) in enumerate(ranks.cliques(list(order.index), one.compared)):
        x = len(order) + 0.35 + 0.22 * number
        axis.plot([x, x], [first - 0.25, last + 0.25], color="black", linewidth=2, solid_capstyle="butt")
    axis.set_yticks(
        range(len(order)), [f"{style.plain(called(row))}  {tables.number(rank)}" for row, rank in order.items()]
    )
    axis.set(xlabel="mean rank", ylim=(len(order) - 0.4, -0.6), xlim=(1, None))
    axis.tick_params(axis="y", length=0)


def cost_figure(readings):
    """Quality over cost, a panel a reading: every row by a number, the front, and beside them whose number it is."""
    made = [one.costs().dropna(subset=["seconds", "ari"]) for one in readings]
    numbers = {row: i for i, row in enumerate(dict.fromkeys(row for costs in made for row in costs.row), 1)}
    with plt.rc_context(style.STYLE):
        shape = {"figsize": (style.PAGE, 3.2), "width_ratios": [3] * len(made) + [2]}
        figure, axes = plt.subplots(1, len(made) + 1, layout="constrained", sharey=True, **shape)
        for axis, one, costs in zip(axes, readings, made, strict=False):
            front = costs[costs.front].sort_values("seconds")
            axis.step(front.seconds, front.ari, where="post", color=style.COLOURS[1], linewidth=1)
            axis.scatter(costs.seconds, costs.ari, s=12, color=style.COLOURS[0], zorder=2)
            for line in costs.itertuples():
                place = (line.seconds, line.ari)
                axis.annotate(numbers[line.row], place, (3, 2), textcoords="offset points", fontsize=6)
            axis.set(title=f"Reading “{one.name}”", xlabel="median seconds a run")
            if len(costs):
                style.log_scale(axis, "x")
            axis.margins(x=0.1)
        axes[0].set_ylabel("mean ARI")
        axes[-1].axis("off")
        names = "\n".join(f"{i}  {style.plain(called(row), 32)}" for row, i in numbers.items())
        axes[-1].text(0, 1, names, va="top", fontsize=6, linespacing=1.6, transform=axes[-1].transAxes)
    return figure


if __name__ == "__main__":
    main(__doc__, report=report)
