"""Sets of the UCR and UEA archives by name, such as GesturePebbleZ1: those of varying length belong here.

Source: the archives' download site, where a set is a zip of two ``.ts`` files, ``<Name>_TRAIN`` and ``<Name>_TEST``;
the mirror has the same zips in ``ucr/``. Licence: free for research, none that is stated. A config gives a set a name
and says which it is: ``datasets: {pebble: {like: ucr, name: GesturePebbleZ1}}``.

Expected: nine univariate sets of varying length have the counts, classes and lengths of `KNOWN`; of any other set
both files must be whole, with the same channels and classes. A set has no checksum, as its files are written anew now
and then; the sheet has the digest of what was read.
"""

import re
from dataclasses import replace

import numpy as np

from .fetch import Archive, DataError, Loaded, Source, expect
from .own import class_names
from .sequences import Sequences
from .ts import pair, read_pair

NAME = "ucr"
TITLE = "UCR archive"
SOURCE = Source(
    name=NAME,
    forms=(
        Archive(
            form="ts",
            file="<Name>.zip",
            address="https://www.timeseriesclassification.com/aeon-toolkit/<Name>.zip",
            members={"<Name>_TRAIN.ts": None, "<Name>_TEST.ts": None},
            limit=2_000_000_000,
        ),
    ),
    homepage="https://www.timeseriesclassification.com",
    licence="free for research, no formal licence",
    citation="H. A. Dau et al.: The UCR time series archive. IEEE/CAA J. Autom. Sinica 6(6), 2019; A. Bagnall et al.:"
    " The UEA multivariate time series classification archive, 2018. arXiv:1811.00075.",
)


KNOWN = {  # sizes of the official training and test set, classes, shortest and longest
    **{f"AllGestureWiimote{axis}": (300, 700, 10, 2, 385) for axis in "XYZ"},
    **{f"GestureMidAirD{number}": (208, 130, 26, 80, 360) for number in (1, 2, 3)},
    "GesturePebbleZ1": (132, 172, 6, 100, 455),
    "PickupGestureWiimoteZ": (50, 50, 10, 29, 361),
    "ShakeGestureWiimoteZ": (50, 50, 10, 40, 385),
}


def source(name="GesturePebbleZ1"):
    """Where the set called `name` comes from; ValueError for what is no name."""
    if not re.fullmatch(r"[A-Za-z0-9]+([_-][A-Za-z0-9]+)*", name):
        raise ValueError(f"{NAME}: name: {name!r} is no name of a set, such as GesturePebbleZ1")
    (archive,) = SOURCE.forms

    def named(text):
        return text.replace("<Name>", name)

    members = {named(member): None for member in archive.members}
    file, address = named(archive.file), named(archive.address)
    return replace(SOURCE, forms=(replace(archive, form=name, file=file, address=address, members=members),))


def load(raw, seed, *, name="GesturePebbleZ1"):
    """Load a set, with its official training and test set.

    Parameters
    ----------
    name : str
        As the archives spell it.
    """
    arrays, names, split = read_pair(pair(raw))
    if names is None:
        raise DataError(f"{NAME}, {name}: a set without classes, which can't be scored")
    classes = class_names(names)
    lengths = [len(array) for array in arrays]
    if name in KNOWN:
        found = (*(int(np.sum(split == part)) for part in (0, 2)), len(classes), min(lengths), max(lengths))
        expect(f"{NAME}, {name}", "sizes, classes, lengths", found, KNOWN[name])
    labels = [classes.index(label) for label in names]
    return Loaded(Sequences.from_list(arrays, split), labels, classes, {})
