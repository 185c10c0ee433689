"""The report of the supervised tasks, apart from the unsupervised rows: these methods learn from labels.

Nothing is chosen here: every number is the mean over a task's ok runs, and a task's test problems are seen by scoring
alone. Two controls learn nothing and say how hard a task is: one is told how many clusters each problem has, one not.
"""

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from datasets.prepare import keywords
from datasets.problems import Problems
from datasets.sequences import SPLITS, load_labels
from datasets.storage import write_text
from methods.base import load_method
from runs.results import clusters_if_told, read_clusters, read_records
from runs.scores import SCORES, TASK_SCORES

from .matching import colours, hits
from .page import image, notes, page, table
from .paired import crossed
from .published import read_published
from .settings import draw_of, settings_of_tasks, settings_table, sources_of
from .style import COLOURS, PAGE, STYLE, grid, save
from .tables import markdown, number, span, title
from .verdict import verdict_on_runs

UNDER = {"boxstyle": "square,pad=0.1", "color": "white", "alpha": 0.8}  # of words that a curve may run through
HEADLINE = (
    "Supervised: these methods learn from problems whose clusters are known. None of it belongs to the unsupervised"
    " rows."
)
TOLD = "number told"
# Title to score of a record's split; a record has not all of them.
SHOWN = {
    "MR": lambda found: 1 - found["accuracy"],
    f"MR, {TOLD}": lambda found: 1 - found.get("accuracy_told", np.nan),
} | {
    told: lambda found, name=name: found.get(name, np.nan)
    for name, told in {**{score.name: score.title for score in SCORES[1:]}, **TASK_SCORES}.items()
}
READ = [
    "Every score is computed for each problem and averaged over problems, then over runs (± standard deviation, ddof"
    " 1). MR is the misclassification rate under the best one-to-one map of clusters (the authors' public code searches"
    " that map greedily, so its MR can only be larger). The V-measure with equal weights is the NMI with arithmetic"
    " mean.",
    "Right number of clusters: share of problems. Right element: share of elements, all problems taken together, with"
    " the very rank of first appearance, which plain cluster scores don't ask for.",
    "Agreement of two orders: mean ARI between what a method finds in a problem and in the same problem shuffled. An"
    " LSTM reads a set in an order; 1 would mean that the order doesn't matter.",
    "Controls: k-means on time averages, its clusters numbered by first appearance where that counts; it learns"
    " nothing. The one called k-means is told how many clusters each problem has, as no method here is. The other finds"
    " it by silhouettes, from 2 to the most that any problem has; a problem of a single cluster is beyond it.",
    "Number told: the clusters that Learning to Cluster has for the number that is right, P(l | x, k), in place of the"
    " number that it finds; scoring looks it up, and neither training nor the choice of an epoch knows of it. What is"
    " known is then the same as for that k-means. This was added once a first training of every row without joined"
    " classes was known.",
    "Unseen classes: no object of theirs was in training. As in the authors' code, the epoch is chosen by the loss on"
    " problems of the same classes, of other objects than the test's, or by the MR on them where the settings say so"
    " (`keep`).",
]
GAIN = [
    "A control's MR less the method's, on each test problem and for each ok training: their mean, with a 95 % interval,"
    " Student's t over the trainings' means and the problems' together. Better or worse: 0 lies outside. Where there is"
    " one training the interval says how much the choice of test problems matters, and nothing of another training.",
]
VERDICT = [
    "Reproduced: the published number lies within the range over runs, widened by half a unit of its last digit. Better"
    " or different: ours lies on the good or on the bad side of it. The loss is that on the validation problems after"
    " the last epoch, as the printed one is; where the printout ends is no epoch at which anything was reached.",
    "For Learning to Cluster, what we have of the paper gives a configuration and no score: nothing to compare. The"
    " settings below that differ from a published value say so.",
]


def write_tasks(job, folder):
    """Write tables, figures and page of the supervised tasks into `folder`."""
    folder, made = Path(folder), Path(job["folder"])
    runs = {
        task: read_records(made / f"learned/records/{task}/{of}.jsonl" for of in job["records"])
        for task in job["tasks"]
    }
    written = {
        "scores": score_table(job["tasks"], runs),
        "published": published_table(runs, read_published("abc").values),
        "breaks": break_table(job["tasks"], runs),
        "budgets": budget_table(runs),
        "settings": settings_table(settings_of_tasks(job["tasks"]), sources_of({})),
        "failures": failure_table(runs),
    }
    errors, informed = {}, set()
    drawn = {
        "curves": (
            curves(job["tasks"], runs),
            "Loss of every task: training (solid) and validation (dashed). Then MR on the validation problems where the"
            " epoch is kept for it; lines: the controls on the test problems.",
        ),
        "breaks": (breaks(job["tasks"], runs), "Test accuracy of elements as sequences grow or symbols increase."),
    }
    for task in job["tasks"]:
        labels = load_labels(made / f"problems/{task}.labels.npz")
        problems = replace(Problems.load(made / f"problems/{task}.npz"), clusters=labels)
        test, inside = problems.part("test"), np.repeat(problems.split == SPLITS.index("test"), problems.sizes)
        for path, run, clusters in clusters_of(made / "learned/records" / task, job["records"]):
            errors[task, run["method"], run["seed"]] = misclassified(test, clusters[inside])
            if path.stem == "told":
                informed.add(run["method"])
            told = clusters_if_told(path, test, run["vectorization"], run["seed"])
            if told is not None:
                errors[task, run["method"], run["seed"], TOLD] = misclassified(test, told)
        clusters = read_clusters(made / f"learned/records/{task}/runs.jsonl", "none", 0)
        if problems.objects.dimensions == 2 and clusters is not None:
            caption = f"{name(task)}: test problems, true clusters above, found clusters below, circled where wrong."
            drawn[f"points_{task}"] = point_sets(problems, clusters), caption
    written["gains"] = gain_table(runs, errors, informed)
    for stem, frame in written.items():
        write_text(folder / f"{stem}.md", markdown(frame))
        write_text(folder / f"{stem}.csv", frame.to_csv(index=False, lineterminator="\n"))
    shown = []
    for stem, (figure, caption) in drawn.items():
        if figure is not None:
            save(figure, folder / stem)
            shown.append(image(folder / f"{stem}.png", caption))
    sections = [
        ("Scores on problems that were not learned from", [table(written["scores"]), notes(READ)]),
        ("Beside the controls", [table(written["gains"]), notes(GAIN)]),
        ("Published numbers beside ours", [table(written["published"]), notes(VERDICT)]),
        ("Where element-wise clustering breaks", [table(written["breaks"])]),
        ("Figures", shown),
        ("Budgets", [table(written["budgets"])]),
        ("Settings that the config makes, and their sources", [table(written["settings"])]),
        ("Runs that are not ok", [table(written["failures"])]),
    ]
    write_text(folder / "report.html", page(f"Supervised tasks, reading “{job['reading']}”", HEADLINE, sections))


def name(task):
    """A task as a table prints it."""
    return task.replace("_", " ")


def groups(runs):
    """(method as a table prints it, its ok records, all its records) of one task, the controls last."""
    taught = learned(runs)
    for method in dict.fromkeys(run["method"] for run in [*taught, *runs]):
        own = [run for run in runs if run["method"] == method]
        told = title(method) if own[0] in taught else f"control: {title(method)}"
        yield told, [run for run in own if run["status"] == "ok"], own


def learned(runs):
    """The records of the runs that learned; the controls' are those on time averages."""
    return [run for run in runs if run["vectorization"] == "none"]


def spread(values):
    """Mean ± standard deviation as a table prints it; nothing where a score doesn't apply."""
    if not len(values) or np.isnan(values).any():
        return "–"
    return number(np.mean(values)) + (f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else "")


def score_table(tasks, runs):
    """Scores on test problems."""
    rows = []
    for task, given in tasks.items():
        told = "unseen classes" if "dataset" in given else "new"
        for method, ok, every in groups(runs[task]):
            row = {"task": name(task), "problems": told, "method": method}
            row |= {score: spread([of(run["scores"]["test"]) for run in ok]) for score, of in SHOWN.items()}
            rows.append(row | {"ok runs": f"{len(ok)}/{len(every)}"})
    shown = pd.DataFrame(rows)
    if (shown[f"MR, {TOLD}"] == "–").all():
        return shown.drop(columns=f"MR, {TOLD}")
    return shown


def clusters_of(folder, files):
    """(file, record, cluster of every member) of the ok runs in some record files of a task."""
    for path in (folder / f"{file}.jsonl" for file in files):
        for run in read_records([path]):
            if run["status"] == "ok":
                yield path, run, read_clusters(path, run["vectorization"], run["seed"])


def misclassified(problems, found):
    """MR of every problem."""
    pairs = zip(problems.split_up(problems.clusters), problems.split_up(found), strict=True)
    return np.array([1 - hits(truth, own).mean() for truth, own in pairs])


def gain_table(runs, errors, informed):
    """How much less every method errs than each control, with an interval over the test problems.

    Parameters
    ----------
    runs : dict of str to list of dict
        Task to its records.
    errors : dict of (task, method, seed) to ndarray
        MR of every test problem, of the ok runs; with `TOLD` behind the seed, of runs that can say so, as if they had
        known every problem's number of clusters.
    informed : set of str
        Methods of the controls that do know it.
    """
    rows = []
    for task, every in runs.items():
        (taught, ok, _), *controls = groups(every)
        able = ok and all((task, run["method"], run["seed"], TOLD) in errors for run in ok)
        for control, known, own in controls:
            for kind in [(), (TOLD,)] if able and own[0]["method"] in informed else [()]:
                row = {"task": name(task), "method": ", ".join([taught, *kind]), "beside": control}
                low = high = gain = None
                if ok and known:
                    ours = np.array([errors[task, run["method"], run["seed"], *kind] for run in ok])
                    less = np.mean([errors[task, run["method"], run["seed"]] for run in known], axis=0) - ours
                    gain, (low, high) = less.mean(), crossed(less)
                row |= {"MR less by": number(gain, "+z.3f"), "95 % interval": span(low, high, "+z.3f")}
                row["trainings"] = len(ok)
                rows.append(row | {"verdict": verdict_on_gain(low, high)})
    return pd.DataFrame(rows)


def verdict_on_gain(low, high):
    """What the interval of a difference says, of which more is better."""
    if low is None:
        return "not comparable"
    return "better" if low > 0 else "worse" if high < 0 else "no difference shown"


def epoch_of_accuracy_1(run):
    """The first epoch with all validation elements right, or ``never``."""
    first = np.flatnonzero(np.round(run["loss_curve"].get("validation_accuracy", []), 4) == 1)
    return str(first[0] + 1) if len(first) else "never"


# What is published of a loss curve's last epoch, and whether lower is better.
LOWER_IS_BETTER = {"validation_accuracy": False, "validation_loss": True}


def published_table(runs, published):
    """Every published number beside the range of ours, with a verdict."""
    rows = []
    for method, _, task, measure, value in published.itertuples(index=False):
        own = [run for run in learned(runs.get(task, [])) if run["method"] == method]
        values = [run["loss_curve"].get(measure, [np.nan])[-1] for run in own if run["status"] == "ok"]
        shown = [f"{number:.4g}" for number in sorted({number for number in values if not np.isnan(number)})]
        rows.append(
            {
                "task": name(task),
                "measure": name(measure),
                "published": value,
                "ours": " to ".join(dict.fromkeys([*shown[:1], *shown[-1:]])) or "–",
                "ok runs": f"{len(values)}/{len(own)}",
                "verdict": verdict_on_runs(values, value, LOWER_IS_BETTER[measure]),
            }
        )
    return pd.DataFrame(rows)


def budget_table(runs):
    """Problems, updates, epochs, parameters and seconds of every task's runs."""
    rows = []
    for task, every in runs.items():
        if own := learned(every):
            budgets = pd.DataFrame([run["budget"] for run in own]).astype(float).max()  # of runs that got to their end
            row = {"task": name(task), "method": title(own[0]["method"]), "runs": len(own)}
            row["problems"] = number(budgets["sequences"], ",.0f")
            row |= {spent: number(budgets[spent], ",.0f") for spent in ("updates", "epochs", "parameters")}
            row["seconds a run"] = f"{np.mean([run['cost']['seconds'] for run in own]):.1f}"
            rows.append(row | {"device": own[0]["provenance"]["device"]})
    return pd.DataFrame(rows)


def failure_table(runs):
    """Every run that is not ok, with its reason."""
    rows = [
        {"task": name(task), "method": title(run["method"]), "seed": run["seed"]}
        | {field: run[field] for field in ("status", "reason")}
        for task, own in runs.items()
        for run in own
        if run["status"] != "ok"
    ]
    return pd.DataFrame(rows)


def point_sets(problems, clusters):
    """Test problems of 2-D points: true clusters above, found ones below in the colours of what they stand for."""
    inside = np.repeat(problems.split == SPLITS.index("test"), problems.sizes)
    part = problems.part("test")
    truth, found = part.split_up(part.clusters), part.split_up(clusters[inside])
    points = part.split_up(part.objects.values[part.objects.offsets[part.members]])
    columns = min(6, len(part))
    shown = np.concatenate(points[:columns])
    limits = shown.min() - 0.05, shown.max() + 0.05
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(2, columns, figsize=(PAGE, 2.5), layout="constrained", squeeze=False)
        for i in range(columns):
            for axis, own in zip(axes[:, i], (truth[i], found[i]), strict=True):
                colour = colours(truth[i], own, truth[i].max() + 1)
                axis.scatter(*points[i].T, c=[colour[int(c)] for c in own], s=4, linewidths=0)
                axis.set(xticks=[], yticks=[], aspect="equal", xlim=limits, ylim=limits)
            wrong = ~hits(truth[i], found[i])
            axes[1, i].scatter(*points[i][wrong].T, s=14, facecolors="none", edgecolors="black", linewidths=0.4)
            axes[0, i].set_title(f"clusters: {truth[i].max() + 1}")
            axes[1, i].set_title(f"found: {len(np.unique(found[i]))}, MR {wrong.mean():.2f}")
    return figure


def curves(tasks, runs):
    """Loss over epochs, and MR where it was looked at, beside the controls' on the test problems; a line a run."""
    watched = [task for task in tasks if any("validation_mr" in run["loss_curve"] for run in runs[task])]
    with plt.rc_context(STYLE):
        figure, axes = grid(len(tasks) + len(watched), 4, 1.35)
        panels = [(task, "loss") for task in tasks] + [(task, "mr") for task in watched]
        for axis, (task, term) in zip(axes, panels, strict=True):
            for run in runs[task]:
                for curve, style in ((term, "-"), (f"validation_{term}", "--")):
                    values = run["loss_curve"].get(curve, [])
                    axis.plot(np.arange(1, len(values) + 1), values, style, color=COLOURS[0], linewidth=0.8)
            if term == "mr":
                for control in (run for run in runs[task] if run["vectorization"] != "none" and run["status"] == "ok"):
                    mistakes = SHOWN["MR"](control["scores"]["test"])
                    axis.axhline(mistakes, color="0.5", linewidth=0.8)
                    told = title(control["method"])
                    at = {"xycoords": axis.get_yaxis_transform(), "textcoords": "offset points", "bbox": UNDER}
                    axis.annotate(told, (1, mistakes), (-3, -3), ha="right", va="top", fontsize=6, zorder=1, **at)
            axis.set_title(f"{name(task)}\nMR" if term == "mr" else name(task))  # longest names fill a panel
            axis.set_ylim(bottom=0)
            axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        figure.supxlabel("epoch (solid: training, dashed: validation)")
        figure.supylabel("loss, or MR" if watched else "loss")
    return figure


def defaults(given):
    """Draw settings of a task, the defaults of its problems among them."""
    known = keywords(draw_of(given)).items()
    known = {key: list(value) if isinstance(value, tuple) else value for key, value in known}
    return known | given.get("draw", {})


def lines(tasks, setting):
    """(value, task) of the tasks with ranked elements that differ from the first of them in one draw setting alone."""
    ranked = {task: defaults(given) for task, given in tasks.items() if load_method(given["method"]).ordered}
    first = next(iter(ranked.values()), {})
    others = first.keys() - {setting}
    same = {task: own[setting] for task, own in ranked.items() if all(own[key] == first[key] for key in others)}
    if setting == "length":
        same = {task: shortest for task, (shortest, longest) in same.items() if shortest == longest}
    return sorted((value, task) for task, value in same.items())


def break_table(tasks, runs):
    """Element accuracy and cluster scores over the length and over the number of symbols."""
    rows = []
    for setting in ("length", "symbols"):
        for value, task in lines(tasks, setting):
            own = learned(runs[task])
            ok = [run for run in own if run["status"] == "ok"]
            scores = [run["scores"]["test"] for run in ok]
            rows.append(
                {
                    "grows": setting,
                    "value": value,
                    "right element": spread([one["element_accuracy"] for one in scores]),
                    **{score.title: spread([SHOWN[score.title](one) for one in scores]) for score in SCORES[1:]},
                    "validation accuracy 1 at epoch": ", ".join(map(epoch_of_accuracy_1, ok)),
                    "epochs": ", ".join(sorted({str(run["budget"]["epochs"]) for run in ok})),
                    "ok runs": f"{len(ok)}/{len(own)}",
                }
            )
    return pd.DataFrame(rows)


def breaks(tasks, runs):
    """Element accuracy on test problems over the length and over the number of symbols, a point a run."""
    if not lines(tasks, "length"):
        return None
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(PAGE, 1.8), layout="constrained", sharey=True)
        for axis, setting in zip(axes, ("length", "symbols"), strict=True):
            points = [
                (value, run["scores"]["test"]["element_accuracy"])
                for value, task in lines(tasks, setting)
                for run in learned(runs[task])
                if run["status"] == "ok"
            ]
            values = sorted({value for value, _ in points})
            means = [np.mean([right for value, right in points if value == at]) for at in values]
            axis.plot(values, means, color=COLOURS[0], linewidth=0.8)
            axis.scatter(*np.reshape(points, (-1, 2)).T, color=COLOURS[0], s=10, linewidths=0)
            axis.set(xlabel=setting, xticks=values, ylim=(0, 1.03))
            axis.grid(axis="y", linewidth=0.3)
        axes[0].set_ylabel("elements right")
    return figure
