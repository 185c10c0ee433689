"""From the name of a data set to sequences with a split, and the sheet that says what they are."""

import importlib
import inspect
from dataclasses import replace
from pathlib import Path

import numpy as np

from . import own
from .fetch import choose, fetch, is_here
from .normalise import SPANS, standardised
from .sequences import POINTS, SPLITS, UNKNOWN, stratified_split

SPLIT_KINDS = ("stratified", "official", "everything")
AVERAGES = ("length", "padded")
COMMON = {"average": "length", "normalise": "none", "resample": POINTS}  # settings that any data set may have
FRACTIONS = (0.8, 0.1, 0.1)


def available():
    """Names of all data sets, sorted: every file of this folder with a function ``load``."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(path.stem for path in files if "\ndef load(" in path.read_text(encoding="utf-8"))


def find(name):
    """Module of the data set `name`; ValueError naming the known ones when there is no such."""
    if name not in available():
        raise ValueError(f"unknown data set {name!r}, expected one of {', '.join(available())}")
    return importlib.import_module(f"{__package__}.{name}")


def settings_of(name):
    """Settings of the data set `name` and their defaults, from the signature of its ``load``."""
    return keywords(find(name).load)


def keywords(function):
    """Keyword-only arguments of a function and their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def source_of(module, settings):
    """Source of a data set; a file for many has a function ``source``, which takes the settings of one."""
    return module.source(**settings) if hasattr(module, "source") else module.SOURCE


def is_at_hand(name, settings, raw, mirror=None):
    """Whether `prepare` needs no download for a data set."""
    settings = settings or {}
    if "path" in settings:
        return True
    module = find(settings.get("like", name))
    said = keywords(module.load)
    said |= {key: value for key, value in settings.items() if key in said}
    return is_here(source_of(module, said), raw, mirror, said.get("form", "any"))


def load_public(name, settings, raw, mirror, seed):
    """Fetch and load a data set of this folder; returns what ``load`` gives and the sheet's fields about its source."""
    module = find(name)
    source = source_of(module, settings)
    fetched = fetch(source, raw, mirror, settings.get("form", "any"))
    if "form" in settings:
        settings = settings | {"form": fetched.form}
    described = {
        "settings": {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()},
        "source": {"file": fetched.file, "origin": fetched.origin, "form": fetched.form},
        "homepage": source.homepage,
        "licence": source.licence,
        "citation": source.citation,
    }
    return module.load(fetched.path, seed, **settings), described


def load_own(path, settings):
    """The same for a user's data at `path`, whose identifiers and checksum are in the sheet too."""
    loaded = own.read(path, **settings)
    described = {
        "settings": settings,
        "identifiers": list(loaded.identifiers),
        "source": {
            "file": Path(path).name,
            "origin": "own",
            "form": Path(path).suffix.lstrip(".") or "folder",
            "sha256": own.digest(path),
        },
        "homepage": "–",
        "licence": "own data",
        "citation": "–",
    }
    return loaded, described


def prepare(name, settings, split, *, raw, mirror=None, seed=0):
    """Fetch, load, verify and split one data set.

    Parameters
    ----------
    name : str
        One of `available`, or any other name for a user's data.
    settings : dict or None
        Settings of the data set that differ from `settings_of`; with ``path`` it is a user's data, see `datasets.own`,
        with ``like`` that of another name.
        Also those of `COMMON`. ``average``: what a time average divides by, each sequence's own ``length`` or that of
        the longest, as the mean of a ``padded`` array does: it then depends on length. ``normalise``: zero mean and
        unit standard deviation of every dimension over each ``sequence``, or over ``all`` training sequences.
        ``resample``: elements of a sequence that the input ``resample`` has.
    split : dict
        ``kind``: ``stratified`` (every class by the same fractions) or ``official`` (the official training and test
        sets; the validation set is carved from the training set, stratified, in the ratio of its fractions) or
        ``everything`` (all sequences are for training).
        ``fractions``: train, validation, test; 0.8, 0.1, 0.1 when left out.
    raw, mirror
        As `datasets.fetch.fetch` takes them.
    seed : int
        For the split and for what is random in the data set.

    Returns
    -------
    sequences : Sequences
    labels : ndarray of shape (n,), int64
    sheet : dict
        JSON-able: name, settings, split, seed, digest, n, classes in the order of the labels and their sizes,
        dimensions, lengths, split sizes, source (file, origin, form), notes, homepage, licence, citation; of a user's
        data also identifiers, and the files' sha256 in source. No path and no time: equal data give equal sheets.

    Raises
    ------
    ValueError
        For an unknown data set, key or value, naming the allowed ones; `DataError` for raw data that are not right.
    """
    settings = dict(settings or {})
    path, like = settings.pop("path", None), settings.pop("like", name)
    common = {key: settings.pop(key, default) for key, default in COMMON.items()}
    defaults = keywords(own.read) if path else settings_of(like)
    for what, given, allowed in (("setting", settings, defaults), ("split key", split, ("kind", "fractions"))):
        unknown = sorted(set(given) - set(allowed))
        if unknown:
            raise ValueError(f"{name}: unknown {what} {unknown[0]!r}, expected one of {', '.join(allowed) or 'none'}")
    kind, fractions = split.get("kind", "stratified"), tuple(split.get("fractions", FRACTIONS))
    if kind not in SPLIT_KINDS:
        raise ValueError(f"{name}: unknown split kind {kind!r}, expected one of {', '.join(SPLIT_KINDS)}")
    choose(name, "average", common["average"], AVERAGES)
    choose(name, "normalise", common["normalise"], SPANS)
    settings = {**defaults, **settings}
    loaded, described = load_own(path, settings) if path else load_public(like, settings, raw, mirror, seed)
    sequences, labels = loaded.sequences, loaded.labels
    if kind == "official":
        parts = official_split(labels, sequences.split, seed, name, fractions)
    elif kind == "everything":
        parts = np.zeros(len(sequences), np.int8)
    else:
        parts = stratified_split(labels, seed, split_name(name, path), fractions)
    sequences = replace(sequences, split=parts, n_classes=len(np.unique(labels[labels != UNKNOWN])))
    sequences = apply_common(sequences, **common)
    described["settings"] |= {key: value for key, value in common.items() if value != COMMON[key]}
    sheet = {"name": name, "split": {"kind": kind, "fractions": list(fractions)}, "seed": seed}
    return sequences, labels, sheet | counted(sequences, labels, loaded) | described


def counted(sequences, labels, loaded):
    """The sheet's fields about the sequences themselves."""
    lengths = sequences.lengths
    return {
        "digest": sequences.digest(),
        "n": len(sequences),
        "classes": list(loaded.classes),
        "class_sizes": [int(np.sum(labels == i)) for i in range(len(loaded.classes))],
        "dimensions": sequences.dimensions,
        "lengths": {"min": int(lengths.min()), "median": float(np.median(lengths)), "max": int(lengths.max())},
        "split_sizes": {part: int(np.sum(sequences.split == i)) for i, part in enumerate(SPLITS)},
        "notes": loaded.notes,
    }


def split_name(name, path):
    """Name of a data set's splits; a user's data with several k go by several names, and are split alike under all."""
    return "own" if path else name


def split_again(labels, name, settings, split, seed, number):
    """Another split of a data set that `prepare` has made, shape (n,); ``number`` counts from 1.

    Parameters
    ----------
    labels : ndarray of shape (n,)
    name, settings, split, seed
        As `prepare` takes them; only a stratified split can be repeated.
    number : int

    Raises
    ------
    ValueError
        For a split of another kind.
    """
    if split.get("kind", "stratified") != "stratified":
        raise ValueError(f"{name}: only a stratified split can be repeated")
    fractions = tuple(split.get("fractions", FRACTIONS))
    return stratified_split(labels, seed, split_name(name, (settings or {}).get("path")), fractions, number)


def apply_common(sequences, *, average, normalise, resample):
    """Sequences with the settings of `COMMON`; they have their split already."""
    if average == "padded":
        sequences = replace(sequences, average_length=int(sequences.lengths.max()))
    if normalise != "none":
        training = sequences.split == SPLITS.index("train")
        values = standardised(sequences.values, sequences.lengths, training, normalise)
        sequences = replace(sequences, values=values)
    return replace(sequences, resample_length=resample)


def official_split(labels, official, seed, name, fractions=FRACTIONS):
    """Official test set as it is; train and validation carved from the official training set, stratified.

    Parameters
    ----------
    labels : ndarray of shape (n,)
    official : ndarray of shape (n,)
        Index into `SPLITS`; a data set that has an official validation set keeps it.
    seed : int
    name : str
        The data set's name.
    fractions : sequence of 3 floats
        Only the ratio of the first two counts.

    Returns
    -------
    ndarray of shape (n,), int8

    Raises
    ------
    ValueError
        When there is no official test set, or the fractions leave nothing for training.
    """
    split = np.array(official, dtype=np.int8)
    validation, test = SPLITS.index("validation"), SPLITS.index("test")
    if not (split == test).any():
        raise ValueError(f"{name}: there is no official test set, expected split kind stratified")
    if len(fractions) != 3 or min(fractions) < 0 or not fractions[0]:
        raise ValueError(f"{name}: fractions: expected three with a positive first one, got {list(fractions)}")
    if not (split == validation).any():
        train = np.flatnonzero(split == 0)
        share = fractions[1] / (fractions[0] + fractions[1])
        split[train] = stratified_split(labels[train], seed, name, (1 - share, share, 0.0))
    return split
