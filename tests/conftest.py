"""What tests of several folders share."""

import os
from collections import Counter
from pathlib import Path

# Before anything imports torch: two threads on a busy machine are many times slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # which would set OpenMP's number for all libraries
os.environ.setdefault("SEQUENCE_PROGRESS_SECONDS", "0")  # nor is a pilot timed before every small run

import pytest  # noqa: E402

from datasets.fetch import MIRROR_VARIABLE  # noqa: E402

NO_MIRROR = "no mirror of the raw data"


@pytest.fixture(scope="session")
def mirror():
    """Folder of the raw data: from the environment, else beside the checkout; without one the test is skipped."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    found = Path(os.environ.get(MIRROR_VARIABLE, beside))
    if not found.is_dir():
        pytest.skip(f"{NO_MIRROR}: set {MIRROR_VARIABLE}")
    return found


def pytest_unconfigure(config):
    """Say in the last lines what couldn't be tested without the raw data."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    files = Counter(one.nodeid.partition("::")[0] for one in skipped if NO_MIRROR in str(one.longrepr))
    if files:
        told = ", ".join(f"{count} of {file}" for file, count in sorted(files.items()))
        reporter.write_line(f"NOT TESTED, as there is {NO_MIRROR} (set {MIRROR_VARIABLE}): {told}")
