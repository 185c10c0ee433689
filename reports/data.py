"""What reports read of a reading's data: the sequences, their labels and the sheet that says what they are."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datasets.sequences import SPLITS, Sequences


class Data(NamedTuple):
    """One data set.

    Parameters
    ----------
    sequences : Sequences
    labels : ndarray of shape (n,), int64
        -1 where unknown.
    sheet : dict
        As `datasets.prepare.prepare` gives it.
    """

    sequences: Sequences
    labels: np.ndarray
    sheet: dict

    def labels_of(self, split):
        """Labels of all sequences, -1 where they aren't known or the sequence isn't in `split`."""
        return np.where(self.sequences.split == SPLITS.index(split), self.labels, -1)


def load_data(folder, dataset):
    """A data set of the reading whose results lie in `folder`."""
    sequences = Sequences.load(Path(folder, "data", f"{dataset}.npz"))
    return Data(sequences, sequences.labels, load_sheet(folder, dataset))


def load_sheet(folder, dataset):
    """Its sheet alone."""
    return json.loads(Path(folder, "data", f"{dataset}.json").read_text(encoding="utf-8"))
