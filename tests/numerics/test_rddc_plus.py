"""RDDC+: what runs agree on outvotes what each gets wrong, and its offspring compete by the loss alone."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from datasets.sequences import Sequences
from methods import rddc_plus
from methods.base import InvalidInput
from methods.rddc import RDDC
from methods.rddc_plus import RDDCPlus, consensus

RIGHT = np.repeat([0, 1, 2], 40)
SETTINGS = {"batch": 30, "epochs": 8, "recurrent_units": 4, "hidden_units": 8}


def with_errors(rng, share=0.2):
    """The right partition with numbers of its own and a share of errors of its own."""
    wrong = np.where(rng.random(len(RIGHT)) < share, rng.integers(0, 3, len(RIGHT)), RIGHT)
    return rng.permutation(3)[wrong]


def test_a_consensus_is_better_than_all_that_it_is_made_of():
    rng = np.random.default_rng(0)
    partitions = [with_errors(rng) for _ in range(5)]
    agreed = consensus(partitions, 3, random_state=0)
    assert adjusted_rand_score(RIGHT, agreed) > max(adjusted_rand_score(RIGHT, one) for one in partitions) + 0.05
    renamed = consensus([np.array([2, 0, 1])[one] for one in partitions], 3, random_state=0)
    assert adjusted_rand_score(agreed, renamed) == 1


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    return Sequences.from_list([label - 1 + 0.8 * rng.normal(size=(rng.integers(3, 9), 2)) for label in RIGHT])


def test_a_partition_steers_the_start_of_a_run(data):
    """After cross-entropy on it a network has its clusters by their numbers; no other start gives these."""
    for partition in (RIGHT, (RIGHT + 1) % 3):
        started = RDDC(3, random_state=0, **SETTINGS).fit_from(data, partition, 20)
        assert (started.labels_ == partition).mean() > 0.7
        assert started.n_updates_ == 4 * started.n_epochs_ == 4 * (20 + 8)


def test_the_run_with_the_lowest_loss_is_kept_offspring_among_them(data):
    alone = RDDCPlus(3, restarts=3, offspring=0, rddc=SETTINGS, random_state=0).fit(data)
    more = RDDCPlus(3, restarts=3, offspring=2, parents=2, consensus_epochs=4, rddc=SETTINGS, random_state=0).fit(data)
    assert more.loss_ <= alone.loss_
    assert alone.n_updates_ == 3 * 8 * 4 and more.n_updates_ == alone.n_updates_ + 2 * (8 + 4) * 4
    assert alone.loss_ == min(
        RDDC(3, random_state=int(state), **SETTINGS).fit(data).loss_
        for state in np.random.SeedSequence(0).spawn(2)[0].generate_state(3)
    )


def test_parents_are_the_best_runs_that_use_all_clusters_and_every_run_has_a_seed_of_its_own(monkeypatch):
    """Of these made-up runs that of the lowest loss has two clusters of three, and the first offspring is good."""
    losses, runs, states, consensuses, descents = iter([5.0, 1.0, 3.0, 2.0, 4.0, 2.5, 6.0]), [], [], [], []

    def run(state):
        made = RDDC(3)
        made.loss_, made.loss_curve_, made.n_parameters_, made.n_updates_, made.n_epochs_ = next(losses), {}, 1, 2, 3
        made.labels_ = np.arange(6) % (2 if made.loss_ == 1 else 3)
        runs.append(made)
        states.append(state)
        return made

    def agreed(partitions, n_clusters, random_state):
        found = [next(made.loss_ for made in runs if made.labels_ is partition) for partition in partitions]
        consensuses.append((found, n_clusters, random_state))
        return partitions[0]

    def fit_from(self, X, partition, epochs):
        descents.append(epochs)
        return run(self.random_state)

    monkeypatch.setattr(RDDC, "fit_seeds", lambda self, X, random_states: list(map(run, random_states)))
    monkeypatch.setattr(RDDC, "fit_from", fit_from)
    monkeypatch.setattr(rddc_plus, "consensus", agreed)
    found = RDDCPlus(3, restarts=5, offspring=2, parents=2, consensus_epochs=4, random_state=0).fit([np.eye(2)] * 6)
    assert [parents for parents, *_ in consensuses] == [[2.0, 3.0], [2.0, 2.5]] and descents == [4, 4]
    assert found.loss_ == 2.0 and found.n_updates_ == 7 * 2
    assert len(set(states)) == 7 and len({state for *_, state in consensuses}) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"restarts": 0}, "restarts=0"),
        ({"offspring": -1}, "offspring=-1"),
        ({"parents": 0}, "parents=0"),
        ({"rddc": {"other": 1}}, "rddc: .*'other'"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(InvalidInput, match=message):
        RDDCPlus(2, **settings).fit([np.zeros((3, 1))] * 4)
