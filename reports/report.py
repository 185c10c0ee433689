"""One reading's report: reads records and data, writes tables, figures and the page. It never trains."""

import inspect
import json
from pathlib import Path

import yaml

from datasets.prepare import settings_of
from datasets.sequences import SPLITS, Sequences
from datasets.storage import write_text
from methods.base import load_method

from . import figures, tables, verdict
from .page import image, notes, page, table
from .records import RUN, frame, read_clusters, read_records

SOURCES = Path(__file__).parents[1] / "config" / "sources.yaml"


def write_report(job, page_path, tables_folder, figures_folder):
    """Write everything that `job`, a slice of the config made by `workflow.plan.report_job`, asks for."""
    folder, names = Path(job["folder"]), job["run"]["datasets"]
    files = [folder / file for file in job["files"]]
    records = read_records(files)
    rank = {name: place for place, name in enumerate([*job["run"]["methods"], *job["run"]["vectorizations"], "none"])}
    records.sort(key=lambda record: (rank[record["method"]], rank[record["vectorization"]]))
    summary = tables.summarise(records, job["reading"], job["selection"], job["scored"], job["published"])
    sheets = {name: json.loads((folder / "data" / f"{name}.json").read_text()) for name in names}
    written = write_tables(job, records, summary, sheets, Path(tables_folder))
    pictures = write_figures(job, records, files, summary, sheets, Path(figures_folder))
    write_text(page_path, render(job, records, summary, sheets, written, pictures))


def write_tables(job, records, summary, sheets, folder):
    """Tables as Markdown, CSV and LaTeX; returns name to table of strings."""
    names = job["run"]["datasets"]
    n_scored = {name: sheets[name]["split_sizes"][job["scored"]] for name in names}
    made = {
        "table1": tables.table1(summary, names, job["skip"]),
        **{f"detail_{name}": tables.detailed(summary, name, n_scored[name]) for name in names},
        "selection": tables.selection_table(summary),
        "budgets": tables.budgets(summary),
        "failures": tables.failures(records),
        "data": tables.data_sheets(sheets.values()),
        "settings": tables.settings_table(settings_used(job, sheets), yaml.safe_load(SOURCES.read_text()) or {}),
    }
    below = tables.footnotes(summary, records, names, job["skip"], job["selection"], job["scored"])
    for name, strings in made.items():
        notes = below if name == "table1" else []
        write_text(folder / f"{name}.md", tables.markdown(strings, notes))
        write_text(folder / f"{name}.csv", strings.to_csv(index=False, lineterminator="\n"))
        write_text(folder / f"{name}.tex", tables.latex(strings, notes))
    write_text(folder / "summary.csv", verdict.summary_csv(summary))
    return made | {"footnotes": below}


def settings_used(job, sheets):
    """Settings of every data set and method that ran, defaults included."""
    used = {}
    for name, sheet in sheets.items():
        used[f"datasets.{name}"] = {key: sheet["settings"].get(key, value) for key, value in settings_of(name).items()}
    for name in job["run"]["methods"]:
        parameters = inspect.signature(load_method(name)).parameters.values()
        section = job["methods"][name]
        own = {p.name: p.default for p in parameters if p.name not in ("n_clusters", "random_state", "device")}
        used[f"methods.{name}"] = own | section.get("settings", {})
        for dataset in section.get("datasets", {}).keys() & sheets.keys():
            used[f"methods.{name}, {dataset}"] = section["datasets"][dataset]
    return used


def write_figures(job, records, files, summary, sheets, folder):
    """All figures; returns a list of (PNG path, caption)."""
    pictures = []

    def keep(name, figure, caption):
        if figure is not None:
            figures.save(figure, folder / name)
            pictures.append((folder / f"{name}.png", caption))

    runs = frame(records, job["scored"])
    chosen = {}
    for cell, group in runs.groupby(tables.CELL, sort=False):
        index = tables.select(group, job["selection"])
        if index is None:
            ok = group.index[group.status == "ok"]
            index = ok[0] if len(ok) else None
        if index is not None:
            chosen[cell] = int(runs.seed[index])
    places = {tuple(record[field] for field in RUN[1:]): path for path in files for record in read_records([path])}

    def clusters(dataset, method, how):
        seed = chosen.get((method, how, dataset))
        return None if seed is None else read_clusters(places[dataset, method, how, seed], seed)

    for dataset in job["run"]["datasets"]:
        sequences = Sequences.load(Path(job["folder"]) / "data" / f"{dataset}.npz")
        classes, name = sheets[dataset]["classes"], tables.title(dataset)
        if dataset == job["figures"]["dataset"]:
            kmeans, rddc = clusters(dataset, "kmeans", "avg"), clusters(dataset, "rddc", "none")
            keep(
                "figure2",
                figures.figure2(sequences, dataset, kmeans, rddc, classes),
                f"Figure 2: t-SNE of the time averages of {name}.",
            )
            keep(
                "figure3",
                figures.figure3(sequences, dataset, rddc, classes, job["figures"]["length_range"]),
                f"Figure 3: the same for sequences of about one length, cropped; k-means refitted on them ({name}).",
            )
        shown = sequences.split == SPLITS.index(job["scored"])
        cells = [
            (
                f"{tables.title(method)}, {tables.title(how)}",
                sequences.labels[shown],
                clusters(where, method, how)[shown],
            )
            for method, how, where in chosen
            if where == dataset
        ]
        own = summary[summary.dataset == dataset]
        keep(f"strips_{dataset}", figures.strips(own, runs[runs.dataset == dataset]), f"{name}: accuracy of every run.")
        if cells:
            caption = f"{name}: confusion of the selected runs, or of the first ok run of a method without a loss."
            keep(f"confusion_{dataset}", figures.confusion(cells, classes), caption)
        selected = {(method, how, seed) for (method, how, where), seed in chosen.items() if where == dataset}
        curves = figures.loss_curves([r for r in records if r["dataset"] == dataset], selected)
        keep(f"loss_{dataset}", curves, f"{name}: loss of every run.")
    return pictures


def headline(records, summary, n_test):
    """What there is, and what it says about the paper."""
    ok = sum(record["status"] == "ok" for record in records)
    return f"{len(records)} runs, {ok} of them ok, in {len(summary)} cells. {verdict.headline(summary, n_test)}"


def commit(state):
    """Commit of a record, and whether the files differed from it."""
    return f"{(state['sha'] or 'no checkout')[:12]}{' with changes' if state['dirty'] else ''}"


def render(job, records, summary, sheets, written, pictures):
    """The page."""
    n_scored = {name: sheet["split_sizes"][job["scored"]] for name, sheet in sheets.items()}

    def shown(*stems):
        return [image(path, caption) for path, caption in pictures if path.stem in stems]

    def of_dataset(name):
        return shown(*(f"{kind}_{name}" for kind in ("strips", "confusion", "loss")))

    def said(of):
        return ", ".join(sorted({str(of(record["provenance"])) for record in records}))

    versions = said(lambda p: " ".join(f"{name} {number}" for name, number in sorted(p["versions"].items())))
    provenance = [
        f"Commit: {said(lambda p: commit(p['git']))}.",
        f"Versions: {versions}.",
        f"Device: {said(lambda p: p['device'])}; arithmetic: {said(lambda p: p['backend'])}; threads a run:"
        f" {said(lambda p: p['threads'])}.",
    ]
    sections = [
        ("Ours beside the paper's", [table(written["table1"]), notes(written["footnotes"])]),
        ("The paper's figures", shown("figure2", "figure3")),
        *[
            (tables.title(name), [table(written[f"detail_{name}"]), *of_dataset(name)])
            for name in job["run"]["datasets"]
        ],
        ("How to read the verdicts", [notes(verdict.RULES)]),
        ("How much is selection", [table(written["selection"]), notes([tables.SELECTION])]),
        ("Runs that are not ok", [table(written["failures"])]),
        ("Data", [table(written["data"])]),
        ("Budgets", [table(written["budgets"])]),
        ("Settings and their sources", [table(written["settings"])]),
        ("Provenance", [notes(provenance)]),
    ]
    return page(f"Sequence clustering, reading “{job['reading']}”", headline(records, summary, n_scored), sections)
