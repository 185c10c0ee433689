"""Rows ranked over many data sets, and what can be said of a difference between two.

As Demšar (JMLR 2006) and Benavoli, Corani, Mangili (JMLR 2016) have it: Friedman's test asks whether all rows are
alike, Wilcoxon's signed-rank test whether two are, held to `LEVEL` for all pairs together by Holm's procedure. What is
ranked is the mean over a cell's ok runs. Tests and intervals take the data sets on which every row has one, so that no
failure is given a number; `RULE` says what becomes of the others.
"""

import itertools

import numpy as np
import pandas as pd
from scipy import stats

from datasets.seeds import seed_sequence

from .statistics import RESAMPLES, percentiles

LEVEL = 0.05
ROW = ["method", "vectorization"]
PAIR = ["one", "other", "difference", "low", "high", "wins", "ties", "losses", "p", "ahead"]
DIGITS = 9  # to which two means are a tie
FEWEST = 0.5  # share of the clusters asked for
RULE = (
    "A run that leaves clusters empty is called collapsed in its record. Here, where the adjusted Rand index takes any"
    " number of clusters, it counts as ok if it uses half of them or more, and two at least. A row without an ok run"
    " on a data set has failed there. Ranks, tests and intervals are over the data sets on which no row failed; “all"
    " sets” are mean ranks over every data set, where rows that failed share the last places."
)


def with_empty_clusters(runs):
    """The runs, as `runs.results.frame` gives them; those that use `FEWEST` of the clusters, and two, are ok."""
    enough = (runs.status == "collapsed") & (runs.found >= (FEWEST * runs.n_clusters).clip(lower=2))
    return runs.assign(status=runs.status.mask(enough, "ok"))


def cells(runs, score="ari"):
    """Mean of a score over the ok runs of every cell: a row a line, a data set a column, NaN where no run is ok.

    Parameters
    ----------
    runs : DataFrame
        As `runs.results.frame` gives it.
    score : str
    """
    number = runs[score].where(runs.status == "ok").groupby([runs[name] for name in (*ROW, "dataset")])
    # In the order of the runs by hand: unstack(sort=False) puts numbers under other rows where a cell is missing.
    order = pd.MultiIndex.from_frame(runs[ROW].drop_duplicates())
    return number.mean().round(DIGITS).unstack("dataset").reindex(order, columns=runs.dataset.unique())


def ranks(table):
    """Rank of every row on each data set: 1 is the best, equals share, and so do those that failed, at the end."""
    return table.rank(ascending=False, na_option="bottom")


def complete(table):
    """The data sets on which every row has a number."""
    return table.dropna(axis=1)


def together(table, families):
    """The data sets of each family as one, the mean of those that are there; the others as they are."""
    of = {name: family for family, names in families.items() for name in names}
    return table.T.groupby([of.get(name, name) for name in table], sort=False).mean().T


def friedman(table):
    """Friedman's p-value of all rows being alike; None with less than three rows or two data sets, or no difference."""
    if len(table) < 3 or table.shape[1] < 2 or table.nunique().max() == 1:
        return None
    return float(stats.friedmanchisquare(*table.to_numpy()).pvalue)


def wilcoxon(differences):
    """Two-sided p-value of Wilcoxon's signed-rank test; 1 without any difference, NaN without any number."""
    there = differences[differences != 0]
    if not len(there):
        return 1.0 if len(differences) else np.nan
    return float(stats.wilcoxon(there).pvalue)


def ahead(differences):
    """Sign of Wilcoxon's statistic, the sum of signed ranks: it need not be that of the mean."""
    there = differences[differences != 0]
    return int(np.sign((stats.rankdata(abs(there)) * np.sign(there)).sum()))


def holm(p_values):
    """p-values that Holm's procedure makes of several, to be compared with a level as if each were alone."""
    p_values = np.asarray(p_values, float)
    order = np.argsort(p_values)
    adjusted = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1)).clip(max=1)
    return adjusted[np.argsort(order)]


def pairwise(table, pairs=None):
    """What is known of the difference of two rows, for all pairs or those that are asked for.

    Parameters
    ----------
    table : DataFrame
        Of data sets on which every row has a number.
    pairs : list of (row, row), optional

    Returns
    -------
    DataFrame
        ``one``, ``other``; ``difference``, the mean of one less other, and its bootstrap interval over data sets,
        ``low`` and ``high``; ``wins``, ``ties``, ``losses`` of one; ``p``, Wilcoxon's, ``ahead``, and ``holm``, the
        p-value held to all pairs.
    """
    rng = np.random.default_rng(seed_sequence(0, "data sets"))
    draws = rng.integers(table.shape[1], size=(RESAMPLES, table.shape[1])) if table.shape[1] > 1 else None
    found = []
    for one, other in pairs or itertools.combinations(table.index, 2):
        gap = (table.loc[one] - table.loc[other]).round(DIGITS).to_numpy()
        low, high = (None, None) if draws is None else percentiles(gap[draws].mean(axis=1))
        counted = {"wins": (gap > 0).sum(), "ties": (gap == 0).sum(), "losses": (gap < 0).sum()}
        known = {"difference": gap.mean() if len(gap) else np.nan, "low": low, "high": high}
        found.append({"one": one, "other": other} | known | counted | {"p": wilcoxon(gap), "ahead": ahead(gap)})
    return pd.DataFrame(found, columns=PAIR).assign(holm=lambda made: holm(made.p))


def cliques(order, compared):
    """Runs of neighbours in `order`, best first, of whom no two differ at `LEVEL`; none within another.

    Parameters
    ----------
    order : list of row
    compared : DataFrame
        Of all pairs, as `pairwise` gives it.

    Returns
    -------
    list of (int, int)
        First and last place.
    """
    different = {frozenset((pair.one, pair.other)) for pair in compared.itertuples() if pair.holm < LEVEL}
    found, reached = [], -1
    for first in range(len(order)):
        last = first
        while last + 1 < len(order) and different.isdisjoint(
            frozenset((row, order[last + 1])) for row in order[first : last + 1]
        ):
            last += 1
        if last > max(first, reached):
            found.append((first, last))
        reached = max(reached, last)
    return found


def against(table, row):
    """`pairwise` of one row with all others, held to these comparisons alone.

    Each is over the data sets on which both have a number, as ``sets`` says; one without any is no comparison.
    """
    shared = [table.loc[[row, other]].dropna(axis=1) for other in table.index if other != row]
    found = pd.concat([pairwise(both).assign(sets=both.shape[1]) for both in shared], ignore_index=True)
    compared = found.p.notna()
    found.loc[compared, "holm"] = holm(found.p[compared])
    return found


def told(pair, called):
    """A comparison as a sentence, with the verdict that it allows; `called` names a row."""
    if pd.isna(pair.p):
        return f"{called(pair.one)} and {called(pair.other)}: not comparable, both have a number on no data set"
    verdict = "no difference that these data sets show"
    if pair.holm < LEVEL:
        agree = pair.ahead == np.sign(pair.difference)
        verdict = {1: "better", -1: "worse"}[pair.ahead] if agree else "they differ, the mean and most sets two ways"
    interval = "" if pd.isna(pair.low) else f", 95 % {pair.low:+z.3f} to {pair.high:+z.3f}"
    return (
        f"{called(pair.one)} less {called(pair.other)}: ARI {pair.difference:+z.3f}{interval}; {pair.wins} wins,"
        f" {pair.ties} ties, {pair.losses} losses; Wilcoxon, Holm p = {pair.holm:.2g}: {verdict}"
    )


def growth(seconds, sizes):
    """How a row's seconds grow: exponents of the number of sequences and of their median length, by least squares.

    Parameters
    ----------
    seconds : ndarray of shape (data sets,)
        NaN where there is no number.
    sizes : ndarray of shape (data sets, 2)

    Returns
    -------
    (float, float)
        NaN where fewer than five data sets, or sizes that don't vary, can't tell.
    """
    there = np.isfinite(seconds) & (seconds > 0)
    design = np.column_stack([np.ones(there.sum()), np.log(sizes[there])])
    if there.sum() < 5 or np.linalg.matrix_rank(design) < 3:
        return np.nan, np.nan
    return tuple(map(float, np.linalg.lstsq(design, np.log(seconds[there]), rcond=None)[0][1:]))


def front(seconds, quality):
    """Which rows no other row is at once as quick as and better than, bool of shape (rows,); NaN never is."""
    rows = list(zip(seconds, quality, strict=True))

    def beaten(s, q):
        return any((t <= s and r > q) or (t < s and r >= q) for t, r in rows)

    return np.array([bool(np.isfinite(q)) and not beaten(s, q) for s, q in rows], bool)
