"""What is left when all sequences are of about one length? k-means, refitted on them, for the paper's figure 3.

Sequences within a narrow range of lengths are cropped to its shortest, so that length tells nothing. The report draws
them: `reports.scatters.figure3`.
"""

import numpy as np

from datasets.seeds import seed_sequence
from datasets.sequences import Sequences
from methods.kmeans import KMeans
from methods.vectorize import vectorize
from reports.data import load_data
from reports.embedding import embed, subsample

from .command import main

STUDY = {"readings": "all", "case": "figures"}
FEWEST = 10  # sequences


def usual_lengths(lengths):
    """Shortest and longest of the narrowest range that holds a quarter of the `lengths`, at least `FEWEST`."""
    lengths = np.sort(lengths)
    held = min(len(lengths), max(-(-len(lengths) // 4), FEWEST))
    widths = lengths[held - 1 :] - lengths[: len(lengths) - held + 1]
    start = int(widths.argmin())
    return int(lengths[start]), int(lengths[start + held - 1])


def cropped(sequences, length):
    """The first `length` elements of every sequence; none is shorter."""
    elements = sequences.offsets[:-1, None] + np.arange(length)
    values = sequences.values[elements].reshape(-1, sequences.dimensions)
    return Sequences(values, np.arange(len(sequences) + 1) * length)


def narrowed(sequences, name, n_clusters, length_range):
    """Sequences of about one length, clustered and in the plane.

    Parameters
    ----------
    sequences : Sequences
    name : str
        Of the data set.
    n_clusters : int
    length_range : (int, int) or None
        Shortest and longest; None for `usual_lengths`.

    Returns
    -------
    dict
        JSON-able: ``lengths``, the range; ``chosen``, which sequences; their ``clusters`` and ``points``, shape (n, 2).

    Raises
    ------
    ValueError
        When fewer than `FEWEST` sequences are within the range.
    """
    shortest, longest = length_range or usual_lengths(sequences.lengths)
    inside = np.flatnonzero((sequences.lengths >= shortest) & (sequences.lengths <= longest))
    if len(inside) < FEWEST:
        raise ValueError(
            f"figures.length_range: {len(inside)} sequences of {name} have {shortest} to {longest} elements"
        )
    inside = inside[subsample(sequences.subset(inside), name)]
    part = cropped(sequences.subset(inside), shortest)
    seed = int(seed_sequence(0, name, "figure3").generate_state(1)[0])
    found = KMeans(n_clusters, random_state=seed).fit_predict(vectorize(part, "avg"))
    return {
        "lengths": [int(shortest), int(longest)],
        "chosen": inside.tolist(),
        "clusters": found.tolist(),
        "points": embed(part, name).tolist(),
    }


def run(dataset, folder, variant, settings):
    """One case: a data set of one reading."""
    data = load_data(folder, dataset)
    return narrowed(data.sequences, dataset, data.n_clusters, settings["length_range"])


if __name__ == "__main__":
    main(__doc__, run)
