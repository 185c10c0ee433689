"""The numbers inside the preparations, against other formulations of the same."""

import itertools
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.io
from sklearn.datasets import _twenty_newsgroups as reference
from sklearn.datasets import load_digits

from datasets import (
    arabic_digits,
    character_trajectories,
    handwritten_digits,
    japanese_vowels,
    lzw,
    pen_digits,
    speech_commands,
    twenty_newsgroups,
)
from datasets.fetch import DataError, fetch
from datasets.normalise import standardised
from datasets.stop_words import SMART, WORDS

ROOT = Path(__file__).parents[2]
RATE = speech_commands.RATE
SIZE, STEP = 400, 160


# ---- Arabic Digits


def ragged(lengths=(1, 5, 30), dimensions=3, seed=0):
    rng = np.random.default_rng(seed)
    parts = [rng.normal(rng.normal(size=dimensions), 2, (length, dimensions)) for length in lengths]
    return parts, np.concatenate(parts), np.concatenate([[0], np.cumsum(lengths)])


@pytest.mark.parametrize("centre", arabic_digits.SPANS)
@pytest.mark.parametrize("scale", arabic_digits.SPANS)
def test_centring_and_scaling_equal_a_loop(centre, scale):
    parts, values, offsets = ragged()

    def by(function, parts):
        whole = function(np.concatenate(parts), axis=0)
        return {"sequence": [function(part, axis=0) for part in parts], "all": [whole] * len(parts)}

    if centre != "none":
        parts = [part - mean for part, mean in zip(parts, by(np.mean, parts)[centre], strict=True)]
    if scale != "none":
        spread = by(np.std, parts)[scale]
        parts = [part / np.where(width > 0, width, 1) for part, width in zip(parts, spread, strict=True)]
    found = arabic_digits.normalise(values, offsets, centre, scale)
    np.testing.assert_allclose(found, np.concatenate(parts), atol=1e-12)


def test_every_centre_and_scale_is_another():
    _, values, offsets = ragged()
    pairs = itertools.product(arabic_digits.SPANS, arabic_digits.SPANS)
    forms = [arabic_digits.normalise(values, offsets, *pair) for pair in pairs]
    assert not any(np.allclose(x, y) for x, y in itertools.combinations(forms, 2))


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


@pytest.mark.parametrize("setting", ["centre", "scale"])
def test_an_unknown_span_names_the_known_ones(setting, tmp_path):
    with pytest.raises(ValueError, match=f"{setting}: 'batch', expected one of sequence, all, none"):
        arabic_digits.load(tmp_path, 0, **{setting: "batch"})


def test_the_place_of_a_block_tells_its_digit_and_its_official_set(tmp_path, monkeypatch):
    digits, n = {"Train": np.repeat(np.arange(10), 2), "Test": np.arange(10)}, 0
    for part, own in digits.items():
        blocks = [f"{digit} " * 13 + "\n" for digit in own]
        lengths = [1 + i % 3 for i in range(len(own))]
        text = "".join(" " * 13 + "\n" + block * length for block, length in zip(blocks, lengths, strict=True))
        Path(tmp_path, f"{part}_Arabic_Digit.txt").write_text(text)
        n += sum(lengths)
    for name, value in {"PER_DIGIT": {"Train": 2, "Test": 1}, "LENGTHS": (1, 3), "FRAMES": n}.items():
        monkeypatch.setattr(arabic_digits, name, value)
    loaded = arabic_digits.load(tmp_path, 0, centre="none", scale="none")
    spoken = [int(loaded.sequences[i][0, 0]) for i in range(30)]
    assert loaded.labels.tolist() == spoken == [*digits["Train"], *digits["Test"]]
    assert loaded.sequences.split.tolist() == [0] * 20 + [2] * 10 and loaded.classes[7] == "7"


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


def test_characters_that_are_chosen_keep_their_label_their_set_and_their_note(tmp_path, monkeypatch):
    cases = [np.full((length, 3), i) for i, length in enumerate((60, 182, 100, 100, 90))]
    read = cases, [1, 0, 2, 1, 2], [0, 0, 2, 2, 0], [True, True, True, False, False]  # b, a, c, b, c
    monkeypatch.setattr(character_trajectories, "_load_uea", lambda raw: read)
    loaded = character_trajectories.load(tmp_path, 0, characters=("c", "b"))
    assert [int(loaded.sequences[i][0, 0]) for i in range(4)] == [0, 2, 3, 4]
    assert loaded.labels.tolist() == [1, 0, 1, 0] and loaded.sequences.split.tolist() == [0, 2, 2, 0]
    assert loaded.notes == {"short_channels": 2}


@pytest.fixture(scope="module")
def uci(mirror):
    """Content of UCI's file as scipy reads it: trajectories of shape (3, length), codes from 1, key."""
    content = scipy.io.loadmat(mirror / "character_trajectories/mixoutALL_shifted.mat", squeeze_me=True)
    constants = content["consts"]
    return list(content["mixout"]), np.array(constants["charlabels"].item()), "".join(constants["key"].item())


def write_uci(path, cases, codes, key):
    """A file of the layout of mixoutALL_shifted.mat."""
    mixout = np.empty((1, len(cases)), dtype=object)
    mixout[0, :] = cases
    names = np.array([list(key)], dtype=object)
    scipy.io.savemat(path, {"mixout": mixout, "consts": {"key": names, "charlabels": np.asarray(codes)[None]}})


def test_the_uci_form_is_the_uea_form_and_zeros(mirror, tmp_path):
    """An independent copy, of another archive, once the zeros at both ends are taken off."""
    letters = tuple(character_trajectories.CHARACTERS)
    padded, stripped = (
        character_trajectories.load(
            fetch(character_trajectories.SOURCE, tmp_path, mirror, form).path, 0, form=form, characters=letters
        ).sequences
        for form in ("uci", "uea")
    )
    for i in range(len(padded)):
        moves = np.flatnonzero((padded[i] != 0).any(axis=1))
        np.testing.assert_allclose(padded[i][moves[0] : moves[-1] + 1], stripped[i], atol=1e-6)


def test_another_order_and_other_last_digits_are_the_same_content(uci, tmp_path):
    cases, codes, key = uci
    order = np.random.default_rng(0).permutation(len(cases))
    write_uci(tmp_path / "mixoutALL_shifted.mat", [np.round(cases[i], 6) for i in order], codes[order], key)
    loaded = character_trajectories.load(tmp_path, 0, form="uci", characters=["z", "b"])
    assert loaded.classes == ("z", "b")
    np.testing.assert_array_equal(loaded.labels, [int(c == 2) for c in codes[order] if c in (2, 20)])
    assert "tells the class" in loaded.notes["padding"]


def short(cases, codes, key):
    return cases[:-1], codes[:-1], key


def swapped(cases, codes, key):
    changed = codes.copy()
    changed[np.flatnonzero(codes == 14)[0]], changed[np.flatnonzero(codes == 2)[0]] = 2, 14  # both 174 long
    return cases, changed, key


def flat(cases, codes, key):
    return [case[:2] for case in cases], codes, key


def stripped(cases, codes, key):
    return [case[:, :-1] for case in cases], codes, key


def shifted(cases, codes, key):
    return [np.roll(cases[0], 1, axis=1), *cases[1:]], codes, key


def scaled(cases, codes, key):
    return [case * [[1], [1.01], [1]] for case in cases], codes, key


def renamed(cases, codes, key):
    return cases, codes, key[::-1]


def infinite(cases, codes, key):
    return [np.where(cases[0] == 0, 0, np.nan), *cases[1:]], codes, key


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (short, "cases per character"),
        (swapped, "where the strokes begin and end"),
        (flat, "shapes of the cases"),
        (stripped, "padded lengths of each character"),
        (shifted, "where the strokes begin and end"),
        (scaled, "mean sizes of the channels"),
        (renamed, "characters: found zyw"),
        (infinite, "mean sizes of the channels"),
    ],
)
def test_a_uci_file_of_other_content_is_refused(damage, what, uci, tmp_path):
    write_uci(tmp_path / "mixoutALL_shifted.mat", *damage(*uci))
    with pytest.raises(DataError, match=f"^character_trajectories: .*{what}"):
        character_trajectories.load(tmp_path, 0, form="uci")


@pytest.mark.parametrize("content", [b"short", b"", None])
def test_a_file_that_is_not_uci_s_is_refused(content, tmp_path):
    path = tmp_path / "mixoutALL_shifted.mat"
    if content is None:
        scipy.io.savemat(path, {"other": np.ones(3)})
    else:
        path.write_bytes(content)
    with pytest.raises(DataError, match="mixoutALL_shifted.mat: not the UCI file"):
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
    magnitudes = speech_commands.band_energies(signal, np.eye(bank.shape[1]), SIZE, STEP, exponent=1)
    powers = speech_commands.band_energies(signal, np.eye(bank.shape[1]), SIZE, STEP)
    np.testing.assert_allclose(magnitudes**2, powers)
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


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A folder of five short recordings for each word, of different lengths."""
    folder, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    for word in speech_commands.CLASSES:
        (folder / word).mkdir()
        for i in range(5):
            signal = rng.normal(scale=3000, size=1000 + 1500 * i).astype(np.int16)
            scipy.io.wavfile.write(folder / word / f"{i}_nohash_0.wav", RATE, signal)
    return folder


def load_clips(monkeypatch, clips, **settings):
    monkeypatch.setattr(speech_commands, "COUNTS", {"full": {"yes": 5, "no": 5}})
    monkeypatch.setattr(speech_commands, "expect", lambda *_: None)
    return speech_commands.load(clips, 0, **settings)


def test_log_energies_are_natural_logarithms_of_the_sums_and_an_offset(clips, monkeypatch):
    linear = load_clips(monkeypatch, clips, spectrum="magnitude").sequences
    for offset in (1e-8, 0.5):
        found = load_clips(monkeypatch, clips, spectrum="magnitude", energy="log", offset=offset).sequences
        np.testing.assert_allclose(np.exp(found.values), linear.values + offset, rtol=1e-4)
    power = load_clips(monkeypatch, clips).sequences
    assert not np.allclose(power.values, linear.values, rtol=0.1)


def test_clips_of_too_few_frames_are_dropped_and_counted(clips, monkeypatch):
    whole = load_clips(monkeypatch, clips)
    for shortest in (1, 10, 40):
        loaded = load_clips(monkeypatch, clips, shortest=shortest)
        kept = whole.sequences.lengths >= shortest
        np.testing.assert_array_equal(loaded.sequences.lengths, whole.sequences.lengths[kept])
        np.testing.assert_array_equal(loaded.labels, np.array(whole.labels)[kept])
        assert loaded.notes["too_short"] == (~kept).sum()
    assert 0 < loaded.notes["too_short"] < len(kept)


def write_clips(folder, clips):
    """Recordings, word to samples."""
    for word, signals in clips.items():
        (folder / word).mkdir(parents=True)
        for i, signal in enumerate(signals):
            scipy.io.wavfile.write(folder / word / f"{i}_nohash_0.wav", RATE, np.asarray(signal).astype(np.int16))
    return folder


def test_silence_that_is_cropped_takes_no_part_in_mean_and_variance(tmp_path, monkeypatch):
    """Words of one loudness throughout, 23 windows long, alone and between zeros."""
    rng = np.random.default_rng(0)
    words = {word: [3000 * rng.choice([-1, 1], 3920)] for word in speech_commands.CLASSES}
    apart = {word: [np.pad(own[0], (20 * STEP, 4800))] for word, own in words.items()}
    alone, between = (
        load_clips(monkeypatch, write_clips(tmp_path / name, clips), threshold=1.0).sequences
        for name, clips in (("alone", words), ("between", apart))
    )
    assert alone.lengths.tolist() == between.lengths.tolist() == [23, 23]
    np.testing.assert_allclose(between.values, alone.values, rtol=1e-5)


def test_copies_and_silent_clips_are_dropped_and_counted(tmp_path, monkeypatch):
    """A clip is silent by its loudest window: the third one has a click, of less than a thousandth on the whole."""
    rng = np.random.default_rng(0)
    first, other = (rng.normal(scale=3000, size=4000) for _ in range(2))
    click = np.where(np.arange(16_000) == 5000, 3000, rng.normal(scale=3, size=16_000))
    clips = {"yes": [first, first, click], "no": [rng.normal(scale=16, size=4000), other, first]}
    loaded = load_clips(monkeypatch, write_clips(tmp_path, clips))
    counted = {name: loaded.notes[name] for name in ("silent", "duplicates", "too_short")}
    assert counted == {"silent": 1, "duplicates": 2, "too_short": 0} and loaded.labels.tolist() == [0, 0, 1]


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
        ({"spectrum": "phase"}, "spectrum"),
        ({"offset": 0}, "offset"),
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


# ---- Pen digits


def written(text):
    """Digits of a UNIPEN text line by line: another reader than the data set's."""
    digits, down = [], False
    for line in text.splitlines():
        word, *rest = line.split() or [""]
        if word == ".SEGMENT":
            digits.append((int(rest[-1].strip('"')), []))
        elif word in (".PEN_DOWN", ".PEN_UP"):
            down = word == ".PEN_DOWN"
            if not down:
                digits[-1][1][-1][2] = 1
        elif down:
            digits[-1][1].append([int(word) / 500, int(rest[0]) / 500, 0])
    return digits


@pytest.mark.parametrize("part", pen_digits.TEXT)
def test_compress_is_undone_as_gzip_does_it_and_strokes_are_read_as_they_are_written(part, mirror):
    path = Path(mirror, "pen_digits", f"pendigits-orig.{part}.Z")
    text = subprocess.run(["gzip", "--decompress", "--stdout", path], capture_output=True, check=True).stdout
    assert lzw.decompress(path.read_bytes(), len(text)) == text
    with pytest.raises(ValueError, match="more bytes than expected"):
        lzw.decompress(path.read_bytes(), len(text) - 1)
    digits, labels = pen_digits.strokes(text.decode())
    for digit, label, (name, points) in zip(digits, labels, written(text.decode()), strict=True):
        assert label == name
        np.testing.assert_array_equal(digit, points)


@pytest.mark.parametrize(
    ("codes", "content"),
    [
        ([97, 257, 258], b"aaaaaa"),  # a code that stands for what is only just being read
        ([97, 98, 257, 259], b"abababa"),
        ([97, 98, 257, 256, 0, 0, 0, 0, 99, 257], b"ababccc"),  # emptied after four; what is left of eight is skipped
    ],
)
def test_codes_of_compress(codes, content, tmp_path):
    bits = sum(code << 9 * i for i, code in enumerate(codes))
    packed = b"\x1f\x9d\x90" + bits.to_bytes(-(-9 * len(codes) // 8), "little")
    assert lzw.decompress(packed, 10) == content
    (tmp_path / "a.Z").write_bytes(packed)
    reference = subprocess.run(["gzip", "-dc", tmp_path / "a.Z"], capture_output=True, check=True).stdout
    assert reference == content


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


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        ("From: a@b\nSubject: Re: launch\nLines: 3\n\nSubject: of the text", " Re: launch\n"),
        ("SUBJECT: one\n\ttwo\n three\nFrom: a@b\n\ntext", " one\n\ttwo\n three\n"),
        ("From: a@b\nX-Subject: other\n\nSubject: of the text", ""),
        ("no empty line at all", ""),
    ],
)
def test_the_subject_is_that_of_the_headers(message, subject):
    assert twenty_newsgroups.subject_of(message) == subject


def message_words(monkeypatch, tmp_path, message, **settings):
    """Words of the one message of each of two groups, as Word2Vec gets them."""
    for part in ("train", "test"):
        for group in ("alt.atheism", "sci.space"):
            folder = tmp_path / f"20news-bydate-{part}" / group
            folder.mkdir(parents=True)
            (folder / "1").write_text(message)
    seen = []

    def remember(messages, *_):
        seen.extend(messages)
        raise InterruptedError

    monkeypatch.setattr(twenty_newsgroups, "_verify", lambda raw: None)
    monkeypatch.setattr(twenty_newsgroups, "word_vectors", remember)
    with pytest.raises(InterruptedError):
        twenty_newsgroups.load(tmp_path, 0, groups=["alt.atheism", "sci.space"], **settings)
    assert seen == [seen[0]] * 4
    return seen[0]


MESSAGE = "From: a@b\nSubject: Re: The Orbits!\n\nIn article <1>, Bob says:\n> He was it 3 times\nflying, you'd see\n"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "flying you d see"),
        ({"remove": ["headers"]}, "in article bob says he was it times flying you d see"),
        (
            {"remove": ["headers"], "subject": True, "shortest_word": 3},
            "the orbits article bob says was times flying you see",
        ),
        ({"remove": ["headers"], "shortest_word": 3, "stop_words": "scikit-learn"}, "article bob says times flying"),
        ({"remove": ["headers"], "shortest_word": 3, "stop_words": "smart"}, "article bob times flying"),
        ({"subject": True, "stop_words": "smart", "stem": True}, "orbit fly"),
    ],
)
def test_words_of_the_thesis_s_steps(settings, words, monkeypatch, tmp_path):
    assert message_words(monkeypatch, tmp_path, MESSAGE, **settings) == words.split()


def test_smart_s_stop_words_are_those_without_an_apostrophe():
    assert len(SMART) == 523  # and "would" twice in the published list: the thesis's 524
    assert WORDS.split() == sorted(WORDS.split())  # as published, so that few slips are possible
    assert all(word.isalpha() and word.islower() for word in SMART)
    # Words that the other list has not, and the other way round.
    assert {"appreciate", "zero", "would", "edu"} <= SMART
    assert SMART.isdisjoint({"fire", "bill", "system"})


def test_stems_are_porter_s():
    """Examples of the article (M. F. Porter: An algorithm for suffix stripping, 1980)."""
    stem = twenty_newsgroups.stemmer()
    words = "caresses ponies cats feed agreed plastered motoring hopping happy relational triplicate effective rate"
    stems = "caress poni cat feed agre plaster motor hop happi relat triplic effect rate"
    assert [stem(word) for word in words.split()] == stems.split()


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


def test_word_vectors_are_those_of_skip_grams(monkeypatch):
    asked = {}

    def word2vec(messages, **settings):
        asked.update(settings, messages=messages)
        return SimpleNamespace(wv="vectors")

    monkeypatch.setitem(sys.modules, "gensim.models", SimpleNamespace(Word2Vec=word2vec))
    assert twenty_newsgroups.word_vectors([["a"]], 1, 6, 3, 2, 4) == "vectors"
    sizes = {"vector_size": 6, "window": 3, "min_count": 2, "epochs": 4}
    known = {"messages": [["a"]], "sg": 1, "workers": 1, "negative": 5, "hs": 0} | sizes
    assert known == {name: asked.get(name, {"negative": 5, "hs": 0}.get(name)) for name in known}  # gensim's defaults


def test_messages_are_as_long_as_their_words_with_a_vector():
    words = ["a b x", "c", "a a a a", "x b b", "c c c x x"]
    groups, splits = ["g", "h", "g", "h", "h"], [0, 0, 2, 2, 0]
    messages = [(group, split, text.split()) for group, split, text in zip(groups, splits, words, strict=True)]
    vectors = SimpleNamespace(key_to_index={"a": 0, "b": 1, "c": 2}, vectors=np.eye(3))
    loaded = twenty_newsgroups._indexed(messages, vectors, ["h", "g"], 2, 3)
    found = ["".join("abc"[place] for place in loaded.sequences[i].argmax(axis=1)) for i in range(3)]
    assert found == ["ab", "bb", "ccc"] and loaded.labels.tolist() == [1, 0, 0]
    assert loaded.sequences.split.tolist() == [0, 2, 0] and loaded.classes == ("h", "g")
    dropped = {"too_short": 1, "too_long": 1}
    assert loaded.notes == {"vocabulary": 3, "words": 3 + 3 + 5, "out_of_vocabulary": 1 + 1 + 2} | dropped


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"groups": ["alt.atheism", "alt.everything"]}, "groups"),
        ({"groups": []}, "groups"),
        ({"groups": ["sci.space", "sci.space"]}, "groups"),
        ({"remove": ["signatures"]}, "remove"),
        ({"stop_words": "drop"}, "stop_words"),
        ({"min_words": 0}, "min_words"),
        ({"min_words": 60, "max_words": 50}, "min_words"),
    ],
)
def test_newsgroup_settings_that_cannot_be_are_refused(settings, word, tmp_path):
    with pytest.raises(ValueError, match=f"twenty_newsgroups: {word}: "):
        twenty_newsgroups.load(tmp_path, 0, **settings)


# ---- Digits and vowels that come with other packages


def test_handwritten_digits_are_scikit_learn_s(tmp_path):
    loaded = handwritten_digits.load(fetch(handwritten_digits.SOURCE, tmp_path).path, 0)
    theirs = load_digits()
    np.testing.assert_array_equal(loaded.sequences.values, theirs.data / 16)
    np.testing.assert_array_equal(loaded.labels, theirs.target)


def test_a_vowel_has_the_speaker_of_its_line(tmp_path):
    raw = fetch(japanese_vowels.SOURCE, tmp_path).path
    loaded, lines = japanese_vowels.load(raw, 0), []
    for part in ("TRAIN", "TEST"):
        text = Path(raw, f"JapaneseVowels_{part}.ts").read_text()
        lines += text.partition("@data\n")[2].split()
    assert [f"{label + 1}" for label in loaded.labels] == [line.rpartition(":")[2] for line in lines]
    first = [float(line.partition(",")[0]) for line in lines]
    np.testing.assert_array_equal(loaded.sequences.values[loaded.sequences.offsets[:-1], 0], np.float32(first))


# ---- any data


@pytest.mark.parametrize("span", ["all", "sequence"])
def test_any_data_can_be_normalised(span):
    rng = np.random.default_rng(0)
    lengths, training = np.array([3, 8, 5, 9]), np.array([True, True, False, True])
    values = (rng.normal(size=(25, 3)) * [1, 100, 0] + [5, -3, 0.1]).astype(np.float32)
    found = standardised(values, lengths, training, span)
    assert found.dtype == np.float32 and np.abs(found[:, 2]).max() < 1e-6  # constant, but for rounding
    owner = np.repeat(np.arange(4), lengths)
    groups = [owner == i for i in range(4)] if span == "sequence" else [training[owner]]
    for group in groups:
        np.testing.assert_allclose(found[group].mean(axis=0), 0, atol=1e-6)
        np.testing.assert_allclose(found[group, :2].std(axis=0), 1, rtol=1e-5)
    if span == "all":  # the others are moved by what training sequences say, not by themselves
        seen = values[training[owner], :2].astype(float)
        np.testing.assert_allclose(found[:, :2], (values[:, :2] - seen.mean(axis=0)) / seen.std(axis=0), rtol=1e-4)


@pytest.mark.parametrize("span", ["all", "sequence"])
def test_a_column_that_varies_by_rounding_is_constant(span):
    """Its values are two neighbours in float32, whose difference is nobody's measurement."""
    pair = np.array([1000, np.nextafter(np.float32(1000), np.float32(2000))], np.float32)
    found = standardised(np.tile(pair, 20)[:, None], np.array([20, 20]), np.ones(2, bool), span)
    assert np.abs(found).max() < 1e-4


def test_a_spike_elsewhere_leaves_no_sequence_and_no_column_unscaled():
    rng = np.random.default_rng(0)
    spike = np.concatenate([rng.normal(0, 3, (60, 1)), [[1e9]]]).astype(np.float32)
    scaled = standardised(spike, np.array([20, 20, 21]), np.ones(3, bool), "sequence")
    assert [part.std() for part in np.split(scaled, [20, 40])] == pytest.approx([1, 1, 1])
    small = np.stack([rng.normal(101325, 500, 60), rng.normal(0, 0.005, 60), np.full(60, 0.1)], axis=1)
    scaled = standardised(small.astype(np.float32), np.array([20] * 3), np.ones(3, bool), "sequence")
    for part in np.split(scaled, [20, 40]):
        assert part.std(axis=0) == pytest.approx([1, 1, 0], abs=1e-5)
