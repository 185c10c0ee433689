"""Fresh records against a stored reference: which cell moved, by how much, since which commit.

The reference is a CSV, one line a run (`COLUMNS`): it keeps every run's accuracies and losses, and not only a range.
Three things are looked at.

- What can't be by chance, in the fresh records alone (`impossible`): two seeds with one loss curve, or test scores that
  are the training split's.
- Each cell against the reference (`moved`). Whether runs fail more often: Fisher's exact test, which so few runs may
  not pass; so a cell most of whose runs were ok, and none is now, has moved whatever it says. Whether ok runs lack a
  number: that all or none have it is no chance, so any other share is a move, as is none in place of some; else
  Fisher's test. Whether accuracies, NMI and losses have another mean: a t-test with pooled variance, the standard
  deviation taken as no less than `FLOOR`, so that another machine's rounding passes. All p-values together are held to
  `FALSE_ALARMS` by Holm's procedure: of a hundred comparisons in which nothing moved, about one is red, however many
  cells there are; that holds as far as a cell's mean is about normal. A cell with one run on both sides has no
  variance: its test accuracy and NMI may move by `TOLERANCE`, and nothing is known about false alarms there. Few runs
  find only large moves: keep more runs in the reference than a comparison makes.
- With ``exact``, on the machine that made the reference: every run by itself, to `DIGITS`.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from datasets.cells import table
from datasets.storage import write_text
from runs.record import schema
from runs.results import commit, each_scored, frame
from runs.scores import RANGES, outside

from . import ranks
from .published import CELL

FALSE_ALARMS, TOLERANCE, DIGITS = 0.01, 0.05, 1e-6
NUMBERS = ["test_accuracy", "train_accuracy", "validation_loss", "train_loss", "test_nmi", "train_nmi"]
FLOOR = {"accuracy": 0.01, "nmi": 0.01, "loss": 0.01}  # of a loss: this share of it
PART = [*CELL, "split"]
COLUMNS = [*PART, "seed", "status", *NUMBERS, "curve", "commit", "source", "data", "settings", "made_with"]
WORDS = [name for name in COLUMNS if name not in (*NUMBERS, "split", "seed")]
CAUSES = ["source", "settings", "data", "made_with"]
STATUSES = schema()["properties"]["status"]["enum"]


def digest(value):
    """Twelve hexadecimal digits that stand for a value of JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def run_of(record):
    """A record as a line of the reference."""
    came_from = record["provenance"]
    versions = came_from["versions"]
    curve = record["loss_curve"].get("loss")
    scores = {part: record["scores"][part] or {} for part in ("test", "train")}
    return {name: record[name] for name in (*PART, "seed", "status")} | {
        "test_accuracy": scores["test"].get("accuracy"),
        "train_accuracy": scores["train"].get("accuracy"),
        "validation_loss": record["loss"]["validation"],
        "train_loss": record["loss"]["train"],
        "test_nmi": scores["test"].get("nmi"),
        "train_nmi": scores["train"].get("nmi"),
        "curve": digest(curve) if curve else "",
        "commit": commit(came_from),
        "source": came_from["source_digest"][:12],
        "data": came_from["data_digest"][:12],
        "settings": digest(came_from["settings"]),
        "made_with": " ".join([came_from["device"], *(f"{name} {versions[name]}" for name in sorted(versions))]),
    }


def lines(records):
    """Scored records as lines of the reference."""
    return pd.DataFrame([run_of(record) for record in records], columns=COLUMNS)


def scored_below(folder):
    """All records below a folder, with scores; `ValueError` where there are none."""
    files = sorted(Path(folder).rglob("records/*/*.jsonl"))
    if not files:
        raise ValueError(f"{folder}: there are no records")
    return each_scored(files)


def read_runs(path):
    """Runs from a folder with records, or from a CSV as `reference` writes it.

    Raises
    ------
    ValueError
        Without records, or for a file that is no CSV, is cut off or has other columns, no lines, a run twice, a status
        that no record has, something else than a number or one that no score can be, such as a percentage.
    """
    path = Path(path)
    if not path.is_file():
        runs = lines(scored_below(path))
    else:
        check_lines(path)
        words = dict.fromkeys(WORDS, lambda word: word or None)  # pandas takes a cell called None for a missing value
        runs = pd.read_csv(path, converters=words)
        if "split" not in runs and len(runs.columns) >= len(CELL):  # from before splits were repeated
            runs.insert(len(CELL), "split", 0)
        if list(runs.columns) != COLUMNS:
            raise ValueError(f"{path}: expected the columns {','.join(COLUMNS)}")
    check_runs(path, runs)
    return runs.assign(**{name: numbers(path, runs, name) for name in NUMBERS}).fillna(dict.fromkeys(WORDS, ""))


def check_lines(path):
    """Raise `ValueError` for a line with more or fewer cells than the first, which pandas would shift or fill."""
    lines = [(number, len(cells)) for number, cells in table(path) if cells]
    for number, cells in lines:
        if cells != lines[0][1]:
            raise ValueError(f"{path}, line {number}: {cells} cells, expected {lines[0][1]}: is the file whole?")
    if not lines:
        raise ValueError(f"{path}: it is empty, expected the columns {','.join(COLUMNS)}")


def check_runs(path, runs):
    """Raise `ValueError` for no runs, and for the first one that can't be told from others or has an unknown status."""
    if runs.empty:
        raise ValueError(f"{path}: no line of a run")
    run = [*PART, "seed"]
    for wrong, told in (
        (runs[[*run, "status"]].isna().any(axis=1), "a line without a cell, seed or status"),
        (runs.duplicated(run), "a run that is there twice"),
        (~runs.status.isin(STATUSES), f"its status is none of {', '.join(STATUSES)}"),
    ):
        if wrong.any():
            first = runs[wrong].iloc[0]
            raise ValueError(f"{path}: {called(first[PART])}, seed {first.seed}: {told}")


def numbers(path, runs, name):
    """Column `name` as floats, NaN where it is empty; `ValueError` for the first run whose number it can't be."""
    least, most = RANGES.get(name.split("_")[1], (-np.inf, np.inf))
    values = pd.to_numeric(runs[name], errors="coerce").astype(float)
    wrong = values.isna() & runs[name].notna() | outside(values, least, most)
    if wrong.any():
        first = runs[wrong].iloc[0]
        told = f"{called(first[PART])}, seed {first.seed}: {name} is {first[name]}"
        raise ValueError(f"{path}: {told}, expected a number from {least:g} to {most:g}")
    return values


def reference(records, path):
    """Store scored records as the reference `path`."""
    write_text(path, lines(records).to_csv(index=False, lineterminator="\n"))


def impossible(runs):
    """Sentences about what can't be by chance: one run under two seeds, scores of the wrong split."""
    found = []
    ok = runs[runs.status == "ok"]
    for cell, own in ok.groupby(PART, sort=False):
        twins = own[(own.curve != "") & own.curve.duplicated(keep=False)]
        if len(twins):
            seeds = " and ".join(map(str, twins.seed[twins.curve == twins.curve.iloc[0]]))
            found.append(f"{called(cell)}: seeds {seeds} have the same loss curve: a seed is used twice")
        same = (own.test_accuracy == own.train_accuracy) & (own.test_nmi == own.train_nmi)
        telling = own.test_nmi.between(0, 1, inclusive="neither")  # perfect on both splits is no sign
        if telling.any() and same[telling].all():
            found.append(f"{called(cell)}: the test scores are those of the training split")
    return found


def called(part):
    """A cell in words, and which split of it unless that is the first."""
    *cell, split = part
    return ", ".join(map(str, cell)) + (f", split {split}" if split else "")


def t_test(before, now, floor):
    """Two-sided p-value of equal means; the pooled standard deviation is at least `floor`."""
    n, m = len(before), len(now)
    squares = ((before - before.mean()) ** 2).sum() + ((now - now.mean()) ** 2).sum()
    deviation = max(np.sqrt(squares / (n + m - 2)), floor)
    return float(2 * stats.t.sf(abs(now.mean() - before.mean()) / (deviation * np.sqrt(1 / n + 1 / m)), n + m - 2))


def vanished(ok):
    """(p-value, sentence) of whether ok runs, before and now, have as many of their numbers.

    A number that all runs or none have on both sides is no comparison.
    """
    if any(good.empty for good in ok):
        return
    for metric in NUMBERS:
        there = [np.isfinite(good[metric]) for good in ok]
        if pd.concat(there).nunique() < 2:
            continue
        old, new = (f"{has.sum()}/{len(has)}" for has in there)
        p = stats.fisher_exact([(has.sum(), (~has).sum()) for has in there]).pvalue
        settled = there[0].nunique() < 2 or not there[1].any()
        yield 0.0 if settled else p, f"{new} ok runs have a {metric.replace('_', ' ')} instead of {old}"


def checks(before, now):
    """(p-value, sentence) of all that is tested in one cell; p is 0 for what needs no test: see the module's text."""
    ok = [runs[runs.status == "ok"] for runs in (before, now)]
    failed = [(len(good), len(runs) - len(good)) for good, runs in zip(ok, (before, now), strict=True)]
    shares = [f"{good}/{good + bad}" for good, bad in failed]
    none_left = 2 * len(ok[0]) > len(before) and ok[1].empty
    yield 0.0 if none_left else stats.fisher_exact(failed).pvalue, f"{shares[1]} runs ok instead of {shares[0]}"
    yield from vanished(ok)
    for metric in NUMBERS:
        old, new = (good[metric][np.isfinite(good[metric])].to_numpy() for good in ok)
        if not len(old) or not len(new):  # which `vanished` tells
            continue
        change = new.mean() - old.mean()
        told = f"{metric.replace('_', ' ')} {new.mean():.3f} instead of {old.mean():.3f} ({change:+.3f})"
        kind = metric.split("_")[1]
        if len(old) + len(new) > 2:
            yield t_test(old, new, FLOOR[kind] * (abs(old.mean()) if kind == "loss" else 1)), told
        elif metric in ("test_accuracy", "test_nmi") and abs(change) > TOLERANCE:
            yield 0.0, told


def holm(p_values, level):
    """Which hypotheses Holm's procedure rejects, bool of shape (n,)."""
    order = np.argsort(p_values)
    passed = np.sort(p_values) <= level / np.arange(len(p_values), 0, -1)
    rejected = np.zeros(len(p_values), bool)
    rejected[order[: len(order) if passed.all() else passed.argmin()]] = True
    return rejected


def origin(commits):
    """Commits in words, also of a project that keeps none."""
    return ", ".join(sorted(set(commits) - {""})) or "an unknown commit"


def since(before, now):
    """Where a move may come from: the reference's commit, and what else differs from it."""
    changed = [name.replace("_", " ") for name in CAUSES if set(before[name]) != set(now[name])]
    return f"since {origin(before.commit)}; by the records, {', '.join(changed) or 'nothing'} changed"


def absent(these, those, what):
    """A sentence for every cell of which some splits are in `these` and not in `those`."""
    missing = {}
    for *cell, split in these:
        if (*cell, split) not in those:
            missing.setdefault(", ".join(cell), []).append(str(split))
    which = {cell: "" if of == ["0"] else f", splits {', '.join(of)}" for cell, of in missing.items()}
    return [f"{cell}{of}: {what}" for cell, of in which.items()]


def moved(before, now):
    """Sentences about cells that moved: tables of runs, as `read_runs` gives them."""
    old, new = (dict(list(runs.groupby(PART, sort=False))) for runs in (before, now))
    sentences = absent(new, old, "not in the reference") + absent(old, new, "no records")
    both = [cell for cell in old if cell in new]
    tested = [(cell, *check) for cell in both for check in checks(old[cell], new[cell])]
    rejected = holm(np.array([p for _, p, _ in tested]), FALSE_ALARMS)
    for cell in both:
        mine = [(p, text) for (where, p, text), red in zip(tested, rejected, strict=True) if red and where == cell]
        told = [f"{text}, p = {p:.0e}" for p, text in mine]
        if told:
            sentences.append(f"{called(cell)}: {'; '.join(told)}; {since(old[cell], new[cell])}")
    return sentences


def differ(before, now, path):
    """Sentences about runs that aren't equal to the reference's, for the machine that made it.

    Raises
    ------
    ValueError
        When the runs were made with other versions or devices, so that equal numbers can't be asked for.
    """
    others = set(before.made_with) ^ set(now.made_with)
    if others:
        raise ValueError(f"{path}: exact: made with {before.made_with.iloc[0]}, these with {now.made_with.iloc[0]}")
    runs = before.merge(now, on=[*PART, "seed"], how="outer", suffixes=("", "_now"), indicator=True)
    sentences = []
    for _, run in runs.iterrows():
        name = f"{called(run[PART])}, seed {run.seed}"
        if run._merge != "both":
            sentences.append(f"{name}: {'no record' if run._merge == 'left_only' else 'not in the reference'}")
            continue
        told = [] if run.status == run.status_now else [f"{run.status_now} instead of {run.status}"]
        told += [
            f"{metric.replace('_', ' ')} {run[f'{metric}_now']:.6g} instead of {run[metric]:.6g}"
            for metric in NUMBERS
            if not np.isclose(run[metric], run[f"{metric}_now"], rtol=DIGITS, atol=1e-9, equal_nan=True)
        ]
        if told:
            sentences.append(f"{name}: {'; '.join(told)}; since {origin([run.commit])}")
    return sentences


def better(folder, row):
    """A sentence for every other row under `folder`, a reading's results, on whether `row` is better than it.

    The statistics are those of `reports.ranks`, of the test split or, where all is trained on, of everything.

    Raises
    ------
    ValueError
        Without records, for those of several readings, or when there is no such row.
    """
    records = list(each_scored(sorted(Path(folder).rglob("records/*/*.jsonl"))))
    readings = sorted({record["reading"] for record in records})
    if len(readings) != 1:
        raise ValueError(f"{folder}: expected records of one reading, found {', '.join(readings) or 'none'}")
    tested = any((record["scores"]["test"] or {}).get("ari") is not None for record in records)
    table = ranks.cells(ranks.with_empty_clusters(frame(records, "test" if tested else "train")))
    mine = [cell for cell in table.index if cell[0] == row]
    if not mine or len(table) == 1:
        there = ", ".join(dict.fromkeys(method for method, _ in table.index))
        raise ValueError(f"{folder}: no row {row!r} and another to compare it with (there are {there})")
    return [
        f"{ranks.told(pair, ', '.join)} (on {pair.sets} data sets)"
        for cell in mine
        for pair in ranks.against(table, cell).itertuples()
    ]


def compare(path, reference_path, exact=False):
    """Everything that is to be said about the runs of `path`, a folder or a CSV; empty when nothing moved."""
    before, now = read_runs(reference_path), read_runs(path)
    return impossible(now) + (differ(before, now, reference_path) if exact else moved(before, now))
