"""Sets of the archive by name: their download from a loopback server with the mirror's zips, whole and harmed."""

import io
import time
import zipfile
from dataclasses import replace

import pytest
from test_fetch import answer, serve  # noqa: F401 - a fixture

from datasets import ucr
from datasets.fetch import MIRROR_VARIABLE, DataError
from datasets.prepare import prepare


@pytest.fixture
def archive_site(serve, monkeypatch):  # noqa: F811
    """Let the site of the UCR archive be a loopback server; gives what was asked of it."""
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between two tries

    def site(*answers):
        address, requests = serve(*answers)
        form = replace(ucr.SOURCE.forms[0], address=f"{address}aeon-toolkit/<Name>.zip")
        monkeypatch.setattr(ucr, "SOURCE", replace(ucr.SOURCE, forms=(form,)))
        return requests

    return site


def gestures(raw, name="PickupGestureWiimoteZ", mirror=None):
    return prepare("mine", {"like": "ucr", "name": name}, {"kind": "official"}, raw=raw, mirror=mirror)


@pytest.fixture
def raw(tmp_path):
    return tmp_path / "raw"


@pytest.fixture
def packed_set(mirror):
    return (mirror / "ucr/PickupGestureWiimoteZ.zip").read_bytes()


def test_a_set_of_the_archive_comes_by_name_from_its_site(archive_site, packed_set, mirror, raw, tmp_path):
    broken = answer(packed_set[:4000], announced=len(packed_set))
    requests = archive_site(broken, answer(b"", code=503), answer(packed_set))
    sequences, labels, sheet = gestures(raw)
    assert requests == ["/aeon-toolkit/PickupGestureWiimoteZ.zip"] * 3 and sheet["source"]["origin"] == "official"
    expected, theirs, _ = gestures(tmp_path / "other", mirror=mirror)
    assert sequences.digest() == expected.digest() and labels.tolist() == theirs.tolist()
    assert gestures(raw)[2] == sheet and len(requests) == 3  # it is there now


@pytest.mark.parametrize("harm", ["cut", "always_cut", "flipped", "page"])
def test_a_harmed_download_of_a_set_is_refused_and_leaves_nothing(archive_site, packed_set, raw, harm):
    flipped = bytearray(packed_set)
    flipped[len(flipped) // 2] ^= 255
    bad = {
        "cut": answer(packed_set[:4000]),  # whole, as far as the server says
        "always_cut": answer(packed_set[:4000], announced=len(packed_set)),
        "flipped": answer(bytes(flipped)),
        "page": answer(b"<html>The site has moved</html>"),
    }[harm]
    archive_site(bad)
    with pytest.raises(DataError, match="^ucr: .*PickupGestureWiimoteZ.zip") as caught:
        gestures(raw)
    assert "\n" not in str(caught.value) and "into <mirror>/ucr/" in str(caught.value)
    assert not list(raw.iterdir())
    archive_site(answer(packed_set))
    assert len(gestures(raw)[0]) == 100


def test_a_set_that_the_site_lacks_is_named(archive_site, raw):
    requests = archive_site(answer(b"", code=404))
    with pytest.raises(DataError, match="NoSuchSet.zip failed .*404.*; put NoSuchSet.zip into .* or check the name"):
        gestures(raw, "NoSuchSet")
    assert len(requests) == 1 and not list(raw.iterdir())


def test_a_set_that_is_new_to_us_is_taken_as_it_comes(archive_site, packed_set, raw, tmp_path):
    with zipfile.ZipFile(io.BytesIO(packed_set)) as old, zipfile.ZipFile(tmp_path / "new.zip", "w") as new:
        for part in ("TRAIN", "TEST"):
            new.writestr(f"Unseen-Set_{part}.ts", old.read(f"PickupGestureWiimoteZ_{part}.ts"))
            new.writestr(f"GesturePebbleZ1_{part}.ts", old.read(f"PickupGestureWiimoteZ_{part}.ts"))
    archive_site(answer((tmp_path / "new.zip").read_bytes()))
    assert gestures(raw, "Unseen-Set")[2]["split_sizes"] == {"train": 40, "validation": 10, "test": 50}
    with pytest.raises(DataError, match="ucr, GesturePebbleZ1: sizes, classes, lengths: found"):
        gestures(raw, "GesturePebbleZ1")
