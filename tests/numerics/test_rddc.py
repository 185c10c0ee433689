"""What RDDC does to its input and its batches, against the same by hand."""

from collections import Counter
from itertools import chain, pairwise

import numpy as np
import pytest
import torch

from datasets.sequences import Sequences
from methods.contract import small, tiny_data
from methods.gru import gru_final_states
from methods.rddc import RDDC, truncate


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
