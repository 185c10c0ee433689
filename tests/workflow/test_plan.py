"""From the config to jobs, and a user's mistakes in one line."""

import copy

import pytest
import yaml

from runs.sources import ROOT, imported_sources
from workflow import catalogue, jobs, layers, validate


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "config/config.yaml").read_text())


def changed(config, path, value):
    config = copy.deepcopy(config)
    *parents, last = path.split(".")
    section = config
    for name in parents:
        section = section.setdefault(name, {})
    section[last] = value
    return config


def test_every_config_file_is_valid():
    for path in (ROOT / "config").glob("*.yaml"):
        if path.stem != "sources":
            validate.check_config(layers.read(path))
    for path in (ROOT / "config/readings").glob("*.yaml"):
        validate.check_config({"readings": [path.stem]})


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sedes", 3, "'sedes' was unexpected"),
        ("run.dataset", ["arabic_digits"], "'dataset' was unexpected"),
        ("seeds", 0, "config: seeds: 0 is less than the minimum of 1"),
        ("run.methods", ["kmean"], "'kmean' is not in methods/ .there are .*kmeans"),
        ("run.datasets", ["arabic"], "'arabic' is not in datasets/ .there are arabic_digits"),
        ("readings", ["nobody"], "'nobody' is not in config/readings/ .there are .*recommended"),
        ("methods.rddc.settings.epoch", 3, "methods.rddc.settings: no setting 'epoch' .there are .*epochs"),
        ("methods.rddc.datasets.arabic_digits.epoch", 3, "methods.rddc.datasets.arabic_digits: no setting 'epoch'"),
        ("methods.rddc.setting.epochs", 3, "'setting' was unexpected"),
        ("datasets.arabic_digits.normalised", True, "datasets.arabic_digits: no setting 'normalised'"),
        ("datasets.arabic_digits.normalise", True, "normalise: expected {'sequence', 'all', 'none'}, got True"),
        ("datasets.arabic_digits.path", "mine", "datasets.arabic_digits: no setting 'path'"),
        ("datasets.arabic_digits.resample", 0, "datasets.arabic_digits.resample: 0 is less than the minimum of 1"),
        ("split", {"kind": "everything", "fractions": [1, 0]}, "split.fractions"),
        ("datasets.arabic_digits.average", "mean", "arabic_digits.average: expected {'length', 'padded'}, got"),
        ("selection", "test", "config: selection: 'test' is not one of"),
        ("run.controls", [{"method": "kmeans", "input": "none"}], "controls: kmeans can't read the input 'none'"),
        ("run.controls", [{"method": "rddc", "input": "none"}], "controls: rddc with input 'none' is a row already"),
        ("run.controls", [{"method": "lengths", "input": "none"}], "'lengths' is not in methods/"),
        ("results", "", "config: results:"),
        ("results", f"{'x' * 300}/y", "config: results: no folder that can be written in"),
        ("published", "rddc", "config: published: 'rddc' is none of .*mnist.*rddc_table1"),
        ("figures", {"dataset": "nothing"}, "config: .*'nothing' is not in datasets/"),
        (
            "split",
            {"kind": "stratified", "fractions": [0.5, 0.5, 0.5]},
            "config: split.fractions: .0.5, 0.5, 0.5.: exp",
        ),
        (
            "split",
            {"kind": "stratified", "fractions": [0, 0.5, 0.5]},
            "config: split.fractions: .* a share to train on",
        ),
    ],
)
def test_a_mistake_is_named_in_one_line(path, value, message):
    with pytest.raises(catalogue.ConfigError, match=message) as caught:
        validate.check_config(changed({}, path, value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vectorizations": ["avg"]}, "arabic_digits: none of run.methods has an input there (avg is skipped: every"),
        ({"vectorizations": []}, "speech_commands: none of run.methods has an input there (no vectorization is listed"),
    ],
)
def test_a_data_set_on_which_controls_alone_run_is_refused(changes, message):
    run = {"datasets": ["speech_commands", "arabic_digits"], "methods": ["kmeans"], "vectorizations": ["zero", "avg"]}
    validate.check_config({"run": run})
    with pytest.raises(catalogue.ConfigError) as caught:
        validate.check_config({"run": run | changes})
    assert str(caught.value).startswith(f"config: run.datasets: {message}")


def test_the_test_split_cannot_select(config):
    """The schema knows train and validation; a label can't reach the choice of a run."""
    assert config["selection"] in ("train", "validation")


def test_jobs(config):
    listed = list(jobs.jobs(config))
    assert len(listed) == len(set(listed)) == 4 * (4 + 3 + 2 + 2)  # DEC in three, RDDC in two, two controls
    blocks = {}
    for dataset, method, inputs, block in listed:
        blocks.setdefault((dataset, method, inputs), []).append(block)
    assert blocks["arabic_digits", "ward", "zero-crop"] == ["0-0"]  # nothing is random; its averages are all zero
    assert blocks["character_trajectories", "ward", "zero-crop-avg"] == ["0-0"]
    assert blocks["speech_commands", "rddc", "none"] == jobs.seed_blocks(20, 10)
    assert blocks["speech_commands", "rddc", "shuffled"] == ["0-4"]  # apart, so that a study without controls shares


def test_a_method_without_an_input_left_has_no_job(config):
    skip = {"arabic_digits": dict.fromkeys(("zero", "crop", "avg"), "a reason")}
    left = {method for dataset, method, *_ in jobs.jobs(changed(config, "skip", skip)) if dataset == "arabic_digits"}
    assert left == {"rddc", "length_kmeans"}


def test_a_skip_can_be_taken_back():
    def inputs(said):
        resolved = layers.resolve({"skip": {"arabic_digits": said}}, "recommended")
        return {inputs for of, row, inputs, _ in jobs.jobs(resolved) if (of, row) == ("arabic_digits", "kmeans")}

    assert inputs({"avg": None}) == {"zero-crop-avg"} and inputs({}) == inputs({"avg": "a reason"}) == {"zero-crop"}


def test_time_averages_that_normalising_makes_zero_are_skipped():
    own = {"birds": {"path": "a.npz", "normalise": "sequence", "k": [2, 3]}, "fish": {"path": "b", "normalise": "all"}}

    def inputs(said):
        resolved = layers.resolve({"datasets": own, "skip": said}, "own")
        return {of: inputs for of, row, inputs, _ in jobs.jobs(resolved) if row == "kmeans"}

    both = "resample-avg"
    assert inputs({}) == {"birds_k2": "resample", "birds_k3": "resample", "fish": both}
    assert inputs({"birds": {"avg": None}}) == {"birds_k2": both, "birds_k3": both, "fish": both}


def test_a_shuffled_control_runs_beside_its_method_only(config):
    names = {(method, inputs) for _, method, inputs, _ in jobs.jobs(changed(config, "run.methods", ["kmeans"]))}
    assert ("length_kmeans", "none") in names and ("rddc", "shuffled") not in names


def test_a_users_setting_goes_over_the_reading():
    reading = layers.resolve({}, "recommended")
    assert jobs.method_settings(reading, "rddc", "arabic_digits")["batch"] == 200
    user = {"methods": {"rddc": {"datasets": {"arabic_digits": {"batch": 3}}}}}
    assert jobs.method_settings(layers.resolve(user, "recommended"), "rddc", "arabic_digits")["batch"] == 3


def test_a_reading_is_like_another_but_not_like_itself(monkeypatch, tmp_path):
    monkeypatch.setattr(layers, "ROOT", tmp_path)
    (tmp_path / "config/readings").mkdir(parents=True)
    texts = {
        "a": "datasets: {x: {p: 1, q: 2}}",
        "b": "{like: a, datasets: {x: {q: 3}}}",
        "c": "like: d",
        "d": "like: c",
        "e": "seed: 1",
    }
    for name, text in texts.items():
        (tmp_path / f"config/readings/{name}.yaml").write_text(text)
    assert layers.read_reading("b") == {"datasets": {"x": {"p": 1, "q": 3}}}
    with pytest.raises(catalogue.ConfigError, match="readings/c.yaml: like: it is like itself, by way of c, d"):
        layers.read_reading("c")
    with pytest.raises(catalogue.ConfigError, match="readings/e.yaml: seed: a reading sets datasets, methods and task"):
        layers.read_reading("e")


@pytest.mark.parametrize(("n", "per_job", "blocks"), [(5, 2, ["0-1", "2-3", "4-4"]), (1, 20, ["0-0"])])
def test_seed_blocks(n, per_job, blocks):
    assert jobs.seed_blocks(n, per_job) == blocks


def test_imports_are_followed():
    names = {path.name for path in imported_sources(ROOT / "methods/rddc.py")}
    assert {"rddc.py", "ddc.py", "deep.py", "divergence.py", "gru.py", "base.py", "sequences.py"} <= names
    assert "dec.py" not in names and "kmeans.py" not in names
    assert "rddc.py" not in {path.name for path in imported_sources(ROOT / "methods/ddc.py")}


def test_a_job_has_only_what_changes_it(config):
    job = jobs.train_job(config, "recommended", "arabic_digits", "kmeans", "zero-crop", "0-4")
    other = changed(changed(config, "methods.rddc.settings", {"epochs": 1}), "figures.dataset", "arabic_digits")
    assert jobs.train_job(other, "recommended", "arabic_digits", "kmeans", "zero-crop", "0-4") == job
    assert job["seeds"] == [0, 1, 2, 3, 4] and job["vectorizations"] == ["zero", "crop"]


def test_settings_of_a_data_set_go_over_those_of_the_method(config):
    config = changed(config, "methods.rddc", {"settings": {"epochs": 5}, "datasets": {"arabic_digits": {"epochs": 7}}})
    assert jobs.method_settings(config, "rddc", "arabic_digits") == {"epochs": 7}
    assert jobs.method_settings(config, "rddc", "speech_commands") == {"epochs": 5}


def test_only_a_cell_that_was_asked_for_is_excused():
    """A table without time averages says nothing of a data set that can't have them."""
    resolved = layers.resolve({}, "recommended")
    assert list(jobs.report_job(resolved, "recommended")["skip"]["arabic_digits"]) == ["avg"]
    resolved = layers.resolve({"run": {"methods": ["rddc"]}}, "recommended")
    assert jobs.report_job(resolved, "recommended")["skip"]["arabic_digits"] == {}


OWN = {"datasets": {"birds": {"path": "datasets/own.py"}}}


def own(**said):
    """The resolved config of one's own data under what a user says beside them."""
    user = OWN | said
    validate.check_config(user)
    (reading,) = layers.lay(user)["readings"]
    return layers.resolve(user, reading)


def test_own_data_are_trained_on_and_scored_on_whole(monkeypatch):
    monkeypatch.chdir(ROOT)
    resolved = own()
    assert resolved["run"]["datasets"] == ["birds"] and resolved["published"] is None
    said = resolved["split"]["kind"], resolved["selection"], resolved["scored"]
    assert said == ("everything", "train", "train")
    resolved = own(split={"kind": "stratified"})
    assert (resolved["selection"], resolved["scored"]) == ("validation", "test")
    resolved = own(split={"kind": "stratified", "fractions": [0.8, 0, 0.2]})
    assert (resolved["selection"], resolved["scored"]) == ("train", "test")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"scored": "test"}, "scored: nothing is in the test split .kind everything.; expected train"),
        ({"selection": "validation"}, "selection: nothing is in the validation split"),
        ({"run": {"datasets": ["birds", "arabic_digits"]}}, "'birds' is your own data, .* run them apart"),
        ({"run": {"datasets": ["birds", "bird"]}}, "'bird' is not in datasets/"),
    ],
)
def test_splits_that_do_not_go_together_are_refused(said, message, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(catalogue.ConfigError, match=message) as caught:
        own(**said)
    assert "\n" not in str(caught.value)


def test_own_and_public_data_share_a_split_that_is_asked_for(monkeypatch):
    monkeypatch.chdir(ROOT)
    resolved = own(split={"kind": "stratified"}, run={"datasets": ["birds", "arabic_digits"]})
    assert resolved["scored"] == "test" and resolved["seeds"] == 20  # the paper's config, with birds


def test_seeds_are_for_every_row_unless_the_same_layer_says_more(monkeypatch):
    runs = {(row, how): n for row, (how, *_), n, _ in jobs.row_groups(layers.resolve({"seeds": 3}, "recommended"))}
    assert set(runs.values()) == {1, 3} and {row for (row, _), n in runs.items() if n == 1} == {"ward"}
    said = {"seeds": 3, "methods": {"kmeans": {"seeds": 7}}}
    runs = {row: n for row, _, n, _ in jobs.row_groups(layers.resolve(said, "recommended"))}
    assert runs["kmeans"] == 7 and runs["dec"] == 3


def test_seeds_of_the_command_line_are_for_the_rows_of_a_file_too(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("seeds: 2\nmethods: {kmeans: {seeds: 9}}")
    assert layers.read_user([file], [])["methods"]["kmeans"]["seeds"] == 9
    assert "seeds" not in layers.read_user([file], ["seeds=3"])["methods"]["kmeans"]


def test_the_official_test_split_is_there_whatever_its_share():
    """Its share is of what is split anew: none."""
    official = {"kind": "official", "fractions": [0.9, 0.1, 0]}
    assert layers.parts(official) == ["train", "validation", "test"]
    assert layers.parts(official | {"kind": "stratified"}) == ["train", "validation"]


def test_what_own_data_need_goes_over_a_reading(monkeypatch):
    """Also over the numbers of seeds that rows have there, as it says one for all."""
    monkeypatch.setattr(layers, "read_reading", lambda reading: {"methods": {"kmeans": {"seeds": 9}}})
    runs = {row: n for row, _, n, _ in jobs.row_groups(layers.resolve(OWN, "any"))}
    assert runs["kmeans"] == layers.read(ROOT / "config/own.yaml")["seeds"]


def test_the_first_attempt_has_time_for_one_run_and_the_third_for_all():
    assert [jobs.minutes(600, 16, attempt) for attempt in (1, 2, 3, 4)] == [25, 55, 175, 175]


def test_a_data_set_is_scored_by_its_own_records(config):
    by_data_set = [jobs.record_files(config, "recommended", dataset) for dataset in config["run"]["datasets"]]
    assert sum(by_data_set, []) == jobs.record_files(config, "recommended")
    for dataset, files in zip(config["run"]["datasets"], by_data_set, strict=True):
        assert files and all(f"/records/{dataset}/" in file for file in files)


def test_limits_reach_the_jobs_that_they_are_of():
    user = {"time_limit": 70, "methods": {"ddc": {"time_limit": 9}}}
    plain, strict = (layers.resolve(user | more, "recommended") for more in ({}, {"most_timeouts": 2}))
    limits = {row: jobs.train_job(plain, "x", "arabic_digits", row, "zero", "0-0")["limit"] for row in ("ddc", "dec")}
    assert limits == {"ddc": 9, "dec": 70}
    assert jobs.train_job(strict, "x", "arabic_digits", "ddc", "zero", "0-0")["most_timeouts"] == 2
    assert jobs.halves_job(strict, "x", "arabic_digits", "ddc", "zero")["limit"] == 9


def test_halves_are_of_all_rows_but_controls_on_own_data_with_a_number_of_clusters(monkeypatch):
    monkeypatch.chdir(ROOT)
    path = "datasets/own.py"
    said = {
        "datasets": {"bees": {"path": path, "k": [2, 3]}, "birds": {"path": path}},
        "run": {"datasets": ["bees", "birds", "arabic_digits"], "methods": ["kmeans", "rddc"]},
        "split": {"kind": "stratified"},
    }
    resolved = own(**said)
    assert {row for row, _ in jobs.control_rows(resolved)} == {"length_kmeans", "rddc"}
    found = [file.partition("/halves/")[2] for file in jobs.halves_files(resolved, "recommended")]
    assert found == [f"bees_k{k}/{row}.json" for k in (2, 3) for row in ("kmeans-zero-crop-avg", "rddc-none")]
    job = jobs.halves_job(resolved, "recommended", "bees_k3", "rddc", "none")
    assert job["n_clusters"] == 3 and job["method"] == "rddc" and "seeds" not in job


def test_a_supervised_task_has_seeds_of_its_own():
    task = {"method": "l2c", "problems": "points", "sizes": {}}
    config = {"seeds": 2, "time_limit": 5, "tasks": {"a": task, "b": task | {"seeds": 3, "settings": {"units": 4}}}}
    assert [jobs.learn_job(config, "x", name)["seeds"] for name in "ab"] == [[0, 1], [0, 1, 2]]
    assert jobs.learn_job(config, "x", "b")["settings"] == {"units": 4}
