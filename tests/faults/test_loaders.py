"""Damaged data: a valid object or one clear line, never another traceback, a hang or memory beyond the file's worth."""

import io
import json
import re
import tempfile
import time
import tracemalloc
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from fake_records import bare, record
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets import (
    arabic_digits,
    character_trajectories,
    own,
    pen_digits,
    speech_commands,
    twenty_newsgroups,
)
from datasets.sequences import Sequences
from datasets.storage import read_arrays, write_arrays
from methods.checkpoint import read_state, write_state
from runs.results import each_record


def wav(frames, rate=16_000, width=2, channels=1):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as clip:
        clip.setframerate(rate)
        clip.setsampwidth(width)
        clip.setnchannels(channels)
        clip.writeframes(frames)
    return buffer.getvalue()


def npz(write, *arguments, **arrays):
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, "a.npz"), *arguments, **arrays)
        return Path(folder, "a.npz").read_bytes()


def packed(files):
    """A zip of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def arff():
    line = ",".join(["0.5"] * 100 + ["?"] * 82 + ["3"])
    head = "@relation x\n" + "@attribute a numeric\n" * 183
    return f"{head}@data\n{line}\n{line}\n".encode()


def digits():
    block = (" ".join(["0.25"] * 13) + "\n") * 4
    return (" " * 13 + "\n").join(["", block, block]).encode()


def vowels():
    header = "@problemname JapaneseVowels\n@timestamps false\n@missing false\n@univariate false\n@dimensions 12\n"
    header += "@equallength false\n@classlabel true 1 2 3 4 5 6 7 8 9"
    case = ":".join(["0.1,0.2,-1e-3"] * 12)
    return f"#comment\n{header}\n@data\n{case}:1\n{case}:9\n".encode()


def compressed(text):
    """What Unix compress might write of a text so short that all codes have 9 bits: no code stands for two bytes."""
    bits = sum(byte << 9 * i for i, byte in enumerate(text))
    return b"\x1f\x9d\x90" + bits.to_bytes(-(-9 * len(text) // 8), "little")


def mat():
    mixout = np.empty((1, 3), dtype=object)
    mixout[0, :] = [np.full((3, length), 0.5) for length in (4, 5, 6)]
    constants = {"key": np.array([["a", "b"]], dtype=object), "charlabels": [[1, 2, 1]], "dt": 0.005}
    stream = io.BytesIO()
    scipy.io.savemat(stream, {"mixout": mixout, "consts": constants}, do_compression=True)
    return stream.getvalue()


VALUES = {"values": np.ones((6, 2), np.float32), "offsets": np.array([0, 2, 6])}
SPLIT = {"split": np.zeros(2, np.int8), "n_classes": np.int64(2)}
MESSAGE = b"From: a@b\nSubject: x\n\nIn article <1> somebody writes:\n> quoted\nReal text, more.\n--\nfooter\n"
ORIGIN = {"job": 1}


def read_news(path):
    return twenty_newsgroups.tokenise(twenty_newsgroups.strip(path.read_text(encoding="latin-1")))


def read_own(ending, columns=None, missing="refuse"):
    """Reader of a user's data in this form."""

    def read(path):
        path = path.replace(path.with_suffix(ending))
        if ending == ".csv" and not columns:
            path.with_name("sound.csv").write_text("x,y\n1,2\n")  # one sequence alone is refused
            path = path.parent
        return own.read(path, k=2, columns=columns, missing=missing).sequences

    return read


def lasts(made):
    return made.offsets[-1] == len(made.values)


def read_checkpoint(path):
    return read_state(path, ORIGIN)


# Name to (a sound file, its reader, what to splice in, what a reader's result must be).
LOADERS = {
    "arff": (
        arff(),
        character_trajectories._read_arff,
        [b"nan", b"inf", b"1e999", b"?", b",", b"@data\n", b"99999999999", b"2.5", b"1_0", b"\x0c", "٣".encode()],
        lambda made: len(made[0]) == len(made[1]) and ((made[1] >= 0) & (made[1] < 20)).all(),
    ),
    "mat": (
        mat(),
        character_trajectories._read_mat,
        [b"MATLAB 5.0", b"\x0e\0\0\0", b"\x0f\0\0\0", b"\xff\xff\xff\x7f", b"x\x9c", b"\0\1IM", b"\x89HDF", b"\0" * 8],
        lambda made: len(made[0]) == len(made[1]) and all(case.shape[1:] == (3,) for case in made[0]),
    ),
    "digits": (
        digits(),
        arabic_digits._read,
        [b"nan", b"inf", b"\n", b" ", b"\x0c", b"\x1c", b"\r", b"1e999", b"\x85"],
        lambda made: made[0].ndim == 2 and made[1].sum() == len(made[0]),
    ),
    "compressed": (
        compressed(b'.SEGMENT DIGIT 0 ? "8"\n.PEN_DOWN\n 1  2\n.PEN_UP\n'),
        pen_digits._read,
        [b"\x1f\x9d", b"\0\1\2", b"\xff\xff\xff\xff", b"\0" * 40, b"\x90", b"\x89"],
        lambda made: isinstance(made, bytes),
    ),
    "wav": (
        wav(bytes(range(200))),
        lambda path: speech_commands.read_clip(path.read_bytes(), path.name),
        [b"RIFF", b"data", b"fmt ", b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\1\0\2\0", b"LIST"],
        lambda made: made.ndim == 1 and len(made) and np.abs(made).max() <= 1,
    ),
    "news": (
        MESSAGE,
        read_news,
        [b"\n\n", b"--\n", b"writes:" * 50, b">" * 500, b"In article" * 99, b"\xff\xfe", b" " * 999, b"\0"],
        lambda made: all(re.fullmatch("[a-z]+", word) for word in made),
    ),
    "npz": (
        npz(write_arrays, **VALUES, **SPLIT),
        read_arrays,
        [b"PK\x03\x04", b"PK\x05\x06", b"\x93NUMPY", b"'descr': '|O'", b"(99999999999,)", b"\xff\xff\xff\xff"],
        lambda made: all(isinstance(array, np.ndarray) for array in made.values()),
    ),
    "sequences": (
        npz(write_arrays, **VALUES, **SPLIT),
        Sequences.load,
        [b"<f4", b"<f8", b"<U3", b"(2,)", b"(-2,)", b"()", b"True ", b"\xff\xff"],
        lambda made: made.offsets[-1] == len(made.values),
    ),
    "own_npz": (
        npz(write_arrays, **VALUES, labels=np.array([0, 1])),
        read_own(".npz"),
        [b"<f4", b"<f8", b"<U3", b"(2,)", b"(-2,)", b"()", b"<i8", b"<M8", b"\xff\xff"],
        lasts,
    ),
    "own_ts": (
        vowels(),
        read_own(".ts"),
        [b":", b",", b"@data\n", b"?", b"1e999", b"nan", b"@classLabel false\n", b"\x0c", b"\xff", b"\0"],
        lasts,
    ),
    "own_csv": (
        b"x,y\n0.5,1\n-1,1e-3\n2,3\n",
        read_own(".csv"),
        [b",", b"\n", b'"', b"nan", b"1e999", b"\xff", b"\0", b"1_0", b"9" * 400, b"\r", b'"y\n0.5,1"', b",\n,\n"],
        lasts,
    ),
    "own_csv_with_gaps": (
        b"x,y\n0.5,1\n-1,\n2,3\n,\n",
        read_own(".csv", missing="interpolate"),
        [b",", b"\n", b'"', b"nan", b"?", b"\xff", b"\n\n", b"\r", b'""'],
        lasts,
    ),
    "own_table": (
        b"id,time,x,label\na,1,0.5,u\na,2,1e3,u\nb,2024-01-01,-1,v\n".replace(b"2024-01-01", b"1"),
        read_own(".csv", {"id": "id"}, "interpolate"),
        [b",", b"\n", b'"', b"nan", b"a", b"2024-01-01", b"1e999", b"\xff", b"\0", b"1_0", b"label", b"\r", b"id"],
        lasts,
    ),
    "own_tsv": (
        b"1\t0.5\t1\tNaN\n2\t1\t2\t3\n",
        read_own(".tsv"),
        [b"\t", b"\n", b"nan", b"1e999", b"\xff", b"\0", b"1_0", b"\r", b"1.0e+00", b"\x0c"],
        lasts,
    ),
    "own_zip": (
        packed({"Toy_TRAIN.tsv": b"1\t2\t3\n", "Toy_TEST.tsv": b"2\t2\t3\n"}),
        read_own(".zip"),
        [b"PK\x03\x04", b"PK\x05\x06", b"\xff\xff\xff\xff", b"../", b"TRAIN", b"\0", b".csv"],
        lasts,
    ),
    "checkpoint": (
        npz(write_state, ORIGIN, {"x": 1}, VALUES),
        read_checkpoint,
        [b"{", b"[", b"<U3", b"'descr': '|O'", b"\0\0\0", b"1"],
        lambda made: made is None or made[0] == {"x": 1},
    ),
    "records": (
        (json.dumps(bare(record())) + "\n" + json.dumps(bare(record(seed=1))) + "\n").encode(),
        lambda path: list(each_record([path])),
        [b"NaN", b"1e999", b"null", b"[" * 3000, b"{", b"\xff", b"9" * 5000, b'"', b"\n", b"\xe2\x80\xa8"],
        lambda made: all(one["status"] == "ok" for one in made),
    ),
}


@st.composite
def damaged(draw, sound, splices):
    """A sound file with a few edits, or bytes out of nowhere."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=300))
    content = bytearray(sound)
    for _ in range(draw(st.integers(1, 4))):
        place, length = draw(st.integers(0, len(content))), draw(st.sampled_from([0, 0, 1, 2, 4, 50]))
        content[place : place + length] = draw(st.one_of(st.sampled_from(splices), st.binary(max_size=6)))
    return bytes(content[: draw(st.sampled_from([len(content), len(content), len(content) // 2]))])


def fuzz(name, examples):
    sound, read, splices, valid = LOADERS[name]

    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(damaged(sound, splices))
    def check(content):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "damaged.npz")
            path.write_bytes(content)
            started = time.monotonic()
            try:
                assert valid(read(path)), "neither an error nor a valid object"
            except ValueError as error:
                assert "\n" not in str(error) and ("damaged" in str(error)), f"not a clear line: {error}"
            assert time.monotonic() - started < 10

    check()


@pytest.mark.parametrize("name", LOADERS)
def test_a_sound_file_is_read(name, tmp_path):
    sound, read, _, valid = LOADERS[name]
    (tmp_path / "a.npz").write_bytes(sound)
    made = read(tmp_path / "a.npz")
    assert made is not None and len(made) and valid(made)


@pytest.mark.parametrize("name", LOADERS)
def test_a_damaged_file_is_refused_in_one_line_or_read(name):
    fuzz(name, 150)


@pytest.mark.nightly
@pytest.mark.parametrize("name", LOADERS)
def test_many_damaged_files_are_refused_in_one_line_or_read(name):
    fuzz(name, 5_000)


# ---- memory


def header_of(shape):
    stream = io.BytesIO()
    np.lib.format.write_array_header_2_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return stream.getvalue()


@pytest.mark.parametrize("shape", [(10**12, 4), (10**18,), (2**40, 2**40), (-1, 4), (10**9, 3)])
def test_an_array_that_claims_to_be_huge_takes_no_memory(shape, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("values.npy", header_of(shape) + bytes(100))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="a.npz: not a readable .npz"):
            read_arrays(tmp_path / "a.npz")
    finally:
        tracemalloc.stop()


def test_a_recording_that_claims_to_be_huge_takes_no_memory():
    sound = bytearray(wav(bytes(1000)))
    sound[40:44] = (2**31).to_bytes(4, "little")
    tracemalloc.start()
    try:
        try:
            speech_commands.read_clip(bytes(sound), "a.wav")
        except ValueError as error:
            assert "a.wav" in str(error)  # noqa: PT017 - either will do
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", LOADERS)
def test_memory_is_bounded_by_the_size_of_the_file(name, tmp_path):
    sound, read, _, _ = LOADERS[name]
    size = 300_000
    content = sound + bytes(size) if sound.startswith(b"PK") else sound * (size // len(sound))
    (tmp_path / "a.npz").write_bytes(content)
    tracemalloc.start()
    try:
        try:
            read(tmp_path / "a.npz")
        except ValueError as error:
            assert f"{tmp_path}/a." in str(error) or "a.npz" in str(error)  # noqa: PT017 - either will do
        assert tracemalloc.get_traced_memory()[1] < 60 * size
    finally:
        tracemalloc.stop()
