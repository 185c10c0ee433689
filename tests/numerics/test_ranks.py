"""Ranks and what is said of them, against other formulations, and mutants that these find."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reports import ranks
from reports.standings import turned


def table(seed=0, rows=5, sets=12, spread=0.1):
    """Made-up ARI: row i is `spread` · i worse than the first on average, and sets are of different difficulty."""
    rng = np.random.default_rng(seed)
    values = 0.6 - spread * np.arange(rows)[:, None] + rng.normal(0, 0.1, (rows, sets)) + rng.normal(0, 0.3, sets)
    index = pd.MultiIndex.from_tuples([(f"m{i}", "none") for i in range(rows)], names=ranks.ROW)
    return pd.DataFrame(values, index, [f"d{j}" for j in range(sets)]).round(9)


def test_ranks_count_the_better_ones_and_failures_share_the_last_places():
    made = table()
    made.iloc[[1, 3], 0] = np.nan
    made.iloc[[0, 2], 1] = 0.5
    found = ranks.ranks(made)
    for name in made:
        values = made[name].fillna(-9)
        expected = [sum(values > v) + (1 + sum(values == v)) / 2 for v in values]
        assert found[name].tolist() == expected
    assert found.iloc[[1, 3], 0].tolist() == [4.5, 4.5]
    assert list(ranks.complete(made)) == list(made)[1:]


def test_half_of_the_clusters_make_a_clustering():
    made = pd.DataFrame(
        [("collapsed", 10, 20), ("collapsed", 9, 20), ("timeout", 0, 20), ("ok", 20, 20), ("collapsed", 1, 2)],
        columns=["status", "found", "n_clusters"],
    )
    assert list(ranks.with_empty_clusters(made).status) == ["ok", "collapsed", "timeout", "ok", "collapsed"]
    assert list(made.status) == ["collapsed", "collapsed", "timeout", "ok", "collapsed"]


def friedman_by_hand(made):
    """Conover's form, with ties: the variance of the rank sums against that of all ranks."""
    of = np.apply_along_axis(stats.rankdata, 0, -made.to_numpy())
    k, n = of.shape
    between = (k - 1) * ((of.sum(axis=1) - n * (k + 1) / 2) ** 2).sum()
    return stats.chi2.sf(between / ((of**2).sum() - n * k * (k + 1) ** 2 / 4), k - 1)


def test_friedman_is_that_of_the_textbook_and_of_aeon():
    made = table(spread=0.03)
    made.iloc[0, :4] = made.iloc[1, :4]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from aeon.benchmarking.stats import check_friedman
    assert ranks.friedman(made) == pytest.approx(friedman_by_hand(made))
    assert ranks.friedman(made) == pytest.approx(check_friedman(ranks.ranks(made).to_numpy().T))
    assert ranks.friedman(made.iloc[:2]) is None and ranks.friedman(made * 0) is None


def signed_ranks_by_hand(gap):
    """Exact two-sided p-value: every choice of signs is as likely as any other."""
    of = stats.rankdata(abs(gap))
    sums = [
        sum(r for r, sign in zip(of, signs, strict=True) if sign)
        for signs in itertools.product((0, 1), repeat=len(gap))
    ]
    seen = min(of[gap > 0].sum(), of[gap < 0].sum())
    return min(1.0, 2 * np.mean(np.array(sums) <= seen))


def test_wilcoxon_counts_all_signs():
    gap = np.random.default_rng(1).normal(0.3, 1, 9)
    assert ranks.wilcoxon(gap) == pytest.approx(signed_ranks_by_hand(gap))
    assert ranks.wilcoxon(np.append(gap, 0)) == ranks.wilcoxon(gap)
    assert ranks.wilcoxon(np.zeros(5)) == 1


def check_one_large_win():
    """The mean is for the first row, 15 of 16 sets are against it."""
    names = pd.MultiIndex.from_tuples([("a", "none"), ("b", "none")], names=ranks.ROW)
    made = pd.DataFrame([[0.9, *np.linspace(0.37, 0.39, 15)], [0.4] * 16], names)
    (one,) = ranks.against(made, names[0]).itertuples()
    (other,) = ranks.against(made, names[1]).itertuples()
    assert one.difference > 0 and one.holm < ranks.LEVEL and (one.wins, one.losses) == (1, 15)
    for pair in (one, other, turned(one, names[1])):
        assert ranks.told(pair, str).endswith("they differ, the mean and most sets two ways")
    (pair,) = ranks.against(made[made.columns[1:]], names[0]).itertuples()
    assert ranks.told(pair, str).endswith(": worse")
    assert ranks.told(turned(pair, names[1]), str).endswith(": better")


def test_one_large_win_does_not_make_a_row_better():
    check_one_large_win()


def test_a_pair_is_turned_whole():
    """One less the other from the other's side: also its interval, whose ends change places."""
    made = table(spread=0.02)
    one, other = made.index[:2]
    (pair,), (expected,) = (ranks.pairwise(made, [of]).itertuples() for of in ((one, other), (other, one)))
    found = turned(pair, other)
    assert (found.one, found.other, found.wins, found.losses) == (other, one, expected.wins, expected.losses)
    numbers = ["difference", "low", "high", "p", "ahead"]
    assert [found[name] for name in numbers] == pytest.approx([getattr(expected, name) for name in numbers])
    assert found.low < found.high and turned(found, one).low == pytest.approx(pair.low)


def test_a_verdict_is_held_to_all_comparisons():
    (pair,) = ranks.pairwise(table(), [tuple(table().index[:2])]).assign(p=0.01, holm=0.06).itertuples()
    assert ranks.told(pair, str).endswith("p = 0.06: no difference that these data sets show")


def test_a_direction_that_is_the_means_is_found(monkeypatch):
    monkeypatch.setattr(ranks, "ahead", lambda gap: int(np.sign(gap.mean())))
    with pytest.raises(AssertionError):
        check_one_large_win()


def test_a_row_that_failed_everywhere_is_compared_with_none():
    made = table(spread=0.03)
    made.iloc[2] = np.nan
    found = ranks.against(made, made.index[0])
    assert found.sets.tolist() == [12, 0, 12, 12] and found.holm.isna().tolist() == [False, True, False, False]
    known = found[found.p.notna()]
    assert known.holm.tolist() == pytest.approx(holm_by_hand(known.p.tolist()))
    (told,) = (ranks.told(pair, ", ".join) for pair in found.itertuples() if not pair.sets)
    assert told == "m0, none and m2, none: not comparable, both have a number on no data set"
    assert ranks.pairwise(made.iloc[:1]).empty


def holm_by_hand(p):
    """The least level at which Holm's procedure, one step after the other, rejects each hypothesis."""
    order, found, level = sorted(range(len(p)), key=lambda i: p[i]), [0.0] * len(p), 0.0
    for step, i in enumerate(order):
        level = max(level, (len(p) - step) * p[i])
        found[i] = min(level, 1.0)
    return found


def without_monotony(p):
    order = np.argsort(p)
    return (np.asarray(p)[order] * np.arange(len(p), 0, -1)).clip(max=1)[np.argsort(order)]


@pytest.mark.parametrize(
    ("function", "right"), [(ranks.holm, True), (without_monotony, False), (lambda p: np.array(p) * len(p), False)]
)
def test_holm_is_that_of_the_textbook_and_mutants_are_not(function, right):
    p = [0.04, 0.011, 0.03, 0.012, 0.9]
    assert np.allclose(function(p), holm_by_hand(p)) == right


def test_pairs_are_compared_set_by_set():
    made = table()
    made.iloc[1, 0] = made.iloc[0, 0]
    found = ranks.pairwise(made)
    assert len(found) == 10
    first = found.iloc[0]
    gap = made.iloc[0] - made.iloc[1]
    assert (first.wins, first.ties, first.losses) == ((gap > 0).sum(), 1, (gap < -1e-9).sum())
    assert first.difference == pytest.approx(gap.mean()) and first.low < first.difference < first.high
    # The bootstrap's interval of a mean is about that of the normal distribution.
    assert first.high - first.low == pytest.approx(2 * 1.96 * gap.std(ddof=0) / np.sqrt(len(gap)), rel=0.15)
    assert found.holm.tolist() == pytest.approx(holm_by_hand(found.p.tolist()))


def test_one_row_is_compared_on_the_sets_that_it_shares():
    made = table(spread=0.03)
    made.iloc[0, :2] = made.iloc[4, 1:3] = np.nan
    alone = ranks.against(made, made.index[4])
    assert alone.other.tolist() == list(made.index[:4]) and alone.sets.tolist() == [9, 10, 10, 10]
    gaps = [(made.iloc[4] - made.iloc[i]).dropna() for i in range(4)]
    assert alone.difference.tolist() == pytest.approx([gap.mean() for gap in gaps])
    assert alone.holm.tolist() == pytest.approx(holm_by_hand([ranks.wilcoxon(gap.round(9)) for gap in gaps]))


def cliques_by_force(n, different):
    """All stretches of at least two neighbours without a difference, without those that lie in another."""
    every = [
        (i, j)
        for i in range(n)
        for j in range(i + 1, n)
        if not any((a, b) in different for a, b in itertools.combinations(range(i, j + 1), 2))
    ]
    return [(i, j) for i, j in every if not any((a <= i and j <= b) and (a, b) != (i, j) for a, b in every)]


@pytest.mark.parametrize("seed", range(20))
def test_bars_join_neighbours_without_a_difference(seed):
    rng, n = np.random.default_rng(seed), 7
    pairs = list(itertools.combinations(range(n), 2))
    p = rng.random(len(pairs)) ** 3
    compared = pd.DataFrame({"one": [a for a, _ in pairs], "other": [b for _, b in pairs], "holm": p})
    different = {pair for pair, value in zip(pairs, p, strict=True) if value < ranks.LEVEL}
    assert ranks.cliques(list(range(n)), compared) == cliques_by_force(n, different)


def test_growth_finds_the_exponents_that_it_was_made_of():
    sizes = np.random.default_rng(0).uniform(10, 1000, (8, 2))
    seconds = 1e-6 * sizes[:, 0] ** 1.5 * sizes[:, 1] ** 2
    assert ranks.growth(seconds, sizes) == pytest.approx((1.5, 2))
    assert np.isnan(ranks.growth(seconds[:4], sizes[:4])).all()


def test_the_front_has_what_nothing_beats():
    found = ranks.front([1, 2, 3, 1, np.nan, 5], [0.3, 0.5, 0.4, 0.2, np.nan, 0.5])
    assert found.tolist() == [True, True, False, False, False, False]


def test_cells_are_means_over_ok_runs_alone():
    lines = [("a", "ok", 0.2), ("a", "ok", 0.4), ("a", "timeout", np.nan), ("b", "collapsed", 0.9)]
    runs = pd.DataFrame(
        [{"method": m, "vectorization": "none", "dataset": "d", "status": s, "ari": v} for m, s, v in lines]
    )
    found = ranks.cells(runs)
    assert found.loc[("a", "none"), "d"] == pytest.approx(0.3) and np.isnan(found.loc[("b", "none"), "d"])


def test_cells_stand_in_their_row_whatever_is_missing():
    cells = [("b", "crop", "d"), ("a", "none", "d"), ("b", "resample", "e"), ("a", "none", "e")]
    lines = [dict(zip((*ranks.ROW, "dataset"), cell, strict=True)) | {"status": "ok"} for cell in cells]
    found = ranks.cells(pd.DataFrame(lines).assign(ari=[0.1, 0.2, 0.3, 0.4]))
    assert list(found.index) == [("b", "crop"), ("a", "none"), ("b", "resample")] and list(found) == ["d", "e"]
    np.testing.assert_allclose(found, [[0.1, np.nan], [0.2, 0.4], [np.nan, 0.3]])


def unstacked(runs, score="ari"):
    """Cells as pandas lays them out unsorted, which mixes rows up where the first set lacks one."""
    means = runs[score].where(runs.status == "ok").groupby([runs[name] for name in (*ranks.ROW, "dataset")], sort=False)
    return means.mean().round(ranks.DIGITS).unstack("dataset", sort=False)


def cut_by_a_neighbour_alone(order, compared):
    """Bars that ask of two neighbours only whether they differ."""
    different = {frozenset((p.one, p.other)) for p in compared.itertuples() if p.holm < ranks.LEVEL}
    ends = [0, *(i + 1 for i in range(len(order) - 1) if frozenset(order[i : i + 2]) in different), len(order)]
    return [(a, b - 1) for a, b in itertools.pairwise(ends) if b - a > 1]


def bars_within_bars(order, compared):
    """Every stretch without a difference, as far as it reaches."""
    found = [RIGHT["cliques"](order[first:], compared)[:1] for first in range(len(order))]
    return [(a + first, b + first) for first, bars in enumerate(found) for a, b in bars if a == 0]


def resampled_apart(table, pairs=None):
    """The interval of two rows whose data sets are drawn each for itself."""
    found, rng = RIGHT["pairwise"](table, pairs), np.random.default_rng(0)
    for place, (one, other) in enumerate(pairs or itertools.combinations(table.index, 2)):
        drawn = [rng.choice(table.loc[row], (2000, table.shape[1])).mean(axis=1) for row in (one, other)]
        found.loc[place, ["low", "high"]] = np.percentile(drawn[0] - drawn[1], [2.5, 97.5])
    return found


RIGHT = {name: getattr(ranks, name) for name in ("cells", "cliques", "pairwise", "against")}
MUTANTS = {
    "a failure has no rank": ("ranks", lambda t: t.rank(ascending=False)),
    "a failure is the best": ("ranks", lambda t: t.rank(ascending=False, na_option="top")),
    "of equals the first is better": ("ranks", lambda t: t.rank(ascending=False, na_option="bottom", method="first")),
    "equals share the best of their places": (
        "ranks",
        lambda t: t.rank(ascending=False, na_option="bottom", method="min"),
    ),
    "the lowest is the best": ("ranks", lambda t: t.rank(na_option="bottom")),
    "a failure is a zero": ("complete", lambda t: t.fillna(0)),
    "sets without any number alone are left out": ("complete", lambda t: t.dropna(axis=1, how="all")),
    "every collapsed run is a clustering": (
        "with_empty_clusters",
        lambda runs: runs.assign(status=runs.status.replace("collapsed", "ok")),
    ),
    "runs that aren't ok count": ("cells", lambda runs: RIGHT["cells"](runs.assign(status="ok"))),
    "a missing cell moves others to another row": ("cells", unstacked),
    "Wilcoxon asks one side only": ("wilcoxon", lambda gap: float(stats.wilcoxon(gap, alternative="greater").pvalue)),
    "signs alone are counted": ("wilcoxon", lambda gap: stats.binomtest(int((gap > 0).sum()), len(gap)).pvalue),
    "no correction": ("holm", lambda p: np.asarray(p)),
    "Bonferroni's for Holm's": ("holm", lambda p: np.minimum(np.asarray(p) * len(p), 1)),
    "Holm's without monotony": ("holm", without_monotony),
    "bars by neighbours": ("cliques", cut_by_a_neighbour_alone),
    "bars within bars": ("cliques", bars_within_bars),
    "no pairing in the bootstrap": ("pairwise", resampled_apart),
    "one row against all is held to all pairs": ("against", lambda t, row: RIGHT["against"](t, row).assign(holm=1.0)),
    "sets that one of two rows lacks are compared": ("against", lambda t, row: RIGHT["against"](t.fillna(0), row)),
    "Friedman's of values": ("friedman", lambda t: float(stats.f_oneway(*t.to_numpy()).pvalue)),
}


def everything():
    """All checks above of what `reports.ranks` computes."""
    test_ranks_count_the_better_ones_and_failures_share_the_last_places()
    test_half_of_the_clusters_make_a_clustering()
    test_friedman_is_that_of_the_textbook_and_of_aeon()
    test_wilcoxon_counts_all_signs()
    test_holm_is_that_of_the_textbook_and_mutants_are_not(ranks.holm, True)
    test_pairs_are_compared_set_by_set()
    test_one_row_is_compared_on_the_sets_that_it_shares()
    for seed in range(20):
        test_bars_join_neighbours_without_a_difference(seed)
    test_cells_are_means_over_ok_runs_alone()
    test_cells_stand_in_their_row_whatever_is_missing()


@pytest.mark.parametrize("mutant", MUTANTS)
def test_each_mistake_turns_a_check_red(mutant, monkeypatch):
    everything()
    monkeypatch.setattr(ranks, *MUTANTS[mutant])
    with pytest.raises(AssertionError):
        everything()
