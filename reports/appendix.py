"""A paper's appendix from one reading's records, tables and figures, as LaTeX: a folder that needs nothing outside it.

``appendix.tex`` is prose whose numbers are macros of ``numbers.tex``, named after method, input and data set, so that
an author can use them in a paper; the tables, the figures and ``deviations.tex`` lie beside it.
"""

import ast
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pandas as pd

from datasets.sequences import SPLITS
from datasets.storage import whole_file, write_text
from runs.results import read_records
from runs.scores import SCORES

from . import latex, verdict
from .data import load_sheet
from .published import CELL
from .tables import name_rows, number, title

METHODS = Path(__file__).parents[1] / "methods"
DIGITS = ["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"]
PREAMBLE = r"""% Written by reports/appendix.py; every number in the text is a macro of numbers.tex.
\documentclass[10pt,a4paper]{article}
\usepackage[margin=1.6cm]{geometry}
\usepackage[T1]{fontenc}
\usepackage{mathptmx}
\usepackage{array,booktabs,longtable,lscape,graphicx}
\setlength{\emergencystretch}{3em}
\setcounter{secnumdepth}{2}
% A table that is longer than a page goes on over the next one, a figure stays whole where it stands. None is enlarged:
% the letters of all of them are of one size, that of the text.
\newcommand{\onefigure}[2]{%
  \begin{center}\setbox0\hbox{\includegraphics{figures/#1}}%
  \ifdim\wd0>\linewidth\setbox0\hbox{\resizebox{\linewidth}{!}{\box0}}\fi
  \ifdim\ht0>.8\textheight\setbox0\hbox{\resizebox{!}{.8\textheight}{\box0}}\fi
  \leavevmode\box0\par\nopagebreak
  {\small #2}\end{center}}
% Before a heading: a new page where the rest of this one holds the heading alone.
\newcommand{\room}{\par\penalty-100 \begingroup\dimen0=\pagegoal\advance\dimen0 by -\pagetotal
  \ifdim\dimen0<9\baselineskip\newpage\fi\endgroup}
"""
PICTURES = {
    "figure2": "The published Figure 2 with our data: t-SNE of one data set, coloured by length and by cluster.",
    "figure3": "The published Figure 3 with our data: the same for sequences of about one length.",
    "strips_": "Accuracy of every run, beside the published value where there is one.",
    "clusters_": "t-SNE, coloured by length, by class where it is known, and by the clusters of each method.",
    "confusion_": "Confusion of the selected runs, or of the first ok run of a method without a loss.",
    "loss_": "Loss of every run; the selected one is drawn bold.",
}


def write_appendix(job, tables, figures, folder):
    """Write the appendix of `job`, a slice of the config made by `workflow.jobs.report_job`, into `folder`.

    Parameters
    ----------
    job : dict
    tables, figures : str or Path
        Folders that `reports.reading.write_report` wrote.
    folder : str or Path
        ``appendix.pdf`` is there too where pdflatex is installed and finds all that it needs; a line says what not.
    """
    name_rows(job["methods"])
    tables, figures, folder, source = Path(tables), Path(figures), Path(folder), Path(job["folder"])
    records = read_records([source / file for file in job["files"]])
    sheets = {name: load_sheet(source, name) for name in job["datasets"]}
    summary = pd.read_csv(tables / "summary.csv")
    for file in sorted(tables.glob("*.tex")):
        copy(file, folder / "tables" / file.name)
    for file in sorted(figures.glob("*.pdf")):
        copy(file, folder / "figures" / file.name)
    write_text(folder / "tables/failures.tex", latex.table(failures(records)))
    write_text(folder / "tables/environment.tex", latex.table(environment(records)))
    for name, sheet in sheets.items():
        write_text(folder / f"tables/sheet_{name}.tex", latex.table(sheet_table(sheet)))
    write_text(folder / "deviations.tex", deviations(job["methods"]))
    write_text(folder / "numbers.tex", definitions(numbers(job, records, summary, sheets)))
    found = {kind: {file.stem for file in (folder / kind).iterdir()} for kind in ("tables", "figures")}
    write_text(folder / "appendix.tex", text(job, summary, sheets, found["tables"], found["figures"]))
    if shutil.which("pdflatex") is None:
        print(f"no pdflatex here: {folder}/appendix.tex is written, appendix.pdf is not")
        return
    try:
        compile_pdf(folder)
    except ValueError as refusal:
        print(f"{refusal}; appendix.tex is written, appendix.pdf is not")


def copy(file, place):
    """Copy a file, making the folders on its way."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, place)


def macro(*names):
    """Name of the macro of a number, letters only: ``rddc``, ``none``, ``accuracy`` to ``RddcNoneAccuracy``."""
    words = re.findall("[a-z]+|[0-9]", "_".join(names).lower())
    return "".join(DIGITS[int(word)] if word.isdecimal() else word.capitalize() for word in words)


def numbers(job, records, summary, sheets):
    """Every number and name that the text may use.

    Parameters
    ----------
    job : dict
    records : list of dict
    summary : DataFrame
        ``tables/summary.csv``.
    sheets : dict of str to dict

    Returns
    -------
    dict of str to str
        Name of the macro, as `macro` makes it, to what it stands for.
    """
    values = of_all(job, records, summary)
    for name in dict.fromkeys([*summary.method, *summary.vectorization, *summary.dataset, *sheets]):
        values[name, "name"] = title(name)
    for name, sheet in sheets.items():
        values |= {(name, field): value for field, value in of_sheet(sheet).items()}
    for row in summary.to_dict("records"):
        cell = tuple(row[field] for field in CELL)
        values |= {(*cell, field): value for field, value in of_cell(row).items()}
    made = {macro(*names): str(value) for names, value in values.items()}
    if len(made) < len(values):
        names = [macro(*names) for names in values]
        raise ValueError(f"two numbers of the appendix are called {next(x for x in names if names.count(x) > 1)}")
    return made


def of_all(job, records, summary):
    """Names to numbers of all runs and cells together."""
    ends = Counter(record["status"] == "ok" for record in records)
    seconds = sum(record["cost"]["seconds"] for record in records)
    return {
        ("reading",): job["reading"].replace("_", " "),
        ("all", "runs"): f"{len(records):,}",
        ("ok", "runs"): f"{ends[True]:,}",
        ("failed", "runs"): f"{ends[False]:,}",
        ("training", "hours"): f"{seconds / 3600:.1f}",
        ("all", "cells"): len({tuple(record[field] for field in CELL) for record in records}),
        ("compared", "cells"): int(summary.published_accuracy.notna().sum()),
        **{(name, "cells"): count for name, count in verdict.counts(summary, "verdict").items()},
        ("judged", "cells"): int(summary.published_nmi.notna().sum()),
        ("missing", "cells"): int((summary.published_accuracy.notna() & (summary.verdict == "not comparable")).sum()),
        **{("nmi", name, "cells"): count for name, count in verdict.counts(summary, "verdict_nmi").items()},
        ("chance", "cells"): int((verdict.by_chance(summary) & (summary.verdict != "not comparable")).sum()),
    }


def of_sheet(sheet):
    """Name to number of a data set."""
    return {
        "sequences": f"{sheet['n']:,}",
        "dimensions": f"{sheet['dimensions']:,}",
        "classes": len(sheet["classes"]),
        "shortest": f"{sheet['lengths']['min']:,}",
        "longest": f"{sheet['lengths']['max']:,}",
        "median": f"{sheet['lengths']['median']:,g}",
        **{split: f"{sheet['split_sizes'][split]:,}" for split in SPLITS},
    }


def of_cell(row):
    """Name to number of a row of the summary."""
    scores = [f"{of}{score.name}" for of in ("", "published_") for score in SCORES]
    scores += [f"{name}_{end}" for name in verdict.JUDGED for end in ("low", "high")]
    shown = {score: number(row[score]) for score in scores}
    told = {"verdict": row["verdict"], "verdict_nmi": row["verdict_nmi"]}
    return shown | {"ok": int(row["n_ok"]), "runs": int(row["n"])} | told


def definitions(values):
    """``numbers.tex``: a line for every macro."""
    return "".join(f"\\newcommand{{\\{name}}}{{{latex.escape(value)}}}\n" for name, value in values.items())


def use(*names):
    """A macro in the text."""
    return f"\\{macro(*names)}{{}}"


def text(job, summary, sheets, tables, figures):
    """``appendix.tex``.

    Parameters
    ----------
    job : dict
    summary : DataFrame
    sheets : dict of str to dict
    tables, figures : set of str
        Names of the files without their endings.

    Returns
    -------
    str
    """

    def table(name):
        return f"\\input{{tables/{name}}}" if name in tables else ""

    def picture(name, kind):
        return f"\\onefigure{{{name}}}{{{PICTURES[kind]}}}" if name in figures else ""

    def section(heading, *pieces):
        return [f"\\room\\section{{{heading}}}", *pieces]

    pictures = [picture(name, name) for name in ("figure2", "figure3")]
    failed = table("failures") if len(summary) and (summary.n_ok < summary.n).any() else "All runs are ok."
    parts = [
        PREAMBLE + "\\input{numbers}\n\\begin{document}\n\\appendix",
        *section("Results", *results(summary), table("table1")),
    ]
    methods = without_controls(job, summary)
    for name, sheet in sheets.items():
        parts += [f"\\room\\subsection{{{use(name, 'name')}}}", described(name, sheet), best(methods, name)]
        of_dataset = [picture(f"{kind}{name}", kind) for kind in ("strips_", "clusters_", "confusion_", "loss_")]
        parts += [*of_dataset, table(f"detail_{name}")]  # which may lie across a page of its own
    parts += [
        *(section("The published figures", *pictures) if any(pictures) else []),
        *(section("Indices that need no labels", table("indices")) if "indices" in tables else []),
        *section("How much is selection", table("selection")),
        *section("Against the controls", table("controls")),
        *section("Seed by seed", table("paired")),
        *section("Runs that are not ok", failed),
        *section("Budgets", table("budgets")),
        *section("Settings and their sources", table("settings")),
        *section("Methods and deviations", "What the source of each method says about itself.", "\\input{deviations}"),
        *section("Data sheets"),
    ]
    for name in sheets:
        parts += [f"\\room\\subsection{{{use(name, 'name')}}}", table(f"sheet_{name}")]
    parts += [*section("Environment", table("environment")), "\\end{document}"]
    return "\n\n".join(filter(None, parts)) + "\n"


def results(summary):
    """What there is and what it says about the paper, down to the heading of Table 1."""
    published = summary.published_accuracy.notna().any()
    return [
        f"The reading of the paper is called \\emph{{{use('reading')}}}. There are {use('all', 'runs')} runs in"
        f" {use('all', 'cells')} cells of a method, an input and a data set. Ok: {use('ok', 'runs')};"
        f" not ok, and listed below: {use('failed', 'runs')}. Training took {use('training', 'hours')} hours, summed"
        " over the runs.",
        verdicts(summary),
        f"\\room\\subsection{{{'The published Table 1 and ours' if published else 'All data sets side by side'}}}",
    ]


def without_controls(job, summary):
    """The rows of the summary that are methods."""
    apart = set(map(tuple, job["controls"]))
    cells = zip(*map(summary.get, CELL[:2]), strict=True)
    return summary[[cell not in apart and cell[1] != verdict.FROM_LABELS for cell in cells]]


def verdicts(summary):
    """The verdicts of all cells with a published number, as `reports.verdict.headline` says them."""
    if (summary.verdict == "not comparable").all():
        return "There is no cell with both a published number and an ok run."

    def told(score, cells, *of):
        each = ", ".join(f"{use(*of, name, 'cells')} {name}" for name in verdict.VERDICTS)
        return f"{score}, of {use(cells, 'cells')} cells with a published number: {each}."

    missing = f"Of {use('missing', 'cells')} of them no run is ok."
    chance = f"In {use('chance', 'cells')} cells the published ACC is one that a random clustering gives."
    return " ".join([told("ACC", "compared"), told("NMI", "judged", "nmi"), missing, chance])


def described(name, sheet):
    """A sentence about a data set."""
    classes = f" in {use(name, 'classes')} classes" if sheet["classes"] else ", without labels"
    return (
        f"{use(name, 'sequences')} sequences of {use(name, 'dimensions')} dimensions{classes}; their lengths are"
        f" {use(name, 'shortest')} to {use(name, 'longest')}, the median {use(name, 'median')}. Training,"
        f" validation and test split have {use(name, 'train')}, {use(name, 'validation')} and {use(name, 'test')}"
        " sequences."
    )


def best(summary, name):
    """A sentence about the highest accuracy by the paper's protocol on a data set; empty without any."""
    scored = summary[(summary.dataset == name) & summary.accuracy.notna()]
    if scored.empty:
        return ""
    row = scored.loc[scored.accuracy.idxmax()]
    cell = tuple(row[field] for field in CELL)
    sentence = (
        f"The highest accuracy by the paper's protocol is {use(*cell, 'accuracy')} ({use(row.method, 'name')},"
        f" {use(row.vectorization, 'name')}; prediction interval {use(*cell, 'accuracy_low')} to"
        f" {use(*cell, 'accuracy_high')}; {use(*cell, 'ok')} of {use(*cell, 'runs')} runs ok)"
    )
    if pd.isna(row.published_accuracy):
        return f"{sentence}; there is no published number for this cell."
    return f"{sentence}; the published one of this cell is {use(*cell, 'published_accuracy')}: {use(*cell, 'verdict')}."


def sheet_table(sheet):
    """A data set's sheet, a line a field; a user's identifiers are left out."""

    def told(value):
        if isinstance(value, dict):
            return ", ".join(f"{key}: {told(inner)}" for key, inner in value.items()) or "–"
        return ", ".join(map(str, value)) or "–" if isinstance(value, list) else str(value)

    rows = [(field.replace("_", " "), told(value)) for field, value in sheet.items() if field != "identifiers"]
    return pd.DataFrame(rows, columns=["field", "value"])


def failures(records):
    """Runs that are not ok, a line for each cell, status and reason; the report's own table has a line a run."""
    found = {}
    for record in records:
        if record["status"] != "ok":
            cell = (*(title(record[name]) for name in CELL), record["status"], record["reason"])
            found.setdefault(cell, []).append(record["split"])
    columns = ["method", "input", "data set", "status", "reason", "runs", "splits"]
    return pd.DataFrame([(*cell, len(s), len(set(s))) for cell, s in found.items()], columns=columns).astype(str)


def environment(records):
    """What the runs noted about code, packages and machine, a line a value; of data that of split 0."""
    rows = []
    for record in records:
        noted = record["provenance"]
        rows += [("commit", f"{noted['git']['sha'] or 'no checkout'}{', with changes' * bool(noted['git']['dirty'])}")]
        rows += [(name, str(noted[name])) for name in ("device", "backend", "threads")]
        rows += sorted(noted["versions"].items())
        if record["split"] == 0:
            rows += [(f"data of {title(record['dataset'])}, split 0", noted["data_digest"])]
        rows += [(f"source of {title(record['method'])}", noted["source_digest"])]
    kinds = dict.fromkeys(kind for kind, _ in rows)
    found = dict.fromkeys(rows)
    return pd.DataFrame([row for kind in kinds for row in found if row[0] == kind], columns=["of", "value"])


def deviations(methods):
    """``deviations.tex``: the docstring of every method's file, as it stands there, and how its rows differ from it."""
    parts = []
    for method in dict.fromkeys(said["algorithm"] for said in methods.values()):
        tree = ast.parse((METHODS / f"{method}.py").read_text(encoding="utf-8"))
        parts += [subsection(method), latex.docstring(ast.get_docstring(tree) or "Nothing.")]
        for row, said in methods.items():
            if row != method == said["algorithm"]:
                parts += [subsection(row), latex.escape(difference(said)) + "\n"]
    return "\n".join(parts)


def complaint(said):
    """The first complaint in what pdflatex says, and which package it misses where it is for want of one."""
    lines = said.replace("\n(Font)", " ").splitlines()
    first = next((line for line in lines if line.startswith("!")), "it says nothing")
    if found := re.search(r"File [`']([\w.-]+)' not found", first):
        return f"{first} (package {Path(found[1]).stem} is missing)"
    if "TFM" in first:
        return f"{first} (the fonts of package psnfss, which has Times, are missing; Debian: texlive-fonts-recommended)"
    return first


def difference(said):
    """How a row differs from its method, as `workflow.rows.described` tells it; the settings are those of the row."""
    own = [f"{name} {value}" for name, value in said["settings"].items() if name in said["own"]]
    for dataset, settings in said["datasets"].items():
        own += [f"{name} {value} on {title(dataset)}" for name, value in settings.items() if name in said["own"]]
    told = f"{title(said['algorithm'])} with {'; '.join(own)}." if own else ""
    return " ".join(filter(None, (said["reason"], told)))


def subsection(row):
    """Heading of what is said of a row."""
    return f"\\room\\subsection{{{latex.escape(title(row))}}}\n"


def compile_pdf(folder):
    """Make ``appendix.pdf`` of a folder's ``appendix.tex``, the same bytes each time.

    Returns
    -------
    str
        The log of pdflatex.

    Raises
    ------
    ValueError
        When pdflatex refuses the text, with its first complaint.
    """
    dated = {"SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1"}
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "appendix.tex"]
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(folder, place, dirs_exist_ok=True)
        for _ in range(2):  # the second finds the columns of long tables where the first left them
            finished = subprocess.run(
                command, cwd=place, env=os.environ | dated, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
            said = finished.stdout.decode(errors="replace")
            if finished.returncode:
                raise ValueError(f"{folder}/appendix.tex: pdflatex: {complaint(said)}")
        with whole_file(Path(folder, "appendix.pdf")) as temporary:
            shutil.copyfile(Path(place, "appendix.pdf"), temporary)
        return Path(place, "appendix.log").read_text(errors="replace")
