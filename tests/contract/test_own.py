"""One's own data: each form read as it is, each mistake named in one line with its file and place."""

import csv
import os
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from aeon.datasets import load_from_ts_file

from datasets import own
from datasets.fetch import DataError
from datasets.prepare import prepare
from datasets.storage import write_arrays
from workflow.catalogue import ConfigError
from workflow.check import check_data
from workflow.jobs import own_files
from workflow.validate import check_own

HEADER = "@problemName toy\n@timeStamps false\n@univariate false\n@dimensions 2\n@classLabel true a b\n@data\n"
SEQUENCES = [np.arange(2.0 * length).reshape(length, 2) + i for i, length in enumerate((3, 1, 5, 2))]
LABELS = ["b", "a", "b", "a"]
NAMES = ["bird 1", "bird 2", "x", "ä"]


def write_folder(folder, labels=LABELS, header=("height", "width")):
    folder.mkdir()
    for name, array in zip(NAMES, SEQUENCES, strict=True):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([header] * bool(header) + array.tolist())
    if labels:
        rows = ["identifier,label", *(",".join(pair) for pair in zip(NAMES, labels, strict=True))]
        (folder / "labels.csv").write_text("\n".join(rows[::-1][:-1] if not header else rows), encoding="utf-8")
    return folder


def write_npz(path, **changes):
    offsets = np.cumsum([0, *map(len, SEQUENCES)])
    arrays = {"values": np.concatenate(SEQUENCES), "offsets": offsets} | changes
    write_arrays(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def write_ts(path, header=HEADER, labels=LABELS):
    cases = [":".join(",".join(map(str, channel)) for channel in array.T) for array in SEQUENCES]
    endings = [f":{label}" for label in labels] if labels else [""] * len(cases)
    path.write_text(header + "\n".join(map("".join, zip(cases, endings, strict=True))) + "\n")
    return path


def plain_folder(folder, files, labels=None):
    """A folder of CSV files, name without ending to text."""
    folder.mkdir()
    for name, text in (files | ({"labels": labels} if labels else {})).items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("word", ["NA,NA", "?,n/a", "null,None", "nan,nan", ","])
def test_a_first_line_of_missing_values_is_no_heading(word, tmp_path):
    folder = plain_folder(tmp_path / "f", dict.fromkeys("ab", f"{word}\n1,2\n3,4\n"))
    with pytest.raises(DataError, match="a.csv, line 1, column 1: .* (number|value); fill it in"):
        own.read(folder, k=2)
    filled = own.read(folder, k=2, missing="interpolate")
    assert filled.sequences.lengths.tolist() == [3, 3]
    assert filled.notes == {"missing values that are interpolated": 4}


def test_hidden_files_are_no_sequences(tmp_path):
    folder = plain_folder(tmp_path / "f", dict.fromkeys(("a", "b", ".c", "._a"), "1\n2\n"))
    assert own.read(folder, k=2).identifiers == ("a", "b")
    digest = own.digest(folder)
    (folder / ".c.csv").unlink()
    assert own.digest(folder) == digest


CLOSE = "1700000000\n1700000001\n1700000002\n"


def test_values_that_float32_makes_alike_are_refused(tmp_path):
    around = "column 1: values around 1.7e.09 that differ by about 0.8"
    with pytest.raises(DataError, match=f"{around}.* subtract an offset"):
        own.read(plain_folder(tmp_path / "csv", {"a": CLOSE, "b": CLOSE}), k=2)
    wide = CLOSE.replace("0\n", "0,0\n").replace("1\n", "1,1e9\n").replace("2\n", "2,-1e9\n")
    with pytest.raises(DataError, match=around):  # whatever another column is like
        own.read(plain_folder(tmp_path / "wide", {"a": wide, "b": wide}), k=2)
    beyond = "".join(f"{2**24 + more}\n" for more in (0, 3, 20, 37))  # where every other whole number is there
    with pytest.raises(DataError, match="column 1: values around 1.67772e.07 that differ by about 1[45]"):
        own.read(plain_folder(tmp_path / "beyond", {"a": beyond, "b": beyond}), k=2)
    whole = np.array([[2**53], [2**53 + 1], [2**53], [2**53 + 1]])
    for arrays in ({"values": whole, "offsets": np.array([0, 2, 4])}, {"X": whole.reshape(2, 2, 1)}):
        path = tmp_path / f"{len(arrays)}.npz"
        np.savez(path, **arrays)
        with pytest.raises(DataError, match="column 1: values around 9.0.*e.15 that differ by about 0.5"):
            own.read(path, k=2)


def test_a_constant_and_a_small_offset_are_not_refused(tmp_path):
    """.1 is no float32, and .1 + .2 isn't .3."""
    folder = plain_folder(tmp_path / "f", {"a": "0.1,0.3,101325\n" * 2, "b": "0.1,0.30000000000000004,101330\n"})
    assert len(own.read(folder, k=2).sequences) == 2


@pytest.mark.parametrize("missing", ["NA", "nan", "?", "None"])
def test_a_missing_label_is_no_class(missing, tmp_path):
    folder = plain_folder(tmp_path / "f", dict.fromkeys("abc", "1\n2\n"), f"a,x\nb,{missing}\nc,y\n")
    with pytest.raises(DataError, match="as the label of 'b' is how a missing one is written"):
        own.read(folder)
    path = write_npz(tmp_path / "f.npz", labels=np.array(["a", missing, "b", "a"]))
    with pytest.raises(DataError, match="as the label of '1' is how a missing one is written"):
        own.read(path)


def test_accents_are_one_character_however_they_were_written(tmp_path):
    """A Mac's file system parts an accent from its letter."""
    names = {unicodedata.normalize("NFD", "é"): "1\n2\n", "b": "3\n4\n", "c": "5\n6\n"}
    parted = unicodedata.normalize("NFD", "é")
    loaded = own.read(plain_folder(tmp_path / "f", names, f"é,é\nb,{parted}\nc,x\n"))
    assert sorted(loaded.identifiers) == ["b", "c", "é"] and loaded.classes == ("x", "é")


def test_what_an_archive_holds_beside_is_said(tmp_path):
    folder = plain_folder(tmp_path / "z", dict.fromkeys("ab", "1\n2\n"))
    plain_folder(folder / "more", {"c": "1\n2\n"})
    packed = shutil.make_archive(str(tmp_path / "z"), "zip", folder)
    told = "other files or folders in it that are not read, the first: more"
    assert own.read(packed, k=2).notes == {told: 1}
    assert ("not read", "1 other files or folders there, the first: more") in list(check_data(folder))


FORMS = {
    "folder": lambda place: write_folder(place / "birds"),
    "folder without column names": lambda place: write_folder(place / "birds", header=()),
    "npz": lambda place: write_npz(place / "birds.npz", labels=np.array(LABELS), ids=np.array(NAMES)),
    "ts": lambda place: write_ts(place / "birds.ts"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same(form, tmp_path):
    path = FORMS[form](tmp_path)
    loaded = own.read(path)
    assert loaded.classes == ("a", "b") and loaded.labels.tolist() == [1, 0, 1, 0]
    assert [loaded.sequences[i].tolist() for i in range(4)] == [array.tolist() for array in SEQUENCES]
    assert loaded.identifiers == (("0", "1", "2", "3") if form == "ts" else tuple(NAMES))


@pytest.mark.parametrize(
    "path",
    [
        lambda place: write_folder(place / "birds", labels=None),
        lambda place: write_npz(place / "birds.npz"),
        lambda place: write_ts(place / "birds.ts", HEADER.replace("true a b", "false"), labels=None),
    ],
    ids=["folder", "npz", "ts"],
)
def test_without_labels(path, tmp_path):
    path = path(tmp_path)
    with pytest.raises(
        DataError, match=f"{path.name}: there are no labels, so the number of clusters must be given: k: 5"
    ):
        own.read(path)
    loaded = own.read(path, k=2)
    assert loaded.classes == () and (loaded.labels == -1).all()


@pytest.mark.parametrize("k", [0, 5])
def test_as_many_clusters_as_sequences_at_most(tmp_path, k):
    with pytest.raises(DataError, match=f"a.npz: k: {k}: expected 1 to the number of sequences, 4"):
        own.read(write_npz(tmp_path / "a.npz"), k=k)
    assert len(own.read(tmp_path / "a.npz", k=4).sequences) == 4


def test_labels_that_are_all_alike_are_no_classes(tmp_path):
    path = write_npz(tmp_path / "a.npz", labels=np.array(["a"] * 4))
    for k in (None, 2):
        with pytest.raises(DataError, match="a.npz: all labels are 'a', which says nothing; leave them out, and give"):
            own.read(path, k=k)
    assert any("all labels are 'a'" in str(problem) for _, problem in check_data(path))


def test_numbers_as_labels_are_sorted_by_value(tmp_path):
    assert own.read(write_npz(tmp_path / "a.npz", labels=np.array([10, 9, 2, 2]))).classes == ("2", "9", "10")


@pytest.mark.parametrize(
    ("one", "other"), [("1", "1.0"), ("01", "1"), (".5", "0.50"), ("1000", "1.000e+03"), ("0", "-0")]
)
def test_labels_that_are_one_number_are_no_two_classes(one, other, tmp_path):
    labels = [one, other, one, "2"]
    header = HEADER.replace("true a b", f"true {one} {other} 2")
    npz = write_npz(tmp_path / "a.npz", labels=np.array(labels))
    for path in (npz, write_folder(tmp_path / "f", labels), write_ts(tmp_path / "a.ts", header, labels)):
        with pytest.raises(DataError, match=f"{path.name}: labels .* are one number; write them alike") as caught:
            own.read(path)
        assert repr(one) in str(caught.value) and repr(other) in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_one_number_is_as_many_classes(tmp_path):
    """Not as float64 has it, and in base 16 a name may look like a power of ten."""
    labels = ["12345678901234567890", "12345678901234567891", "1e1", "10"]
    loaded = own.read(write_npz(tmp_path / "a.npz", labels=np.array(labels)))
    assert sorted(loaded.classes) == sorted(labels)
    folder = plain_folder(tmp_path / "f", dict.fromkeys(("1", "01", "1.0"), "1\n2\n"))
    assert sorted(own.read(folder, k=2).identifiers) == ["01", "1", "1.0"]  # each has a file of its own


def test_a_ts_file_is_read_as_aeon_reads_it(tmp_path):
    path = write_ts(tmp_path / "birds.ts", HEADER.replace("@data", "@equalLength false\n@data"))
    theirs, labels = load_from_ts_file(path)
    loaded = own.read(path)
    assert [loaded.classes[label] for label in loaded.labels] == labels.tolist()
    for i, array in enumerate(theirs):
        np.testing.assert_array_equal(loaded.sequences[i], array.T)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("x.csv", "", "x.csv: no elements"),
        ("x.csv", "height,width\n", "x.csv: no elements"),
        ("x.csv", "height,width\n1,2\n1\n", "x.csv, line 3: 1 values, expected 2"),
        ("x.csv", "height,width\n1,2,3\n", "x.csv, line 2: 3 values, expected 2"),
        ("x.csv", "height,2\n1,2\n", "x.csv, line 1, column 1: 'height' is no finite number"),
        ("x.csv", "height,width\n1,two\n", "x.csv, line 2, column 2: 'two' is no finite number"),
        ("x.csv", "height,width\n1,2\n\n1,nan\n", "x.csv, line 3 is empty; fill it in, or set missing: interpolate"),
        (
            "x.csv",
            "height,width\n1,nan\n2,3\n",
            "x.csv, line 2, column 2: 'nan' is no finite number; fill it in, or set",
        ),
        ("x.csv", "height,width\n1,nan\n", "x.csv, line 2, column 2: 'nan' .*, and there is no value in column 2"),
        ("x.csv", ",height\n0,1\n", "x.csv, line 1, column 1: a column without a name, as pandas writes its index"),
        ("x.csv", "height,width\n1_5,2\n", "x.csv, line 2, column 1: '1_5' is no finite number in float32; write"),
        ("x.csv", "height,width\n1,\uff12\n", "x.csv, line 2, column 2: '\uff12' is no finite number"),
        ("x.csv", "height,width\n1,0x1f\n", "x.csv, line 2, column 2: '0x1f' is no finite number"),
        ("x.csv", 'height,"wi\ndth"\n1,2\n', "x.csv: the column names height, wi dth, but bird 1.csv has"),
        ("x.csv", "height,width\n1,-inf\n", "x.csv, line 2, column 2: '-inf' is no finite number"),
        ("x.csv", "height,width\n1,4e38\n", "x.csv, line 2, column 2: '4e38' is no finite number in float32"),
        ("x.csv", "height,width\n1,\n", "x.csv, line 2, column 2: an empty value"),
        ("x.csv", "height,width\n1;2\n", "x.csv, line 2: 1 values, expected 2"),
        ("x.csv", "height\n1\n", "x.csv: 1 columns, but bird 1.csv has 2"),
        (
            "x.csv",
            "width,height\n1,2\n",
            "x.csv: the column names width, height, but bird 1.csv has the column names height, width",
        ),
        ("x.csv", "1,2\n", "x.csv: no column names, but bird 1.csv has the column names height, width; all files must"),
        ("x.csv", "height,width\n1,5;2\n", "x.csv, line 2, column 2: '5;2' is no number; separate values by commas"),
        ("x.csv", "height,width\n1 2,3\n", "x.csv, line 2, column 1: '1 2' is no number; separate values by commas"),
        ("x.csv", b"\xff\xfe1,2\n", "x.csv: not a CSV file in UTF-8"),
        ("x.csv", 'height,width\n"1,2\n', "x.csv: not a CSV file"),
        ("labels.csv", "identifier,label\nbird 1,a\n", "labels.csv: no label for bird 2 and 2 others"),
        (
            "labels.csv",
            "bird 9,a\n",
            "labels.csv, line 1: 'bird 9' is no sequence; expected a file's name without .csv",
        ),
        (
            "labels.csv",
            "file,class\nx,a\n",
            "labels.csv, line 1: 'file' is no sequence; .* or the heading identifier,label",
        ),
        ("labels.csv", "x.csv,a\n", "labels.csv, line 1: 'x.csv' is no sequence; expected a file's name without .csv"),
        ("labels.csv", "x,a\nx,b\n", "labels.csv, line 2: x has a label already"),
        ("labels.csv", "identifier,label\nx,\n", "labels.csv, line 2: expected identifier,label"),
        ("labels.csv", "x,a,b\n", "labels.csv, line 1: expected identifier,label"),
    ],
)
def test_a_mistake_in_a_folder(tmp_path, file, text, message):
    folder = write_folder(tmp_path / "birds")
    (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=message) as caught:
        own.read(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offsets": None}, "offsets is missing; expected values, offsets"),
        ({"label": np.zeros(4)}, "unknown array label;"),
        ({"offsets": np.array([0, 3, 4, 9, 12])}, "offsets: expected 0, ..., 11"),
        ({"offsets": np.array([0, 3, 3, 9, 11])}, "sequence 1: length 0, at least 1 is needed"),
        ({"offsets": np.array([0.0, 3, 4, 9, 11])}, "offsets .float64. integers"),
        ({"values": np.full((11, 2), np.nan)}, "sequence 0, element 0, column 1: NaN, and there is no value at all in"),
        ({"values": np.full((11, 2), 1e300)}, "sequence 0, element 0: NaN or infinite value"),
        ({"values": np.full((11, 2), "1")}, "values .<U1. must be numbers"),
        ({"values": np.zeros((0, 2)), "offsets": np.array([0])}, "there are no sequences"),
        ({"labels": np.array([0, 1])}, "labels: expected 4 integers or strings, got shape .2,. of int64"),
        ({"labels": np.zeros(4)}, "labels: expected 4 integers or strings, got shape .4,. of float64"),
        ({"labels": np.zeros(4, int), "ids": np.array(["a", "b", "a", "c"])}, "identifier 'a' is there twice"),
    ],
)
def test_a_mistake_in_an_npz(tmp_path, changes, message):
    path = write_npz(tmp_path / "birds.npz", **changes)
    with pytest.raises(DataError, match=f"birds.npz: .*{message}") as caught:
        own.read(path, k=2)
    assert "\n" not in str(caught.value)


def test_an_npz_that_needs_pickle(tmp_path):
    np.savez(tmp_path / "birds.npz", values=np.array(SEQUENCES, dtype=object), offsets=np.arange(5))
    with pytest.raises(ValueError, match="birds.npz: not a readable .npz without pickle"):
        own.read(tmp_path / "birds.npz", k=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2:1,2:a\n", "line 1: expected a line that starts with @"),
        ("@classLabel true a b\n", "there is no line @data"),
        (HEADER, "no sequence follows @data"),
        ("@timeStamps true\n@data\n(1,2):a\n", "@timestamps: files with time stamps"),
        ("@targetLabel true\n@data\n1,2:3\n", "@targetlabel: files with a number to predict"),
        (HEADER + "1,2:3,4:c\n", "line 7: label 'c' is not in @classLabel .a, b."),
        (HEADER + "1,2:3,4:a\n1,2:b\n", "line 8: 1 channels, expected 2"),
        (HEADER + "1,2:3,4,5:a\n", "line 7: channels of 2 to 3 values"),
        (HEADER + "1,2:3,?:a\n", "line 7, channel 2, value 2: '.' is no finite number; fill it in, or set"),
        (HEADER + "1,2:3,NaN:a\n", "line 7, channel 2, value 2: 'NaN' is no finite number"),
        (HEADER + "1,2::a\n", "line 7, channel 2, value 1: an empty value, and there is no value in column 2"),
        (b"\xff\xfe", "not a text file in UTF-8"),
    ],
)
def test_a_mistake_in_a_ts_file(tmp_path, text, message):
    path = tmp_path / "birds.ts"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=f"birds.ts.*{message}") as caught:
        own.read(path, k=2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nothing", "nothing.npz", "birds.txt", "empty"])
def test_a_path_that_holds_no_data(tmp_path, name):
    (tmp_path / "birds.txt").write_text("1,2\n")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=f"{name}: (expected a folder of CSV files, or|there is no .csv file)"):
        own.read(tmp_path / name, k=2)


def test_files_in_folders_below_are_not_said_to_be_none(tmp_path):
    for name in "ab":
        write_folder(tmp_path / name)
    with pytest.raises(DataError, match="there is no .csv file in it .folders below aren't read."):
        own.read(tmp_path, k=2)


@pytest.mark.parametrize("ending", [".csv", ".ts", ".npz", ".zip"])
@pytest.mark.parametrize("kind", ["pipe", "link", "loop", "folder"])
def test_what_is_no_file_is_refused_and_not_left_out_or_waited_for(tmp_path, kind, ending):
    """Alone and, where a file is a sequence, among others; by the check and by the workflow too."""
    folder = write_folder(tmp_path / "birds", labels=None)
    odd = folder / f"odd{ending}"
    {"pipe": os.mkfifo, "link": lambda at: at.symlink_to("gone"), "loop": lambda at: at.symlink_to(at)}.get(
        kind, Path.mkdir
    )(odd)
    paths = [folder] if ending == ".csv" else []
    for path in [*paths, *([odd] if kind == "pipe" else [])]:
        with pytest.raises(DataError, match=f"odd{ending}: (no regular file|a link to nowhere); put a file there"):
            own.read(path, k=2)
        assert any(f"odd{ending}: " in str(problem) for _, problem in check_data(path))
        with pytest.raises(ConfigError, match=f"path: .*odd{ending} is no file that can be read"):
            check_own("birds", path, own_files({"datasets": {"birds": {"path": str(path)}}}, "birds"))
    if kind != "pipe":
        with pytest.raises(DataError, match=f"odd{ending}: "):
            own.read(odd, k=2)


def test_two_files_of_labels_and_a_name_that_is_too_long(tmp_path):
    folder = write_folder(tmp_path / "birds")
    (folder / "LABELS.csv").write_text("identifier,label\n")
    with pytest.raises(DataError, match="birds: both LABELS.csv and labels.csv are there; keep one"):
        own.read(folder)
    long = "x" * 5000
    with pytest.raises(DataError, match="x: expected a folder"):
        own.read(long, k=2)
    assert own_files({"datasets": {"birds": {"path": long}}}, "birds") == []


def test_the_sheet_knows_content_and_identifiers_but_no_path(tmp_path):
    folder = write_folder(tmp_path / "birds")
    asked = {"path": str(folder), "k": 2}
    sequences, _, sheet = prepare("mine_k2", asked, {"kind": "stratified"}, raw=tmp_path)
    other, _, _ = prepare("mine_k3", asked | {"k": 3}, {"kind": "stratified"}, raw=tmp_path)
    assert sheet["identifiers"] == NAMES and sheet["settings"]["k"] == 2
    assert sheet["source"] | {"sha256": ""} == {"file": "birds", "origin": "own", "form": "folder", "sha256": ""}
    assert str(tmp_path) not in str(sheet)
    np.testing.assert_array_equal(sequences.split, other.split)  # one data set, whatever k is
    (folder / "notes.txt").write_text("not read")
    assert own.digest(folder) == sheet["source"]["sha256"]
    (folder / "x.csv").rename(folder / "y.csv")  # another identifier, in the same place
    assert own.digest(folder) != sheet["source"]["sha256"]
    (folder / "y.csv").rename(folder / "x.csv")
    (folder / "x.csv").write_text("height,width\n1,2\n")
    assert own.digest(folder) != sheet["source"]["sha256"]


def test_without_labels_the_split_is_random_in_the_same_shares(tmp_path):
    path = write_npz(tmp_path / "many.npz", values=np.arange(100.0), offsets=np.arange(101))
    sequences, _, sheet = prepare("many", {"path": str(path), "k": 3}, {"kind": "stratified"}, raw=tmp_path, seed=1)
    assert sheet["split_sizes"] == {"train": 80, "validation": 10, "test": 10}
    assert sheet["classes"] == [] and (np.diff(np.flatnonzero(sequences.split)) > 1).any()
    assert sequences.n_classes == 0
