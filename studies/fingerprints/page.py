"""The page: which readings come nearest to the evidence, by cells and by statements, as Markdown, CSV and a figure."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from tabulate import tabulate

from datasets.prepare import keywords
from datasets.storage import write_text
from reports.style import COLOURS, PAGE, STYLE, save

from ..command import load_records
from .clustering import AFFINITIES, NORMALISATIONS, mean_cells
from .evidence import METHODS, STATEMENTS, VECTORIZATIONS, best_affinity, misfit, published
from .readings import READERS

NEAR = 0.1  # misfit
SHOWN = 5  # readings of a data set, beside those that are always shown
TITLES = {
    "arithmetic": "mean of the entropies",
    "geometric": "geometric mean of the entropies",
    "max": "larger entropy",
}
PREFACE = """\
What k-means, Ward's linkage and spectral clustering make of a data set depends on the data alone, so the published
cells of these rows are a fingerprint of the authors' data; and so is what the paper says of its data in words and
figures. **The rows of RDDC, DDC and DEC, and all runs of theirs, take no part in this choice.**

A reading's misfit sums, over the published cells, how far ACC and NMI are from those of ten test splits of a tenth
(the continuous ranked probability score, since the published number is one draw), and what each statement's measurement
lacks to its demand. Spectral clustering counts with the affinity that fits best, which is named. The misfit to the
cells of all sequences stands beside it. Cells in the tables are means over the test splits, ACC (NMI).

Readings within 0.1 of the least misfit can't be told apart by it: cells of test splits vary more than that. **The
chosen one**, in bold, is that of these whose misfit without spectral clustering is least, since the authors' affinity
is unknown and its cells vary most. Made by `make fingerprints` from records; labels are used for scoring alone.

![Published cells and the best readings](fingerprints.png)
"""


def report(out):
    """Write ``fingerprints.csv`` (every reading that was clustered in full), ``.md``, ``.png`` and ``.pdf``.

    Equal records give equal bytes.
    """
    records = {name: load_records(out / f"{name}.jsonl") for name in READERS}
    records = {name: found for name, found in records.items() if ranked(name, found)}
    if not records:
        raise SystemExit(f"no records of whole readings in {out}: run first")
    rows = pd.DataFrame([row for name, found in records.items() for row in table_rows(name, found)])
    write_text(out / "fingerprints.csv", rows.round(4).to_csv(index=False, lineterminator="\n"))
    sections = [section(name, found) for name, found in records.items()]
    write_text(
        out / "fingerprints.md", "\n".join(["# Which data the authors had\n", PREFACE, *sections, shared(records)])
    )
    figure(records, out / "fingerprints")


def describe(settings, left_out=()):
    """A reading in one line, without the settings `left_out`; names that all share are shortened."""
    words = []
    for key, value in settings.items():
        if key in left_out:
            continue
        if key in ("characters", "groups"):
            words.append(" ".join(name.split(".", 1)[-1] for name in value))
        else:
            words.append(f"{key.replace('_', ' ')} {' '.join(value) if isinstance(value, list) else value}")
    return ", ".join(words)


def ranked(name, records):
    """Records of whole readings, least misfit first."""
    final = [record for record in records if record["stage"] == "final"]
    return sorted(final, key=lambda record: (misfit(name, record)["total"], describe(record["reading"])))


def near(name, best):
    """The readings whose misfit is at most `NEAR` above the least."""
    return [record for record in best if misfit(name, record)["total"] <= misfit(name, best[0])["total"] + NEAR]


def chosen(name, best):
    """Of the readings that are `near`, that of least misfit without spectral clustering."""
    parts = {id(record): misfit(name, record) for record in best}
    return min(near(name, best), key=lambda record: parts[id(record)]["total"] - parts[id(record)]["spectral"])


def table_rows(name, records):
    """A row for every whole reading of a data set, best first."""
    for record in ranked(name, records):
        row = {"dataset": name, "reading": describe(record["reading"]), "n": record["n"]}
        row |= {"k": len(record["classes"]), "shortest": record["lengths"][0], "longest": record["lengths"][1]}
        row |= {f"misfit_{part}": value for part, value in misfit(name, record).items()}
        row |= {"misfit_all": misfit(name, record, "all")["total"], "affinity": best_affinity(name, record)}
        cells = mean_cells(record["test_cells"])
        for how, method in itertools.product(VECTORIZATIONS, ("kmeans", "ward", *AFFINITIES)):
            accuracy, nmi = cells.get(f"{method}-{how}", [None, None])[:2]
            row |= {f"{method}_{how}_accuracy": accuracy, f"{method}_{how}_nmi": nmi}
        for statement, value in zip(STATEMENTS[name], record["measurements"], strict=True):
            row[statement.name] = value
        yield row


def section(name, records):
    """A data set: its best readings beside the published cells, the statements, and what each setting decides."""
    screened = [record for record in records if record["stage"] == "screen"]
    best = ranked(name, records)
    minutes, same = sum(record["seconds"] for record in records) / 60, constants([r for _, r in shown(name, best)])
    tables = [cell_table(name, best), statement_table(name, best), setting_table(name, records)]
    return "\n".join(
        [
            f"## {name.replace('_', ' ').capitalize()}\n",
            f"{len(screened)} readings clustered in part, {len(best)} of them in full ({minutes:.0f} core minutes)."
            + f" {len(near(name, best))} of these are within {NEAR} of the least misfit."
            + f" All that are shown have: {describe(same)}." * bool(same)
            + "\n",
            *filter(None, tables),
        ]
    )


def constants(best):
    """Settings that all readings share."""
    first = best[0]["reading"]
    return {key: value for key, value in first.items() if all(r["reading"].get(key) == value for r in best)}


def shown(name, best):
    """(number, record) of the readings in the tables: the best ones, the chosen one, the best of each kind."""
    kinds, found = ("form", "average", "energy", "scale", "stop_words", "corpus"), {}
    for number, record in enumerate(best, 1):
        kind = tuple(record["reading"].get(key) for key in kinds)
        if number <= SHOWN or record is chosen(name, best) or kind not in found.values():
            found[number] = kind
    return [(number, best[number - 1]) for number in found]


def cell_table(name, best):
    """Published cells above those of the readings, as ACC (NMI), and each reading's misfit."""
    goal = published()[name]
    columns = [(method, how) for method in METHODS for how in VECTORIZATIONS if (method, how) in goal]
    head = ["", "reading", "n", "misfit", "all sequences", *(f"{m} {how}" for m, how in columns), "affinity"]
    cells = [f"{accuracy:.2f} ({nmi:.2f})" for accuracy, nmi in map(goal.get, columns)]
    rows, same = [["", "*published*", "", "", "", *cells, ""]], constants([r for _, r in shown(name, best)])
    for number, record in shown(name, best):
        affinity, cells = best_affinity(name, record), mean_cells(record["test_cells"])
        found = [cells[f"{affinity if method == 'spectral' else method}-{how}"] for method, how in columns]
        reading = describe(record["reading"], same)
        reading = f"**{reading}**" if record is chosen(name, best) else reading
        row = [number, reading, record["n"], f"{misfit(name, record)['total']:.2f}"]
        row += [f"{misfit(name, record, 'all')['total']:.2f}", *(f"{cell[0]:.2f} ({cell[1]:.2f})" for cell in found)]
        rows.append([*row, affinity.partition("_")[2] or "default"])
    return tabulate(rows, head, tablefmt="pipe", disable_numparse=True) + "\n"


def statement_table(name, best):
    """What the paper says, what is measured of it, and its value for the readings of `cell_table`; nothing for none."""
    if not STATEMENTS[name]:
        return ""
    head = ["the paper says", "measured", "at least", *(str(number) for number, _ in shown(name, best))]
    rows = []
    for i, statement in enumerate(STATEMENTS[name]):
        values = [record["measurements"][i] for _, record in shown(name, best)]
        marks = [f"{value:.3f}" + " ✗" * (value < statement.demand) for value in values]
        rows.append([statement.said, statement.name, f"{statement.demand:.2f}", *marks])
    return tabulate(rows, head, tablefmt="pipe", disable_numparse=True) + "\n"


def setting_table(name, records):
    """Least misfit for each value of the settings that readings differ in, in either stage: what is decided by it."""
    defaults, rows = {"average": "length"} | keywords(READERS[name][0].load), []
    for key in dict.fromkeys(key for record in records for key in record["reading"]):
        stages = {}
        for record in records:
            value = record["reading"].get(key, defaults.get(key))
            value = len(value) if key == "characters" else describe({"groups": value}) if key == "groups" else value
            fit = misfit(name, record, "test" if record["stage"] == "final" else "all")["total"]
            least_of = stages.setdefault(record["stage"], {})
            least_of[str(value)] = min(fit, least_of.get(str(value), np.inf))
        if len(stages["screen"]) > 1:
            title = "number of characters" if key == "characters" else key.replace("_", " ")
            rows.append([title, *(in_order(stages[stage]) for stage in ("final", "screen"))])
    head = ["setting", "least misfit for each value, test splits", "first stage: k-means, Ward and statements"]
    return tabulate(rows, head, tablefmt="pipe", disable_numparse=True) + "\n"


def in_order(least_of, most=8):
    """The `most` values of least misfit."""
    return "; ".join(f"{value}: {least_of[value]:.2f}" for value in sorted(least_of, key=least_of.get)[:most])


def shared(records):
    """What the data sets have in common: what was clustered, how the NMI is normalised, the affinity."""
    finals = {name: ranked(name, found) for name, found in records.items()}
    rows = [
        ["clustered: a test split by itself", *least(finals, "test", "arithmetic")],
        ["clustered: all sequences", *least(finals, "all", "arithmetic")],
        *(
            [f"NMI divided by the {TITLES[normalisation]}", *least(finals, "test", normalisation)]
            for normalisation in NORMALISATIONS
        ),
    ]
    head = ["least misfit of any reading", *(name.replace("_", " ") for name in finals), "sum"]
    affinities = [
        f"{name.replace('_', ' ')} {best_affinity(name, found[0]).partition('_')[2] or 'default'}"
        for name, found in finals.items()
    ]
    return (
        "## Shared by all data sets\n\n"
        f"{tabulate(rows, head, tablefmt='pipe', disable_numparse=True)}\n\n"
        "All sequences give a forecast without spread, whose continuous ranked probability score is the distance: the"
        " first two lines can be compared.\n\n"
        f"Affinity of spectral clustering that fits the best reading best: {', '.join(affinities)} ("
        + "; ".join(f"{name.partition('_')[2] or 'default'}: {formula}" for name, formula in AFFINITIES.items())
        + ").\n"
    )


def least(finals, protocol, normalisation):
    """Least misfit of the readings of every data set, and the sum, as strings."""
    found = [min(misfit(name, r, protocol, normalisation)["total"] for r in of) for name, of in finals.items()]
    return [f"{value:.2f}" for value in [*found, sum(found)]]


def figure(records, path):
    """ACC above and NMI below, a column a data set: published cells as bars, the three best readings as marks."""
    with plt.rc_context(STYLE):
        drawing, axes = plt.subplots(
            2, len(records), figsize=(PAGE, 4), squeeze=False, sharey=True, layout="constrained"
        )
        for column, (name, found) in enumerate(records.items()):
            goal = published()[name]
            cells = [(method, how) for method in METHODS for how in VECTORIZATIONS if (method, how) in goal]
            for row, label in enumerate(("ACC", "NMI")):
                axis, x = axes[row, column], np.arange(len(cells))
                axis.hlines([goal[cell][row] for cell in cells], x - 0.4, x + 0.4, "black", lw=1.5, label="published")
                for i, record in enumerate(ranked(name, found)[:3]):
                    affinity, means = best_affinity(name, record), mean_cells(record["test_cells"])
                    values = [means[f"{affinity if m == 'spectral' else m}-{how}"][row] for m, how in cells]
                    axis.plot(
                        x + 0.2 * (i - 1), values, "os^"[i], color=COLOURS[i], ms=3, label=f"best reading {i + 1}"
                    )
                axis.set_xticks(x, [f"{m} {how}" for m, how in cells] if row else [], rotation=90)
                axis.set_ylim(-0.03, 1.05)
                if not column:
                    axis.set_ylabel(label)
            axes[0, column].set_title(name.replace("_", " ").title())
        handles, labels = axes[0, 0].get_legend_handles_labels()
        drawing.legend(handles, labels, loc="outside lower center", ncols=4)
        save(drawing, path)
