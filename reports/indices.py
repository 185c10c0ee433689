"""Indices that need no labels, for a user's own data."""

import numpy as np
import pandas as pd
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
from sklearn.preprocessing import StandardScaler

from methods.vectorize import moments

from .embedding import subsample
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


def space(sequences):
    """Every sequence at `POINTS` moments, each value standardised: where the indices are taken."""
    return StandardScaler().fit_transform(moments(sequences, POINTS))


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
        `INDICES` says what they are; computed on at most `reports.embedding.MOST_POINTS` sequences of all splits.
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
