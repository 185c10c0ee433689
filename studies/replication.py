"""The study of RDDC's readings: from records to `replication.md`, `summary.csv` and three figures.

A reading fills what the paper's text has lost, and is a row of the config; the others are compared with the last. Each
is judged by the paper's protocol, which looks at losses alone; what a choice with labels would have given stands apart
and is named so.
"""

from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.metrics import adjusted_rand_score

from datasets.seeds import seed_sequence
from datasets.sequences import SPLITS
from datasets.storage import write_text
from methods.rddc_plus import consensus
from reports import statistics, style, tables, verdict
from reports.agreement import agreement
from reports.data import load_data
from runs.results import commits, each_record, frame, read_clusters, read_records
from runs.scores import scores

from .command import main

STUDY = {
    "rows": "variants",
    "records": True,
    "writes": ["replication.md", "replication/summary.csv"],
    "draws": ["replication/spread", "replication/loss", "replication/terms"],
}
INTRODUCTION = """\
Made from records by `make study`; nothing here is typed. Each number is ACC (NMI) on the test split of the ok run with
the lowest {selection} loss; “by {other} loss” is what the other choice would have given."""
SHORT = """\
What the first reading gives, and what the others say about it: a cell that no reading reaches was not missed for want
of one of these settings. Readings that are not named have no ok run."""
RANKING = """\
“Loss” is the lowest training loss; readings whose loss is another function can't be compared by it. “Loss and ACC” is
the rank correlation (Spearman) of training loss and test accuracy over ok runs: -1 means that the loss ranks the runs
as the labels would, 0 that it says nothing. “Agreement” is the mean adjusted Rand index between the test clusters of
two runs, “largest cluster” its mean share of the training data."""
DRAWS, RESTARTS, PARENTS = 100, 5, 3
CHOICES = f"""\
Mean ± standard deviation of the test accuracy over {DRAWS} draws of {RESTARTS} of the first reading's ok runs.
“Agreement” takes the run whose training clusters agree most with those of the others; “consensus” takes what the
{PARENTS} runs with the lowest training loss agree on (k-means on their memberships), and is no run itself. This is the
ablation of `methods/rddc_plus.py`, which goes on from such a consensus and then chooses by the loss: `make plus`."""
WHAT_IF = """\
Not a result: the run with the highest test accuracy of any reading, to show how much the choice of run and reading
could have been worth."""
TOLD = {"reproduced": "reproduced by", "inconclusive": "inconclusive", "above": "above it", "below": "below it"}
OTHER = {"train": "validation", "validation": "train"}
AS_IT_IS = "The method with the settings of the config's reading, with which the others are compared."


def agreements(partitions):
    """Adjusted Rand index of every pair of partitions, arrays of int of shape (n,): a matrix of shape (R, R)."""
    table = np.eye(len(partitions))
    for i, j in combinations(range(len(partitions)), 2):
        table[i, j] = table[j, i] = adjusted_rand_score(partitions[i], partitions[j])
    return table


def report(job, folder):
    """Write ``replication.md`` and, in the folder ``replication`` beside it, all else that it shows."""
    beside = folder / "replication"
    tables.name_rows({row: part["row"] for row, part in job["variants"].items()})
    summaries, runs, together, every = [], [], {}, []
    for row, part in job["variants"].items():
        files = [Path(part["folder"], file) for file in part["files"]]
        records = read_records(files)
        every += records
        summaries.append(statistics.summarise(records, records[0]["reading"], job["selection"]))
        largest = [max(r["usage"]) / sum(r["usage"]) if r["usage"] else np.nan for r in records]
        runs.append(frame(records).assign(largest=largest))
        if len(runs) == 1:
            style.save(terms_over_time(records), beside / "terms")
        for dataset, own in runs[-1].groupby("dataset"):
            paths = {r["seed"]: path for path in files if path.parent.name == dataset for r in each_record([path])}
            data = load_data(part["folder"], dataset)
            ok = own[own.status == "ok"].reset_index(drop=True)
            clusters = [read_clusters(paths[run.seed], run.vectorization, run.seed) for run in ok.itertuples()]
            together[row, dataset] = ok, clusters, data.sequences.split, data.labels
    summary, runs = pd.concat(summaries, ignore_index=True), pd.concat(runs, ignore_index=True)
    test = SPLITS.index("test")
    agreed = {cell: agreement([c[split == test] for c in found]) for cell, (_, found, split, _) in together.items()}
    first = next(iter(job["variants"]))
    chosen = choices({dataset: found for (row, dataset), found in together.items() if row == first})
    write_text(beside / "summary.csv", verdict.summary_csv(summary))
    style.save(spread(summary, runs), beside / "spread")
    style.save(loss_against_accuracy(runs), beside / "loss")
    write_text(folder / "replication.md", page(job, summary, runs, agreed, chosen, made_with(every)))


def spread(summary, runs):
    """Accuracy of every run, a panel a data set and a row a reading; the published value as a line."""
    datasets, rows = summary.dataset.unique(), summary.method.unique()
    with plt.rc_context(style.STYLE):
        size = (style.PAGE, 0.22 * len(rows) + 0.9)
        figure, axes = plt.subplots(1, len(datasets), figsize=size, sharey=True, squeeze=False, layout="constrained")
        for axis, dataset in zip(axes[0], datasets, strict=True):
            own = summary[summary.dataset == dataset].set_index("method")
            for y, row in enumerate(rows):
                here = runs[(runs.dataset == dataset) & (runs.method == row) & (runs.status == "ok")]
                axis.scatter(here.accuracy, [y] * len(here), s=9, color=style.COLOURS[0], alpha=0.5, linewidths=0)
                if not np.isnan(own.accuracy[row]):
                    axis.scatter(own.accuracy[row], y, s=34, facecolors="none", edgecolors="black", linewidths=1)
            axis.axvline(own.published_accuracy.iloc[0], color=style.COLOURS[1], linewidth=1.5)
            axis.set(title=tables.title(dataset), xlim=(0, 1.06))  # room for the rings at 1
            axis.grid(axis="x", linewidth=0.3)
        axes[0, 0].set_yticks(range(len(rows)), list(map(tables.title, rows)))
        axes[0, 0].invert_yaxis()
        figure.supxlabel("test accuracy of every ok run; ring: lowest loss; line: published")
    return figure


def terms_over_time(records):
    """The three terms of the loss over the epochs: every ok run thin, their mean bold; a panel a data set."""
    ok = [record for record in records if record["status"] == "ok"]
    datasets = list(dict.fromkeys(record["dataset"] for record in records))
    with plt.rc_context(style.STYLE):
        figure, axes = style.grid(len(datasets), len(datasets), style.PAGE / 4)
        for axis, dataset in zip(axes, datasets, strict=True):
            curves = [record["loss_curve"] for record in ok if record["dataset"] == dataset]
            for colour, term in zip(style.COLOURS, ("divergence", "orthogonality", "simplex"), strict=False):
                values = [curve[term] for curve in curves if term in curve]
                for line in values:
                    axis.plot(range(1, len(line) + 1), line, color=colour, linewidth=0.3, alpha=0.5)
                if values:
                    axis.plot(
                        range(1, len(values[0]) + 1), np.mean(values, axis=0), color=colour, linewidth=1.5, label=term
                    )
            axis.set_title(tables.title(dataset))
        figure.supxlabel("epoch")
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, ncols=3, loc="outside upper center")
    return figure


def loss_against_accuracy(runs):
    """Training loss against test accuracy of every ok run of the first reading: does the lowest loss pick well?"""
    first = runs[(runs.method == runs.method.iloc[0]) & (runs.status == "ok")]
    datasets = first.dataset.unique()
    with plt.rc_context(style.STYLE):
        figure, axes = style.grid(max(1, len(datasets)), max(1, len(datasets)), style.PAGE / 4)
        for axis, dataset in zip(axes, datasets, strict=False):
            own = first[first.dataset == dataset]
            axis.scatter(own.loss_train, own.accuracy, s=10, color=style.COLOURS[0])
            axis.set(title=tables.title(dataset), ylim=(0, 1.03))
        axes[0].set_ylabel("test accuracy")
        figure.supxlabel("training loss")
    return figure


def made_with(records):
    """How many runs of how many readings, what they took, and where they come from."""
    hours = sum(record["cost"]["seconds"] for record in records) / 3600
    rows = {record["method"] for record in records}
    told = commits(records, lambda record: tables.title(record["method"]))
    return f"{len(records)} runs of {len(rows)} readings, {hours:.1f} core-hours of training. Commit: {told}."


def page(job, summary, runs, agreed, chosen, made):
    """The study as Markdown."""
    other = OTHER[job["selection"]]
    introduction = INTRODUCTION.format(selection=job["selection"], other=other)
    parts = ["# RDDC's row, reading by reading", f"{introduction} {made} {verdict.RULES[0]}"]
    parts += ["## In short", SHORT, tables.markdown(in_short(summary))]
    for dataset in summary.dataset.unique():
        parts += [f"## {tables.title(dataset)}", tables.markdown(of_dataset(summary, runs, agreed, dataset, other))]
    parts += [
        "![Accuracy of every run](replication/spread.png)",
        "## Does the lowest loss pick a good run?",
        RANKING,
        "![Loss against accuracy](replication/loss.png)",
        "The three terms of the loss over the epochs, first reading:",
        "![Terms of the loss](replication/terms.png)",
        "## Other choices without labels",
        CHOICES,
        tables.markdown(chosen),
        "## What if: a choice with labels",
        WHAT_IF,
        tables.markdown(with_labels(runs)),
        "## The readings",
        *[f"- **{tables.title(row)}** — {part['row']['reason'] or AS_IT_IS}" for row, part in job["variants"].items()],
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def in_short(summary):
    """A row a data set: the first reading's cell and verdict, and which verdict all others have."""
    rows = []
    for dataset, cells in summary.groupby("dataset", sort=False):
        first, others = cells.iloc[0], cells.iloc[1:]
        row = {
            "data set": tables.title(dataset),
            "published": tables.pair(first.published_accuracy, first.published_nmi),
            tables.title(first.method): tables.ours(first),
            "95 % interval": tables.span(first.accuracy_low, first.accuracy_high),
            "verdict": first.verdict,
        }
        for kind, told in TOLD.items():
            row[told] = "; ".join(map(tables.title, others.method[others.verdict == kind])) or "–"
        rows.append(row)
    return pd.DataFrame(rows)


def choices(together):
    """Accuracy that each rule gives, for every data set to (ok runs, clusters of each, split, labels)."""
    rows = []
    for dataset, (ok, clusters, split, labels) in together.items():
        if len(ok) < 2:
            continue
        rng = np.random.default_rng(seed_sequence(0, dataset, "choices"))
        draws = [rng.permutation(len(ok))[:RESTARTS] for _ in range(DRAWS)]
        found = pd.DataFrame([chosen_by_rules(ok, clusters, split, labels, drawn) for drawn in draws])
        told = {name: f"{found[name].mean():.2f} ± {found[name].std(ddof=1):.2f}" for name in found}
        rows.append({"data set": tables.title(dataset)} | told)
    return pd.DataFrame(rows)


def chosen_by_rules(ok, clusters, split, labels, drawn):
    """Test accuracy of what each rule makes of the runs `drawn`, places in `ok` and `clusters`."""
    table = agreements([clusters[i][split == SPLITS.index("train")] for i in drawn])
    places = {
        "any run": drawn[0],
        "lowest training loss": min(drawn, key=lambda i: ok.loss_train[i]),
        "lowest validation loss": min(drawn, key=lambda i: ok.loss_validation[i]),
        "agreement": drawn[table.sum(axis=1).argmax()],
    }
    parents = sorted(drawn, key=lambda i: ok.loss_train[i])[:PARENTS]
    n_clusters = 1 + max(clusters[i].max() for i in parents)
    agreed, test = consensus([clusters[i] for i in parents], n_clusters, 0), split == SPLITS.index("test")
    accuracies = {name: ok.accuracy[place] for name, place in places.items()}
    return accuracies | {"consensus": scores(labels[test], agreed[test])["accuracy"]}


def of_dataset(summary, runs, agreed, dataset, other):
    """Every reading on one data set, with what a choice by the loss on split `other` would have given."""
    rows = []
    for _, row in summary[summary.dataset == dataset].iterrows():
        ok = runs[(runs.dataset == dataset) & (runs.method == row.method) & (runs.status == "ok")]
        chosen = statistics.select(ok, other)
        ranked = spearmanr(ok.loss_train, ok.accuracy).statistic if ok.accuracy.nunique() > 1 else np.nan
        rows.append(
            {
                "reading": tables.title(row.method),
                "lowest loss": tables.ours(row),
                "95 % interval": tables.span(row.accuracy_low, row.accuracy_high),
                f"by {other} loss": "–" if chosen is None else tables.pair(ok.accuracy[chosen], ok.nmi[chosen]),
                "mean ± std": tables.mean_std(row),
                "published": tables.pair(row.published_accuracy, row.published_nmi),
                "verdict": row.verdict,
                "loss": tables.number(ok.loss_train.min(), ".3f"),
                "loss and ACC": tables.number(ranked, "+.2f"),
                "agreement": tables.number(agreed.get((row.method, dataset))),
                "largest cluster": tables.number(ok.largest.mean()),
                "ok": f"{int(row.n_ok)}/{int(row.n)}",
            }
        )
    return pd.DataFrame(rows)


def with_labels(runs):
    """The best run of any reading on every data set."""
    best = runs[runs.status == "ok"].sort_values("accuracy", ascending=False).groupby("dataset", sort=False).head(1)
    return pd.DataFrame(
        {
            "data set": [tables.title(name) for name in best.dataset],
            "reading": list(map(tables.title, best.method)),
            "seed": best.seed.tolist(),
            "best run": [tables.pair(row.accuracy, row.nmi) for row in best.itertuples()],
        }
    )


if __name__ == "__main__":
    main(__doc__, report=report)
