"""IMDB reviews: counts of words in 50,000 film reviews, as a tutorial on N2D prepared them.

Source: the archive of the Large Movie Review Dataset; a review is one vector. Licence: research use.
Citation: see `SOURCE`.

Published, in a tutorial that clusters with N2D (https://minimatech.org/autoencoder-with-manifold-learning-for-
clustering-in-python): HTML tags are cut out, which glues the words on either side together; the 318 English stop
words of scikit-learn are removed; a random half of the reviews goes through CountVectorizer (lower case, words of two
characters and more, the 5000 most frequent terms); 2000 reviews of the other half are for watching the autoencoder.
Quirk, the setting `columns`: the tutorial then calls Keras' pad_sequences(maxlen=500) on the matrix of counts. That is
made for sequences and keeps the *last* 500 columns. The terms are sorted, so these are the words from about
“thousands” to “zone”, and nine tenths of the vocabulary are gone.
Inferred, or not reproducible: the tutorial drew its half from a table with an order of its own, so ours is another
half. The 25,000 and the 2000 come out as one set of 27,000 reviews, over which the terms are counted; which of them an
autoencoder watches and doesn't train on is its own setting.
Labels are the sentiment, for scoring alone: the tutorial has none.
Expected: 50,000 reviews, 12,500 in each of four folders, 32 to 13,704 bytes; 27,000 vectors of 500 counts.
"""

import re
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from .fetch import Archive, Loaded, Source, choose, expect
from .seeds import seed_sequence
from .sequences import Sequences

NAME = "imdb_reviews"
TITLE = "IMDB Reviews"
CLASSES = ("neg", "pos")
FOLDERS = tuple(f"{part}/{name}" for part in ("train", "test") for name in CLASSES)
SOURCE = Source(
    name=NAME,
    forms=(
        Archive(
            form="v1",
            file="aclImdb_v1.tar.gz",
            address="https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
            folders=FOLDERS,
            digest="53401f63790d00988eaba68794083e8b1e613bdeb1396a7f8af4b16627000f69",
            strip="aclImdb",
        ),
    ),
    homepage="https://ai.stanford.edu/~amaas/data/sentiment/",
    licence="none stated; research use",
    citation="A. L. Maas, R. E. Daly, P. T. Pham, D. Huang, A. Y. Ng, C. Potts: Learning word vectors for sentiment"
    " analysis. ACL, 2011.",
)
COUNT = 12_500  # reviews in a folder
BYTES = (32, 13_704)
TAG = re.compile(r"<.*?>")
LAST = 500


def load(raw, seed, *, columns="last_500", reviews=27_000, terms=5000):
    """Load the data set.

    Notes: ``first_term`` and ``last_term`` of the columns, ``empty`` (reviews without any of the terms) and
    ``variance`` (mean over the columns: the squared error of a reconstruction that knows their means alone).

    Parameters
    ----------
    columns : {"last_500", "all"}
        Columns of the counts that are kept: the last 500, as the tutorial's call of pad_sequences does, or all.
    reviews : int
        How many of the 50,000 are drawn.
    terms : int
        Most frequent terms that are counted.
    """
    choose(NAME, "columns", columns, ("last_500", "all"))
    for setting, value, most in (("reviews", reviews, COUNT * len(FOLDERS)), ("terms", terms, np.inf)):
        if not 1 <= value <= most:
            raise ValueError(f"{NAME}: {setting}: {value}, expected at least 1 and at most {most}")
    paths = _verified(Path(raw))
    drawn = np.sort(np.random.default_rng(seed_sequence(seed, NAME, "half")).permutation(len(paths))[:reviews])
    chosen = [paths[i] for i in drawn]
    names, counts = count_terms([path.read_text(encoding="utf-8") for path in chosen], terms)
    if columns == "last_500":
        names, counts = names[-LAST:], counts[:, -LAST:]
    values = counts.toarray().astype(np.float32)
    labels = [CLASSES.index(path.parent.name) for path in chosen]
    notes = {
        "first_term": names[0],
        "last_term": names[-1],
        "empty": int((values.max(axis=1) == 0).sum()),
        "variance": round(float(values.var(axis=0, dtype=np.float64).mean()), 6),
    }
    return Loaded(Sequences(values, np.arange(len(values) + 1)), labels, CLASSES, notes)


def count_terms(texts, terms):
    """Counts of the most frequent terms, without HTML tags and stop words.

    The tutorial removes stop words from the text and again in CountVectorizer; the second does it all.

    Parameters
    ----------
    texts : list of str
    terms : int

    Returns
    -------
    names : list of str
        The terms, sorted.
    counts : sparse matrix of shape (n, terms)
    """
    vectorizer = CountVectorizer(stop_words="english", max_features=terms)
    counts = vectorizer.fit_transform(TAG.sub("", text) for text in texts)
    return vectorizer.get_feature_names_out().tolist(), counts


def _verified(raw):
    """Paths of all reviews, sorted."""
    paths = {folder: sorted((raw / folder).glob("*.txt")) for folder in FOLDERS}
    expect(NAME, "reviews", {folder: len(found) for folder, found in paths.items()}, dict.fromkeys(FOLDERS, COUNT))
    together = [path for found in paths.values() for path in found]
    sizes = [path.stat().st_size for path in together]
    expect(NAME, "bytes of the shortest and longest review", (min(sizes), max(sizes)), BYTES)
    return together
