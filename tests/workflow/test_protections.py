"""Each protection taken away, in a copy of the project, makes the test of its fault fail."""

import re
import subprocess
import sys

import pytest
from test_snakemake import copy_of_the_project

PROTECTIONS = {  # file, protection, what is left of it, test
    "the status of a killed training": (
        "runs/run.py",
        '        Killed: "oom",\n',
        "",
        "test_processes.py::test_what_ends_a_training_is_a_record_and_the_next_goes_on[killed]",
    ),
    "finished seeds are taken over": (
        "runs/run.py",
        "left = [seed for seed in seeds if seed not in progress.runs]",
        "left = list(seeds)",
        "test_processes.py::test_finished_seeds_are_not_done_again",
    ),
    "failed runs enter no mean": (
        "reports/tables.py",
        'ok = group[group.status == "ok"]',
        "ok = group",
        "test_processes.py::test_every_status_is_seen_in_the_table_and_in_no_mean",
    ),
    "the origin of a checkpoint": (
        "methods/checkpoint.py",
        "        if different:\n",
        "        if False:\n",
        "test_resume.py::test_a_foreign_checkpoint_is_refused_with_the_reason",
    ),
    "the moments of a checkpoint": (
        "methods/checkpoint.py",
        "                self.optimizer_state[name] = ",
        "                forgotten = ",
        "test_resume.py::test_interrupted_and_resumed_equals_uninterrupted[ddc]",
    ),
    "names in an archive": (
        "datasets/fetch.py",
        "            _check_name(member.filename)\n",
        "",
        "test_fetch.py::test_a_member_outside_the_archive_is_refused",
    ),
    "the bound on empty files": (
        "datasets/fetch.py",
        "PER_FILE = 1000",
        "PER_FILE = 0",
        "test_fetch.py::test_a_bomb_of_empty_files_stops_at_the_limit",
    ),
    "arrays without pickle": (
        "datasets/storage.py",
        "np.load(stream, allow_pickle=False)",
        "np.load(stream, allow_pickle=True)",
        "test_untrusted.py::test_no_file_runs_code_from_data",
    ),
}


QUICK = {"names in an archive", "the bound on empty files", "arrays without pickle"}  # their tests don't import torch


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.nightly) for name in PROTECTIONS]
)
def test_without_its_protection_a_fault_is_noticed(name, tmp_path):
    file, protection, left, test = PROTECTIONS[name]
    project = copy_of_the_project(tmp_path)
    code = (project / file).read_text()
    assert code.count(protection) == 1
    (project / file).write_text(code.replace(protection, left))
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"tests/faults/{test}"]
    finished = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=300)
    assert finished.returncode == 1, finished.stdout
    assert re.search(r"^FAILED ", finished.stdout, re.MULTILINE), finished.stdout
