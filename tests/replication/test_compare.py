"""The comparison with a reference: quiet when nothing moved, and red for each way in which a result can."""

import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from fake_records import record, runs, write_scored

from reports import compare
from runs.sources import ROOT

USUAL = runs([0.70, 0.72, 0.74, 0.71, 0.73], [0.1, 0.2, 0.3, 0.15, 0.25])


def different_curves(records):
    """The same records with a loss curve of its own for each."""
    for number, made in enumerate(records):
        if made["loss_curve"]:
            made["loss_curve"] = {"loss": [1.0, 0.5 + number]}
        made["provenance"] |= {"git": {"sha": "0123456789abcdef", "dirty": False}}
    return records


def without_numbers(n, kept=0):
    """Ok runs of which the first few alone have scores and losses."""
    made = runs([0.7] * n, [0.1] * n)
    empty = {"scores": dict.fromkeys(("train", "validation", "test")), "loss": {"train": None, "validation": None}}
    return made[:kept] + [one | empty for one in made[kept:]]


def store(folder, records):
    write_scored(
        folder / "records/arabic_digits/rddc-none.0-2.jsonl", different_curves(records), {"none": {0: np.array([0])}}
    )
    return folder


@pytest.fixture
def path(tmp_path):
    compare.reference(compare.scored_below(store(tmp_path / "before", USUAL)), tmp_path / "reference.csv")
    return tmp_path / "reference.csv"


@pytest.mark.parametrize(
    ("now", "message"),
    [
        (USUAL, None),
        (USUAL[:2], None),
        (runs([0.69, 0.72, 0.75], [0.1, 0.2, 0.3]), None),
        (runs([0.30, 0.32, 0.34], [0.1, 0.2, 0.3]), "test accuracy 0.320 instead of 0.720 (-0.400), p = "),
        (runs([0.99, 0.99, 0.99], [0.1, 0.2, 0.3]), "test accuracy 0.990 instead"),
        (runs([0.30, 0.32, 0.34], [0.1, 0.2, 0.3]), "since 0123456789ab; by the records, nothing changed"),
        (runs([0.70, 0.72, 0.74], [5.1, 5.2, 5.3]), "train loss 5.200 instead of 0.200 (+5.000)"),
        (runs([None] * 5, [None] * 5), "0/5 runs ok instead of 5/5"),
        (
            without_numbers(5),
            "0/5 ok runs have a test accuracy instead of 5/5, p = 0e+00; 0/5 ok runs have a train acc",
        ),
        (without_numbers(5), "0/5 ok runs have a train loss instead of 5/5"),
        (without_numbers(5, kept=1), "1/5 ok runs have a validation loss instead of 5/5, p = 0e+00"),
        (without_numbers(5, kept=4), "4/5 ok runs have a test nmi instead of 5/5"),
        (without_numbers(1), "0/1 ok runs have a test accuracy instead of 5/5"),
        ([record(method="ddc", vectorization="zero")], "arabic_digits: no records"),
        ([record(method="ddc", vectorization="zero")], "ddc, zero, arabic_digits: not in the reference"),
    ],
)
def test_what_moved(tmp_path, path, now, message):
    found = compare.compare(store(tmp_path / "now", now), path)
    assert (found == []) if message is None else message in " ".join(found)


@pytest.mark.parametrize("n", [1, 2, 8])
def test_many_cells_that_all_fail_are_not_quiet(n):
    """Fisher's test of so few runs passes Holm's level of 200 comparisons nowhere."""
    good = [compare.run_of(run | {"dataset": str(cell)}) for cell in range(40) for run in runs([0.7] * n, [0.1] * n)]
    before = pd.DataFrame(good, columns=compare.COLUMNS)
    lost = before.assign(status="error", **dict.fromkeys(compare.NUMBERS, np.nan))
    assert len(compare.moved(before, lost)) == 40 and compare.moved(before, before) == []
    # A cell that mostly failed before may fail altogether now.
    flaky = before.assign(status=before.status.where(before.seed == 0, "collapsed"))
    assert n < 3 or compare.moved(flaky, lost) == []


@pytest.mark.parametrize(
    ("old", "new", "red"),
    [
        (0, 8, True),
        (0, 1, True),
        (8, 7, True),
        (3, 0, True),
        (3, 1, False),
        (1, 3, False),
        (4, 8, False),
        (0, 0, False),
    ],
)
def test_as_many_ok_runs_have_a_number(old, new, red):
    """Of 8 on both sides: what all or none have is settled, what some have may vary."""
    made = [different_curves(without_numbers(8, kept)) for kept in (old, new)]
    before, now = (
        pd.DataFrame(map(compare.run_of, records)).astype(dict.fromkeys(compare.NUMBERS, float)) for records in made
    )
    told = compare.moved(before, now)
    assert bool(told) == red and all(f"{new}/8 ok runs have a test nmi instead of {old}/8" in one for one in told)


def test_an_infinite_number_is_none(path):
    before = compare.read_runs(path)
    (told,) = compare.moved(before, before.assign(train_loss=np.inf))
    assert "0/5 ok runs have a train loss instead of 5/5" in told


def test_a_changed_setting_is_named(tmp_path, path):
    now = runs([0.30, 0.32, 0.34], [0.1, 0.2, 0.3])
    for made in now:
        made["provenance"]["settings"] = {"epochs": 1}
    assert "by the records, settings changed" in " ".join(compare.compare(store(tmp_path / "now", now), path))


def test_one_run_on_both_sides(tmp_path):
    before = store(tmp_path / "before", runs([0.7], [0.1]))
    compare.reference(compare.scored_below(before), tmp_path / "one.csv")
    assert compare.compare(store(tmp_path / "near", runs([0.74], [0.1])), tmp_path / "one.csv") == []
    (found,) = compare.compare(store(tmp_path / "far", runs([0.6], [0.1])), tmp_path / "one.csv")
    assert "test accuracy 0.600 instead of 0.700 (-0.100)" in found


def test_exact(tmp_path, path):
    assert compare.compare(tmp_path / "before", path, exact=True) == []
    now = store(tmp_path / "now", runs([0.70, 0.72, 0.741, 0.71], [0.1, 0.2, 0.3, None]))
    found = compare.compare(now, path, exact=True)
    assert [line.split(": ")[1].split(" instead")[0] for line in found] == [
        "test accuracy 0.741",
        "validation loss nan",
        "no record",
    ]
    other = runs([0.70], [0.1])
    other[0]["provenance"]["versions"] = {"python": "3.99"}
    with pytest.raises(ValueError, match="exact: made with cpu python 3.11, these with cpu python 3.99"):
        compare.compare(store(tmp_path / "other", other), path, exact=True)


@pytest.mark.parametrize("curve", [True, False])
def test_a_seed_that_is_used_twice(curve):
    now = pd.DataFrame([compare.run_of(made) for made in different_curves(runs([0.7, 0.7, 0.7], [0.1, 0.1, 0.1]))])
    assert compare.impossible(now) == []
    now.loc[2, "curve"] = now.curve[0] if curve else now.curve[2]
    assert compare.impossible(now) == (
        ["rddc, none, arabic_digits: seeds 0 and 2 have the same loss curve: a seed is used twice"] if curve else []
    )


def test_a_line_has_the_numbers_of_the_split_that_it_names():
    part = {name: {"accuracy": value, "nmi": value / 2} for name, value in (("train", 0.4), ("test", 0.8))}
    made = record(scores=part | {"validation": None}, loss={"train": 0.1, "validation": 0.2})
    made["provenance"] |= {"data_digest": "data", "source_digest": "source"}
    line = compare.run_of(made)
    assert [line[name] for name in compare.NUMBERS] == [0.8, 0.4, 0.2, 0.1, 0.4, 0.2]
    assert (line["data"], line["source"]) == ("data", "source")


def test_one_run_that_is_alike_on_both_splits_is_no_sign():
    now = pd.DataFrame(map(compare.run_of, different_curves(runs([0.5, 0.7, 0.7], [0.1, 0.2, 0.3]))))
    assert compare.impossible(now) == []  # a training split's are .5
    (told,) = compare.impossible(now[:1])
    assert told == "rddc, none, arabic_digits: the test scores are those of the training split"


def test_rounding_of_another_machine_is_no_move():
    """Runs that are all alike on both sides differ by less than the floor of the standard deviation."""
    before = pd.DataFrame([compare.run_of(run) for run in different_curves(runs([0.7] * 4, [0.1] * 4))])
    assert compare.moved(before, before.assign(test_accuracy=0.701, train_loss=0.1001)) == []


def test_holm_by_hand():
    """Sorted, 0.001 and 0.012 are below 0.05/4 and 0.05/3; 0.03 is above 0.05/2, and so nothing after it counts."""
    np.testing.assert_array_equal(compare.holm(np.array([0.03, 0.001, 0.04, 0.012]), 0.05), [False, True, False, True])
    assert compare.holm(np.array([]), 0.05).size == 0 and compare.holm(np.array([0.01, 0.01]), 0.05).all()


def table(rng, n, first_seed, cells=40):
    """Runs in which nothing moves: half the cells normal, half with one run in five that ends in another optimum."""
    lines = []
    for cell in range(cells):
        noise = 0.05 * rng.normal(size=n) - (0.2 * (rng.random(n) < 0.2) if cell % 2 else 0)
        for seed, value in enumerate(noise, start=first_seed):
            made = compare.run_of(record(method=f"m{cell}", seed=seed))
            made |= dict(zip(compare.NUMBERS, [0.7 + value] * 2 + [1 - value] * 2 + [0.5 + value] * 2, strict=True))
            lines.append(made)
    return pd.DataFrame(lines)


def test_false_alarms_are_as_rare_as_it_says():
    """40 cells, 10 runs before and 4 now, 40 times: about 0.4 red comparisons are to be expected."""
    rng = np.random.default_rng(0)
    red = sum(bool(compare.moved(table(rng, 10, 0), table(rng, 4, 10))) for _ in range(40))
    assert red <= 2


def test_a_move_is_found_among_many_cells():
    rng = np.random.default_rng(1)
    before, now = table(rng, 10, 0), table(rng, 4, 10)
    now.loc[now.method == "m6", "test_accuracy"] -= 0.4
    (found,) = compare.moved(before, now)
    assert found.startswith("m6, none, arabic_digits: test accuracy ")


@pytest.mark.parametrize("metric", compare.NUMBERS)
def test_a_move_of_any_number_alone_is_found(metric):
    rng = np.random.default_rng(1)
    before, now = table(rng, 10, 0, cells=3), table(rng, 4, 10, cells=3)
    now.loc[now.method == "m0", metric] -= 0.4
    (found,) = compare.moved(before, now)
    assert found.startswith(f"m0, none, arabic_digits: {metric.replace('_', ' ')} ")


def test_every_split_is_a_cell_of_its_own():
    """Split 1 is another mean than split 0, on both sides alike; splits that one side lacks are said together."""
    rng = np.random.default_rng(0)
    first, again = table(rng, 10, 0), table(rng, 10, 0)
    other = table(rng, 10, 0).assign(split=1)
    other["test_accuracy"] -= 0.4
    both = pd.concat([first, other], ignore_index=True)
    assert compare.moved(both, pd.concat([again, other], ignore_index=True)) == []
    more = pd.concat([both, other.assign(split=2)], ignore_index=True)
    told = compare.moved(first, more)
    assert len(told) == first.method.nunique() and all("splits 1, 2: not in the reference" in one for one in told)
    other.loc[other.method == "m6", "test_accuracy"] += 0.3
    (found,) = compare.moved(both, pd.concat([again, other], ignore_index=True))
    assert found.startswith("m6, none, arabic_digits, split 1: test accuracy ")


def test_a_project_of_another_kind(tmp_path):
    """A CSV with cells, seeds, statuses and one number; everything else is empty."""
    lines = [f"mine,raw,toy,{seed},ok,0.{70 + seed},,,,,,,,,,," for seed in range(6)]
    before, now = tmp_path / "reference.csv", tmp_path / "fresh.csv"
    columns = [name for name in compare.COLUMNS if name != "split"]  # which is 0 where a file has none
    before.write_text("\n".join([",".join(columns), *lines]) + "\n")
    now.write_text(before.read_text().replace("0.7", "0.1"))
    assert compare.compare(before, before) == compare.compare(before, before, exact=True) == []
    (found,) = compare.compare(now, before)
    assert found.startswith("mine, raw, toy: test accuracy 0.125 instead of 0.725 (-0.600), p = ")
    assert found.endswith("; since an unknown commit; by the records, nothing changed")
    assert all(line.endswith("; since an unknown commit") for line in compare.compare(now, before, exact=True))


def test_a_cell_may_be_called_as_a_missing_value_is(path):
    path.write_text(path.read_text().replace(",none,", ",None,").replace("rddc,", "NA,"))
    assert compare.compare(path, path) == []
    assert set(compare.read_runs(path).vectorization) == {"None"}


def script(*arguments):
    command = [sys.executable, "-m", "workflow.scripts.compare", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_exit_codes(tmp_path, path):
    same = script(tmp_path / "before", path)
    assert same.returncode == 0 and "nothing moved" in same.stdout
    now = store(tmp_path / "now", runs([0.30, 0.32, 0.34], [0.1, 0.2, 0.3]))
    red = script(now, path)
    assert red.returncode == 1 and red.stdout.startswith("rddc, none, arabic_digits: test accuracy")
    assert script(path, path).returncode == 0  # a CSV of runs will do
    unusable = script(tmp_path / "nothing", path)
    assert unusable.returncode == 2 and unusable.stderr == f"error: {tmp_path / 'nothing'}: there are no records\n"


def percent(text, column, times=100):
    """The last run of a CSV with a number that is so many times as large."""
    runs = pd.read_csv(io.StringIO(text))
    runs.loc[runs.index[-1], column] *= times
    return runs.to_csv(index=False)


def test_rounding_leaves_no_range(path):
    path.write_text(percent(path.read_text(), "train_nmi", 2.000000000000001))
    assert compare.read_runs(path).train_nmi.max() > 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", "reference.csv: it is empty, expected the columns method,"),
        (lambda text: text[: text.rindex(",")], "reference.csv, line 6: 17 cells, expected 18: is the file whole"),
        (lambda text: text.replace(",ok", ",,ok", 1), "reference.csv, line 2: 19 cells, expected 18"),
        (lambda text: text.replace("rddc,", '"rddc,', 1), "reference.csv: not a CSV file in UTF-8"),
        (lambda text: "\udcff" + text, "reference.csv: not a CSV file in UTF-8"),
        (lambda text: text.replace("seed", "sede"), "expected the columns method,"),
        (
            lambda text: text + text.splitlines()[-1] + "\n",
            "none, arabic_digits, seed 4: a run that is there twice",
        ),
        (lambda text: text.replace(",none,", ",,", 1), "arabic_digits, seed 0: a line without a cell, seed or status"),
        (
            lambda text: text.replace(",ok,", ",OK,"),
            "seed 0: its status is none of ok, diverged, collapsed, oom",
        ),
        (
            lambda text: text.replace(",0.7,", ",much,"),
            "rddc, none, arabic_digits, seed 0: test_accuracy is much, expected a number from 0 to 1",
        ),
        (
            lambda text: text.replace(",0.72,", ",72,"),
            "reference.csv: rddc, none, arabic_digits, seed 1: test_accuracy is 72.0, expected a number from 0 to 1",
        ),
        (lambda text: percent(text, "train_nmi"), "seed 4: train_nmi is 50.0, expected a number from 0 to 1"),
        (lambda text: percent(text, "train_accuracy", -0.2), "seed 4: train_accuracy is -0.1, expected a number"),
        (lambda text: percent(text, "test_nmi", np.inf), "seed 4: test_nmi is inf, expected a number from 0 to 1"),
        (lambda text: text.splitlines()[0] + "\n", "no line"),
    ],
)
def test_an_unusable_reference_is_an_error(path, change, message):
    path.write_text(change(path.read_text()), errors="surrogateescape")
    with pytest.raises(ValueError, match=message):
        compare.compare(path, path)
