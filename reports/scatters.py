"""Sequences as points in the plane: the paper's figures 2 and 3, and the clusters of all methods side by side."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from .matching import colours
from .style import COLUMN, STYLE, add_legend, grid, plain


def coloured(axis, points, found, colour, size):
    """Draw `points`, shape (n, 2), in the `colour` of their group; returns each group with what was drawn."""
    parts = {group: points[found == group].T for group in np.unique(found)}
    return {g: axis.scatter(*part, color=colour[g], s=size, linewidths=0) for g, part in parts.items()}


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
        axes[0, 0].set_title("elements")
        ticks = MaxNLocator(5, integer=True, min_n_ticks=1)
        figure.colorbar(drawn, ax=axes[0, 0], fraction=0.046, pad=0.02, ticks=ticks)
        panels = [("truth", labels), ("k-means, average", kmeans), ("RDDC", rddc)]
        for axis, (name, found) in zip(axes.flat[1:], panels, strict=True):
            axis.set_title(f"{name}: no ok run" if found is None else name)
            if found is None:
                continue
            groups = coloured(axis, points, found, colours(labels, found, len(classes)), size)
            if name == "truth":
                known = [group for group in groups if group >= 0]
                handles, names = [groups[group] for group in known], [plain(classes[group]) for group in known]
                how = {"ncols": 3, "markerscale": 3, "handletextpad": 0.1}
                add_legend(figure, handles, names, loc="outside lower center", **how)
        for letter, axis in zip("abcd", axes.flat, strict=True):
            axis.set_title(f"({letter}) {axis.get_title()}")
            axis.set(xticks=[], yticks=[])
    return figure


def figure2(data, chosen, points, kmeans, rddc):
    """All sequences, coloured in four ways; `chosen` and `points` as `reports.embedding.plane` gives them."""
    groups = data.sequences.lengths, data.labels, kmeans, rddc
    return four_panels(points, *(None if of is None else of[chosen] for of in groups), data.sheet["classes"])


def figure3(data, narrow, rddc):
    """Sequences of about one length, cropped to it.

    Parameters
    ----------
    data : Data
    narrow : dict
        As `studies.one_length.narrowed` gives it: which sequences, their places, and k-means refitted on them.
    rddc : ndarray of shape (n,) or None
        Clusters of all sequences: they come from the full model.
    """
    chosen, points, kmeans = (np.array(narrow[name]) for name in ("chosen", "points", "clusters"))
    shortest, longest = narrow["lengths"]
    rddc = None if rddc is None else rddc[chosen]
    figure = four_panels(
        points, data.sequences.lengths[chosen], data.labels[chosen], kmeans, rddc, data.sheet["classes"]
    )
    with plt.rc_context(STYLE):
        figure.suptitle(f"{shortest} to {longest} elements, cropped to {shortest}")
    return figure


def all_clusters(data, shown, points, ways):
    """The same points coloured by length, by label where there are labels, and by the clusters of every method.

    Parameters
    ----------
    data : Data
    shown, points : ndarray
        As `reports.embedding.plane` gives them.
    ways : dict of str to ndarray of shape (n,)
        Method to the clusters of its run.

    Returns
    -------
    matplotlib.figure.Figure
    """
    labels = [("labels", data.labels[shown])] if data.sheet["classes"] else []
    cells = labels + [(told, found[shown]) for told, found in ways.items()]
    with plt.rc_context(STYLE):
        size = np.clip(40 / np.sqrt(len(points)), 0.8, 6)
        figure, (first, *others) = grid(len(cells) + 1, 4, 1.6)
        drawn = first.scatter(*points.T, c=data.sequences.lengths[shown], cmap="viridis", s=size, linewidths=0)
        figure.colorbar(drawn, ax=first, fraction=0.046, pad=0.02)
        first.set(title="elements", xticks=[], yticks=[])
        for axis, (told, found) in zip(others, cells, strict=True):
            groups = cells[0][1]  # one colour for what agrees: clusters take the colours of the first panel's groups
            coloured(axis, points, found, colours(groups, found, groups.max() + 1), size)
            axis.set(title=textwrap.fill(told, 22), xticks=[], yticks=[])
    return figure
