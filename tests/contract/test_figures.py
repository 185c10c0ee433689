"""Figures and the page they end in: there, of the promised size, equal bytes twice, whatever runs failed."""

import html.parser
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from fake_records import described, record, runs, score, write_scored

from datasets.sequences import SPLITS, Sequences, stratified_split
from datasets.storage import write_arrays, write_json
from reports import embedding, matching, pictures, plots, reading, run_figures, scatters, statistics, style
from reports.data import Data
from reports.reading import write_report
from runs.results import frame
from studies import one_length

CLASSES = ["yes", "no"]  # not in the order of the alphabet, as in Speech Commands
N = 60


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [N // 2 - 1, N // 2 + 1])
    arrays = [
        rng.normal(3 * label, 1, (length, 2)) for label, length in zip(labels, rng.integers(4, 12, N), strict=True)
    ]
    return Data(Sequences.from_list(arrays, stratified_split(labels, 0, "x")), labels, {"classes": CLASSES})


@pytest.fixture(scope="module")
def plane(data):
    return embedding.plane(data.sequences, "x")


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    yield
    plt.close("all")


def panels(figure):
    """Axes that show something, colour bars aside."""
    return [axis for axis in figure.axes if axis.axison and axis.get_label() != "<colorbar>"]


def colours(axis):
    return {tuple(face) for drawn in axis.collections for face in drawn.get_facecolor()}


def test_equal_data_give_equal_bytes(tmp_path, data, plane):
    for name in ("a", "b"):
        figure = scatters.figure2(data, *plane, data.labels, 1 - data.labels)
        style.save(figure, tmp_path / name)
    for ending in (".png", ".pdf"):
        first, second = ((tmp_path / name).with_suffix(ending).read_bytes() for name in ("a", "b"))
        assert first == second and len(first) > 5000
        assert b"CreationDate" not in first and b"tEXtDate" not in first
    width = plt.imread(tmp_path / "a.png").shape[1]
    assert width == int(style.COLUMN * 300)


def test_figure2_colours_a_cluster_as_the_class_it_stands_for(data, plane):
    figure = scatters.figure2(data, *plane, data.labels, 1 - data.labels)
    shown = panels(figure)
    assert [axis.get_title() for axis in shown] == ["(a) elements", "(b) truth", "(c) k-means, average", "(d) RDDC"]
    assert colours(shown[1]) == colours(shown[2]) == colours(shown[3])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == CLASSES


def coloured_points(axis):
    """Place of a point to its colour."""
    return {
        tuple(place): tuple(drawn.get_facecolor()[0])
        for drawn in axis.collections
        for place in drawn.get_offsets().tolist()
    }


def test_what_agrees_has_one_colour_whatever_a_cluster_is_called(data, plane, narrow):
    """Beside the truth, or without labels the clusters of the first method."""
    renamed = (data.labels + 1) % 2 + 3 * (data.labels == 0)  # 4 and 0
    for figure in (
        scatters.figure2(data, *plane, renamed, 1 - data.labels),
        scatters.figure3(data, narrow, renamed),
        scatters.all_clusters(data._replace(sheet={"classes": []}), *plane, {"a": data.labels, "b": renamed}),
    ):
        _, first, *others = map(coloured_points, panels(figure))
        assert len(set(first.values())) == 2 and others[-1] == first


def test_clusters_beyond_the_classes_get_colours_of_their_own(data, plane):
    found = data.labels * 2 + (np.arange(N) % 4 == 0)
    figure = scatters.figure2(data, *plane, found, None)
    assert len(colours(panels(figure)[2])) == 4


@pytest.fixture(scope="module")
def narrow(data):
    return one_length.narrowed(data.sequences, "x", 2, [5, 8])


def test_without_rddc_the_panel_says_so(data, plane, narrow):
    for figure in (scatters.figure2(data, *plane, None, None), scatters.figure3(data, narrow, None)):
        assert len(panels(figure)) == 4 and panels(figure)[3].get_title() == "(d) RDDC: no ok run"


def test_figure3_takes_the_length_range_and_crops(data, narrow):
    figure = scatters.figure3(data, narrow, data.labels)
    inside = (data.sequences.lengths >= 5) & (data.sequences.lengths <= 8)
    assert len(panels(figure)[0].collections[0].get_offsets()) == inside.sum() == len(narrow["clusters"])
    assert figure.get_suptitle() == "5 to 8 elements, cropped to 5"
    part = one_length.cropped(data.sequences.subset(inside), 5)
    assert set(part.lengths) == {5} and (part[0] == data.sequences[int(inside.argmax())][:5]).all()
    with pytest.raises(ValueError, match="figures.length_range: 0 sequences of x have 50 to 60 elements"):
        one_length.narrowed(data.sequences, "x", 2, [50, 60])


def test_an_unknown_label_is_black_and_has_no_name(data, plane):
    labels = np.where(np.arange(N) % 5, data.labels, -1)
    figure = scatters.figure2(data._replace(labels=labels), *plane, None, None)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == CLASSES
    assert (0, 0, 0, 1) in colours(panels(figure)[1]) and len(colours(panels(figure)[1])) == 3


def test_usual_lengths_is_the_narrowest_range_with_a_quarter():
    lengths = np.repeat([2, 7, 8, 30], [10, 10, 15, 25])
    assert one_length.usual_lengths(lengths) == (8, 8)
    assert one_length.usual_lengths(lengths[8:12]) == (2, 7)


def test_many_sequences_are_subsampled_the_same_way(data, monkeypatch):
    monkeypatch.setattr(embedding, "MOST_POINTS", 20)
    chosen = embedding.subsample(data.sequences, "x")
    assert len(set(chosen)) == 20 and (chosen == embedding.subsample(data.sequences, "x")).all()
    monkeypatch.setattr(embedding, "embed", lambda sequences, name: sequences.values[sequences.offsets[:-1]])
    place, points = embedding.plane(data.sequences, "x")
    np.testing.assert_array_equal(place, chosen)
    np.testing.assert_array_equal(points, [data.sequences[i][0] for i in chosen])


def test_a_user_s_number_of_clusters_goes_before_that_of_the_classes(data):
    asked = data._replace(sheet={"settings": {"k": 3}, "classes": CLASSES})
    assert asked.n_clusters == 3 and asked._replace(sheet={"settings": {}, "classes": CLASSES}).n_clusters == 2
    scored = asked.labels_of("validation")
    np.testing.assert_array_equal(scored >= 0, data.sequences.split == 1)
    np.testing.assert_array_equal(scored[scored >= 0], data.labels[data.sequences.split == 1])


def test_averages_that_say_nothing_give_way_to_zero_padding():
    rng = np.random.default_rng(0)
    arrays = [rng.normal(0, 1, (length, 2)) for length in (3, 4, 5, 6) * 3]
    assert embedding.embedded_input(Sequences.from_list(arrays)) == "avg"
    assert embedding.embedded_input(Sequences.from_list([array[:1] for array in arrays])) == "vector"
    centred = Sequences.from_list([array - array.mean(axis=0) for array in arrays])
    one_dimension = Sequences.from_list([array[:, :1] for array in arrays])
    for made in (centred, one_dimension):
        assert embedding.embedded_input(made) == "zero"
        points = embedding.embed(made, "x")
        assert points.shape == (12, 2) and np.isfinite(points).all()


def test_unknown_labels_match_no_cluster():
    found = np.array([5, 5, 3, 3, 8])
    assert matching.places(np.array([0, 0, 1, -1, -1]), found, 2) == {5: 0, 3: 1, 8: 2}
    assert matching.places(np.full(5, -1), found, 0) == {3: 0, 5: 1, 8: 2}


def test_confusion_puts_matched_clusters_on_the_diagonal():
    labels = np.array([0, 0, 0, 1, 1, 1])
    figure = run_figures.confusion([("a", labels, 1 - labels), ("b", labels, np.array([0, 0, 2, 1, 1, 1]))], CLASSES)
    first, second = panels(figure)
    np.testing.assert_array_equal(first.images[0].get_array(), np.eye(2))
    np.testing.assert_allclose(second.images[0].get_array(), [[2 / 3, 0, 1 / 3], [0, 1, 0]])
    written = {text.get_position(): text.get_text() for text in second.texts}  # x is the cluster, y the class
    assert written == {(0, 0): "2", (1, 0): "0", (2, 0): "1", (0, 1): "0", (1, 1): "3", (2, 1): "0"}
    (heat,) = plots.confusion(labels, np.array([0, 0, 2, 1, 1, 1]), CLASSES)["data"]
    assert heat["hovertext"] == [
        ["yes, cluster for yes<br>2 of 3", "yes, cluster for no<br>0 of 3", "yes, cluster for no class<br>1 of 3"],
        ["no, cluster for yes<br>0 of 3", "no, cluster for no<br>3 of 3", "no, cluster for no class<br>0 of 3"],
    ]


def test_all_letters_of_the_figures_are_of_one_size(data, plane, narrow):
    made, found = runs([0.5, 0.7], [0.2, 0.1]), data.labels
    drawn = [
        scatters.figure2(data, *plane, found, found),
        scatters.figure3(data, narrow, found),
        scatters.all_clusters(data, *plane, {"RDDC, variable length": found}),
        run_figures.confusion([("RDDC", found, found)], CLASSES),
        run_figures.loss_curves(made, set()),
        run_figures.strips(statistics.summarise(made, "test", "train"), frame(made)),
    ]
    sizes = [{text.get_fontsize() for text in figure.findobj(plt.Text) if text.get_text()} for figure in drawn]
    assert sizes == [{style.SIZE}] * len(drawn)


def test_loss_curves_mark_the_selected_and_the_failed():
    made = runs([0.5, 0.6], [0.2, 0.1]) + [record(seed=2, status="collapsed", reason="x"), record(seed=3, status="oom")]
    made[2]["loss_curve"] = {"loss": [1.0, 1e9]}
    (axis,) = panels(run_figures.loss_curves(made, {("rddc", "none", 1)}))
    widths = [line.get_linewidth() for line in axis.lines if len(line.get_xdata()) == 2]
    assert sorted(widths) == [0.6, 0.6, 1.6]
    (cross,) = [line for line in axis.lines if line.get_marker() == "x"]
    assert list(cross.get_xdata()) == [2]  # where it ended
    *drawn, ended, bold = plots.loss_curves(made, 1)["data"]
    assert [curve["x"] for curve in (*drawn[:2], ended, bold)] == [[1, 2], [1, 2], [], [1, 2]]
    assert (bold["y"], bold["line"]["width"]) == (made[1]["loss_curve"]["loss"], 2.5)
    assert [curve["x"] for curve in drawn if curve["mode"] == "markers"] == [[2]]
    assert axis.get_title().endswith("2/4 ok") and axis.get_ylim()[1] < 2  # a diverged run doesn't flatten the others


def test_a_run_of_one_epoch_is_seen():
    """As a point, larger for the selected run; a line through one point would draw nothing."""
    made = runs([0.5, 0.6], [0.2, 0.1], loss_curve={"loss": [1.0]})
    (axis,) = panels(run_figures.loss_curves(made, {("rddc", "none", 1)}))
    assert [(line.get_marker(), line.get_markersize()) for line in axis.lines] == [(".", 3), (".", 6)]
    drawn = plots.loss_curves(made, 1)["data"]
    assert [(curve["mode"], curve["marker"]["size"]) for curve in drawn] == [("markers", 4), ("markers", 7)]


def test_without_a_loss_there_is_no_loss_figure():
    assert run_figures.loss_curves(runs([0.5], [None], method="ward", loss_curve={}), set()) is None
    assert run_figures.loss_curves([record(status="oom")], set()) is None


def test_strips_show_every_run_and_every_failed_cell():
    made = runs([0.5, 0.7, None], [0.2, 0.1, None]) + runs([None], [None], method="ddc", vectorization="zero")
    summary = statistics.summarise(made, "test", "train")
    (axis,) = panels(run_figures.strips(summary, frame(made)))
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert names == ["RDDC, variable length  2/3", "DDC, zero padding  0/1"]
    places = [tuple(point) for drawn in axis.collections for point in drawn.get_offsets()]
    assert {(0.5, 0), (0.7, 0), (0.8, 0), (-0.03, 0), (-0.03, 1)} <= set(places)
    assert axis.get_ylim() == (1.5, -0.5)  # no mark is cut off at the edge
    drawn = {trace["name"]: trace for trace in plots.strips(summary, frame(made))["data"]}
    assert drawn["run"]["x"] == [0.5, 0.7] and drawn["run, not ok"]["x"] == [-0.03] * 2
    assert [round(y) for y in drawn["run, not ok"]["y"]] == [0, 1] and "diverged" in drawn["run, not ok"]["text"][0]
    ours, theirs = summary[["accuracy", "published_accuracy"]].values.T
    assert drawn["ours"]["x"] == [0.7, None] and drawn["published"]["x"] == theirs.tolist() and theirs[0] == 0.8
    assert drawn["ours"]["x"][0] == ours[0] and "published 0.80" in drawn["published"]["text"][0]


def test_points_of_the_page_are_those_of_their_sequences(data):
    labels = np.where(np.arange(N) == 5, -1, data.labels)
    named = data._replace(labels=labels, sheet={"classes": CLASSES, "identifiers": [f"s{i}" for i in range(N)]})
    chosen = np.array([5, 59, 0])
    made = plots.scatter(named, chosen, np.arange(6.0).reshape(3, 2), {"RDDC": 1 - data.labels})["points"]
    assert (made["x"], made["y"], made["name"]) == ([0, 2, 4], [1, 3, 5], ["s5", "s59", "s0"])
    assert made["length"] == [len(data.sequences[i]) for i in chosen]
    label, found = ([way["names"][group] for group in way["group"]] for way in made["ways"])
    assert label == ["unknown", "no", "yes"] and found == ["cluster for yes", "cluster for no", "cluster for yes"]


SHOWN = {"place": np.arange(N), "points": np.zeros((N, 2))}


def test_captions_say_which_run_and_how_many_are_ok(data):
    made, cell = runs([0.5, 0.7, None], [0.2, 0.1, None]), ("rddc", "none")
    found = np.where(np.arange(N) < 6, 1 - data.labels, data.labels)
    for every, where in ((made, ""), (made + runs([0.5], [0.1], split=1), ", on the first split")):
        summary = statistics.summarise(every, "test", "train")
        of = {"records": made, "summary": summary, "runs": frame(every), "labels": data.labels}
        shown = pictures.Shown("x", data, **SHOWN, **of, seeds={cell: 1}, clusters={cell: found})
        assert {name: caption for name, _, caption in pictures.for_page(shown)} == {
            "strips/x": "Accuracy of every run",
            "scatter/x": f"t-SNE of {N} sequences (time average)",
            "confusion/x/rddc/none": f"RDDC, variable length: seed 1, ACC 0.90{where}",
            "loss/x/rddc/none": f"RDDC, variable length: 2/3 ok{where}",
        }


def test_figures_of_a_data_set_are_of_its_runs_on_the_first_split(data, monkeypatch):
    made = [*runs([0.5, 0.7], [0.2, 0.1]), *runs([0.5], [0.1], split=1), *runs([0.5], [0.1], dataset="mine")]
    seen, none = [], {"classes": [], "source": {"origin": "mirror"}, "settings": {}}
    monkeypatch.setattr(pictures, "for_page", lambda shown: seen.append(shown) or [])
    monkeypatch.setattr(run_figures, "loss_curves", lambda records, selected: seen.append(selected))
    names = ["arabic_digits", "mine"]
    job = {"datasets": names, "scored": "test", "figures": {"dataset": None}}
    planes = dict.fromkeys(names, SimpleNamespace(result=lambda: (np.arange(N), np.zeros((N, 2)))))
    chosen = {("rddc", "none", "arabic_digits"): 1, ("rddc", "none", "mine"): 0}
    of = data._replace(labels=np.full(N, -1), sheet=none)
    clusters = {cell: np.full(N, seed) for cell, seed in chosen.items()}
    summary = statistics.summarise(made, "test", "train")
    found = pictures.write_figures(job, made, dict.fromkeys(names, of), planes, chosen, clusters, summary, None)
    assert found == ([], {})
    first, own, second, theirs = seen
    assert (first, second) == ({("rddc", "none", 1)}, {("rddc", "none", 0)})
    assert own.records == made[:2] and theirs.records == made[3:]
    assert (own.clusters["rddc", "none"] == 1).all() and theirs.seeds == {("rddc", "none"): 0}


class Reader(html.parser.HTMLParser):
    """Tags that are left open, and everything that a page would load or run."""

    VOID = ("meta", "img")

    def __init__(self, text):
        super().__init__()
        self.open, self.loads = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.open += [] if tag in self.VOID else [tag]
        self.loads += [tag] if tag in ("link", "iframe", "object", "base") else []
        self.loads += [given[name] for name in ("src", "href") if not given.get(name, "#").startswith(("#", "data:"))]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def job(folder, records, data):
    """A reading's results under `folder` and the job that reports them."""
    name = "speech_commands"
    sheet = {
        "name": name,
        "settings": {},
        "n": N,
        "classes": CLASSES,
        "dimensions": 2,
        "lengths": {"min": 4, "median": 7.0, "max": 11},
        "split_sizes": {part: int(np.sum(data.sequences.split == i)) for i, part in enumerate(SPLITS)},
        "source": {"file": "f", "form": "csv", "origin": "mirror"},
        "licence": "CC0",
    }
    data.sequences.save(folder / f"data/{name}.npz")
    write_arrays(folder / f"data/{name}.labels.npz", labels=data.labels)
    write_json(folder / f"data/{name}.json", sheet)
    write_json(folder / "one_length.json", one_length.narrowed(data.sequences, name, 2, None))
    cells = {}
    for made in records:
        cells.setdefault((made["method"], made["vectorization"]), []).append(made)
    for (method, how), block in cells.items():
        clusters = {made["seed"]: data.labels.astype(np.int32) for made in block if made["usage"]}
        write_scored(folder / f"records/{name}/{method}-{how}.0-9.jsonl", block, {how: clusters})
    methods = list(dict.fromkeys(method for method, _ in cells))
    return {
        "folder": str(folder),
        "reading": "test",
        "selection": "train",
        "scored": "test",
        "published": "rddc_table1",
        "files": [f"records/{name}/{method}-{how}.0-9.jsonl" for method, how in cells],
        "halves": [],
        "rows": list(map(list, cells)),
        "controls": [],
        "skip": {name: {"avg": "<it> is zero"}},
        "figures": {"dataset": name, "one_length": str(folder / "one_length.json")},
        "datasets": [name],
        "methods": {method: described(method) for method in methods},
    }


def test_the_tables_of_a_report_and_what_is_said_below(tmp_path, data, monkeypatch):
    """Without figures: rows in the order that is asked for, controls of the scored split, failures, notes."""
    monkeypatch.setattr(reading, "write_figures", lambda *given: ([], {}))
    asked = job(tmp_path, [ONE, FAILED], data)
    asked["rows"] = asked["rows"][::-1]
    sheet = json.loads((tmp_path / "data/speech_commands.json").read_text())
    write_json(tmp_path / "data/speech_commands.json", sheet | {"notes": {"whole": 100}})
    made = [tmp_path / name for name in ("report.html", "tables", "figures", "clusters")]
    write_report(asked, *made, SimpleNamespace(submit=lambda function, *given: None))
    text, below = made[0].read_text(), (tmp_path / "tables/table1.md").read_text()
    table1 = pd.read_csv(tmp_path / "tables/table1.csv", index_col="method")
    assert list(table1.index[:2]) == ["RDDC", "k-means"]
    assert table1.loc["Control: Majority", "Speech Commands"].startswith("0.50 ")  # 3 of 6; of all it is 31 of 60
    failures = pd.read_csv(tmp_path / "tables/failures.csv")
    assert failures.method.tolist() == ["RDDC"] and failures.reason.tolist() == [FAILED["reason"]]
    assert ">Runs that are not ok</h2>" in text and "2 runs, 1 of them ok, in 2 cells." in text
    for said in (text, below):
        assert "Of Speech Commands 60 of 100 sequences are used" in said and "Published numbers: " in said


FAILED = record(dataset="speech_commands", status="diverged", reason="<script>alert(1)</script> | & “no”")
ONE = record(
    dataset="speech_commands",
    method="kmeans",
    vectorization="zero",
    scores=dict.fromkeys(("train", "validation"), score(0.5)) | {"test": score(0.6)},
)


@pytest.mark.parametrize(
    ("split", "classes", "run", "why"),
    [
        ("train", CLASSES, ONE, "no sequence with a label is in the test split"),
        ("test", [], ONE, "there are no labels"),
        ("test", [], FAILED, "there are no labels"),
    ],
)
def test_a_report_without_scores_says_why(tmp_path, split, classes, run, why, data):
    sequences = replace(data.sequences, split=np.full(N, SPLITS.index(split)))
    labels = data.labels if classes else np.full(N, -1)
    none = [run | {"scores": dict.fromkeys(SPLITS)}]
    asked = job(tmp_path, none, Data(sequences, labels, {"classes": classes}))
    asked |= {"published": None, "figures": {"dataset": None, "one_length": None}}
    sheet = json.loads((tmp_path / "data/speech_commands.json").read_text()) | {"classes": classes}
    sheet |= {"source": sheet["source"] | {"origin": "own"}, "settings": {"k": 2}}
    write_json(tmp_path / "data/speech_commands.json", sheet)
    made = [tmp_path / name for name in ("report.html", "tables", "figures", "clusters")]
    with ThreadPoolExecutor() as beside:
        write_report(asked, *made, beside)
    page = re.sub("<(style|script).*?</\\1>", "", made[0].read_text(), flags=re.DOTALL)
    assert f"Speech Commands: nothing is scored, because {why}." in page
    assert ("not scored" if run is ONE else "failed 0/1") in page
    assert not re.search(r">[^<]*\bnan\b", page)


@pytest.mark.parametrize("records", [[ONE], [ONE, FAILED], [FAILED]], ids=["no RDDC", "RDDC failed", "all failed"])
def test_a_report_of_whatever_there_is(tmp_path, records, data):
    asked = job(tmp_path, records, data)
    for place in ("a", "b"):
        made = [tmp_path / place / name for name in ("report.html", "tables", "figures", "clusters")]
        with ThreadPoolExecutor() as beside:
            write_report(asked, *made, beside)
    first, second = (sorted((tmp_path / place).rglob("*.*")) for place in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert all(path.stat().st_size for path in first)
    assert all(path.is_dir() for path in made[1:])
    assert (tmp_path / "a/tables/records.txt").read_text().splitlines() == asked["files"] != []
    text = (tmp_path / "a/report.html").read_text()
    page = Reader(text)
    assert page.open == [] and page.loads == []
    assert text.count("<img") == len([path for path in first if path.name in ("figure2.png", "figure3.png")]) > 0
    assert not re.search(r">[^<]*\bnan\b", re.sub("<(style|script).*?</\\1>", "", text, flags=re.DOTALL))
    assert not re.search(r"\bnan\b", "".join(path.read_text() for path in first if path.suffix in (".md", ".tex")))
    if FAILED in records:
        assert "failed 0/1" in text and "&lt;script&gt;" in text


NOISE = np.random.default_rng(0).normal(size=(30, 3, 2))


@pytest.mark.parametrize(
    "arrays",
    [
        [np.array([[1.0, 2], [3, 4]])] * 12,
        [np.array([[1.0, 2], [3, 4]]) + 1e-7 * i for i in range(12)],
        [np.zeros((3, 2))] * 12,
        [*NOISE, np.full((3, 2), 9.97e36)],
        [np.full((3, 2), 3e38) * (-1) ** i for i in range(30)],
        NOISE * 1e-40,
        NOISE[:, :, :1] * 1e38,
        NOISE[:2],
    ],
    ids=["copies", "all but copies", "zeros", "a fill value", "huge", "tiny", "huge, padded", "two"],
)
def test_whatever_the_values_are_they_have_places_in_the_plane(arrays):
    """Numbers that t-SNE itself would crash of, or take memory out of hand for."""
    _, points = embedding.plane(Sequences.from_list(arrays), "x")
    assert points.shape == (len(arrays), 2) and np.isfinite(points).all()


def test_padding_for_a_figure_is_bounded():
    offsets = np.cumsum([0] + [5] * 399 + [3_000_000])
    made = Sequences(np.random.default_rng(0).normal(size=(offsets[-1], 1)), offsets)
    assert embedding.embedded_input(made) == "avg"
    assert embedding.embedded_input(made.subset(np.arange(399))) == "zero"
