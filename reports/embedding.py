"""Where sequences lie in the plane, by t-SNE."""

import numpy as np
from sklearn.manifold import TSNE

from datasets.seeds import seed_sequence
from methods.vectorize import vectorize

MOST_POINTS = 2000
MOST_VALUES = 2**26  # of the vectors that t-SNE is given: 256 MiB


def embedded_input(sequences):
    """What t-SNE is given: ``vector`` where every sequence is one, else ``avg``, or ``zero`` where averages say little
    (all but equal, or of one dimension) and a figure's memory allows it."""
    if sequences.lengths.max() == 1:
        return "vector"
    spread = vectorize(sequences, "avg").std(axis=0, dtype=float).max()
    if sequences.dimensions > 1 and spread > 1e-3 * sequences.values.std(dtype=float):
        return "avg"
    padded = min(len(sequences), MOST_POINTS) * int(sequences.lengths.max()) * sequences.dimensions
    return "zero" if padded <= MOST_VALUES else "avg"


def embed(sequences, name):
    """t-SNE of the sequences as `embedded_input` vectorizes them, shape (n, 2)."""
    seed = int(seed_sequence(0, name, "tsne").generate_state(1)[0] % 2**31)
    vectors = vectorize(sequences, embedded_input(sequences))
    largest, spread = np.abs(vectors).max(), vectors.std(axis=0, dtype=float).max()
    if largest and not 1e-15 < largest < 1e15:
        vectors = vectors / largest  # whose squares float32 can't hold
    # Principal components of what is all but one point would be divided by zero, and t-SNE would crash.
    start = "pca" if vectors.shape[1] > 1 and spread > 1e-6 * largest else "random"
    perplexity = min(30, (len(sequences) - 1) / 3)
    return TSNE(init=start, perplexity=perplexity, random_state=seed).fit_transform(vectors)


def subsample(sequences, name):
    """Indices of at most `MOST_POINTS` sequences, drawn with the data set's own stream."""
    rng = np.random.default_rng(seed_sequence(0, name, "points"))
    return np.sort(rng.permutation(len(sequences))[:MOST_POINTS])


def plane(sequences, name):
    """Indices of at most `MOST_POINTS` sequences and their places in the plane by t-SNE, shape (n, 2)."""
    chosen = subsample(sequences, name)
    return chosen, embed(sequences.subset(chosen), name)
