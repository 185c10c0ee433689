"""What every script does the same."""

import gc
import json
import shlex
import subprocess
import sys

import pytest

from runs.sources import ROOT
from workflow.scripts.entry import imports

CODE = "from workflow.scripts.entry import main; main(lambda job: print(len(job)))"


@pytest.mark.parametrize(("length", "works"), [(10, True), (20_000, False)])
def test_a_job_as_an_argument(length, works):
    """Linux ends an argument at 128 KiB."""
    job = json.dumps(["a record"] * length)
    if works:
        assert subprocess.check_output([sys.executable, "-c", CODE, "--job", job], cwd=ROOT, text=True) == f"{length}\n"
    else:
        with pytest.raises(OSError, match="Argument list too long"):
            subprocess.run([sys.executable, "-c", CODE, "--job", job], cwd=ROOT, check=False)


def test_a_job_of_any_length_by_standard_input():
    """The way of the report, whose job names all records, in a shell as Snakemake's."""
    job = json.dumps(["a record"] * 20_000)
    script = f"{shlex.join([sys.executable, '-c', CODE])} --job - <<< {shlex.quote(job)}"
    assert subprocess.run(["bash"], input=script, cwd=ROOT, capture_output=True, text=True).stdout == "20000\n"


def test_garbage_is_collected_again_after_the_imports():
    """Be it that one of them fails."""
    frozen = gc.get_freeze_count()
    try:
        with pytest.raises(ImportError), imports():
            assert not gc.isenabled()
            raise ImportError
        assert gc.isenabled() and gc.get_freeze_count() > frozen
    finally:
        gc.unfreeze()
