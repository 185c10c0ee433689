"""20 Newsgroups: messages as sequences of word vectors.

Source: the archive sorted by date, with official training and test sets. No licence is stated; research use.
Citation: see `SOURCE`.

Published: alt.atheism and other groups of distinct domains; articles between a least and a greatest number of words;
skip-gram Word2Vec, one vector a word. The numbers are lost, so the groups (the set News-Different-3), the lengths and
all of Word2Vec are settings. The paper cites a thesis (A. Cardoso-Cachopo: Improving methods for single-label text
categorization, 2007) whose author offers processed files of these messages; its steps are settings as well: the
subject in front of the text, quotes and signatures kept, words of fewer than three letters dropped ("no-short"), then
SMART's stop words ("no-stop"), then Porter's stemmer ("stemmed"). Her removal of attachments, keys and duplicates is
not repeated: by her counts it takes nothing from the three groups. What fits: reports/fingerprints/fingerprints.md.
Tokeniser: lower case, runs of the letters a to z; everything else parts words. Out-of-vocabulary rule: a word that
occurs fewer than `min_count` times in the messages that Word2Vec is trained on has no vector and is dropped, and
lengths count the words that are left. Vectors are trained before the length limits; labels play no part.
Quirks: latin-1; some messages are empty after the removal and fall to the least length. The vectors are the same in
every run on one machine; another build of BLAS may round them differently.
Expected: 11,314 + 7532 messages in 20 groups, 115 to 160,616 bytes each; with the default settings 1528 sequences.
"""

import functools
import re
import zlib
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from .fetch import Archive, Loaded, Source, choose, expect
from .seeds import seed_sequence
from .sequences import Sequences
from .stop_words import SMART

NAME = "twenty_newsgroups"
TITLE = "20 Newsgroups"
SOURCE = Source(
    name=NAME,
    forms=(
        Archive(
            form="bydate",
            file="20news-bydate.tar.gz",
            address="https://ndownloader.figshare.com/files/5975967",
            sha256="8f1b2514ca22a5ade8fbb9cfa5727df95fa587f4c87b786e15c759fa66d95610",
            folders=("20news-bydate-train", "20news-bydate-test"),
            digest="26ca99b60d2196297f8be2f9d3c817e7d33cb141da86cc6dfe2f823d083836d1",
        ),
    ),
    homepage="http://qwone.com/~jason/20Newsgroups/",
    licence="none stated; research use",
    citation="K. Lang: NewsWeeder: learning to filter netnews. ICML, 1995; archive by J. Rennie.",
)
COUNTS = {  # training and test messages
    "alt.atheism": (480, 319),
    "comp.graphics": (584, 389),
    "comp.os.ms-windows.misc": (591, 394),
    "comp.sys.ibm.pc.hardware": (590, 392),
    "comp.sys.mac.hardware": (578, 385),
    "comp.windows.x": (593, 395),
    "misc.forsale": (585, 390),
    "rec.autos": (594, 396),
    "rec.motorcycles": (598, 398),
    "rec.sport.baseball": (597, 397),
    "rec.sport.hockey": (600, 399),
    "sci.crypt": (595, 396),
    "sci.electronics": (591, 393),
    "sci.med": (594, 396),
    "sci.space": (593, 394),
    "soc.religion.christian": (599, 398),
    "talk.politics.guns": (546, 364),
    "talk.politics.mideast": (564, 376),
    "talk.politics.misc": (465, 310),
    "talk.religion.misc": (377, 251),
}
BYTES = (115, 160_616)
PARTS = ("headers", "footers", "quotes")
QUOTE = re.compile(r"(writes in|writes:|wrote:|says:|said:|^In article|^Quoted from|^\||^>)")
WORD = re.compile(r"[a-z]+")
SUBJECT = re.compile(r"^subject:(.*(?:\n[ \t].*)*)", re.MULTILINE | re.IGNORECASE)
STOP_WORDS = {"keep": frozenset(), "scikit-learn": ENGLISH_STOP_WORDS, "smart": SMART}


def load(
    raw,
    seed,
    *,
    groups=("alt.atheism", "rec.sport.baseball", "sci.space"),
    min_words=50,
    max_words=300,
    subject=False,
    remove=PARTS,
    shortest_word=1,
    stop_words="keep",
    stem=False,
    corpus="subset",
    dimensions=100,
    window=5,
    min_count=2,
    epochs=10,
):
    """Load the data set; ``ValueError`` also for settings that leave no message of a group.

    Notes: ``vocabulary`` (words with a vector), ``too_short`` and ``too_long`` (dropped messages), ``words`` and
    ``out_of_vocabulary`` (words of the messages that are kept, before and as dropped by the rule).

    Parameters
    ----------
    groups : list of str
        Wanted classes; the order numbers the labels.
    min_words, max_words : int
        Least and greatest number of words with a vector; other messages are dropped.
    subject : bool
        Whether the words of the subject line stand in front of the text, whatever `remove` says of headers.
    remove : list of str
        Parts of a message that are removed: any of ``headers``, ``footers``, ``quotes``.
    shortest_word : int
        Words of fewer letters are dropped before anything is counted.
    stop_words : {"keep", "scikit-learn", "smart"}
        Which words are dropped then: none, the 318 of scikit-learn or those of `datasets.stop_words`.
    stem : bool
        Whether the words that are left are replaced by their stems, by Porter's algorithm.
    corpus : {"subset", "all"}
        Messages that Word2Vec is trained on: those of the chosen groups or of all 20.
    dimensions, window, min_count, epochs : int
        Of Word2Vec: size of a vector, words on either side, least number of occurrences, passes over the text.
    """
    if not groups or len(set(groups)) < len(groups):
        raise ValueError(f"{NAME}: groups: {list(groups)}, expected at least one and none twice")
    for group in groups:
        choose(NAME, "groups", group, list(COUNTS))
    for part in remove:
        choose(NAME, "remove", part, PARTS)
    choose(NAME, "stop_words", stop_words, list(STOP_WORDS))
    choose(NAME, "corpus", corpus, ("subset", "all"))
    if not 1 <= min_words <= max_words:
        raise ValueError(f"{NAME}: min_words: {min_words}, expected 1 to max_words ({max_words})")
    _verify(Path(raw))
    wanted = [*groups, *([] if corpus == "subset" else (other for other in COUNTS if other not in groups))]
    read = list(_read_words(Path(raw), wanted, subject, remove, shortest_word, STOP_WORDS[stop_words], stem))
    # Those of the chosen groups come first.
    vectors = word_vectors([words for *_, words in read], seed, dimensions, window, min_count, epochs)
    return _indexed([line for line in read if line[0] in groups], vectors, groups, min_words, max_words)


def _indexed(messages, vectors, groups, min_words, max_words):
    """The messages, (group, split, words) each, that have so many words with a vector, as sequences of these."""
    indices = [[vectors.key_to_index[w] for w in words if w in vectors.key_to_index] for *_, words in messages]
    lengths = np.array([len(index) for index in indices])
    kept = np.flatnonzero((lengths >= min_words) & (lengths <= max_words))
    labels = np.array([groups.index(messages[i][0]) for i in kept])
    for label, group in enumerate(groups):
        if not (labels == label).any():
            raise ValueError(f"{NAME}: min_words {min_words}, max_words {max_words}: no message of {group} is left")
    values = vectors.vectors[np.concatenate([indices[i] for i in kept])]
    split = np.array([messages[i][1] for i in kept])
    words = sum(len(messages[i][2]) for i in kept)
    notes = {
        "vocabulary": len(vectors.key_to_index),
        "too_short": int((lengths < min_words).sum()),
        "too_long": int((lengths > max_words).sum()),
        "words": words,
        "out_of_vocabulary": words - len(values),
    }
    return Loaded(
        Sequences(values, np.concatenate([[0], np.cumsum(lengths[kept])]), split), labels, tuple(groups), notes
    )


def _read_words(raw, groups, subject, remove, shortest_word, dropped, stem):
    """Group, split and words of every message of some groups."""
    stemmed = stemmer() if stem else None
    for group in groups:
        for part, code in (("train", 0), ("test", 2)):
            for path in sorted(Path(raw, f"20news-bydate-{part}", group).iterdir()):
                text = path.read_text(encoding="latin-1")
                words = tokenise((subject_of(text) if subject else "") + strip(text, remove))
                words = [word for word in words if len(word) >= shortest_word and word not in dropped]
                yield group, code, [stemmed(word) for word in words] if stem else words


def subject_of(text):
    """The subject of a message, continued lines and all, with an end of line; empty when it has none."""
    found = SUBJECT.search(text.partition("\n\n")[0])
    return found[1] + "\n" if found else ""


def stemmer():
    """Porter's stemmer as a function of a word that is computed once for each."""
    from gensim.parsing.porter import PorterStemmer  # seconds to import, like the rest of gensim

    return functools.cache(PorterStemmer().stem)


def strip(text, remove=PARTS):
    """Message without its headers, footer and quotes, by the rules of scikit-learn's 20 Newsgroups loader.

    Parameters
    ----------
    text : str
    remove : list of str
        Any of ``headers`` (up to the first empty line), ``footers`` (after the last empty line or line of dashes) and
        ``quotes`` (quoted lines and the lines that announce them).

    Returns
    -------
    str
    """
    if "headers" in remove:
        text = text.partition("\n\n")[2]
    if "footers" in remove:
        lines = text.strip().split("\n")
        last = max((i for i, line in enumerate(lines) if not line.strip().strip("-")), default=0)
        text = "\n".join(lines[:last]) if last else text
    if "quotes" in remove:
        text = "\n".join(line for line in text.split("\n") if not QUOTE.search(line))
    return text


def tokenise(text):
    """Words of `text`: lower case, runs of the letters a to z."""
    return WORD.findall(text.lower())


def word_vectors(messages, seed, dimensions, window, min_count, epochs):
    """Skip-gram vectors with negative sampling (5 words), trained on `messages` by one worker.

    Parameters
    ----------
    messages : list of list of str
    seed, dimensions, window, min_count, epochs : int

    Returns
    -------
    gensim.models.KeyedVectors
        Equal bytes for equal input on one machine, whatever ``PYTHONHASHSEED``.
    """
    from gensim.models import Word2Vec  # seconds to import, and only this data set needs it

    return Word2Vec(
        messages,
        sg=1,
        vector_size=dimensions,
        window=window,
        min_count=min_count,
        epochs=epochs,
        workers=1,
        seed=int(seed_sequence(seed, NAME, "word2vec").generate_state(1)[0]),
        hashfxn=lambda word: zlib.crc32(str(word).encode()),
    ).wv


def _verify(raw):
    counts = {
        group: tuple(len(list((raw / f"20news-bydate-{part}" / group).glob("*"))) for part in ("train", "test"))
        for group in COUNTS
    }
    expect(NAME, "training and test messages", counts, COUNTS)
    sizes = [path.stat().st_size for path in raw.glob("*/*/*")]
    expect(NAME, "bytes of the shortest and longest message", (min(sizes), max(sizes)), BYTES)
