"""Tables from records: the paper's protocol beside the published numbers, and what a reviewer asks for next.

The paper's protocol takes, of all runs of a cell, the one with the lowest loss and reports its scores on the test
split. A method without a loss (Ward, spectral clustering) reports the mean over its runs instead. Runs that are not ok
are never selected and enter no mean; they are counted as ``n_ok/n`` in the cell.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from datasets.seeds import seed_sequence

from .records import frame

PUBLISHED = Path(__file__).parent / "published"
CELL = ["method", "vectorization", "dataset"]
NAMES = {
    "kmeans": "k-means",
    "ward": "Ward",
    "spectral": "Spectral",
    "dec": "DEC",
    "ddc": "DDC",
    "rddc": "RDDC",
    "zero": "zero padding",
    "crop": "cropping",
    "avg": "time average",
    "none": "variable length",
}
RESAMPLES = 2000


def title(name):
    """A name as a table prints it."""
    return NAMES.get(name, name.replace("_", " ").title())


def published():
    """The paper's Table 1: ``method, vectorization, dataset, accuracy, nmi``."""
    return pd.read_csv(PUBLISHED / "rddc_table1.csv")


def select(runs, selection):
    """Index of the ok run with the lowest loss on split `selection`; None without an ok run or a loss."""
    losses = runs.loc[runs.status == "ok", f"loss_{selection}"].astype(float)
    return None if losses.isna().all() else losses.idxmin()


def protocol_score(runs, selection, score):
    """`score` of the selected run; the mean over ok runs for a method without a loss; None without an ok run."""
    ok = runs[runs.status == "ok"]
    if ok.empty or ok[score].isna().all():
        return None
    chosen = select(runs, selection)
    return float(ok[score].mean() if chosen is None else runs.loc[chosen, score])


def bootstrap(runs, selection, statistic, name):
    """Percentile interval (2.5 %, 97.5 %) over `RESAMPLES` resamples of the runs, failed ones among them.

    Parameters
    ----------
    runs : DataFrame
        The runs of one cell.
    statistic : {"protocol", "mean"}
        Of the accuracy.
    name : str
        Of the cell; gives it a random stream of its own.

    Returns
    -------
    (float, float) or (None, None)
        None without any ok run.
    """
    ok = (runs.status == "ok").to_numpy()
    if not ok.any() or runs.accuracy[ok].isna().all():
        return None, None
    rng = np.random.default_rng(seed_sequence(0, "bootstrap", name))
    draws = rng.integers(len(runs), size=(RESAMPLES, len(runs)))
    draws = draws[ok[draws].any(axis=1)]
    accuracy = runs.accuracy.to_numpy(float)
    loss = runs[f"loss_{selection}"].to_numpy(float)
    if statistic == "protocol" and not np.isnan(loss[ok]).all():
        usable = np.where(ok, loss, np.inf)
        best = usable[draws].argmin(axis=1)
        values = accuracy[draws[np.arange(len(draws)), best]]
    else:
        values = np.nanmean(np.where(ok, accuracy, np.nan)[draws], axis=1)
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def summarise(records, reading, selection):
    """One row a cell, ours and the paper's.

    Parameters
    ----------
    records : list of dict
        All of one reading.
    reading : str
    selection : {"train", "validation"}
        Split whose loss selects a run. Labels can't: no score is looked at.

    Returns
    -------
    DataFrame
        `CELL`, reading, n, n_ok, failures, accuracy and nmi by the paper's protocol with their interval, mean, std
        (ddof 1; missing with fewer than 2 ok runs), best, published and difference. What there is not is None or NaN.
    """
    runs = frame(records)
    rows = []
    for cell, group in runs.groupby(CELL, sort=False):
        group = group.reset_index(drop=True)
        ok = group[group.status == "ok"]
        low, high = bootstrap(group, selection, "protocol", " ".join(cell))
        mean_low, mean_high = bootstrap(group, selection, "mean", " ".join(cell))
        failures = group.status[group.status != "ok"].value_counts()
        rows.append(
            dict(zip(CELL, cell, strict=True))
            | {
                "reading": reading,
                "n": len(group),
                "n_ok": len(ok),
                "failures": ", ".join(f"{count} {status}" for status, count in failures.items()),
                "by_loss": select(group, selection) is not None,
                "accuracy": protocol_score(group, selection, "accuracy"),
                "accuracy_low": low,
                "accuracy_high": high,
                "nmi": protocol_score(group, selection, "nmi"),
                "mean": ok.accuracy.mean(),
                "mean_low": mean_low,
                "mean_high": mean_high,
                "std": ok.accuracy.std(ddof=1),
                "nmi_mean": ok.nmi.mean(),
                "nmi_std": ok.nmi.std(ddof=1),
                "best": ok.accuracy.max(),
                "seconds": group.seconds.mean(),
                "peak_memory_mib": group.peak_memory_mib.max(),
                "updates": ok.updates.max(),
                "epochs": ok.epochs.max(),
                "parameters": ok.parameters.max(),
            }
        )
    theirs = published().rename(columns={"accuracy": "published_accuracy", "nmi": "published_nmi"})
    table = pd.DataFrame(rows).merge(theirs, on=CELL, how="left")
    numbers = [name for name in table.columns if name not in (*CELL, "reading", "failures", "by_loss")]
    table[numbers] = table[numbers].astype(float)
    table["difference"] = table.accuracy - table.published_accuracy
    table["verdict"] = [verdict(row) for row in table.itertuples()]
    return table


def verdict(row):
    """What our number says about the published one.

    ``not comparable``: no published number, or no ok run. ``reproduced``: the published accuracy lies in our interval,
    widened by half a unit of its last digit. ``better`` and ``different``: it lies below, or above. The interval covers
    the choice of the runs, not the choice of the test split, whose standard error comes on top of both numbers.
    """
    if np.isnan(row.published_accuracy) or np.isnan(row.accuracy):
        return "not comparable"
    if row.accuracy_low - 0.005 <= row.published_accuracy <= row.accuracy_high + 0.005:
        return "reproduced"
    return "better" if row.accuracy > row.published_accuracy else "different"


def pair(accuracy, nmi):
    """``ACC (NMI)`` as the paper prints it; a dash for what there is not."""
    return "–" if pd.isna(accuracy) else f"{accuracy:.2f} ({nmi:.2f})"


def ok_share(row):
    """``n_ok/n`` where not all runs are ok, else nothing."""
    return "" if row.n_ok == row.n else f" {int(row.n_ok)}/{int(row.n)}"


def ours(row):
    """Our cell: the paper's protocol, ``failed`` without an ok run, and how many runs are ok unless all are."""
    value = pair(row.accuracy, row.nmi) if row.n_ok and not pd.isna(row.accuracy) else "failed" if row.n else "–"
    return value + ok_share(row)


def mean_std(row):
    """Mean ± standard deviation of the accuracy over ok runs."""
    if not row.n_ok or pd.isna(row["mean"]):
        return "failed" + ok_share(row)
    spread = "" if pd.isna(row["std"]) else f" ± {row['std']:.2f}"
    return f"{row['mean']:.2f}{spread}{ok_share(row)}"


def table1(summary, datasets, skip):
    """Table 1: a row for each method and vectorization, ours beside the paper's for every data set.

    Returns
    -------
    DataFrame of str
    """
    cells = {tuple(row[name] for name in CELL): row for _, row in summary.iterrows()}
    rows = []
    for method, how in dict.fromkeys((method, how) for method, how, _ in cells):
        line = {"method": title(method), "input": title(how)}
        for dataset in datasets:
            row = cells.get((method, how, dataset))
            line[title(dataset)] = "–" if row is None else ours(row)
            line[f"{title(dataset)}, paper"] = "–" if row is None else pair(row.published_accuracy, row.published_nmi)
        rows.append(line)
    return pd.DataFrame(rows)


def detailed(summary, dataset):
    """Everything about one data set's cells: protocol, interval, mean ± std, published, difference, verdict."""
    rows = []
    for _, row in summary[summary.dataset == dataset].iterrows():
        interval = "–" if pd.isna(row.accuracy_low) else f"{row.accuracy_low:.2f} to {row.accuracy_high:.2f}"
        rows.append(
            {
                "method": title(row.method),
                "input": title(row.vectorization),
                "lowest loss": ours(row) + ("" if row.by_loss or not row.n_ok else " (mean)"),
                "95 % interval": interval,
                "mean ± std": mean_std(row),
                "best": "–" if pd.isna(row.best) else f"{row.best:.2f}",
                "published": pair(row.published_accuracy, row.published_nmi),
                "difference": "–" if pd.isna(row.difference) else f"{row.difference:+.2f}",
                "verdict": row.verdict,
                "ok": f"{int(row.n_ok)}/{int(row.n)}",
            }
        )
    return pd.DataFrame(rows)


def budgets(summary):
    """Updates, epochs, parameters, seconds a run and peak memory of every cell."""

    def whole(value):
        return "–" if pd.isna(value) else f"{int(value):,}"

    rows = [
        {
            "data set": title(row.dataset),
            "method": title(row.method),
            "input": title(row.vectorization),
            "updates": whole(row.updates),
            "epochs": whole(row.epochs),
            "parameters": whole(row.parameters),
            "seconds a run": f"{row.seconds:.1f}",
            "peak memory, MiB": f"{row.peak_memory_mib:.0f}",
        }
        for _, row in summary.iterrows()
    ]
    return pd.DataFrame(rows)


def failures(records):
    """Every run that is not ok, with its reason."""
    rows = [
        {
            "data set": title(record["dataset"]),
            "method": title(record["method"]),
            "input": title(record["vectorization"]),
            "seed": record["seed"],
            "status": record["status"],
            "reason": record["reason"],
        }
        for record in records
        if record["status"] != "ok"
    ]
    return pd.DataFrame(rows, columns=["data set", "method", "input", "seed", "status", "reason"])


def data_sheets(sheets):
    """One row a data set: counts, lengths, splits, source, licence."""
    rows = [
        {
            "data set": title(sheet["name"]),
            "sequences": sheet["n"],
            "classes": len(sheet["classes"]),
            "dimensions": sheet["dimensions"],
            "lengths": f"{sheet['lengths']['min']} to {sheet['lengths']['max']}, median {sheet['lengths']['median']:g}",
            "train / validation / test": " / ".join(str(size) for size in sheet["split_sizes"].values()),
            "source": f"{sheet['source']['file']} ({sheet['source']['origin']}, {sheet['source']['form']})",
            "licence": sheet["licence"],
        }
        for sheet in sheets
    ]
    return pd.DataFrame(rows)


def settings_table(used, sources):
    """Settings with their source.

    Parameters
    ----------
    used : dict
        ``datasets.<name>`` and ``methods.<name>`` to the settings of the runs, defaults included.
    sources : dict
        The same keys to setting to ``{source, reason}``, as config/sources.yaml.

    Returns
    -------
    DataFrame of str
    """
    rows = []
    for owner, settings in used.items():
        for setting, value in settings.items():
            said = sources.get(owner, {}).get(setting, {"source": "own choice", "reason": ""})
            rows.append(
                {"of": owner, "setting": setting, "value": str(value), "source": said["source"], "why": said["reason"]}
            )
    return pd.DataFrame(rows)


def footnotes(summary, records, skip, selection):
    """What a reader needs to know about the table's numbers, as a list of sentences."""
    notes = [
        f"Each cell is ACC (NMI) on the test split of the run with the lowest {selection} loss, the paper's protocol.",
        "Ward and spectral clustering have no loss: their cells are means over runs. They can't predict either: a test"
        " sequence takes the cluster of its nearest training sequence.",
    ]
    for dataset, hows in skip.items():
        notes += [f"{title(dataset)}, {title(how)}: not run, because {reason}." for how, reason in hows.items()]
    broken = summary[summary.n_ok < summary.n]
    if len(broken):
        total = ", ".join(
            f"{title(row.method)} {title(row.vectorization)} on {title(row.dataset)}: {row.failures}"
            for row in broken.itertuples()
        )
        notes.append(f"n_ok/n: not all runs are ok ({total}).")
    budget = summary.groupby("method", sort=False).updates.max().dropna()
    notes.append(
        "Largest update budgets: " + ", ".join(f"{title(name)} {int(value):,}" for name, value in budget.items()) + "."
    )
    return notes


def markdown(table):
    """A table of strings as Markdown."""
    return tabulate(table.astype(str), headers="keys", tablefmt="github", showindex=False, disable_numparse=True) + "\n"


def latex(table):
    """A table of strings as LaTeX (booktabs)."""
    text = table.astype(str).replace("–", "--").replace("±", "+-", regex=True)
    made = tabulate(text, headers="keys", tablefmt="latex_booktabs", showindex=False, disable_numparse=True)
    return made.replace("+-", "$\\pm$") + "\n"


def summary_csv(summary):
    """The state of a study: one line a cell, ours and theirs."""
    columns = [*CELL, "reading", "n_ok", "n", "accuracy", "accuracy_low", "accuracy_high", "nmi"]
    columns += ["published_accuracy", "published_nmi", "verdict"]
    whole = {"n_ok": int, "n": int}
    return summary[columns].astype(whole).to_csv(index=False, float_format="%.4f", lineterminator="\n")
