"""Vectorisations against loops."""

from dataclasses import replace

import numpy as np
import pytest

from datasets.sequences import Sequences
from methods.vectorize import vectorize


def ragged(seed=0):
    rng = np.random.default_rng(seed)
    return Sequences.from_list([rng.normal(size=(length, 3)) for length in (4, 1, 7, 2)])


def test_zero_padding():
    data = ragged()
    for row, sequence in zip(vectorize(data, "zero"), (data[i] for i in range(4)), strict=True):
        np.testing.assert_array_equal(row, np.pad(sequence, ((0, 7 - len(sequence)), (0, 0))).ravel())


def test_cropping_keeps_the_beginning():
    data = ragged()
    for row, sequence in zip(vectorize(data, "crop"), (data[i] for i in range(4)), strict=True):
        np.testing.assert_array_equal(row, sequence[:1].ravel())


def test_time_average_ignores_padding():
    data = ragged()
    for row, sequence in zip(vectorize(data, "avg"), (data[i] for i in range(4)), strict=True):
        np.testing.assert_allclose(row, sequence.mean(axis=0), rtol=1e-6)


def test_an_average_over_the_padded_length_is_the_mean_of_zero_padding():
    data = replace(ragged(), average_length=7)
    padded = vectorize(data, "zero").reshape(4, 7, 3)
    np.testing.assert_allclose(vectorize(data, "avg"), padded.mean(axis=1), rtol=1e-6)
    assert not np.allclose(vectorize(data, "avg"), vectorize(ragged(), "avg"))
    # A part divides by the same, or its averages wouldn't be those of the whole.
    np.testing.assert_array_equal(vectorize(data.subset([1, 3]), "avg"), vectorize(data, "avg")[[1, 3]])


def test_vectors_are_sequences_of_length_one():
    data = ragged()
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.testing.assert_array_equal(vectorize(Sequences.from_list(list(rows[:, None])), "vector"), rows)
    with pytest.raises(ValueError, match="vectorization 'vector': a sequence has length 7, all need length 1"):
        vectorize(data, "vector")


def test_unknown():
    with pytest.raises(ValueError, match="vectorization 'pad': expected one of zero, crop, avg"):
        vectorize(ragged(), "pad")


def test_resampled_sequences_are_interpolated():
    data = replace(ragged(), resample_length=5)
    for row, sequence in zip(vectorize(data, "resample"), (data[i] for i in range(4)), strict=True):
        place = np.linspace(0, len(sequence) - 1, 5)
        expected = np.stack([np.interp(place, np.arange(len(sequence)), column) for column in sequence.T], axis=1)
        np.testing.assert_allclose(row, expected.ravel(), rtol=1e-5, atol=1e-6)


def test_sequences_of_the_length_that_is_asked_for_stay_as_they_are():
    rows = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)
    data = replace(Sequences.from_list(list(rows)), resample_length=6)
    np.testing.assert_array_equal(vectorize(data, "resample"), rows.reshape(4, -1))
    assert vectorize(replace(data, resample_length=1), "resample").shape == (4, 3)
