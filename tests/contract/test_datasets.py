"""The contract of a data set, once for every file in ``datasets/``."""

import inspect
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import made_up_reviews
import numpy as np
import pytest

from datasets.fetch import DataError, Package, Source, fetch
from datasets.prepare import available, find, official_split, prepare, settings_of
from datasets.sequences import stratified_split

QUICK = {  # settings that neither counts nor lengths depend on
    "imdb_reviews": {"reviews": 100},
    "speech_commands": {"lowest": 125.0},
    "twenty_newsgroups": {"epochs": 1, "dimensions": 8},
}
SHEET = {
    *("name", "settings", "split", "seed", "digest", "n", "classes", "class_sizes", "dimensions"),
    *("lengths", "split_sizes", "source", "notes", "homepage", "licence", "citation"),
}
KNOWN = {  # n, dimensions, shortest, longest, smallest class, largest class, official test set
    "arabic_digits": (8800, 13, 4, 93, 880, 880, 2200),
    "character_trajectories": (454, 3, 70, 155, 141, 171, 228),
    "handwritten_digits": (1797, 64, 1, 1, 174, 183, None),
    "japanese_vowels": (640, 12, 7, 29, 54, 118, 370),
    "mnist": (70_000, 784, 1, 1, 6313, 7877, 10_000),
    "pen_digits": (10_992, 3, 9, 231, 1055, 1144, 3498),
    "speech_commands": (1983, 40, 2, 98, 989, 994, 213),
    "ucr": (304, 1, 100, 455, 45, 54, 172),
    "twenty_newsgroups": (1528, 8, 50, 300, 448, 554, 647),
}


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return tmp_path_factory.mktemp("raw")


@pytest.fixture(scope="module", params=available())
def name(request):
    return request.param


@pytest.fixture(scope="module")
def place(name, raw, request):
    """Keyword arguments of `prepare` that find the data; without a mirror only packaged data sets are tested."""
    if name == "imdb_reviews":
        return request.getfixturevalue("made_up")
    packaged = isinstance(find(name).SOURCE.forms[0], Package)
    return {"raw": raw, "mirror": None if packaged else request.getfixturevalue("mirror")}


@pytest.fixture(scope="module")
def made_up(raw, tmp_path_factory):
    mirror, reviews = tmp_path_factory.mktemp("mirror"), made_up_reviews.texts()
    made_up_reviews.pack(mirror, reviews)
    with pytest.MonkeyPatch.context() as patch:
        made_up_reviews.expect_them(patch, reviews)
        yield {"raw": raw, "mirror": mirror}


@pytest.fixture(scope="module")
def prepared(name, place):
    return prepare(name, QUICK.get(name), {"kind": "stratified"}, seed=1, **place)


def test_the_file_says_what_it_is(name):
    module = find(name)
    assert isinstance(module.SOURCE, Source)
    assert module.SOURCE.name == name
    for word in ("Source", "Licence", "Expected"):
        assert word.lower() in module.__doc__.lower()
    assert all((module.SOURCE.homepage, module.SOURCE.licence, module.SOURCE.citation))


def test_load_takes_named_settings_with_defaults(name):
    parameters = list(inspect.signature(find(name).load).parameters.values())
    assert [p.name for p in parameters[:2]] == ["raw", "seed"]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in parameters[2:])
    assert settings_of(name) == {p.name: p.default for p in parameters[2:]}


def test_sequences_and_sheet_agree(name, prepared):
    sequences, labels, sheet = prepared
    assert set(sheet) == SHEET
    assert sheet["name"] == name
    assert sheet["n"] == len(sequences) == sum(sheet["class_sizes"]) == sum(sheet["split_sizes"].values())
    assert sheet["digest"] == sequences.digest()
    assert sheet["dimensions"] == sequences.dimensions
    assert (sheet["lengths"]["min"], sheet["lengths"]["max"]) == (sequences.lengths.min(), sequences.lengths.max())
    assert sorted(set(labels)) == list(range(len(sheet["classes"]))) and labels.shape == (len(sequences),)
    assert sequences.n_classes == len(sheet["classes"]) and not hasattr(sequences, "labels")
    assert min(sheet["class_sizes"]) > 0
    assert set(sheet["settings"]) == set(settings_of(name))


def test_the_sheet_is_json_without_a_path_of_this_machine(place, prepared):
    sheet = prepared[-1]
    text = json.dumps(sheet, allow_nan=False)
    assert json.loads(text) == sheet
    for path in (place["raw"], place["mirror"], Path(__file__).parents[2], Path.home()):
        assert path is None or path == Path("/") or str(path) not in text


def test_counts_and_lengths_are_the_known_ones(name, prepared):
    if name not in KNOWN:
        pytest.skip(f"no known counts of {name}")
    sheet = prepared[-1]
    n, dimensions, shortest, longest, smallest, largest, _ = KNOWN[name]
    assert (sheet["n"], sheet["dimensions"]) == (n, dimensions)
    assert (sheet["lengths"]["min"], sheet["lengths"]["max"]) == (shortest, longest)
    assert (min(sheet["class_sizes"]), max(sheet["class_sizes"])) == (smallest, largest)


def test_the_same_seed_gives_the_same_sheet(name, place, prepared):
    again = prepare(name, QUICK.get(name), {"kind": "stratified"}, seed=1, **place)
    assert again[-1] == prepared[-1]


def test_a_stratified_split_divides_every_class_alike(prepared):
    sequences, labels, sheet = prepared
    for label, size in enumerate(sheet["class_sizes"]):
        found = np.bincount(sequences.split[labels == label], minlength=3)
        assert (abs(found - np.array([0.8, 0.1, 0.1]) * size) <= 1).all()


def test_the_official_split_keeps_the_official_test_set(name, place, prepared):
    if KNOWN.get(name, [None])[-1] is None:
        pytest.skip(f"no known official sets of {name}")
    sequences, _, sheet = prepare(name, QUICK.get(name), {"kind": "official"}, seed=1, **place)
    assert sheet["split_sizes"]["test"] == KNOWN[name][-1]
    assert sheet["split_sizes"]["validation"] > 0
    assert replace(sequences, split=prepared[0].split).digest() == prepared[-1]["digest"]


def test_everything_can_be_for_training(name, place):
    sequences, _, sheet = prepare(name, QUICK.get(name), {"kind": "everything"}, seed=1, **place)
    assert sheet["split_sizes"] == {"train": len(sequences), "validation": 0, "test": 0}


def test_averages_over_the_padded_length_are_a_setting_that_the_sheet_names(name, place, prepared):
    settings = QUICK.get(name, {}) | {"average": "padded"}
    sequences, _, sheet = prepare(name, settings, {"kind": "stratified"}, seed=1, **place)
    assert sequences.average_length == sequences.lengths.max() and prepared[0].average_length == 0
    assert sheet["settings"] == prepared[-1]["settings"] | {"average": "padded"}
    assert sheet["digest"] == sequences.digest() != prepared[-1]["digest"]


def test_unknown_settings_and_split_keys_get_one_line(name, place):
    for settings, split, word in (
        ({"speeling": 1}, {}, "unknown setting 'speeling'"),
        ({}, {"kindd": 1}, "unknown split key 'kindd', expected one of kind, fractions"),
        ({}, {"kind": "random"}, "unknown split kind 'random', expected one of stratified, official"),
        ({"average": "mean"}, {}, "average: 'mean', expected one of length, padded"),
    ):
        with pytest.raises(ValueError, match=word) as caught:
            prepare(name, settings, split, **place)
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)


def test_damage_that_checksums_would_miss_is_found_by_the_counts(name, place, tmp_path):
    """`load` verifies on its own: half a file, or one file less, is refused without a checksum."""
    module = find(name)
    source = module.source() if hasattr(module, "source") else module.SOURCE
    fetched = fetch(source, **place)
    folder = tmp_path / "damaged"
    shutil.copytree(fetched.path, folder, copy_function=shutil.copyfile if fetched.origin == "package" else os.link)
    members = next(form for form in source.forms if form.form == fetched.form).members
    files = [folder / member for member in members or ()] or [path for path in folder.rglob("*") if path.is_file()]
    victim = max(files, key=lambda path: (path.stat().st_size, path))
    if victim.suffix not in (".txt", ".arff", ".ts") and len(files) == 1:
        pytest.skip("damage to a single binary file is for its checksum to find")
    lines = victim.read_bytes().splitlines(keepends=True)
    victim.unlink()
    if victim.suffix in (".txt", ".arff", ".ts"):
        victim.write_bytes(b"".join(lines[: len(lines) // 2]))
    with pytest.raises(DataError, match=name) as caught:
        module.load(folder, 1, **QUICK.get(name, {}))
    assert "\n" not in str(caught.value)


def test_an_unknown_data_set_gets_one_line(tmp_path):
    with pytest.raises(ValueError, match="unknown data set 'iris', expected one of arabic_digits, ") as caught:
        prepare("iris", {}, {}, raw=tmp_path)
    assert "\n" not in str(caught.value)
    for shared in ("fetch", "prepare", "seeds", "sequences", "storage"):
        assert shared not in available()


def test_official_sets_stay_and_validation_comes_from_training():
    labels = np.tile([0, 1], 100)
    official = np.repeat([0, 2], [120, 80])
    split = official_split(labels, official, 1, "data", (0.8, 0.2, 0.0))
    np.testing.assert_array_equal(split == 2, official == 2)
    assert np.bincount(split).tolist() == [96, 24, 80]
    assert np.bincount(labels[split == 1]).tolist() == [12, 12]
    assert (split != official_split(labels, official, 2, "data", (0.8, 0.2, 0.0))).any()


def test_of_the_fractions_the_ratio_of_the_first_two_counts():
    labels, official = np.tile([0, 1], 100), np.repeat([0, 2], [180, 20])
    split = official_split(labels, official, 1, "data", (0.8, 0.1, 0.1))
    assert np.bincount(split).tolist() == [160, 20, 20] and np.bincount(labels[split == 1]).tolist() == [10, 10]


def test_a_data_set_by_another_name_has_splits_of_its_own(tmp_path):
    split = {"kind": "stratified"}
    first, labels, _ = prepare("japanese_vowels", {}, split, raw=tmp_path)
    other, _, _ = prepare("mine", {"like": "japanese_vowels"}, split, raw=tmp_path)
    np.testing.assert_array_equal(other.values, first.values)
    np.testing.assert_array_equal(other.split, stratified_split(labels, 0, "mine"))
    assert (other.split != first.split).any()


def test_settings_that_any_data_may_have_reach_the_sequences(tmp_path):
    """Scaled by the training sequences alone, which the validation and test sequences are not."""
    settings = {"normalise": "all", "resample": 7}
    found, _, sheet = prepare("japanese_vowels", settings, {"kind": "stratified"}, raw=tmp_path)
    train = found.part("train").values.astype(float)
    np.testing.assert_allclose([train.mean(axis=0), train.std(axis=0)], [[0] * 12, [1] * 12], atol=1e-5)
    assert np.abs(found.values.astype(float).mean(axis=0)).max() > 1e-3
    assert found.resample_length == 7 and sheet["settings"] == settings


def test_an_official_validation_set_stays():
    official = np.array([0, 0, 1, 2, 0, 1])
    np.testing.assert_array_equal(official_split(np.zeros(6, int), official, 1, "data"), official)


def test_without_an_official_test_set_there_is_one_line():
    with pytest.raises(ValueError, match="data: there is no official test set, expected split kind stratified"):
        official_split(np.zeros(4, int), np.zeros(4, int), 1, "data")
