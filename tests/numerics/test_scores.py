"""Scores against brute force and the formulas."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_mutual_info_score

from runs.scores import accuracy, match_clusters, sampling_errors, scores


def brute_force(labels, clusters):
    """Largest agreement over all one-to-one maps of clusters to classes."""
    names, found = sorted(set(labels)), sorted(set(clusters))
    places = list(range(max(len(names), len(found))))
    best = 0
    for order in itertools.permutations(places, len(found)):
        mapped = dict(zip(found, order, strict=True))
        best = max(best, sum(names.index(a) == mapped[b] for a, b in zip(labels, clusters, strict=True)))
    return best / len(labels)


pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=25)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(pairs)
def test_accuracy_is_the_best_map(drawn):
    labels, clusters = map(list, zip(*drawn, strict=True))
    assert accuracy(labels, clusters) == pytest.approx(brute_force(labels, clusters))


def test_accuracy_is_not_the_majority_in_each_cluster():
    """A mutant that lets two clusters stand for one class would give 1."""
    assert accuracy([0, 0, 0, 0], [0, 0, 1, 1]) == 0.5


def test_nmi_by_its_formula():
    labels, clusters = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 1])
    joint = np.zeros((3, 2))
    np.add.at(joint, (labels, clusters), 1 / 6)
    rows, columns = joint.sum(1), joint.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mutual = np.nansum(joint * np.log(joint / np.outer(rows, columns)))
    entropies = [-np.sum(p * np.log(p)) for p in (rows, columns)]
    got = scores(labels, clusters)
    assert got["nmi"] == pytest.approx(mutual / np.mean(entropies))
    assert got["nmi_geometric"] == pytest.approx(mutual / np.sqrt(np.prod(entropies)))


def test_ari_counts_pairs_and_ami_is_another_score():
    labels, clusters = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 1])
    first, second = np.triu_indices(6, 1)
    together = [of[first] == of[second] for of in (labels, clusters)]
    both, one, other, pairs = (together[0] & together[1]).sum(), *(of.sum() for of in together), len(first)
    expected = one * other / pairs
    got = scores(labels, clusters)
    assert got["ari"] == pytest.approx((both - expected) / ((one + other) / 2 - expected))
    assert got["ami"] == pytest.approx(adjusted_mutual_info_score(labels, clusters)) != pytest.approx(got["ari"])


def test_names_of_clusters_do_not_matter():
    labels = np.repeat([0, 1, 2], 5)
    assert scores(labels, (labels + 1) % 3)["accuracy"] == 1
    assert match_clusters(labels, (labels + 1) % 3) == {1: 0, 2: 1, 0: 2}


def test_unknown_labels_are_left_out():
    assert scores([-1, 0, 1], [0, 0, 1])["accuracy"] == 1
    assert scores([-1, -1], [0, 1]) is None
    assert sampling_errors([-1, 0, 0, 1, -1], [1, 0, 0, 1, 0]) == sampling_errors([0, 0, 1], [0, 0, 1])


@pytest.mark.parametrize("clusters", [[0, 1], [0, 1, -1], [0.0, 1.0, 0.0]])
def test_what_is_no_clustering(clusters):
    with pytest.raises(ValueError, match="clusters:"):
        scores([0, 1, 1], clusters)
