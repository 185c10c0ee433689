"""What tests of several folders share."""

import os
from pathlib import Path

# Before anything imports torch: two threads on a busy machine are many times slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # which would set OpenMP's number for all libraries

import pytest  # noqa: E402

from datasets.fetch import MIRROR_VARIABLE  # noqa: E402


@pytest.fixture(scope="session")
def mirror():
    """Folder of the raw data: from the environment, else beside the checkout; without one the test is skipped."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    found = Path(os.environ.get(MIRROR_VARIABLE, beside))
    if not found.is_dir():
        pytest.skip(f"no mirror of the raw data: set {MIRROR_VARIABLE}")
    return found
