"""A dry run through the Kubernetes profile plans the jobs of a local run; docs/cluster.md shows the steps.

Needs Snakemake's plugins for both, as named there, in the Python that runs the tests.
"""

import importlib.util

import pytest
from test_snakemake import copy_of_the_project, jobs, snakemake

PLUGINS = ("snakemake_executor_plugin_kubernetes", "snakemake_storage_plugin_fs")
MISSING = [name for name in PLUGINS if importlib.util.find_spec(name) is None]


@pytest.mark.nightly
@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
@pytest.mark.parametrize("targets", [["all"], ["appendix", "replication", "diagnosis"], ["supervised"]], ids="-".join)
def test_a_dry_run_through_the_profile_plans_the_jobs_of_a_local_run(tmp_path, targets):
    project = copy_of_the_project(tmp_path)
    local = snakemake(project, "--dry-run", *targets)
    there = snakemake(project, "--profile", "profiles/kubernetes", "--dry-run", *targets)
    assert jobs(there) == jobs(local) != {}
    assert "/benchmark/results/" in there.stdout and "(send to storage)" in there.stdout
    assert str(project / "methods") in there.stdout, "sources travel with the workflow and are in no storage"
