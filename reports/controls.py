"""Controls: rows that no method should be worse than, or better than, and who is no better than one.

Oracle, majority and random need labels and so are made here, in scoring, and not by a method. The controls that run
(clusters from length alone, a method on time-shuffled sequences) have records like any method; `against` compares.
"""

import numpy as np
import pandas as pd

from datasets.seeds import seed_sequence
from runs.scores import SCORES, scores

from .matching import hits
from .published import CELL
from .statistics import RESAMPLES, percentiles, protocol_score, resample, selecting
from .tables import number, span, title
from .verdict import FROM_LABELS, JUDGED

DRAWS = 100
NAMES = ("oracle", "majority", "random")  # of those that need no run, which no row may have
SAYS = {
    "oracle": "Oracle: the classes themselves, as far as there are clusters for them.",
    "majority": "Majority: all in one cluster.",
    "random": f"Random: a random cluster for every sequence, mean and range of 95 % of {DRAWS} draws.",
    "shuffled": "Time-shuffled: the elements of every sequence in a random order, so that only what doesn't depend on"
    " their order is left.",
}
RULES = [
    "No better than a control: the 95 % interval of the difference of the two accuracies, method less control, doesn't"
    f" lie above 0. It is a percentile bootstrap ({RESAMPLES:,} resamples) over the runs of both and over the scored"
    " sequences, the same ones for both, on the first split; the accuracy is by the paper's protocol, clusters are"
    " matched to classes on all scored sequences. A row without an ok run isn't compared. There is no correction for"
    " the number of rows: of 40 rows that are no better, about one will look better.",
]


def from_labels(labels, n_clusters, dataset):
    """Oracle, majority and random of one data set, as rows of `reports.statistics.summarise`.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        -1 where unknown or not scored. Without any label there are no rows.
    n_clusters : int
    dataset : str
    """
    known = labels[labels >= 0]
    if not len(known):
        return []
    by_size = np.argsort(-np.bincount(known), kind="stable")
    rank = np.empty(len(by_size), int)
    rank[by_size] = np.arange(len(by_size))
    rng = np.random.default_rng(seed_sequence(0, "random", dataset))
    clusterings = {
        "oracle": [np.minimum(rank[known], n_clusters - 1)],
        "majority": [np.zeros(len(known), int)],
        "random": [rng.integers(n_clusters, size=len(known)) for _ in range(DRAWS)],
    }
    return [control_row(name, dataset, [scores(known, found) for found in made]) for name, made in clusterings.items()]


def control_row(name, dataset, scored):
    """A row of the summary: means and the range of 95 % of what was `scored`."""
    accuracy = np.array([one["accuracy"] for one in scored])
    ends = {
        f"{name}_{end}": value
        for name in JUDGED
        for end, value in zip(("low", "high"), percentiles(np.array([one[name] for one in scored])), strict=True)
    }
    return dict(zip(CELL, (name, FROM_LABELS, dataset), strict=True)) | {
        "control": True,
        "n": len(scored),
        "n_ok": len(scored),
        "splits": 1,
        "failures": "",
        "by_loss": False,
        **{score.name: np.mean([one[score.name] for one in scored]) for score in SCORES},
        **ends,
        "mean": accuracy.mean(),
        "std": accuracy.std(ddof=1) if len(scored) > 1 else np.nan,
        "best": accuracy.max(),
        "verdict": "not comparable",
        "verdict_nmi": "not comparable",
    }


def with_labels(summary, labels, n_clusters):
    """The summary and below it oracle, majority and random of every data set.

    Parameters
    ----------
    summary : DataFrame
        As `reports.statistics.summarise` gives it.
    labels : dict of str to ndarray
        Data set to labels of all sequences, -1 where unknown or not scored.
    n_clusters : dict of str to int
    """
    rows = [row for name, own in labels.items() for row in from_labels(own, n_clusters[name], name)]
    rows.sort(key=lambda row: NAMES.index(row["method"]))
    if not rows:
        return summary
    below = pd.DataFrame(rows, columns=summary.columns).assign(reading=summary.reading.iloc[0])
    return pd.concat([summary, below.astype(summary.dtypes)], ignore_index=True)


def resampled_accuracies(right, dataset):
    """Accuracy of every run in resamples of the scored sequences, the same ones for all runs of a data set.

    Parameters
    ----------
    right : ndarray of bool, shape (runs, n)
    dataset : str

    Returns
    -------
    ndarray of shape (runs, RESAMPLES)
    """
    rng = np.random.default_rng(seed_sequence(0, "scored sequences", dataset))
    n, right = right.shape[1], right.astype(np.float32)
    parts = (rng.multinomial(n, np.full(n, 1 / n), size=100).astype(np.float32) for _ in range(RESAMPLES // 100))
    return np.concatenate([right @ part.T / n for part in parts], axis=1)


def against(runs, clusters, labels, selection, controls):
    """Every row of the first split against the controls that ran: one on another input only with its own method.

    Parameters
    ----------
    runs : DataFrame
        As `runs.results.frame` gives it.
    clusters : callable
        Data set, method, vectorization, split and seed to the clusters of all sequences, None for a run without any.
    labels : dict of str to ndarray
        Data set to labels of all sequences, -1 where unknown or not scored.
    selection : {"train", "validation"}
    controls : set of (method, vectorization)

    Returns
    -------
    DataFrame
        `CELL`, control (a pair), difference, low, high, better; rows and controls without an ok run are left out.
    """
    rows = []
    for dataset, own in runs[runs["split"] == 0].groupby("dataset", sort=False):
        known = labels[dataset] >= 0
        if not known.any():
            continue
        own = own.reset_index(drop=True)
        found = [clusters(dataset, run.method, run.vectorization, 0, run.seed) for run in own.itertuples()]
        truth = labels[dataset][known]
        right = [np.zeros(len(truth), bool) if one is None else hits(truth, one[known]) for one in found]
        accuracy = resampled_accuracies(np.array(right), dataset)
        draws = {
            cell: resample(
                group.reset_index(drop=True),
                selecting(group, selection),
                f"{cell} {dataset}",
                values=accuracy[group.index],
            )
            for cell, group in own.groupby(CELL[:2], sort=False)
            if (group.status == "ok").any()
        }
        accuracies = {
            cell: protocol_score(group, selecting(group, selection), "accuracy")
            for cell, group in own.groupby(CELL[:2])
        }
        methods = [cell for cell in draws if cell not in controls]
        for control in [cell for cell in draws if cell in controls]:
            same = [cell for cell in methods if cell[0] == control[0]]
            for cell in same or methods:
                low, high = percentiles(draws[cell] - draws[control])
                rows.append(
                    dict(zip(CELL, (*cell, dataset), strict=True))
                    | {"control": control, "difference": accuracies[cell] - accuracies[control]}
                    | {"low": low, "high": high, "better": low > 0}
                )
    return pd.DataFrame(rows, columns=[*CELL, "control", "difference", "low", "high", "better"])


def comparison_table(compared):
    """`against` as strings."""
    rows = [
        {
            "data set": title(row.dataset),
            "control": ", ".join(map(title, row.control)),
            "method": title(row.method),
            "input": title(row.vectorization),
            "difference": number(row.difference, "+z.2f"),
            "95 % interval": span(row.low, row.high, "+z.2f"),
            "better": "yes" if row.better else "no",
        }
        for row in compared.itertuples()
    ]
    return pd.DataFrame(
        rows, columns=["data set", "control", "method", "input", "difference", "95 % interval", "better"]
    )


def explained(summary):
    """What the controls of a table are, as a list of one note, or of none without controls."""
    rows = summary[summary.control]
    there = {*rows.method[rows.vectorization == FROM_LABELS], *rows.vectorization}
    told = [sentence for name, sentence in SAYS.items() if name in there]
    return [" ".join(["Controls are no methods.", *told])] if len(rows) else []


def said(compared):
    """One sentence for each data set and control: which rows are no better."""
    sentences = []
    for (dataset, control), group in compared.groupby(["dataset", "control"], sort=False):
        worse = [f"{title(row.method)} {title(row.vectorization)}" for row in group.itertuples() if not row.better]
        name = ", ".join(map(title, control))
        none_better = f"{len(worse)} of {len(group)} rows are" if len(group) > 1 else "one row is"
        told = f"{none_better} no better: {', '.join(worse)}" if worse else "every row is better"
        sentences.append(f"{title(dataset)}, against {name}: {told}.")
    return sentences
