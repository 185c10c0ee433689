"""The answer that a page opens with: which clusters to look at, how sure they are, and where they lie."""

from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd

from . import plots
from .agreement import agreement
from .chosen import clusters_file
from .indices import BEST, HALVES, STABLE, family, is_own
from .published import CELL
from .tables import number, of_halves, ok_share, row_name, span, title
from .verdict import FROM_LABELS

NEAR = 0.05  # agreements so near to the highest are as good; silhouettes tell between them
DRAWN = 3  # sequences drawn of each kind
MOST_CLUSTERS = 12  # that are drawn
CHOOSERS = {"halves": "max", "agreement": "max"} | BEST


class Answer(NamedTuple):
    """What is said first of one data set.

    Parameters
    ----------
    name : str
    lines : list of (str, str or list)
        As `reports.page.lines` takes them.
    figures : dict of str to (str, dict)
        Name to caption and figure.
    """

    name: str
    lines: list
    figures: dict


def all_answers(records, summary, data, clusters, agreed, sure, measured, compared):
    """An `Answer` for every data set, one for all numbers of clusters of a user's own.

    Parameters
    ----------
    records : list of dict
    summary : DataFrame
        As `reports.statistics.summarise` gives it.
    data : dict of str to Data
    clusters, agreed, sure : dict of (method, vectorization, dataset)
        Of the chosen runs: clusters, agreement between runs, and what `reports.chosen.sureness` gives.
    measured : DataFrame
        As `reports.indices.measure` gives it.
    compared : DataFrame
        As `reports.controls.against` gives it.
    """
    families = {name: family(of.sheet) if is_own(of.sheet) else name for name, of in data.items()}
    rows = summary[(summary.vectorization != FROM_LABELS)].copy()
    cells = list(rows[CELL].itertuples(index=False, name=None))
    rows["family"], rows["agreement"] = rows.dataset.map(families), [agreed.get(cell) for cell in cells]
    rows["agreement"] = rows.agreement.astype(float)
    rows["k"] = [len(np.unique(clusters[cell])) if cell in clusters else 0 for cell in cells]
    rows = rows.merge(measured[[*CELL, *HALVES, *BEST]], on=CELL, how="left")
    made = []
    for name, own in rows.groupby("family", sort=False):
        usable = own[~own.control & (own.k > 0)]  # clusters are those of the first split
        failed = outcome([record for record in records if families[record["dataset"]] == name])
        if usable.empty:
            told = " on the first split" if own.splits.max() > 1 else ""
            made.append(Answer(title(name), [("Look at", f"nothing: no run is ok{told}"), ("Failed", failed)], {}))
            continue
        scored = usable.accuracy.notna().any()
        best, why = by_labels(usable) if scored else by_stability(usable)
        cell = tuple(best[CELL])
        found, of, file = clusters[cell], data[cell[-1]], f"clusters/{clusters_file(cell)}"
        lines = [
            ("Look at", f"{called(best)}: {why}"),
            ("How sure", certainty(best, cell, compared, own, clusters)),
            ("Clusters", sizes(found)),
            ("Failed", failed),
            ("Where", [(file, file), ("all clusters", "clusters/")]),
        ]
        figures = typical(cell[-1], of, found, sure[cell])
        if usable.k.nunique() > 1:
            told = "Agreement of halves (lines), of runs (dashed) and silhouette (dotted) over the number of clusters"
            figures = {f"over_k/{name}": (told, plots.over_k(usable, called_row))} | figures
            if warning := disagreement(usable, best):
                lines.insert(1, ("Warning", warning))
        made.append(Answer(title(name), lines, figures))
    return made


def called_row(row):
    """A row in words."""
    return f"{row_name(row)}, {title(row.vectorization)}"


def called(row):
    """A row and its number of clusters in words."""
    return f"{called_row(row)}, {row.k} clusters"


def by_labels(rows):
    """The row with the highest accuracy, and why it is the one."""
    order = rows.sort_values(["accuracy", "agreement"], ascending=False, kind="stable")
    best, others = order.iloc[0], order.iloc[1:]
    told = f"its accuracy of {best.accuracy:.2f} is the highest of {len(rows)} rows"
    if len(others) and others.accuracy.notna().any():
        told += f"; next is {called_row(others.iloc[0])} with {number(others.iloc[0].accuracy)}"
    return best, f"{told}. The labels chose it, so on other data it may be a little worse."


def whole(rows):
    """The rows of which all pairs of halves are ok; all rows where there is no such one."""
    ok = rows.halves_ok == rows.halves_n
    return rows[ok] if ok.any() else rows


def by_stability(rows):
    """The most stable row and number of clusters, and why; among equals that of the highest silhouette.

    Stability is that between halves of the data, or between runs where no halves were clustered. Rows with a pair of
    halves that isn't ok come after all others.
    """
    rows = whole(rows[rows.k > 1] if (rows.k > 1).any() else rows)
    measure = "halves" if rows.halves.notna().any() else "agreement"
    steady = rows[rows[measure] >= rows[measure].max() - NEAR]
    best = (rows if steady.empty else steady).sort_values("silhouette", ascending=False, kind="stable").iloc[0]
    silhouette = number(best.silhouette, "z.2f")
    if steady.empty:
        told = f"its silhouette of {silhouette} is the highest"
        return best, f"{told}; no row has two runs that could agree, so set seeds to 3 or more."
    share = ok_share(best.halves_ok, best.halves_n) if measure == "halves" else ""
    agreed = f"{best[measure]:.2f} of 1" + (f",{share} pairs ok" if share else "")
    told = f"{'halves of the data' if measure == 'halves' else 'its runs'} agree on it ({agreed})"
    if len(steady) > 1:
        told += f", and of the {len(steady)} within {NEAR} of the highest it has the highest silhouette ({silhouette})"
    else:
        told += f"; its silhouette is {silhouette}"
    return best, f"{told}. There are no labels that could tell whether it is right."


def disagreement(rows, best):
    """What each way to choose a number of clusters says of the best row, where they differ; else None."""
    own = rows[(rows.method == best.method) & (rows.vectorization == best.vectorization)]
    said = {}
    for name, kind in CHOOSERS.items():
        of = whole(own) if name == "halves" else own
        if of[name].notna().any():
            value = of[name].agg(kind)
            equal = of.k[(of[name] - value).abs() <= (NEAR if name in STABLE else 0)]
            said[name.replace("_", "-")] = sorted(equal)
    # Runs that agree on every number of clusters choose none.
    said = {name: ks for name, ks in said.items() if len(ks) < own.k.nunique()}
    if not said or set.intersection(*map(set, said.values())):
        return None
    told = "; ".join(f"{name}: {' or '.join(map(str, ks))}" for name, ks in said.items())
    return f"what chooses the number of clusters disagrees ({told}). Look at the clusters for each."


def certainty(row, cell, compared, rows, clusters):
    """How sure a row is: agreement of its runs, interval of its accuracy, and what controls say."""
    runs = f"{row.n_ok:g} run{'s' if row.n_ok > 1 else ''}" if row.n_ok == row.n else f"{row.n_ok:g} of {row.n:g} runs"
    told = [
        f"{runs}, "
        + ("which can't disagree" if np.isnan(row.agreement) else f"agreement (mean ARI) {row.agreement:.2f}")
    ]
    if not np.isnan(row.accuracy):
        interval = f", 95 % prediction {span(row.accuracy_low, row.accuracy_high)}" if row.n_ok > 1 else ""
        told.append(f"accuracy {row.accuracy:.2f}{interval}")
    if not np.isnan(row.halves_n):
        told.append(f"agreement of halves {of_halves(row)}")
    against = compared[(compared[CELL] == cell).all(axis=1)]
    for control in against.itertuples():
        told.append(f"{'' if control.better else 'no '}better than {', '.join(map(title, control.control))}")
    if against.empty:
        controls = rows[rows.control & (rows.dataset == cell[-1])]
        for control in controls.itertuples():
            other = clusters.get((control.method, control.vectorization, cell[-1]))
            if other is not None:
                same = agreement([clusters[cell], other])
                told.append(f"agreement with {title(control.method)}, {title(control.vectorization)} {same:.2f}")
    return "; ".join(told)


def sizes(found):
    """How many clusters there are and how large they are."""
    counts = sorted(Counter(found.tolist()).values(), reverse=True)
    shown = ", ".join(map(str, counts[:MOST_CLUSTERS])) + (", ..." if len(counts) > MOST_CLUSTERS else "")
    return f"{len(counts)} of {shown} sequences"


def outcome(records):
    """How many runs are not ok, by row and status."""
    broken = Counter((record["method"], record["vectorization"], record["status"]) for record in records)
    ok = sum(count for (*_, status), count in broken.items() if status == "ok")
    if ok == len(records):
        return f"nothing: all {ok} runs are ok"
    told = [f"{title(m)}, {title(how)}: {n} {status}" for (m, how, status), n in broken.items() if status != "ok"]
    return f"{len(records) - ok} of {len(records)} runs ({'; '.join(told)})"


def typical(dataset, data, found, sure):
    """The most typical and the least sure sequences of each cluster, as figures."""
    sequences, identifiers = data.sequences, data.sheet.get("identifiers")
    values, owner = sequences.values, np.repeat(found, sequences.lengths)
    groups = np.unique(found)
    means = np.stack([values[owner == group].mean(axis=0, dtype=float) for group in groups])
    column = int((means.std(axis=0) / np.maximum(values.std(axis=0, dtype=float), 1e-12)).argmax())
    made = {}
    for group in groups[:MOST_CLUSTERS]:
        members = np.flatnonzero(found == group)
        order = pd.DataFrame(sure).loc[members]
        least = order.sort_values(["agreement", "margin"], kind="stable").index[:DRAWN]
        most = order.sort_values(["margin", "agreement"], ascending=False, kind="stable").index[:DRAWN]
        told = [
            (sequences[i][:, column], identifiers[i] if identifiers else f"sequence {i}", i in most)
            for i in dict.fromkeys([*least, *most])
        ]
        drawn = f", column {column + 1}" if values.shape[1] > 1 else ""
        caption = f"Cluster {group}: {len(members)} sequences{drawn}"
        made[f"typical/{dataset}/{group}"] = (caption, plots.curves(told))
    return made
