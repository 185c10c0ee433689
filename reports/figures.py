"""The paper's figures 2 and 3, and what a reviewer looks at: confusion matrices, loss curves, every seed's accuracy.

Widths are those of a column (3.4 in) and of a page (7 in) of the conference's format, without trimming, so that type
keeps its size in print; colours are safe for the colour-blind; equal data give equal bytes.
"""

import textwrap

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import MaxNLocator
from sklearn.manifold import TSNE

from datasets.seeds import seed_sequence
from datasets.storage import whole_file
from datasets.text import one_line
from methods.kmeans import KMeans
from methods.vectorize import vectorize
from runs.scores import match_clusters

from .tables import title

COLUMN, PAGE = 3.4, 7.0
# Okabe and Ito's palette, black last.
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999", "#6A3D9A", "#000000"]
STYLE = {
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.hashsalt": "fixed",
    "text.parse_math": False,  # a class may be called $5_$10
    "pdf.fonttype": 42,
}
FEWEST_POINTS, MOST_POINTS = 10, 2000
MOST_VALUES = 2**26  # of the vectors that t-SNE is given: 256 MiB


def plain(name, most=40):
    """A name from data as a figure may show it: in one line of at most `most` characters that its font has."""
    known = get_font(findfont(FontProperties())).get_charmap()
    shown = "".join(c if ord(c) in known else f"[{ord(c):X}]" for c in one_line(name))
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def add_legend(owner, handles, names, **how):
    """A legend of a figure or of axes with all of `names`: matplotlib leaves out those that begin with ``_``."""
    made = owner.legend(handles, ["name"] * len(names), **how)
    for text, name in zip(made.get_texts(), names, strict=True):
        text.set_text(name)
    return made


def save(figure, path):
    """Write `figure` as PNG (300 dpi) and PDF, without dates."""
    for ending, metadata in ((".png", {"Software": None}), (".pdf", {"CreationDate": None, "Creator": None})):
        with plt.rc_context(STYLE), whole_file(path.with_suffix(ending)) as temporary:  # some text is made only now
            figure.savefig(temporary, dpi=300, metadata=metadata)
        # Laying out takes as long as drawing: the second file takes the first one's.
        figure.set_layout_engine("none")
    plt.close(figure)


def embedded_input(sequences):
    """What t-SNE is given: ``vector`` where every sequence is one, else ``avg``, or ``zero`` where averages say little
    (all but equal, or of one dimension) and a figure's memory allows it."""
    if sequences.lengths.max() == 1:
        return "vector"
    spread = vectorize(sequences, "avg").std(axis=0, dtype=float).max()
    if sequences.dimensions > 1 and spread > 1e-3 * sequences.values.std(dtype=float):
        return "avg"
    padded = min(len(sequences), MOST_POINTS) * int(sequences.lengths.max()) * sequences.dimensions
    return "zero" if padded <= MOST_VALUES else "avg"


def embed(sequences, name):
    """t-SNE of the sequences as `embedded_input` vectorizes them, shape (n, 2)."""
    seed = int(seed_sequence(0, name, "tsne").generate_state(1)[0] % 2**31)
    vectors = vectorize(sequences, embedded_input(sequences))
    largest, spread = np.abs(vectors).max(), vectors.std(axis=0, dtype=float).max()
    if largest and not 1e-15 < largest < 1e15:
        vectors = vectors / largest  # whose squares float32 can't hold
    # Principal components of what is all but one point would be divided by zero, and t-SNE would crash.
    start = "pca" if vectors.shape[1] > 1 and spread > 1e-6 * largest else "random"
    perplexity = min(30, (len(sequences) - 1) / 3)
    return TSNE(init=start, perplexity=perplexity, random_state=seed).fit_transform(vectors)


def usual_lengths(sequences):
    """Shortest and longest of the narrowest range of lengths that holds a quarter of the sequences, at least 10."""
    lengths = np.sort(sequences.lengths)
    held = min(len(lengths), max(-(-len(lengths) // 4), FEWEST_POINTS))
    widths = lengths[held - 1 :] - lengths[: len(lengths) - held + 1]
    start = int(widths.argmin())
    return int(lengths[start]), int(lengths[start + held - 1])


def subsample(sequences, name):
    """Indices of at most `MOST_POINTS` sequences, drawn with the data set's own stream."""
    rng = np.random.default_rng(seed_sequence(0, name, "points"))
    return np.sort(rng.permutation(len(sequences))[:MOST_POINTS])


def plane(sequences, name):
    """Indices of at most `MOST_POINTS` sequences and their places in the plane by t-SNE, shape (n, 2)."""
    chosen = subsample(sequences, name)
    return chosen, embed(sequences.subset(chosen), name)


def places(labels, found, n_classes):
    """Number of every cluster: that of the class it stands for, and beyond the classes for what stands for none.

    Parameters
    ----------
    labels, found : array of int, shape (n,)
        A label of -1 is unknown.
    n_classes : int

    Returns
    -------
    dict of int to int
    """
    known = labels >= 0
    matched = match_clusters(labels[known], found[known]) if known.any() else {}
    return matched | {c: n_classes + i for i, c in enumerate(sorted(set(found.tolist()) - set(matched)))}


def four_panels(points, lengths, labels, kmeans, rddc, classes):
    """Figure 2 or 3: the same points coloured by length, truth, k-means and RDDC.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
    lengths, labels : ndarray of shape (n,)
    kmeans, rddc : ndarray of shape (n,) or None
        Clusters; None leaves the panel empty, with the reason as its title.
    classes : list of str

    Returns
    -------
    matplotlib.figure.Figure
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(2, 2, figsize=(COLUMN, COLUMN * 1.1), layout="constrained")
        size = np.clip(40 / np.sqrt(len(points)), 0.8, 4)
        drawn = axes[0, 0].scatter(*points.T, c=lengths, cmap="viridis", s=size, linewidths=0)
        ticks = MaxNLocator(5, integer=True, min_n_ticks=1)
        figure.colorbar(drawn, ax=axes[0, 0], fraction=0.046, pad=0.02, ticks=ticks)
        panels = [("truth", labels), ("k-means, average", kmeans), ("RDDC", rddc)]
        for axis, (name, found) in zip(axes.flat[1:], panels, strict=True):
            if found is None:
                axis.set_title(f"{name}: no ok run")
                continue
            # A cluster takes the colour of the class it stands for.
            place = places(labels, found, len(classes)) if name != "truth" else {}
            drawn = {}
            for cluster in np.unique(found):
                number = place.get(int(cluster), cluster)
                chosen = found == cluster
                colour = COLOURS[number % len(COLOURS)]
                drawn[number] = axis.scatter(*points[chosen].T, color=colour, s=size, linewidths=0)
            axis.set_title(name)
            if name == "truth":
                names = [plain(classes[number]) for number in drawn]
                how = {"ncols": 3, "fontsize": 6.5, "markerscale": 3, "handletextpad": 0.1}
                add_legend(figure, drawn.values(), names, loc="outside lower center", **how)
        axes[0, 0].set_title("elements")
        for letter, axis in zip("abcd", axes.flat, strict=True):
            axis.set_title(f"({letter}) {axis.get_title()}")
            axis.set(xticks=[], yticks=[])
    return figure


def figure2(data, chosen, points, kmeans, rddc):
    """All sequences, coloured in four ways; `chosen` and `points` as `plane` gives them."""
    groups = data.sequences.lengths, data.labels, kmeans, rddc
    return four_panels(points, *(None if of is None else of[chosen] for of in groups), data.sheet["classes"])


def figure3(data, name, rddc, length_range):
    """Sequences of about one length, cropped to it: k-means is refitted, RDDC's clusters come from the full model."""
    sequences, classes = data.sequences, data.sheet["classes"]
    shortest, longest = length_range or usual_lengths(sequences)
    inside = np.flatnonzero((sequences.lengths >= shortest) & (sequences.lengths <= longest))
    if len(inside) < FEWEST_POINTS:
        raise ValueError(
            f"figures.length_range: {len(inside)} sequences of {name} have {shortest} to {longest} elements"
        )
    inside = inside[subsample(sequences.subset(inside), name)]
    part = sequences.subset(inside)
    rows = part.offsets[:-1, None] + np.arange(shortest)
    cropped = type(part)(part.values[rows].reshape(-1, part.dimensions), np.arange(len(part) + 1) * shortest)
    seed = int(seed_sequence(0, name, "figure3").generate_state(1)[0])
    kmeans = KMeans(len(classes), random_state=seed).fit_predict(vectorize(cropped, "avg"))
    rddc = None if rddc is None else rddc[inside]
    figure = four_panels(embed(cropped, name), part.lengths, data.labels[inside], kmeans, rddc, classes)
    figure.suptitle(f"{shortest} to {longest} elements, cropped to {shortest}", fontsize=7)
    return figure


def contingency(labels, found, n_classes):
    """Sequences of each class in each cluster, and their share of the class.

    Returns
    -------
    counts, shares : ndarray of shape (n_classes, at least n_classes)
        A row a class, a column a cluster, in the order of `places`.
    """
    place = places(labels, found, n_classes)
    counts = np.zeros((n_classes, max([n_classes, *(number + 1 for number in place.values())])), int)
    np.add.at(counts, (labels, [place[int(c)] for c in found]), 1)
    return counts, counts / counts.sum(axis=1, keepdims=True).clip(1)


def confusion(cells, classes):
    """Confusion matrices of the selected runs of one data set, clusters in the order of the classes they stand for.

    Parameters
    ----------
    cells : list of (str, ndarray, ndarray)
        Name, labels and clusters of the test split.
    classes : list of str
    """
    with plt.rc_context(STYLE):
        columns = 5
        rows = -(-len(cells) // columns)
        figure, axes = plt.subplots(rows, columns, figsize=(PAGE, rows * PAGE / columns), layout="constrained")
        for axis in np.ravel(axes)[len(cells) :]:
            axis.axis("off")
        for axis, (name, labels, found) in zip(np.ravel(axes), cells, strict=False):
            counts, share = contingency(labels, found, len(classes))
            axis.imshow(share, cmap="cividis", vmin=0, vmax=1)
            if len(classes) <= 4:
                for (i, j), count in np.ndenumerate(counts):
                    axis.text(j, i, count, ha="center", va="center", color="black" if share[i, j] > 0.6 else "white")
            axis.set_title(textwrap.fill(name, 26), fontsize=6.5)
            axis.set(xticks=[], yticks=range(len(classes)))
            names = [plain(name, 12) for name in classes] if axis.get_subplotspec().is_first_col() else []
            axis.set_yticklabels(names, fontsize=6)
        figure.supxlabel(
            "cluster, matched to its class; colour: share of the class, from 0 (dark) to 1 (light)", fontsize=7
        )
    return figure


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
    groups = {cell: runs for cell, runs in groups.items() if any(run["loss_curve"].get("loss") for run in runs)}
    if not groups:
        return None
    with plt.rc_context(STYLE):
        columns = 4
        rows = -(-len(groups) // columns)
        figure, axes = plt.subplots(rows, columns, figsize=(PAGE, 1.6 * rows), layout="constrained", squeeze=False)
        for axis in axes.flat[len(groups) :]:
            axis.axis("off")
        for axis, ((method, how), runs) in zip(axes.flat, groups.items(), strict=False):
            # A run that diverges would flatten all others: the axis is theirs, and its cross stands at the edge.
            seen = [run for run in runs if run["status"] == "ok"] or runs
            usual = np.concatenate([run["loss_curve"].get("loss", []) for run in seen])
            margin = 0.05 * np.ptp(usual) or 0.05
            low, high = usual.min() - margin, usual.max() + margin
            axis.set_ylim(low, high)
            for record in runs:
                losses = record["loss_curve"].get("loss", [])
                chosen = (method, how, record["seed"]) in selected
                failed = record["status"] != "ok"
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
                    edge = np.clip(losses[-1], low, high)
                    axis.plot(len(losses), edge, marker="x", markersize=4, color=colour, clip_on=False)
            n_ok = sum(record["status"] == "ok" for record in runs)
            share = f"  {n_ok}/{len(runs)} ok" if n_ok < len(runs) else ""
            axis.set_title(f"{title(method)}, {title(how)}{share}", fontsize=6.5)
            axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        figure.supxlabel("epoch; bold: selected, dashed and crossed: not ok", fontsize=7)
        figure.supylabel("loss", fontsize=7)
    return figure


def strips(summary, runs):
    """Accuracy of every run beside the published value, one data set.

    Parameters
    ----------
    summary, runs : DataFrame
        Cells and runs of one data set, as `reports.tables.summarise` and `runs.records.frame` give them.
    """
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(PAGE, 0.24 * len(summary) + 0.9), layout="constrained")
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
        axis.invert_yaxis()
        axis.set(xlim=(-0.06, 1.03), xlabel="accuracy")
        axis.grid(axis="x", linewidth=0.3)
        marks = [("o", COLOURS[0], "run"), ("|", COLOURS[1], "published"), ("x", COLOURS[5], "runs not ok")]
        for marker, colour, name in marks:
            axis.scatter([], [], marker=marker, color=colour, label=name, s=20)
        axis.scatter([], [], facecolors="none", edgecolors="black", label="paper's protocol", s=30)
        figure.legend(ncols=4, loc="outside upper center", fontsize=7)
    return figure
