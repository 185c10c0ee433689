"""Mistakes that a benchmark can make, each made on purpose: the comparison with a reference must turn red.

k-means, DDC and RDDC with tiny budgets on an excerpt of Japanese Vowels. Fresh runs
with other seeds than the reference's stand for another machine, whose rounding leads runs apart: there only statistics
can find a difference. With the reference's seeds every run is compared by itself.
"""

from dataclasses import replace

import fake_records
import numpy as np
import pandas as pd
import pytest
from fake_records import scored

import methods.ddc
import methods.divergence
import methods.rddc
import methods.vectorize
import runs.run
import runs.score
from datasets.prepare import prepare
from datasets.seeds import seed_sequence
from reports import compare
from reports.data import Data

CELLS = {
    ("kmeans", "zero"): {"n_init": 2},
    ("ddc", "zero"): {"batch": 50, "epochs": 15},
    ("rddc", "none"): {"batch": 50, "epochs": 15, "recurrent_units": 16, "hidden_units": 32},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """The utterances of three speakers."""
    split = {"kind": "stratified", "fractions": [0.5, 0.25, 0.25]}
    sequences, labels, _ = prepare("japanese_vowels", {}, split, raw=tmp_path_factory.mktemp("raw"))
    kept = labels < 3
    return Data(replace(sequences.subset(kept), n_classes=3), labels[kept], {})


def made(data, seeds):
    """Runs of all cells."""
    records = []
    for (method, how), settings in CELLS.items():
        job = {"reading": "test", "dataset": "japanese_vowels", "method": method, "vectorization": how, "limit": 60}
        own, clusters = runs.run.run_job(data.sequences, **job, seeds=seeds, settings=settings)
        records += scored(own, clusters, data)
    return pd.DataFrame([compare.run_of(record) for record in records])


@pytest.fixture(scope="module")
def before(data):
    return made(data, range(8))


def flipped_loss(monkeypatch):
    """The loss with the other sign."""
    right = methods.ddc.divergence_terms
    flipped = lambda *args, **kwargs: {name: -term for name, term in right(*args, **kwargs).items()}  # noqa: E731
    monkeypatch.setattr(methods.ddc, "divergence_terms", flipped)


def swapped_product(monkeypatch):
    """AᵀA where AAᵀ is asked for, and the other way round."""
    right, other = methods.divergence.orthogonality, {"memberships": "clusters", "clusters": "memberships"}
    monkeypatch.setattr(methods.divergence, "orthogonality", lambda A, form: right(A, other[form]))


def read_on(monkeypatch):
    """Zero padding without the mask: what follows a sequence in memory is read as if it belonged to it."""

    def unmasked(sequences, lengths):
        elements = sequences.offsets[:-1, None] + np.arange(lengths.max())
        return sequences.values[elements.clip(max=len(sequences.values) - 1)].reshape(len(sequences), -1)

    monkeypatch.setitem(methods.vectorize.INPUTS, "zero", methods.vectorize.Input("zero padding", unmasked))


def padding_is_data(monkeypatch):
    """RDDC reads zeros up to the longest sequence."""
    right = methods.rddc.RDDC._tensors

    def padded(self, X):
        n, longest = len(X), 29
        vectors = methods.vectorize.zero(X, X.lengths).reshape(n, -1, X.dimensions)
        wide = np.zeros((n, longest, X.dimensions), np.float32)
        wide[:, : vectors.shape[1]] = vectors
        return right(self, type(X)(wide.reshape(-1, X.dimensions), np.arange(n + 1) * longest))

    monkeypatch.setattr(methods.rddc.RDDC, "_tensors", padded)


def one_seed_for_all(monkeypatch):
    """Every run gets the first seed."""
    monkeypatch.setattr(runs.run, "seed_sequence", lambda seed, *names: seed_sequence(0, *names))


def scored_on_train(monkeypatch):
    """The test scores are computed on the training split."""
    right = runs.score.split_scores
    swapped = lambda clusters, split, labels: (found := right(clusters, split, labels)) | {"test": found["train"]}  # noqa: E731
    monkeypatch.setattr(fake_records, "split_scores", swapped)


def nothing(monkeypatch):
    """No mistake."""


MUTANTS = [flipped_loss, swapped_product, read_on, padding_is_data, one_seed_for_all, scored_on_train]
# RDDC's states hardly change with zeros at the end, so that few runs with other seeds can't show it.
TOO_SMALL = [padding_is_data]


@pytest.mark.parametrize("mutant", [nothing, *(mutant for mutant in MUTANTS if mutant not in TOO_SMALL)])
def test_other_seeds(data, before, monkeypatch, mutant):
    """By statistics: green without a mistake, red for each mutant."""
    mutant(monkeypatch)
    now = made(data, range(100, 104))
    found = compare.impossible(now) + compare.moved(before, now)
    assert bool(found) == (mutant is not nothing), found


@pytest.mark.parametrize("mutant", [nothing, *MUTANTS])
def test_same_seeds(data, before, monkeypatch, mutant):
    """Run by run, as on the machine that made the reference: green without a mistake, red for each mutant."""
    mutant(monkeypatch)
    found = compare.differ(before[before.seed < 2], made(data, range(2)), "reference")
    assert bool(found) == (mutant is not nothing), found
