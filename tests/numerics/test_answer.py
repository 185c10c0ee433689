"""What the page says first of data without labels: which k, by stability and by indices, and where they disagree."""

import numpy as np
import pandas as pd
import pytest
from fake_records import runs
from sklearn.metrics import adjusted_rand_score

from datasets.prepare import prepare
from datasets.sequences import Sequences
from methods.kmeans import KMeans
from methods.vectorize import vectorize
from reports import plots
from reports.agreement import agreement
from reports.answer import all_answers, by_labels, by_stability, certainty, disagreement, outcome, sizes, typical
from reports.data import Data
from reports.indices import BEST, HALVES, index_table, indices, measure, space
from reports.published import CELL
from reports.statistics import summarise
from runs.halves import halves

KS = (2, 5, 10)
STEADY = {"halves": [0.9, 0.5, 0.4], "halves_ok": 2, "halves_n": 2, "agreement": [1.0, 1.0, 1.0]}
INDICES = {"silhouette": [0.4, 0.3, 0.2], "calinski_harabasz": [30.0, 20.0, 10.0], "davies_bouldin": [1.0, 1.2, 1.4]}


def rows(**changed):
    """A row of the tables for each k of `KS`; all measures choose 2 unless changed."""
    values = STEADY | INDICES | changed
    return pd.DataFrame({"method": "kmeans", "vectorization": "resample", "k": KS, **values})


def measured(mirror, tmp_path, name):
    """k-means on a set of the archive, whose labels nobody looks at, as the report measures it."""
    settings = {"like": "ucr", "name": name, "normalise": "sequence"}
    sequences, _, _ = prepare("x", settings, {"kind": "everything"}, raw=tmp_path, mirror=mirror)
    X, found = vectorize(sequences, "resample"), {"halves": [], "agreement": [], **{index: [] for index in BEST}}
    for k in KS:
        fits = [KMeans(k, random_state=seed).fit(X) for seed in range(3)]
        pairs = [
            [KMeans(k, random_state=pair).fit(X[half == 0]).predict(X) for half in halves(len(X), pair)]
            for pair in range(2)
        ]
        found["halves"].append(np.mean([adjusted_rand_score(*pair) for pair in pairs]))
        found["agreement"].append(agreement([fit.labels_ for fit in fits]))
        for index, value in indices(sequences, fits[0].labels_).items():
            found[index].append(value)
    return rows(**found)


def test_gestures_on_which_the_measures_disagree_get_a_warning(mirror, tmp_path):
    found = measured(mirror, tmp_path, "PickupGestureWiimoteZ")
    best, _ = by_stability(found)
    told = disagreement(found, best)
    for name, kind in {
        "halves": "max",
        "silhouette": "max",
        "calinski_harabasz": "max",
        "davies_bouldin": "min",
    }.items():
        chosen = found.k[found[name].agg(f"idx{kind}")]
        part = told.split(f"{name.replace('_', '-')}: ")[1].split(";")[0].split(")")[0]
        assert str(chosen) in part.split(" or ")


def test_gestures_on_which_they_agree_get_none(mirror, tmp_path):
    found = measured(mirror, tmp_path, "GestureMidAirD1")
    best, told = by_stability(found)
    assert best.k == 2 and "halves of the data agree on it" in told and disagreement(found, best) is None


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, None),
        ({"silhouette": [0.2, 0.3, 0.4]}, "halves: 2; silhouette: 10; calinski-harabasz: 2; davies-bouldin: 2"),
        ({"davies_bouldin": [1.4, 1.2, 1.0]}, "davies-bouldin: 10"),
        ({"halves": [0.4, 0.88, 0.9]}, "halves: 5 or 10; silhouette: 2"),  # nearly as stable is as stable
        ({"agreement": [0.5, 0.6, 0.9]}, "halves: 2; agreement: 10; silhouette: 2"),
        ({"halves": [np.nan] * 3}, None),
        ({"halves": [np.nan] * 3, "silhouette": [0.2, 0.3, 0.4]}, "(silhouette: 10; calinski-harabasz: 2"),
        ({"halves_ok": [1, 2, 2]}, "halves: 5; silhouette: 2"),  # 0.9, of which a pair failed, isn't the highest
        ({"halves": [0.9, 0.9, 0.9]}, None),  # stable everywhere chooses nothing
    ],
)
def test_a_warning_says_what_each_measure_chooses(changed, told):
    found = rows(**changed)
    best, _ = by_stability(found)
    said = disagreement(found, best)
    assert said is None if told is None else told in said and "disagrees" in said


def test_stability_chooses_and_silhouette_among_equals():
    best, told = by_stability(rows(halves=[0.4, 0.88, 0.9]))
    assert best.k == 5 and "of the 2 within 0.05 of the highest it has the highest silhouette (0.30)" in told
    best, told = by_stability(rows(halves=[np.nan] * 3, agreement=[np.nan] * 3))
    assert best.k == 2 and "no row has two runs that could agree" in told


def test_one_cluster_is_no_answer_where_there_are_others():
    """All of its runs and halves agree, whatever the data are."""
    best, _ = by_stability(rows(k=[1, 2, 5]))
    assert best.k == 2 and by_stability(rows(k=[1, 1, 1]))[0].k == 1


@pytest.mark.parametrize(("better", "told"), [(True, "better than Random"), (False, "no better than Random")])
def test_what_a_control_says_of_the_answer_is_told(better, told):
    row = rows(n_ok=3, n=3, accuracy=0.8, accuracy_low=0.7, accuracy_high=0.9).iloc[0]
    cell = ("kmeans", "resample", "mine")
    compared = pd.DataFrame([dict(zip(CELL, cell, strict=True)) | {"better": better, "control": ["random"]}])
    said = certainty(row, cell, compared, None, {}).split("; ")
    assert said[-1] == told and "accuracy 0.80, 95 % prediction 0.70 to 0.90" in said


def test_rows_with_a_failed_pair_of_halves_come_last():
    best, told = by_stability(rows(halves_ok=[1, 2, 2]))
    assert best.k == 5 and "halves of the data agree on it (0.50 of 1); its silhouette" in told
    best, told = by_stability(rows(halves_ok=1))
    assert best.k == 2 and "halves of the data agree on it (0.90 of 1, 1/2 pairs ok)" in told


@pytest.mark.parametrize(
    ("pairs", "told"),
    [((0.95, 2, 2), "0.95"), ((0.95, 1, 2), "0.95 1/2"), ((np.nan, 0, 2), "failed 0/2"), (None, None)],
)
def test_how_many_pairs_of_halves_are_ok_is_told_everywhere(pairs, told):
    cell, clusters = ("kmeans", "avg", "mine"), np.array([0, 0, 1, 1])
    sequences = Sequences.from_list([np.full((3, 1), value) for value in (0.0, 0.1, 5.0, 5.1)])
    data = {"mine": Data(sequences, clusters, {"source": {"origin": "own"}, "name": "mine", "settings": {"k": 2}})}
    found = measure(data, {cell: clusters}, {cell: 1.0}, {cell: pairs} if pairs else {})
    assert index_table(found).halves.tolist() == [told or "–"]
    row = found.assign(n_ok=3, n=3, accuracy=np.nan, control=False, k=2).iloc[0]
    sure = certainty(row, cell, pd.DataFrame(columns=CELL), found.assign(control=False), {cell: clusters})
    assert sure == "3 runs, agreement (mean ARI) 1.00" + (f"; agreement of halves {told}" if told else "")
    drawn = [
        trace["text"]
        for trace in plots.over_k(found.assign(k=2), lambda row: row.method)["data"]
        if "halves" in trace["name"]
    ]
    assert drawn == ([[told]] if pairs and pairs[1] else [])


def test_only_what_is_ok_on_the_first_split_is_looked_at():
    """Files of clusters are of that split: the row that is best on another one has none to show."""
    kmeans, cell = {"method": "kmeans", "vectorization": "avg"}, ("kmeans", "avg", "arabic_digits")
    records = [one for split in range(2) for one in runs([0.6], [0.1], **kmeans, split=split)]
    best = [*runs([None], [None], split=0), *runs([0.9], [0.1], split=1)]
    labels = np.array([0, 0, 1, 1])
    sequences = Sequences.from_list([np.full((3, 1), value) for value in (0.0, 0.1, 5.0, 5.1)])
    data = {"arabic_digits": Data(sequences, labels, {"source": {"origin": "official"}})}
    sure = {cell: {"agreement": np.ones(4), "margin": np.ones(4)}}

    def said(records, clusters, apart=()):
        summary = summarise(records, "test", "train", published=None, controls=apart)
        measured, compared = measure(data, clusters, {}, {}), pd.DataFrame(columns=CELL)
        (answer,) = all_answers(records, summary, data, clusters, {}, sure, measured, compared)
        return dict(answer.lines)["Look at"]

    assert said(records + best, {cell: labels}).startswith("k-means, time average, 2 clusters: its accuracy of 0.60")
    control = runs([0.9], [0.1], method="length_kmeans")
    both = {cell: labels, ("length_kmeans", "none", cell[-1]): labels}
    assert said(records + control, both, {("length_kmeans", "none")}).startswith("k-means, time average, 2 clusters: ")
    assert said(best, {}) == "nothing: no run is ok on the first split"
    assert said(best[:1], {}) == "nothing: no run is ok"


def test_labels_choose_by_accuracy_and_the_next_is_named():
    best, told = by_labels(rows(accuracy=[0.6, 0.9, 0.7], agreement=[1.0, 0.5, 0.6], control=False))
    assert best.k == 5 and told.startswith("its accuracy of 0.90 is the highest of 3 rows; next is k-means, resampled")
    assert "with 0.70. The labels chose it" in told


def test_the_answer_on_a_data_set_is_of_its_own_runs():
    cell, labels = ("kmeans", "avg", "arabic_digits"), np.array([0, 0, 1, 1])
    records = runs([0.6, None], [0.1, None], method="kmeans", vectorization="avg")
    records += runs([None], [None], method="kmeans", vectorization="avg", dataset="mine")
    of = Data(Sequences.from_list([np.full((3, 1), value) for value in range(4)]), labels, {"source": {"origin": "x"}})
    data, sure = dict.fromkeys((cell[-1], "mine"), of), {cell: {"agreement": np.ones(4), "margin": np.ones(4)}}
    summary = summarise(records, "test", "train", published=None)
    measured, compared = measure(data, {}, {}, {}), pd.DataFrame(columns=CELL)
    answers = all_answers(records, summary, data, {cell: labels}, {}, sure, measured, compared)
    assert [(one.name, dict(one.lines)["Failed"]) for one in answers] == [
        ("Arabic Digits", "1 of 2 runs (k-means, time average: 1 diverged)"),
        ("Mine", "1 of 1 runs (k-means, time average: 1 diverged)"),
    ]


def test_typical_and_least_sure_sequences_of_a_cluster():
    """Seven of a cluster after two of another, whose means differ more in the first column but for its wide spread."""
    sign, found = np.array([1, -1, *[1, -1] * 3, 0]), np.array([3] * 2 + [0] * 7)
    arrays = [np.full((4, 2), [100 * s + c, c / 3 + i / 100]) for i, (s, c) in enumerate(zip(sign, found, strict=True))]
    data = Data(Sequences.from_list(arrays), None, {"identifiers": list("abcdefghi")})
    sure = {
        "agreement": np.array([1, 1, 1, 0.5, 1, 0.5, 0.25, 1, 1]),
        "margin": np.array([0.5, 0.6, 0.85, 0.8, 0.9, 0.2, 0.3, 0.05, 0.82]),
    }
    first, second = typical("x", data, found, sure).values()
    assert first[0] == "Cluster 0: 7 sequences, column 2" and second[0] == "Cluster 3: 2 sequences, column 2"
    drawn = [(curve["hovertemplate"][0], curve["line"]["dash"], curve["y"][0]) for curve in first[1]["data"]]
    least = [("g", "dash", 0.06), ("f", "dash", 0.05), ("d", "dash", 0.03)]  # by agreement, then by margin
    assert drawn == [*least, ("e", "solid", 0.04), ("c", "solid", 0.02), ("i", "solid", 0.08)]


def test_indices_stand_below_their_names_and_the_highest_silhouette_is_marked():
    cell = {"method": "kmeans", "vectorization": "avg", "dataset": "mine", "family": "mine", "agreement": 1.0}
    made = pd.DataFrame([cell | {"clusters": k} | dict.fromkeys(HALVES, np.nan) for k in (2, 3)])
    made = made.assign(silhouette=[0.2, 0.4], calinski_harabasz=[30.0, 20.0], davies_bouldin=[1.5, 1.25])
    table = index_table(made)
    assert table.clusters.tolist() == [2, 3] and table.highest.tolist() == ["", "highest"]
    assert table[["silhouette", "Calinski-Harabasz", "Davies-Bouldin"]].values.tolist() == [
        ["0.20", "30.0", "1.50"],
        ["0.40", "20.0", "1.25"],
    ]
    assert index_table(made[:1]).highest.tolist() == [""]  # of one number of clusters none is the highest


def test_what_failed_is_counted_by_row_and_status():
    def run(status, method="dtw_kmeans"):
        return {"method": method, "vectorization": "none", "status": status}

    assert outcome([run("ok"), run("ok")]) == "nothing: all 2 runs are ok"
    told = outcome([run("ok", "kmeans"), run("timeout"), run("timeout"), run("collapsed")])
    assert told == ("3 of 4 runs (DTW k-means, variable length: 2 timeout; DTW k-means, variable length: 1 collapsed)")


def test_sizes_of_clusters_are_told_from_the_largest():
    assert sizes(np.array([0, 1, 1, 2, 1])) == "3 of 3, 1, 1 sequences"
    assert sizes(np.arange(20)).endswith("1, ... sequences")


def test_indices_take_vectors_as_they_are():
    """A moment for every element that there is: 70,000 images were sixteen copies of each, more than memory."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 4)).astype(np.float32)
    found = space(Sequences.from_list([vector[None] for vector in vectors]))
    np.testing.assert_allclose(found, (vectors - vectors.mean(0)) / vectors.std(0), rtol=1e-5, atol=1e-6)
    assert space(Sequences.from_list([rng.normal(size=(n, 2)) for n in (3, 5, 4)])).shape == (3, 5 * 2)
    assert space(Sequences.from_list([rng.normal(size=(n, 2)) for n in (3, 50)])).shape == (2, 16 * 2)
