"""The choice of a run by agreement: right runs agree, wrong ones don't, and the loss decides who is asked."""

import numpy as np
import pytest

from methods.base import InvalidInput
from methods.rddc_plus import RDDCPlus, agreements, most_agreed

RIGHT = np.repeat([0, 1, 2], 20)
RNG = np.random.default_rng(0)
WRONG = [RNG.permutation(RIGHT) for _ in range(3)]


def test_agreements():
    table = agreements([RIGHT, (RIGHT + 1) % 3, *WRONG])
    np.testing.assert_array_equal(table, table.T)
    assert table[0, 1] == 1 and abs(table[0, 2:]).max() < 0.1


@pytest.mark.parametrize(
    ("losses", "kept", "expected"),
    [
        ([5, 4, 1, 2, 3], 1.0, 1),  # the right runs agree, whatever their losses
        ([5, 4, 1, 2, 3], 0.2, 2),  # the lowest loss alone
        ([1, 5, 2, 3, 4], 0.4, 0),  # of two that don't agree the one with the lower loss
    ],
)
def test_most_agreed(losses, kept, expected):
    table = agreements([RIGHT, (RIGHT + 1) % 3, *WRONG])
    assert most_agreed(np.array(losses, float), table, kept) == expected


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"restarts": 0}, "restarts=0"), ({"kept": 0}, "kept=0"), ({"rddc": {"other": 1}}, "rddc: .*'other'")],
)
def test_bad_settings(settings, message):
    with pytest.raises(InvalidInput, match=message):
        RDDCPlus(2, **settings).fit([np.zeros((3, 1))] * 4)
