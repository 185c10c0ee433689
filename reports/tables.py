"""Tables from records: the paper's protocol beside the published numbers, and what a reviewer asks for next.

The paper's protocol takes, of all runs of a cell, the one with the lowest loss and reports its scores on the test
split. A method without a loss (Ward, spectral clustering) reports the mean over its runs instead. Runs that are not ok
are never selected and enter no mean; they are counted as ``n_ok/n`` in the cell.
"""

import functools
import re
from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from datasets.seeds import seed_sequence
from datasets.sequences import SPLITS
from datasets.text import one_line
from methods.base import TransductiveClusterer, load_method
from runs.records import frame

from .verdict import split_error, verdict

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "reports" / "published"
CELL = ["method", "vectorization", "dataset"]
INPUTS = {
    "zero": "zero padding",
    "crop": "cropping",
    "avg": "time average",
    "vector": "vectors",
    "none": "variable length",
    "shuffled": "time-shuffled",
    "labels": "labels",
}
RESAMPLES = 2000
WANTED, LEAST = 0.02, 5  # half-width of an interval; runs without which nothing is said about more of them
FROM_LABELS = "labels"  # the input of the controls that need no run
SELECTION = (
    "Gained: the lowest-loss run less the mean over ok runs. Missed: the best run less the lowest-loss run, so what a"
    " choice that knows the labels would add. Intervals are percentile bootstrap over runs, failed ones among them."
    f" Runs until ± {WANTED}: how many it takes until half the width of the 95 % interval is that; resamples of 2, 3,"
    " ... of the runs that there are tell it. The lowest-loss protocol averages nothing, more runs only make a lower"
    " loss likely, and no law says how much narrower that is: “> 20” is all that 20 runs can say. The mean's interval"
    " goes with 1/sqrt(n), up to ten times as many runs as there are: “about”. Fewer than"
    f" {LEAST} ok runs tell nothing of either."
)


@functools.cache
def title(name):
    """A name as a table prints it: the ``TITLE`` of a method's or data set's file, an input's, or made of its words."""
    for path in (ROOT / "methods" / f"{name}.py", ROOT / "datasets" / f"{name}.py"):
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if said := re.search(r'^TITLE = "(.+)"$', text, re.MULTILINE):
            return said[1]
    return INPUTS.get(name, name.replace("_", " ").title())


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


def resample(runs, selection, statistic, name, size=None, accuracy=None):
    """A statistic of the accuracy in `RESAMPLES` resamples of the runs, failed ones among them.

    A failed run can be drawn, but it is neither selected nor averaged; a resample without any ok run gives no number.

    Parameters
    ----------
    runs : DataFrame
        The runs of one cell.
    statistic : {"protocol", "mean"}
    name : str
        Of the cell; gives it a random stream of its own.
    size : int, optional
        Runs in a resample; as many as there are when left out.
    accuracy : ndarray of shape (n, RESAMPLES), optional
        Another accuracy of every run in each resample, in place of the record's.

    Returns
    -------
    ndarray of shape (RESAMPLES,)
        NaN where there is no number.
    """
    ok = (runs.status == "ok").to_numpy()
    rng = np.random.default_rng(seed_sequence(0, "bootstrap", name))
    draws = rng.integers(len(runs), size=(RESAMPLES, size or len(runs)))
    if accuracy is None:
        accuracy = np.repeat(runs.accuracy.to_numpy(float)[:, None], RESAMPLES, axis=1)
    loss = runs[f"loss_{selection}"].to_numpy(float)
    each = np.arange(RESAMPLES)
    if statistic == "protocol" and not np.isnan(loss[ok]).all():
        usable = np.where(ok & ~np.isnan(loss), loss, np.inf)[draws]
        chosen = draws[each, usable.argmin(axis=1)]
        return np.where(np.isfinite(usable.min(axis=1)), accuracy[chosen, each], np.nan)
    drawn = np.where(ok[draws], accuracy[draws, each[:, None]], 0)
    counts = ok[draws].sum(axis=1)
    return np.divide(drawn.sum(axis=1), counts, out=np.full(RESAMPLES, np.nan), where=counts > 0)


def percentiles(values):
    """(2.5 %, 97.5 %) of the numbers among `values`; (None, None) without any."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None, None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def bootstrap(runs, selection, statistic, name):
    """Percentile interval (2.5 %, 97.5 %) of `resample`; (None, None) without any ok run."""
    return percentiles(resample(runs, selection, statistic, name))


def seeds_needed(runs, selection, statistic, name):
    """How many runs it takes until the half-width of the interval is `WANTED`, from the runs that there are.

    Resamples of 2, 3, ... n runs tell how wide the interval is with so many. Beyond n, the mean's is extrapolated by
    1/sqrt(n), up to ten times as many; the protocol's is not, as a resample can't have a lower loss than the runs.

    Returns
    -------
    str
        ``12``, ``about 90`` where extrapolated, ``> 20`` where it can't be told; fewer than `LEAST` ok runs tell
        nothing, and a dash where nothing is scored.
    """
    if runs.accuracy.isna().all():
        return "–"
    n, n_ok = len(runs), int((runs.status == "ok").sum())
    if n_ok < LEAST:
        return f"> {n}"
    halves = {}
    for size in range(2, n + 1):
        low, high = percentiles(resample(runs, selection, statistic, name, size))
        halves[size] = np.inf if low is None else (high - low) / 2
    too_wide = [size for size, half in halves.items() if half > WANTED]
    if not too_wide:
        return "2"
    if max(too_wide) < n:
        return str(max(too_wide) + 1)
    needed = int(np.ceil(n * (halves[n] / WANTED) ** 2))
    if statistic == "protocol":
        return f"> {n}"
    return f"about {needed}" if needed <= 10 * n else f"> {10 * n}"


def summarise(records, reading, selection, scored="test", published_name="rddc_table1", controls=()):
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
    controls : set of (method, vectorization)
        Rows that are controls.

    Returns
    -------
    DataFrame
        `CELL`, reading, control, n, n_ok, failures, accuracy and nmi by the paper's protocol with their interval, mean,
        std (ddof 1; missing with fewer than 2 ok runs), best, published and difference. What there is not is None or
        NaN.
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
                "control": cell[:2] in controls,
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
                "seeds_protocol": seeds_needed(group, selection, "protocol", " ".join(cell)),
                "seeds_mean": seeds_needed(group, selection, "mean", " ".join(cell)),
                "seconds": group.seconds.mean(),
                "peak_memory_mib": group.peak_memory_mib.max(),
                "sequences": group.sequences[group.found > 0].max(),  # a failed run doesn't say how many it took
                "updates": group.updates.max(),
                "epochs": group.epochs.max(),
                "parameters": group.parameters.max(),
            }
        )
    theirs = published(published_name).rename(columns={"accuracy": "published_accuracy", "nmi": "published_nmi"})
    table = pd.DataFrame(rows).merge(theirs, on=CELL, how="left")
    words = (*CELL, "reading", "control", "failures", "by_loss", "seeds_protocol", "seeds_mean")
    numbers = [name for name in table.columns if name not in words]
    table[numbers] = table[numbers].astype(float)
    table["difference"] = table.accuracy - table.published_accuracy
    columns = ["accuracy", "accuracy_low", "accuracy_high", "published_accuracy"]
    table["verdict"] = [verdict(*row) for row in table[columns].itertuples(index=False)]
    return table


def pair(accuracy, nmi):
    """``ACC (NMI)`` as the paper prints it; a dash for what there is not, no NMI where only ACC was published."""
    return number(accuracy) + ("" if pd.isna(nmi) else f" ({nmi:.2f})")


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


def row_name(row):
    """The method as a table's first column has it; a control says that it is one."""
    return f"Control: {title(row.method)}" if row.control else title(row.method)


def ok_share(row):
    """``n_ok/n`` where not all runs are ok, else nothing."""
    return "" if row.n_ok == row.n else f" {int(row.n_ok)}/{int(row.n)}"


def ours(row):
    """Our cell: the paper's protocol, ``failed`` without an ok run, and how many runs are ok unless all are."""
    scored = "not scored" if pd.isna(row.accuracy) else pair(row.accuracy, row.nmi)
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
        some = next(row for cell, row in cells.items() if cell[:2] == (method, how))
        line = {"method": row_name(some), "input": title(how)}
        for dataset in datasets:
            row = cells.get((method, how, dataset))
            why = f" ({marks[dataset, how]})" if (dataset, how) in marks else ""
            line[title(dataset)] = f"–{why}" if row is None else ours(row)
            line[f"{title(dataset)}, paper"] = "–" if row is None else pair(row.published_accuracy, row.published_nmi)
        rows.append(line)
    return pd.DataFrame(rows)


def detailed(summary, dataset, n_scored):
    """Everything about one data set's cells: protocol, interval, published, difference, verdict, mean ± std.

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
                "method": row_name(row),
                "input": title(row.vectorization),
                "lowest loss": ours(row) + ("" if row.by_loss or pd.isna(row.accuracy) else " (mean)"),
                "95 % interval": span(row.accuracy_low, row.accuracy_high),
                "published": pair(row.published_accuracy, row.published_nmi),
                "difference": number(row.difference, "+z.2f"),
                "verdict": row.verdict,
                "another split": "–" if pd.isna(error) else f"± {error:.2f}",
                "mean ± std": mean_std(row),
                "updates": number(row.updates, ",.0f"),
                "ok": f"{int(row.n_ok)}/{int(row.n)}",
            }
        )
    return pd.DataFrame(rows)


def selection_table(summary):
    """How much of a number is selection: the lowest-loss run, the mean and the best run side by side.

    `SELECTION` says what the columns are. Cells without a loss select nothing and are left out, as are those without
    a score.
    """
    rows = [
        {
            "data set": title(row.dataset),
            "method": row_name(row),
            "input": title(row.vectorization),
            "lowest loss": number(row.accuracy),
            "95 % interval": span(row.accuracy_low, row.accuracy_high),
            "mean": number(row["mean"]),
            "95 % interval of the mean": span(row.mean_low, row.mean_high),
            "best": number(row.best),
            "gained": number(row.accuracy - row["mean"], "+z.2f"),
            "missed": number(row.best - row.accuracy, "+z.2f"),
            f"runs until ± {WANTED}": row.seeds_protocol,
            f"runs until ± {WANTED} of the mean": row.seeds_mean,
            "ok": f"{int(row.n_ok)}/{int(row.n)}",
        }
        for _, row in summary[summary.by_loss & summary.accuracy.notna()]
        .sort_values("dataset", kind="stable")
        .iterrows()
    ]
    columns = ["data set", "method", "input", "lowest loss", "95 % interval", "mean", "95 % interval of the mean"]
    columns += ["best", "gained", "missed", f"runs until ± {WANTED}", f"runs until ± {WANTED} of the mean", "ok"]
    return pd.DataFrame(rows, columns=columns)


def enough_runs(summary):
    """How many cells with a loss have the interval that is wanted with the runs that there are, as a sentence."""
    scored = summary[summary.by_loss & summary.accuracy.notna()]
    if scored.empty:
        return "No cell has both a loss and a score."
    lowest, mean = (int(scored[name].str.isdecimal().sum()) for name in ("seeds_protocol", "seeds_mean"))
    return (
        f"With the runs that there are, the interval is ± {WANTED} or narrower in {lowest} of {len(scored)} cells under"
        f" the lowest-loss protocol, and in {mean} of {len(scored)} for the mean over ok runs."
    )


def budgets(summary):
    """Sequences trained on, updates, epochs, parameters, seconds a run and peak memory of every cell."""
    rows = [
        {
            "data set": title(row.dataset),
            "method": row_name(row),
            "input": title(row.vectorization),
            "trained on": number(row.sequences, ",.0f"),
            "updates": number(row.updates, ",.0f"),
            "epochs": number(row.epochs, ",.0f"),
            "parameters": number(row.parameters, ",.0f"),
            "seconds a run": f"{row.seconds:.1f}",
            "peak memory, MiB": f"{row.peak_memory_mib:.0f}",
        }
        for _, row in summary[summary.vectorization != FROM_LABELS].iterrows()
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
        f"Each cell is ACC (NMI) on the {scored} split of the ok run with the lowest loss on the {selection} split."
        " Labels take no part in the choice."
    ]
    without = summary[~summary.by_loss & (summary.n_ok > 0) & (summary.vectorization != FROM_LABELS)].method.unique()
    if len(without):
        names = ", ".join(map(title, without))
        notes.append(f"Without a loss to select by: {names}. These cells are means over ok runs.")
    runs = summary[summary.vectorization != FROM_LABELS].method.unique()
    if by_neighbour := [title(name) for name in runs if issubclass(load_method(name), TransductiveClusterer)]:
        notes.append(
            f"Without a rule for new sequences: {', '.join(by_neighbour)}. A test sequence takes the cluster of its"
            " nearest training sequence."
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


def as_markdown(text):
    """Text in a cell of a Markdown table: one line, and nothing in it has a meaning."""
    return re.sub(r"[\\`*<|$~\[\]]|&(?=#?\w+;)|(?<!\w)_|_(?!\w)", r"\\\g<0>", one_line(text))


def markdown(table, notes=(), cell=as_markdown):
    """A table of strings as Markdown, with `notes` below; `cell` is what makes Markdown of a cell's text."""
    strings = table.astype(str).map(cell)
    made = tabulate(strings, headers="keys", tablefmt="github", showindex=False, disable_numparse=True)
    return made + "\n" + "\n" * bool(notes) + "".join(f"- {note}\n" for note in notes)
