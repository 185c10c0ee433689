"""The config's layers: the uppermost that says a key wins, whatever it says; and YAML that says what it means."""

import copy
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from datasets.kinds import fits
from datasets.strict_yaml import parse_yaml, read_yaml
from methods.base import kinds, load_method
from runs.sources import ROOT
from workflow import catalogue, jobs, layers, validate

BASE = read_yaml(ROOT / "config/config.yaml")
OF_READINGS = ("datasets", "methods", "tasks")  # all that a reading may set
LAYERS = ("reading", "a file", "another file", "command line")


def leaves(schema, path=()):
    """Paths of all keys of the config that hold no further keys; ``some`` for a name that is anybody's choice."""
    inner = dict(schema.get("properties", {}))
    rest = schema.get("additionalProperties", True if schema.get("type") == "object" else None)
    if rest not in (None, False):
        inner["some"] = rest if isinstance(rest, dict) else {}
    if not inner:
        yield path
    for name, part in inner.items():
        yield from leaves(part, (*path, name))


LEAVES = sorted(leaves(validate.schema()))
# Keys that change what others are by default: tests/workflow/test_plan.py and test_splits.py have them.
APART = {("datasets", "some", "path"), ("seeds",), ("splits",)}


def at(config, path):
    """What a config says at a path; None where it says nothing."""
    for key in path:
        config = config.get(key) if isinstance(config, dict) else None
    return config


def nested(path, value):
    for key in reversed(path):
        value = {key: value}
    return value


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the project's base config, where a test may write readings."""
    folder = tmp_path_factory.mktemp("layers")
    (folder / "config/readings").mkdir(parents=True)
    (folder / "config/config.yaml").write_text((ROOT / "config/config.yaml").read_text())
    return folder


def lay(place, said):
    """The config of `said`, layer to what it says, by way of files and a command line."""
    files = [place / "a.yaml", place / "b.json"]
    (place / "config/readings/drawn.yaml").write_text(json.dumps(said["reading"]))
    files[0].write_text(json.dumps(said["a file"]))
    files[1].write_text(json.dumps(said["another file"]))
    arguments = [f"{key}={json.dumps(value)}" for key, value in said["command line"].items()]
    return layers.lay(layers.read_user(files, arguments), "drawn")


def check(lay, statements):
    """Lay `statements`, path to layer to value, and look whether the uppermost won everywhere."""
    said = {name: {} for name in LAYERS}
    for path, values in statements.items():
        for name, value in values.items():
            said[name] = layers.merge(said[name], nested(path, value))
    laid = lay(said)
    for path in LEAVES:
        stated = [values for name in LAYERS if name in (values := statements.get(path, {}))]
        expected = stated[-1][[name for name in LAYERS if name in stated[-1]][-1]] if stated else at(BASE, path)
        assert at(laid, path) == expected, path


values = st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from(["a", "1e-3"]), st.lists(st.integers()))


@st.composite
def statements(draw):
    """Paths to layer to value; the default of the base is a value like any other, and drawn more often."""
    found = {}
    for path in draw(st.lists(st.sampled_from(sorted({*LEAVES} - APART)), unique=True, max_size=8)):
        allowed = LAYERS if path[0] in OF_READINGS else LAYERS[1:]
        names = draw(st.lists(st.sampled_from(allowed), unique=True))
        default = at(BASE, path)
        found[path] = {name: draw(st.one_of(st.just(default), values)) for name in names}
    return found


EPOCHS = ("methods", "some", "settings", "some")


def test_every_key_is_drawn():
    assert ("run", "controls") in LEAVES and ("skip", "some", "some") in LEAVES and ("seeds",) in LEAVES
    assert EPOCHS in LEAVES and ("methods", "some", "datasets", "some", "some") in LEAVES and len(LEAVES) > 30


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(statements())
@example({EPOCHS: {"reading": 60, "a file": None}})
@example({(path): {"a file": 1, "command line": at(BASE, path)} for path in LEAVES if path not in APART})
def test_the_uppermost_layer_that_says_a_key_wins(place, monkeypatch, said):
    monkeypatch.setattr(layers, "ROOT", place)
    check(lambda told: lay(place, told), said)


def test_the_check_can_fail(place, monkeypatch):
    """A value that is the default's is no value: what was done here once."""
    monkeypatch.setattr(layers, "ROOT", place)
    merge = layers.merge

    def without_defaults(told):
        forgetful = copy.deepcopy(told)
        for name in LAYERS[1:]:
            if forgetful[name].get("seed") == BASE["seed"]:
                del forgetful[name]["seed"]
        return lay(place, forgetful)

    with pytest.raises(AssertionError, match="seed"):
        check(without_defaults, {("seed",): {"a file": 1, "command line": BASE["seed"]}})
    monkeypatch.setattr(layers, "merge", lambda base, changes: merge(changes, base))
    with pytest.raises(AssertionError):
        check(lambda told: lay(place, told), {("seed",): {"a file": 1}})


@pytest.mark.parametrize("epochs", [100, 51])
def test_a_value_equal_to_the_default_goes_over_a_reading(epochs):
    """ddc has 100 epochs by default, and the reading lets the data say how many."""
    user = {"methods": {"ddc": {"settings": {"epochs": epochs}}}}
    found = layers.resolve(user, "own")["methods"]["ddc"]["settings"]
    assert found == {"input_scale": "overall", "batch": "by_size", "epochs": epochs}


# ---- YAML


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[("1e-3", 1e-3), ("1E5", 1e5), (".5", 0.5), ("5.", 5.0), ("+3", 3), ("-0", 0), ("0.10", 0.1), ("True", True)],
        *[("~", None), ("", None), ("null", None), ("FALSE", False), ("'3'", "3"), ("[.5, {a: 2}]", [0.5, {"a": 2}])],
        *[(text, text) for text in ("12_5", "１２", "010", "0x1F", "1:30", "yes", "no", "2020-01-01", ".inf", "NaN")],
        *[("1e", "1e"), ("{1: 2, yes: 3}", {"1": 2, "yes": 3})],
        ("{a: &a {x: 1}, b: {<<: *a, x: 2}, c: *a}", {"a": {"x": 1}, "b": {"x": 2}, "c": {"x": 1}}),
    ],
)
def test_numbers_are_numbers_and_text_is_text(text, value):
    found = parse_yaml(text, "here")
    assert found == value and type(found) is type(value)
    assert layers.argument_value("key", text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' stands twice"),
        ("a:\n  b: 1\n  'b': 2", "line 3: the key 'b' stands twice"),
        ("1: a\n'1': b", "line 2: the key '1' stands twice"),
        ('{"a": {"c": 1, "c": 2}}', "line 1: the key 'c' stands twice"),
        ("x: &x {a: 1, a: 2}\ny: {<<: *x}", "line 1: the key 'a' stands twice"),
        ("a: [1", "line 1: expected"),
        ("a:\n\t- 1", r"line 2: found character '\\t'"),
        ("? [a]\n: 1", "line 1: a key must be a word"),
        ("a: !!python/name:os.system", "line 1: could not determine a constructor"),
        ("a: 1e400", "Out of range"),
        ("a: !!float .nan", "Out of range"),
        ("a: &a [*a]", "Circular"),
        ("a: !!timestamp 2020-01-01", "Object of type date"),
        ("- a", "expected keys at the top level"),
        ("\x01", "unacceptable character"),
    ],
)
def test_a_mistake_in_a_file_is_named_in_one_line(tmp_path, text, message):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(catalogue.ConfigError, match=f"mine.yaml(, |: ){message}") as caught:
        layers.read_user([tmp_path / "mine.yaml"], [])
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "mine.yaml").write_bytes(b"a: \xff")
    with pytest.raises(ValueError, match="mine.yaml: not UTF-8: invalid start byte at byte 3"):
        read_yaml(tmp_path / "mine.yaml")


def test_a_mistake_on_the_command_line_is_named():
    with pytest.raises(catalogue.ConfigError, match="config: run, line 1: the key 'a' stands twice"):
        layers.read_user([], ["run={a: 1, a: 2}"])
    assert layers.read_user([], ["results=@home/a b", "mirror="]) == {"results": "@home/a b", "mirror": None}


def test_no_file_of_the_project_says_a_key_twice():
    for path in [*(ROOT / "config").rglob("*.yaml"), *(ROOT / "profiles").rglob("*.yaml")]:
        assert read_yaml(path) is not None


# ---- types of settings


@pytest.mark.parametrize(
    ("kind", "fitting", "others"),
    [
        ("int", [3, np.int64(3), np.uint8(3)], [3.0, np.float64(3), "3", True, np.True_, None, [3], np.array([3])]),
        ("float", [3, 3.5, np.int64(3), np.float32(3)], ["1e-3", True, None, np.array([3.0])]),
        ("bool", [True, np.True_], [1, "yes", None]),
        ("float or None", [None, 0.5], ["none", False]),
        ("int, optional", [3, None], [3.0]),
        ('float or "scale"', [1, "scale"], ["auto", True]),
        ('{"a", "b"}', ["a"], ["c", 1, None, []]),
        ("sequence of int", [[1, 2], [], (1, 2), np.array([1, 2])], [[1.5], 3, "12", [True]]),
        ("sequence of 3 int", [[1, 2, 3]], [[1, 2]]),
        ("list of str", [["a"]], ["a", [1]]),
        ("(int, int)", [[1, 2]], [[1, 2, 3], 1, [1, "2"]]),
        ("dict or None", [{}, None], [[]]),
        ("str or Path", ["a"], [1]),
        ("int, default=8", [3], [None]),
    ],
)
def test_a_value_fits_its_type(kind, fitting, others):
    assert all(fits(value, kind) for value in fitting)
    assert not any(fits(value, kind) for value in others)


def test_a_type_of_unknown_words_is_named():
    with pytest.raises(ValueError, match="there is no type 'integer'; mend the docstring"):
        fits(3, "integer")


def takers():
    """(file, function) of all code that takes settings from a config."""
    for folder, function in (("methods", "__init__"), ("datasets", "load")):
        yield from ((catalogue.source(folder, name), function) for name in catalogue.available(folder))
    yield from ((path, "draw") for path in (ROOT / "datasets").glob("*.py") if catalogue.find(path, "draw"))
    yield ROOT / "datasets/own.py", "read"


@pytest.mark.parametrize(("file", "function"), list(takers()), ids=lambda part: getattr(part, "stem", part))
def test_every_setting_has_a_type_that_the_check_knows(file, function):
    for kind in catalogue.settings_of(file, function).values():
        assert kind != "anything"
        fits(object(), kind)


@pytest.mark.parametrize("name", catalogue.available("methods"))
def test_a_config_and_python_ask_for_the_same_types(name):
    told = catalogue.settings_of(catalogue.source("methods", name), "__init__")
    assert told == {setting: kind for setting, kind in kinds(load_method(name)).items() if setting in told}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "ddc: {settings: {epochs: 99999999999}}",
            'methods.ddc.settings.epochs: expected int or {"by_size"}, got 99999',
        ),
        (
            "dec: {settings: {widths: [8, 99999999999]}}",
            "methods.dec.settings.widths: expected sequence of int, got [8",
        ),
        ("ddc: {settings: {epochs: 1e3}}", 'methods.ddc.settings.epochs: expected int or {"by_size"}, got 1000.0'),
        ("ddc: {settings: {clip_norm: '1e-3'}}", "methods.ddc.settings.clip_norm: expected float or None, got '1e-3'"),
        (
            "ddc: {datasets: {mnist: {batch: 1_0}}}",
            "methods.ddc.datasets.mnist.batch: expected int or {\"by_size\"}, got '1_0'",
        ),
        (
            "rddc: {settings: {batch: by_length}}",
            "methods.rddc.settings.batch: expected int or {\"by_size\"}, got 'by_length'",
        ),
        (
            "rddc_plus: {settings: {rddc: {update_bias: long}}}",
            "methods.rddc_plus.settings.rddc.update_bias: expected float or",
        ),
        ("ddc: {datasets: {mnits: {batch: 10}}}", "datasets: 'mnits' is not in datasets/"),
        ("rdcd: {seeds: 3}", "methods: 'rdcd' is not in methods/"),
        (
            "rddc: {settings: {reset: never}}",
            'methods.rddc.settings.reset: expected {"after", "before"}, got \'never\'',
        ),
        ("rddc_plus: {settings: {rddc: {epoch: 3}}}", "methods.rddc_plus.settings.rddc: no setting 'epoch'"),
        ("ddc: {seeds: 3.0}", "methods.ddc.seeds: 3.0 is not of type 'integer'"),
    ],
)
def test_a_value_is_checked_against_the_setting_that_it_goes_to(setting, message):
    user = layers.read_user([], [f"methods={{{setting}}}"])
    with pytest.raises(catalogue.ConfigError) as caught:
        validate.check_config(user)
    assert str(caught.value).startswith(f"config: {message}")


def test_a_number_reaches_its_job_as_a_number():
    user = layers.read_user([], ["methods={ddc: {settings: {clip_norm: .5, relative_width: 1e-1}}}"])
    validate.check_config(user)
    found = jobs.train_job(layers.resolve(user, "recommended"), "recommended", "mnist", "ddc", "zero", "0-0")
    assert found["settings"] == {
        "input_scale": "overall",
        "clip_norm": 0.5,
        "relative_width": 0.1,
    }


# ---- Snakemake


def snakemake(folder, *arguments):
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--nocolor", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests/workflow/plugins")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_job_that_runs_elsewhere_gets_the_same_layers(tmp_path):
    """Snakemake calls itself for it, and has to hand on files and arguments."""
    (tmp_path / "a.yaml").write_text(
        "{run: {datasets: [japanese_vowels], methods: [kmeans], controls: []}, seed: 1, split: {kind: official}}"
    )
    arguments = ["--configfile", "a.yaml", "--config", "split={kind: stratified, fractions: [.5, 25e-2, .25]}"]
    places = ["--executor", "elsewhere", "--jobs", "1", "--seconds-between-status-checks", "1"]
    run = snakemake(tmp_path, *arguments, "--until", "prepare", *places)
    assert run.returncode == 0, run.stderr
    sheet = json.loads((tmp_path / "results/paper/recommended/data/japanese_vowels.json").read_text())
    assert sheet["split"] == {"kind": "stratified", "fractions": [0.5, 0.25, 0.25]} and sheet["seed"] == 1


def test_a_users_mistake_is_one_line_before_anything_starts(tmp_path):
    (tmp_path / "a.yaml").write_text("seeds: 1\nrun: {}\nseeds: 2\n")
    run = snakemake(tmp_path, "--configfile", "a.yaml", "--dry-run")
    assert run.returncode == 1 and run.stderr.splitlines()[-1].endswith("a.yaml, line 3: the key 'seeds' stands twice")
    assert "File" not in run.stderr and not (tmp_path / "results").exists()


@pytest.mark.parametrize("content", [b"def load(:\n", b"\0", b"\xff"])
def test_a_source_file_that_is_no_python_is_named(tmp_path, monkeypatch, content):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets/mine.py").write_bytes(content)
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    with pytest.raises(catalogue.ConfigError, match="datasets/mine.py: not Python that can be read: ") as caught:
        catalogue.available.__wrapped__("datasets")
    assert "\n" not in str(caught.value) and "unknown" not in str(caught.value)
