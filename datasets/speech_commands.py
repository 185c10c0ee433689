"""Speech Commands v0.01, the words *yes* and *no*: short-time log-frequency filter banks of recordings of one second.

Source: the full archive (``full``; only the two folders are kept) or the part of it that TensorFlow calls
mini_speech_commands (``subset``; mirror only, one *no* clip is missing). Licence CC BY 4.0. Citation: see `SOURCE`.

Published: two words; leading and trailing low activity cropped; zero mean and unit variance per recording; short-time
log-frequency filter banks. The numbers are lost, and "log-frequency" says neither whether the bands are spaced in log
frequency or in mel nor whether their energies are logarithms; each is a setting. What fits:
reports/fingerprints/fingerprints.md.
Rules: a clip whose largest short-time RMS is below `silence` (-60 dB of full scale) holds no word and is dropped, and
one of fewer than `shortest` frames after cropping; of clips with identical bytes the first by name is kept. All are
counted in the notes.
Quirks: 211 clips of the subset are shorter than a second. The official sets (80/10/10) follow from a hash of the
speaker's id in the file name, as in the archive's README; the result equals the published lists.
Expected: subset 1000 yes + 999 no, full 2377 + 2375; 16 kHz, 16 bit, mono, 7431 (subset) to 16,000 samples.
"""

import hashlib
import io
import re
import wave
from pathlib import Path

import numpy as np
import scipy.fft
import scipy.signal

from .fetch import Archive, DataError, Loaded, Source, choose, expect
from .sequences import SPLITS, Sequences

NAME = "speech_commands"
CLASSES = ("yes", "no")
SOURCE = Source(
    name=NAME,
    forms=(
        Archive(
            form="full",
            file="speech_commands_v0.01.tar.gz",
            address="https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.01.tar.gz",
            sha256="743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
            folders=CLASSES,
            limit=2_000_000_000,
        ),
        Archive(
            form="subset",
            file="mini_speech_commands.zip",
            strip="mini_speech_commands",
            folders=CLASSES,
            digest="d0b1e02f292a3c454dce47d90fcb9f5e23c98e18eb1a57d4d2be20f53490af2e",
        ),
    ),
    homepage="https://research.google/blog/launching-the-speech-commands-dataset/",
    licence="CC BY 4.0",
    citation="P. Warden: Speech Commands: a dataset for limited-vocabulary speech recognition. arXiv 1804.03209, 2018.",
)
COUNTS = {"full": {"yes": 2377, "no": 2375}, "subset": {"yes": 1000, "no": 999}}
SHORTEST = {"subset": 7431}
RATE = 16_000
SCALES = ("logarithmic", "mel")
SPECTRA = {"power": 2, "magnitude": 1}
ENERGIES = ("linear", "log")


def load(
    raw,
    seed,
    *,
    form="any",
    threshold=0.10,
    silence=0.001,
    bands=40,
    window=0.025,
    hop=0.010,
    scale="logarithmic",
    spectrum="power",
    energy="linear",
    offset=1e-8,
    lowest=20.0,
    shortest=1,
):
    """Load the data set; the notes ``silent``, ``duplicates`` and ``too_short`` count the dropped clips, and
    ``whole`` those of both words in the full archive.

    Parameters
    ----------
    form : {"any", "full", "subset"}
        All clips of v0.01 or the subset.
    threshold : float
        Leading and trailing windows are cropped while their RMS is below this share of the recording's largest.
    silence : float
        A clip is dropped when its largest short-time RMS is below this share of full scale.
    bands : int
        Number of filters, the dimension of an element.
    window, hop : float
        Length and distance of the windows in seconds.
    scale : {"logarithmic", "mel"}
        Spacing of the filters.
    spectrum : {"power", "magnitude"}
        What a band sums: squared absolute values of the spectrum or absolute values.
    energy : {"linear", "log"}
        That sum or its natural logarithm.
    offset : float
        Added to the sum before the logarithm; without it the log of a silent window would be infinite. White noise of
        unit variance has power 1.
    lowest : float
        Lowest frequency in Hz; the highest is half the sampling rate.
    shortest : int
        A clip is dropped when fewer frames are left of it.
    """
    choose(NAME, "spectrum", spectrum, SPECTRA)
    choose(NAME, "energy", energy, ENERGIES)
    for setting, value, valid in (
        ("threshold", threshold, 0 <= threshold <= 1),
        ("silence", silence, 0 <= silence < 1),
        ("window", window, 2 / RATE <= window <= 1),
        ("hop", hop, 1 / RATE <= hop <= 1),
        ("offset", offset, offset > 0),
    ):
        if not valid:
            raise ValueError(f"{NAME}: {setting}: {value} is out of range")
    size, step = round(window * RATE), round(hop * RATE)
    bank = filter_bank(bands, size, RATE, lowest, scale)
    arrays, kept, seen = [], [], set()
    notes = {"whole": sum(COUNTS["full"].values()), "silent": 0, "duplicates": 0, "too_short": 0}
    for path, content, signal in _clips(Path(raw), form):
        digest = hashlib.sha256(content).digest()
        if digest in seen:
            notes["duplicates"] += 1
            continue
        seen.add(digest)
        if short_time_rms(signal, size, step).max() < silence:
            notes["silent"] += 1
            continue
        energies = band_energies(normalise(crop(signal, size, step, threshold)), bank, size, step, SPECTRA[spectrum])
        if len(energies) < shortest:
            notes["too_short"] += 1
            continue
        arrays.append(np.log(energies + offset) if energy == "log" else energies)
        kept.append(path)
    split = np.array([SPLITS.index(official_set(path.name)) for path in kept])
    return Loaded(
        Sequences.from_list(arrays, split), [CLASSES.index(path.parent.name) for path in kept], CLASSES, notes
    )


def _clips(raw, form):
    """Path, bytes and samples of every clip of the `form` that is there, checked against what is known of it."""
    choose(NAME, "form", form, ("any", *COUNTS))
    paths = [path for word in CLASSES for path in sorted(Path(raw, word).glob("*.wav"))]
    counts = {word: sum(path.parent.name == word for path in paths) for word in CLASSES}
    forms = list(COUNTS) if form == "any" else [form]
    form = next((known for known in forms if COUNTS[known] == counts), forms[0])
    expect(NAME, "clips per word", counts, COUNTS[form])
    lengths = []
    for path in paths:
        content = path.read_bytes()
        signal = read_clip(content, path.name)
        lengths.append(len(signal))
        yield path, content, signal
    expect(NAME, "longest clip in samples", max(lengths), RATE)
    if form in SHORTEST:
        expect(NAME, "shortest clip in samples", min(lengths), SHORTEST[form])


def read_clip(content, name):
    """Samples of a ``.wav`` file, shape (length,), full scale 1; DataError unless 16 kHz, 16 bit, mono."""
    try:
        with wave.open(io.BytesIO(content)) as clip:
            form, frames = clip.getparams()[2::-1], clip.readframes(clip.getnframes())
    except Exception as error:  # a broken file raises whatever its bytes lead to
        raise DataError(f"{NAME}: {name}: not a readable recording ({error})") from error
    expect(NAME, f"{name}: rate, bytes, channels", form, (RATE, 2, 1))
    if not frames or len(frames) % 2:
        raise DataError(f"{NAME}: {name}: {len(frames)} bytes of samples, expected two for each of at least one")
    return np.frombuffer(frames, dtype="<i2") / 32768


def official_set(name):
    """Official set of a clip by the hash of its speaker's id: ``train``, ``validation`` (10 %) or ``test`` (10 %)."""
    speaker = re.sub(r"_nohash_.*$", "", name)
    share = int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % 2**27 * 100 / (2**27 - 1)
    return "validation" if share < 10 else "test" if share < 20 else "train"


def windows(signal, size, step):
    """Windows of a signal, shape (frames, size); a signal shorter than one window is filled with zeros.

    Samples after the last whole window are left out.
    """
    if len(signal) < size:
        signal = np.pad(signal, (0, size - len(signal)))
    return np.lib.stride_tricks.sliding_window_view(signal, size)[::step]


def short_time_rms(signal, size, step):
    """Root mean square of every window, shape (frames,)."""
    return np.sqrt((windows(signal, size, step) ** 2).mean(axis=1))


def crop(signal, size, step, threshold):
    """Signal from the start of the first to the end of the last window that reaches `threshold` of the largest RMS."""
    rms = short_time_rms(signal, size, step)
    active = np.flatnonzero(rms >= threshold * rms.max())
    return signal[active[0] * step : active[-1] * step + size]


def normalise(signal):
    """Zero mean and unit variance; a constant signal becomes 0."""
    centred = signal - signal.mean()
    return centred / (centred.std() or 1.0)


def filter_bank(bands, size, rate, lowest, scale):
    """Triangular filters of peak 1, each from the centre of the one before to the centre of the one after.

    Parameters
    ----------
    bands : int
    size : int
        Samples of a window. The spectrum is interpolated by zero padding until the narrowest filter, too, has a point
        within each of its flanks.
    rate : float
        Sampling rate in Hz.
    lowest : float
        Lower edge of the first filter in Hz; the upper edge of the last one is half the rate.
    scale : {"logarithmic", "mel"}
        Edges are equally spaced in log frequency or in mel, 2595 log10(1 + f / 700).

    Returns
    -------
    ndarray of shape (bands, points // 2 + 1)
        With ``points`` the length of the transform, a power of two.

    Raises
    ------
    ValueError
        For an unknown scale, or bands that cannot be formed.
    """
    choose(NAME, "scale", scale, SCALES)
    if bands < 1 or not 0 < lowest < rate / 2:
        raise ValueError(f"{NAME}: bands: {bands} from {lowest} Hz, expected at least 1 below {rate / 2} Hz")
    if scale == "logarithmic":
        edges = np.geomspace(lowest, rate / 2, bands + 2)
    else:
        mel = 2595 * np.log10(1 + np.array([lowest, rate / 2]) / 700)
        edges = 700 * (10 ** (np.linspace(*mel, bands + 2) / 2595) - 1)
    points = 2 ** int(np.ceil(np.log2(max(size, rate / np.diff(edges).min()))))
    frequencies = np.fft.rfftfreq(points, 1 / rate)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.clip(
        np.minimum((frequencies - left) / (centre - left), (right - frequencies) / (right - centre)), 0, None
    )


def band_energies(signal, bank, size, step, exponent=2):
    """Energies of the bands in every window.

    Parameters
    ----------
    signal : ndarray of shape (length,)
    bank : ndarray of shape (bands, points // 2 + 1)
        From `filter_bank`.
    size, step : int
        Samples of a window and between windows.
    exponent : int
        2 for power, 1 for magnitude.

    Returns
    -------
    ndarray of shape (frames, bands)
        Power in a Hann window, over the window's own energy: white noise of unit variance has power 1 at every point.
        Magnitude is its square root, point by point.
    """
    taper = scipy.signal.get_window("hann", size)
    points = 2 * (bank.shape[1] - 1)
    spectrum = scipy.fft.rfft(windows(signal, size, step) * taper, points, axis=1)
    return (np.abs(spectrum) / np.sqrt((taper**2).sum())) ** exponent @ bank.T
