"""What reports read of a reading's data: the sequences, their labels and the sheet that says what they are."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datasets.sequences import SPLITS, Sequences, load_labels


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

    @property
    def n_clusters(self):
        """Number that a user asks for, or else that of the classes."""
        return self.sheet["settings"].get("k") or len(self.sheet["classes"])

    def labels_of(self, split):
        """Labels of all sequences, -1 where they aren't known or the sequence isn't in `split`."""
        return np.where(self.sequences.split == SPLITS.index(split), self.labels, -1)


def load_data(folder, dataset):
    """A data set of the reading whose results lie in `folder`."""
    sequences = Sequences.load(Path(folder, "data", f"{dataset}.npz"))
    labels = load_labels(Path(folder, "data", f"{dataset}.labels.npz"))
    return Data(sequences, labels, load_sheet(folder, dataset))


def load_case(path):
    """What ``python -m studies.<name> run`` wrote."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def load_sheet(folder, dataset):
    """Its sheet alone."""
    return json.loads(Path(folder, "data", f"{dataset}.json").read_text(encoding="utf-8"))
