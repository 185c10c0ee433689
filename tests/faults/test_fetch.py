"""Fetching raw data when something is wrong: one clear line, nothing half-written, nothing outside the target."""

import contextlib
import gzip
import hashlib
import http.server
import io
import json
import random
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.fetch import MIRROR_VARIABLE, Archive, DataError, Files, Package, Source, content_digest, fetch
from datasets.prepare import find
from datasets.storage import temporary_folder

ROOT = Path(__file__).parents[2]
FILES = {"a.txt": b"first\n" * 2000, "b.txt": bytes(range(256)) * 300}
HASHES = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
LISTING = "".join(f"{HASHES[name]}  words/{name}\n" for name in sorted(FILES))
DIGEST = hashlib.sha256(LISTING.encode()).hexdigest()
ZIP = Archive(form="small", file="data.zip", members=HASHES, limit=10**6)
TAR = Archive(form="small", file="data.tar.gz", folders=("words",), digest=DIGEST, strip="top", limit=10**6)
ARCHIVES = [pytest.param(ZIP, id="zip"), pytest.param(TAR, id="tar")]


def source(*forms):
    return Source("sample", forms, homepage="", licence="", citation="")


def pack(archive, path, files=FILES, extra=()):
    """Write `files` as the archive would hold them, and `extra` members (TarInfo or ZipInfo, content) after them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if archive.file.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            for name, content in files.items():
                target.writestr(name, content)
            for member, content in extra:
                target.writestr(member, content)
    else:
        with tarfile.open(path, "w:gz") as target:
            for name, content in files.items():
                member = tarfile.TarInfo(f"./top/words/{name}")
                member.size = len(content)
                target.addfile(member, io.BytesIO(content))
            for member, content in extra:
                member.size = len(content)
                target.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def mirror(tmp_path):
    return tmp_path / "mirror"


@pytest.fixture
def raw(tmp_path):
    return tmp_path / "raw"


@pytest.fixture(autouse=True)
def no_mirror_from_outside(monkeypatch):
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)


def refused(raw, *words, **arguments):
    """Fetch, which must fail with one line that holds all `words`, and leave nothing behind."""
    before = sorted(raw.rglob("*"))
    with pytest.raises(DataError) as caught:
        fetch(raw=raw, pause=0, **arguments)
    message = str(caught.value)
    assert "\n" not in message
    for word in ("sample", *words):
        assert word in message
    assert sorted(raw.rglob("*")) == before
    return message


# ---- what must work, so that the refusals below mean something


@pytest.mark.parametrize("archive", ARCHIVES)
def test_a_whole_archive_is_unpacked_once(archive, mirror, raw):
    pack(archive, mirror / "sample" / archive.file)
    fetched = fetch(source(archive), raw, mirror)
    assert (fetched.form, fetched.file, fetched.origin) == ("small", archive.file, "mirror")
    names = sorted(path.name for path in fetched.path.rglob("*.txt"))
    assert names == sorted(FILES)
    assert [path.name for path in raw.iterdir()] == ["sample.small"]
    shutil.rmtree(mirror)
    assert fetch(source(archive), raw) == fetched


def test_the_environment_names_the_mirror(mirror, raw, monkeypatch):
    pack(ZIP, mirror / "sample" / ZIP.file)
    monkeypatch.setenv(MIRROR_VARIABLE, str(mirror))
    assert fetch(source(ZIP), raw).origin == "mirror"


def test_only_wanted_members_are_kept(mirror, raw):
    pack(ZIP, mirror / "sample" / ZIP.file, extra=[("other/large.bin", b"0" * 5000)])
    assert not list(fetch(source(ZIP), raw, mirror).path.rglob("large.bin"))


def test_a_file_that_is_no_archive_is_its_own_member(mirror, raw):
    (mirror / "sample").mkdir(parents=True)
    (mirror / "sample" / "a.txt").write_bytes(FILES["a.txt"])
    archive = Archive(form="plain", file="a.txt", members={"a.txt": HASHES["a.txt"]})
    assert (fetch(source(archive), raw, mirror).path / "a.txt").read_bytes() == FILES["a.txt"]


def test_the_best_form_in_the_mirror_is_taken_unless_one_is_named(mirror, raw):
    better = replace(ZIP, form="better", file="better.zip")
    both = source(better, ZIP)
    pack(ZIP, mirror / "sample" / ZIP.file)
    assert fetch(both, raw, mirror).form == "small"
    pack(ZIP, mirror / "sample" / better.file)
    assert fetch(both, raw.with_name("raw2"), mirror).form == "better"
    assert fetch(both, raw.with_name("raw3"), mirror, "small").form == "small"
    with pytest.raises(ValueError, match="form: 'worse', expected one of any, better, small"):
        fetch(both, raw, mirror, "worse")


# ---- wrong content


def test_wrong_content_names_both_hashes_and_the_remedy(mirror, raw):
    wrong = {**FILES, "b.txt": b"changed"}
    pack(ZIP, mirror / "sample" / ZIP.file, wrong)
    found = hashlib.sha256(b"changed").hexdigest()
    refused(raw, "b.txt", found, HASHES["b.txt"], "put a whole copy", source=source(ZIP), mirror=mirror)
    pack(TAR, mirror / "sample" / TAR.file, wrong)
    refused(raw, DIGEST, "put a whole copy", source=source(TAR), mirror=mirror)


def test_a_missing_member_is_named(mirror, raw):
    pack(ZIP, mirror / "sample" / ZIP.file, {"a.txt": FILES["a.txt"]})
    refused(raw, "b.txt is missing", source=source(ZIP), mirror=mirror)


def test_the_hash_of_the_archive_counts_where_the_content_has_none(mirror, raw):
    unknown = replace(TAR, digest=None, sha256="0" * 64)
    path = pack(TAR, mirror / "sample" / TAR.file)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    refused(raw, found, "0" * 64, source=source(unknown), mirror=mirror)
    assert fetch(source(replace(unknown, sha256=found)), raw, mirror).origin == "mirror"


def test_content_of_which_a_part_has_no_hash_has_none(mirror, raw):
    partly = replace(ZIP, members=HASHES | {"b.txt": None}, sha256="0" * 64)
    pack(ZIP, mirror / "sample" / ZIP.file)
    refused(raw, "0" * 64, source=source(partly), mirror=mirror)
    assert fetch(source(replace(partly, members=HASHES)), raw, mirror).origin == "mirror"


@pytest.mark.parametrize("archive", ARCHIVES)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_truncated_archive_is_refused(archive, share, mirror, raw):
    path = pack(archive, mirror / "sample" / archive.file)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(raw, archive.file, "put a whole copy", source=source(archive), mirror=mirror)


# ---- unsafe archives


def zip_special(name, kind):
    member = zipfile.ZipInfo(name)
    member.create_system = 3
    member.external_attr = (kind | 0o777) << 16
    return member


def tar_member(name, kind=tarfile.REGTYPE, target=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


EVIL = (
    *("../evil", "top/../../evil", "/tmp/evil-of-a-test", "..\\evil", "C:\\evil", "//tmp/evil-of-a-test"),
    *("top/words/../../../evil", "words/..", "\\\\host\\share\\evil", "top\\..\\..\\evil", "./../evil", "C:evil"),
)


@pytest.mark.parametrize("name", EVIL)
@pytest.mark.parametrize("archive", ARCHIVES)
def test_a_member_outside_the_archive_is_refused(archive, name, mirror, raw, tmp_path):
    member = tar_member(name) if archive is TAR else zipfile.ZipInfo(name)
    pack(archive, mirror / "sample" / archive.file, extra=[(member, b"evil")])
    outside = sorted(tmp_path.rglob("*"))
    raw.mkdir()
    refused(raw, "points outside the archive", source=source(archive), mirror=mirror)
    assert sorted(tmp_path.rglob("*")) == sorted([*outside, raw])
    assert not Path("/tmp/evil-of-a-test").exists()


@pytest.mark.parametrize(
    ("archive", "member"),
    [
        pytest.param(TAR, tar_member("top/words/link", tarfile.SYMTYPE, "a.txt"), id="tar-symbolic"),
        pytest.param(TAR, tar_member("top/words/link", tarfile.SYMTYPE, "/etc/passwd"), id="tar-symbolic-outside"),
        pytest.param(TAR, tar_member("top/words/link", tarfile.LNKTYPE, "top/words/a.txt"), id="tar-hard"),
        pytest.param(TAR, tar_member("top/words/pipe", tarfile.FIFOTYPE), id="tar-pipe"),
        pytest.param(TAR, tar_member("top/words/null", tarfile.CHRTYPE), id="tar-character-device"),
        pytest.param(TAR, tar_member("top/words/disk", tarfile.BLKTYPE), id="tar-block-device"),
        pytest.param(ZIP, zip_special("link", stat.S_IFLNK), id="zip-symbolic"),
        pytest.param(ZIP, zip_special("null", stat.S_IFCHR), id="zip-character-device"),
        pytest.param(ZIP, zip_special("pipe", stat.S_IFIFO), id="zip-pipe"),
    ],
)
def test_links_and_devices_are_refused(archive, member, mirror, raw):
    content = b"a.txt" if archive is ZIP else b""
    pack(archive, mirror / "sample" / archive.file, extra=[(member, content)])
    refused(raw, "cannot be unpacked", source=source(archive), mirror=mirror)


@pytest.mark.parametrize("archive", ARCHIVES)
def test_an_archive_bomb_stops_at_the_limit(archive, mirror, raw):
    bomb = {**FILES, "b.txt": b"\0" * 5_000_000}
    path = pack(archive, mirror / "sample" / archive.file, bomb)
    assert path.stat().st_size < archive.limit
    refused(raw, "more than 1000000 bytes", source=source(archive), mirror=mirror)


@pytest.mark.parametrize("archive", ARCHIVES)
def test_a_bomb_of_empty_files_stops_at_the_limit(archive, mirror, raw):
    empty = {f"{'words/' * (archive is ZIP)}{number}": b"" for number in range(2000)}
    wanted = replace(ZIP, members=None, folders=("words",)) if archive is ZIP else archive
    pack(archive, mirror / "sample" / archive.file, empty)
    refused(raw, "more than 1000000 bytes", source=source(wanted), mirror=mirror)


def test_a_bomb_of_what_nobody_wants_stops_too(mirror, raw):
    pack(TAR, mirror / "sample" / TAR.file, extra=[(tar_member("top/other"), b"\0" * 21_000_000)])
    started = time.monotonic()
    refused(raw, "more than 20000000 bytes that nobody wants", source=source(TAR), mirror=mirror)
    assert time.monotonic() - started < 10


def test_a_name_in_an_extended_header_counts(mirror, raw):
    member = tar_member("top/words/innocent")
    member.pax_headers = {"path": "../evil"}
    path = mirror / "sample" / TAR.file
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as target:
        target.addfile(member, io.BytesIO(b""))
    refused(raw, "points outside the archive", source=source(TAR), mirror=mirror)


@pytest.mark.parametrize("name", ["words/a\udc80", "words/a\nb", "words/\x1b[2J"])
def test_a_name_that_cannot_be_printed_is_refused(name, mirror, raw):
    pack(TAR, mirror / "sample" / TAR.file, extra=[(tar_member(f"top/{name}"), b"")])
    refused(raw, "characters that no name should have", source=source(TAR), mirror=mirror)


def zip_with(method):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as target:
        for name, content in FILES.items():
            target.writestr(name, content[:3000])
    return buffer.getvalue()


def tar_with_everything():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as target:
        for name in ("top/words/a.txt", "top/words/" + "long" * 40, "top/words/é"):
            member = tarfile.TarInfo(name)
            member.size = 700
            target.addfile(member, io.BytesIO(b"x" * 700))
    return buffer.getvalue()


SOUND = {
    "data.zip": [zip_with(method) for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)],
    "data.tar.gz": [tar_with_everything()],
}


def fuzz_archives(examples):
    """Damage of archives, drawn by hypothesis: refused in one line or unpacked, and nothing outside the folder."""

    @settings(max_examples=examples, deadline=None, derandomize=True)
    @given(
        st.sampled_from([(file, content) for file, contents in SOUND.items() for content in contents]),
        st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=8)), max_size=6),
        st.integers(0, 300),
    )
    def damaged(sound, edits, cut):
        file, content = sound[0], bytearray(sound[1])
        for place, piece in edits:
            place %= len(content)
            content[place : place + len(piece)] = piece
        content = bytes(content[: len(content) - cut]) if cut < 150 else bytes(content)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "mirror", "sample", file)
            path.parent.mkdir(parents=True)
            path.write_bytes(gzip.compress(content, 1) if file.endswith(".gz") else content)
            strip = "" if file.endswith(".zip") else "top"
            form = Archive(form="small", file=file, folders=("a.txt", "b.txt", "words"), strip=strip)
            with contextlib.suppress(DataError):
                fetch(source(form), Path(folder, "raw"), Path(folder, "mirror"))
            made = {path.name for place in (Path(folder), Path(folder, "raw")) for path in place.iterdir()}
            assert made <= {"mirror", "raw", "sample.small"}
            assert not any(path.is_symlink() for path in Path(folder).rglob("*"))

    damaged()


def test_a_damaged_archive_is_refused_or_unpacked():
    fuzz_archives(150)


@pytest.mark.nightly
def test_many_damaged_archives_are_refused_or_unpacked():
    fuzz_archives(5000)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(mirror, raw):
    pack(ZIP, mirror / "sample" / ZIP.file, extra=[("a.txt", b"second")])
    refused(raw, "cannot be unpacked", source=source(ZIP), mirror=mirror)


# ---- data in place


def test_a_changed_or_added_file_in_place_is_found(mirror, raw):
    pack(TAR, mirror / "sample" / TAR.file)
    place = fetch(source(TAR), raw, mirror).path
    (place / "words" / "c.txt").write_text("added")
    refused(raw, DIGEST, content_digest(place), f"delete {place}", source=source(TAR), mirror=mirror)
    (place / "words" / "c.txt").unlink()
    assert fetch(source(TAR), raw, mirror).path == place


def test_what_is_in_place_must_be_what_is_asked_for_now(mirror, raw):
    """Not only what was fetched then, with hashes that the data set's file no longer has."""
    pack(ZIP, mirror / "sample" / ZIP.file)
    place = fetch(source(ZIP), raw, mirror).path
    other = replace(ZIP, members=HASHES | {"b.txt": "0" * 64})
    refused(raw, "b.txt", "0" * 64, f"delete {place}", source=source(other), mirror=mirror)


def test_a_folder_that_no_fetch_wrote_is_not_trusted(mirror, raw):
    pack(ZIP, mirror / "sample" / ZIP.file)
    (raw / "sample.small").mkdir(parents=True)
    refused(raw, "was not written by a fetch; delete", source=source(ZIP), mirror=mirror)


def test_a_package_that_is_missing_or_changed_is_named(raw, tmp_path, monkeypatch):
    missing = Package(form="ts", package="no_such_package_here", folder="data", members=HASHES)
    refused(raw, "no_such_package_here", source=source(missing))
    (tmp_path / "packaged" / "data").mkdir(parents=True)
    (tmp_path / "packaged" / "__init__.py").write_text("raise RuntimeError('found, never imported')")
    for name, content in FILES.items():
        (tmp_path / "packaged" / "data" / name).write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    packaged = source(replace(missing, package="packaged"))
    assert fetch(packaged, raw).origin == "package"
    (tmp_path / "packaged" / "data" / "a.txt").write_bytes(b"changed")
    refused(raw, "a.txt", HASHES["a.txt"], "install that package again", source=packaged)


# ---- the network


@pytest.fixture
def serve():
    """Start a loopback server whose answers are the given functions in turn, the last one for ever."""
    with contextlib.ExitStack() as stack:

        def start(*answers):
            requests = []

            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    requests.append(self.path)
                    answers[min(len(requests), len(answers)) - 1](self)

                def log_message(self, *_):
                    pass

            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_address[1]}/", requests

        yield start


def answer(content, announced=None, code=200, stall=0.0):
    def send(handler):
        handler.send_response(code)
        handler.send_header("Content-Length", str(len(content) if announced is None else announced))
        handler.end_headers()
        time.sleep(stall)
        with contextlib.suppress(OSError):  # the client may have given up
            handler.wfile.write(content)

    return send


@pytest.fixture
def content(tmp_path):
    return pack(ZIP, tmp_path / "packed.zip").read_bytes()


def official(address, **changes):
    return source(replace(ZIP, address=address + ZIP.file, **changes))


def test_the_official_address_serves_when_the_mirror_lacks_the_file(serve, content, mirror, raw):
    address, requests = serve(answer(content))
    fetched = fetch(official(address), raw, mirror)
    assert fetched.origin == "official"
    assert requests == ["/data.zip"]
    assert [path.name for path in raw.iterdir()] == ["sample.small"]


def test_a_server_that_recovers_is_asked_again(serve, content, raw):
    address, requests = serve(answer(b"", code=500), answer(content[:100], announced=len(content)), answer(content))
    assert fetch(official(address), raw, pause=0).origin == "official"
    assert len(requests) == 3


def test_a_server_that_only_fails_is_given_up(serve, raw):
    address, requests = serve(answer(b"", code=500))
    refused(raw, "500", address, MIRROR_VARIABLE, "<mirror>/sample/", source=official(address))
    assert len(requests) == 3


def test_a_file_that_the_server_lacks_is_asked_for_once(serve, raw):
    address, requests = serve(answer(b"", code=404))
    refused(raw, "404", source=official(address))
    assert len(requests) == 1


def test_a_download_that_ends_early_is_refused(serve, content, raw):
    address, _ = serve(answer(content[:100], announced=len(content)))
    refused(raw, f"100 of {len(content)} bytes arrived", source=official(address))


def test_a_server_that_stalls_is_given_up(serve, content, raw):
    address, requests = serve(answer(content, stall=1.0))
    started = time.monotonic()
    refused(raw, "timed out", source=official(address), timeout=0.1, tries=2)
    assert time.monotonic() - started < 1.0
    assert len(requests) == 2


def reset(content):
    """Send some of the content, then reset the connection."""

    def send(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:50])
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()

    return send


def test_a_connection_that_is_reset_is_tried_again(serve, content, raw):
    address, requests = serve(reset(content), answer(content))
    assert fetch(official(address), raw, pause=0).origin == "official"
    assert len(requests) == 2
    address, requests = serve(reset(content))
    refused(raw.with_name("raw2"), address, "failed", source=official(address))
    assert len(requests) == 3


def drip(content, pause):
    """Send byte by byte, without saying how many there are."""

    def send(handler):
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            for byte in content:
                handler.wfile.write(bytes([byte]))
                time.sleep(pause)

    return send


def test_a_server_that_drips_is_given_up(serve, content, raw):
    address, requests = serve(drip(content, 0.05))
    started = time.monotonic()
    refused(raw, "timed out", source=official(address), timeout=0.3, tries=2)
    assert time.monotonic() - started < 5
    assert len(requests) == 2


def test_a_server_that_never_ends_is_stopped_at_the_limit(serve, raw):
    def send(handler):
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(bytes(100_000))

    address, _ = serve(send)
    with pytest.raises(DataError, match="at most 1000000 bytes were expected, and more came"):
        fetch(official(address), raw)
    assert not list(raw.iterdir())


@pytest.mark.parametrize("announced", ["", "many", "-5", "1e3", "9" * 30])
def test_a_length_that_is_none_is_not_believed(announced, serve, content, raw):
    def send(handler):
        answer(content, announced=announced)(handler)

    address, _ = serve(send)
    try:
        assert fetch(official(address), raw, pause=0, timeout=2).origin == "official"
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either will do
        assert not list(raw.iterdir())


def test_a_file_that_changes_between_two_tries_is_taken_whole(serve, content, tmp_path, raw):
    old = pack(ZIP, tmp_path / "old.zip", {**FILES, "b.txt": b"old" * 30_000}).read_bytes()
    address, requests = serve(answer(old[:-50], announced=len(old)), answer(content))
    place = fetch(official(address), raw, pause=0).path
    assert (place / "b.txt").read_bytes() == FILES["b.txt"] and len(requests) == 2


def test_a_file_that_changed_is_refused_and_the_right_one_taken_later(serve, content, tmp_path, raw):
    changed = pack(ZIP, tmp_path / "new.zip", {**FILES, "b.txt": b"new"}).read_bytes()
    address, _ = serve(answer(changed), answer(content))
    refused(raw, "b.txt", HASHES["b.txt"], source=official(address))
    assert fetch(official(address), raw).origin == "official"


def test_a_redirection_to_a_local_file_is_refused(serve, raw):
    def send(handler):
        handler.send_response(302)
        handler.send_header("Location", "file:///etc/passwd")
        handler.end_headers()

    address, _ = serve(send)
    refused(raw, "302", source=official(address))


def test_a_server_of_something_else_is_refused(serve, raw):
    address, _ = serve(answer(b"<html>Please log in</html>"))
    refused(raw, "cannot be unpacked", "<mirror>/sample/", source=official(address))
    address, _ = serve(lambda handler: handler.wfile.write(b"no HTTP at all\r\n\r\n"))
    refused(raw, "failed", source=official(address))


def test_the_published_hash_is_checked_before_unpacking(serve, content, raw):
    address, _ = serve(answer(content))
    found = hashlib.sha256(content).hexdigest()
    refused(raw, found, "0" * 64, "<mirror>/sample/", source=official(address, sha256="0" * 64))
    assert fetch(official(address, sha256=found), raw).origin == "official"


def test_a_download_above_the_limit_is_refused(serve, content, raw):
    address, _ = serve(answer(content, announced=10**9))
    with pytest.raises(DataError, match="1000000000 bytes, at most 1000000 were expected"):
        fetch(official(address), raw)
    assert not list(raw.iterdir())


def test_no_mirror_and_no_network_say_so_in_one_line(mirror, raw):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound but not listening: every connection is refused
        address = f"http://127.0.0.1:{bound.getsockname()[1]}/"
        refused(raw, "no mirror is set", address, "refused", source=official(address))
        refused(raw, f"no sample/data.zip in the mirror {mirror}", source=official(address), mirror=mirror)
    refused(raw, "no address", source=source(ZIP), mirror=mirror)


# ---- several processes


RACE = """
import json, sys
from datasets.fetch import Archive, Source, fetch
raw, mirror, members, limit, address = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
archive = Archive(form="small", file="data.zip", address=address or None, members=members, limit=limit)
source = Source("sample", (archive,), "", "", "")
print("ready", flush=True)
sys.stdin.readline()
print(fetch(source, raw, mirror).path.name)
"""


@pytest.mark.parametrize("origin", ["mirror", "official"])
def test_processes_that_fetch_at_once_all_get_whole_data(origin, mirror, raw, serve):
    files = {f"{i}.bin": bytes([i]) * 200_000 for i in range(20)}
    members = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    path = pack(ZIP, mirror / "sample" / ZIP.file, files)
    address = ""
    if origin == "official":
        address, _ = serve(answer(path.read_bytes()))
        path.unlink()
    command = [sys.executable, "-c", RACE, str(raw), str(mirror), json.dumps(members), str(10**7), address]
    with contextlib.ExitStack() as stack:
        racers = [
            stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for _ in range(4)
        ]
        for racer in racers:
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            racer.stdin.write("go\n")
            racer.stdin.flush()
        assert [racer.communicate(timeout=60)[0] for racer in racers] == ["sample.small\n"] * 4
        assert [racer.returncode for racer in racers] == [0] * 4
    assert [path.name for path in raw.iterdir()] == ["sample.small"]
    for name, content in files.items():
        assert (raw / "sample.small" / name).read_bytes() == content


def test_the_slower_of_two_takes_what_the_faster_put_into_place(mirror, raw, monkeypatch):
    pack(ZIP, mirror / "sample" / ZIP.file)
    rename = Path.rename

    def overtaken(self, target):
        if not target.exists():
            shutil.copytree(self, target)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", overtaken)
    assert fetch(source(ZIP), raw, mirror).path == raw / "sample.small"
    assert [path.name for path in raw.iterdir()] == ["sample.small"]


# ---- a full disk


FULL = """
import json, os, sys
from pathlib import Path
from datasets.fetch import Archive, DataError, Source, fetch
raw, mirror, address, free = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
archive = Archive(form="small", file="data.zip", address=address or None, members={"a.bin": None})
Path(raw, "other").write_bytes(b"x" * (os.statvfs(raw).f_bavail * os.statvfs(raw).f_frsize - free))
try:
    fetch(Source("sample", (archive,), "", "", ""), raw, mirror or None, pause=0)
except (DataError, OSError) as error:
    print(json.dumps([str(error), sorted(path.name for path in raw.rglob("*"))]))
"""


@pytest.mark.parametrize("free", [0, 8192, 100_000, 500_000])
@pytest.mark.parametrize("origin", ["mirror", "official"])
def test_a_full_disk_is_named_and_nothing_is_left(origin, free, mirror, raw, serve):
    """On a real file system of one mebibyte, with so many bytes free."""
    path = pack(ZIP, mirror / "sample" / ZIP.file, {"a.bin": random.Random(0).randbytes(700_000)})
    address = ""
    if origin == "official":
        address, _ = serve(answer(path.read_bytes()))
    raw.mkdir()
    code = [sys.executable, "-c", FULL, str(raw), str(mirror) if origin == "mirror" else "", address, str(free)]
    inner = 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", inner, str(raw), *code]
    if shutil.which("unshare") is None or subprocess.run([*command[:3], "true"], check=False).returncode:
        pytest.skip("no file system of our own can be mounted here")
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    message, left = json.loads(finished.stdout)
    assert "No space left on device" in message and "\n" not in message
    assert left == ["other"]


# ---- several files


def files_at(*addresses):
    return source(Files(form="plain", members=HASHES, addresses=addresses))


def test_several_files_come_from_the_mirror_as_they_are(mirror, raw):
    for name, content in FILES.items():
        (mirror / "sample").mkdir(parents=True, exist_ok=True)
        (mirror / "sample" / name).write_bytes(content)
    fetched = fetch(files_at(), raw, mirror)
    assert {name: (fetched.path / name).read_bytes() for name in FILES} == FILES
    assert (fetched.file, fetched.origin) == ("a.txt and 1 more", "mirror")
    (mirror / "sample" / "b.txt").write_bytes(b"other")
    assert fetch(files_at(), raw, mirror).path == fetched.path
    refused(raw / "anew", "b.txt", HASHES["b.txt"], source=files_at(), mirror=mirror)


def test_the_second_address_serves_all_files_when_the_first_lacks_one(serve, raw):
    a, b = FILES.values()
    first, asked = serve(answer(a), answer(b"", code=404))
    second, requests = serve(answer(a), answer(b))
    assert fetch(files_at(first, second), raw).origin == "official"
    assert asked == requests == ["/a.txt", "/b.txt"]
    refused(raw / "anew", "404", first, source=files_at(second, first))


# ---- the real archives


@pytest.mark.parametrize(
    "name", ["arabic_digits", "character_trajectories", "imdb_reviews", "speech_commands", "twenty_newsgroups"]
)
def test_every_real_archive_has_an_address_and_a_checksum(name):
    forms = find(name).SOURCE.forms
    assert any(form.address and form.address.startswith("https://") for form in forms)
    for form in forms:
        assert form.has_checksum or form.sha256 or form.form == "uci"  # the .mat file: see its docstring


def test_folders_that_a_killed_fetch_left_are_removed_and_others_are_not(tmp_path):
    left, kept = tmp_path / ".unpack-abcdefgh", tmp_path / "unpacked"
    for folder in (left, kept):
        (folder / "content").mkdir(parents=True)
    with temporary_folder(tmp_path, ".unpack-") as mine:
        assert not left.exists() and kept.exists()
        with temporary_folder(tmp_path, ".unpack-") as other:  # of another process: the first is still in use
            assert mine.exists() and other.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["unpacked"]
