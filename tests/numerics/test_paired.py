"""Differences seed by seed, and how many seeds an interval takes."""

import numpy as np
import pandas as pd
import pytest
from fake_records import runs
from scipy import stats

from reports import paired, statistics, tables
from runs.results import frame

ROWS = [("kmeans", "zero"), ("ward", "zero"), ("rddc", "none")]


def made():
    rddc = runs([0.9, 0.8, None, 0.6, 0.7], [0.1] * 5)
    kmeans = runs([0.5, 0.5, 0.5, 0.7], [0.1] * 4, method="kmeans", vectorization="zero")
    return frame(rddc + kmeans + runs([0.6], [None], method="ward", vectorization="zero"))


def test_differences_are_by_seed_and_a_failed_run_leaves_its_pair_out():
    found = paired.differences(made(), *ROWS[::2], set())
    np.testing.assert_allclose(found, [0.4, 0.3, np.nan, -0.1])
    np.testing.assert_allclose(paired.differences(made(), *ROWS[1:], {"ward"}), [0.3, 0.2, np.nan, 0.0, 0.1])


def test_a_collapsed_run_has_an_accuracy_and_no_difference():
    collapsed = [run | {"status": "collapsed", "reason": "x"} for run in runs([0.9], [0.1])]
    found = paired.differences(
        frame([*collapsed, *runs([0.5], [0.1], method="kmeans")]), ("kmeans", "none"), ROWS[2], set()
    )
    assert found.isna().tolist() == [True]


def test_a_reference_without_randomness_is_paired_with_every_seed_too():
    found = paired.differences(made(), ROWS[0], ROWS[1], {"ward"})
    np.testing.assert_allclose(found, [0.1, 0.1, 0.1, -0.1])


@pytest.mark.parametrize("reference", [True, False])
def test_a_split_without_a_run_of_both_has_no_pairs(reference):
    """Ward ran on splits 0 and 2, and failed on 2; nothing of split 1 was asked of it."""
    rddc = [run for split in range(3) for run in runs([0.7, 0.8], [0.1] * 2, split=split)]
    ward = runs([0.6], [None], method="ward") + runs([None], [None], method="ward", split=2)
    rows = [ROWS[2], ("ward", "none")]
    found = paired.differences(frame(rddc + ward), *(rows if reference else rows[::-1]), {"ward"})
    assert found.index.tolist() == [(0, 0), (0, 1), (2, 0), (2, 1)]
    np.testing.assert_allclose(found * (-1 if reference else 1), [0.1, 0.2, np.nan, np.nan])
    (line,) = paired.paired_table(frame(rddc + ward[:1]), rows[::-1], {"ward"}).to_dict("records")
    assert (line["seeds ahead"], line["pairs ok"]) == ("2/2", "2/2")


def test_table():
    first, second = paired.paired_table(made(), ROWS, {"ward"}).to_dict("records")
    assert (first["mean"], first["seeds ahead"], first["pairs ok"]) == ("+0.20", "2/3", "3/4")
    # Of 4 differences the lowest and the highest quarter go: 0, 0.1, 0.2, 0.3 leave 0.1 and 0.2.
    assert second["inter-quartile mean"] == "+0.15"
    assert second["seeds ahead"] == "3/4"  # a tie is no lead
    assert first["95 % interval of the mean"] == "-0.10 to +0.40"


def test_the_inter_quartile_mean_is_that_of_the_middle_half():
    values = np.array([[0, 1, 2, 9], [9, 0, 2, 1]])
    assert paired.STATISTICS["inter-quartile mean"](values, axis=1).tolist() == [1.5, 1.5]
    assert paired.STATISTICS["mean"](values, axis=1).tolist() == [3, 3]


def test_one_pair_has_no_interval():
    (line,) = paired.paired_table(made(), [("ward", "zero"), ("rddc", "none")], set()).to_dict("records")
    assert line["mean"] == "+0.30" and line["95 % interval of the mean"] == "–"


def pairs(values):
    """Differences of shape (splits, seeds), as `paired.differences` gives them."""
    index = pd.MultiIndex.from_product(map(range, values.shape), names=["split", "seed"])
    return pd.Series(values.ravel(), index)


def test_the_interval_of_several_splits_is_students_over_their_means():
    values = np.random.default_rng(0).normal(0.1, 0.05, (4, 6))
    expected = stats.t.interval(0.95, 3, values.mean(), stats.sem(values.mean(axis=1)))
    np.testing.assert_allclose(paired.interval(pairs(values), np.mean, ("x",)), expected)
    low, high = paired.interval(pairs(np.array([[0.9], [0.1]])), np.mean, ("x",))
    assert (low, high) == (-1, 1)  # no accuracies differ by more


@pytest.mark.parametrize("name", paired.STATISTICS)
def test_intervals_cover_where_splits_differ(name):
    """Splits and runs scatter alike, 5 splits of 10 seeds: the bootstrap takes these for 50 independent pairs."""
    rng, covered = np.random.default_rng(0), {"splits": 0, "pairs": 0}
    for _ in range(300):
        found = pairs(rng.normal(0, 0.03, (5, 1)) + rng.normal(0, 0.03, (5, 10)))
        as_one = found.set_axis(pd.MultiIndex.from_product([[0], range(50)], names=["split", "seed"]))
        for which, of in (("splits", found), ("pairs", as_one)):
            low, high = paired.interval(of, paired.STATISTICS[name], ("x",))
            covered[which] += low <= 0 <= high
    assert covered["splits"] >= 0.92 * 300 and covered["pairs"] < 0.7 * 300


def test_of_several_splits_one_alone_tells_nothing():
    rest = [r for split in (1, 2) for r in runs([None] * 3, [None] * 3, split=split)]
    ours = runs([0.9, 0.8, 0.7], [0.1] * 3)
    theirs = [r for split in range(3) for r in runs([0.5] * 3, [0.1] * 3, split=split, method="kmeans")]
    (line,) = paired.paired_table(frame(ours + rest + theirs), [("kmeans", "none"), ROWS[2]], set()).to_dict("records")
    assert (line["mean"], line["95 % interval of the mean"], line["pairs ok"]) == ("+0.30", "–", "3/9")


@pytest.mark.parametrize(("n", "rows", "words"), [(4, 16, "11.5 apart (of at most 15)"), (1, 16, "more than is")])
def test_why_there_is_no_critical_difference_diagram(n, rows, words):
    """Demšar's table gives q = 2.850 for 6 and 3.164 for 10 methods."""
    assert words in paired.explained([("a", "b")] * rows, n)[1]
    for k, q in ((6, 2.850), (10, 3.164)):
        critical = q * np.sqrt(k * (k + 1) / (6 * 20))
        assert f" {critical:.1f} apart" in paired.explained([("a", "b")] * k, 20)[1]


def needed(accuracies, selection=None):
    losses = np.random.default_rng(1).permutation(len(accuracies)).astype(float)
    return statistics.seeds_needed(statistics.frame(runs(accuracies, losses)), selection, "x")


def test_seeds_until_the_interval_is_narrow():
    assert needed([0.5] * 20) == "2" and needed([0.5] * 20, "train") == "2"
    assert needed([0.5] * 4) == "> 4" and needed([0.5, 0.6, 0.7, None, None]) == "> 5"
    spread = np.tile([0.45, 0.55], 10)  # σ = 0.05: (1.96 · 0.05 / 0.02)² = 24 runs
    assert needed(spread).startswith("about ") and 20 <= int(needed(spread).split()[1]) <= 29
    narrower = np.tile([0.47, 0.53], 10)  # σ = 0.03: 9 runs
    assert 7 <= int(needed(narrower)) <= 11
    assert needed(np.tile([0.2, 0.8], 10)) == "> 200"
    assert needed(np.tile([0.2, 0.8], 10), "train") == "> 20"


def test_the_split_with_the_fewest_ok_runs_says_whether_they_are_enough():
    made = runs([0.5] * 6, [0.1] * 6) + runs([0.5] * 4 + [None] * 2, [0.1] * 6, split=1)
    assert statistics.seeds_needed(frame(made), None, "x") == "> 6"


def test_how_many_cells_have_enough_runs_is_said_for_both():
    selected_alike = runs([0.5] * 6 + [0.9] * 6, [0.1] * 6 + [0.9] * 6)  # the mean varies, the selected run doesn't
    alike = runs([0.5] * 6, [0.1] * 6, method="kmeans", vectorization="zero")
    few = runs([0.5, 0.6], [0.1, 0.2], method="ddc", vectorization="zero")
    no_loss = runs([0.5] * 6, [None] * 6, method="ward", vectorization="zero")
    summary = statistics.summarise(selected_alike + alike + few + no_loss, "test", "train")
    told = tables.enough_runs(summary)
    assert "± 0.02 or narrower in 2 of 3 cells under the lowest-loss protocol, and in 1 of 3 for the mean" in told


def covered(interval, runs=3, problems=60, spread=0.03, times=400):
    """How often an interval holds the true mean, where runs, problems and both together vary."""
    rng, held = np.random.default_rng(0), 0
    for _ in range(times):
        hard, luck = rng.normal(0, 0.15, problems), rng.normal(0, spread, (runs, 1))
        low, high = interval(0.1 + hard + luck + rng.normal(0, 0.1, (runs, problems)))
        held += low <= 0.1 <= high
    return held / times


def over_problems(values):
    """A mutant: an interval that takes the trainings at hand for all that there could be."""
    return paired.crossed(values.mean(axis=0, keepdims=True))


def over_all(values):
    """A mutant: every run on every problem as if they were so many independent ones."""
    return paired.crossed(values.reshape(1, -1))


def test_an_interval_over_runs_and_problems_holds_the_mean_as_often_as_it_says():
    assert 0.93 <= covered(paired.crossed) <= 0.995
    assert covered(paired.crossed, spread=0.0) >= 0.93  # rather too wide
    assert 0.93 <= covered(paired.crossed, runs=1, spread=0.0) <= 0.97
    assert covered(over_problems) < 0.9 and covered(over_all) < 0.9


def test_with_one_run_the_interval_is_student_s_over_the_problems():
    values = np.random.default_rng(0).normal(size=(1, 9))
    expected = stats.ttest_1samp(values[0], 0).confidence_interval(0.95)
    np.testing.assert_allclose(paired.crossed(values), expected)
    np.testing.assert_allclose(paired.crossed(values.T), expected)
    assert paired.crossed(values[:, :1]) == (None, None)
    assert paired.crossed(np.full((3, 4), 0.5)) == (0.5, 0.5)


def test_degrees_of_freedom_are_between_the_smaller_part_s_and_all():
    """Equal runs leave the problems' interval; equal problems, the runs'."""
    values = np.random.default_rng(1).normal(size=7)
    same_runs, same_problems = np.tile(values, (3, 1)), np.tile(values[:3, None], (1, 7))
    np.testing.assert_allclose(paired.crossed(same_runs), paired.crossed(values[None]))
    np.testing.assert_allclose(paired.crossed(same_problems), paired.crossed(values[None, :3]))
