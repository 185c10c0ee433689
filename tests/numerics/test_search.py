"""The search of settings: its design, its two rules, what it may know of the test split, and going on after a kill."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import qmc

from datasets.sequences import SPLITS, Sequences, stratified_split
from datasets.storage import write_arrays, write_json
from studies.search import page, space, trials

JOB = {
    "core_hours": 1000,
    "datasets": 1,
    "seeds": [2, 3, 2],
    "epochs": [1, 2],
    "inputs": ["crop"],
    "algorithm": "ddc",
    "settings": {"hidden_units": 8, "batch": 20},
    "time_limit": 60,
}
TEST = SPLITS.index("test")


@pytest.fixture(autouse=True)
def few_settings(monkeypatch):
    monkeypatch.setattr(trials, "MOST", 8)


def write_data(folder, labels=None, change=lambda arrays, split: None):
    rng = np.random.default_rng(0)
    truth = np.arange(80) % 2
    arrays = [2 * label + rng.normal(size=(5 + i % 3, 2)) for i, label in enumerate(truth)]
    split = stratified_split(truth, 0, "x", (0.6, 0.2, 0.2))
    change(arrays, split)
    Sequences.from_list(arrays, split, 2).save(folder / "data/steps.npz")
    write_arrays(folder / "data/steps.labels.npz", labels=truth if labels is None else labels(truth, split))
    write_json(folder / "data/steps.json", {"classes": ["a", "b"], "settings": {}})
    return folder


def search(folder, **job):
    return trials.run("steps", folder, "ddc", JOB | job)


def lines_of(folder):
    return [json.loads(line) for line in (folder / "search/steps.ddc.jsonl").read_text().splitlines()]


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(part) for key, part in value.items() if key != "seconds"}
    return [without_times(part) for part in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished search: its folder and what it gave."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials, "MOST", 8)
        folder = write_data(tmp_path_factory.mktemp("whole"))
        return folder, search(folder)


@pytest.mark.parametrize("method", ["ddc", "rddc"])
def test_the_design_covers_all_settings_and_begins_alike(method):
    found = space.design(method, [5, 10], 150, 32)
    assert space.design(method, [5, 10], 150, 24) == found[:24]
    known = space.METHODS[method]().get_params()
    assert set(found[0]) == {name for name in space.LOSS | space.OTHERS if name in known}
    assert "states" in found[0] if method == "rddc" else "states" not in found[0]
    for name, values in (space.LOSS | space.OTHERS).items():
        if name not in found[0]:
            continue
        got = [point[name] for point in found]
        if isinstance(values, tuple):
            low, high = values
            thirds = np.histogram(np.log(np.array(got, float) / low) / np.log(high / low), 3, (0, 1))[0]
            assert thirds.min() >= 8, name
        else:
            values = {"batch": [50, 100], "epochs": [5, 10]}.get(name, values)
            assert set(got) == set(values) and min(map(got.count, values)) >= 32 / len(values) - 3, name
    assert {point["batch"] for point in space.design(method, [5], 100, 32)} == {50, 100}
    assert {point["batch"] for point in space.design(method, [5], 30, 8)} == {30}
    for i in range(0, 32, space.FAMILY):
        losses = [{name: found[i + j][name] for name in space.LOSS} for j in range(space.FAMILY)]
        assert losses[0] == losses[1]
    assert len({json.dumps(point, sort_keys=True) for point in found}) == 32


def test_the_design_is_scipys_sobol_sequence():
    sobol = qmc.Sobol(1, rng=np.random.default_rng(space.seed_sequence(0, "search", "x"))).random_base2(3)[:, 0]
    found = [point["a"] for point in space.drawn({"a": (1, 1000)}, 8, "x")]
    np.testing.assert_allclose(found, 1000**sobol, rtol=0.01)


def test_a_level_is_a_value_or_a_third_of_its_range_in_the_logarithm():
    assert [space.level("batch", 50), space.level("clip_each", True)] == ["50", "True"]
    thirds = ["0.1 to 0.46", "0.46 to 2.2", "2.2 to 10"]
    values = (0.1, 0.4, 0.5, 2, 3, 10)
    assert [space.level("simplex_weight", value) for value in values] == [third for third in thirds for _ in "ab"]


def run_of(seed, clusters, loss=1.0, status="ok"):
    return {"seed": seed, "clusters": clusters, "loss": {"validation": loss}, "status": status}


def test_the_rules():
    """One asks for the lowest loss in a family and then for agreement, the other for accuracy; both mind failures."""
    same, other, truth = [0, 0, 1, 1], [0, 1, 0, 1], np.array([0, 1, 0, 1])
    found = {
        0: [run_of(0, other, 9), run_of(1, same, 9)],  # a family of its own; no agreement
        1: [run_of(0, same, 0.2), run_of(1, [1, 1, 0, 0], 0.4)],  # agrees
        2: [run_of(0, other, 0.4), run_of(1, other, 0.4)],  # agrees and is right, but the loss of its family says 1
        3: [run_of(0, other, 0.1), run_of(1, None, None, "diverged")],
    }
    rules = trials.rules(truth)
    assert rules["without labels"](found) == [1, 3, 0]
    assert rules["by validation accuracy"](found) == [2, 0, 1, 3]  # 3 was right as often as not
    failed = [run_of(0, same, 0.3), run_of(1, None, None, "diverged")]
    assert rules["without labels"](found | {2: failed}) == [1, 3, 0]  # its mean loss would be as low as that of 1
    failed[0]["loss"]["validation"] = 0.1
    assert rules["without labels"](found | {2: failed}) == [1, 3, 0]
    assert trials.agreement(found[1]) == 1 and trials.agreement(found[3]) == 0 and trials.agreement([]) == 0
    assert trials.agreement([*found[1], *failed[1:]]) == pytest.approx(1 / 3)
    collapsed = [run_of(seed, [0, 0, 0, 0], status="collapsed") for seed in range(2)]
    assert trials.agreement(collapsed) == 0 and trials.accuracy_of(collapsed[0], truth) == 0
    assert trials.agreement([run_of(seed, [0, 0, 0, 0]) for seed in range(2)]) == 1  # why a status counts


def test_no_label_reaches_the_rule_without_labels(whole, tmp_path):
    """With other labels of the validation split it chooses the same, and all runs are the same."""
    folder, made = whole

    def swapped(truth, split):
        return np.where(split == SPLITS.index("validation"), np.random.default_rng(1).permutation(truth), truth)

    found = search(write_data(tmp_path, swapped))["cells"][0]
    expected = made["cells"][0]
    for what in ("chosen", "finalists"):
        assert found[what]["without labels"] == expected[what]["without labels"]
    runs = [
        {trials.key_of(line): line for line in lines_of(place) if line.get("run") == "search"}
        for place in (folder, tmp_path)
    ]
    shared = runs[0].keys() & runs[1].keys()
    assert len(shared) >= 2 * 9
    assert all(without_times(runs[0][key]) == without_times(runs[1][key]) for key in shared)
    assert [p["accuracies"] for p in found["points"]] != [p["accuracies"] for p in expected["points"]]


def spoiled(arrays, split):
    """Other test sequences, one of them shorter than all others, which would crop all."""
    for i in np.flatnonzero(split == TEST):
        arrays[i] = np.full((2, 2), 1e3 * i)


def test_nothing_of_the_test_split_is_read_before_the_choice(whole, tmp_path):
    """Other test sequences and labels change no line up to the choice, and the scores after it."""
    folder, made = whole
    other = write_data(tmp_path, lambda truth, split: np.where(split == TEST, 1 - truth // 2, truth), spoiled)
    found = search(other)
    before = [without_times(lines_of(place)) for place in (folder, other)]
    until = [next(i for i, line in enumerate(lines) if "chosen" in line) for lines in before]
    assert until[0] == until[1] and before[0][: until[0] + 1] == before[1][: until[0] + 1]
    assert all(line["run"] == "test" for line in before[0][until[0] + 1 :])
    assert found["cells"][0]["chosen"] == made["cells"][0]["chosen"]
    assert without_times(found["cells"][0]["test"]) != without_times(made["cells"][0]["test"])


def test_a_search_that_sees_the_test_split_is_caught(tmp_path, monkeypatch):
    """The mutant of the test above: a search on all sequences."""
    monkeypatch.setattr(trials.Cell, "start", see_all(trials.Cell.start))
    folders = [write_data(tmp_path / "a"), write_data(tmp_path / "b", change=spoiled)]
    found = [search(folder) for folder in folders]
    runs = [[line for line in without_times(lines_of(folder)) if line.get("run") == "search"] for folder in folders]
    assert runs[0] != runs[1] and len(found) == 2


def see_all(start):
    """`Cell.start` of a cell that was given the whole data."""

    def mutant(self):
        self.known = trials.load_data(self.log.path.parents[1], "steps").sequences
        return start(self)

    return mutant


def test_only_the_chosen_settings_see_the_test_split_by_fresh_seeds(whole):
    folder, made = whole
    (cell,) = made["cells"]
    allowed = [cell["points"][place]["settings"] for place in (0, *cell["chosen"].values())]
    tested = [line for line in lines_of(folder) if line.get("run") == "test"]
    assert tested and all(line["settings"] in allowed for line in tested)
    seen = {line["seed"] for line in lines_of(folder) if line.get("run") == "search"}
    assert seen == {0, 1, 2} and {line["seed"] for line in tested} == {3, 4}
    assert cell["openings"] == 1 and all(line["scores"]["accuracy"] >= 0.5 for line in tested)


@pytest.mark.parametrize("kept", [1, 7.5, 22.5, -1.5])
def test_a_killed_search_goes_on_to_the_same(whole, tmp_path, kept):
    """Lines that were whole are taken over, one that was cut off is not; nothing is trained twice."""
    folder, made = whole
    write_data(tmp_path)
    lines = (folder / "search/steps.ddc.jsonl").read_bytes().splitlines(keepends=True)
    kept = kept if kept > 0 else len(lines) + kept
    cut = b"".join(lines[: int(kept)]) + lines[int(kept)][: len(lines[int(kept)]) // 2] * bool(kept % 1)
    (tmp_path / "search").mkdir()
    (tmp_path / "search/steps.ddc.jsonl").write_bytes(cut)
    assert without_times(search(tmp_path)) == without_times(made)
    assert without_times(lines_of(tmp_path)) == without_times(lines_of(folder))


def test_a_finished_search_trains_nothing_and_another_origin_starts_anew(whole, monkeypatch, capsys):
    folder, made = whole
    before = (folder / "search/steps.ddc.jsonl").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(trials, "run_job", None)
        assert search(folder) == made
        assert (folder / "search/steps.ddc.jsonl").read_bytes() == before
        log = trials.Log(folder / "search/steps.ddc.jsonl", lines_of(folder)[0]["origin"])
        assert len(log.lines) > 20
        patch.setattr(trials, "write_text", lambda path, text: None)
        log = trials.Log(folder / "search/steps.ddc.jsonl", lines_of(folder)[0]["origin"] | {"data_digest": "x"})
        assert log.lines[1:] == [] and "data_digest differ" in capsys.readouterr().out


@pytest.mark.parametrize("part", ["validation", None])
def test_a_search_without_labels_to_choose_by_is_refused(tmp_path, part):
    """One label that is missing, or no validation split."""

    def change(arrays, split):
        if part is None:
            split[split == SPLITS.index("validation")] = TEST

    def labels(truth, split):
        return np.where(np.arange(80) == np.argmax(split == SPLITS.index(part or "train")), -1, truth)

    with pytest.raises(ValueError, match="^steps: the search chooses by a validation split with labels"):
        search(write_data(tmp_path, labels, change))


@pytest.mark.parametrize("seeds", [[2, 3, 2], [3, 2, 2]])
def test_each_input_has_a_search_and_a_choice_of_its_own(tmp_path, monkeypatch, seeds):
    """Made-up runs: by chance up to the choice, and on the test split right there and nowhere else."""

    def rng_of(vectorization, settings, seed):
        return np.random.default_rng(list(json.dumps([vectorization, settings, seed], sort_keys=True).encode()))

    def fits(sequences, *, seeds: list, settings, vectorization, **more):
        (seed,), n = seeds, len(sequences)
        rng = rng_of(vectorization, settings, seed)
        loss, clusters = rng.uniform(), rng.integers(2, size=n)
        clusters = clusters if n < 80 else np.where(sequences.split == TEST, np.arange(80) % 2, 0)
        record = {"status": "ok", "reason": None, "loss": {"train": 0.0, "validation": loss}}
        return [record], {seed: clusters}

    monkeypatch.setattr(trials, "run_job", fits)
    monkeypatch.setattr(trials, "core_seconds", itertools.count().__next__)  # each run takes one
    folder = write_data(tmp_path)
    made = search(folder, inputs=["avg", "crop"], seeds=seeds)
    assert [cell["input"] for cell in made["cells"]] == ["avg", "crop"]
    for cell in made["cells"]:
        points, finalists = cell["points"], cell["finalists"]
        assert points[0]["settings"] == JOB["settings"] | {"epochs": 2}  # the longest that is tried
        for place, point in enumerate(points):
            again = any(place in places for places in finalists.values())
            assert [run["seed"] for run in point["runs"]] == list(range(max(seeds[:2]) if again else seeds[0]))
            for run in point["runs"]:
                assert run["loss"]["validation"] == rng_of(cell["input"], point["settings"], run["seed"]).uniform()
        firsts = [np.mean(point["accuracies"][: seeds[0]]) for point in points]
        assert sorted(firsts)[-3:] == sorted(firsts[place] for place in finalists["by validation accuracy"])
        if seeds[1] > seeds[0]:
            ranks = {"without labels": [point["agreement"] for point in points]}
            ranks["by validation accuracy"] = [np.mean(point["accuracies"]) for point in points]
            for rule, places in finalists.items():
                best = max(ranks[rule][place] for place in places)
                assert len(places) == 3 and ranks[rule][cell["chosen"][rule]] == best, rule
        assert list(cell["test"]) == list(map(str, dict.fromkeys([0, *cell["chosen"].values()])))
        tested = [run for runs in cell["test"].values() for run in runs]
        assert {run["seed"] for run in tested} == {3, 4} and all(run["scores"]["accuracy"] == 1 for run in tested)
        assert cell["seconds"] == len(tested) + sum(len(point["runs"]) for point in points)
        assert cell["openings"] == 1
    assert search(folder, inputs=["avg", "crop"], seeds=seeds) == made  # goes on from its log, each with its own runs


def planned(folder, monkeypatch, **job):
    """The one cell of a search before it chooses, of which an epoch takes a second."""
    found = []
    with monkeypatch.context() as patch:
        patch.setattr(trials.Cell, "pace", lambda self: 1.0)
        patch.setattr(trials.Cell, "choose", lambda self, labels: found.append(self) or 1 / 0)
        with pytest.raises(ZeroDivisionError):
            search(folder, **job)
    return found[0]


def test_as_many_settings_as_the_budget_has_epochs_for(tmp_path, monkeypatch):
    """By hand: all runs of the settings, then at most what finalists and choices take, of the mean length."""
    monkeypatch.setattr(trials, "MOST", 24)
    write_data(tmp_path)
    epochs = [point["epochs"] for point in space.design("ddc", [1, 2], 48, 24)]
    seconds = 2 * (2 + sum(epochs[:16])) + 1.5 * (2 * 3 * 1 + 3 * 2)
    for budget, settings in ((1.001 * seconds, 16), (0.999 * seconds, 8)):
        cell = planned(tmp_path, monkeypatch, core_hours=3 * budget / 3600, datasets=3)  # each has a third
        assert len(cell.points) == 1 + settings and cell.budget == pytest.approx(budget)


def test_the_budget_that_is_told_is_enough(tmp_path, monkeypatch):
    write_data(tmp_path)
    for later in range(2, 12):
        job = {"seeds": [2, 3, later]}
        with pytest.raises(ValueError, match="too little for 8 settings") as caught, monkeypatch.context() as patch:
            patch.setattr(trials.Cell, "pace", lambda self: 1.0)
            search(tmp_path, core_hours=1e-6, **job)
        enough = float(str(caught.value).rpartition(" ")[2])
        assert len(planned(tmp_path, monkeypatch, core_hours=enough, **job).points) == 9
        with pytest.raises(ValueError, match="too little"), monkeypatch.context() as patch:
            patch.setattr(trials.Cell, "pace", lambda self: 1.0)
            search(tmp_path, core_hours=0.85 * enough, **job)


def test_its_own_settings_train_as_long_as_the_training_split_asks_for(tmp_path, monkeypatch):
    settings = {"epochs": "by_size", "batch": 20, "updates": 30}
    cell = planned(write_data(tmp_path), monkeypatch, settings=settings, epochs=[1000])
    assert cell.points[0]["epochs"] == space.METHODS["ddc"](**settings).budget(48)[1] < 1000


def test_the_budget_decides_how_many_settings(whole, tmp_path):
    write_data(tmp_path)
    with pytest.raises(
        ValueError, match=r"^search.core_hours.ddc: 1e-06 is too little for 8 settings on steps \(crop\)"
    ):
        search(tmp_path, core_hours=1e-6)
    folder, made = whole
    (cell,) = made["cells"]
    assert len(cell["points"]) == 9 and cell["budget"] == 3.6e6
    assert cell["seconds"] > 0


def test_inputs_share_the_budget_by_what_they_take(tmp_path, monkeypatch):
    """So that a long one doesn't need a budget for which the others try hundreds of settings."""
    paces = {"crop": 1.0, "avg": 3.0}
    monkeypatch.setattr(trials.Cell, "pace", lambda self: paces[self.vectorization])
    planned = []
    monkeypatch.setattr(trials.Cell, "choose", lambda self, labels: planned.append(self) or 1 / 0)
    write_data(tmp_path)
    with pytest.raises(ZeroDivisionError):
        search(tmp_path, inputs=["avg", "crop"], core_hours=8)
    assert planned[0].vectorization == "avg" and planned[0].budget == pytest.approx(0.75 * 8 * 3600)


def test_a_run_that_fails_is_a_line_with_its_status(tmp_path, monkeypatch):
    """It ranks last, enters no mean, and the page counts it."""
    fits = trials.run_job

    def some_fail(sequences, *, settings, **more):
        records, clusters = fits(sequences, settings=settings, **more)
        if settings["epochs"] == 1:
            records[0] |= {"status": "diverged", "reason": "x", "loss": {"train": None, "validation": None}}
            clusters = {}
        return records, clusters

    monkeypatch.setattr(trials, "run_job", some_fail)
    made = search(write_data(tmp_path))
    (cell,) = made["cells"]
    failed = [p for p in cell["points"] if p["settings"]["epochs"] == 1]
    assert failed and all(not p["accuracies"] and p["agreement"] == 0 for p in failed)
    assert all(cell["points"][place]["settings"]["epochs"] == 2 for place in cell["chosen"].values())
    text = written(made, tmp_path)
    n = sum(len(p["runs"]) for p in cell["points"]) + sum(map(len, cell["test"].values()))
    assert f"{n - sum(len(p['runs']) for p in failed)}/{n}" in text


def written(made, folder, name="page"):
    write_json(folder / "case.json", made)
    row = {"algorithm": "ddc", "title": None}
    job = {"cases": [folder / "case.json"], "variants": {"ddc": {"row": row}}}
    page.report(job | {"selection": "validation", "published": "rddc_table1"}, folder / name)
    return (folder / name / "search.md").read_text()


def test_the_page_says_what_the_cases_hold(whole, tmp_path):
    _, made = whole
    text = written(made, tmp_path)
    assert text.startswith("# The settings of DDC, searched together\n")
    (cell,) = made["cells"]
    for place in cell["chosen"].values():
        runs = cell["test"][str(place)]
        best = min(runs, key=lambda run: run["loss"]["validation"])["scores"]
        mean = np.mean([run["scores"]["accuracy"] for run in runs])
        assert f"{best['accuracy']:.2f} ({best['nmi']:.2f}); {mean:.2f} ± " in text
    assert "test split opened" in text and "hidden\\_units" in text or "hidden_units" in text
    assert written(made, tmp_path, "again") == text
    for name in ("importance.png", "importance.pdf", "rules.png", "rules.pdf"):
        assert (tmp_path / "page" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def scored_run(accuracy, train, validation, status="ok"):
    scores = {"accuracy": accuracy, "nmi": accuracy / 2} if status == "ok" else None
    return {"scores": scores, "loss": {"train": train, "validation": validation}, "status": status}


def test_the_run_with_the_lowest_loss_speaks_for_a_setting_and_failures_are_counted():
    runs = [scored_run(0.9, 3, 1), scored_run(0.5, 1, 2), scored_run(0, None, None, "diverged"), scored_run(0.7, 2, 3)]
    assert page.outcome(runs, "validation") == "0.90 (0.45); 0.70 ± 0.20; 3/4"
    assert page.outcome(runs, "train") == "0.50 (0.25); 0.70 ± 0.20; 3/4"
    assert page.outcome(runs[:1], "train") == "0.90 (0.45); 0.90; 1/1"
    assert page.outcome(runs[2:3], "train") == "failed 0/1"


def made_up_cell(**changes):
    """A cell of which each choice is another setting with scores of its own."""
    settings = [{"epochs": 2, "batch": 50}, {"epochs": 1, "batch": 20}, {"epochs": 2, "batch": 20}]
    runs = [{"status": "ok"}, {"status": "oom"}]
    cell = {
        "dataset": "arabic_digits",
        "row": "ddc",
        "input": "crop",
        "points": [{"settings": point, "runs": runs} for point in settings],
        "chosen": {"without labels": 2, "by validation accuracy": 1},
        "test": {str(place): [scored_run(place / 10, 1, 1)] for place in range(3)},
        "seconds": 30,
        "budget": 40,
        "openings": 7,
    }
    return cell | changes


def test_each_choice_stands_in_its_own_column_beside_the_number_published_of_its_cell():
    others = [("ddc", "arabic_digits", "zero"), ("ddc", "mnist", "crop"), ("rddc", "arabic_digits", "crop")]
    cells = [*others, ("ddc", "arabic_digits", "crop")]
    published = pd.DataFrame(cells, columns=["method", "dataset", "vectorization"])
    published = published.assign(published_accuracy=[0.1, 0.2, 0.3, 0.4], published_nmi=[0.5, 0.6, 0.7, 0.8])
    (row,) = page.tested([made_up_cell()], published, "train").to_dict("records")
    assert row["published"] == "0.40 (0.80)"
    found = {rule: row[rule].split()[0] for rule in page.RULES}
    assert found == {"as it is": "0.00", "without labels": "0.20", "by validation accuracy": "0.10"}
    assert page.tested([made_up_cell(input="avg")], published, "train").published.tolist() == ["–"]


def test_a_choice_is_told_by_what_differs_from_the_row():
    """Its own settings are its method's, and over them what the config says."""
    told = page.chosen_settings([made_up_cell()], {"ddc": {"epochs": 9, "batch": 20}, "rddc": {}}).splitlines()
    assert [line.partition("**")[2] for line in told] == [
        "without labels**: `batch` 20",
        "by validation accuracy**: `epochs` 1, `batch` 20",
    ]


def test_the_cost_is_that_of_all_runs():
    (row,) = page.costs([made_up_cell()]).to_dict("records")
    assert row["settings"] == 3 and row["runs"] == "6 + 3 for the test split" and row["ok"] == "6/9"
    assert (row["took"], row["budget"], row["test split opened"]) == ("30 s", "40 s", 7)


def test_levels_are_compared_within_a_data_set(monkeypatch):
    """One that is easier as a whole says nothing of a setting, also where fewer settings ran on it."""
    monkeypatch.setattr(page, "SHUFFLES", 1)
    design = space.design("ddc", [5, 10], 200, 16)

    def cell(easier, n):
        points = [
            {"settings": point, "accuracies": [easier + 0.2 * (point["epochs"] == 10)], "agreement": 0.0}
            for point in design[:n]
        ]
        return {"points": [{"settings": {}, "accuracies": [0.9], "agreement": 0.0}, *points]}

    for cells in ([cell(0, 16)], [cell(0, 16), cell(0.5, 8)]):
        table = page.importance(cells).set_index("setting")
        assert table.share["epochs"] == pytest.approx(1, abs=0.02)
        levels = table.levels["epochs"]
        assert levels["10"] - levels["5"] == pytest.approx(0.2, abs=0.02) and levels["5"] < 0 < levels["10"]


def test_importance_finds_the_setting_that_matters():
    """Accuracy that follows the learning rate alone, and noise; shares are those of an analysis of variance."""
    rng = np.random.default_rng(0)
    design = space.design("rddc", [5, 10], 200, 64)
    points = [{"settings": {}, "accuracies": [], "agreement": 0.0}]
    for settings in design:
        accuracy = 0.5 + 0.3 * (settings["learning_rate"] > 1e-3) + 0.02 * rng.normal()
        points.append({"settings": settings, "accuracies": [accuracy], "agreement": rng.uniform()})
    table = page.importance([{"points": points}, {"points": points[:33]}]).set_index("setting")
    assert table.index[0] == "learning_rate" and table.share["learning_rate"] > 0.8 and table.p.iloc[0] == 0.001
    assert table.share.iloc[1] < 0.3 and (table.p[1:] < 0.05).sum() <= 3
    twice = [{**point, "accuracies": [float(i // 2 % 2)]} for i, point in enumerate(points[1:])]
    shares = page.importance([{"points": points[:1] + twice}]).set_index("setting").share
    alone = [space.level("batch", point["batch"]) for point in design[::2]]
    assert shares["batch"] == pytest.approx(page.explained(np.array(alone), np.arange(32) % 2.0, "batch")[0])
    levels = np.array(["a", "a", "b", "b"])
    assert page.explained(levels, np.array([0.0, 0.0, 1.0, 1.0]), "x")[0] == 1
    assert page.explained(levels, np.array([0.0, 1.0, 0.0, 1.0]), "x")[0] == 0
    assert page.explained(levels, np.ones(4), "x") == (0, 1)
