"""What a user's own data need beside tables of scores: indices without labels, a figure, and the clusters as CSV."""

import csv
import io
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
from sklearn.preprocessing import StandardScaler

from datasets.sequences import SPLITS
from datasets.storage import write_text
from runs.scores import match_clusters

from .figures import COLOURS, PAGE, STYLE, subsample
from .tables import number, title

POINTS = 16
INDICES = (
    "Silhouette and Calinski-Harabasz: higher is better; Davies-Bouldin: lower. They ask whether clusters are dense and"
    f" apart in one space that is the same for all methods: every sequence at {POINTS} moments from its start to its"
    " end, linear between elements, each value standardised. A method's own representation would be made to look good"
    " by that method. “Highest” marks the number of clusters with the highest silhouette. Clusters that differ in"
    " length, tempo or phase only are not seen by these indices: a low one is no proof against a clustering."
)


def is_own(sheet):
    """Whether a data set's sheet is that of a user's own data."""
    return sheet["source"]["origin"] == "own"


def family(sheet):
    """Name that a user's data set has in the config: without the number of clusters where there are several."""
    return sheet["name"].removesuffix(f"_k{sheet['settings']['k']}")


def moments(sequences):
    """Every sequence at `POINTS` moments evenly spaced from its first element to its last, shape (n, POINTS · d)."""
    place = np.linspace(0, 1, POINTS) * (sequences.lengths - 1)[:, None]
    before = np.floor(place).astype(int)
    after = np.minimum(before + 1, (sequences.lengths - 1)[:, None])
    start, weight = sequences.offsets[:-1, None], (place - before)[:, :, None]
    values = sequences.values[start + before] * (1 - weight) + sequences.values[start + after] * weight
    return values.reshape(len(sequences), -1)


def space(sequences):
    """`moments`, each value standardised: where the indices are taken and the figure is drawn."""
    return StandardScaler().fit_transform(moments(sequences))


def indices(sequences, clusters):
    """Silhouette, Calinski-Harabasz and Davies-Bouldin index; all None unless there are 2 to n - 1 clusters."""
    names = ("silhouette", "calinski_harabasz", "davies_bouldin")
    if not 2 <= len(np.unique(clusters)) < len(clusters):
        return dict.fromkeys(names)
    vectors = space(sequences)
    measures = (silhouette_score, calinski_harabasz_score, davies_bouldin_score)
    return {name: float(measure(vectors, clusters)) for name, measure in zip(names, measures, strict=True)}


def index_table(data, clusters):
    """Indices of every chosen run on the user's own data sets.

    Parameters
    ----------
    data : dict of str to Data
    clusters : dict of (method, vectorization, dataset) to ndarray of shape (n,)

    Returns
    -------
    DataFrame of str
        `INDICES` says what they are; computed on at most `reports.figures.MOST_POINTS` sequences of all splits.
    """
    rows = []
    for (method, how, dataset), found in clusters.items():
        if dataset in data and is_own(data[dataset].sheet):
            sequences, name = data[dataset].sequences, family(data[dataset].sheet)
            shown = subsample(sequences, name)
            of = {"data set": title(name), "method": title(method), "input": title(how)}
            k = len(np.unique(found))
            rows.append(of | {"clusters": k} | indices(sequences.subset(shown), found[shown]))
    if not rows:
        return pd.DataFrame()
    table = pd.DataFrame(rows).sort_values(["data set", "method", "input", "clusters"], kind="stable")
    table = table.astype({"silhouette": float, "calinski_harabasz": float, "davies_bouldin": float})
    cells = table.groupby(["data set", "method", "input"]).silhouette
    highest = (cells.transform("size") > 1) & (table.silhouette == cells.transform("max"))
    return pd.DataFrame(
        {
            **{name: table[name] for name in ("data set", "method", "input", "clusters")},
            "silhouette": table.silhouette.map(lambda value: number(value, "z.2f")),
            "Calinski-Harabasz": table.calinski_harabasz.map(lambda value: number(value, ".1f")),
            "Davies-Bouldin": table.davies_bouldin.map(number),
            "highest": highest.map({True: "highest", False: ""}),
        }
    )


def write_clusters(folder, data, clusters):
    """Write ``<dataset>/<method>-<vectorization>.csv`` of every chosen run: identifier, cluster, split.

    A sequence without an identifier is called by its place in the data set, from 0.
    """
    for (method, how, dataset), found in clusters.items():
        identifiers = data[dataset].sheet.get("identifiers") or range(len(found))
        splits = (SPLITS[part] for part in data[dataset].sequences.split)
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(["identifier", "cluster", "split"])
        writer.writerows(zip(identifiers, found.tolist(), splits, strict=True))
        write_text(Path(folder) / dataset / f"{method}-{how}.csv", lines.getvalue())


def panels(data, shown, points, ways):
    """The same points coloured by length, by label where there are labels, and by the clusters of every method.

    Parameters
    ----------
    data : Data
    shown, points : ndarray
        As `reports.figures.plane` gives them.
    ways : dict of str to ndarray of shape (n,)
        Method to the clusters of its run.

    Returns
    -------
    matplotlib.figure.Figure
    """
    labels = [("labels", data.labels[shown])] if data.sheet["classes"] else []
    cells = labels + [(told, found[shown]) for told, found in ways.items()]
    with plt.rc_context(STYLE):
        columns = 4
        rows = -(-(len(cells) + 1) // columns)
        size = np.clip(40 / np.sqrt(len(points)), 0.8, 6)
        figure, axes = plt.subplots(
            rows, columns, figsize=(PAGE, rows * PAGE / columns), layout="constrained", squeeze=False
        )
        drawn = axes.flat[0].scatter(*points.T, c=data.sequences.lengths[shown], cmap="viridis", s=size, linewidths=0)
        figure.colorbar(drawn, ax=axes.flat[0], fraction=0.046, pad=0.02)
        axes.flat[0].set_title("elements")
        for axis, (told, found) in zip(axes.flat[1:], cells, strict=False):
            # One colour for what agrees: clusters take the colours of the first panel's groups.
            matched = match_clusters(cells[0][1], found)
            spare = iter(sorted(set(range(len(COLOURS))) - set(matched.values())))
            for cluster in np.unique(found):
                colour = matched[cluster] if cluster in matched else next(spare, len(COLOURS) - 1)
                chosen = found == cluster
                axis.scatter(*points[chosen].T, color=COLOURS[colour % len(COLOURS)], s=size, linewidths=0)
            axis.set_title(told)
        for axis in axes.flat:
            axis.set(xticks=[], yticks=[])
        for axis in axes.flat[len(cells) + 1 :]:
            axis.axis("off")
    return figure
