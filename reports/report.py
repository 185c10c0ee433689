"""One reading's report: reads records and data, writes tables, figures and the page. It never trains."""

import inspect
from pathlib import Path

import pandas as pd
import yaml

from datasets.storage import write_text
from methods.base import load_method
from runs.records import RUN, commit, frame, read_clusters, read_records
from runs.scores import accuracy

from . import controls, figures, latex, own, paired, plots, tables, verdict
from .data import load_data
from .page import forest, grid, image, notes, page, plot, table

CELL = ("data set", "method", "input")
SORTING = "A click on a heading sorts by it, a second reverses, a third takes it back."
FOREST = "Charts: accuracy from 0 to 1."
FILES = "In the folders beside this page: clusters of every sequence by its identifier, tables, figures for print."
GRIDS = {
    "confusion": "Confusion of the selected run, or of the first ok run of a method without a loss: a row is a class, a"
    " column the cluster that stands for it.",
    "loss": "Loss of every run; bold: the selected one, dashed and crossed: not ok.",
}
SOURCES = Path(__file__).parents[1] / "config" / "sources.yaml"


def write_report(job, page_path, tables_folder, figures_folder, clusters_folder, beside):
    """Write everything that `job`, a slice of the config made by `workflow.jobs.report_job`, asks for.

    `beside` is a `concurrent.futures.Executor` for t-SNE, which is half of the work and waits for nothing else.
    """
    folder, names = Path(job["folder"]), job["run"]["datasets"]
    for made in (tables_folder, figures_folder, clusters_folder):
        Path(made).mkdir(parents=True, exist_ok=True)  # where no run is ok, one stays empty, and Snakemake looks for it
    files = [folder / file for file in job["files"]]
    records = read_records(files)
    rank = {row: place for place, row in enumerate(map(tuple, job["rows"]))}
    records.sort(key=lambda record: rank[record["method"], record["vectorization"]])
    summary = tables.summarise(
        records, job["reading"], job["selection"], job["scored"], job["published"], control_rows(job)
    )
    data = {name: load_data(folder, name) for name in names}
    planes = {name: beside.submit(figures.plane, of.sequences, name) for name, of in data.items()}
    sheets = {name: of.sheet for name, of in data.items()}
    labels = {name: of.labels_of(job["scored"]) for name, of in data.items()}
    ran, summary = summary, controls.with_labels(summary, labels, {r["dataset"]: r["n_clusters"] for r in records})
    every, chosen = clusters_of(files), chosen_seeds(job, records)
    clusters = {(*row, name): every(name, *row, seed) for (*row, name), seed in chosen.items()}
    own.write_clusters(clusters_folder, data, clusters)
    indices = own.index_table(data, clusters)
    written = write_tables(job, records, every, summary, labels, sheets, indices, Path(tables_folder))
    pictures, drawn = write_figures(job, records, data, planes, chosen, clusters, ran, Path(figures_folder))
    written["unscored"] = unscored(sheets, labels, job["scored"])
    write_text(page_path, render(job, records, summary, sheets, written, pictures, drawn))


def control_rows(job):
    """The controls among the rows, (method, vectorization)."""
    return {(control["method"], control["input"]) for control in job["run"]["controls"]}


def unscored(sheets, labels, scored):
    """A sentence for every data set without scores, with the reason."""
    none = [name for name, known in labels.items() if not (known >= 0).any()]
    why = {True: f"no sequence with a label is in the {scored} split", False: "there are no labels"}
    return [f"{tables.title(name)}: nothing is scored, because {why[bool(sheets[name]['classes'])]}." for name in none]


def clusters_of(files):
    """Function of a run (data set, method, vectorization, seed) to the clusters of all sequences, None without any."""
    places = {tuple(record[field] for field in RUN[1:]): path for path in files for record in read_records([path])}
    return lambda *run: read_clusters(places[run], *run[-2:])


def chosen_seeds(job, records):
    """(method, vectorization, dataset) to the seed of the lowest loss, or to the first ok one without a loss."""
    runs, chosen = frame(records, job["scored"]), {}
    for cell, group in runs.groupby(tables.CELL, sort=False):
        index = tables.select(group, job["selection"])
        if index is None:
            ok = group.index[group.status == "ok"]
            index = ok[0] if len(ok) else None
        if index is not None:
            chosen[cell] = int(runs.seed[index])
    return chosen


def write_tables(job, records, clusters, summary, labels, sheets, indices, folder):
    """Tables as Markdown, CSV and LaTeX; returns name to table of strings."""
    names = job["run"]["datasets"]
    n_scored = {name: sheets[name]["split_sizes"][job["scored"]] for name in names}
    runs = frame(records, job["scored"])
    methods = [tuple(row) for row in job["rows"] if tuple(row) not in control_rows(job)]
    deterministic = {name for name in job["run"]["methods"] if load_method(name).deterministic}
    compared = controls.against(runs, clusters, labels, job["selection"], control_rows(job))
    made = {
        "table1": tables.table1(summary, names, job["skip"]),
        **{f"detail_{name}": tables.detailed(summary, name, n_scored[name]) for name in names},
        "selection": tables.selection_table(summary),
        "controls": controls.comparison_table(compared),
        "paired": paired.paired_table(runs, methods, deterministic),
        "budgets": tables.budgets(summary),
        "failures": tables.failures(records),
        **({} if indices.empty else {"indices": indices}),
        "data": tables.data_sheets(sheets.values()),
        "settings": tables.settings_table(settings_used(job, sheets), yaml.safe_load(SOURCES.read_text()) or {}),
    }
    below = tables.footnotes(summary, records, names, job["skip"], job["selection"], job["scored"])
    below = {
        "table1": below + controls.explained(summary),
        "selection": [tables.enough_runs(summary), tables.SELECTION],
        "controls": controls.said(compared) + controls.RULES,
        "paired": paired.explained(methods, len(names)),
        "indices": [own.INDICES],
    }
    for name, strings in made.items():
        notes = below.get(name, [])
        write_text(folder / f"{name}.md", tables.markdown(strings, notes))
        write_text(folder / f"{name}.csv", strings.to_csv(index=False, lineterminator="\n"))
        write_text(folder / f"{name}.tex", latex.table(strings, notes))
    write_text(folder / "summary.csv", verdict.summary_csv(summary))
    return made | {"footnotes": below}


def settings_used(job, sheets):
    """Settings of every data set and method that ran, defaults included."""
    used = {}
    for name, sheet in sheets.items():
        used[f"datasets.{name}"] = sheet["settings"]
    for name in job["methods"]:
        parameters = inspect.signature(load_method(name)).parameters.values()
        section = job["methods"][name]
        own = {p.name: p.default for p in parameters if p.name not in ("n_clusters", "random_state", "device")}
        used[f"methods.{name}"] = own | section.get("settings", {})
        for dataset in section.get("datasets", {}).keys() & sheets.keys():
            used[f"methods.{name}, {dataset}"] = section["datasets"][dataset]
    return used


def write_figures(job, records, data, planes, chosen, chosen_found, summary, folder):
    """All figures: those for print as files, those of the page as what it draws.

    Returns
    -------
    pictures : list of (Path, str)
        PNG and caption.
    drawn : dict of str to (str, dict)
        Name to caption and figure of `reports.plots`.
    """
    pictures, drawn = [], {}

    def keep(name, figure, caption):
        if figure is not None:
            figures.save(figure, folder / name)
            pictures.append((folder / f"{name}.png", caption))

    runs = frame(records, job["scored"])

    def clusters(dataset, method, how):
        return chosen_found.get((method, how, dataset))

    for dataset in job["run"]["datasets"]:
        of, name = data[dataset], tables.title(dataset)
        classes = of.sheet["classes"]
        place, points = planes[dataset].result()
        seen = f"t-SNE of {len(place):,} sequences ({tables.title(figures.embedded_input(of.sequences))})"
        if dataset == job["figures"]["dataset"]:
            kmeans, rddc = clusters(dataset, "kmeans", "avg"), clusters(dataset, "rddc", "none")
            keep(
                "figure2",
                figures.figure2(of, place, points, kmeans, rddc),
                f"Figure 2: {name}, {seen}.",
            )
            keep(
                "figure3",
                figures.figure3(of, dataset, rddc, job["figures"]["length_range"]),
                f"Figure 3: the same for sequences of about one length, cropped; k-means refitted on them ({name}).",
            )
        found = {(method, how): clusters(where, method, how) for method, how, where in chosen if where == dataset}
        names = {cell: ", ".join(map(tables.title, cell)) for cell in found}
        labels = of.labels_of(job["scored"])
        shown = labels >= 0
        cells = [(names[cell], labels[shown], found[cell][shown]) for cell in found if shown.any()]
        its, its_runs = summary[summary.dataset == dataset], runs[runs.dataset == dataset]
        if classes:
            keep(f"strips_{dataset}", figures.strips(its, its_runs), f"{name}: accuracy of every run.")
            drawn[f"strips/{dataset}"] = "Accuracy of every run", plots.strips(its, its_runs)
        ways = {names[cell]: clustering for cell, clustering in found.items()}
        if own.is_own(of.sheet):
            keep(f"clusters_{dataset}", own.panels(of, place, points, ways), f"{name}: {seen}.")
        drawn[f"scatter/{dataset}"] = seen, plots.scatter(of, place, points, ways)
        if cells:
            caption = f"{name}: confusion of the selected runs, or of the first ok run of a method without a loss."
            keep(f"confusion_{dataset}", figures.confusion(cells, classes), caption)
        for (cell, labels, predicted), (method, how) in zip(cells, found, strict=False):
            caption = f"{cell}: seed {chosen[method, how, dataset]}, ACC {accuracy(labels, predicted):.2f}"
            drawn[f"confusion/{dataset}/{method}/{how}"] = caption, plots.confusion(labels, predicted, classes)
        selected = {(*cell, chosen[*cell, dataset]) for cell in found}
        here = [record for record in records if record["dataset"] == dataset]
        keep(f"loss_{dataset}", figures.loss_curves(here, selected), f"{name}: loss of every run.")
        for method, how in dict.fromkeys((record["method"], record["vectorization"]) for record in here):
            block = [record for record in here if (record["method"], record["vectorization"]) == (method, how)]
            n_ok = sum(record["status"] == "ok" for record in block)
            caption = f"{tables.title(method)}, {tables.title(how)}: {n_ok}/{len(block)} ok"
            curves = plots.loss_curves(block, chosen.get((method, how, dataset)))
            drawn[f"loss/{dataset}/{method}/{how}"] = caption, curves
    return pictures, {name: (caption, figure) for name, (caption, figure) in drawn.items() if figure is not None}


def headline(records, summary, n_test):
    """What there is, and what it says about the paper where a number of one of these cells is published."""
    ok = sum(record["status"] == "ok" for record in records)
    cells = len({tuple(record[name] for name in tables.CELL) for record in records})
    counted = f"{len(records)} runs, {ok} of them ok, in {cells} cells."
    return f"{counted} {verdict.headline(summary, n_test)}" if summary.published_accuracy.notna().any() else counted


def provenance_table(records):
    """Digests of the data of every data set and of the source of every method, as the runs noted them."""
    noted = [
        (kind, tables.title(record[of]), record["provenance"][digest])
        for kind, of, digest in (("data", "dataset", "data_digest"), ("source", "method", "source_digest"))
        for record in records
    ]
    return pd.DataFrame(list(dict.fromkeys(noted)), columns=["digest of", "name", "SHA-256"])


def filled(strings):
    """A table without the columns that hold nothing, such as a paper's numbers where there are none."""
    return strings.loc[:, ~strings.isin(["–", ""]).all()]


def render(job, records, summary, sheets, written, pictures, drawn):
    """The page."""
    n_scored = {name: sheet["split_sizes"][job["scored"]] for name, sheet in sheets.items()}
    datasets = job["run"]["datasets"]
    blocks = [summary[summary.dataset == name] for name in datasets]
    results = pd.concat([written[f"detail_{name}"].assign(**{"data set": tables.title(name)}) for name in datasets])
    results.insert(2, "data set", results.pop("data set"))
    numbers = pd.concat(blocks)[["accuracy", "accuracy_low", "accuracy_high", "published_accuracy"]]
    scored, published = map(bool, numbers[["accuracy", "published_accuracy"]].notna().any())
    told = "ours ○ with interval" + ", published ┃" * published
    charts = (told, "lowest loss", [forest(*row) for row in numbers.to_numpy(float)]) if scored else None
    if not published:
        results = results.drop(columns="verdict")

    def plotted(start, **how):
        return [plot(name, caption, **how) for name, (caption, _) in drawn.items() if f"{name}/".startswith(start)]

    def of_dataset(name):
        scatters = [place for way in ("first", "last") for place in plotted(f"scatter/{name}/", way=way)]
        parts = [*plotted(f"strips/{name}/"), grid(scatters, "pair")]
        for kind, heading in GRIDS.items():
            if pieces := plotted(f"{kind}/{name}/"):
                parts += [notes([heading]), grid(pieces)]
        return parts

    def said(of):
        return ", ".join(sorted({str(of(record["provenance"])) for record in records}))

    versions = said(lambda p: " ".join(f"{name} {number}" for name, number in sorted(p["versions"].items())))
    provenance = [
        f"Commit: {said(commit)}.",
        f"Versions: {versions}.",
        f"Device: {said(lambda p: p['device'])}; arithmetic: {said(lambda p: p['backend'])}; threads a run:"
        f" {said(lambda p: p['threads'])}.",
    ]

    def explained(name):
        """A table below what there is to know about it; nothing for an empty table."""
        return [notes(written["footnotes"][name]), table(filled(written[name]), CELL)] if len(written[name]) else []

    sections = [
        (
            "Ours beside the published numbers" if published else "Results",
            [
                table(filled(results), (*CELL, "verdict"), charts),
                notes([*written["unscored"], *([FOREST] if scored else []), SORTING, FILES]),
            ],
        ),
        (
            "The paper's table" if published else "All data sets side by side",
            [table(filled(written["table1"])), notes(written["footnotes"]["table1"])] if scored else [],
        ),
        *[(tables.title(name), of_dataset(name)) for name in datasets],
        ("The paper's figures", [image(*picture) for picture in pictures if picture[0].stem in ("figure2", "figure3")]),
        ("How to read the verdicts", [notes(verdict.RULES)] if published else []),
        ("How much is selection", explained("selection")),
        ("Runs that are not ok", [table(written["failures"], (*CELL, "status"))]),
        ("Against the controls", explained("controls")),
        ("Seed by seed", explained("paired")),
        ("Budgets", [table(written["budgets"], CELL)]),
        ("Data", [table(written["data"])]),
        ("Settings and their sources", [table(written["settings"], ("of", "source"))]),
        ("Provenance", [notes(provenance), table(provenance_table(records))]),
    ]
    if "indices" in written:
        sections.insert(1 if scored else 0, ("Indices that need no labels", explained("indices")))
    heading = f"Sequence clustering, reading “{job['reading']}”"
    figures_ = {name: figure for name, (_, figure) in drawn.items()}
    sections = [(name, pieces) for name, pieces in sections if pieces]
    return page(heading, headline(records, summary, n_scored), sections, figures_)
