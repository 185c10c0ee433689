"""The page of the search: what the chosen settings give on the test split, which settings matter, and the cost."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from datasets.seeds import seed_sequence
from datasets.storage import write_text
from methods.progress import told
from reports import style, tables
from reports.data import load_case
from reports.published import published_scores
from reports.statistics import mean

from .space import LOSS, METHODS, OTHERS, level
from .trials import AS_IT_IS, FAMILY, FINALISTS

SHUFFLES = 999
RULES = {
    "as it is": "the row's own settings, no longer than the longest that is tried",
    "without labels": f"""of each loss function, which {FAMILY} settings share, the setting with the lower mean loss on
the validation split, and of these the one whose seeds agree most there (adjusted Rand index; 0 for a pair with a run
that isn't ok)""",
    "by validation accuracy": """the highest mean accuracy on the validation split, whose labels so take part; a run
that isn't ok ranks as 0, and enters no mean below""",
}
INTRODUCTION = f"""\
A Sobol design over all settings at once, the same on every data set: a few runs of each setting, more of the best
{FINALISTS} of each rule, then the rule's choice. The rules share runs and nothing else. **Up to here the test split is
not there.** Then the chosen settings, and the row's own, are trained anew by other seeds and scored on it: it is opened
once, for these alone. Every cell has choices of its own. Made by `make search`; nothing here is typed."""
TESTED = """\
ACC (NMI) of the run with the lowest {selection} loss, as the paper's protocol has it; then the mean accuracy ± standard
deviation over ok runs; then ok runs of all."""
IMPORTANCE = f"""\
By analysis of variance over the settings of the design, averaged over the data sets and inputs of a row: the share of
the variance that one setting's levels explain, how often that comes by chance (a permutation test, {SHUFFLES}
shuffles), and how far the mean validation accuracy at each level is from that of all. What belongs to the loss is
shared by {FAMILY} settings, whose mean counts once. Ranges are cut in three. What depends on two settings together is
in no row. With few settings only large effects show: {{few}}."""
RULES_SEEN = """\
Every dot is a setting of the design. Where agreement foretells accuracy, the rule without labels chooses well; the
rank correlation (Spearman) says how far. Rings: the choices."""


def report(job, folder):
    """Write ``search.md`` and its figures from the cases of all rows and data sets."""
    cells = [
        {"dataset": case["dataset"], "row": case["row"]} | cell for case in map(load_case, job["cases"])
        for cell in case["cells"]
    ]  # fmt: skip
    tables.name_rows({row: part["row"] for row, part in job["variants"].items()})
    effects = {row: importance([cell for cell in cells if cell["row"] == row]) for row in job["variants"]}
    style.save(importance_figure(effects), folder / "importance")
    style.save(rules_figure(cells), folder / "rules")
    defaults = {row: METHODS[part["row"]["algorithm"]]().get_params() for row, part in job["variants"].items()}
    published = published_scores(job["published"], ["accuracy", "nmi"], {row: row for row in job["variants"]})
    write_text(Path(folder, "search.md"), page(cells, effects, published, job["selection"], defaults))


def page(cells, effects, published, selection, defaults):
    """The search as Markdown; `defaults` is row to its method's settings."""
    few = ", ".join(f"{tables.title(row)} {max(len(c['points']) for c in of(cells, row))}" for row in effects)
    parts = [f"# The settings of {' and '.join(map(tables.title, effects))}, searched together", INTRODUCTION]
    parts += ["## What the choices give on the test split", TESTED.format(selection=selection)]
    parts += [tables.markdown(tested(cells, published, selection))]
    parts += ["\n".join(f"- **{name}**: {' '.join(said.split())}." for name, said in RULES.items())]
    parts += ["## Which settings matter", IMPORTANCE.format(few=few), "![Importance](importance.png)"]
    for row, table in effects.items():
        parts += [f"### {tables.title(row)}", tables.markdown(shown(table))]
    parts += ["## Do the two rules see the same?", RULES_SEEN, "![Agreement and accuracy](rules.png)"]
    parts += ["## The chosen settings", "Settings that differ from the row's own.", chosen_settings(cells, defaults)]
    parts += ["## Cost", tables.markdown(costs(cells))]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def of(cells, row):
    """The cells of a row."""
    return [cell for cell in cells if cell["row"] == row]


def places(cell):
    """Name of a choice to its place among the cell's settings."""
    return {rule: AS_IT_IS if rule == "as it is" else cell["chosen"][rule] for rule in RULES}


def tested(cells, published, selection):
    """A row a cell: the published numbers and those of every choice."""
    rows = []
    for cell in cells:
        same = (published.method == cell["row"]) & (published.dataset == cell["dataset"])
        known = published[same & (published.vectorization == cell["input"])]
        row = {"data set": tables.title(cell["dataset"]), "row": tables.title(cell["row"])}
        row["input"] = tables.title(cell["input"])
        row["published"] = tables.pair(*known[["published_accuracy", "published_nmi"]].iloc[0]) if len(known) else "–"
        rows.append(row | {name: outcome(cell["test"][str(place)], selection) for name, place in places(cell).items()})
    return pd.DataFrame(rows)


def outcome(runs, selection):
    """What the runs of one setting give on the test split, in one line."""
    ok = [run for run in runs if run["status"] == "ok"]
    share = f"{len(ok)}/{len(runs)}"
    if not ok:
        return f"failed {share}"
    best = min(ok, key=lambda run: run["loss"][selection])["scores"]
    accuracies = [run["scores"]["accuracy"] for run in ok]
    spread = f" ± {np.std(accuracies, ddof=1):.2f}" if len(ok) > 1 else ""
    return f"{tables.pair(best['accuracy'], best['nmi'])}; {np.mean(accuracies):.2f}{spread}; {share}"


def importance(cells):
    """What each setting explains, over the settings of the design that are in any of a row's cells.

    Returns
    -------
    DataFrame
        A row a setting, the most important first: ``setting``, ``share`` and ``p`` of the validation accuracy,
        ``agreement`` and its ``p_agreement``, and ``levels``, level to the difference from the mean accuracy.
    """
    settings = max((cell["points"][1:] for cell in cells), key=len)
    responses = {}
    for name, value_of in (("accuracy", mean_accuracy), ("agreement", lambda point: point["agreement"])):
        table = pd.DataFrame([pd.Series([value_of(p) for p in cell["points"][1:]], dtype=float) for cell in cells])
        responses[name] = table.sub(table.mean(axis=1), axis=0).mean().to_numpy()
    rows = []
    for name in [name for name in LOSS | OTHERS if name in settings[0]["settings"]]:
        many = FAMILY if name in LOSS else 1
        levels = np.array([level(name, point["settings"][name]) for point in settings[::many]])
        accuracy, agreed = (mean(responses[of].reshape(-1, many), axis=1) for of in ("accuracy", "agreement"))
        row = {"setting": name} | dict(zip(("share", "p"), explained(levels, accuracy, name), strict=True))
        row["agreement"], row["p_agreement"] = explained(levels, agreed, name)
        own = {found: accuracy[levels == found] for found in np.unique(levels).tolist()}
        row["levels"] = {found: float(np.nanmean(of)) for found, of in own.items() if not np.isnan(of).all()}
        rows.append(row)
    return pd.DataFrame(rows).sort_values("share", ascending=False, ignore_index=True)


def mean_accuracy(point):
    """Mean accuracy of a setting's ok runs on the validation split; NaN without one."""
    return np.mean(point["accuracies"]) if point["accuracies"] else np.nan


def explained(levels, response, name):
    """Share of the variance of a response, (n,) each, between levels, and how often chance explains as much."""
    there = ~np.isnan(response)
    codes, response = np.unique(levels[there], return_inverse=True)[1], response[there] - response[there].mean()
    total, counts = (response**2).sum(), np.bincount(codes)
    if not total:
        return 0.0, 1.0

    def share(values):
        return float((np.bincount(codes, values) ** 2 / counts).sum() / total)

    rng, found = np.random.default_rng(seed_sequence(0, "search", "importance", name)), share(response)
    by_chance = sum(share(rng.permutation(response)) >= found - 1e-12 for _ in range(SHUFFLES))
    return found, (1 + by_chance) / (1 + SHUFFLES)


def shown(effects):
    """`importance` as the page shows it."""
    return pd.DataFrame(
        {
            "setting": effects.setting,
            "share of accuracy's variance": effects.share.map("{:.0%}".format),
            "p": effects.p.map("{:.3f}".format),
            "share of agreement's": effects.agreement.map("{:.0%}".format),
            "p ": effects.p_agreement.map("{:.3f}".format),
            "mean validation ACC at each level, from the mean of all": [
                "; ".join(f"{name}: {value:+.2f}" for name, value in levels.items()) for levels in effects.levels
            ],
        }
    )


def importance_figure(effects):
    """Bars: share of the variance that each setting explains; the dark ones by chance in fewer than 5 of 100."""
    with plt.rc_context(style.STYLE):
        figure, axes = plt.subplots(1, len(effects), figsize=(style.PAGE, 2.8), squeeze=False, layout="constrained")
        for axis, (row, table) in zip(axes[0], effects.items(), strict=True):
            colours = [style.COLOURS[0] if p < 0.05 else style.COLOURS[4] for p in table.p]
            axis.barh([name.replace("_", " ") for name in table.setting], table.share, color=colours)
            axis.invert_yaxis()
            axis.set(title=tables.title(row), xlim=(0, None))
        figure.supxlabel("share of the variance of validation accuracy (dark: p < 0.05)")
    return figure


def rules_figure(cells):
    """Agreement between seeds against validation accuracy of all settings, a panel a cell."""
    with plt.rc_context(style.STYLE):
        figure, axes = style.grid(len(cells), min(len(cells), 3), 1.9)
        for axis, cell in zip(axes, cells, strict=True):
            agreed = np.array([point["agreement"] for point in cell["points"]])
            accurate = np.array([mean_accuracy(point) for point in cell["points"]])
            axis.scatter(agreed, accurate, s=9, color=style.COLOURS[7], linewidths=0)
            for colour, (name, place) in zip(style.COLOURS, places(cell).items(), strict=False):
                size = 20 + 25 * list(places(cell)).index(name)
                axis.scatter(agreed[place], accurate[place], s=size, facecolors="none", edgecolors=colour, label=name)
            varied = min(len(set(agreed)), len(set(accurate[~np.isnan(accurate)]))) > 1
            ranked = spearmanr(agreed, accurate, nan_policy="omit").statistic if varied else np.nan
            where = ", ".join(map(tables.title, (cell["row"], cell["input"])))
            axis.set(title=f"{tables.title(cell['dataset'])}\n{where}: {tables.number(ranked, '+.2f')}", ylim=(0, 1.08))
        figure.supxlabel("agreement between seeds")
        figure.supylabel("validation accuracy")
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, ncols=3, loc="outside upper center")
    return figure


def chosen_settings(cells, defaults):
    """A line a choice: the settings that differ from the row's own."""
    lines = []
    for cell in cells:
        own = defaults[cell["row"]] | cell["points"][AS_IT_IS]["settings"]
        for rule, place in list(places(cell).items())[1:]:
            settings = cell["points"][place]["settings"]
            differ = {name: value for name, value in settings.items() if own[name] != value}
            told_ = ", ".join(f"`{name}` {value}" for name, value in differ.items()) or "as it is"
            where = f"{tables.title(cell['dataset'])}, {tables.title(cell['row'])}, {tables.title(cell['input'])}"
            lines.append(f"- {where}, **{rule}**: {told_}")
    return "\n".join(lines)


def costs(cells):
    """A row a cell: settings, runs and time."""
    rows = []
    for cell in cells:
        searched = [run for point in cell["points"] for run in point["runs"]]
        opened = [run for runs in cell["test"].values() for run in runs]
        rows.append(
            {
                "data set": tables.title(cell["dataset"]),
                "row": tables.title(cell["row"]),
                "input": tables.title(cell["input"]),
                "settings": len(cell["points"]),
                "runs": f"{len(searched)} + {len(opened)} for the test split",
                "ok": f"{sum(run['status'] == 'ok' for run in searched + opened)}/{len(searched + opened)}",
                "took": told(cell["seconds"]),
                "budget": told(cell["budget"]),
                "test split opened": cell["openings"],
            }
        )
    return pd.DataFrame(rows)
