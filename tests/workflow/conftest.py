"""A finished run of `test_snakemake.TINY`, once for all files that look at it or plan beside it."""

import pytest
from test_snakemake import copy_of_the_project, snakemake


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """Its folder: who edits a file there puts it back with its time, and who runs more has other results."""
    folder = copy_of_the_project(tmp_path_factory.mktemp("project"))
    finished = snakemake(folder)
    assert finished.returncode == 0, finished.stdout
    return folder
