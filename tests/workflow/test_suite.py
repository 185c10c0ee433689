"""The suite as a user runs it: the page from records, a new row whose cells alone run, and whether it is better."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from fake_records import described, record, runs, score, write_scored
from test_snakemake import copy_of_the_project, jobs, snakemake

from reports import compare
from reports.standings import Standings
from runs.results import frame
from studies import suite
from workflow import layers

TOY = '''"""Sorts by the mean of a vector's first half: no method, a toy. Source: none."""

import numpy as np

from .base import Clusterer, store


class Toy(Clusterer):
    """Halves of equal size.

    Parameters
    ----------
    n_clusters : int
    random_state : int or None
    """

    deterministic = True

    def __init__(self, n_clusters=2, random_state=None):
        store(locals())

    def fit(self, X, y=None):
        """Cluster vectors."""
        X = self._check(X, reset=True)
        self.bound_ = float(np.median(X.mean(axis=1)))
        self.labels_ = self.predict(X)
        return self

    def predict(self, X):
        """Above or below the bound."""
        return (self._check(X, reset=False).mean(axis=1) > self.bound_).astype(np.int64)
'''
CONFIG = {
    "results": "results",
    "seeds": 2,
    "datasets": {"left": {"path": "left"}, "right": {"path": "right"}},
    "run": {"methods": ["kmeans", "ward"], "vectorizations": ["avg"], "controls": []},
    "methods": {"kmeans": {"seeds": 2}, "ward": {"vectorizations": ["resample"]}},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = copy_of_the_project(tmp_path_factory.mktemp("project"))
    rng = np.random.default_rng(0)
    for name in ("left", "right"):
        (folder / name).mkdir()
        for i in range(12):
            np.savetxt(
                folder / name / f"s{i}.csv", rng.normal(3 * (i % 2), 0.5, (4 + i % 5, 1)), header="x", comments=""
            )
        (folder / name / "labels.csv").write_text("identifier,label\n" + "".join(f"s{i},{i % 2}\n" for i in range(12)))
    return folder


def test_the_page_comes_from_records_and_a_new_row_runs_its_own_cells_alone(project):
    ran = snakemake(project, "--", "suite", config=CONFIG)
    assert ran.returncode == 0, ran.stdout
    page = (project / "results/suite/suite.html").read_text()
    assert page.count("<section>") == 9 and "k-means, time average" in page and "Ward, resampled" in page
    assert 'href="#part7"' in page and 'id="part7">Left<' in page
    (project / "methods/toy.py").write_text(TOY)
    again = layers.merge(CONFIG, {"run": {"methods": ["kmeans", "ward", "toy"]}})
    ran = snakemake(project, "--", "suite", config=again)
    assert ran.returncode == 0, ran.stdout
    assert jobs(ran) == {"train": 2, "score": 2, "suite": 1}
    assert all("method=toy" in line for line in re.findall(r"wildcards: .*method=.*", ran.stdout))
    assert "Toy, time average" in (project / "results/suite/suite.html").read_text()
    compared = subprocess.run(
        [sys.executable, "-m", "workflow.scripts.compare", "results/own", "--row", "toy"],
        cwd=project, capture_output=True, text=True,
    )  # fmt: skip
    lines = compared.stdout.splitlines()
    assert compared.returncode == 0 and len(lines) == 2, compared.stderr
    assert lines[0].startswith("toy, avg less kmeans, avg: ARI ") and lines[0].endswith("(on 2 data sets)")


def made_up(folder, level, late=1):
    """Records of eight data sets: `new` is `level` above k-means, `slow` runs into its limit on the first, or more."""
    rng = np.random.default_rng(0)
    for i in range(8):
        base, name = rng.uniform(0.2, 0.6), f"set_{i}"
        for method, gain in (("kmeans", 0), ("new", level), ("slow", -0.05), ("free", 0.0)):
            value = float(base + gain + rng.normal(0, 0.005))
            status = "timeout" if method == "slow" and i < late else "ok"
            scores = dict.fromkeys(("accuracy", "nmi", "nmi_geometric", "ari", "ami"), value)
            scores |= {"n_clusters": 2, "accuracy_error": 0.0, "nmi_error": 0.0}
            found = {"train": scores, "validation": None, "test": None}
            usage = [60, 40] if method != "free" else [30, 30, 20, 20] if i % 2 else [100]
            one = record(dataset=name, method=method, algorithm="kmeans", status=status, usage=usage, scores=found)
            write_scored(folder / f"records/{name}/{method}-none.0-0.jsonl", [one], {"none": {0: np.array([0])}})
        (folder / "data").mkdir(exist_ok=True)
        sheet = {"n": 100 * (i + 1), "dimensions": 1 + i, "classes": ["a", "b"], "licence": "CC0"}
        sheet |= {"lengths": {"min": 1, "median": 20.0 * (i + 1), "max": 300}}
        (folder / f"data/{name}.json").write_text(json.dumps(sheet))
    files = [
        f"records/set_{i}/{method}-none.0-0.jsonl" for i in range(8) for method in ("kmeans", "new", "slow", "free")
    ]
    rows = {name: described("kmeans", title=name.title()) for name in ("kmeans", "new", "slow")}
    rows["free"] = described("silhouette_k", title="Free")
    return {"folder": str(folder), "files": files, "rows": rows, "controls": [], "families": {}}


@pytest.mark.parametrize(
    ("level", "verdict"), [(0.1, "better"), (-0.1, "worse"), (0.0, "no difference that these data sets show")]
)
def test_compare_tells_whether_a_row_is_better(level, verdict, tmp_path):
    made_up(tmp_path, level)
    (line,) = [line for line in compare.better(tmp_path, "new") if "less kmeans" in line]
    assert f": {verdict} (on 8 data sets)" in line
    (line,) = [line for line in compare.better(tmp_path, "new") if "less slow" in line]
    assert line.endswith("(on 7 data sets)")
    with pytest.raises(ValueError, match="no row 'old' and another to compare it with"):
        compare.better(tmp_path, "old")


def test_compare_looks_at_the_test_split_where_there_is_one(tmp_path):
    """On which `new` is worse than k-means, while it is better on the training split."""
    made_up(tmp_path, 0.1)
    for file in (tmp_path / "scores").glob("*.jsonl"):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        for line in lines:
            line["scores"]["test"] = line["scores"]["train"] | {"ari": 0.2 if line["method"] == "new" else 0.5}
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (line,) = [line for line in compare.better(tmp_path, "new") if "less kmeans" in line]
    assert "0 wins, 0 ties, 8 losses" in line and ": worse (on 8 data sets)" in line


@pytest.mark.parametrize(
    ("level", "words"),
    [(0.1, "1.0, number 1 of 3, in the upper third"), (-0.1, "3.0, number 3 of 3, not in the upper third")],
)
def test_the_sentences_say_where_rddc_stands(level, words, tmp_path):
    part = made_up(tmp_path, level)
    part["rows"]["new"] = described("rddc", title="New")
    (said,) = [line for line in Standings("test", part, "train", "train").said() if "upper third" in line]
    assert said.startswith(f"New: on 7 data sets its mean rank is {words}; on 8 data sets its mean rank is")


def test_data_sets_of_the_same_recordings_count_once(tmp_path):
    part = made_up(tmp_path, 0.1)
    assert not [line for line in Standings("test", part, "train", "train").said() if "witnesses" in line]
    part["families"] = {"twins": ["set_1", "set_2", "set_3"], "failed": ["set_0", "set_4"]}
    found = Standings("test", part, "train", "train")
    assert found.apart.columns.tolist() == ["twins", "failed", "set_5", "set_6", "set_7"]
    np.testing.assert_allclose(found.apart["twins"], found.complete[["set_1", "set_2", "set_3"]].mean(axis=1))
    np.testing.assert_allclose(found.apart["failed"], found.complete["set_4"])
    (line,) = [line for line in found.said() if "witnesses" in line]
    assert (
        "they leave 5 (Friedman's p = " in line
        and "the best mean ranks are those of New, 1.0 and k-means, 2.0." in line
    )


def test_a_row_whose_shuffled_input_is_a_control_is_ranked(tmp_path):
    part = made_up(tmp_path, 0.1)
    for i in range(8):
        file = f"records/set_{i}/new-shuffled.0-0.jsonl"
        made = record(dataset=f"set_{i}", method="new", algorithm="kmeans", vectorization="shuffled")
        write_scored(tmp_path / file, [made], {"shuffled": {0: np.array([0])}})
        part["files"].append(file)
    part["controls"] = json.loads(json.dumps([("new", "shuffled")]))
    found = Standings("test", part, "train", "train")
    assert found.table.index.tolist() == [("new", "none"), ("kmeans", "none"), ("slow", "none")]
    assert "24 runs of 3 ranked rows" in found.said()[0] and "have 16 more runs" in found.said()[0]


def test_half_of_the_clusters_count_as_ok_and_fewer_enter_no_mean(tmp_path):
    part, file = made_up(tmp_path, 0.1), "records/set_1/new-none.1-2.jsonl"
    before = Standings("test", part, "train", "train").table.loc[("new", "none"), "set_1"]
    new = {"dataset": "set_1", "method": "new", "algorithm": "kmeans", "status": "collapsed", "reason": "x"}
    made = [
        record(**new, seed=seed, n_clusters=asked, scores=dict.fromkeys(("train", "validation", "test"), score(value)))
        for seed, asked, value in ((1, 4, 0.5), (2, 10, 1.0))  # two clusters each
    ]
    write_scored(tmp_path / file, made, {})
    part["files"].append(file)
    found = Standings("test", part, "train", "train")
    assert (found.n, found.n_ok, found.n_emptied) == (26, 24, 1)
    cell = found.cells.set_index(["dataset", "method"]).loc[("set_1", "new")]
    assert (cell.n, cell.n_ok, cell.failures) == (3, 2, "1 collapsed")
    assert [cell.ari, found.table.loc[("new", "none"), "set_1"]] == pytest.approx([(before + 0.5) / 2] * 2)


def test_rows_are_told_apart_by_what_is_held_to_all_pairs(tmp_path):
    found = Standings("test", made_up(tmp_path, 0.1), "train", "train")
    found.compared = found.compared.assign(p=0.01, holm=[0.04, 0.06, 0.06])
    assert found.pair_table()["told apart"].tolist() == ["yes", "no", "no"]


def test_costs_are_of_the_shared_data_sets_and_grow_as_those_of_ok_runs_do(tmp_path):
    found, lengths = Standings("test", made_up(tmp_path, 0.1), "train", "train"), [20, 90, 40, 70, 30, 60, 80, 50]
    for sheet, length in zip(found.sheets.values(), lengths, strict=True):
        sheet["lengths"]["median"] = length
    size = {name: sheet["n"] ** 2 * sheet["lengths"]["median"] for name, sheet in found.sheets.items()}
    late = found.cells.n_ok == 0  # `slow` on the first, which isn't shared
    found.cells["seconds"] = found.cells.dataset.map(size).where(~late, 1e12).astype(float)
    costs = found.costs()
    assert costs.seconds.tolist() == [np.median(list(size.values())[1:])] * 3 and late.sum() == 1
    assert costs.longest.tolist() == [max(size.values())] * 2 + [1e12]
    np.testing.assert_allclose(costs[["exponent_n", "exponent_length"]], [[2, 1]] * 3)
    assert found.unknown_table().ok.tolist() == ["8/8 runs"]
    found.cells.loc[found.cells.method == "free", "n_ok"] = [1, 0] * 4
    assert found.unknown_table().ok.tolist() == ["4/8 runs"]


def test_a_cell_has_the_ari_of_its_lowest_loss_and_the_means_of_its_ok_runs():
    made = runs([0.9, 0.7, None], [0.3, 0.1, None])
    for run, ari in zip(made, (0.8, 0.2), strict=False):
        run["scores"]["test"]["ari"] = ari
    cell = Standings._cell(frame(made).assign(off=[1, 3, np.nan]), "train")
    assert (cell["n"], cell["n_ok"], cell["failures"]) == (3, 2, "1 diverged")
    assert [cell[name] for name in ("lowest", "ari", "accuracy", "off")] == pytest.approx([0.2, 0.5, 0.8, 2])


def test_a_data_set_of_rows_that_are_not_told_k_alone_has_no_place_in_the_ranks(tmp_path):
    part = made_up(tmp_path, 0.1)
    part["files"] = [file for file in part["files"] if "set_7" not in file or "free" in file]
    found = Standings("test", part, "train", "train")
    assert found.table.shape == (3, 7) and "set_7" not in found.table and len(found.heat()) == 7
    assert "on 7 data sets, 20 of them ok" in found.said()[0]
    assert found.unknown_table()["right on"].tolist() == ["0 of 8 data sets"]


def test_a_row_that_fails_everywhere_leaves_a_page_without_tests(tmp_path):
    part = made_up(tmp_path, 0.1, late=8)
    part["rows"]["new"] = described("rddc", title="New")
    suite.report({"selection": "train", "scored": "train", "variants": {"test": part}}, tmp_path / "page")
    text = (tmp_path / "page/suite.md").read_text()
    assert "as these rows failed: Slow on 8." in text and "That is too little to test rows by." in text
    assert "New: on 8 data sets its mean rank is 1.0, number 1 of 3, in the upper third." in text
    assert "nan" not in text.lower()


def test_failures_are_shown_and_take_no_part_and_unknown_numbers_have_a_table_of_their_own(tmp_path):
    part = made_up(tmp_path, 0.1)
    found = Standings("test", part, "train", "train")
    assert [row[0] for row in found.table.index] == ["new", "kmeans", "slow"]
    assert found.complete.shape == (3, 7) and "set_0" not in found.complete
    assert found.heat().loc[0, found.heat().columns[-1]] == "timeout 0/1"
    assert found.heat()["length"].tolist() == ["median below 50"] * 2 + ["50 to 130"] * 4 + ["from 130"] * 2
    assert found.shades().iloc[0].isna().tolist() == [False, False, True]
    ranked = found.rank_table()
    assert ranked["failed on"].tolist() == ["0/8", "0/8", "1/8"]
    assert ranked["mean ARI"].tolist() == [f"{mean:.3f}" for mean in found.complete.mean(axis=1)]
    (unknown,) = found.unknown_table().to_dict("records")
    assert unknown["mean |k̂ - k|"] == "1.5" and unknown["right on"] == "0 of 8 data sets"
    assert "24 runs of 3 ranked rows on 8 data sets, 23 of them ok" in found.said()[0]
    assert "on 7 data sets every row has a number" in found.said()[0] and "have 8 more runs" in found.said()[0]
    job = {"selection": "train", "scored": "train", "variants": {"test": part, "again": part}}
    suite.report(job, tmp_path / "page")
    assert (tmp_path / "page/ranks.png").is_file()
    assert (tmp_path / "page/suite.csv").read_text().count("\n") == 1 + 2 * 8 * 4
