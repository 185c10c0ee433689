"""Indices that need no labels, for a user's own data."""

import numpy as np
import pandas as pd
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
from sklearn.preprocessing import StandardScaler

from methods.vectorize import moments

from .embedding import subsample
from .published import CELL
from .tables import number, of_halves, title

POINTS = 16
STABLE = ("agreement", "halves")
HALVES = ("halves", "halves_ok", "halves_n")  # the mean over ok pairs, how many these are, and how many there are
BEST = {"silhouette": "max", "calinski_harabasz": "max", "davies_bouldin": "min"}  # which of several k each prefers
INDICES = (
    "Agreement: the mean adjusted Rand index between the runs of a row, all on the same sequences; 1 where all"
    " find the same clusters. Halves: the same between two fits, each on a half of the data, over all sequences;"
    " what doesn't depend on which half was seen is no chance of these data; it is the mean over ok"
    " pairs of halves, with n_ok/n where a fit of some pair isn't ok. Silhouette and Calinski-Harabasz: higher is"
    " better; Davies-Bouldin: lower. They ask whether clusters are dense and apart in one space that is"
    f" the same for all methods: every sequence at {POINTS} moments, or as many as the longest has, linear between"
    " elements, each value standardised. A method's own representation would be made to look good by that method."
    " “Highest” marks the number of clusters with the highest silhouette. Clusters that differ in length, tempo or"
    " phase only are not seen by these indices: a low one is no proof against a clustering."
)


def is_own(sheet):
    """Whether a data set's sheet is that of a user's own data."""
    return sheet["source"]["origin"] == "own"


def family(sheet):
    """Name that a user's data set has in the config: without the number of clusters where there are several."""
    return sheet["name"].removesuffix(f"_k{sheet['settings']['k']}")


def space(sequences):
    """Every sequence at `POINTS` moments, each value standardised: where the indices are taken.

    At fewer where no sequence has as many elements: vectors stay as they are, and 70,000 images fit into memory.
    """
    return StandardScaler().fit_transform(moments(sequences, min(POINTS, int(sequences.lengths.max()))))


def indices(sequences, clusters):
    """Silhouette, Calinski-Harabasz and Davies-Bouldin index; all None unless there are 2 to n - 1 clusters."""
    if not 2 <= len(np.unique(clusters)) < len(clusters):
        return dict.fromkeys(BEST)
    vectors = space(sequences)
    measures = (silhouette_score, calinski_harabasz_score, davies_bouldin_score)
    return {name: float(measure(vectors, clusters)) for name, measure in zip(BEST, measures, strict=True)}


def measure(data, clusters, agreed, halves):
    """Indices of every chosen run on the user's own data sets, as numbers.

    Parameters
    ----------
    data : dict of str to Data
    clusters : dict of (method, vectorization, dataset) to ndarray of shape (n,)
    agreed : dict of (method, vectorization, dataset) to float or None
        Agreement between runs.
    halves : dict of (method, vectorization, dataset) to (float, int, int)
        `HALVES`, where they were asked for.

    Returns
    -------
    DataFrame
        `CELL`, family, clusters (how many), agreement, `HALVES`, and the indices on at most
        `reports.embedding.MOST_POINTS` sequences of all splits; NaN for what there is not.
    """
    rows = []
    for cell, found in clusters.items():
        dataset = cell[-1]
        if dataset in data and is_own(data[dataset].sheet):
            sequences, name = data[dataset].sequences, family(data[dataset].sheet)
            shown = subsample(sequences, name)
            of = dict(zip(CELL, cell, strict=True)) | {"family": name, "clusters": len(np.unique(found))}
            rows.append(
                of
                | {"agreement": agreed[cell]}
                | dict(zip(HALVES, halves.get(cell, [None] * len(HALVES)), strict=True))
                | indices(sequences.subset(shown), found[shown])
            )
    numbers = ["agreement", *HALVES, *BEST]
    return pd.DataFrame(rows, columns=[*CELL, "family", "clusters", *numbers]).astype(dict.fromkeys(numbers, float))


def index_table(measured):
    """`measure` as strings; `INDICES` says what they are."""
    if measured.empty:
        return pd.DataFrame()
    table = measured.assign(**{name: measured[name].map(title) for name in CELL[:2]}, family=measured.family.map(title))
    table = table.sort_values(["family", "method", "vectorization", "clusters"], kind="stable")
    cells = table.groupby(["family", "method", "vectorization"]).silhouette
    highest = (cells.transform("size") > 1) & (table.silhouette == cells.transform("max"))
    return pd.DataFrame(
        {
            **{"data set": table.family, "method": table.method, "input": table.vectorization},
            "clusters": table.clusters,
            "agreement": table.agreement.map(lambda value: number(value, "z.2f")),
            "halves": [of_halves(row) for row in table.itertuples()],
            "silhouette": table.silhouette.map(lambda value: number(value, "z.2f")),
            "Calinski-Harabasz": table.calinski_harabasz.map(lambda value: number(value, ".1f")),
            "Davies-Bouldin": table.davies_bouldin.map(number),
            "highest": highest.map({True: "highest", False: ""}),
        }
    )
