"""Figures of one reading: for print as files, for the page as what page.js draws."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from runs.results import frame
from runs.scores import accuracy

from . import indices, plots, run_figures, scatters
from .data import Data, load_case
from .embedding import embedded_input
from .style import save
from .tables import title


class Shown(NamedTuple):
    """What is shown of one data set.

    Parameters
    ----------
    name : str
    data : Data
    place, points : ndarray
        As `reports.embedding.plane` gives them.
    records : list of dict
    summary, runs : DataFrame
        As `reports.statistics.summarise` and `runs.results.frame` give them.
    seeds : dict of (method, vectorization) to int
        Of the chosen runs.
    clusters : dict of (method, vectorization) to ndarray of shape (n,)
        Theirs.
    labels : ndarray of shape (n,)
        -1 where unknown or not scored.
    """

    name: str
    data: Data
    place: np.ndarray
    points: np.ndarray
    records: list
    summary: pd.DataFrame
    runs: pd.DataFrame
    seeds: dict
    clusters: dict
    labels: np.ndarray

    @property
    def seen(self):
        """Caption of the plane."""
        told = title(embedded_input(self.data.sequences.subset(self.place)))
        return f"t-SNE of {len(self.place):,} sequences ({told})"

    @property
    def where(self):
        """Words for the split that figures of single runs are of, where there are several."""
        return ", on the first split" if self.summary.splits.max() > 1 else ""

    @property
    def ways(self):
        """`clusters` by the words that a figure has for a cell."""
        return {named(cell): found for cell, found in self.clusters.items()}

    @property
    def scored(self):
        """(method, vectorization) to labels and clusters of the scored sequences whose label is known."""
        known = self.labels >= 0
        return {cell: (self.labels[known], found[known]) for cell, found in self.clusters.items() if known.any()}


def named(cell):
    """A method and its input in words."""
    return ", ".join(map(title, cell))


def write_figures(job, records, data, planes, chosen, clusters, summary, folder):
    """Write the figures for print, and draw those of the page.

    Parameters
    ----------
    job : dict
    records : list of dict
    data : dict of str to Data
    planes : dict of str to Future
        Of what `reports.embedding.plane` gives.
    chosen : dict of (method, vectorization, dataset) to int
        As `reports.chosen.chosen_seeds` gives it.
    clusters : dict of (method, vectorization, dataset) to ndarray of shape (n,)
    summary : DataFrame
        Of the rows that ran.
    folder : Path

    Returns
    -------
    pictures : list of (Path, str)
        PNG and caption.
    drawn : dict of str to (str, dict)
        Name to caption and figure of `reports.plots`.
    """
    pictures, drawn, runs = [], {}, frame(records, job["scored"])
    for dataset in job["datasets"]:
        shown = Shown(
            dataset,
            data[dataset],
            *planes[dataset].result(),
            [record for record in records if record["dataset"] == dataset and record["split"] == 0],
            summary[summary.dataset == dataset],
            runs[runs.dataset == dataset],
            *({cell[:2]: of[cell] for cell in chosen if cell[2] == dataset} for of in (chosen, clusters)),
            data[dataset].labels_of(job["scored"]),
        )
        for name, figure, caption in for_print(job, shown):
            if figure is not None:
                save(figure, folder / name)
                pictures.append((folder / f"{name}.png", caption))
        drawn |= {name: (caption, figure) for name, figure, caption in for_page(shown) if figure is not None}
    return pictures, drawn


def for_print(job, shown):
    """(name, figure, caption) of every figure of one data set."""
    dataset, told, data = shown.name, title(shown.name), shown.data
    if dataset == job["figures"]["dataset"]:
        kmeans, rddc = (shown.clusters.get(cell) for cell in (("kmeans", "avg"), ("rddc", "none")))
        figure = scatters.figure2(data, shown.place, shown.points, kmeans, rddc)
        yield "figure2", figure, f"Figure 2: {told}, {shown.seen}."
        caption = f"Figure 3: the same for sequences of about one length, cropped; k-means refitted on them ({told})."
        yield "figure3", scatters.figure3(data, load_case(job["figures"]["one_length"]), rddc), caption
    if data.sheet["classes"]:
        yield f"strips_{dataset}", run_figures.strips(shown.summary, shown.runs), f"{told}: accuracy of every run."
    if indices.is_own(data.sheet):
        figure = scatters.all_clusters(data, shown.place, shown.points, shown.ways)
        yield f"clusters_{dataset}", figure, f"{told}: {shown.seen}."
    if cells := [(named(cell), *pair) for cell, pair in shown.scored.items()]:
        chosen = "of the selected runs, or of the first ok run of a method without a loss"
        caption = f"{told}: confusion {chosen}{shown.where}."
        yield f"confusion_{dataset}", run_figures.confusion(cells, data.sheet["classes"]), caption
    selected = {(*cell, seed) for cell, seed in shown.seeds.items()}
    yield (
        f"loss_{dataset}",
        run_figures.loss_curves(shown.records, selected),
        f"{told}: loss of every run{shown.where}.",
    )


def for_page(shown):
    """(name, figure, caption) of every figure that page.js draws of one data set."""
    dataset, data = shown.name, shown.data
    if data.sheet["classes"]:
        yield f"strips/{dataset}", plots.strips(shown.summary, shown.runs), "Accuracy of every run"
    yield f"scatter/{dataset}", plots.scatter(data, shown.place, shown.points, shown.ways), shown.seen
    for cell, (labels, found) in shown.scored.items():
        caption = f"{named(cell)}: seed {shown.seeds[cell]}, ACC {accuracy(labels, found):.2f}{shown.where}"
        yield f"confusion/{dataset}/{'/'.join(cell)}", plots.confusion(labels, found, data.sheet["classes"]), caption
    for cell in dict.fromkeys((record["method"], record["vectorization"]) for record in shown.records):
        block = [record for record in shown.records if (record["method"], record["vectorization"]) == cell]
        caption = f"{named(cell)}: {sum(record['status'] == 'ok' for record in block)}/{len(block)} ok{shown.where}"
        yield f"loss/{dataset}/{'/'.join(cell)}", plots.loss_curves(block, shown.seeds.get(cell)), caption
