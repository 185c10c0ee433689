"""Tables as strings: the summary of records beside the published numbers, and what a reviewer asks for next."""

import functools
import re
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from datasets.sequences import SPLITS
from datasets.text import one_line
from methods.base import TransductiveClusterer, load_method
from methods.vectorize import INPUTS
from runs.scores import SCORES

from .published import CELL, read_published
from .statistics import LEAST, WANTED, chances
from .verdict import FROM_LABELS, NEARLY

ROOT = Path(__file__).parents[1]
INPUT_TITLES = {name: given.title for name, given in INPUTS.items()} | {FROM_LABELS: "labels"}
COLLAPSED = "†"  # before the scores of runs that collapsed, where a cell has no other
OTHERS = [score for score in SCORES if score.name not in ("accuracy", "nmi")]  # the paper's two are printed as a pair
SHARED = "and of the pretraining that rows share"
OF_A_PAPER = ["published", "difference", "verdict", "verdict, NMI", "another split"]  # columns of a detailed table
SELECTION = (
    "Gained: the lowest-loss run less the mean over ok runs. Missed: the best run less the lowest-loss run, so what a"
    " choice that knows the labels would add. Lowest loss, mean and best are means over the splits; the intervals are"
    " percentile bootstrap over the runs of each split, failed ones among them, and say nothing of other splits."
    f" Runs until ± {WANTED}: how many it takes until half the width of the 95 % interval is that; resamples of 2, 3,"
    " ... of the runs that there are tell it. The lowest-loss protocol averages nothing, more runs only make a lower"
    " loss likely, and no law says how much narrower that is: “> 20” is all that 20 runs can say. The mean's interval"
    " goes with 1/sqrt(n), up to ten times as many runs as there are: “about”. Fewer than"
    f" {LEAST} ok runs tell nothing of either."
)

CHOICES = {"any": "any run", "train": "by training loss", "validation": "by validation loss"}
CHANCES = (
    "Share of runs, or of choices, whose ACC is at least the published one: of the ok runs, and of the runs with the"
    " lowest loss in resamples of the runs of each split. The published number is that of one choice."
)


ROWS = {}  # of the config's rows that are no file, to their titles


def name_rows(methods):
    """Let `title` know the rows of a report: `methods` is name to what `workflow.rows.described` says of it."""
    ROWS.clear()
    for row, said in methods.items():
        if (method := said["algorithm"]) != row:
            words = row.removeprefix(f"{method}_").replace("_", " ")
            ROWS[row] = said["title"] or f"{title(method)}, {words}"


def title(name):
    """A name as a table prints it: a row's title, or that of a method, a data set or an input."""
    return ROWS.get(name) or title_of_file(name)


@functools.cache
def title_of_file(name):
    """The ``TITLE`` of a method's or data set's file, an input's, or one made of the name's words."""
    for path in (ROOT / "methods" / f"{name}.py", ROOT / "datasets" / f"{name}.py"):
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if said := re.search(r'^TITLE = "(.+)"$', text, re.MULTILINE):
            return said[1]
    return INPUT_TITLES.get(name, name.replace("_", " ").title())


def pair(accuracy, nmi):
    """``ACC (NMI)`` as the paper prints it; a dash for what there is not, no NMI where only ACC was published."""
    return number(accuracy) + ("" if pd.isna(nmi) else f" ({nmi:.2f})")


def number(value, form=".2f"):
    """A number, or a dash for what there is not."""
    return "–" if pd.isna(value) else f"{value:{form}}"


def span(low, high, form=".2f"):
    """An interval, or a dash for what there is not."""
    return "–" if pd.isna(low) else f"{low:{form}} to {high:{form}}"


def skip_marks(skip, datasets):
    """Letter of every cell that is not applicable: (dataset, vectorization) to ``a``, ``b``, ..."""
    left_out = [(dataset, how) for dataset in datasets for how in skip.get(dataset, {})]
    return dict(zip(left_out, "abcdefghijklmnopqrstuvwxyz", strict=False))


def row_name(row):
    """The method as a table's first column has it; a control says that it is one."""
    return f"Control: {title(row.method)}" if row.control else title(row.method)


def ok_share(n_ok, n):
    """``n_ok/n`` where not all are ok, else nothing."""
    return "" if n_ok == n else f" {int(n_ok)}/{int(n)}"


def of_halves(row):
    """Agreement between halves, and how many pairs of them are ok unless all are; a dash where it wasn't asked for."""
    if pd.isna(row.halves_n):
        return "–"
    return ("failed" if pd.isna(row.halves) else number(row.halves, "z.2f")) + ok_share(row.halves_ok, row.halves_n)


def ours(row):
    """Our cell: the paper's protocol, and how many runs are ok unless all are.

    Without an ok run it is ``failed``, or what the runs that collapsed are on average, marked as such.
    """
    if row.n_ok:
        return ("not scored" if pd.isna(row.accuracy) else pair(row.accuracy, row.nmi)) + ok_share(row.n_ok, row.n)
    collapsed = f"{COLLAPSED}{pair(row.collapsed_accuracy, row.collapsed_nmi)}"
    return ("failed" if pd.isna(row.collapsed_accuracy) else collapsed) + ok_share(row.n_ok, row.n)


def theirs(row):
    """The published cell, with what other scores a paper has."""
    others = [(score.title, row[f"published_{score.name}"]) for score in OTHERS]
    told = [f", {name} {value:.2f}" for name, value in others if not pd.isna(value)]
    return pair(row.published_accuracy, row.published_nmi) + "".join(told)


def mean_std(row):
    """Mean ± standard deviation of the accuracy over ok runs."""
    if not row.n_ok:
        return "failed" + ok_share(row.n_ok, row.n)
    spread = "" if pd.isna(row["std"]) else f" ± {row['std']:.2f}"
    return f"{number(row['mean'])}{spread}{ok_share(row.n_ok, row.n)}"


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
    published = with_published(summary)
    rows = []
    for method, how in dict.fromkeys((method, how) for method, how, _ in cells):
        some = next(row for cell, row in cells.items() if cell[:2] == (method, how))
        line = {"method": row_name(some), "input": title(how)}
        for dataset in datasets:
            row = cells.get((method, how, dataset))
            why = f" ({marks[dataset, how]})" if (dataset, how) in marks else ""
            line[title(dataset)] = f"–{why}" if row is None else ours(row)
            if dataset in published:
                line[f"{title(dataset)}, paper"] = (
                    "–" if row is None else pair(row.published_accuracy, row.published_nmi)
                )
        rows.append(line)
    return pd.DataFrame(rows)


def with_published(summary):
    """Data sets of which a number is published."""
    return set(summary.dataset[summary.published_accuracy.notna()])


def detailed(summary, dataset):
    """Everything about one data set's cells: scores by the protocol, published, difference, verdicts, mean ± std."""
    rows = []
    for _, row in summary[summary.dataset == dataset].iterrows():
        rows.append(
            {
                "method": row_name(row),
                "input": title(row.vectorization),
                "ours": ours(row),
                "scored": "–" if pd.isna(row.accuracy) else "lowest loss" if row.by_loss else "mean",
                "95 % prediction, ACC": span(row.accuracy_low, row.accuracy_high),
                "95 % prediction, NMI": span(row.nmi_low, row.nmi_high),
                **{score.title: number(row[score.name], "z.2f") for score in OTHERS},
                "published": theirs(row),
                "difference": number(row.difference, "+z.2f"),
                "verdict": row.verdict,
                "verdict, NMI": row.verdict_nmi,
                "lowest loss": pair(row.lowest_accuracy, row.lowest_nmi),
                "mean ± std": mean_std(row),
                "updates": number(row.updates, ",.0f"),
                "ok": f"{int(row.n_ok)}/{int(row.n)}",
            }
        )
    return pd.DataFrame(rows)


def with_agreement(detail, summary, dataset, agreed):
    """A `detailed` table with the agreement between each cell's runs; without a paper's columns where there is none.

    `agreed` is (method, vectorization, dataset) to a number, or None.
    """
    cells = summary.loc[summary.dataset == dataset, CELL].itertuples(index=False, name=None)
    told = [number(agreed.get(cell), "z.2f") for cell in cells]
    detail = detail.drop(columns=[] if dataset in with_published(summary) else OF_A_PAPER, errors="ignore")
    detail.insert(detail.columns.get_loc("ok"), "agreement of runs", told)
    return detail


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
            "lowest loss": number(row.lowest_accuracy),
            "95 % interval": span(row.lowest_low, row.lowest_high),
            "mean": number(row["mean"]),
            "95 % interval of the mean": span(row.mean_low, row.mean_high),
            "best": number(row.best),
            "gained": number(row.lowest_accuracy - row["mean"], "+z.2f"),
            "missed": number(row.best - row.lowest_accuracy, "+z.2f"),
            f"runs until ± {WANTED}": row.seeds_lowest,
            f"runs until ± {WANTED} of the mean": row.seeds_mean,
            "ok": f"{int(row.n_ok)}/{int(row.n)}",
        }
        for _, row in summary[summary.lowest_accuracy.notna()].sort_values("dataset", kind="stable").iterrows()
    ]
    columns = ["data set", "method", "input", "lowest loss", "95 % interval", "mean", "95 % interval of the mean"]
    columns += ["best", "gained", "missed", f"runs until ± {WANTED}", f"runs until ± {WANTED} of the mean", "ok"]
    return pd.DataFrame(rows, columns=columns)


def enough_runs(summary):
    """How many cells with a loss have the interval that is wanted with the runs that there are, as a sentence."""
    scored = summary[summary.lowest_accuracy.notna()]
    if scored.empty:
        return "No cell has both a loss and a score."
    lowest, mean = (int(scored[name].str.isdecimal().sum()) for name in ("seeds_lowest", "seeds_mean"))
    return (
        f"With the runs that there are, the interval is ± {WANTED} or narrower in {lowest} of {len(scored)} cells under"
        f" the lowest-loss protocol, and in {mean} of {len(scored)} for the mean over ok runs."
    )


def choice_table(runs, summary):
    """How likely training and validation loss pick a run that reaches the published accuracy, of methods chosen by it.

    Parameters
    ----------
    runs, summary : DataFrame
        As `runs.results.frame` and `reports.statistics.summarise` give them.
    """
    rows = []
    for _, row in summary[summary.by_loss & summary.published_accuracy.notna()].iterrows():
        cell = tuple(row[name] for name in CELL)
        least = row.published_accuracy - row.rounding_accuracy - NEARLY
        found = chances(runs[(runs[CELL] == cell).all(axis=1)], least, " ".join(cell))
        rows.append(
            {
                "data set": title(row.dataset),
                "method": row_name(row),
                "input": title(row.vectorization),
                "published": number(row.published_accuracy),
                **{CHOICES[name]: number(share, ".0%") for name, share in found.items()},
                "ok": f"{int(row.n_ok)}/{int(row.n)}",
            }
        )
    return pd.DataFrame(rows, columns=["data set", "method", "input", "published", *CHOICES.values(), "ok"])


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
            "seconds a run": number(row.seconds, ".1f"),
            SHARED: number(row.pretraining_seconds, ".1f"),
            "peak memory, MiB": f"{row.peak_memory_mib:.0f}",
        }
        for _, row in summary[summary.vectorization != FROM_LABELS].iterrows()
    ]
    made = pd.DataFrame(rows)
    return made if summary.pretraining_seconds.notna().any() else made.drop(columns=SHARED)


def failures(records):
    """Every run that is not ok, with its reason."""
    rows = [
        {
            "data set": title(record["dataset"]),
            "method": title(record["method"]),
            "input": title(record["vectorization"]),
            "split": record["split"],
            "seed": record["seed"],
            "status": record["status"],
            "reason": record["reason"],
        }
        for record in records
        if record["status"] != "ok"
    ]
    return pd.DataFrame(rows, columns=["data set", "method", "input", "split", "seed", "status", "reason"])


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


def footnotes(summary, records, datasets, skip, selection, scored):
    """What a reader needs to know about the numbers of `table1`, as a list of sentences."""
    chosen = ", ".join(dict.fromkeys(map(title, summary.method[summary.by_loss])))
    by_loss = (
        f"of {chosen} that of the ok run with the lowest loss on the {selection} split, without labels, as the paper"
        " selects its own methods; of all others "
    )
    notes = [f"Each cell is ACC (NMI) on the {scored} split: {by_loss if chosen else ''}the mean over ok runs."]
    if summary.splits.max() > 1:
        told = summary[summary.splits > 1].groupby("method", sort=False).splits.max()
        each = ", ".join(f"{title(name)} {int(number)}" for name, number in told.items())
        notes.append(
            f"Means over several splits of the data: {each}. Agreement of runs, confusion, losses, the files of"
            " clusters and their figures are of the first split alone; a cell without an ok run there has none of them."
        )
    if (summary.n_ok.eq(0) & summary.collapsed_accuracy.notna()).any():
        notes.append(
            f"{COLLAPSED} No run of the cell is ok; these are the scores of its collapsed runs, which used fewer"
            " clusters than were asked for. They enter no mean and have no verdict."
        )
    if alone := dict.fromkeys(title(record["method"]) for record in records if record["trained_on"] == "test"):
        notes.append(
            f"Clustered the test split by itself, and cropped it to its own shortest sequence: {', '.join(alone)}."
        )
    ran = {record["method"]: load_method(record["algorithm"]) for record in records if record["trained_on"] == "train"}
    if by_neighbour := [title(name) for name, method in ran.items() if issubclass(method, TransductiveClusterer)]:
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
        notes.append(f"Largest update budgets, where a run has several starts that of the one kept: {told}.")
    return notes


def shares(sheets):
    """Which data sets are a part of what was published, as a list of sentences."""
    return [
        f"Of {title(name)} {sheet['n']} of {sheet['notes']['whole']} sequences are used; the others are not in the form"
        " of the data that was read, or were dropped as its notes say."
        for name, sheet in sheets.items()
        if sheet["n"] < sheet.get("notes", {}).get("whole", 0)
    ]


def averages(sheets):
    """Whose time averages don't divide by each sequence's own length, as a list of one note, or of none."""
    names = [title(name) for name, sheet in sheets.items() if sheet["settings"].get("average") == "padded"]
    if not names:
        return []
    return [
        f"Time averages of {', '.join(names)} divide by the length of the longest sequence, as the mean of a"
        " zero-padded array does, so they depend on length; those of the others divide by each sequence's own length."
    ]


def where_from(summary, published):
    """Where the published numbers of a summary are from, as a list of one note, or of none where it has none."""
    if summary.published_accuracy.isna().all():
        return []
    _, paper, protocol, runs = read_published(published)
    if isinstance(paper, dict):
        paper = "; ".join(f"{title(method)}: {said}" for method, said in paper.items())
    return [f"Published numbers: {paper}. Their protocol: {protocol}. Runs behind a number: {runs}."]


def filled(strings):
    """A table without the columns that hold nothing, such as a paper's numbers where there are none."""
    return strings.loc[:, ~strings.isin(["–", ""]).all()] if len(strings) else strings


def as_markdown(text):
    """Text in a cell of a Markdown table: one line, and nothing in it has a meaning."""
    return re.sub(r"[\\`*<|$~\[\]]|&(?=#?\w+;)|(?<!\w)_|_(?!\w)", r"\\\g<0>", one_line(text))


def markdown(table, notes=(), cell=as_markdown):
    """A table of strings as Markdown, with `notes` below; `cell` is what makes Markdown of a cell's text."""
    strings = table.astype(str).map(cell)
    made = tabulate(strings, headers="keys", tablefmt="github", showindex=False, disable_numparse=True)
    return made + "\n" + "\n" * bool(notes) + "".join(f"- {note}\n" for note in notes)
