"""Files and arrays as people have them: archives' sets, packed folders, long tables, padded arrays, missing values."""

import bz2
import gzip
import io
import lzma
import shutil
import tarfile
import time
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
from aeon.datasets import load_from_ts_file
from test_own import HEADER, LABELS, NAMES, SEQUENCES, write_folder, write_npz, write_ts

from datasets import own, ts
from datasets.arrays import as_sequences
from datasets.fetch import DataError
from datasets.prepare import prepare
from datasets.sequences import Sequences
from datasets.storage import write_arrays
from methods.base import InvalidInput
from methods.k_shape import KShape
from methods.kmeans import KMeans

TWO = SEQUENCES[::2], SEQUENCES[1::2]  # training and test set
ONE_CHANNEL = "@timeStamps false\n@univariate true\n@classLabel true 1 2\n@data\n"


def same(loaded, arrays=SEQUENCES):
    """Whether the sequences are these."""
    return [loaded.sequences[i].tolist() for i in range(len(loaded.sequences))] == [array.tolist() for array in arrays]


# ---- the archives' sets


def write_pair(folder, ending=".ts", name="Toy"):
    """A set of one channel, classes 1 and 2, shorter cases padded with NaN."""
    folder.mkdir(exist_ok=True)
    for part, arrays in zip(ts.PARTS, TWO, strict=True):
        lines = []
        for i, array in enumerate(arrays):
            cells = [f"{value:g}" for value in array[:, 0]] + ["NaN"] * (5 - len(array))
            label = str(i % 2 + 1)
            if ending == ".ts":
                lines.append(f"{','.join(cells)}:{label}")
            elif ending == ".tsv":
                lines.append("\t".join([label, *cells]))
            else:
                lines.append("  ".join(["", f"{float(label):.7e}", *cells]))
        head = ONE_CHANNEL if ending == ".ts" else ""
        (folder / f"{name}_{part}{ending}").write_text(head + "\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("ending", ts.ENDINGS)
def test_a_training_and_a_test_set(tmp_path, ending):
    loaded = own.read(write_pair(tmp_path / "Toy", ending))
    assert same(loaded, [array[:, :1] for part in TWO for array in part])
    assert loaded.classes == ("1", "2") and list(loaded.labels) == [0, 1, 0, 1]
    assert loaded.sequences.split.tolist() == [0, 0, 2, 2]
    assert loaded.identifiers == ("TRAIN 0", "TRAIN 1", "TEST 0", "TEST 1")
    assert loaded.notes == {"sequences that end before missing values": 3}


def test_of_several_forms_the_best_is_read_and_digested(tmp_path):
    folder = write_pair(write_pair(tmp_path / "Toy", ".txt"))
    before = own.digest(folder)
    (folder / "Toy_TEST.txt").write_text("broken")
    assert own.digest(folder) == before and len(own.read(folder).sequences) == 4
    assert {file.name for file in own.files(folder)} == {"Toy_TRAIN.ts", "Toy_TEST.ts"}


def test_a_file_alone_is_read_alone(tmp_path):
    folder = write_pair(tmp_path / "Toy")
    loaded = own.read(folder / "Toy_TRAIN.ts")
    assert len(loaded.sequences) == 2 and not loaded.sequences.split.any()
    assert own.other_part(folder / "Toy_TRAIN.ts") == folder / "Toy_TEST.ts"


def test_the_official_split_is_kept_where_it_is_asked_for(tmp_path):
    folder = write_pair(tmp_path / "Toy")
    sequences, _, sheet = prepare(
        "toy", {"path": str(folder)}, {"kind": "official", "fractions": [1, 0, 0]}, raw=tmp_path
    )
    assert sequences.split.tolist() == [0, 0, 2, 2] and sheet["source"]["form"] == "folder"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "Toy_TEST.ts").unlink(), "Toy_TRAIN.ts, but no Toy_TEST.ts beside it"),
        (lambda folder: write_pair(folder, name="Other"), "sets of several names .Other, Toy.: a folder for each"),
        (
            lambda folder: (folder / "Toy_TEST.ts").write_text(HEADER + "1:2:a\n1:2:b\n"),
            "Toy_TEST.ts: other channels, or labels in one of the two only",
        ),
        (lambda folder: (folder / "Toy_TEST.ts").write_text(ONE_CHANNEL), "Toy_TEST.ts: no sequence follows @data"),
        (
            lambda folder: (folder / "Toy_TEST.ts").write_text(ONE_CHANNEL + "1,?,2:1\n"),
            "Toy_TEST.ts, line 5, channel 1, value 2: '.' is no finite number; fill it in, or set missing: interpolate",
        ),
    ],
)
def test_a_mistake_in_a_set(tmp_path, change, message):
    folder = write_pair(tmp_path / "Toy")
    change(folder)
    with pytest.raises(DataError, match=message) as caught:
        own.read(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1\t2\tx", "line 1, value 2: 'x' is no finite number in float32"),
        ("1\tNaN\t2", "line 1, value 1: 'NaN' is no finite number; fill it in"),
        ("1\tNaN\tNaN", "line 1, value 1: 'NaN' .*, and there is no value at all in this sequence"),
        ("1", "line 1: expected a label and then values, with tabs between"),
        ("\t2\t3", "line 1: expected a label before the first tab"),
        ("", "no line with a label and values"),
    ],
)
def test_a_mistake_in_a_padded_file(tmp_path, line, message):
    (tmp_path / "a.tsv").write_text(line + "\n")
    with pytest.raises(DataError, match=f"a.tsv.*{message}"):
        own.read(tmp_path / "a.tsv", k=2)


def test_labels_are_as_people_write_them():
    assert [ts.plain(label) for label in ("1", "1.0000000e+00", "-1.", "2.5", "a1", "10")] == [
        "1",
        "1",
        "-1",
        "2.5",
        "a1",
        "10",
    ]


def test_comments_may_be_in_any_encoding_and_strange_line_ends_split_no_line(tmp_path):
    path = write_ts(tmp_path / "birds.ts")
    content = path.read_bytes().replace(b"@data\n", b"@data\r\n").replace(b":b\n", b":b\n# a comment\n")
    path.write_bytes(b"# caf\xe9 \x0c \xe2\x80\xa8\n" + content)
    assert same(own.read(path))
    path.write_bytes(content.replace(b":a", b":\xe9"))
    with pytest.raises(DataError, match="birds.ts, line .*: not a text file in UTF-8"):
        own.read(path)


@pytest.mark.parametrize("name", ["GesturePebbleZ1", "PickupGestureWiimoteZ"])
def test_a_set_by_its_name_is_what_aeon_reads(mirror, tmp_path, name):
    sequences, labels, sheet = prepare(
        "gestures", {"like": "ucr", "name": name}, {"kind": "official"}, raw=tmp_path, mirror=mirror
    )
    assert sheet["name"] == "gestures" and sheet["settings"] == {"name": name}
    assert sheet["source"] == {"file": f"{name}.zip", "origin": "mirror", "form": name}
    for part, codes in (("TRAIN", (0, 1)), ("TEST", (2,))):
        theirs, classes = load_from_ts_file(tmp_path / f"ucr.{name}" / f"{name}_{part}.ts")
        ours = np.flatnonzero(np.isin(sequences.split, codes))
        assert [sheet["classes"][labels[i]] for i in ours] == classes.tolist()
        for i, array in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(sequences[i], array.T.astype(np.float32))
    by_path = own.read(mirror / "ucr" / f"{name}.zip")
    np.testing.assert_array_equal(by_path.sequences.values, sequences.values)


def test_a_set_that_is_not_what_it_is_known_to_be(mirror, tmp_path):
    with zipfile.ZipFile(mirror / "ucr/GesturePebbleZ1.zip") as archive:
        train, test = (archive.read(f"GesturePebbleZ1_{part}.ts") for part in ts.PARTS)
    (tmp_path / "ucr").mkdir()
    with zipfile.ZipFile(tmp_path / "ucr/GesturePebbleZ1.zip", "w") as archive:
        archive.writestr("GesturePebbleZ1_TRAIN.ts", train)
        archive.writestr("GesturePebbleZ1_TEST.ts", test.rsplit(b"\n", 2)[0])
    asked = {"like": "ucr", "name": "GesturePebbleZ1"}
    with pytest.raises(
        DataError, match=r"GesturePebbleZ1: sizes, classes, lengths: found \(132, 171, .*expected \(132, 172"
    ):
        prepare("pebble", asked, {"kind": "official"}, raw=tmp_path / "raw", mirror=tmp_path)


@pytest.mark.parametrize("name", ["../evil", "a/b", "", "Name.zip", "<Name>"])
def test_a_name_that_is_none_reaches_no_address(tmp_path, name):
    with pytest.raises(ValueError, match="ucr: name: .* is no name of a set, such as GesturePebbleZ1"):
        prepare("x", {"like": "ucr", "name": name}, {"kind": "official"}, raw=tmp_path)


# ---- packed


def pack(folder, path, around=""):
    """A folder as an archive of the kind that its name says."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(file, around + file.relative_to(folder).as_posix())
            archive.writestr("__MACOSX/._x", "of another system")
    else:
        mode = {".tar": "w", ".gz": "w:gz", ".tgz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}[path.suffix]
        with tarfile.open(path, mode) as archive:
            for file in files:
                archive.add(file, around + file.relative_to(folder).as_posix())
    return path


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz"])
@pytest.mark.parametrize("around", ["", "birds/", "deep/down/"])
def test_a_packed_folder_is_that_folder(tmp_path, name, around):
    loaded = own.read(pack(write_folder(tmp_path / "birds"), tmp_path / name, around))
    assert same(loaded) and loaded.identifiers == tuple(NAMES) and loaded.classes == ("a", "b")


def test_a_packed_set_and_a_packed_file(tmp_path):
    assert own.read(pack(write_pair(tmp_path / "Toy"), tmp_path / "Toy.zip")).sequences.split.tolist() == [0, 0, 2, 2]
    (tmp_path / "one").mkdir()
    write_ts(tmp_path / "one" / "birds.ts")
    assert same(own.read(pack(tmp_path / "one", tmp_path / "one.tar.xz")))


@pytest.mark.parametrize(("ending", "module"), [("gz", gzip), ("bz2", bz2), ("xz", lzma), ("GZ", gzip)])
def test_a_compressed_file_is_that_file(tmp_path, ending, module):
    """As pandas writes a table that is called so."""
    table = b"id,time,x\na,0,1\na,1,2\nb,0,3\n"
    packed = tmp_path / f"birds.csv.{ending}"
    packed.write_bytes(module.compress(table))
    loaded = own.read(packed, k=2)
    assert loaded.identifiers == ("a", "b") and loaded.sequences.values[:, 0].tolist() == [1, 2, 3]
    packed.write_bytes(module.compress(table)[:-9])
    with pytest.raises(own.DataError, match=f"birds.csv.{ending}: cannot be unpacked"):
        own.read(packed, k=2)
    packed.write_bytes(module.compress(b"id,time,x\na,0,y\nb,0,3\n"))
    with pytest.raises(own.DataError, match=f"birds.csv.{ending}/birds.csv, line 2, column x: 'y' is no finite number"):
        own.read(packed, k=2)


def evil_tar(path):
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("../evil.csv")
        member.size = 2
        archive.addfile(member, io.BytesIO(b"1\n"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b"PK no archive"), "a.zip: cannot be unpacked"),
        (
            lambda path: evil_tar(path.with_suffix(".tar")),
            "a.tar: cannot be unpacked .member '../evil.csv' points outside",
        ),
    ],
)
def test_a_bad_archive(tmp_path, make, message):
    make(tmp_path / "a.zip")
    (path,) = tmp_path.iterdir()
    with pytest.raises(DataError, match=message) as caught:
        own.read(path)
    assert "\n" not in str(caught.value) and not (tmp_path.parent / "evil.csv").exists()


def test_a_mistake_in_an_archive_is_named_by_its_path_there(tmp_path):
    folder = write_folder(tmp_path / "birds")
    (folder / "x.csv").write_text("height,width\n1,two\n")
    with pytest.raises(DataError, match=f"^{tmp_path}/a.zip/x.csv, line 2, column 2: 'two'"):
        own.read(pack(folder, tmp_path / "a.zip"))


# ---- upper and lower case


def test_endings_in_capitals_are_endings(tmp_path):
    folder = write_folder(tmp_path / "birds")
    (folder / "x.csv").rename(folder / "x.CSV")
    (folder / "labels.csv").rename(folder / "Labels.CSV")
    digest = own.digest(folder)
    assert same(own.read(folder)) and own.read(folder).classes == ("a", "b")
    (folder / "x.CSV").write_text("height,width\n1,2\n")
    assert own.digest(folder) != digest
    shutil.copy(folder / "x.CSV", folder / "x.csv")
    with pytest.raises(DataError, match="identifier 'x' is there twice"):
        own.read(folder)
    write_ts(tmp_path / "birds.TS")
    assert same(own.read(tmp_path / "birds.TS"))


def test_a_name_that_is_no_text_is_refused(tmp_path):
    folder = write_folder(tmp_path / "birds", labels=None)
    shutil.copy(folder / "x.csv", folder / "x\udcff.csv")
    with pytest.raises(DataError, match=r"'x\\udcff' is no text in UTF-8; rename it"):
        own.read(folder, k=2)


# ---- missing values


@pytest.mark.parametrize("empty", [",", '"",""', "nan,NaN", "NA,null", "", " , ", "?,n/a", "None,"])
def test_missing_values_at_the_end_are_the_end_and_others_are_refused(tmp_path, empty):
    folder = write_folder(tmp_path / "birds")
    (folder / "x.csv").write_text(f"height,width\n1,2\n3,4\n{empty}\n{empty}\n")
    loaded = own.read(folder)
    assert loaded.sequences[2].tolist() == [[1, 2], [3, 4]]
    assert loaded.notes == ({} if not empty else {"sequences that end before missing values": 1})
    (folder / "x.csv").write_text(f"height,width\n1,2\n{empty}\n5,8\n")
    with pytest.raises(
        DataError, match="x.csv, line 3(, column 1: | is empty).*; fill it in, or set missing: interpolate"
    ):
        own.read(folder)
    loaded = own.read(folder, missing="interpolate")
    assert loaded.sequences[2].tolist() == [[1, 2], [3, 5], [5, 8]]
    assert loaded.notes == {"missing values that are interpolated": 2}


@pytest.mark.parametrize("empty", ['""', "", "nan", " "])
def test_a_line_of_one_missing_value_is_not_dropped(tmp_path, empty):
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text(f"x\n1\n{empty}\n3\n")
    with pytest.raises(DataError, match="a.csv, line 3"):
        own.read(tmp_path, k=1)
    assert own.read(tmp_path, k=1, missing="interpolate").sequences[0].tolist() == [[1], [2], [3]]


def test_the_ends_of_a_column_take_its_nearest_value_and_an_empty_column_none(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("x,y\n,1\n2,\n,3\n")
    loaded = own.read(tmp_path, k=1, missing="interpolate")
    assert loaded.sequences[0].tolist() == [[2, 1], [2, 2], [2, 3]]
    (tmp_path / "b.csv").write_text("x,y\n,1\n,3\n")
    with pytest.raises(DataError, match="b.csv, line 2, column 1: an empty value, and there is no value in column 1"):
        own.read(tmp_path, k=1, missing="interpolate")


def test_gaps_in_an_npz(tmp_path):
    values = np.concatenate(SEQUENCES)
    values[1] = np.nan
    path = write_npz(tmp_path / "a.npz", values=values)
    with pytest.raises(DataError, match="a.npz: sequence 0, element 1, column 1: NaN; fill it in"):
        own.read(path, k=2)
    np.testing.assert_allclose(own.read(path, k=2, missing="interpolate").sequences.values, np.concatenate(SEQUENCES))
    values[1], values[2] = 0, np.nan
    assert own.read(write_npz(path, values=values), k=2).sequences.lengths.tolist() == [2, 1, 5, 2]


def test_a_shorter_channel_is_refused_or_ends_in_its_last_value(tmp_path):
    (tmp_path / "a.ts").write_text(HEADER + "1,2,3:4,5:a\n1:2:b\n")
    with pytest.raises(DataError, match="line 7: channels of 2 to 3 values, and all must be of one length"):
        own.read(tmp_path / "a.ts")
    loaded = own.read(tmp_path / "a.ts", missing="interpolate")
    assert loaded.sequences[0].tolist() == [[1, 4], [2, 5], [3, 5]]


# ---- long tables


def long_table(**changes):
    """The sequences as pandas users have them, lines in no order."""
    rows = [
        {"id": name, "time": 10 * i, "height": element[0], "width": element[1], "label": label}
        for name, array, label in zip(NAMES, SEQUENCES, LABELS, strict=True)
        for i, element in enumerate(array)
    ]
    frame = pd.DataFrame(rows).assign(**changes)
    first = frame.drop_duplicates("id")  # sequences go by their first line
    return pd.concat([first, frame.drop(first.index).sample(frac=1, random_state=0)])


def test_a_long_table(tmp_path):
    long_table().to_csv(tmp_path / "a.csv", index=False)
    loaded = own.read(tmp_path / "a.csv")
    assert same(loaded) and loaded.identifiers == tuple(NAMES) and list(loaded.labels) == [1, 0, 1, 0]


def test_sequences_of_a_table_go_by_their_first_lines_whatever_they_are_called(tmp_path):
    (tmp_path / "a.csv").write_text("id,time,x,label\nb,1,2,u\nb,0,1,u\na,0,3,v\nb,2,9,u\nc,5,4,u\n")
    loaded = own.read(tmp_path / "a.csv")
    assert loaded.identifiers == ("b", "a", "c") and [loaded.classes[i] for i in loaded.labels] == ["u", "v", "u"]
    assert [loaded.sequences[i][:, 0].tolist() for i in range(3)] == [[1, 2, 9], [3], [4]]


@pytest.mark.parametrize(
    "times",
    [
        lambda time: pd.Timestamp("2024-01-01") + pd.to_timedelta(time, unit="h"),
        lambda time: [f"2024-01-{t // 10 + 1:02d}" for t in time],
        lambda time: time / 3 - 1e-3,
        lambda time: [f"2024-01-01T00:00:{t:02d}+02:00" for t in time],
    ],
)
def test_times_are_numbers_or_dates(tmp_path, times):
    frame = long_table()
    frame.assign(time=times(frame.time)).to_csv(tmp_path / "a.csv", index=False)
    assert same(own.read(tmp_path / "a.csv"))


def test_columns_by_other_names(tmp_path):
    frame = long_table().rename(columns={"id": "bird", "time": "hour", "label": "kind"})
    frame.to_csv(tmp_path / "a.csv", index=False)
    names = {"id": "bird", "time": "hour", "label": "kind"}
    assert same(own.read(tmp_path / "a.csv", columns=names))
    frame.sort_values("hour", kind="stable").drop(columns=["hour", "kind"]).to_csv(tmp_path / "b.csv", index=False)
    assert same(own.read(tmp_path / "b.csv", k=2, columns={"id": "bird", "time": None}))


def test_a_gap_in_a_table(tmp_path):
    frame = long_table().sort_values(["id", "time"], kind="stable")
    frame.loc[(frame.id == "x") & (frame.time == 10), "width"] = np.nan
    frame.to_csv(tmp_path / "a.csv", index=False)
    line = 2 + int(np.flatnonzero(frame.width.isna())[0])
    with pytest.raises(DataError, match=f"a.csv, line {line}, column width: an empty value; fill it in"):
        own.read(tmp_path / "a.csv")
    assert own.read(tmp_path / "a.csv", missing="interpolate").notes == {"missing values that are interpolated": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a,b\n1,2\n",
            "there is no column 'id' .a, b.; a table of many sequences needs one for the id: columns: {id: ",
        ),
        ("id,b\n1,2\n", "there is no column 'time' .id, b.; .*columns: {time: null} takes the lines as they come"),
        ("id,time\n1,2\n", "no column of values beside id, time"),
        (
            ",id,time,x\n0,1,2,3\n",
            "line 1, column 1: a column without a name, as pandas writes its index; leave it out",
        ),
        ("id,time,x,x\n1,2,3,4\n", "line 1: two columns are called 'x'"),
        ("id,time,x\n1,2\n", "line 2: 2 values, expected 3"),
        ("id,time,x\n1,2,y\n", "line 2, column x: 'y' is no finite number in float32"),
        ("id,time,x\n1,2,1_0\n", "line 2, column x: '1_0' is no finite number in float32"),
        ("id,time,x\n,2,3\n", "line 2: an empty value where an identifier or a label is needed"),
        ("id,time,x\n1,soon,3\n", "line 2: 'soon' is no time: a number, or 2024-05-01T12:00:00"),
        ("id,time,x\n1,2,3\n1,2,4\n", "line 3: its sequence has that time already"),
        ("id,time,x\n1,2,3\n2,2,3\n1.0,3,4\n", "line 4: identifier '1.0', but '1' stands elsewhere and is the same"),
        ("id,time,x,label\n1,2,3,a\n1,3,4,b\n", "line 3: label 'b', but 1 has 'a' elsewhere"),
        ("id,time,x\n1,2,3\n\n2,3,4\n", "line 3: 0 values, expected 3"),
        ("id,time,x\n1,2,3\n", "one sequence only"),
        ("id,time,x\n", "expected a line of column names, and lines below it"),
    ],
)
def test_a_mistake_in_a_table(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=f"a.csv.*{message}") as caught:
        own.read(tmp_path / "a.csv", k=1)
    assert "\n" not in str(caught.value)


def test_columns_are_for_a_table(tmp_path):
    with pytest.raises(DataError, match="columns are for a table in .csv or .parquet"):
        own.read(write_npz(tmp_path / "a.npz"), k=2, columns={"id": "x"})
    with pytest.raises(DataError, match="columns: unknown 'idd', expected id, time, label"):
        long_table().to_csv(tmp_path / "a.csv", index=False)
        own.read(tmp_path / "a.csv", columns={"idd": "x"})


@pytest.mark.parametrize(
    "frame",
    [
        long_table(),
        long_table().set_index(["id", "time"]),
        long_table(time=lambda frame: pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.time, unit="D")),
        long_table(label=lambda frame: frame.label.astype("category"), height=lambda frame: frame.height.astype(int)),
    ],
    ids=["columns", "index", "dates", "types"],
)
def test_a_parquet_table_is_what_pandas_reads(tmp_path, frame, monkeypatch):
    """Without pyarrow here: what it would give is given."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(pd, "read_parquet", lambda path: frame)
    assert same(own.read(tmp_path / "a.parquet"))
    if "time" in frame:
        monkeypatch.setattr(pd, "read_parquet", lambda path: frame.assign(width=np.inf))
        with pytest.raises(DataError, match="a.parquet, row 0, column width: inf is no finite number"):
            own.read(tmp_path / "a.parquet")


def test_parquet_without_its_package_or_its_content_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 broken")

    def refuse(path):
        raise ImportError("no engine\nfound")

    for error, message in ((ImportError, "needs pyarrow .pip install pyarrow"), (OSError, "not a Parquet file")):
        monkeypatch.setattr(pd, "read_parquet", lambda path, error=error: (_ for _ in ()).throw(error("two\nlines")))
        with pytest.raises(DataError, match=f"a.parquet: .*{message}") as caught:
            own.read(tmp_path / "a.parquet")
        assert "\n" not in str(caught.value)


def long(tmp_path, *times, other="0", heading="id,time,x", **settings):
    """A table of two sequences, the first with these times and values 0, 1, ..., the second of one element."""
    lines = [heading, *(f'a,"{time}",{i}' for i, time in enumerate(times)), f'b,"{other}",9']
    (tmp_path / "long.csv").write_text("\n".join(lines))
    return own.read(tmp_path / "long.csv", k=2, **settings)


@pytest.mark.parametrize(
    "times",
    [
        ["9007199254740993", "9007199254740992"],
        ["1" * 400, "7"],
        ["-3.5", "-4e0"],
        ["1714564800.0000000011", "1714564800.000000001"],
        ["1e-300", "1e-999"],
        ["2024-05-01T12:00:00.0000002", "2024-05-01T12:00:00.0000001"],
        ["2024-05-01T12:00:00.0005000", "2024-05-01T12:00:00.0002001"],
        ["1969-12-31 23:59:59.999999999", "1969-12-31 23:59:59.999999"],
        ["2024-05-01T12:00:00,123456789012345678902Z", "2024-05-01T13:00:00.123456789012345678901+01:00"],
    ],
)
def test_times_are_exact(tmp_path, times):
    assert long(tmp_path, *times, other=times[0]).sequences[0][:, 0].tolist() == [1, 0]


def test_a_time_without_a_zone_is_utc_wherever_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "JST-9")
    time.tzset()
    try:
        read = long(tmp_path, "2024-05-01T12:00:00", "2024-05-01T11:00:00Z", other="2024-05-01")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert read.sequences[0][:, 0].tolist() == [1, 0]


@pytest.mark.parametrize("times", [["1.50", "15e-1"], ["2024-05-01T12:00:00.1234567Z", "20240501T140000.12345670+02"]])
def test_a_time_that_is_there_twice_is_refused_however_it_is_written(tmp_path, times):
    with pytest.raises(DataError, match="long.csv, line 3: its sequence has that time already"):
        long(tmp_path, *times, other=times[0])


@pytest.mark.parametrize("time", ["1e400", "-1e400", "1" * 5000, f"1e-{'9' * 30}", "nan", "", "1_0"])
def test_a_time_that_is_no_finite_number_is_refused(tmp_path, time):
    with pytest.raises(DataError, match="long.csv, line 3: .* is no (finite )?time") as caught:
        long(tmp_path, "0.5", time)
    assert len(str(caught.value)) < 300


def test_a_column_has_one_part(tmp_path):
    for columns in ({"time": "id"}, {"label": "id"}, {"id": "time"}):
        with pytest.raises(DataError, match="long.csv: column '(id|time)' can be one of id, time, label only"):
            long(tmp_path, 1, columns=columns)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame([["a", 0, 1.0, 2.0]], columns=["id", "time", 1, "1"]), "two columns are called '1'"),
        (
            pd.DataFrame({"id": ["a", "b"], "time": pd.to_datetime(["2024-05-01", None]), "x": [1, 2]}),
            "row 1: 'NaT' is no time",
        ),
    ],
)
def test_what_a_parquet_table_can_hold_and_a_csv_cannot(tmp_path, frame, message, monkeypatch):
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(pd, "read_parquet", lambda path: frame)
    with pytest.raises(DataError, match=f"a.parquet(: |, ){message}"):
        own.read(tmp_path / "a.parquet", k=2)


@pytest.mark.parametrize("content", [b"", b"id,time\na,0\n", b"\x93NUMPY\x01\x00", b"\x80\x04N."])
def test_a_file_that_is_no_npz_is_not_called_a_pickle(tmp_path, content):
    (tmp_path / "birds.npz").write_bytes(content)
    with pytest.raises(ValueError, match="birds.npz: not a readable .npz .*it isn't what np.savez writes") as caught:
        own.read(tmp_path / "birds.npz", k=2)
    assert "allow_pickle" not in str(caught.value) and "\n" not in str(caught.value)


def test_an_array_that_is_there_twice_or_is_none_is_refused(tmp_path):
    whole, path = io.BytesIO(), tmp_path / "birds.npz"
    np.save(whole, np.arange(4.0))
    for content, message in ((whole.getvalue(), "values is there twice"), (b"text", "values is no array")):
        with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in ("values.npy", "values.npy") if "twice" in message else ("values.npy", "offsets.npy"):
                archive.writestr(name, content)
        with pytest.raises(ValueError, match=f"birds.npz: not a readable .npz without pickle .{message}"):
            own.read(path, k=2)


@pytest.mark.parametrize("name", ["ids", "labels"])
def test_a_name_that_cannot_be_seen_is_refused(tmp_path, name):
    for bad in ("", "  ", "\t"):
        with pytest.raises(DataError, match="is an identifier or a label; it must have letters or digits"):
            own.read(write_npz(tmp_path / "birds.npz", **{name: np.array([bad, "b", "c", "d"])}), k=2)


@pytest.mark.parametrize("key", ["@timeStamps", "@univariate", "@dimensions", "@classLabel", "@targetLabel"])
def test_a_bare_key_of_a_ts_file_is_none_and_a_second_one_is_refused(tmp_path, key):
    path = tmp_path / "birds.ts"
    path.write_text(f"{key}\n@data\n1,2\n3,4\n")
    try:
        assert own.read(path, k=2).sequences.values[:, 0].tolist() == [1, 2, 3, 4]
    except DataError as error:
        assert f"birds.ts: {key.lower()}: files with" in str(error)  # noqa: PT017 - either will do
    path.write_text(f"{key} false\n{key.upper()} false\n@data\n1,2\n3,4\n")
    with pytest.raises(DataError, match=f"birds.ts, line 2: {key.upper()} stands twice"):
        own.read(path, k=2)


def test_a_long_table_with_tabs_is_named(tmp_path):
    (tmp_path / "long.tsv").write_text("id\ttime\tx\na\t0\t1\n")
    with pytest.raises(DataError, match="long.tsv, line 1: no numbers, but id and others: .* A long table is a .csv"):
        own.read(tmp_path / "long.tsv", k=2)


# ---- arrays


def padded(arrays=SEQUENCES):
    made = np.full((len(arrays), max(map(len, arrays)), arrays[0].shape[1]), np.nan)
    for i, array in enumerate(arrays):
        made[i, : len(array)] = array
    return made


@pytest.mark.parametrize(
    "X",
    [
        SEQUENCES,
        tuple(SEQUENCES),
        [array.tolist() for array in SEQUENCES],
        padded(),
        padded().transpose(0, 2, 1),
        list(padded()),
        Sequences.from_list(SEQUENCES),
    ],
    ids=["list", "tuple", "lists", "tslearn", "aeon", "padded list", "Sequences"],
)
def test_arrays_that_mean_the_same(X):
    made = as_sequences(X)
    assert [made[i].tolist() for i in range(4)] == [array.tolist() for array in SEQUENCES]


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 1, 5)])
def test_one_channel(shape):
    made = as_sequences(np.arange(20.0).reshape(shape))
    assert made.lengths.tolist() == [5] * 4 and made.values[:, 0].tolist() == list(range(20))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (
            np.zeros((4, 5, 2)),
            r"is \(n, length, dimensions\) or \(n, dimensions, length\)\? Say list\(X\), or list\(X.tran",
        ),
        (
            np.where(np.arange(40).reshape(4, 5, 2) == 12, np.nan, 1.0),
            "with NaN elsewhere than at the ends of sequences",
        ),
        (np.zeros((2, 2, 2, 2)), r"shape \(2, 2, 2, 2\), expected a list of arrays of shape \(length, dimensions\)"),
        (np.zeros(5), r"one sequence of numbers; put it in a list: \[X\]"),
        ([1.0, 2.0], r"one sequence of numbers; put it in a list: \[X\]"),
        (np.zeros((5, 1)), r"5 sequences of one element, or one sequence\? Say list\(X\), or \[X\]"),
        ([np.zeros((1, 9))] * 3, "1 elements of 9 dimensions. If not, transpose them"),
        (
            [array.T for array in SEQUENCES],
            r"arrays of shape \(dimensions, length\), as aeon has them, have to be trans",
        ),
        ([np.full((2, 2), np.nan)], "sequence 0: all of its values are NaN"),
        ([np.array([[1, 2], [np.nan, 1], [1, 2]])], "sequence 0, element 1: NaN or infinite value"),
        ([np.array([[1, 2], [1, 2], [np.nan, 1]])], "sequence 0, element 2: NaN or infinite value"),
        (["abc"], "sequence 0: no array of numbers"),
        (pd.DataFrame({"a": [1]}), "DataFrame, expected a list of arrays"),
        ("abc", "str, expected a list of arrays"),
        ([np.zeros((0, 2))], r"sequence 0 has shape \(0, 2\)"),
        ([], "no sequences"),
    ],
)
def test_arrays_that_may_mean_something_else_are_refused(X, message):
    with pytest.raises(ValueError, match=message) as caught:
        as_sequences(X)
    assert "\n" not in str(caught.value)
    with pytest.raises(InvalidInput, match=message):
        KShape(n_clusters=1, random_state=0).fit(X)


def test_more_dimensions_than_elements_everywhere_is_a_warning():
    with pytest.warns(
        UserWarning, match=r"every array has shape \(3, 50\): 3 elements of 50 dimensions. If not, transpose"
    ):
        as_sequences([np.zeros((3, 50))] * 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        as_sequences([np.zeros((50, 3))] * 4)


def test_predict_on_one_sequence_says_what_to_do():
    model = KShape(n_clusters=2, random_state=0).fit(SEQUENCES)
    for X in (SEQUENCES[0], SEQUENCES[0].tolist()):
        with pytest.raises(
            InvalidInput, match=r"1 dimensions, but fit saw 2; one sequence alone is put in a list: \[X\]"
        ):
            model.predict(X)
    with (
        pytest.warns(UserWarning, match="2 elements of 5 dimensions"),
        pytest.raises(
            InvalidInput, match=r"5 dimensions, but fit saw 2; an array is \(length, dimensions\): transpose"
        ),
    ):
        model.predict([SEQUENCES[2].T, SEQUENCES[2].T + 1])
    vectors = KMeans(n_clusters=2).fit(np.arange(12.0).reshape(6, 2))
    with pytest.raises(InvalidInput, match=r"one vector alone is put in a list: \[X\]"):
        vectors.predict(np.zeros(2))
    for X in (SEQUENCES, padded()):
        with pytest.raises(InvalidInput, match="KMeans reads vectors of one length, shape .n, D.; methods.vectorize"):
            vectors.fit(X)


@pytest.mark.parametrize("X", [padded(), padded().transpose(0, 2, 1)], ids=["tslearn", "aeon"])
def test_a_padded_array_in_an_npz(tmp_path, X):
    write_arrays(tmp_path / "a.npz", X=X, y=np.array(LABELS), ids=np.array(NAMES))
    loaded = own.read(tmp_path / "a.npz")
    assert same(loaded) and loaded.classes == ("a", "b") and loaded.identifiers == tuple(NAMES)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.zeros((4, 5, 2))}, r"shape \(4, 5, 2\) is .*; in a file, np.savez with values=X.reshape"),
        ({"X": np.array([["a", "b"]])}, "X .<U1. must be numbers"),
        ({"X": np.zeros((4, 5)), "labels": np.zeros(4, int)}, "unknown array labels; expected .*; or X, y and ids"),
        ({"X": np.zeros((4, 5)), "y": np.zeros(3, int)}, "y: expected 4 integers or strings"),
    ],
)
def test_a_mistake_in_a_padded_array(tmp_path, arrays, message):
    write_arrays(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=f"a.npz: .*{message}"):
        own.read(tmp_path / "a.npz", k=2)


@pytest.mark.parametrize(
    "bad",
    [["1", "2"], [1, "2"], ["12_5"], np.array(["1"], object), np.array([b"1"]), [1 + 2j], np.array([[1j]])],
)
def test_text_and_complex_numbers_are_no_values(bad):
    """NumPy would read the first as numbers, 12_5 as 125, and drop half of the others."""
    with pytest.raises(ValueError, match="X: sequence 1: no array of numbers"):
        as_sequences([[1.0], bad])


def test_dates_are_no_values_and_numbers_of_other_kinds_are():
    with pytest.raises(ValueError, match="X: sequence 0: no array of numbers .it is of datetime64"):
        as_sequences([np.array(["2024-05-01"], "datetime64[D]")])
    made = as_sequences([[True, 10**30], np.array([1, 2.5], object), np.array([3], ">i2")])
    np.testing.assert_allclose(made.values[:, 0], [1, 1e30, 1, 2.5, 3])


@pytest.mark.parametrize("huge", [1e39, 10**40, np.float64(1e300)])
def test_what_float32_cannot_hold_is_refused_without_a_warning(huge):
    with pytest.raises(ValueError, match="sequence 1, element 0: NaN or infinite value|no array of numbers"):
        as_sequences([[1.0], [huge]])
