"""What RDDC does to its input and its batches, against the same by hand."""

from collections import Counter
from itertools import chain, pairwise, product

import numpy as np
import pytest
import torch

from datasets.sequences import Sequences
from methods.contract import small, tiny_data
from methods.ddc import DDC
from methods.gru import gru_final_states
from methods.rddc import DIRECTIONS, RDDC, WEIGHTS, truncate


@pytest.mark.parametrize("input_scale", ["overall", "dimension"])
def test_rddc_scales_its_input_by_the_training_data(input_scale):
    data = tiny_data()
    shifted = Sequences(data.values * [1, 50] + [3, -7], data.offsets)
    values = shifted.values - shifted.values.mean(0)
    by_hand = Sequences(values / (values.std(0) if input_scale == "dimension" else values.std()), data.offsets)
    found = small(RDDC).set_params(input_scale=input_scale).fit(shifted)
    expected = small(RDDC).set_params(input_scale="none").fit(by_hand)
    np.testing.assert_allclose(found.loss_curve_["loss"], expected.loss_curve_["loss"], rtol=1e-3)
    np.testing.assert_array_equal(found.predict(shifted), expected.predict(by_hand))


def watched_batches(batches, monkeypatch):
    """The lengths that RDDC's recurrent layers got in every training batch, and the fitted estimator."""
    seen = []

    def watch(values, offsets, index, *given, **more):
        if torch.is_grad_enabled():
            seen.append((offsets[index + 1] - offsets[index])[0].tolist())
        return gru_final_states(values, offsets, index, *given, **more)

    monkeypatch.setattr("methods.rddc.gru_final_states", watch)
    data = Sequences.from_list([np.full((n, 2), i / 50) for i, n in enumerate([*range(1, 31), *range(1, 31)])])
    return seen, small(RDDC).set_params(batches=batches, batch=14, epochs=3, update_bias=0.5).fit(data)


def test_batches_by_length(monkeypatch):
    """Neighbours in length train together, all but the remainder once an epoch, and in another order each time."""
    seen, fitted = watched_batches("by_length", monkeypatch)
    epochs = [seen[start : start + 4] for start in range(0, 12, 4)]
    for batches in epochs:
        batches = sorted(sorted(batch) for batch in batches)
        assert all(a[-1] <= b[0] for a, b in pairwise(batches))
        assert max(Counter(chain.from_iterable(batches)).values()) == 2
    assert epochs[0] != epochs[1] and fitted.n_updates_ == 12


def test_truncated_batches(monkeypatch):
    """Each is as long as its shortest sequence; what is predicted is never cut."""
    seen, fitted = watched_batches("truncated", monkeypatch)
    assert len(seen) == 12 and all(len(set(batch)) == 1 for batch in seen)
    assert len({batch[0] for batch in seen}) > 1
    whole = Sequences.from_list([np.full((n, 2), 0.5) for n in (3, 9)])
    assert not np.array_equal(*fitted.predict_proba(whole))


def test_truncated_sequences_are_the_beginnings():
    data = tiny_data()
    index = torch.tensor([[4, 0, 9], [2, 30, 1]])
    values, offsets, places = truncate(torch.from_numpy(data.values), torch.from_numpy(data.offsets), index)
    for row, chosen in zip(places, index, strict=True):
        shortest = data.lengths[chosen].min()
        for place, sequence in zip(row, chosen, strict=True):
            np.testing.assert_array_equal(values[offsets[place] : offsets[place + 1]], data[int(sequence)][:shortest])


def test_directions_apart_are_two_stacks_and_all_states_are_those_of_both_layers():
    """Against torch's GRU, a stack for each direction, the second reading every sequence from its end."""
    data, fitted = tiny_data(), small(RDDC).set_params(directions="apart", states="all").fit(tiny_data())
    found, network = {}, fitted.network_

    def keep(states, *given):
        return found.setdefault("states", states)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("methods.rddc.batch_norm", keep)
        fitted._embed(network, fitted._tensors(data), torch.arange(5)[None], False)
    units, d = fitted.recurrent_units, data.dimensions
    for side, direction in enumerate(("forward", "backward")):
        stack = torch.nn.GRU(d, units, num_layers=2)
        names = [f"gru.{layer}.{direction}.{name}" for layer in range(2) for name in WEIGHTS]
        stack.load_state_dict({own: network[name][0] for own, name in zip(stack.state_dict(), names, strict=True)})
        for i in range(5):
            values = fitted._scaled(data[i])
            expected = stack(values.flip(0) if side else values)[1]
            states = found["states"][0, i].view(2, 2, units)[:, side]
            torch.testing.assert_close(states, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("reset", ["after", "before"])
def test_the_states_that_are_read_are_those_of_the_last_layer(reset, monkeypatch):
    data, fitted, seen = tiny_data(), small(RDDC).set_params(reset=reset).fit(tiny_data()), []
    tensors, network = fitted._tensors(data), fitted.network_
    monkeypatch.setattr("methods.rddc.batch_norm", lambda states, *_: seen.append(states) or states)
    fitted._embed(network, tensors, torch.arange(60)[None], False)
    weights = [[[network[f"gru.{layer}.{side}.{name}"] for name in WEIGHTS] for side in DIRECTIONS] for layer in (0, 1)]
    states = gru_final_states(*tensors, torch.arange(60)[None], weights, reset=reset, backend="torch")
    torch.testing.assert_close(seen[0], states[:, :, 1].flatten(2), rtol=1e-4, atol=1e-5)


def test_the_recurrent_layers_start_as_asked():
    """Keras's and TensorFlow's gates start open, and the memory that is asked for comes on top."""
    for words in ("keras", "tensorflow"):
        given = small(RDDC).set_params(initialisation=words, update_bias=0.5, learning_rate=0.0)
        network = given.fit(tiny_data()).network_
        for layer, side in product((0, 1), DIRECTIONS):
            found = network[f"gru.{layer}.{side}.bias_ih"][0] + network[f"gru.{layer}.{side}.bias_hh"][0]
            assert found.tolist() == [1.0] * 4 + [1.5] * 4 + [0.0] * 4


@pytest.mark.parametrize("settings", [{"directions": "apart"}, {"states": "all"}])
def test_directions_and_states_train_what_they_read(settings):
    plain, other = small(RDDC).fit(tiny_data()), small(RDDC).set_params(**settings).fit(tiny_data())
    units = plain.recurrent_units
    more = -6 * units**2 if "directions" in settings else 2 * units * (plain.hidden_units + 2)
    assert other.n_parameters_ == plain.n_parameters_ + more


def test_a_loss_of_pairs_is_none_of_a_single_sequence():
    """A validation split of one sequence: the training was fine, and nothing diverged."""
    X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    fitted = DDC(2, batch=20, epochs=2, random_state=0).fit(X)
    assert fitted.score_loss(X[:1]) is None and np.isfinite(fitted.score_loss(X[:2]))
