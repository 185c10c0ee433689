"""The fingerprint study: its clustering against scikit-learn's, its measurements, its misfit, its records."""

import ast
import functools
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.cluster import AgglomerativeClustering, SpectralClustering
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import NearestCentroid

from datasets.normalise import normalise
from datasets.sequences import Sequences
from reports.published import published_scores
from runs.sources import imported_sources
from studies.fingerprints import __main__ as command
from studies.fingerprints import clustering, evidence, page, readings, search
from workflow.studies import case_source


@pytest.fixture
def vectors():
    rng = np.random.default_rng(0)
    return np.repeat(rng.normal(size=(3, 50)), 20, axis=0) * 2 + rng.normal(size=(60, 50))


def test_ward_is_scikit_learns(vectors):
    found = clustering.ward(clustering.squared_distances(vectors), 4)
    assert adjusted_rand_score(found, AgglomerativeClustering(4).fit_predict(vectors)) == 1


def test_spectral_is_scikit_learns(vectors):
    affinity = np.exp(-clustering.squared_distances(vectors) / 50)
    expected = SpectralClustering(3, affinity="precomputed", random_state=0).fit_predict(affinity)
    assert adjusted_rand_score(clustering.spectral(affinity, 3), expected) == 1


def test_affinities_are_scikit_learns(vectors):
    median = np.median(pdist(vectors))
    gammas = {"spectral": 1.0, "spectral_scaled": 1 / 50, "spectral_median": 1 / (2 * (0.15 * median) ** 2)}
    squared = clustering.squared_distances(vectors)
    for name, gamma in gammas.items():
        found = clustering.affinity_of(name, vectors, squared, 50)
        np.testing.assert_allclose(found, rbf_kernel(vectors, gamma=gamma), atol=1e-12)
    found = clustering.affinity_of("spectral_neighbours", vectors, squared, 50)
    order = np.argsort(squared, axis=1)[:, :10]
    near = np.zeros_like(squared)
    np.put_along_axis(near, order, 1, axis=1)
    np.testing.assert_array_equal(found, (near + near.T) / 2)
    assert {*gammas, "spectral_neighbours"} == clustering.AFFINITIES.keys()


def test_a_rotation_keeps_distances(vectors):
    wide = np.hstack([vectors, vectors**2])
    turned = clustering.rotate(wide)
    assert turned.shape[1] < wide.shape[1]
    np.testing.assert_allclose(
        clustering.squared_distances(turned), clustering.squared_distances(wide), atol=1e-6 * (wide**2).sum(1).max()
    )


def test_a_cell_has_the_nmi_by_every_normalisation():
    labels, clusters = np.repeat([0, 1, 2], 20), np.repeat([0, 0, 0, 0, 0, 1], 10)
    found = clustering.cell(labels, clusters)
    expected = [normalized_mutual_info_score(labels, clusters, average_method=n) for n in clustering.NORMALISATIONS]
    assert found == [0.5, *np.round(expected, 4)]
    assert found[2] > found[1] > found[3]


def test_separability_is_that_of_the_nearest_class_mean(vectors):
    labels = np.repeat([0, 1, 2], 20)
    vectors = vectors + 8 * np.random.default_rng(1).normal(size=vectors.shape)
    bound = readings.Separability(vectors, labels)
    for classes in [(0, 1), (0, 2), (1, 2), (0, 1, 2)]:
        chosen = np.isin(labels, classes)
        expected = NearestCentroid().fit(vectors[chosen], labels[chosen]).score(vectors[chosen], labels[chosen])
        assert bound(classes) == pytest.approx(expected)
    assert bound((0, 1, 2)) < 1


# ---- statements, each on data that have the property and on data that don't


def made_up(length_decides):
    """Sequences of two words whose averages tell the length, or the word."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 100)
    lengths = rng.integers(10, 100, 200)
    level = lengths / 20 if length_decides else 5.0 * labels
    sequences = [rng.normal(x, 1, (length, 2)) for x, length in zip(level, lengths, strict=True)]
    return Sequences.from_list(sequences), labels


@pytest.mark.parametrize("statement", evidence.STATEMENTS["speech_commands"])
def test_the_statements_on_speech_commands_can_hold_and_fail(statement):
    found = {decides: statement.measure(*made_up(decides), {}) for decides in (True, False)}
    of_length = statement.measure in (evidence.length_of_neighbours, evidence.length_of_clusters)
    assert found[of_length] >= statement.demand > found[not of_length]


def test_zero_means_and_different_spreads_are_told_from_others():
    statement, of_spread = evidence.STATEMENTS["arabic_digits"]
    sequences, labels = made_up(True)
    centred = Sequences.from_list([sequences[i] - sequences[i].mean(axis=0) for i in range(len(sequences))])
    assert statement.measure(centred, labels, {}) >= statement.demand
    assert statement.measure(sequences, labels, {}) < statement.demand
    for scale, holds in (("none", True), ("all", False)):
        values = normalise(sequences.values * [1, 5], sequences.offsets, "all", scale)
        scaled = replace(sequences, values=values.astype(np.float32))
        assert (of_spread.measure(scaled, labels, {}) >= of_spread.demand) == holds


def test_the_averages_are_best_only_where_they_are():
    (statement,) = evidence.STATEMENTS["twenty_newsgroups"]
    cells = {"kmeans-zero": [0.4], "kmeans-crop": [0.6], "kmeans-avg": [0.9]}
    assert statement.measure(None, None, cells) == pytest.approx(0.3)
    assert statement.measure(None, None, cells | {"kmeans-crop": [0.95]}) < statement.demand


def test_sequences_of_about_one_length_are_the_quarter_around_the_median():
    sequences, labels = made_up(True)
    vectors, words = evidence.narrow(sequences, labels)
    order = np.argsort(sequences.lengths, kind="stable")[75:125]
    shortest = sequences.lengths[order].min()
    expected = [sequences[i][:shortest].mean(axis=0) for i in sorted(order)]
    np.testing.assert_allclose(vectors, expected, rtol=1e-5)
    np.testing.assert_array_equal(words, labels[sorted(order)])


# ---- misfit


def record(name, cells=None, found=None):
    """A record whose cells are the published ones and whose statements hold, but for what is given."""
    goal = evidence.published()[name]
    perfect = {
        f"{key if method == 'spectral' else method}-{how}": [accuracy, nmi, nmi, nmi]
        for (method, how), (accuracy, nmi) in goal.items()
        for key in (clustering.AFFINITIES if method == "spectral" else [method])
    }
    demands = [statement.demand for statement in evidence.STATEMENTS[name]]
    all_cells = perfect | (cells or {})
    return {"cells": all_cells, "test_cells": [all_cells] * 3, "measurements": demands if found is None else found}


@pytest.mark.parametrize("name", readings.READERS)
@pytest.mark.parametrize("protocol", ["test", "all"])
def test_the_misfit_is_zero_for_what_is_published_and_grows(name, protocol):
    assert evidence.misfit(name, record(name), protocol)["total"] == 0
    worse = evidence.misfit(name, record(name, {"kmeans-zero": [0.0, 0.0, 0.0, 0.0]}), protocol)
    assert worse["kmeans"] == worse["total"] == pytest.approx(sum(evidence.published()[name]["kmeans", "zero"]))


def test_spectral_clustering_counts_with_the_best_affinity():
    one = {f"spectral_scaled-{how}": [0.0] * 4 for how in ("zero", "crop", "avg")}
    assert evidence.misfit("speech_commands", record("speech_commands", one))["spectral"] == 0
    every = {f"{a}-{how}": [0.0] * 4 for a in clustering.AFFINITIES for how in ("zero", "crop", "avg")}
    assert evidence.misfit("speech_commands", record("speech_commands", every))["spectral"] > 1


def test_a_statement_counts_with_what_it_lacks():
    demands = [statement.demand for statement in evidence.STATEMENTS["speech_commands"]]
    found = [demands[0] - 0.25, *(demand + 0.05 for demand in demands[1:])]
    assert evidence.misfit("speech_commands", record("speech_commands", found=found))["statements"] == 0.25


def test_the_nmi_is_compared_by_the_normalisation_that_is_asked_for():
    cells = {"ward-avg": [0.57, 0.1, 0.04, 0.3]}
    totals = [
        evidence.misfit("speech_commands", record("speech_commands", cells), "test", normalisation)["total"]
        for normalisation in clustering.NORMALISATIONS
    ]
    assert totals == pytest.approx([0.06, 0, 0.26])


def test_the_ranked_probability_score_is_least_for_the_right_distribution():
    """A draw of a wide distribution is nearest, on average, to that distribution, and not to its mean."""
    rng = np.random.default_rng(0)
    draws = rng.normal(0.5, 0.2, 2000)
    wide, narrow, off = (
        np.array([evidence.crps(rng.normal(m, s, 10), draw) for draw in draws]).mean()
        for m, s in ((0.5, 0.2), (0.5, 0.01), (0.8, 0.2))
    )
    assert wide < narrow < off
    assert evidence.crps(np.array([0.3]), 0.5) == pytest.approx(0.2)
    # The expectation for a normal distribution, E|X - y| - E|X - X'| / 2 over y: sigma / sqrt(pi).
    assert wide == pytest.approx(0.2 / np.sqrt(np.pi), abs=0.01)


def test_no_deep_row_takes_part(monkeypatch):
    """Whatever is published of DEC, DDC and RDDC, the evidence is the same."""
    before, table = evidence.published(), published_scores("rddc_table1", ["accuracy", "nmi"])
    deep = table.method.isin(["dec", "ddc", "rddc"])
    assert deep.sum() > 10
    table.loc[deep, ["published_accuracy", "published_nmi"]] = 0.123
    monkeypatch.setattr(evidence, "published_scores", lambda *_: table)
    assert evidence.published.__wrapped__() == before
    assert {method for cells in before.values() for method, _ in cells} == {"kmeans", "ward", "spectral"}


def test_another_text_of_the_page_searches_nothing_anew():
    files = {path.name for path in imported_sources(case_source("fingerprints"))}
    assert {"search.py", "evidence.py", "readings.py", "clustering.py", "speech_commands.py"} <= files
    assert not files & {"page.py", "__main__.py", "style.py"}


def test_no_method_of_this_benchmark_takes_part():
    """Nothing deep can be run: of what is around it the search imports vectorisations, published cells and ACC."""
    imported = {
        node.module
        for path in imported_sources(search.__file__)
        if path.parent.name == "fingerprints"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    ours = {module for module in imported if module.split(".")[0] in ("methods", "reports", "runs", "torch")}
    assert ours == {"methods.vectorize", "reports.published", "runs.scores"}


# ---- records and page


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"stage": "screen"}\n{"stage": "fi')
    assert search.load_records(tmp_path / "a.jsonl") == [{"stage": "screen"}]
    assert search.load_records(tmp_path / "nothing.jsonl") == []


@pytest.fixture
def made_up_study(monkeypatch):
    """A data set of three readings, the second of which is k-means' and Ward's published cells on average inputs."""

    def read(fetched, seed):
        rng = np.random.default_rng(seed)
        for noise in (0.1, 1.0, 10.0):
            labels = np.repeat([0, 1, 2], 20)
            sequences = Sequences.from_list([rng.normal(3 * c, noise, (5 + c, 2)) for c in labels])
            yield readings.Reading({"noise": noise}, lambda s=sequences, y=labels: (s, y))

    module = readings.READERS["arabic_digits"][0]
    monkeypatch.setitem(search.READERS, "arabic_digits", (module, read, ("zero", "crop"), 3))


def test_a_search_that_goes_on_gives_the_records_of_one_that_did_not_stop(made_up_study, tmp_path):
    search.run("arabic_digits", tmp_path, None, tmp_path / "whole")
    whole = search.load_records(tmp_path / "whole/arabic_digits.jsonl")
    assert [r["stage"] for r in whole] == ["screen"] * 3 + ["final"] * 3
    (tmp_path / "cut").mkdir()
    text = (tmp_path / "whole/arabic_digits.jsonl").read_text()
    (tmp_path / "cut/arabic_digits.jsonl").write_text("".join(text.splitlines(True)[:4]) + '{"stage": "fin')
    search.run("arabic_digits", tmp_path, None, tmp_path / "cut")
    again = search.load_records(tmp_path / "cut/arabic_digits.jsonl")
    assert [r | {"seconds": 0} for r in again] == [r | {"seconds": 0} for r in whole]


def test_the_page_shows_cells_and_statements_and_equal_records_give_equal_bytes(made_up_study, tmp_path):
    search.run("arabic_digits", tmp_path, None, tmp_path)
    page.report(tmp_path)
    first = {path.name: path.read_bytes() for path in tmp_path.glob("fingerprints.*")}
    assert sorted(first) == ["fingerprints.csv", "fingerprints.md", "fingerprints.pdf", "fingerprints.png"]
    text = first["fingerprints.md"].decode()
    statement = "all sequences are normalised to have zero mean"
    for wanted in ("0.71 (0.60)", "noise 10.0", statement, "✗", "NMI divided by the larger entropy"):
        assert wanted in text
    page.report(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("fingerprints.*")} == first


def test_the_chosen_reading_is_the_best_without_spectral_clustering_of_those_that_cannot_be_told_apart():
    def made(kmeans, spectral):
        cells = {"kmeans-zero": [0.51 + kmeans, 0, 0, 0]}
        cells |= {f"{affinity}-zero": [0.5 + spectral, 0.03, 0.03, 0.03] for affinity in clustering.AFFINITIES}
        return record("speech_commands", cells)

    best, chosen, worse = made(0.10, 0.00), made(0.02, 0.12), made(0.00, 0.25)
    assert page.near("speech_commands", [best, chosen, worse]) == [best, chosen]
    assert page.chosen("speech_commands", [best, chosen, worse]) is chosen


def test_raw_data_that_can_not_be_had_are_told_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "raw").touch()  # where a folder is wanted
    arguments = [f"--{name}={tmp_path / name}" for name in ("raw", "mirror", "out")]
    monkeypatch.setattr("sys.argv", ["fingerprints", "run", "arabic_digits", *arguments])
    with pytest.raises(SystemExit, match=r"\Aerror: [^\n]*raw[^\n]*\Z"):
        command.main()


def test_a_page_without_records_says_what_to_do(tmp_path):
    with pytest.raises(SystemExit, match="run first"):
        page.report(tmp_path)


@pytest.mark.parametrize("name", ["speech_commands", "arabic_digits"])
def test_readings_have_names_of_their_own(name, mirror, tmp_path):
    module, read, *_ = readings.READERS[name]
    found = read(functools.partial(search.place, module.SOURCE, tmp_path, mirror), 0)
    keys = [search.key_of("screen", reading.settings) for reading in found]
    assert len(keys) == len(set(keys)) >= 8
