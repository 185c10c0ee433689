"""The supervised report: verdicts, tables from records, and nothing typed."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from fake_records import bare, record, score

from datasets.problems import draw_problems, gather
from datasets.sequences import Sequences
from datasets.storage import write_arrays
from methods import checkpoint
from methods.supervised import SupervisedClusterer
from reports import tasks
from reports.published import read_published
from reports.verdict import verdict_on_runs
from runs.record import check_record, write_records
from runs.results import each_scored, scores_file
from runs.score import score_task
from runs.tasks import outcome_of, run_control, run_task
from workflow import catalogue, jobs, validate

TASKS = {
    "points": {
        "method": "l2c",
        "problems": "points",
        "sizes": {"train": 40, "validation": 8, "test": 8},
        "draw": {"points": 12},
        "settings": {"layers": 1, "units": 8, "batch": 10, "epochs": 2},
    },
    "abc": {
        "method": "element_wise",
        "problems": "abc",
        "sizes": {"train": 40, "validation": 8, "test": 8},
        "seeds": 2,
        "settings": {"epochs": 2},
    },
    "abc_symbols_5": {
        "method": "element_wise",
        "problems": "abc",
        "sizes": {"train": 40, "validation": 8, "test": 8},
        "draw": {"symbols": 5},
        "settings": {"epochs": 2},
    },
}
CONFIG = {"seed": 0, "seeds": 1, "time_limit": 60, "results": "", "tasks": TASKS}


@pytest.mark.parametrize(
    ("values", "published", "lower", "expected"),
    [
        ([1.0, 1.0], "1.0000", False, "reproduced"),
        ([0.98, 1.0], "1.0000", False, "reproduced"),
        ([0.98, 0.99], "1.0000", False, "different"),
        ([0.0184], "0.018", True, "reproduced"),
        ([0.0186], "0.018", True, "different"),
        ([0.001, 0.002], "0.018", True, "better"),
        ([30, 43], "70", True, "better"),
        ([80, np.inf], "70", True, "different"),
        ([60, np.inf], "70", True, "reproduced"),
        ([], "70", True, "not comparable"),
        ([np.nan], "0.99", False, "not comparable"),
        ([np.nan, 0.5], "0.99", False, "different"),
        ([0.999, np.nan], "0.99", False, "better"),
        ([0.5, np.nan, 0.999], "0.99", False, "reproduced"),
    ],
)
def test_verdict(values, published, lower, expected):
    assert verdict_on_runs(values, published, lower) == expected


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of a reading, its records by task, and the report's folder."""
    folder = tmp_path_factory.mktemp("reading")
    runs = {}
    for task in TASKS:
        drawn = draw_problems(jobs.draw_job(CONFIG, task))
        problems = drawn.withhold("test")
        paths = jobs.task_records(CONFIG | {"results": str(folder.parent)}, folder.name, task)
        problems.save(folder / f"problems/{task}.npz")
        write_arrays(folder / f"problems/{task}.labels.npz", labels=drawn.clusters)
        records, clusters = run_task(problems, **jobs.learn_job(CONFIG, "test", task))
        write_records(paths[0], records, {"none": clusters})
        for control, path in zip(jobs.TASK_CONTROLS, paths[1:], strict=True):
            records, clusters = run_control(drawn, **jobs.control_job(CONFIG, "test", task, control))
            write_records(path, records, {"avg": clusters})
        score_task(scores_file(paths[0]), paths, drawn, jobs.ordered(CONFIG, task))
        runs[task] = [*each_scored(paths)]
    job = jobs.tasks_report_job(CONFIG | {"results": str(folder.parent)}, folder.name) | {"reading": "test"}
    tasks.write_tasks(job, folder / "report")
    return folder, runs


def test_runs_that_all_failed_are_counted_and_break_no_figure(made):
    _, runs = made
    failed = {task: [run | {"status": "timeout"} for run in own] for task, own in runs.items()}
    assert tasks.break_table(TASKS, failed)["ok runs"].tolist() == ["0/2", "0/2", "0/1"]
    plt.close(tasks.breaks(TASKS, failed))


def test_a_task_whose_mr_was_watched_shows_it_beside_the_controls(made):
    _, runs = made
    (first, *controls) = runs["points"]
    curve = first["loss_curve"] | {"validation_mr": [0.5, 0.25]}
    watched = runs | {"points": [first | {"loss_curve": curve}, *controls]}
    figure = tasks.curves(TASKS, watched)
    shown = {axis.get_title(): axis for axis in figure.axes}
    assert (figure.get_supylabel(), tasks.curves(TASKS, runs).get_supylabel()) == ("loss, or MR", "loss")
    assert [told for told in shown if told] == ["points", "abc", "abc symbols 5", "points\nMR"]
    drawn = [line.get_ydata() for line in shown["points\nMR"].lines]
    np.testing.assert_array_equal([values for values in drawn if len(values) == 2][0], [0.5, 0.25])
    lines = {tuple(values) for values in drawn[-2:]}
    assert lines == {(1 - one["scores"]["test"]["accuracy"],) * 2 for one in controls}
    assert {text.get_text() for text in shown["points\nMR"].texts} == {"k-means", "k by silhouette"}
    plt.close("all")


def test_a_control_that_is_not_told_reads_no_more_than_the_largest_number():
    drawn = draw_problems(jobs.draw_job(CONFIG, "points"))
    ones = np.repeat(drawn.counts == 1, drawn.sizes)
    other = replace(
        drawn, clusters=np.where(ones, np.arange(len(ones)) % 2, drawn.clusters)
    )  # no single cluster is left
    found = {}
    for control in jobs.TASK_CONTROLS:
        job = jobs.control_job(CONFIG, "test", "points", control)
        found[control] = [run_control(problems, **job)[1]["0"] for problems in (drawn, other)]
    assert ones.any() and other.clusters.max() == drawn.clusters.max()
    np.testing.assert_array_equal(*found["untold"])
    assert (found["told"][0] != found["told"][1]).any()


def test_records(made):
    _, runs = made
    for task, own in runs.items():
        for one in own:
            check_record(bare(one))
        assert [(one["method"], one["seed"]) for one in own] == [
            *[(TASKS[task]["method"], seed) for seed in range(TASKS[task].get("seeds", 1))],
            ("kmeans", 0),
            ("silhouette_k", 0),
        ]
        for one in own:
            assert one["scores"]["train"] is None and one["scores"]["test"]["homogeneity"] >= 0
            assert ("element_accuracy" in one["scores"]["test"]) == (task != "points")
    assert "order_agreement" in runs["points"][0]["scores"]["test"]
    assert {"accuracy_told" in one["scores"]["test"] for one in runs["points"][:2]} == {True, False}
    assert not any("accuracy_told" in one["scores"]["test"] for one in runs["abc"])
    assert runs["abc"][-2]["scores"]["test"]["element_accuracy"] == 1  # told how many, a control solves it


def test_the_page_says_supervised_and_has_every_part(made):
    folder, runs = made
    page = (folder / "report/report.html").read_text()
    assert "Supervised: these methods learn" in page and "None of it belongs to the unsupervised rows" in page
    for name in ("curves", "breaks", "points_points"):
        assert (folder / f"report/{name}.png").is_file()
    scores = pd.read_csv(folder / "report/scores.csv")
    assert scores.task.tolist() == [told for told in ("points", "abc", "abc symbols 5") for _ in range(3)]
    assert scores.method.tolist()[:3] == ["L2C", "control: k-means", "control: k by silhouette"]
    own = runs["points"][0]["scores"]["test"]
    assert scores.MR[0] == f"{1 - own['accuracy']:.2f}" or runs["points"][0]["status"] != "ok"
    breaks = pd.read_csv(folder / "report/breaks.csv")
    assert list(zip(breaks.grows, breaks.value, strict=True)) == [("length", 15), ("symbols", 3), ("symbols", 5)]
    settings = pd.read_csv(folder / "report/settings.csv", index_col=["of", "setting"])
    assert settings.source["methods.l2c", "layers"] == "published"
    assert settings.value["tasks.points", "layers"] == "1" and settings.value["methods.l2c", "layers"] == "14"


def test_differences_from_the_controls_are_those_of_the_scores(made):
    folder, runs = made
    gains = pd.read_csv(folder / "report/gains.csv").set_index(["task", "beside"])
    informed = gains.method == "L2C, number told"
    (line,), gains = gains[informed].itertuples(), gains[~informed]
    (ours, theirs, _) = (run["scores"]["test"] for run in runs["points"])
    assert line.Index == ("points", "control: k-means")  # which is told as well
    assert float(line[2]) == pytest.approx(ours["accuracy_told"] - theirs["accuracy"], abs=6e-4)
    assert len(gains) == 2 * len(TASKS)
    for task, own in runs.items():
        mistakes = {}
        for run in own:
            if run["status"] == "ok":
                mistakes.setdefault(run["method"], []).append(1 - run["scores"]["test"]["accuracy"])
        for method, told in (("kmeans", "control: k-means"), ("silhouette_k", "control: k by silhouette")):
            line = gains.loc[tasks.name(task), told]
            if {method, TASKS[task]["method"]} <= mistakes.keys():
                expected = np.mean(mistakes[method]) - np.mean(mistakes[TASKS[task]["method"]])
                assert float(line["MR less by"]) == pytest.approx(expected, abs=6e-4)
            else:
                assert line.verdict == "not comparable"


def gain(ours, theirs, status="ok"):
    """The line of `gain_table` for one run's and one control's MR of every test problem."""
    runs = [record(method="l2c", status=status), record(method="kmeans", vectorization="avg")]
    runs = [run | {"dataset": "points", "seed": 0} for run in runs]
    errors = {("points", "l2c", 0): np.array(ours), ("points", "kmeans", 0): np.array(theirs)}
    return tasks.gain_table({"points": runs}, errors, {"kmeans"}).iloc[0]


def test_how_often_a_difference_from_a_control_is_shown():
    """Of problems that are hard for both alike, one in twenty where there is none, and nearly always one of 0.1."""
    rng, told = np.random.default_rng(0), {0.0: [], 0.1: []}
    for difference, verdicts in told.items():
        for _ in range(100):
            hard = rng.uniform(0.2, 0.6, 300)
            ours, theirs = (hard - better + rng.normal(0, 0.2, 300) for better in (difference, 0.0))
            verdicts.append(gain(ours, theirs).verdict)
    assert 88 <= told[0.0].count("no difference shown") <= 100
    assert told[0.1].count("better") >= 99 and gain(theirs, ours).verdict == "worse"
    line = gain([0.1, 0.1], [0.3, 0.3])
    assert (line["MR less by"], line["95 % interval"], line.verdict) == ("+0.200", "+0.200 to +0.200", "better")
    line = gain([0.1], [0.3])  # one problem says nothing of others
    assert (line["MR less by"], line["95 % interval"], line.verdict) == ("+0.200", "–", "not comparable")
    line = gain([0.1], [0.3], status="diverged")
    assert (line["MR less by"], line["95 % interval"], line.verdict) == ("–", "–", "not comparable")


def test_trainings_that_differ_widen_the_interval_of_a_difference():
    runs = [record(method="l2c"), record(method="l2c"), record(method="kmeans", vectorization="avg")]
    runs = [run | {"dataset": "points", "seed": seed} for run, seed in zip(runs, (0, 1, 0), strict=True)]
    theirs = np.random.default_rng(0).uniform(0.3, 0.5, 50)
    errors = {("points", "kmeans", 0): theirs, ("points", "l2c", 0): theirs - 0.1, ("points", "l2c", 1): theirs - 0.2}
    line = tasks.gain_table({"points": runs}, errors, {"kmeans"}).iloc[0]
    assert (line["MR less by"], line.verdict, line.trainings) == ("+0.150", "no difference shown", 2)
    errors["points", "l2c", 1] = theirs - 0.1
    line = tasks.gain_table({"points": runs}, errors, {"kmeans"}).iloc[0]
    assert (line["95 % interval"], line.verdict) == ("+0.100 to +0.100", "better")


def test_published_numbers(made):
    _, runs = made
    published = read_published("abc").values
    table = tasks.published_table(runs, published).set_index("measure")
    assert table.published["validation loss"] == "0.018" and table.verdict["validation loss"] == "different"
    losses = [one["loss_curve"]["validation_loss"][-1] for one in runs["abc"][:2]]
    assert table.ours["validation loss"] == f"{min(losses):.4g} to {max(losses):.4g}"
    assert table.index.tolist() == ["validation accuracy", "validation loss"]
    nothing = tasks.published_table({}, published)
    assert set(nothing.verdict) == {"not comparable"} and set(nothing.ours) == {"–"}
    other = tasks.published_table({"abc": [record(method="l2c", loss_curve={"validation_accuracy": [1.0]})]}, published)
    pd.testing.assert_frame_equal(other, nothing)


def test_a_run_without_the_published_measure_has_no_number(made):
    _, runs = made
    own = [one | {"loss_curve": {"loss": [1.0]}} for one in runs["abc"][:2]]
    (accuracy, loss) = tasks.published_table({"abc": own}, read_published("abc").values).itertuples()
    assert (accuracy.ours, loss.ours) == ("–", "–")
    assert (accuracy.verdict, loss.verdict) == ("not comparable", "not comparable")


def test_a_failed_run_is_shown_and_enters_no_mean():
    extra = {"homogeneity": 0.5, "completeness": 0.5, "count_accuracy": 0.5}
    good = record(method="l2c")
    good["scores"]["test"] |= extra
    runs = {"points": [good, record(method="l2c", seed=1, status="diverged")]}
    table = tasks.score_table({"points": TASKS["points"]}, runs)
    assert table["ok runs"].tolist() == ["1/2"] and table.MR.tolist() == ["0.30"]
    assert tasks.failure_table(runs).status.tolist() == ["diverged"]


EXTRA = {"homogeneity": 0.5, "completeness": 0.5, "count_accuracy": 0.5}


def of_problems(test, validation, **changes):
    """A record with these shares of right members and elements on the test and the validation problems."""
    parts = {"test": test, "validation": validation}
    scores = {part: score(right) | EXTRA | {"element_accuracy": right} for part, right in parts.items()}
    return record(scores=scores | {"train": None}, **changes)


def test_scores_are_those_of_the_test_problems_with_the_spread_of_a_sample():
    made = [of_problems(right, 0.1, method="l2c", seed=seed) for seed, right in enumerate((0.5, 0.7))]
    table = tasks.score_table({"points": TASKS["points"]}, {"points": made})
    assert table.MR.tolist() == ["0.40 ± 0.14"] and not any(tasks.TOLD in column for column in table)
    for run in made:
        run["scores"]["test"]["accuracy_told"] = 0.8
    table = tasks.score_table({"points": TASKS["points"]}, {"points": made})
    assert table[f"MR, {tasks.TOLD}"].tolist() == ["0.20 ± 0.00"]


def test_where_it_breaks_is_told_of_the_test_problems_and_the_first_epoch_without_a_mistake():
    curve = {"validation_accuracy": [0.5, 1.0, 1.0]}
    made = of_problems(0.9, 0.1, method="element_wise", loss_curve=curve)
    for row in tasks.break_table({"abc": TASKS["abc"]}, {"abc": [made]}).to_dict("records"):
        assert (row["right element"], row["NMI"], row["validation accuracy 1 at epoch"]) == ("0.90", "0.90", "2")
    assert tasks.epoch_of_accuracy_1(made | {"loss_curve": {}}) == "never"


def test_what_is_better_is_a_higher_accuracy_and_a_lower_loss():
    for accuracy, loss, expected in ((0.9, 0.001, ["different", "better"]), (1.0, 0.5, ["reproduced", "different"])):
        curve = {"validation_accuracy": [0.0, accuracy], "validation_loss": [9.0, loss]}
        made = {"abc": [record(method="element_wise", loss_curve=curve)]}
        assert tasks.published_table(made, read_published("abc").values).verdict.tolist() == expected


def test_an_interval_that_ends_at_0_shows_no_difference():
    for low, high in ((0.0, 0.1), (-0.1, 0.0), (0.0, 0.0)):
        assert tasks.verdict_on_gain(low, high) == "no difference shown"


def test_the_budget_is_that_of_the_runs_that_got_to_their_end():
    failed = record(method="l2c", status="timeout") | {"budget": dict.fromkeys(("updates", "epochs", "parameters"))}
    failed["budget"]["sequences"] = 100
    for order in ([failed, record(method="l2c", seed=1)], [record(method="l2c", seed=1), failed]):
        table = tasks.budget_table({"points": order})
        assert table.loc[0, ["problems", "updates", "epochs", "parameters"]].tolist() == ["100", "10", "2", "99"]
    assert tasks.budget_table({"points": [failed]}).updates.tolist() == ["–"]
    two = [record(method="l2c", seed=seed, cost={"seconds": seconds}) for seed, seconds in enumerate((2.0, 4.0))]
    assert tasks.budget_table({"points": two})["seconds a run"].tolist() == ["3.0"]


def test_a_break_is_drawn_of_the_ok_runs_that_learned():
    made = [of_problems(right, 0.1, method="element_wise", seed=seed) for seed, right in enumerate((0.9, 0.7))]
    made.append(of_problems(0.2, 0.1, method="element_wise", seed=2, status="timeout"))
    made.append(of_problems(0.3, 0.1, method="kmeans", vectorization="avg"))
    figure = tasks.breaks({"abc": TASKS["abc"]}, {"abc": made})
    for axis, value in zip(figure.axes, (15, 3), strict=True):  # the length and the symbols of that task
        assert axis.collections[0].get_offsets().tolist() == [[value, 0.9], [value, 0.7]]
        assert axis.lines[0].get_ydata().tolist() == pytest.approx([0.8])
    plt.close(figure)


def test_found_points_have_the_colours_of_what_they_stand_for():
    places = np.array([[0, 0], [0, 1], [9, 9], [9, 8]], float)[:, None]
    problems = gather(Sequences.from_list(places), {"test": [(np.arange(4), np.array([0, 0, 1, 1]))]})
    figure = tasks.point_sets(problems, np.array([1, 1, 0, 1]))  # the last one is wrong
    above, below = figure.axes
    truth, found = (axis.collections[0].get_facecolor().tolist() for axis in (above, below))
    assert truth[:3] == found[:3] and found[3] == truth[0] != truth[3]
    assert below.collections[1].get_offsets().tolist() == [[9, 8]]
    assert (above.get_title(), below.get_title()) == ("clusters: 2", "found: 2, MR 0.25")
    plt.close(figure)


def test_a_run_out_of_time_or_that_fails_is_a_record(monkeypatch):
    problems = draw_problems(jobs.draw_job(CONFIG, "abc")).withhold("test")
    job = jobs.learn_job(CONFIG, "test", "abc")
    slow, clusters = run_task(problems, **job | {"limit": 0.001})
    assert [one["status"] for one in slow] == ["timeout", "timeout"] and clusters == {}
    monkeypatch.setattr(SupervisedClusterer, "_measure", lambda self, X: {"loss": float("nan")})
    broken, _ = run_task(problems, **job)
    assert [one["status"] for one in broken] == ["diverged", "diverged"]
    for one in slow + broken:
        check_record(one)


@pytest.mark.parametrize(
    ("found", "status"),
    [([0, 0, 0, 0], "collapsed"), ([1, 1, 0, 0], "collapsed"), ([0, 0, 0, 1], "ok"), ([1, 0, 0, 1], "ok")],
)
def test_a_run_that_tells_nobody_apart_has_collapsed_whatever_it_calls_the_clusters(found, status):
    pairs = [(np.array(members), np.array([0, 1])) for members in ([0, 1], [2, 3])]
    problems = gather(Sequences.from_list(np.zeros((4, 1, 2))), {"validation": pairs})
    assert outcome_of(problems, {"validation": np.array(found)})["status"] == status


def test_a_task_goes_on_from_what_an_earlier_attempt_saved(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", float("inf"))
    problems = draw_problems(jobs.draw_job(CONFIG, "abc")).withhold("test")
    job = jobs.learn_job(CONFIG, "test", "abc")
    first, clusters = run_task(problems, **job, folder=tmp_path)
    saved = {seed: tmp_path / f"training-{seed}/phase-0.npz" for seed in job["seeds"]}
    assert all(path.exists() for path in saved.values())
    second, again = run_task(problems, **job, folder=tmp_path)
    for name, found in clusters.items():
        np.testing.assert_array_equal(again[name], found)
    assert all(two["cost"]["seconds"] > one["cost"]["seconds"] / 2 for one, two in zip(first, second, strict=True))
    assert "is not used" not in capfd.readouterr().err
    other = job | {"settings": job["settings"] | {"learning_rate": 0.5}}
    run_task(problems, **other, folder=tmp_path)
    assert "it comes from another job: settings differ" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "kmeans"}, "tasks.points.method: 'kmeans' is not supervised"),
        ({"problems": "kmeans"}, "tasks.points.problems: no function draw in datasets/kmeans.py"),
        ({"problems": "arabic_digits"}, "tasks.points.problems: no function draw in datasets/arabic_digits.py"),
        ({"draw": {"point": 3}}, "tasks.points.draw: no setting 'point' .there are clusters, points"),
        ({"settings": {"layer": 3}}, "tasks.points.settings: no setting 'layer'"),
        ({"dataset": "nobody"}, "'nobody' is not in datasets/"),
    ],
)
def test_a_mistake_in_a_task_is_named_in_one_line(changes, message):
    with pytest.raises(catalogue.ConfigError, match=message):
        check(changes)


def check(changes, **datasets):
    tasks = {"points": TASKS["points"] | changes}
    validate.check_task(CONFIG | {"tasks": tasks, "datasets": datasets, "run": {"datasets": []}}, "points")


def test_a_task_takes_a_data_set_with_other_settings():
    check({"dataset": "letters"}, letters={"like": "character_trajectories", "characters": ["a", "e"]})
    with pytest.raises(catalogue.ConfigError, match="datasets.letters: no setting 'letters'"):
        check({"dataset": "letters"}, letters={"like": "character_trajectories", "letters": ["a", "e"]})
