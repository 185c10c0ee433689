"""Differences between rows, seed by seed, with intervals; and why no critical-difference diagram is drawn."""

import numpy as np
import pandas as pd
from scipy import stats

from datasets.seeds import seed_sequence

from .statistics import RESAMPLES, percentiles
from .tables import number, span, title

STATISTICS = {"mean": np.mean, "inter-quartile mean": lambda values, axis: stats.trim_mean(values, 0.25, axis=axis)}


def differences(runs, cell, reference, deterministic):
    """Accuracy of the reference less that of a cell for every seed of a split that both have; NaN where one isn't ok.

    Parameters
    ----------
    runs : DataFrame
        Of one data set.
    cell, reference : (method, vectorization)
    deterministic : set of str
        Methods whose only run on a split stands for all its seeds.

    Returns
    -------
    Series
        By split and seed.
    """
    found = []
    for method, vectorization in (reference, cell):
        own = runs[(runs.method == method) & (runs.vectorization == vectorization)].set_index(["split", "seed"])
        found.append(own.accuracy.where(own.status == "ok").astype(float))
    ours, other = found
    if cell[0] in deterministic and len(other):
        other = for_every_seed(other, ours.index)
    elif reference[0] in deterministic and len(ours):
        ours = for_every_seed(ours, other.index)
    return (ours - other).loc[ours.index.intersection(other.index)]


def for_every_seed(only, index):
    """A method's `only` run on every split, at each seed of an `index`; splits that it has no run on are left out."""
    of_split = only.droplevel("seed")
    index = index[index.isin(of_split.index, level="split")]
    return pd.Series(of_split.loc[index.get_level_values("split")].to_numpy(), index)


def interval(pairs, statistic, name):
    """95 % interval of a statistic of `differences`; (None, None) with one ok pair, or with one of several splits ok.

    Pairs of a split share its data, and the number of a method without randomness. So with several splits it is
    Student's t over them, with the jackknife's standard error (which of the mean, with as many pairs on each split, is
    that of the means of the splits). With one it is a percentile bootstrap over pairs and says nothing of other splits.

    Parameters
    ----------
    pairs : Series
    statistic : callable
        Of an array along an axis, as in `STATISTICS`.
    name : tuple of str
        Of the pairs; gives them a random stream of their own.
    """
    ok = pairs.dropna()
    values = ok.to_numpy()
    if pairs.index.get_level_values("split").nunique() > 1:
        return jackknife(values, ok.index.get_level_values("split"), statistic)
    if len(values) < 2:
        return None, None
    rng = np.random.default_rng(seed_sequence(0, "pairs", *name))
    return percentiles(statistic(values[rng.integers(len(values), size=(RESAMPLES, len(values)))], axis=1))


def jackknife(values, group, statistic):
    """95 % interval of a statistic of differences from what it is without each group; (None, None) with one group."""
    n = group.nunique()
    if n < 2:
        return None, None
    without = np.array([statistic(values[group != one], axis=0) for one in group.unique()])
    reach = stats.t.ppf(0.975, n - 1) * np.sqrt((n - 1) * without.var())
    return np.clip(statistic(values, axis=0) + np.array([-reach, reach]), -1, 1)


def crossed(values):
    """95 % interval of the mean over runs and problems, every run on every problem; (None, None) with one value.

    Student's t, the variance that of the runs' means by their number plus that of the problems' means by theirs, with
    Satterthwaite's degrees of freedom. What runs and problems share is in both, so the interval is rather too wide.
    With a single run it is over the problems alone and says nothing of other runs.

    Parameters
    ----------
    values : ndarray of shape (runs, problems)
    """
    means = [own for own in (values.mean(axis=1), values.mean(axis=0)) if len(own) > 1]
    if not means:
        return None, None
    variances = np.array([own.var(ddof=1) / len(own) for own in means])
    reach = 0.0
    if variances.any():
        freedom = variances.sum() ** 2 / (variances**2 / [len(own) - 1 for own in means]).sum()
        reach = stats.t.ppf(0.975, freedom) * np.sqrt(variances.sum())
    return values.mean() - reach, values.mean() + reach


def paired_table(runs, rows, deterministic):
    """The last of the `rows` less each other row, on every data set.

    Parameters
    ----------
    runs : DataFrame
        As `runs.results.frame` gives it.
    rows : list of (method, vectorization)
        In the order of the table, controls left out.
    deterministic : set of str

    Returns
    -------
    DataFrame of str
    """
    lines = []
    for dataset, own in runs.groupby("dataset", sort=False):
        for cell in rows[:-1]:
            pairs = differences(own, cell, rows[-1], deterministic)
            ok = pairs.dropna().to_numpy()
            if not len(pairs) or own.accuracy.isna().all():
                continue
            line = dict(zip(["data set", "method", "input"], map(title, (dataset, *cell)), strict=True))
            for name, statistic in STATISTICS.items():
                line[name] = number(statistic(ok, axis=0) if len(ok) else None, "+z.2f")
                line[f"95 % interval of the {name}"] = span(*interval(pairs, statistic, (dataset, *cell)), "+z.2f")
            line |= {"seeds ahead": f"{int((ok > 0).sum())}/{len(ok)}", "pairs ok": f"{len(ok)}/{len(pairs)}"}
            lines.append(line)
    intervals = [name for statistic in STATISTICS for name in (statistic, f"95 % interval of the {statistic}")]
    return pd.DataFrame(lines, columns=["data set", "method", "input", *intervals, "seeds ahead", "pairs ok"])


def explained(rows, n_datasets):
    """What the table is, and what four data sets can't tell, as sentences.

    The critical difference is Nemenyi's at 5 % (Demšar, JMLR 2006): of mean ranks over data sets.
    """
    k = len(rows)
    notes = [
        f"Every line: accuracy of {title(rows[-1][0])}, {title(rows[-1][1])} (the last row of the config) less that of"
        " the line's row, seed by seed; the inter-quartile mean leaves out the lowest and the highest quarter. A pair"
        " with a run that isn't ok is left out and counted. Runs of one seed share the split and nothing else: each"
        " method draws its own random numbers from the seed. A method without randomness has one run on a split, which"
        " is paired with every seed of it. Where a line's pairs are of several splits, intervals are Student's t over"
        " the splits, with the jackknife's standard error, as pairs of one split share its data; where they are of one,"
        " intervals are percentile bootstrap over the pairs and say nothing of other splits.",
    ]
    if k > 1:
        critical = stats.studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * n_datasets))
        can = "more than is possible" if critical > k - 1 else f"of at most {k - 1}"
        counted = f"{n_datasets} data set{'s' * (n_datasets > 1)}"
        notes.append(
            f"No critical-difference diagram: with {counted} and {k} rows two mean ranks would have to lie"
            f" {critical:.1f} apart ({can}) to be told apart at 5 %, so that such a diagram would join"
            f" {'all' if critical > k - 1 else 'nearly all'} rows whatever the accuracies are."
        )
    return notes
