"""Statistics from records: the paper's protocol, intervals over runs, and how many runs an interval takes.

The paper's protocol takes, of all runs of DDC and RDDC, the one with the lowest loss and reports its scores on the test
split. It says so of these two alone (``by_loss`` of a method's class), so all others report the mean over their runs. A
number of ours is the mean over the splits of what the protocol gives on each. Runs that are not ok are never selected
and enter no mean; they are counted.
"""

import numpy as np
import pandas as pd

from datasets.seeds import seed_sequence, split_words
from methods.base import load_method
from runs.results import frame
from runs.scores import SCORES

from .published import CELL, published_scores
from .verdict import JUDGED, once_more, prediction_interval, verdict

RESAMPLES = 2000
WANTED, LEAST = 0.02, 5  # half-width of an interval; runs without which nothing is said about more of them
WORDS = (*CELL, "reading", "control", "failures", "by_loss", "seeds_lowest", "seeds_mean")


def seconds_tried(runs):
    """Mean seconds of the runs that were tried: the others, after timeouts or failed pretraining, took no memory."""
    return runs.seconds[runs.peak_memory_mib > 0].mean()


def select(runs, selection):
    """Index of the ok run with the lowest loss on split `selection`; None without an ok run or a loss."""
    losses = runs.loc[runs.status == "ok", f"loss_{selection}"].astype(float)
    return None if losses.isna().all() else losses.idxmin()


def selecting(runs, selection):
    """`selection` for a method whose run the paper selects by its loss, None for one whose runs it averages."""
    return selection if load_method(runs.algorithm.iloc[0]).by_loss else None


def of_splits(runs):
    """The runs of every split of one cell."""
    return [own.reset_index(drop=True) for _, own in runs.groupby("split")]


def split_score(runs, selection, score):
    """`score` on one split: that of the run with the lowest loss, or the mean over ok runs where none is selected.

    NaN without an ok run.
    """
    ok = runs[runs.status == "ok"]
    chosen = None if selection is None else select(runs, selection)
    return float(ok[score].mean() if chosen is None else runs.loc[chosen, score])


def protocol_scores(runs, selection, score):
    """`split_score` of every split, shape (splits,)."""
    return np.array([split_score(own, selection, score) for own in of_splits(runs)])


def mean(values, axis=None):
    """Mean of the numbers among `values`; NaN without any, and no warning."""
    there = ~np.isnan(values)
    total, number = np.where(there, values, 0).sum(axis), there.sum(axis)
    return np.divide(total, number, out=np.full(np.shape(total), np.nan), where=number > 0)[()]


def protocol_score(runs, selection, score):
    """Mean over the splits of `protocol_scores`; None without an ok run."""
    value = mean(protocol_scores(runs, selection, score))
    return None if np.isnan(value) else float(value)


def resample(runs, selection, name, size=None, score="accuracy", values=None):
    """`split_score` in `RESAMPLES` resamples of the runs on one split, failed ones among them.

    A failed run can be drawn, but it is neither selected nor averaged; a resample without any ok run gives no number.

    Parameters
    ----------
    runs : DataFrame
        The runs of one cell on one split.
    selection : {"train", "validation"} or None
    name : str
        Of the cell; gives it a random stream of its own on every split.
    size : int, optional
        Runs in a resample; as many as there are when left out.
    score : str
    values : ndarray of shape (n, RESAMPLES), optional
        Another score of every run in each resample, in place of the record's.

    Returns
    -------
    ndarray of shape (RESAMPLES,)
        NaN where there is no number.
    """
    ok = (runs.status == "ok").to_numpy()
    rng = np.random.default_rng(seed_sequence(0, "bootstrap", name, *split_words(int(runs["split"].iloc[0]))))
    draws = rng.integers(len(runs), size=(RESAMPLES, size or len(runs)))
    if values is None:
        values = np.repeat(runs[score].to_numpy(float)[:, None], RESAMPLES, axis=1)
    each = np.arange(RESAMPLES)
    if selection is not None and select(runs, selection) is not None:
        loss = runs[f"loss_{selection}"].to_numpy(float)
        usable = np.where(ok & ~np.isnan(loss), loss, np.inf)[draws]
        chosen = draws[each, usable.argmin(axis=1)]
        return np.where(np.isfinite(usable.min(axis=1)), values[chosen, each], np.nan)
    return mean(np.where(ok[draws], values[draws, each[:, None]], np.nan), axis=1)


def resample_splits(runs, selection, name, size=None, score="accuracy"):
    """`resample` on every split, shape (splits, RESAMPLES)."""
    return np.stack([resample(own, selection, name, size, score) for own in of_splits(runs)])


def percentiles(values):
    """(2.5 %, 97.5 %) of the numbers among `values`; (None, None) without any."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None, None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def bootstrap(runs, selection, name, size=None):
    """Interval (2.5 %, 97.5 %) of the mean over the splits in resamples of the runs; (None, None) without an ok run.

    It says how much chance of the initialisations there is in a number of ours, and nothing of other splits.
    """
    return percentiles(mean(resample_splits(runs, selection, name, size), axis=0))


def predicted(runs, selection, score, name, scored):
    """`reports.verdict.prediction_interval` of a cell's protocol, from its runs."""
    error = runs[f"{score}_error"][runs.status == "ok"].mean() if scored == "test" else 0.0
    draws = resample_splits(runs, selection, name, score=score)
    numbers, error = protocol_scores(runs, selection, score), 0.0 if np.isnan(error) else error
    return prediction_interval(numbers, draws, error, unseen(runs[score][runs.status == "ok"], runs, selection))


def unseen(values, runs, selection):
    """What `prediction_interval` is told of the `values` of a cell's ok `runs`."""
    if load_method(runs.algorithm.iloc[0]).deterministic:
        return 0.0
    choice = 0 if selection is None else runs.loc[values.index, f"loss_{selection}"].notna().sum()
    # A choice by loss isn't one more run; what it may give, resamples tell as soon as there are two to choose from.
    return 0.0 if choice > 1 else once_more(values)


def chances(runs, least, name):
    """How likely a choice picks a run whose accuracy is `least` or more.

    Returns
    -------
    dict of str to float
        ``any``: the share of such runs among the ok ones. ``train``, ``validation``: the share of resamples of the runs
        in which the run with the lowest loss on that split is such a one; NaN where there is no such loss.
    """
    picked = {
        part: np.nan if select(runs, part) is None else mean(resample_splits(runs, part, name) >= least)
        for part in ("train", "validation")
    }
    return {"any": (runs.accuracy[runs.status == "ok"] >= least).mean()} | picked


def seeds_needed(runs, selection, name):
    """How many runs a split it takes until the half-width of `bootstrap` is `WANTED`, from the runs that there are.

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
    n = int(runs.groupby("split").size().min())
    if (runs.status == "ok").groupby(runs["split"]).sum().min() < LEAST:
        return f"> {n}"
    halves = {}
    for size in range(2, n + 1):
        low, high = bootstrap(runs, selection, name, size)
        halves[size] = np.inf if low is None else (high - low) / 2
    too_wide = [size for size, half in halves.items() if half > WANTED]
    if not too_wide:
        return "2"
    if max(too_wide) < n:
        return str(max(too_wide) + 1)
    needed = int(np.ceil(n * (halves[n] / WANTED) ** 2))
    if selection is not None:
        return f"> {n}"
    return f"about {needed}" if needed <= 10 * n else f"> {10 * n}"


def summarise(records, reading, selection, scored="test", published="rddc_table1", controls=()):
    """One row a cell, ours and the paper's.

    Parameters
    ----------
    records : list of dict
        All of one reading.
    reading : str
    selection : {"train", "validation"}
        Split whose loss selects a run of a method that is selected by it. Labels can't: no score is looked at.
    scored : {"test", "train"}
        Split whose scores are shown.
    published : str or None
        Table of `reports.published`.
    controls : set of (method, vectorization)
        Rows that are controls.

    Returns
    -------
    DataFrame
        `CELL`, reading, control, n, n_ok, splits, failures; every score by the paper's protocol, mean over splits, and
        as published; of ACC and NMI the prediction interval, the lowest-loss run's, the collapsed runs' mean, which
        enters nothing else, and the verdict; of the accuracy the mean over ok runs and the best run, both as means over
        the splits, the std over all ok runs (ddof 1; missing with fewer than 2), and the difference. What there is not
        is None or NaN.
    """
    strangers = {record["reading"] for record in records} - {reading}
    if strangers:
        raise ValueError(f"records of reading {min(strangers)} among those of {reading}")
    rows = [
        dict(zip(CELL, cell, strict=True))
        | {"reading": reading, "control": cell[:2] in controls}
        | cell_statistics(group.reset_index(drop=True), selection, " ".join(cell), scored)
        for cell, group in frame(records, scored).groupby(CELL, sort=False)
    ]
    # A method cut off before its last phase is another, k-means on its codes, which no number of its paper measures.
    cut = {record["method"] for record in records if record["provenance"]["settings"].get("cluster_updates") == 0}
    methods = {record["method"]: record["algorithm"] for record in records if record["method"] not in cut}
    theirs = published_scores(published, [score.name for score in SCORES], methods)
    table = pd.DataFrame(rows).merge(theirs[~theirs.method.isin(cut)], on=CELL, how="left")
    numbers = [name for name in table.columns if name not in WORDS]
    table[numbers] = table[numbers].astype(float)
    table["difference"] = table.accuracy - table.published_accuracy
    for score, column in zip(JUDGED, ("verdict", "verdict_nmi"), strict=True):
        columns = [score, f"{score}_low", f"{score}_high", f"published_{score}", f"rounding_{score}"]
        table[column] = [verdict(*row) for row in table[columns].itertuples(index=False)]
    return table


def cell_statistics(runs, selection, name, scored):
    """What `summarise` says of the `runs` of one cell, called `name`."""
    ok = runs[runs.status == "ok"]
    by = selecting(runs, selection)
    has_loss = select(runs, selection) is not None
    failures = runs.status[runs.status != "ok"].value_counts()
    intervals = {}
    for score in JUDGED:
        intervals |= dict(zip((f"{score}_low", f"{score}_high"), predicted(runs, by, score, name, scored), strict=True))
        intervals[f"lowest_{score}"] = protocol_score(runs, selection, score) if has_loss else None
        intervals[f"collapsed_{score}"] = runs[score][runs.status == "collapsed"].mean()
    for of, which in (("lowest", selection), ("mean", None)):
        found = bootstrap(runs, which, name) if has_loss else (None, None)
        intervals |= dict(zip((f"{of}_low", f"{of}_high"), found, strict=True))
        intervals[f"seeds_{of}"] = seeds_needed(runs, which, name) if has_loss else "–"
    return {
        "n": len(runs),
        "n_ok": len(ok),
        "splits": runs["split"].nunique(),
        "failures": ", ".join(f"{count} {status}" for status, count in failures.items()),
        "by_loss": by is not None and has_loss,
        **{score.name: protocol_score(runs, by, score.name) for score in SCORES},
        **intervals,
        "mean": protocol_score(runs, None, "accuracy"),
        "std": ok.accuracy.std(ddof=1),
        "best": ok.groupby("split").accuracy.max().mean(),
        "seconds": seconds_tried(runs),
        "pretraining_seconds": runs.get("pretraining_seconds", pd.Series(dtype=float)).mean(),
        "peak_memory_mib": runs.peak_memory_mib.max(),
        "sequences": runs.sequences[runs.found > 0].max(),  # a failed run doesn't say how many it took
        "updates": runs.updates.max(),
        "epochs": runs.epochs.max(),
        "parameters": runs.parameters.max(),
    }
