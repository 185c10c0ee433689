"""Tables from records: the paper's protocol beside the published numbers, and what a reviewer asks for next.

The paper's protocol takes, of all runs of a cell, the one with the lowest loss and reports its scores on the test
split. A method without a loss (Ward, spectral clustering) reports the mean over its runs instead. Runs that are not ok
are never selected and enter no mean; they are counted as ``n_ok/n`` in the cell.
"""

import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import LATEX_ESCAPE_RULES, tabulate

from datasets.seeds import seed_sequence
from datasets.sequences import SPLITS

from .records import frame
from .verdict import split_error, verdict

PUBLISHED = Path(__file__).parent / "published"
CELL = ["method", "vectorization", "dataset"]
NAMES = {
    "kmeans": "k-means",
    "ward": "Ward",
    "spectral": "Spectral",
    "dec": "DEC",
    "ddc": "DDC",
    "rddc": "RDDC",
    "rddc_plus": "RDDC+",
    "zero": "zero padding",
    "crop": "cropping",
    "avg": "time average",
    "none": "variable length",
    "twenty_newsgroups": "20 Newsgroups",
}
RESAMPLES = 2000
SELECTION = (
    "Gained: the lowest-loss run less the mean over ok runs. Missed: the best run less the lowest-loss run, so what a"
    " choice that knows the labels would add. Intervals are percentile bootstrap over runs, failed ones among them."
)
LATEX = {"–": "--", "±": "$\\pm$", "ᵀ": "$^\\top$", "“": "``", "”": "''"}


def title(name):
    """A name as a table prints it."""
    return NAMES.get(name, name.replace("_", " ").title())


def published(name):
    """A published table: ``method, vectorization, dataset, accuracy, nmi``; empty for ``None``."""
    columns = [*CELL, "accuracy", "nmi"]
    return pd.DataFrame(columns=columns) if name is None else pd.read_csv(PUBLISHED / f"{name}.csv")[columns]


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

    A failed run can be drawn, but it is neither selected nor averaged; a resample without any ok run gives no number
    and is left out.

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
        usable = np.where(ok & ~np.isnan(loss), loss, np.inf)
        best = usable[draws].argmin(axis=1)
        values = accuracy[draws[np.arange(len(draws)), best]]
    else:
        values = np.nanmean(np.where(ok, accuracy, np.nan)[draws], axis=1)
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def summarise(records, reading, selection, scored="test", published_name="rddc_table1"):
    """One row a cell, ours and the paper's.

    Parameters
    ----------
    records : list of dict
        All of one reading.
    reading : str
    selection : {"train", "validation"}
        Split whose loss selects a run. Labels can't: no score is looked at.
    scored : {"test", "train"}
        Split whose scores are shown.
    published_name : str or None
        Table of `published`.

    Returns
    -------
    DataFrame
        `CELL`, reading, n, n_ok, failures, accuracy and nmi by the paper's protocol with their interval, mean, std
        (ddof 1; missing with fewer than 2 ok runs), best, published and difference. What there is not is None or NaN.
    """
    strangers = {record["reading"] for record in records} - {reading}
    if strangers:
        raise ValueError(f"records of reading {min(strangers)} among those of {reading}")
    runs = frame(records, scored)
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
                "updates": group.updates.max(),
                "epochs": group.epochs.max(),
                "parameters": group.parameters.max(),
            }
        )
    theirs = published(published_name).rename(columns={"accuracy": "published_accuracy", "nmi": "published_nmi"})
    table = pd.DataFrame(rows).merge(theirs, on=CELL, how="left")
    numbers = [name for name in table.columns if name not in (*CELL, "reading", "failures", "by_loss")]
    table[numbers] = table[numbers].astype(float)
    table["difference"] = table.accuracy - table.published_accuracy
    columns = ["accuracy", "accuracy_low", "accuracy_high", "published_accuracy"]
    table["verdict"] = [verdict(*row) for row in table[columns].itertuples(index=False)]
    return table


def pair(accuracy, nmi):
    """``ACC (NMI)`` as the paper prints it; a dash for what there is not."""
    return "–" if pd.isna(accuracy) else f"{accuracy:.2f} ({nmi:.2f})"


def number(value, form=".2f"):
    """A number, or a dash for what there is not."""
    return "–" if pd.isna(value) else f"{value:{form}}"


def span(low, high):
    """An interval, or a dash for what there is not."""
    return "–" if pd.isna(low) else f"{low:.2f} to {high:.2f}"


def skip_marks(skip, datasets):
    """Letter of every cell that is not applicable: (dataset, vectorization) to ``a``, ``b``, ..."""
    left_out = [(dataset, how) for dataset in datasets for how in skip.get(dataset, {})]
    return dict(zip(left_out, "abcdefghijklmnopqrstuvwxyz", strict=False))


def ok_share(row):
    """``n_ok/n`` where not all runs are ok, else nothing."""
    return "" if row.n_ok == row.n else f" {int(row.n_ok)}/{int(row.n)}"


def ours(row):
    """Our cell: the paper's protocol, ``failed`` without an ok run, and how many runs are ok unless all are."""
    scored = "no labels" if pd.isna(row.accuracy) else pair(row.accuracy, row.nmi)
    return (scored if row.n_ok else "failed") + ok_share(row)


def mean_std(row):
    """Mean ± standard deviation of the accuracy over ok runs."""
    if not row.n_ok:
        return "failed" + ok_share(row)
    spread = "" if pd.isna(row["std"]) else f" ± {row['std']:.2f}"
    return f"{number(row['mean'])}{spread}{ok_share(row)}"


def table1(summary, datasets, skip):
    """Table 1: a row for each method and vectorization, ours beside the paper's for every data set.

    Parameters
    ----------
    summary : DataFrame
        As `summarise` gives it.
    datasets : list of str
    skip : dict
        Data set to vectorization to the reason why it is not applicable; the letter refers to `footnotes`.

    Returns
    -------
    DataFrame of str
    """
    cells = {tuple(row[name] for name in CELL): row for _, row in summary.iterrows()}
    marks = skip_marks(skip, datasets)
    rows = []
    for method, how in dict.fromkeys((method, how) for method, how, _ in cells):
        line = {"method": title(method), "input": title(how)}
        for dataset in datasets:
            row = cells.get((method, how, dataset))
            why = f" ({marks[dataset, how]})" if (dataset, how) in marks else ""
            line[title(dataset)] = f"–{why}" if row is None else ours(row)
            line[f"{title(dataset)}, paper"] = "–" if row is None else pair(row.published_accuracy, row.published_nmi)
        rows.append(line)
    return pd.DataFrame(rows)


def detailed(summary, dataset, n_scored):
    """Everything about one data set's cells: protocol, interval, mean ± std, published, difference, verdict.

    Parameters
    ----------
    summary : DataFrame
    dataset : str
    n_scored : int
        Size of the scored split, for what the choice of it may explain (`reports.verdict.split_error`).
    """
    rows = []
    for _, row in summary[summary.dataset == dataset].iterrows():
        error = split_error(row.accuracy, row.published_accuracy, n_scored)
        rows.append(
            {
                "method": title(row.method),
                "input": title(row.vectorization),
                "lowest loss": ours(row) + ("" if row.by_loss or not row.n_ok else " (mean)"),
                "95 % interval": span(row.accuracy_low, row.accuracy_high),
                "mean ± std": mean_std(row),
                "published": pair(row.published_accuracy, row.published_nmi),
                "difference": number(row.difference, "+z.2f"),
                "another split": "–" if pd.isna(error) else f"± {error:.2f}",
                "verdict": row.verdict,
                "ok": f"{int(row.n_ok)}/{int(row.n)}",
            }
        )
    return pd.DataFrame(rows)


def selection_table(summary):
    """How much of a number is selection: the lowest-loss run, the mean and the best run side by side.

    `SELECTION` says what the columns are. Cells without a loss select nothing and are left out.
    """
    rows = [
        {
            "data set": title(row.dataset),
            "method": title(row.method),
            "input": title(row.vectorization),
            "lowest loss": number(row.accuracy),
            "95 % interval": span(row.accuracy_low, row.accuracy_high),
            "mean": number(row["mean"]),
            "95 % interval of the mean": span(row.mean_low, row.mean_high),
            "best": number(row.best),
            "gained": number(row.accuracy - row["mean"], "+z.2f"),
            "missed": number(row.best - row.accuracy, "+z.2f"),
            "ok": f"{int(row.n_ok)}/{int(row.n)}",
        }
        for _, row in summary[summary.by_loss].sort_values("dataset", kind="stable").iterrows()
    ]
    columns = ["data set", "method", "input", "lowest loss", "95 % interval", "mean", "95 % interval of the mean"]
    return pd.DataFrame(rows, columns=[*columns, "best", "gained", "missed", "ok"])


def budgets(summary):
    """Updates, epochs, parameters, seconds a run and peak memory of every cell."""
    rows = [
        {
            "data set": title(row.dataset),
            "method": title(row.method),
            "input": title(row.vectorization),
            "updates": number(row.updates, ",.0f"),
            "epochs": number(row.epochs, ",.0f"),
            "parameters": number(row.parameters, ",.0f"),
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
            " / ".join(SPLITS): " / ".join(str(sheet["split_sizes"][name]) for name in SPLITS),
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


def footnotes(summary, records, datasets, skip, selection, scored):
    """What a reader needs to know about the numbers of `table1`, as a list of sentences."""
    notes = [
        f"Each cell is ACC (NMI) on the {scored} split of the ok run with the lowest loss on the {selection} split, the"
        " paper's protocol (it doesn't say whose loss). Labels take no part in the choice."
    ]
    without = summary[~summary.by_loss & (summary.n_ok > 0)].method.unique()
    if len(without):
        names = ", ".join(map(title, without))
        notes.append(f"Without a loss to select by: {names}. These cells are means over ok runs.")
    if summary.method.isin(["ward", "spectral"]).any():
        notes.append(
            "Ward and spectral clustering can't predict: a test sequence takes the cluster of its nearest training"
            " sequence."
        )
    for (dataset, how), letter in skip_marks(skip, datasets).items():
        notes.append(f"({letter}) {title(dataset)}, {title(how)}: not run, because {skip[dataset][how]}.")
    broken = [
        f"{title(row.method)} {title(row.vectorization)} on {title(row.dataset)}: {row.failures}"
        for row in summary[summary.n_ok < summary.n].itertuples()
    ]
    if broken:
        notes.append(
            "n_ok/n: not all runs of the cell are ok; the others are never selected and enter no mean"
            f" ({'; '.join(broken)})."
        )
    examples = {record["status"]: record["reason"] for record in reversed(records) if record["status"] != "ok"}
    notes += [f"{status.capitalize()}: for example, {reason.rstrip('.')}." for status, reason in examples.items()]
    budget = summary.groupby("method", sort=False).updates.max().dropna()
    if len(budget):
        told = ", ".join(f"{title(name)} {int(value):,}" for name, value in budget.items())
        notes.append(f"Largest update budgets: {told}.")
    return notes


def markdown(table, notes=()):
    """A table of strings as Markdown, with `notes` below."""
    strings = table.astype(str).replace(r"\|", r"\|", regex=True)
    made = tabulate(strings, headers="keys", tablefmt="github", showindex=False, disable_numparse=True)
    return made + "\n" + "\n" * bool(notes) + "".join(f"- {note}\n" for note in notes)


def latex(table, notes=()):
    """A table of strings as LaTeX (booktabs), its headings stacked to keep it narrow, with `notes` below."""
    strings = table.astype(str)
    made = tabulate(strings, headers="keys", tablefmt="latex_booktabs", showindex=False, disable_numparse=True)
    lines = made.splitlines()
    stacked = (" \\\\ ".join(map(latex_text, textwrap.wrap(name, 14))) for name in table.columns)
    lines[2] = " & ".join(f"\\shortstack[l]{{{heading}}}" for heading in stacked) + " \\\\"
    for character, command in LATEX.items():
        lines = [line.replace(character, command) for line in lines]
    below = [f"\\par {latex_text(note)}" for note in notes]
    return "\n".join(["{\\footnotesize\\setlength{\\tabcolsep}{3pt}", *lines, *below, "}"]) + "\n"


def latex_text(text):
    """Text with what LaTeX would take for a command escaped."""
    return "".join((LATEX_ESCAPE_RULES | LATEX).get(character, character) for character in text)
