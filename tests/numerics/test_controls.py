"""Controls: known numbers, and who is no better than one."""

import numpy as np
import pandas as pd
import pytest
from fake_records import record, runs, score

from datasets.sequences import Sequences
from methods.vectorize import vectorize
from reports import controls, statistics, tables
from runs.results import frame

LABELS = np.repeat([0, 1, 2], [50, 30, 20])


def test_oracle_majority_and_random():
    rows = {row["method"]: row for row in controls.from_labels(LABELS, 3, "x")}
    assert rows["oracle"]["accuracy"] == rows["oracle"]["nmi"] == 1
    assert rows["majority"]["accuracy"] == 0.5 and rows["majority"]["nmi"] == 0
    assert 1 / 3 < rows["random"]["accuracy"] < 0.5 and rows["random"]["n"] == controls.DRAWS
    assert rows["random"]["accuracy_low"] < rows["random"]["accuracy"] < rows["random"]["accuracy_high"]


def test_draws_have_the_spread_of_a_sample():
    row = controls.control_row("random", "x", [score(0.4), score(0.6)])
    assert (row["mean"], row["best"]) == (0.5, 0.6) and row["std"] == pytest.approx(np.sqrt(0.02))


def test_with_fewer_clusters_than_classes_the_oracle_has_the_largest_classes():
    oracle = controls.from_labels(np.append(LABELS, [-1] * 7), 2, "x")[0]
    assert oracle["accuracy"] == pytest.approx(0.8)


def test_without_labels_there_are_no_controls():
    assert controls.from_labels(np.full(5, -1), 2, "x") == []


def test_controls_stand_last_in_the_tables_and_say_so():
    made = runs([0.7], [0.1]) + runs([0.4], [0.2], method="length_kmeans")
    summary = statistics.summarise(made, "test", "train", controls={("length_kmeans", "none")})
    summary = controls.with_labels(summary, {"arabic_digits": LABELS}, {"arabic_digits": 3})
    table = tables.table1(summary, ["arabic_digits"], {})
    names = ["RDDC", "Control: k-means on length", "Control: Oracle", "Control: Majority", "Control: Random"]
    assert table.method.tolist() == names
    assert table["Arabic Digits"].tolist()[:4] == ["0.70 (0.70)", "0.40 (0.40)", "1.00 (1.00)", "0.50 (0.00)"]
    assert "nan" not in tables.markdown(tables.detailed(summary, "arabic_digits")).lower()
    assert len(tables.budgets(summary)) == 2


def clusters_right(share, seed=0):
    """Clusters of which about this share is right."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(LABELS)) < share, LABELS, (LABELS + 1) % 3)


def compared(methods, unknown=0, others=()):
    """`against` for methods whose runs are right in these shares; every run's accuracy is its own.

    After the labelled sequences come some of an unknown class, all in one cluster, and after the runs some others.
    """
    found, made, labels = {}, [], np.append(LABELS, np.full(unknown, -1))
    for (method, how), shares in methods.items():
        for seed, share in enumerate(shares):
            clusters = clusters_right(share, seed + 10)
            found["arabic_digits", method, how, 0, seed] = np.append(clusters, np.zeros(unknown, int))
            scores = {part: score(float(controls.hits(LABELS, clusters).mean())) for part in ("train", "test")}
            made.append(
                record(method=method, vectorization=how, seed=seed, scores=scores | {"validation": None})
                | {"loss": {"train": float(seed), "validation": float(seed)}}
            )
    return controls.against(
        frame([*made, *others]),
        lambda *run: found[run],
        {"arabic_digits": labels},
        "train",
        {("length_kmeans", "none"), ("rddc", "shuffled")},
    )


def test_who_is_no_better_than_length():
    table = compared({("rddc", "none"): [0.95] * 3, ("ddc", "zero"): [0.62], ("length_kmeans", "none"): [0.6] * 2})
    better = dict(zip(table.method, table.better, strict=True))
    assert better == {"rddc": True, "ddc": False}
    assert controls.said(table) == [
        "Arabic Digits, against k-means on length, variable length: 1 of 2 rows are no better: DDC zero padding."
    ]


def test_only_scored_sequences_and_the_first_split_are_compared():
    rows = {("rddc", "none"): [0.95] * 2, ("length_kmeans", "none"): [0.6]}
    table = compared(rows)
    pd.testing.assert_frame_equal(compared(rows, unknown=60), table)
    pd.testing.assert_frame_equal(compared(rows, others=runs([0.1] * 2, [0.0] * 2, split=1)), table)


def test_a_comparison_is_told_from_its_lower_end():
    cell = {"method": "rddc", "vectorization": "none", "dataset": "arabic_digits", "control": ("length_kmeans", "none")}
    rows = [cell | {"difference": 0.2, "low": 0.1, "high": 0.3, "better": True}]
    rows += [cell | {"difference": 0.05, "low": -0.1, "high": 0.2, "better": False}]
    table = controls.comparison_table(pd.DataFrame(rows))
    assert table[["difference", "95 % interval", "better"]].values.tolist() == [
        ["+0.20", "+0.10 to +0.30", "yes"],
        ["+0.05", "-0.10 to +0.20", "no"],
    ]
    assert table.control.tolist() == ["k-means on length, variable length"] * 2


def test_a_method_on_shuffled_input_is_compared_with_itself_only():
    table = compared({("rddc", "none"): [0.9], ("ddc", "zero"): [0.9], ("rddc", "shuffled"): [0.5]})
    assert table[statistics.CELL].values.tolist() == [["rddc", "none", "arabic_digits"]]


def test_the_interval_against_the_exact_one():
    """Two rows with one run each: only the sequences are resampled, and the difference is a mean over them."""
    table = compared({("rddc", "none"): [0.8], ("length_kmeans", "none"): [0.7]})
    (row,) = table.itertuples()
    right = [controls.hits(LABELS, clusters_right(share, 10)).astype(float) for share in (0.8, 0.7)]
    error = np.std(right[0] - right[1]) / np.sqrt(len(LABELS))
    assert row.difference == pytest.approx(np.mean(right[0] - right[1]))
    assert row.high - row.low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_a_run_without_clusters_is_drawn_but_not_averaged():
    made = [*runs([0.9, None], [0.1, None]), *runs([0.5], [0.1], method="length_kmeans")]
    found = {"rddc": clusters_right(0.9), "length_kmeans": clusters_right(0.5)}
    table = controls.against(
        frame(made),
        lambda _, method, how, split, seed: found[method] if seed == 0 else None,
        {"arabic_digits": LABELS},
        "train",
        {("length_kmeans", "none")},
    )
    assert table.better.tolist() == [True] and table.low.notna().all()


def test_shuffling_keeps_every_sequence_its_elements():
    rng = np.random.default_rng(0)
    data = Sequences.from_list([rng.normal(size=(length, 2)) for length in (30, 1, 12)])
    shuffled, again = vectorize(data, "shuffled"), vectorize(data, "shuffled")
    np.testing.assert_array_equal(shuffled.values, again.values)
    np.testing.assert_array_equal(shuffled.offsets, data.offsets)
    for i in range(3):
        assert sorted(map(tuple, shuffled[i])) == sorted(map(tuple, data[i]))
    assert not np.array_equal(shuffled[0], data[0])


def test_only_controls_that_a_table_has_are_explained():
    made = runs([0.7], [0.1])
    summary = statistics.summarise(made, "test", "train")
    assert controls.explained(summary) == []
    (said,) = controls.explained(controls.with_labels(summary, {"arabic_digits": LABELS}, {"arabic_digits": 3}))
    assert "Oracle:" in said and "Time-shuffled:" not in said
    shuffled = made + runs([0.4], [0.2], vectorization="shuffled")
    (said,) = controls.explained(statistics.summarise(shuffled, "test", "train", controls={("rddc", "shuffled")}))
    assert "Time-shuffled:" in said and "Oracle:" not in said
    named = runs([0.4], [0.2], method="oracle", algorithm="rddc")
    (said,) = controls.explained(statistics.summarise(named, "test", "train", controls={("oracle", "none")}))
    assert said == "Controls are no methods."


def test_comparison_table_of_nothing():
    assert controls.comparison_table(pd.DataFrame(columns=["dataset", "method"])).empty
