"""Raw data: mirror first, then the official address; checked by content, whole or absent.

What identifies a data set is its content after unpacking. An archive is unpacked into a temporary folder beside its
place, verified there and then renamed, so that what lies at its place is always whole, whatever else runs or fails.
"""

import bz2
import contextlib
import errno
import gzip
import hashlib
import http.client
import importlib.util
import json
import lzma
import os
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from .sequences import Sequences, check_labels
from .storage import temporary_folder
from .text import one_line

MIRROR_VARIABLE = "SEQUENCE_DATA_MIRROR"
ORIGIN_FILE = "origin.json"
CHUNK = 1 << 20
SLOWEST = 1000  # bytes a second, on average, below which a download is given up
SKIPPED = 20  # times its limit that an archive may hold of what isn't wanted
COMPRESSED = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}  # a single file
PER_FILE = 1000  # bytes that a file counts for at least, a bound against millions of empty ones


class DataError(ValueError):
    """Raw data that are missing, broken or not what they should be; the message is one line with the remedy."""

    def __init__(self, message):
        super().__init__(one_line(message))  # it may name what stands in a file


@dataclass(frozen=True)
class Archive:
    """One file that holds the raw data of a data set.

    Parameters
    ----------
    form : str
        Which form of the data set it is, such as ``uci`` or ``full``.
    file : str
        File name in the mirror: ``.zip``, ``.tar.gz``, ``.tar.xz``, ... or the name of a single member.
    address : str, optional
        Official address; mirror only when left out.
    sha256 : str, optional
        Published hash of the official archive. A mirror's archive may be packed anew, so there it counts only when
        the content has no checksum of its own.
    members : dict of str to str or None, optional
        Wanted members, without `strip`, and their SHA-256 (None: unknown, checked by the loader).
    folders : tuple of str, optional
        Wanted folders instead of `members`, for thousands of files.
    digest : str, optional
        With `folders`: `content_digest` of all their files.
    strip : str, optional
        Folder that the archive puts around its members.
    limit : int, optional
        Most bytes to download, and to unpack: a bound against archive bombs.
    """

    form: str
    file: str
    address: str | None = None
    sha256: str | None = None
    members: dict | None = None
    folders: tuple = ()
    digest: str | None = None
    strip: str = ""
    limit: int = 200_000_000

    @property
    def addresses(self):
        """The one official address, if there is one."""
        return (self.address,) if self.address else ()

    def parts(self, _address=None):
        """The one file that there is to fetch."""
        return [self]

    def wanted(self, member):
        """Path of `member` after unpacking, or None when it is not wanted."""
        path = PurePosixPath(member)
        if self.strip:
            if path.parts[:1] != (self.strip,):
                return None
            path = path.relative_to(self.strip)
        wanted = str(path) in self.members if self.members else any(map(path.is_relative_to, self.folders))
        return str(path) if wanted else None

    @property
    def has_checksum(self):
        """Whether the content can be verified without the archive's hash."""
        return bool(self.digest or (self.members and all(self.members.values())))


@dataclass(frozen=True)
class Files:
    """Several files that together are the raw data of a data set, kept as they are.

    Parameters
    ----------
    form : str
    members : dict of str to str or None
        File names and their SHA-256 (None: unknown, checked by the loader).
    addresses : tuple of str
        Official folders, each with all files; tried in this order.
    limit : int, optional
        Most bytes of one file.
    """

    form: str
    members: dict
    addresses: tuple = ()
    limit: int = 200_000_000

    @property
    def file(self):
        """What to call all of them."""
        return f"{next(iter(self.members))} and {len(self.members) - 1} more"

    def parts(self, address=""):
        """Every file as an archive of its own, at the official folder `address`."""
        return [
            Archive(form=self.form, file=name, address=address + name, members={name: sha256}, limit=self.limit)
            for name, sha256 in self.members.items()
        ]


@dataclass(frozen=True)
class Package:
    """Raw data inside an installed Python package, used where they lie.

    Parameters
    ----------
    form : str
    package : str
        Name of the package, which is found but not imported.
    folder : str
        Folder of the members within the package.
    members : dict of str to str
        Members and their SHA-256.
    """

    form: str
    package: str
    folder: str
    members: dict


@dataclass(frozen=True)
class Source:
    """Where the raw data of a data set come from.

    Parameters
    ----------
    name : str
        The data set: its file name in ``datasets/`` and its folder in the mirror.
    forms : tuple of Archive, Files or Package
        Alternatives, best first.
    homepage, licence, citation : str
    """

    name: str
    forms: tuple
    homepage: str
    licence: str
    citation: str


@dataclass(frozen=True)
class Fetched:
    """Raw data in place: `path` of the folder, `form`, `file` (or package), `origin` (mirror, official or package)."""

    path: Path
    form: str
    file: str
    origin: str


@dataclass(frozen=True)
class Loaded:
    """What the ``load(raw, seed, **settings)`` of a data set returns.

    ``raw`` is the folder of its raw data, ``seed`` that of what is random in it. It raises `DataError` for raw data
    that are not as published, and ``ValueError`` for a setting that can't be.

    Parameters
    ----------
    sequences : Sequences
        With the official training and test sets in `split` where there are such.
    labels : ndarray of shape (n,), int64
        Class of every sequence, 0, 1, ...; -1 where unknown. For stratification and scores, never for training.
    classes : tuple of str
        Name of every label.
    notes : dict
        What a reader of the results should know, such as counts of dropped sequences; JSON-able.
    identifiers : tuple of str, optional
        Name of every sequence, of a user's own data.
    """

    sequences: Sequences
    labels: np.ndarray
    classes: tuple
    notes: dict
    identifiers: tuple = ()

    def __post_init__(self):
        object.__setattr__(self, "labels", check_labels(self.labels, len(self.sequences)))


def expect(name, what, found, expected):
    """Raise DataError unless `found` equals `expected`: a fact about the raw data of data set `name`."""
    if found != expected:
        raise DataError(f"{name}: {what}: found {found}, expected {expected}; delete the raw data and fetch them again")


def choose(name, setting, value, allowed):
    """Raise ValueError unless `value` is one of the `allowed` values of a setting."""
    if value not in allowed:
        raise ValueError(f"{name}: {setting}: {value!r}, expected one of {', '.join(map(str, allowed))}")


def file_sha256(path):
    """SHA-256 of a file's bytes."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def content_digest(folder):
    """One SHA-256 over the names and SHA-256 of all files below `folder`, in the layout of ``sha256sum``.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    str
        Hash of the lines ``<sha256>  <name>``, sorted by name.
    """
    files = {path.relative_to(folder).as_posix(): path for path in Path(folder).rglob("*") if path.is_file()}
    files.pop(ORIGIN_FILE, None)
    lines = (f"{file_sha256(files[name])}  {name}\n" for name in sorted(files))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def fetch(source, raw, mirror=None, form="any", *, timeout=30.0, tries=3, pause=1.0):
    """Bring the raw data of one data set to their place, unless they are there.

    Parameters
    ----------
    source : Source
    raw : str or Path
        Folder of all raw data; this data set goes into ``<raw>/<name>.<form>``.
    mirror : str or Path, optional
        Folder with one sub-folder per data set. When left out, the environment variable ``SEQUENCE_DATA_MIRROR``.
    form : str
        Wanted form, or ``any``: the best one that is in place, else in the mirror, else at an official address.
    timeout : float
        Seconds without a byte after which a connection is given up.
    tries : int
        Attempts per address.
    pause : float
        Seconds before the second attempt; doubled before each further one.

    Returns
    -------
    Fetched

    Raises
    ------
    DataError
        When the data are nowhere, truncated, of the wrong content or unsafe to unpack; nothing is left behind.
    ValueError
        For a form that there isn't, naming those that there are.
    """
    choose(source.name, "form", form, ["any", *dict.fromkeys(candidate.form for candidate in source.forms)])
    forms = forms_of(source, form)
    mirror = mirror or os.environ.get(MIRROR_VARIABLE)
    if isinstance(forms[0], Package):
        return _find_package(source, forms[0])
    raw = Path(raw)
    for archive in forms:
        place = _place(source, archive, raw)
        if place.is_dir():
            return _in_place(source, archive, place)
    for archive in forms:
        files = [Path(mirror, source.name, part.file) for part in archive.parts()] if mirror else []
        if files and all(file.is_file() for file in files):
            return _install(source, archive, raw, files, "mirror")
    for archive in forms:
        for address in archive.addresses:
            parts = archive.parts(address)
            raw.mkdir(parents=True, exist_ok=True)
            with temporary_folder(raw, ".download-") as folder:
                files = [folder / part.file for part in parts]
                try:
                    for part, file in zip(parts, files, strict=True):
                        _download(source, part, file, mirror, timeout, tries, pause)
                    return _install(source, archive, raw, files, "official")
                except DataError:
                    if address == archive.addresses[-1]:
                        raise
    raise DataError(f"{source.name}: {_absence(source, forms[0], mirror)} and there is no address to load it from")


def forms_of(source, form):
    """The forms of a source that are called `form`; all for ``any``."""
    return [candidate for candidate in source.forms if form in ("any", candidate.form)]


def is_here(source, raw, mirror=None, form="any"):
    """Whether `fetch` downloads nothing: the data are in place, in the mirror or in a package."""
    mirror = mirror or os.environ.get(MIRROR_VARIABLE)
    return any(
        isinstance(candidate, Package)
        or _place(source, candidate, Path(raw)).is_dir()
        or (mirror and all(Path(mirror, source.name, part.file).is_file() for part in candidate.parts()))
        for candidate in forms_of(source, form)
    )


def _place(source, archive, raw):
    return raw / f"{source.name}.{archive.form}"


def _absence(source, archive, mirror):
    if mirror:
        return f"no {source.name}/{archive.file} in the mirror {mirror}"
    return f"no mirror is set (config key mirror, or {MIRROR_VARIABLE})"


def _find_package(source, package):
    spec = importlib.util.find_spec(package.package)
    remedy = "install that package again"
    if spec is None:
        raise DataError(f"{source.name}: package {package.package}, which holds the data, is missing; install it")
    folder = Path(spec.origin).parent / package.folder
    _verify_members(source, package.members, folder, f"package {package.package}", remedy)
    return Fetched(folder, package.form, package.package, "package")


def _in_place(source, archive, place):
    remedy = f"delete {place} and run again"
    try:
        origin = json.loads((place / ORIGIN_FILE).read_text())
        recorded = origin["digest"]
        fetched = Fetched(place, archive.form, archive.file, origin["origin"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{source.name}: {place} was not written by a fetch; {remedy}") from error
    if archive.members:
        _verify_members(source, archive.members, place, str(place), remedy)
    found = content_digest(place)
    if found != recorded:
        raise DataError(f"{source.name}: {place}: content sha256 {found}, expected {recorded}; {remedy}")
    return fetched


def _install(source, archive, raw, files, origin):
    """Unpack `files`, one for each part, into a temporary folder, verify, rename into place."""
    raw.mkdir(parents=True, exist_ok=True)
    place = _place(source, archive, raw)
    with temporary_folder(raw, ".unpack-") as temporary:
        folder = temporary / "content"
        folder.mkdir()
        for part, file in zip(archive.parts(), files, strict=True):
            remedy = f"put a whole copy of {part.file} there"
            if origin == "official":
                remedy = f"try again later, or put a copy of {part.file} into <mirror>/{source.name}/"
            _unpack_verified(source, part, file, folder, origin, remedy)
        digest = content_digest(folder)
        (folder / ORIGIN_FILE).write_text(json.dumps({"origin": origin, "file": archive.file, "digest": digest}))
        try:
            folder.rename(place)
        except OSError:
            if not place.is_dir():
                raise
            return _in_place(source, archive, place)  # another process was faster
    return Fetched(place, archive.form, archive.file, origin)


def _unpack_verified(source, archive, file, folder, origin, remedy):
    if archive.sha256 and (origin == "official" or not archive.has_checksum):
        _same(source, file.name, file_sha256(file), archive.sha256, remedy)
    try:
        unpack(archive, file, folder)
    except Exception as error:  # a broken archive raises whatever its bytes lead to
        reason = one_line(error) or type(error).__name__
        raise DataError(f"{source.name}: {file}: cannot be unpacked ({reason}); {remedy}") from error
    if archive.members:
        _verify_members(source, archive.members, folder, str(file), remedy)
    if archive.digest:
        _same(source, f"{file}: content", content_digest(folder), archive.digest, remedy)


def _same(source, what, found, expected, remedy):
    if found != expected:
        raise DataError(f"{source.name}: {what}: sha256 {found}, expected {expected}; {remedy}")


def _verify_members(source, members, folder, where, remedy):
    for name, expected in members.items():
        if not (folder / name).is_file():
            raise DataError(f"{source.name}: {where}: {name} is missing; {remedy}")
        if expected:
            _same(source, f"{where}: {name}", file_sha256(folder / name), expected, remedy)


def unpack(archive, file, folder):
    """Write the wanted members of `file` into `folder`, in one pass over the archive."""
    left, skipped = archive.limit, SKIPPED * archive.limit
    members = _zip_members if file.suffix.lower() == ".zip" else _tar_members
    if file.suffix.lower() in COMPRESSED and not file.stem.lower().endswith(".tar"):
        members = _compressed_member
    if archive.members and archive.file in archive.members:
        members = _single_member
    for name, size, stream in members(file, folder):
        path = archive.wanted(name)
        if path is None:
            skipped -= size
            if skipped < 0:
                raise DataError(f"more than {SKIPPED * archive.limit} bytes that nobody wants")
            continue
        left -= PER_FILE
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with (folder / path).open("xb") as target:  # a second member of one name is an error
            while True:
                chunk = stream.read(CHUNK)
                left -= len(chunk)
                if left < 0:
                    raise DataError(f"more than {archive.limit} bytes")
                if not chunk:
                    break
                target.write(chunk)


def _single_member(file, folder):
    with file.open("rb") as stream:
        yield file.name, file.stat().st_size, stream


def _compressed_member(file, _folder):
    with COMPRESSED[file.suffix.lower()](file) as stream:
        yield file.stem, file.stat().st_size, stream


def _tar_members(file, folder):
    with tarfile.open(file, "r|*") as archive:
        for member in archive:
            _check_name(member.name)
            member = tarfile.data_filter(member, folder)
            if member.isreg():
                yield member.name, member.size, archive.extractfile(member)
            elif not member.isdir():
                raise DataError(f"member {member.name!r} is a link")


def _zip_members(file, folder):
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            _check_name(member.filename)
            kind = member.external_attr >> 28  # high bits of the Unix mode, 0 when packed elsewhere
            if kind not in (0, 0o4, 0o10):
                raise DataError(f"member {member.filename!r} is a link or a device")
            if not member.is_dir():
                with archive.open(member) as stream:
                    yield member.filename, member.compress_size, stream


def _check_name(name):
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
        raise DataError(f"member {name!r} points outside the archive")
    if not name.isprintable():
        raise DataError(f"member {name!r} has characters that no name should have")


def _download(source, archive, file, mirror, timeout, tries, pause):
    """Load the official archive into `file`, trying again after a failure of the network or the server."""
    missing = False
    for attempt in range(tries):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            return _download_once(archive, file, timeout)
        except (OSError, EOFError, http.client.HTTPException) as error:
            reason = one_line(error)
            if isinstance(error, urllib.error.HTTPError):
                error.close()
                missing = error.code == 404
                if error.code < 500:
                    break
            if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
                raise DataError(f"{source.name}: {file.parent}: {reason}") from error
    raise DataError(
        f"{source.name}: {_absence(source, archive, mirror)}, and {archive.address} failed ({reason}); put"
        f" {archive.file} into <mirror>/{source.name}/ or check the {'name' if missing else 'network'}"
    )


def _download_once(archive, file, timeout):
    request = urllib.request.Request(archive.address, headers={"User-Agent": "sequence-clustering-benchmark"})
    with contextlib.closing(urllib.request.urlopen(request, timeout=timeout)) as response, file.open("wb") as target:
        announced = response.headers.get("Content-Length", "")
        announced = int(announced) if announced.isdecimal() else None
        if announced is not None and announced > archive.limit:
            raise DataError(f"{archive.address}: {announced} bytes, at most {archive.limit} were expected")
        start, arrived = time.monotonic(), 0
        while chunk := response.read1(CHUNK):
            target.write(chunk)
            arrived += len(chunk)
            if arrived > archive.limit:
                raise DataError(f"{archive.address}: at most {archive.limit} bytes were expected, and more came")
            seconds = time.monotonic() - start
            if seconds > timeout and arrived < SLOWEST * seconds:
                raise TimeoutError(f"timed out: {arrived} bytes in {seconds:.0f} s")
    if announced is not None and arrived != announced:
        raise EOFError(f"{arrived} of {announced} bytes arrived")
