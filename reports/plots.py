"""The page's figures as plotly takes them: plain dicts of data and layout, drawn by page.js in a reader's browser.

Colours are names of page.css, such as ``--ink``, so that one figure serves light and dark. Text from data is escaped,
because plotly reads a part of HTML in it.
"""

import html

import numpy as np

from datasets.text import one_line
from runs.scores import SCORES

from .matching import contingency, places
from .run_figures import usual_range
from .tables import of_halves, title

TEXT = {"size": 11, "color": "--ink", "family": "system-ui, sans-serif"}
AXIS = {"gridcolor": "--line", "zeroline": False, "linecolor": "--line", "automargin": True}


def layout(height, **changes):
    """What all figures share, with `changes` laid over it."""
    return {
        "height": height,
        "font": TEXT,
        "paper_bgcolor": "--paper",
        "plot_bgcolor": "--paper",
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "hoverlabel": {"bgcolor": "--paper", "bordercolor": "--line", "font": TEXT},
        "showlegend": False,
    } | changes


def heading(name):
    """Title of an axis."""
    return {"text": name, "standoff": 6, "font": TEXT}


def text(value):
    """Text from data as plotly may show it."""
    return html.escape(one_line(value), quote=False)


def short(name, most=40):
    """A name from data as plotly may show it, its middle left out where it is longer than `most` characters."""
    half, name = most // 2, one_line(name)
    return text(name if len(name) <= most else f"{name[:half]}…{name[1 - half :]}")


def shown(value, form=".3f"):
    """A number for a hover text, or a dash."""
    return "–" if value is None or np.isnan(value) else f"{value:{form}}"


def plain(array, digits=3):
    """An array as a list for JSON: rounded, None for what isn't finite."""
    return [round(float(value), digits) if np.isfinite(value) else None for value in array]


def outcome(run):
    """What became of a run, a row of `runs.results.frame`."""
    scored = ", ".join(f"{score.title} {shown(getattr(run, score.name))}" for score in SCORES)
    of = f"split {run.split}, " if run.split else ""
    return f"{of}seed {run.seed}<br>{scored if run.status == 'ok' else f'{run.status}: {text(run.reason)}'}"


def strips(summary, runs):
    """Accuracy of every run of one data set beside the published value; None without any accuracy or failed run.

    Parameters
    ----------
    summary, runs : DataFrame
        Cells and runs of one data set, as `reports.statistics.summarise` and `runs.results.frame` give them.
    """
    cells = list(summary.itertuples())
    names = [f"{title(c.method)}, {title(c.vectorization)}" for c in cells]
    row = {(c.method, c.vectorization): place for place, c in enumerate(cells)}
    height = np.array([row[pair] for pair in zip(runs.method, runs.vectorization, strict=True)], float)
    # Runs of equal accuracy would hide each other: every seed stands at a height of its own around its row.
    around = height + 0.5 * (((runs.seed + 7 * runs["split"]).to_numpy() * 0.618 + 0.5) % 1 - 0.5)
    ok = (runs.status == "ok").to_numpy()
    said = np.array([f"{names[row[r.method, r.vectorization]]}, {outcome(r)}" for r in runs.itertuples()])
    y = np.arange(len(cells))
    low, high, ours, theirs = (
        summary[name].to_numpy(float) for name in ("accuracy_low", "accuracy_high", "accuracy", "published_accuracy")
    )
    by = ["paper's protocol" if c.by_loss else "mean of the ok runs" for c in cells]
    own = [f"{name}<br>ours {shown(c.accuracy)}, {how}" for name, c, how in zip(names, cells, by, strict=True)]
    paper = [f"{name}<br>published {shown(value, '.2f')}" for name, value in zip(names, theirs, strict=True)]
    data = [
        points("run", runs.accuracy[ok], around[ok], said[ok], "circle", 6, "--c0", opacity=0.65),
        points("run, not ok", np.full_like(around[~ok], -0.03), around[~ok], said[~ok], "x-thin", 6, "--c5", width=1.5),
        intervals("95 % prediction", low, high, y),
        points("ours", ours, y, own, "circle-open", 11, "--ink", width=1.6),
        points("published", theirs, y, paper, "line-ns", 9, "--c1", width=3.5),
    ]
    data = [trace for trace in data if any(value is not None for value in trace["x"])]
    return {"data": data, "layout": strip_layout(cells, names)} if data else None


def points(name, x, y, hover, symbol, size, colour, width=0, opacity=1):
    """A trace of markers, each with a text of its own."""
    line = {"width": width, "color": colour}
    marker = {"symbol": symbol, "size": size, "color": colour, "line": line, "opacity": opacity}
    data = {"type": "scatter", "mode": "markers", "name": name, "x": plain(x), "y": plain(y), "marker": marker}
    return data | {"text": list(hover), "hoverinfo": "text", "cliponaxis": False}


def intervals(name, low, high, y):
    """A trace of horizontal lines."""
    gap = np.full(len(y), np.nan)
    x, y = (plain(np.ravel(ends, order="F")) for ends in ([low, high, gap], [y, y, gap]))
    line = {"color": "--ink", "width": 1}
    return {"type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line, "hoverinfo": "skip"}


def strip_layout(cells, names):
    """The layout of `strips`: a row a cell, the methods apart."""
    y = list(range(len(cells)))
    borders = [place - 0.5 for place in y[1:] if cells[place].method != cells[place - 1].method]
    share = [f" {int(c.n_ok)}/{int(c.n)} ok" if c.n_ok < c.n else "" for c in cells]
    return layout(
        max(23 * len(cells) + 90, 200),  # room for a legend of several lines on a phone
        showlegend=True,
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "xanchor": "left", "font": TEXT},
        xaxis=AXIS | {"range": [-0.06, 1.03], "title": heading("accuracy"), "dtick": 0.2, "tick0": 0},
        yaxis=AXIS
        | {"range": [len(cells) - 0.5, -0.5], "showgrid": False, "tickvals": y}
        | {"ticktext": [name + ratio for name, ratio in zip(names, share, strict=True)]},
        shapes=[
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": edge, "y1": edge, "layer": "below"}
            | {"line": {"color": "--line", "width": 1}}
            for edge in borders
        ],
    )


def loss_curves(records, selected):
    """Loss over epochs of the runs of one cell, the selected one bold, those that aren't ok dashed and crossed.

    Parameters
    ----------
    records : list of dict
        Of one cell.
    selected : int or None
        Seed.
    """
    if not (limits := usual_range(records)):
        return None
    data = []
    for record in sorted(records, key=lambda record: record["seed"] == selected):
        losses = record["loss_curve"].get("loss", [])
        chosen, ok = record["seed"] == selected, record["status"] == "ok"
        line = {
            "color": "--c0" if ok else "--c5",
            "width": 2.5 if chosen else 1,
            "dash": "solid" if ok else "dash",
        }
        said = f"seed {record['seed']}" + (", selected" if chosen else "" if ok else f", {record['status']}")
        curve = {"type": "scatter", "mode": "lines", "line": line, "opacity": 1 if chosen or not ok else 0.45}
        if len(losses) == 1:  # no line, and the run would be unseen
            curve |= {"mode": "markers", "marker": {"color": line["color"], "size": 7 if chosen else 4}}
        curve |= {"x": list(range(1, len(losses) + 1)), "y": plain(losses, 6)}
        data.append(curve | {"hovertemplate": f"{said}<br>epoch %{{x}}: %{{y}}<extra></extra>"})
        if not ok and losses:
            marker = {"symbol": "x-thin", "size": 7, "line": {"color": "--c5", "width": 1.5}}
            end = {"x": [len(losses)], "y": plain(np.clip(losses[-1:], *limits), 6), "marker": marker}
            data.append({"type": "scatter", "mode": "markers", "hoverinfo": "skip", "cliponaxis": False} | end)
    return {
        "data": data,
        "layout": layout(
            190,
            xaxis=AXIS | {"title": heading("epoch"), "nticks": 5, "rangemode": "tozero"},
            yaxis=AXIS | {"range": list(limits), "nticks": 5},
        ),
    }


def confusion(labels, found, classes):
    """Confusion matrix of one run, clusters in the order of the classes they stand for.

    Parameters
    ----------
    labels, found : ndarray of shape (n,)
        Of the scored split.
    classes : list of str
    """
    counts, shares = contingency(labels, found, len(classes))
    rows, columns = counts.shape
    names = [short(name) for name in classes]
    stands = [f"cluster for {name}" for name in names] + ["cluster for no class"] * (columns - rows)
    said = [
        [f"{names[i]}, {stands[j]}<br>{counts[i, j]} of {counts[i].sum()}" for j in range(columns)] for i in range(rows)
    ]
    ticks = [short(name, 14) for name in classes]
    heat = {
        "type": "heatmap",
        "z": [plain(row) for row in shares],
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, "--empty"], [1, "--c0"]],
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "text": [[count or "" for count in row] for row in counts.tolist()],
        "hovertext": said,
        "hoverinfo": "text",
    } | ({"texttemplate": "%{text}"} if columns <= 10 else {})
    square = AXIS | {"showgrid": False, "constrain": "domain", "ticks": ""}
    return {
        "data": [heat],
        "layout": layout(
            230,
            xaxis=square | {"showticklabels": False, "scaleanchor": "y", "title": heading("cluster")},
            yaxis=square | {"autorange": "reversed", "tickvals": list(range(rows)), "ticktext": ticks},
        ),
    }


def scatter(data, chosen, points, clusters):
    """Points that page.js colours by label, length or the clusters of a method.

    Parameters
    ----------
    data : Data
        A sequence without an identifier is called by its place in the data set.
    chosen, points : ndarray
        As `reports.embedding.plane` gives them.
    clusters : dict of str to ndarray of shape (n,)
        Method to the clusters of its run.

    Returns
    -------
    dict
        ``points``: ``x``, ``y``, ``name``, ``length`` of every point, and ``ways`` to colour them: a name, the
        ``names`` of the groups and the ``group`` of every point.
    """
    sequences, labels, sheet = data
    names, identifiers = [short(name) for name in sheet["classes"]], sheet.get("identifiers")
    ways = []
    if (labels >= 0).any():
        group = np.where(labels < 0, len(names), labels)[chosen].tolist()
        ways.append({"name": "label", "names": [*names, "unknown"], "group": group})
    for method, found in clusters.items():
        place = places(labels, found, len(names))
        extra = [f"cluster {cluster}" for cluster, number in place.items() if number >= len(names)]
        group = [place[int(cluster)] for cluster in found[chosen]]
        ways.append({"name": method, "names": [f"cluster for {name}" for name in names] + extra, "group": group})
    return {
        "points": {
            "x": plain(points[:, 0], 2),
            "y": plain(points[:, 1], 2),
            "name": [short(identifiers[i]) if identifiers else f"sequence {i}" for i in chosen],
            "length": sequences.lengths[chosen].tolist(),
            "ways": ways,
        },
        "layout": layout(
            380,
            showlegend=True,
            legend={"orientation": "h", "y": 0, "yanchor": "top", "font": TEXT, "itemsizing": "constant"},
            xaxis={"visible": False},
            yaxis={"visible": False, "scaleanchor": "x"},
        ),
    }


def curves(told):
    """Sequences of one dimension over the share of their length.

    Parameters
    ----------
    told : list of (ndarray of shape (length,), str, bool)
        Values, name, and whether it is drawn as a typical one.
    """
    data = [
        {
            "type": "scatter",
            "mode": "lines" if len(values) > 1 else "markers",
            "x": plain(np.linspace(0, 1, len(values))),
            "y": plain(values, 4),
            "line": {
                "color": "--c0" if sure else "--c5",
                "width": 1.6 if sure else 1.1,
                "dash": "solid" if sure else "dash",
            },
            "hovertemplate": f"{short(name)}, {len(values)} elements<extra></extra>",
        }
        for values, name, sure in told
    ]
    return {"data": data, "layout": layout(170, xaxis=AXIS | {"showticklabels": False}, yaxis=AXIS | {"nticks": 4})}


def over_k(rows, called):
    """Agreement of halves, of runs, and silhouette of every row over the number of clusters.

    Parameters
    ----------
    rows : DataFrame
        With k, `reports.indices.HALVES`, agreement and silhouette.
    called : callable
        A row's name in words.
    """
    data = []
    for place, (_, own) in enumerate(rows.groupby(["method", "vectorization"], sort=False)):
        own = own.sort_values("k")
        name = called(own.iloc[0])
        for what, dash in (("halves", "solid"), ("agreement", "dash"), ("silhouette", "dot")):
            if own[what].notna().any():
                trace = {"type": "scatter", "mode": "lines+markers", "name": f"{name}: {what}", "x": own.k.tolist()}
                trace |= {"y": plain(own[what]), "line": {"color": f"--c{place % 10}", "dash": dash}}
                trace["text"] = list(map(of_halves, own.itertuples()) if what == "halves" else map(shown, own[what]))
                data.append(
                    trace | {"hovertemplate": f"{text(name)}, %{{x}} clusters: {what} %{{text}}<extra></extra>"}
                )
    return {
        "data": data,
        "layout": layout(
            330,
            showlegend=True,
            legend={"font": TEXT},
            xaxis=AXIS | {"title": heading("clusters"), "dtick": 1},
            yaxis=AXIS | {"range": [-0.1, 1.05]},
        ),
    }
