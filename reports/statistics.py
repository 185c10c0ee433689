"""Statistics from records: the paper's protocol, intervals over runs, and how many runs an interval takes.

The paper's protocol takes, of all runs of a cell, the one with the lowest loss and reports its scores on the test
split. A method without a loss (Ward, spectral clustering) reports the mean over its runs instead. Runs that are not ok
are never selected and enter no mean; they are counted.
"""

import numpy as np
import pandas as pd

from datasets.seeds import seed_sequence
from runs.results import frame
from runs.scores import SCORES

from .published import CELL, published_scores
from .verdict import verdict

RESAMPLES = 2000
WANTED, LEAST = 0.02, 5  # half-width of an interval; runs without which nothing is said about more of them
WORDS = (*CELL, "reading", "control", "failures", "by_loss", "seeds_protocol", "seeds_mean")


def select(runs, selection):
    """Index of the ok run with the lowest loss on split `selection`; None without an ok run or a loss."""
    losses = runs.loc[runs.status == "ok", f"loss_{selection}"].astype(float)
    return None if losses.isna().all() else losses.idxmin()


def protocol_score(runs, selection, score):
    """`score` of the selected run; the mean over ok runs for a method without a loss; None without an ok run."""
    ok = runs[runs.status == "ok"]
    if ok.empty or ok[score].isna().all():
        return None
    chosen = select(runs, selection)
    return float(ok[score].mean() if chosen is None else runs.loc[chosen, score])


def resample(runs, selection, statistic, name, size=None, accuracy=None):
    """A statistic of the accuracy in `RESAMPLES` resamples of the runs, failed ones among them.

    A failed run can be drawn, but it is neither selected nor averaged; a resample without any ok run gives no number.

    Parameters
    ----------
    runs : DataFrame
        The runs of one cell.
    statistic : {"protocol", "mean"}
    name : str
        Of the cell; gives it a random stream of its own.
    size : int, optional
        Runs in a resample; as many as there are when left out.
    accuracy : ndarray of shape (n, RESAMPLES), optional
        Another accuracy of every run in each resample, in place of the record's.

    Returns
    -------
    ndarray of shape (RESAMPLES,)
        NaN where there is no number.
    """
    ok = (runs.status == "ok").to_numpy()
    rng = np.random.default_rng(seed_sequence(0, "bootstrap", name))
    draws = rng.integers(len(runs), size=(RESAMPLES, size or len(runs)))
    if accuracy is None:
        accuracy = np.repeat(runs.accuracy.to_numpy(float)[:, None], RESAMPLES, axis=1)
    loss = runs[f"loss_{selection}"].to_numpy(float)
    each = np.arange(RESAMPLES)
    if statistic == "protocol" and not np.isnan(loss[ok]).all():
        usable = np.where(ok & ~np.isnan(loss), loss, np.inf)[draws]
        chosen = draws[each, usable.argmin(axis=1)]
        return np.where(np.isfinite(usable.min(axis=1)), accuracy[chosen, each], np.nan)
    drawn = np.where(ok[draws], accuracy[draws, each[:, None]], 0)
    counts = ok[draws].sum(axis=1)
    return np.divide(drawn.sum(axis=1), counts, out=np.full(RESAMPLES, np.nan), where=counts > 0)


def percentiles(values):
    """(2.5 %, 97.5 %) of the numbers among `values`; (None, None) without any."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None, None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def bootstrap(runs, selection, statistic, name):
    """Percentile interval (2.5 %, 97.5 %) of `resample`; (None, None) without any ok run."""
    return percentiles(resample(runs, selection, statistic, name))


def seeds_needed(runs, selection, statistic, name):
    """How many runs it takes until the half-width of the interval is `WANTED`, from the runs that there are.

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
    n, n_ok = len(runs), int((runs.status == "ok").sum())
    if n_ok < LEAST:
        return f"> {n}"
    halves = {}
    for size in range(2, n + 1):
        low, high = percentiles(resample(runs, selection, statistic, name, size))
        halves[size] = np.inf if low is None else (high - low) / 2
    too_wide = [size for size, half in halves.items() if half > WANTED]
    if not too_wide:
        return "2"
    if max(too_wide) < n:
        return str(max(too_wide) + 1)
    needed = int(np.ceil(n * (halves[n] / WANTED) ** 2))
    if statistic == "protocol":
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
        Split whose loss selects a run. Labels can't: no score is looked at.
    scored : {"test", "train"}
        Split whose scores are shown.
    published : str or None
        Table of `reports.published`.
    controls : set of (method, vectorization)
        Rows that are controls.

    Returns
    -------
    DataFrame
        `CELL`, reading, control, n, n_ok, failures; every score by the paper's protocol and as published; of the
        accuracy the interval, mean, std (ddof 1; missing with fewer than 2 ok runs), best, difference and verdict.
        What there is not is None or NaN.
    """
    strangers = {record["reading"] for record in records} - {reading}
    if strangers:
        raise ValueError(f"records of reading {min(strangers)} among those of {reading}")
    rows = [
        dict(zip(CELL, cell, strict=True))
        | {"reading": reading, "control": cell[:2] in controls}
        | cell_statistics(group.reset_index(drop=True), selection, " ".join(cell))
        for cell, group in frame(records, scored).groupby(CELL, sort=False)
    ]
    methods = {record["method"]: record["algorithm"] for record in records}
    theirs = published_scores(published, [score.name for score in SCORES], methods)
    table = pd.DataFrame(rows).merge(theirs, on=CELL, how="left")
    numbers = [name for name in table.columns if name not in WORDS]
    table[numbers] = table[numbers].astype(float)
    table["difference"] = table.accuracy - table.published_accuracy
    columns = ["accuracy", "accuracy_low", "accuracy_high", "published_accuracy"]
    table["verdict"] = [verdict(*row) for row in table[columns].itertuples(index=False)]
    return table


def cell_statistics(runs, selection, name):
    """What `summarise` says of the `runs` of one cell, called `name`."""
    ok = runs[runs.status == "ok"]
    low, high = bootstrap(runs, selection, "protocol", name)
    mean_low, mean_high = bootstrap(runs, selection, "mean", name)
    failures = runs.status[runs.status != "ok"].value_counts()
    return {
        "n": len(runs),
        "n_ok": len(ok),
        "failures": ", ".join(f"{count} {status}" for status, count in failures.items()),
        "by_loss": select(runs, selection) is not None,
        **{score.name: protocol_score(runs, selection, score.name) for score in SCORES},
        "accuracy_low": low,
        "accuracy_high": high,
        "mean": ok.accuracy.mean(),
        "mean_low": mean_low,
        "mean_high": mean_high,
        "std": ok.accuracy.std(ddof=1),
        "best": ok.accuracy.max(),
        "seeds_protocol": seeds_needed(runs, selection, "protocol", name),
        "seeds_mean": seeds_needed(runs, selection, "mean", name),
        "seconds": runs.seconds.mean(),
        "peak_memory_mib": runs.peak_memory_mib.max(),
        "sequences": runs.sequences[runs.found > 0].max(),  # a failed run doesn't say how many it took
        "updates": runs.updates.max(),
        "epochs": runs.epochs.max(),
        "parameters": runs.parameters.max(),
    }
