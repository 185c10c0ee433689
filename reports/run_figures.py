"""What a reviewer looks at: confusion matrices, loss curves, and every seed's accuracy."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from .matching import contingency
from .style import COLOURS, PAGE, STYLE, grid, plain
from .tables import title


def confusion(cells, classes):
    """Confusion matrices of the selected runs of one data set, clusters in the order of the classes they stand for.

    Parameters
    ----------
    cells : list of (str, ndarray, ndarray)
        Name, labels and clusters of the test split.
    classes : list of str
    """
    with plt.rc_context(STYLE):
        figure, axes = grid(len(cells), 4, 1.55)
        for axis, (name, labels, found) in zip(axes, cells, strict=True):
            counts, share = contingency(labels, found, len(classes))
            axis.imshow(share, cmap="cividis", vmin=0, vmax=1)
            if len(classes) <= 4:
                for (i, j), count in np.ndenumerate(counts):
                    axis.text(j, i, count, ha="center", va="center", color="black" if share[i, j] > 0.6 else "white")
            axis.set_title(textwrap.fill(name, 22))
            axis.set(xticks=[], yticks=range(len(classes)))
            names = [plain(name, 12) for name in classes] if axis.get_subplotspec().is_first_col() else []
            axis.set_yticklabels(names)
        figure.supxlabel("cluster, matched to its class; colour: share of the class, from 0 (dark) to 1 (light)")
    return figure


def usual_range(records):
    """Lowest and highest loss of the ok runs, with a margin, or of all runs without an ok one; None without any loss.

    A run that diverges would flatten all others: the axis is theirs, and its cross stands at the edge.
    """
    curves = [(record["status"], record["loss_curve"].get("loss", [])) for record in records]
    usual = [curve for status, curve in curves if status == "ok" and curve] or [curve for _, curve in curves if curve]
    if not usual:
        return None
    usual = np.concatenate(usual)
    margin = 0.05 * np.ptp(usual) or 0.05
    return usual.min() - margin, usual.max() + margin


def loss_curves(records, selected):
    """Loss over epochs, a panel for each deep method and input, a line a seed, the selected run bold.

    Parameters
    ----------
    records : list of dict
        Of one data set.
    selected : set of (method, vectorization, seed)
    """
    groups = {}
    for record in records:
        groups.setdefault((record["method"], record["vectorization"]), []).append(record)
    ranges = {cell: found for cell, runs in groups.items() if (found := usual_range(runs))}
    if not ranges:
        return None
    with plt.rc_context(STYLE):
        figure, axes = grid(len(ranges), 3, 1.7)
        for axis, (cell, limits) in zip(axes, ranges.items(), strict=True):
            axis.set_ylim(*limits)
            for record in groups[cell]:
                loss_curve(axis, record, limits, (*cell, record["seed"]) in selected)
            n, n_ok = len(groups[cell]), sum(record["status"] == "ok" for record in groups[cell])
            share = f"  {n_ok}/{n} ok" if n_ok < n else ""
            axis.set_title(", ".join(map(title, cell)) + share)
            axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
            axis.set_xlim(left=0)  # around a single epoch there would be no whole number but it
        figure.supxlabel("epoch; bold: selected, dashed and crossed: not ok")
        figure.supylabel("loss")
    return figure


def loss_curve(axis, record, limits, chosen):
    """The line of one run, with a cross at the end of one that is not ok."""
    losses, failed = record["loss_curve"].get("loss", []), record["status"] != "ok"
    colour = COLOURS[5] if failed else COLOURS[0]
    axis.plot(
        np.arange(1, len(losses) + 1),
        losses,
        color=colour,
        linestyle="--" if failed else "-",
        linewidth=1.6 if chosen else 0.6,
        alpha=1 if chosen else 0.5,
        zorder=3 if chosen else 2,
        # A single epoch is no line, and its run would be unseen.
        marker="." if len(losses) == 1 else None,
        markersize=6 if chosen else 3,
    )
    if failed and losses:
        axis.plot(len(losses), np.clip(losses[-1], *limits), marker="x", markersize=4, color=colour, clip_on=False)


def strips(summary, runs):
    """Accuracy of every run beside the published value, one data set.

    Parameters
    ----------
    summary, runs : DataFrame
        Cells and runs of one data set, as `reports.statistics.summarise` and `runs.results.frame` give them.
    """
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(PAGE, 0.26 * len(summary) + 0.9), layout="constrained")
        for y, (_, cell) in enumerate(summary.iterrows()):
            here = runs[(runs.method == cell.method) & (runs.vectorization == cell.vectorization)]
            good = here[here.status == "ok"].accuracy
            bad = here[here.status != "ok"]
            axis.scatter(good, [y] * len(good), s=9, color=COLOURS[0], alpha=0.5, linewidths=0)
            axis.scatter([-0.03] * len(bad[:1]), [y] * len(bad[:1]), marker="x", s=14, color=COLOURS[5])
            if not np.isnan(cell.accuracy):
                axis.scatter(cell.accuracy, y, s=34, facecolors="none", edgecolors="black", linewidths=1)
            if not np.isnan(cell.published_accuracy):
                axis.scatter(cell.published_accuracy, y, marker="|", s=90, color=COLOURS[1], linewidths=2.2)
        names = [
            f"{title(c.method)}, {title(c.vectorization)}" + (f"  {int(c.n_ok)}/{int(c.n)}" if c.n_ok < c.n else "")
            for c in summary.itertuples()
        ]
        axis.set_yticks(range(len(names)), names)
        axis.set(xlim=(-0.06, 1.03), ylim=(len(names) - 0.5, -0.5), xlabel="accuracy")
        axis.grid(axis="x", linewidth=0.3)
        marks = [("o", COLOURS[0], "run"), ("|", COLOURS[1], "published"), ("x", COLOURS[5], "runs not ok")]
        for marker, colour, name in marks:
            axis.scatter([], [], marker=marker, color=colour, label=name, s=20)
        axis.scatter([], [], facecolors="none", edgecolors="black", label="paper's protocol", s=30)
        figure.legend(ncols=4, loc="outside upper center")
    return figure
