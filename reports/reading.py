"""One reading's report: reads records and data, writes tables, figures and the page. It never trains."""

from pathlib import Path

from datasets.storage import write_text
from methods.base import load_method
from runs.results import frame, read_records

from . import answer, controls, latex, paired, tables, verdict
from .agreement import agreement, ok_runs, read_halves
from .chosen import chosen_seeds, clusters_of, sureness, write_clusters
from .data import load_data
from .embedding import plane
from .indices import INDICES, index_table, measure
from .origins import write_list
from .pictures import write_figures
from .reasons import unreproduced
from .sections import render
from .settings import settings_of_rows, settings_table, sources_of
from .statistics import summarise


def write_report(job, page_path, tables_folder, figures_folder, clusters_folder, beside):
    """Write everything that `job`, a slice of the config made by `workflow.jobs.report_job`, asks for.

    `beside` is a `concurrent.futures.Executor` for t-SNE, which is half of the work and waits for nothing else.
    """
    tables.name_rows(job["methods"])
    folder, names = Path(job["folder"]), job["datasets"]
    for made in (tables_folder, figures_folder, clusters_folder):
        Path(made).mkdir(parents=True, exist_ok=True)  # where no run is ok, one stays empty, and Snakemake looks for it
    files = [folder / file for file in job["files"]]
    records = read_records(files)
    rank = {row: place for place, row in enumerate(map(tuple, job["rows"]))}
    records.sort(key=lambda record: rank[record["method"], record["vectorization"]])
    apart = set(map(tuple, job["controls"]))
    summary = summarise(records, job["reading"], job["selection"], job["scored"], job["published"], apart)
    data = {name: load_data(folder, name) for name in names}
    planes = {name: beside.submit(plane, of.sequences, name) for name, of in data.items()}
    sheets = {name: of.sheet for name, of in data.items()}
    labels = {name: of.labels_of(job["scored"]) for name, of in data.items()}
    asked = {name: of.n_clusters for name, of in data.items()}
    ran, summary = summary, controls.with_labels(summary, labels, asked)
    every, chosen = clusters_of(files), chosen_seeds(job, records)
    clusters = {(*row, name): every(name, *row, 0, seed) for (*row, name), seed in chosen.items()}
    found = ok_runs(records, every)
    agreed = {cell: agreement(list(runs.values())) for cell, runs in found.items()}
    sure = sureness(data, clusters, found, chosen, every)
    write_clusters(clusters_folder, data, clusters, sure)
    measured = measure(data, clusters, agreed, read_halves(folder, job["halves"]))
    written = write_tables(job, records, every, summary, labels, sheets, measured, agreed, Path(tables_folder))
    pictures, drawn = write_figures(job, records, data, planes, chosen, clusters, ran, Path(figures_folder))
    written["footnotes"]["results"] = unscored(sheets, labels, job["scored"])
    answers = (
        []
        if summary.published_accuracy.notna().any()
        else answer.all_answers(records, summary, data, clusters, agreed, sure, measured, written["compared"])
    )
    drawn |= {name: figure for one in answers for name, figure in one.figures.items()}
    write_text(page_path, render(job, records, summary, written, pictures, drawn, answers))


def unscored(sheets, labels, scored):
    """A sentence for every data set without scores, with the reason."""
    none = [name for name, known in labels.items() if not (known >= 0).any()]
    why = {True: f"no sequence with a label is in the {scored} split", False: "there are no labels"}
    return [f"{tables.title(name)}: nothing is scored, because {why[bool(sheets[name]['classes'])]}." for name in none]


def write_tables(job, records, clusters, summary, labels, sheets, measured, agreed, folder):
    """Tables as Markdown, CSV and LaTeX; returns name to table of strings."""
    names = job["datasets"]
    runs = frame(records, job["scored"])
    apart = set(map(tuple, job["controls"]))
    methods = [row for row in map(tuple, job["rows"]) if row not in apart]
    deterministic = {row for row, said in job["methods"].items() if load_method(said["algorithm"]).deterministic}
    compared = controls.against(runs, clusters, labels, job["selection"], apart)
    indices = index_table(measured)

    def with_agreed(detail, name):
        return tables.with_agreement(detail, summary, name, agreed)

    made = {
        "table1": tables.table1(summary, names, job["skip"]),
        **{f"detail_{name}": with_agreed(tables.detailed(summary, name), name) for name in names},
        **({"unreproduced": unreproduced(summary, job["published"])} if job["published"] else {}),
        "selection": tables.selection_table(summary),
        "choice": tables.choice_table(runs, summary),
        "controls": controls.comparison_table(compared),
        "paired": paired.paired_table(runs, methods, deterministic),
        "budgets": tables.budgets(summary),
        "failures": tables.failures(records),
        **({} if indices.empty else {"indices": indices}),
        "data": tables.data_sheets(sheets.values()),
        "settings": settings_table(settings_of_rows(job, sheets), sources_of(job["methods"])),
    }
    below = {
        "table1": [
            *tables.footnotes(summary, records, names, job["skip"], job["selection"], job["scored"]),
            *controls.explained(summary),
            *tables.shares(sheets),
            *tables.averages(sheets),
            *tables.where_from(summary, job["published"]),
        ],
        "choice": [tables.CHANCES],
        "selection": [tables.enough_runs(summary), tables.SELECTION],
        "controls": controls.said(compared) + controls.RULES,
        "paired": paired.explained(methods, len(names)),
        "indices": [INDICES],
    }
    for name, strings in made.items():
        notes = below.get(name, [])
        write_text(folder / f"{name}.md", tables.markdown(strings, notes))
        write_text(folder / f"{name}.csv", strings.to_csv(index=False, lineterminator="\n"))
        write_text(folder / f"{name}.tex", latex.table(tables.filled(strings), notes))
    write_text(folder / "summary.csv", verdict.summary_csv(summary))
    write_list(folder, job["files"])
    return made | {"footnotes": below, "compared": compared}
