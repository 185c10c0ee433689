"""Reviews to counts, as the tutorial made them, and the tutorial's page."""

import json
import re

import made_up_reviews
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

from datasets import imdb_reviews
from datasets.fetch import DataError, fetch
from datasets.prepare import prepare
from datasets.storage import write_arrays
from runs.record import write_records
from runs.run import run_job
from studies import tutorial

N2D = {
    **{"n_clusters": 3, "widths": [16], "code_units": 4, "manifold": "none", "clustering": "dbscan"},
    **{"min_samples": 5, "radius": 2.0, "watched": 20, "batch": 10, "epochs": 2},
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    reviews = made_up_reviews.texts()
    made_up_reviews.pack(tmp_path / "mirror", reviews)
    made_up_reviews.expect_them(monkeypatch, reviews)
    return {"raw": tmp_path / "raw", "mirror": tmp_path / "mirror"}


def test_tags_and_stop_words_are_not_counted():
    names, counts = imdb_reviews.count_terms(["The Film<br />was <i>good</i>, good!", "A bad film. <br />The end"], 10)
    assert names == ["bad", "end", "film", "filmwas", "good"]  # cut out, a tag glues words together
    np.testing.assert_array_equal(counts.toarray(), [[0, 0, 0, 1, 2], [1, 1, 1, 0, 0]])


def test_the_counts_are_those_of_the_tutorial_s_own_steps():
    """Stop words cut out of the text first, word by word, as the tutorial does before it counts."""
    texts = [text for made in made_up_reviews.texts().values() for text in made] + ["I can't, they're The the. the END"]
    cleaned = [
        " ".join(word for word in re.sub("<.*?>", "", text).split() if word not in ENGLISH_STOP_WORDS) for text in texts
    ]
    expected = CountVectorizer(stop_words=list(ENGLISH_STOP_WORDS), max_features=650)
    np.testing.assert_array_equal(
        imdb_reviews.count_terms(texts, 650)[1].toarray(), expected.fit_transform(cleaned).toarray()
    )


def test_the_quirk_keeps_the_last_columns(place):
    whole, labels, sheet = prepare("imdb_reviews", {"columns": "all", "reviews": 100}, {"kind": "everything"}, **place)
    last, others, cut = prepare("imdb_reviews", {"reviews": 100}, {"kind": "everything"}, **place)
    np.testing.assert_array_equal(last.values, whole.values[:, -500:])
    np.testing.assert_array_equal(others, labels)
    assert sheet["notes"]["first_term"] == "a000" and cut["notes"]["first_term"] > "b"
    assert cut["notes"]["last_term"] == sheet["notes"]["last_term"] == "g099"
    assert cut["notes"]["variance"] == pytest.approx(last.values.var(axis=0).mean(), abs=1e-5)


def test_a_review_keeps_its_sentiment_and_one_without_a_term_is_counted(place, monkeypatch):
    """The counts of a review are its own number, from 0, and a 1 for every other one but the first."""
    made = made_up_reviews.texts()
    number = {text: i for i, text in enumerate(text for own in made.values() for text in own)}
    sentiments = np.repeat([folder.endswith("pos") for folder in made], made_up_reviews.COUNT)

    def counts(texts, terms):
        own = np.array([number[text] for text in texts])
        return ["number", "odd"], csr_matrix(np.stack([own, own % 2], axis=1))

    monkeypatch.setattr(imdb_reviews, "count_terms", counts)
    sequences, labels, sheet = prepare("imdb_reviews", {"reviews": 60}, {"kind": "everything"}, **place)
    numbers = sequences.values[:, 0].astype(int)
    assert len(set(numbers)) == 60 and labels.tolist() == sentiments[numbers].tolist()
    assert sheet["notes"]["empty"] == (numbers == 0).sum()


def test_another_seed_draws_other_reviews(place):
    drawn = [prepare("imdb_reviews", {"reviews": 60}, {"kind": "everything"}, seed=seed, **place)[0] for seed in (0, 1)]
    assert drawn[0].digest() != drawn[1].digest()


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"columns": "first"}, "columns: 'first'"),
        ({"reviews": 121}, "reviews: 121"),
        ({"reviews": 9, "terms": 0}, "terms: 0"),
    ],
)
def test_a_setting_that_cannot_be(place, settings, word):
    with pytest.raises(ValueError, match=word) as caught:
        prepare("imdb_reviews", settings, {"kind": "everything"}, **place)
    assert "\n" not in str(caught.value)


def test_only_labelled_reviews_are_unpacked_and_a_missing_one_is_named(place):
    path = fetch(imdb_reviews.SOURCE, **place).path
    assert len(list(path.rglob("*.txt"))) == 120 and not (path / "train/unsup").exists()
    (path / "train/pos/3_7.txt").unlink()
    with pytest.raises(DataError, match="imdb_reviews: reviews: found .*'train/pos': 29"):
        imdb_reviews.load(path, 0, reviews=60)


# ---- the tutorial's page


def reading(folder, place, columns):
    """Data and records of a reading with budgets for tests."""
    settings = {"columns": columns, "reviews": 100}
    sequences, labels, sheet = prepare("imdb_reviews", settings, {"kind": "everything"}, **place)
    sequences.save(folder / "data/imdb_reviews.npz")
    write_arrays(folder / "data/imdb_reviews.labels.npz", labels=labels)
    (folder / "data/imdb_reviews.json").write_text(json.dumps(sheet))
    for method, own in (("kmeans", {"n_clusters": 3}), ("n2d", N2D)):
        records, clusters = run_job(
            sequences,
            **{"reading": folder.name, "dataset": "imdb_reviews", "method": method, "vectorization": "vector"},
            **{"seeds": [0], "settings": own, "limit": 600},
        )
        write_records(folder / f"{method}.jsonl", records, {"vector": clusters})
    return {"folder": str(folder), "files": ["kmeans.jsonl", "n2d.jsonl"]}


def test_the_page_comes_from_records(place, tmp_path):
    readings = {name: reading(tmp_path / name, place, columns) for name, columns in (("a", "last_500"), ("b", "all"))}
    tutorial.report({"variants": readings}, tmp_path / "out")
    page = (tmp_path / "out/tutorial.md").read_text()
    record = json.loads((tmp_path / "a/n2d.jsonl").read_text())
    assert record["n_clusters"] == 3 and record["budget"]["updates"] == 2 * 80 // 10
    first = f"| {record['loss_curve']['loss'][0]:.4f}"
    for word in (first, "not comparable", "last_500", "| all ", "k-means 3 on the code"):
        assert word in page
    assert "nan" not in page and (tmp_path / "out/tutorial.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("quantity", "ours", "published", "expected"),
    [
        ("loss@1", 0.01524, "0.0152", "reproduced"),
        ("loss@1", 0.01526, "0.0152", "different"),
        ("validation_loss@1", 0.0151, "0.0152", "better"),
        ("parameters", 5, "5", "reproduced"),
        ("parameters", 4, "5", "different"),
        ("loss@2", 0.01524, "0.0152", "not comparable"),
    ],
)
def test_verdict(monkeypatch, quantity, ours, published, expected):
    name, _, epoch = quantity.partition("@")
    monkeypatch.setattr(tutorial, "published", lambda: [(name, int(epoch) if epoch else None, published)])
    record = {"loss_curve": {name: [ours]}, "budget": {"parameters": ours}}
    assert tutorial.quantities(record, None).verdict.tolist() == [expected]


def test_labels_are_dbscan_s_own():
    """The run's own count is that of its predictions, where reviews with one code share a cluster."""
    assert tutorial.our_quantity({"usage": [4, 1]}, np.array([0, 1, 1, 2, 2]), "labels", None) == 3


def test_clusters_of_reviews_without_any_term():
    values, clusters = np.array([[0, 0], [0, 0], [0, 1], [0, 0], [2, 0], [1, 0]]), np.array([0, 0, 0, 2, 3, 3])
    assert tutorial.wordless(values, clusters) == 2
