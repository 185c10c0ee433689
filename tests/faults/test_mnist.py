"""idx files: what is in whole ones, and those that are not what they should be, each refused in one line."""

import gzip
import struct

import numpy as np
import pytest

from datasets import mnist
from datasets.fetch import DataError
from datasets.mnist import read_idx

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
HEADER = struct.pack(">HBB3I", 0, 8, 3, 2, 3, 4)
WHOLE = gzip.compress(HEADER + IMAGES.tobytes())


def write(tmp_path, content):
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    return path


def test_values_of_a_whole_file(tmp_path):
    np.testing.assert_array_equal(read_idx(write(tmp_path, WHOLE), (2, 3, 4)), IMAGES)


@pytest.mark.parametrize("n", [None, 12])
def test_an_image_keeps_its_digit_and_its_official_set(tmp_path, monkeypatch, n):
    """Images of one pixel: its value is 10 times the digit, and 100 more in the test set."""
    digits = {"train": np.arange(20) * 7 % 10, "t10k": np.arange(10) * 3 % 10}
    for part, own in digits.items():
        pixels = own * 10 + 100 * (part == "t10k")
        for kind, values in (("images-idx3", pixels.reshape(-1, 1, 1)), ("labels-idx1", own)):
            header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
            packed = gzip.compress(header + values.astype(np.uint8).tobytes())
            (tmp_path / f"{part}-{kind}-ubyte.gz").write_bytes(packed)
    counts = {part: len(own) for part, own in digits.items()}
    for name, value in {"SIDE": 1, "COUNTS": counts, "CLASS_SIZES": [3] * 10}.items():
        monkeypatch.setattr(mnist, name, value)
    loaded = mnist.load(tmp_path, 0, n=n)
    pixels = loaded.labels * 10 + 50 * loaded.sequences.split
    np.testing.assert_array_equal(loaded.sequences.values[:, 0], np.float32(pixels) / np.float32(255))
    if n is None:
        assert loaded.labels.tolist() == [*digits["train"], *digits["t10k"]]
    else:  # drawn from all of them
        assert len(loaded.labels) == n and set(loaded.sequences.split) == {0, 2}


@pytest.mark.parametrize(
    ("content", "word"),
    [
        pytest.param(WHOLE[:-12], "no whole gzip file", id="cut"),
        pytest.param(b"<html>", "no whole gzip file", id="no gzip"),
        pytest.param(gzip.compress(b""), "header", id="empty"),
        pytest.param(gzip.compress(HEADER[:7]), "header", id="cut header"),
        pytest.param(gzip.compress(struct.pack(">HBB3I", 0, 13, 3, 2, 3, 4) + IMAGES.tobytes()), "header", id="floats"),
        pytest.param(gzip.compress(struct.pack("<HBB3I", 0, 8, 3, 2, 3, 4) + IMAGES.tobytes()), "header", id="order"),
        pytest.param(gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 2, 4, 3) + IMAGES.tobytes()), "header", id="shape"),
        pytest.param(gzip.compress(HEADER + IMAGES.tobytes()[:-1]), "found 23, expected 24", id="too few"),
        pytest.param(gzip.compress(HEADER + IMAGES.tobytes() + b"x"), "found 25, expected 24", id="too many"),
    ],
)
def test_other_files_are_refused(tmp_path, content, word):
    with pytest.raises(DataError, match=word) as caught:
        read_idx(write(tmp_path, content), (2, 3, 4))
    assert "images.gz" in str(caught.value) and "\n" not in str(caught.value)
