"""The contract of the ragged container."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from datasets.arrays import as_sequences
from datasets.sequences import SPLITS, Sequences, stratified_split
from methods.base import InvalidInput
from methods.kmeans import KMeans

repeatable = settings(derandomize=True, deadline=None, max_examples=50)


@st.composite
def sequences(draw):
    dimensions = draw(st.integers(1, 4))
    lengths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=8))
    finite = st.floats(-1e6, 1e6, width=32)
    parts = [draw(arrays.arrays(np.float32, (length, dimensions), elements=finite)) for length in lengths]
    split = draw(st.lists(st.integers(0, 2), min_size=len(parts), max_size=len(parts)))
    return parts, Sequences.from_list(parts, split)


def small():
    return Sequences.from_list([np.ones((2, 3)), np.zeros((1, 3)), np.full((4, 3), 2.0)], [0, 1, 2])


@repeatable
@given(sequences())
def test_every_sequence_comes_back_as_it_was_given(case):
    parts, built = case
    assert len(built) == len(parts)
    assert built.lengths.tolist() == [len(part) for part in parts]
    for i, part in enumerate(parts):
        np.testing.assert_array_equal(built[i], part)
        np.testing.assert_array_equal(built[i - len(parts)], part)


@repeatable
@given(sequences(), st.data())
def test_a_subset_holds_the_chosen_sequences_in_the_given_order(case, data):
    parts, built = case
    index = data.draw(st.lists(st.integers(0, len(parts) - 1), max_size=10))
    subset = built.subset(np.array(index, dtype=int))
    assert len(subset) == len(index)
    for place, i in enumerate(index):
        np.testing.assert_array_equal(subset[place], parts[i])
    np.testing.assert_array_equal(subset.split, built.split[index])
    assert replace(built, n_classes=3, average_length=9).subset(index).average_length == 9


@repeatable
@given(sequences())
def test_the_parts_of_a_split_are_disjoint_and_complete(case):
    _, built = case
    assert sum(len(built.part(name)) for name in SPLITS) == len(built)
    for code, name in enumerate(SPLITS):
        assert (built.part(name).split == code).all()


@repeatable
@given(sequences())
def test_digest_depends_on_every_array_and_on_nothing_else(case):
    parts, built = case
    assert Sequences.from_list(parts, built.split).digest() == built.digest()
    values = built.values.copy()
    values[-1, -1] += 1 + abs(values[-1, -1])
    changed = [
        replace(built, values=values),
        replace(built, split=(built.split + 1) % 3),
        replace(built, average_length=7),
        replace(built, resample_length=7),
    ]
    assert built.digest() not in {other.digest() for other in changed}


def test_digest_depends_on_where_one_sequence_ends():
    values = np.ones((4, 2))
    assert Sequences(values, [0, 1, 4]).digest() != Sequences(values, [0, 2, 4]).digest()


@repeatable
@given(sequences())
def test_what_is_saved_is_loaded_again(tmp_path_factory, case):
    built = replace(case[1], n_classes=3, average_length=9)
    path = tmp_path_factory.getbasetemp() / "sequences.npz"
    built.save(path)
    loaded = Sequences.load(path)
    assert (loaded.n_classes, loaded.average_length) == (3, 9)
    assert loaded.digest() == built.digest()
    assert loaded.values.dtype == np.float32
    assert loaded.offsets.dtype == np.int64


def test_equal_sequences_give_equal_bytes(tmp_path):
    for name in ("one.npz", "two.npz"):
        small().save(tmp_path / name)
    one, two = (hashlib.sha256((tmp_path / name).read_bytes()).digest() for name in ("one.npz", "two.npz"))
    assert one == two


def test_indexing_gives_a_view():
    built = small()
    assert np.shares_memory(built[2], built.values)
    assert not np.shares_memory(built.subset([2]).values, built.values)


@pytest.mark.parametrize("index", [3, -4])
def test_an_index_out_of_range_is_refused(index):
    with pytest.raises(IndexError):
        small()[index]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused_with_its_place(bad):
    parts = [np.ones((2, 3)), np.ones((4, 3))]
    parts[1][2, 1] = bad
    with pytest.raises(ValueError, match="sequence 1, element 2: NaN or infinite"):
        Sequences.from_list(parts)


def test_a_sequence_of_length_0_is_refused_with_its_place():
    with pytest.raises(ValueError, match="sequence 1: length 0"):
        Sequences.from_list([np.ones((2, 3)), np.ones((0, 3))])


def test_another_dimension_is_refused_with_its_place():
    with pytest.raises(ValueError, match=r"sequence 1: shape \(2, 4\)"):
        Sequences.from_list([np.ones((2, 3)), np.ones((2, 4))])


def test_an_empty_list_is_refused():
    with pytest.raises(ValueError, match="no sequences"):
        Sequences.from_list([])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.ones(7)}, "values: expected shape"),
        ({"values": np.ones((7, 0))}, "values: expected shape"),
        ({"offsets": [0, 2, 3]}, "offsets: expected"),
        ({"offsets": [1, 2, 3, 7]}, "offsets: expected"),
        ({"offsets": [0, 3, 2, 7]}, "sequence 1: length -1"),
        ({"split": [0, 1]}, "split: expected shape"),
        ({"split": [0, 1, 3]}, "split: expected 0 to 2"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    built = small()
    given = {"values": built.values, "offsets": built.offsets, "split": built.split}
    Sequences(**given)
    with pytest.raises(ValueError, match=message):
        Sequences(**{**given, **change})


# numpy itself leaves a truncated archive open until it is collected
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_broken_files_are_refused_with_their_name(tmp_path):
    path = tmp_path / "sequences.npz"
    small().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"sequences\.npz"):
        Sequences.load(path)
    np.savez(path, values=np.array([{"pickled": True}], dtype=object), offsets=np.array([0, 1]))
    with pytest.raises(ValueError, match="without pickle"):
        Sequences.load(path)
    np.savez(path, values=np.ones((1, 1)))
    with pytest.raises(ValueError, match=r"missing arrays \['offsets'\]"):
        Sequences.load(path)


def test_a_failed_write_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "sequences.npz"
    small().save(path)
    before = path.read_bytes()

    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(np.lib.format, "write_array", fail)
    with pytest.raises(OSError, match="disk full"):
        small().save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@repeatable
@given(st.lists(st.integers(5, 40), min_size=1, max_size=5), st.integers(0, 1000))
def test_a_stratified_split_divides_every_class_alike(sizes, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    split = stratified_split(labels, seed, "data")
    for label, size in enumerate(sizes):
        found = np.bincount(split[labels == label], minlength=3)
        assert (abs(found - np.array([0.8, 0.1, 0.1]) * size) <= 1).all()
        assert (abs(np.cumsum(found)[:2] - np.array([0.8, 0.9]) * size) < 0.5 + 1e-9).all()  # to the nearest


def test_a_stratified_split_depends_on_the_seed_and_the_name():
    labels = np.repeat([0, 1], 50)
    first = stratified_split(labels, 1, "data")
    np.testing.assert_array_equal(first, stratified_split(labels, 1, "data"))
    assert (first != stratified_split(labels, 2, "data")).any()
    assert (first != stratified_split(labels, 1, "other")).any()


@pytest.mark.parametrize("fractions", [(0.8, 0.2), (0.8, 0.3, -0.1), (0.8, 0.1, 0.2)])
def test_fractions_that_do_not_divide_the_whole_are_refused(fractions):
    with pytest.raises(ValueError, match="fractions: expected three that sum to 1"):
        stratified_split([0, 1], 0, "data", fractions)


def test_masked_values_are_refused_and_not_read():
    hidden = np.ma.masked_greater(np.arange(12.0).reshape(3, 4), 8)
    for masked in (hidden, list(hidden)):
        with pytest.raises(ValueError, match="masked values"):
            as_sequences(masked)
    with pytest.raises(InvalidInput, match="masked values"):
        KMeans(2).fit(hidden)
    assert len(as_sequences(np.ma.masked_greater(np.arange(12.0).reshape(3, 4), 99))) == 3
