"""Files that are whole or absent: everything the project writes goes through here, and nothing is pickled."""

import contextlib
import fcntl
import glob
import json
import os
import shutil
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np


@contextlib.contextmanager
def whole_file(path):
    """Yield a temporary path beside `path`; on success it replaces `path`, on any failure nothing is left.

    What a killed process left of the same file is removed: a writer holds a lock on its temporary file while it lives.

    Parameters
    ----------
    path : str or Path
        Where the file belongs; its folder is made when missing.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path)
    temporary, handle = held(empty_file, dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    try:
        yield Path(temporary)
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)  # mkstemp makes files that only their owner can read
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
        os.close(handle)


def locked(handle):
    """Lock an open file and say whether that was possible: not when somebody has it, nor where there are no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def held(make, **where):
    """Make a temporary by `make(**where)` and lock it; returns its path and the handle that has the lock.

    One that isn't locked yet looks abandoned to other processes; when one of them removes it, another is made.
    """
    while True:
        made = make(**where)
        with contextlib.suppress(FileNotFoundError):
            handle = os.open(made, os.O_RDONLY)
            with contextlib.suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX)  # waits for whoever is removing it
            if os.path.lexists(made):
                return made, handle
            os.close(handle)


def empty_file(**where):
    """Path of a new file, whose name `tempfile` draws."""
    handle, path = tempfile.mkstemp(**where)
    os.close(handle)
    return path


def remove_abandoned(path):
    """Remove temporary files of `path` that nobody writes any more."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.????????{glob.escape(path.suffix)}"):
        with contextlib.suppress(FileNotFoundError), left.open("rb") as stream:
            if locked(stream):
                left.unlink()


@contextlib.contextmanager
def temporary_folder(place, prefix):
    """A folder in `place` for the time of the block; those that a killed process left there are removed."""
    for left in Path(place).glob(f"{prefix}????????"):
        with contextlib.suppress(OSError), opened(left) as handle:
            if locked(handle):
                shutil.rmtree(left)
    folder, handle = held(tempfile.mkdtemp, dir=place, prefix=prefix)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder)
        os.close(handle)


@contextlib.contextmanager
def opened(folder):
    """A handle on a folder, which can be locked as a file can."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


def write_text(path, text):
    """Write `text` as UTF-8, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, value):
    """Write `value` as JSON with sorted keys; NaN and infinity are refused (``ValueError``)."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def write_arrays(path, **arrays):
    """Write arrays as ``.npz``: no pickle, no time stamps, so that equal arrays give equal bytes."""
    with (
        whole_file(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for name in sorted(arrays):
            member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.asanyarray(arrays[name]), allow_pickle=False)


def visible_files(folder, *endings):
    """Files of a folder with one of these endings, in upper or lower case, sorted by name.

    Hidden ones, which some systems make, are left out; a link to nowhere, or whatever else is no file, is not.
    """
    files = (file for file in Path(folder).iterdir() if not file.name.startswith("."))
    return sorted(file for file in files if file.suffix.lower() in endings)


def check_zip(path):
    """Raise `ValueError` for a file that doesn't begin as an ``.npz``: NumPy would take it for a pickle, and say so."""
    with Path(path).open("rb") as stream:
        if stream.read(4) not in (b"PK\x03\x04", b"PK\x05\x06"):
            raise ValueError("it isn't what np.savez writes, a zip archive")


def read_arrays(path, names=None):
    """Read an ``.npz`` written by `write_arrays`: all of it, or those of `names` that are there.

    Returns
    -------
    dict of str to numpy.ndarray

    Raises
    ------
    ValueError
        When the file is no whole ``.npz`` or would need pickle.
    """
    try:
        check_zip(path)
        with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            if twice := [name for name, count in Counter(archive.files).items() if count > 1]:
                raise ValueError(f"{twice[0]} is there twice")
            arrays = {name: archive[name] for name in archive.files if names is None or name in names}
        if others := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
            raise ValueError(f"{others[0]} is no array")
        return arrays
    except FileNotFoundError:
        raise
    except Exception as error:  # a broken file raises whatever its bytes lead to
        raise ValueError(f"{path}: not a readable .npz without pickle ({error})") from error
