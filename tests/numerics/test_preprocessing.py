"""The numbers inside the preparations, against other formulations of the same."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from sklearn.datasets import _twenty_newsgroups as reference

from datasets import arabic_digits, character_trajectories, speech_commands, twenty_newsgroups
from datasets.fetch import DataError

ROOT = Path(__file__).parents[2]
RATE = speech_commands.RATE
SIZE, STEP = 400, 160


# ---- Arabic Digits


def ragged(lengths=(1, 5, 30), dimensions=3, seed=0):
    rng = np.random.default_rng(seed)
    parts = [rng.normal(rng.normal(size=dimensions), 2, (length, dimensions)) for length in lengths]
    return parts, np.concatenate(parts), np.concatenate([[0], np.cumsum(lengths)])


def test_normalisation_per_sequence_equals_a_loop():
    parts, values, offsets = ragged()
    found = arabic_digits.normalise(values, offsets, "sequence")
    with np.errstate(invalid="ignore"):
        expected = [np.nan_to_num((part - part.mean(axis=0)) / part.std(axis=0)) for part in parts]
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-12)
    assert not np.allclose(found, arabic_digits.normalise(values, offsets, "global"))


def test_global_normalisation_is_over_all_frames():
    _, values, offsets = ragged()
    found = arabic_digits.normalise(values, offsets, "global")
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found.std(axis=0), 1)
    assert abs(found[offsets[2] :].mean(axis=0)).max() > 0.01


def test_no_normalisation_leaves_the_values_alone():
    _, values, offsets = ragged()
    np.testing.assert_array_equal(arabic_digits.normalise(values, offsets, "none"), values)


def test_blocks_are_parted_by_lines_of_blanks(tmp_path):
    line = " ".join(["1.5"] * 13)
    path = tmp_path / "blocks.txt"
    path.write_text(f"            \n{line}\n{line}\n            \n{line}\n")
    frames, lengths = arabic_digits._read(path)
    assert frames.shape == (3, 13)
    assert lengths.tolist() == [2, 1]
    path.write_text(f"            \n{line} 2\n")
    with pytest.raises(DataError, match="not 13 numbers a line"):
        arabic_digits._read(path)


def test_an_unknown_normalisation_names_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="normalisation: 'batch', expected one of sequence, global, none"):
        arabic_digits.load(tmp_path, 0, normalisation="batch")


# ---- Character Trajectories


def test_a_short_channel_is_filled_with_zeros():
    case = np.full((6, 3), np.nan)
    case[:4, 0], case[:5, 1], case[:5, 2] = 1, 2, 3
    filled, short = character_trajectories.fill_short_channels(case)
    np.testing.assert_array_equal(filled, [[1, 2, 3]] * 4 + [[0, 2, 3]])
    assert short
    case[4, 0] = 1
    filled, short = character_trajectories.fill_short_channels(case)
    np.testing.assert_array_equal(filled, [[1, 2, 3]] * 5)
    assert not short


def test_a_gap_within_a_channel_is_refused():
    case = np.ones((6, 3))
    case[2, 1] = np.nan
    with pytest.raises(DataError, match="missing within a channel"):
        character_trajectories.fill_short_channels(case)


def test_an_arff_file_becomes_a_table_with_nan_for_question_marks(tmp_path):
    path = tmp_path / "channel.arff"
    head = "@relation r\n@attribute c_0 numeric\n@attribute c_1 numeric\n@attribute target {1,2}\n@data\n"
    path.write_text(head + "0.5,?,2\n-1,1e-3,1\n")
    values, classes = character_trajectories._read_arff(path)
    np.testing.assert_array_equal(values, [[0.5, np.nan], [-1, 1e-3]])
    assert classes.tolist() == [1, 0]
    path.write_text(head + "0.5,?,2\n-1,1\n")
    with pytest.raises(DataError, match="not 3 values a line"):
        character_trajectories._read_arff(path)


def write_uci(path, key=character_trajectories.CHARACTERS):
    """A file of the layout of mixoutALL_shifted.mat, with noise for trajectories."""
    rng = np.random.default_rng(0)
    counts = np.add(character_trajectories.TRAIN_COUNTS, character_trajectories.TEST_COUNTS)
    labels = rng.permutation(np.repeat(np.arange(1, 21), counts))
    mixout = np.empty((1, len(labels)), dtype=object)
    lengths = rng.integers(109, 206, len(labels))
    lengths[:2] = 109, 205
    for i, length in enumerate(lengths):
        mixout[0, i] = np.full((3, length), float(labels[i]))
    names = np.array([list(key)], dtype=object)
    scipy.io.savemat(path, {"mixout": mixout, "consts": {"key": names, "charlabels": labels[None]}})
    return labels


def test_the_uci_form_keeps_the_contract(tmp_path):
    labels = write_uci(tmp_path / "mixoutALL_shifted.mat")
    loaded = character_trajectories.load(tmp_path, 0, form="uci", characters=["z", "b"])
    assert loaded.classes == ("z", "b")
    assert loaded.sequences.dimensions == 3
    np.testing.assert_array_equal(loaded.labels, [0 if code == 20 else 1 for code in labels if code in (2, 20)])
    assert {float(loaded.sequences[i].max()) for i in np.flatnonzero(loaded.labels == 0)} == {20.0}
    assert (loaded.sequences.split == 0).all()


def test_a_uci_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "mixoutALL_shifted.mat"
    write_uci(path, key=character_trajectories.CHARACTERS[::-1])
    with pytest.raises(DataError, match="characters: found zyw"):
        character_trajectories.load(tmp_path, 0, form="uci")
    scipy.io.savemat(path, {"other": np.ones(3)})
    with pytest.raises(DataError, match="not the UCI file"):
        character_trajectories.load(tmp_path, 0, form="uci")
    path.write_bytes(b"short")
    with pytest.raises(DataError, match="not the UCI file"):
        character_trajectories.load(tmp_path, 0, form="uci")


@pytest.mark.parametrize("characters", [[], ["a", "a"], ["a", "f"], "abx"])
def test_characters_that_cannot_be_are_refused(characters, tmp_path):
    with pytest.raises(ValueError, match="characters: "):
        character_trajectories.load(tmp_path, 0, characters=characters)


# ---- Speech Commands


def explicit_band_energies(signal, bands, scale, lowest, points):
    """Filter-bank energies from a Fourier sum written out, one frame and one filter after the other."""
    if scale == "logarithmic":
        edges = np.exp(np.linspace(np.log(lowest), np.log(RATE / 2), bands + 2))
    else:
        mel = 1127.01048 * np.log1p(np.array([lowest, RATE / 2]) / 700)
        edges = 700 * np.expm1(np.linspace(*mel, bands + 2) / 1127.01048)
    frequencies = np.arange(points // 2 + 1) * RATE / points
    times = np.arange(SIZE) / RATE
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE)
    waves = np.exp(-2j * np.pi * times[:, None] * frequencies)
    rows = []
    for start in range(0, len(signal) - SIZE + 1, STEP):
        power = np.abs((signal[start : start + SIZE] * hann) @ waves) ** 2 / (hann**2).sum()
        rows.append([(np.interp(frequencies, edges[b : b + 3], [0, 1, 0]) * power).sum() for b in range(bands)])
    return np.array(rows)


@pytest.mark.parametrize(("scale", "bands", "lowest"), [("logarithmic", 12, 100.0), ("mel", 26, 50.0)])
def test_band_energies_equal_an_explicit_fourier_sum(scale, bands, lowest):
    signal = np.random.default_rng(0).normal(size=1200)
    bank = speech_commands.filter_bank(bands, SIZE, RATE, lowest, scale)
    found = speech_commands.band_energies(signal, bank, SIZE, STEP)
    expected = explicit_band_energies(signal, bands, scale, lowest, 2 * (bank.shape[1] - 1))
    assert found.shape == (6, bands)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    other = explicit_band_energies(signal, bands, {"mel": "logarithmic", "logarithmic": "mel"}[scale], lowest, 2048)
    assert not np.allclose(found, other, rtol=0.1)


@pytest.mark.parametrize("scale", speech_commands.SCALES)
@pytest.mark.parametrize(("bands", "lowest"), [(40, 20.0), (40, 60.0), (80, 100.0), (1, 300.0)])
def test_no_filter_is_empty(scale, bands, lowest):
    bank = speech_commands.filter_bank(bands, SIZE, RATE, lowest, scale)
    assert bank.shape[0] == bands
    assert (bank >= 0).all()
    assert bank.max() <= 1
    assert ((bank > 0).sum(axis=1) >= 2).all()


@pytest.mark.parametrize("frequency", [200.0, 1000.0, 5000.0])
def test_a_tone_is_strongest_in_the_band_around_it(frequency):
    bank = speech_commands.filter_bank(20, SIZE, RATE, 100.0, "logarithmic")
    tone = np.sin(2 * np.pi * frequency * np.arange(4000) / RATE)
    centres = np.geomspace(100, RATE / 2, 22)[1:-1]
    nearest = abs(np.log(centres / frequency)).argmin()
    assert set(speech_commands.band_energies(tone, bank, SIZE, STEP).argmax(axis=1)) == {nearest}


def test_a_clip_shorter_than_a_window_gives_one_frame():
    bank = speech_commands.filter_bank(8, SIZE, RATE, 100.0, "mel")
    for length, frames in ((1, 1), (399, 1), (400, 1), (559, 1), (560, 2)):
        signal = np.random.default_rng(length).normal(size=length)
        assert speech_commands.band_energies(signal, bank, SIZE, STEP).shape == (frames, 8)
        assert len(speech_commands.crop(signal, SIZE, STEP, 0.1)) <= max(length, SIZE)


def test_cropping_takes_quiet_ends_and_nothing_else():
    rng = np.random.default_rng(0)
    signal = 0.01 * rng.normal(size=10_000)
    signal[3000:7000] += rng.normal(size=4000)
    cropped = speech_commands.crop(signal, SIZE, STEP, 0.10)
    start = np.flatnonzero(np.isclose(signal, cropped[0]))[0]
    np.testing.assert_array_equal(cropped, signal[start : start + len(cropped)])
    assert 3000 - SIZE < start <= 3000
    assert 7000 <= start + len(cropped) < 7000 + SIZE
    assert len(speech_commands.crop(signal, SIZE, STEP, 0.0)) > 9800


def test_quiet_pauses_within_a_word_are_kept():
    signal = np.zeros(12_000)
    signal[2000:3000] = signal[9000:10_000] = 1.0
    assert len(speech_commands.crop(signal, SIZE, STEP, 0.10)) >= 8000


def test_short_time_rms_equals_a_loop():
    signal = np.random.default_rng(0).normal(size=2000)
    expected = [np.sqrt(np.mean(signal[i : i + SIZE] ** 2)) for i in range(0, 1601, STEP)]
    np.testing.assert_allclose(speech_commands.short_time_rms(signal, SIZE, STEP), expected)


def test_a_recording_gets_zero_mean_and_unit_variance():
    found = speech_commands.normalise(np.random.default_rng(0).normal(3, 7, 1000))
    np.testing.assert_allclose([found.mean(), found.std()], [0, 1], atol=1e-12)
    np.testing.assert_array_equal(speech_commands.normalise(np.full(10, 3.0)), np.zeros(10))


def test_official_sets_are_those_of_the_published_lists(mirror):
    lists = {}
    for part, file in (("validation", "v0.01_validation_list.txt"), ("test", "v0.01_testing_list.txt")):
        lists[part] = (mirror / "speech_commands" / file).read_text().split()
        assert {speech_commands.official_set(Path(clip).name) for clip in lists[part]} == {part}
    assert {part: len(clips) for part, clips in lists.items()} == {"validation": 6798, "test": 6835}


def test_a_recording_of_another_rate_or_no_recording_is_refused(tmp_path):
    scipy.io.wavfile.write(tmp_path / "a.wav", 8000, np.zeros(100, np.int16))
    with pytest.raises(DataError, match="rate, bytes, channels"):
        speech_commands.read_clip((tmp_path / "a.wav").read_bytes(), "a.wav")
    scipy.io.wavfile.write(tmp_path / "a.wav", RATE, np.full(100, -16384, np.int16))
    np.testing.assert_array_equal(speech_commands.read_clip((tmp_path / "a.wav").read_bytes(), "a.wav"), -0.5)
    with pytest.raises(DataError, match="not a readable recording"):
        speech_commands.read_clip(b"RIFF", "a.wav")


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"scale": "linear"}, "scale"),
        ({"energy": "square"}, "energy"),
        ({"form": "large"}, "form"),
        ({"threshold": 2}, "threshold"),
        ({"window": 0}, "window"),
        ({"hop": 0}, "hop"),
        ({"bands": 0}, "bands"),
        ({"lowest": 9000}, "bands"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, word, tmp_path):
    with pytest.raises(ValueError, match=f"speech_commands: {word}: "):
        speech_commands.load(tmp_path, 0, **settings)


# ---- 20 Newsgroups


MESSAGES = [
    "From: a@b\nSubject: launch\n\nIn article <1> b writes:\n> old words\nNew words here\n\n-- \nA. Nother\n",
    "From: a@b\n\nOnly one paragraph\nof two lines",
    "From: a@b\n\nFirst.\n\nSecond | third\n| quoted\n----\nsignature",
    "From: a@b\n\n",
    "no empty line at all",
]


@pytest.mark.parametrize("message", MESSAGES)
def test_messages_are_stripped_as_scikit_learn_does(message):
    expected = reference.strip_newsgroup_header(message)
    assert twenty_newsgroups.strip(message, ["headers"]) == expected
    expected = reference.strip_newsgroup_footer(expected)
    assert twenty_newsgroups.strip(message, ["headers", "footers"]) == expected
    assert twenty_newsgroups.strip(message) == reference.strip_newsgroup_quoting(expected)
    assert twenty_newsgroups.strip(message, []) == message


def test_stripping_takes_what_names_the_group():
    assert twenty_newsgroups.strip(MESSAGES[0]).split() == ["New", "words", "here"]


def test_words_are_runs_of_letters():
    assert twenty_newsgroups.tokenise("I don't like C++ in 1993; über-Cool e-mail\n") == (
        ["i", "don", "t", "like", "c", "in", "ber", "cool", "e", "mail"]
    )


WORD_VECTORS = """
import hashlib, sys
from datasets.twenty_newsgroups import word_vectors
text = [[f"w{(i * j * j) % 17}" for j in range(30)] for i in range(40)]
vectors = word_vectors(text, int(sys.argv[1]), 6, 3, 2, 2)
print(hashlib.sha256(vectors.vectors.tobytes() + " ".join(vectors.index_to_key).encode()).hexdigest())
"""


def test_word_vectors_depend_on_the_seed_and_not_on_the_hash_seed():
    def digest(seed, hash_seed):
        command = [sys.executable, "-c", WORD_VECTORS, str(seed)]
        environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout

    first = digest(1, 0)
    assert digest(1, 1234) == first
    assert digest(2, 0) != first


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"groups": ["alt.atheism", "alt.everything"]}, "groups"),
        ({"groups": []}, "groups"),
        ({"groups": ["sci.space", "sci.space"]}, "groups"),
        ({"remove": ["signatures"]}, "remove"),
        ({"min_words": 0}, "min_words"),
        ({"min_words": 60, "max_words": 50}, "min_words"),
    ],
)
def test_newsgroup_settings_that_cannot_be_are_refused(settings, word, tmp_path):
    with pytest.raises(ValueError, match=f"twenty_newsgroups: {word}: "):
        twenty_newsgroups.load(tmp_path, 0, **settings)
