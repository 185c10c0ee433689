"""idx files that are not what they should be, each refused in one line."""

import gzip
import struct

import numpy as np
import pytest

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
