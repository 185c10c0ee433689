"""The reference ranges: quiet when nothing moved, and red for each way in which a result can."""

import numpy as np
import pytest
from fake_records import record, runs

from reports.compare import compare, reference
from reports.records import write_records

USUAL = runs([0.70, 0.72, 0.74], [0.1, 0.2, 0.3])


def store(folder, records):
    write_records(folder / "records/arabic_digits/rddc-none.0-2.jsonl", records, {0: np.array([0])})
    return folder


@pytest.fixture
def path(tmp_path):
    reference(store(tmp_path / "before", USUAL), tmp_path / "reference.csv")
    return tmp_path / "reference.csv"


@pytest.mark.parametrize(
    ("now", "message"),
    [
        (USUAL, None),
        (runs([0.69, 0.72, 0.75], [0.1, 0.2, 0.3]), None),
        (runs([0.50, 0.52, 0.54], [0.1, 0.2, 0.3]), "mean accuracy 0.520 is outside 0.6"),
        (runs([0.99, 0.99, 0.99], [0.1, 0.2, 0.3]), "mean accuracy 0.990 is outside"),
        (runs([0.70, 0.72, None], [0.1, 0.2, None]), "2/3 runs ok, 3 before"),
        (USUAL[:2], "2 runs instead of 3"),
        ([record(method="ddc", vectorization="zero")], "arabic_digits: no records"),
    ],
)
def test_what_moved(tmp_path, path, now, message):
    moved = compare(store(tmp_path / "now", now), path)
    assert (moved == []) if message is None else message in " ".join(moved)


def test_no_records_is_an_error(tmp_path, path):
    with pytest.raises(ValueError, match="there are no records"):
        compare(tmp_path / "nothing", path)
