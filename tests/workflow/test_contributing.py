"""CONTRIBUTING.md, followed literally in a copy of the project."""

import os
import re
import subprocess
import sys
from pathlib import Path

from test_snakemake import copy_of_the_project

from runs.results import read_records
from runs.sources import ROOT

FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_walkthroughs(tmp_path):
    project = copy_of_the_project(tmp_path)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    commands = []
    for language, block in FENCE.findall((ROOT / "CONTRIBUTING.md").read_text()):
        if language == "python":
            name, code = re.match(r"# (\S+)\n(.*)", block, re.DOTALL).groups()
            assert not (ROOT / name).exists()
            (project / name).write_text(code)
        else:
            commands += block.splitlines()
    assert len(commands) == 7
    for command in commands:
        finished = subprocess.run(
            command, shell=True, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=600
        )
        assert finished.returncode == 0, f"{command}\n{finished.stdout}\n{finished.stderr}"
        assert "no tests ran" not in finished.stdout
    records = read_records((project / "results/mine").rglob("records/*/*.jsonl"))
    assert {"mini_batch_kmeans"} <= {record["method"] for record in records}
    assert {"digits_by_column"} <= {record["dataset"] for record in records}
    assert {record["status"] for record in records if record["method"] == "mini_batch_kmeans"} == {"ok"}
    own = read_records((project / "results/steps").rglob("records/*/*.jsonl"))
    assert {record["scores"]["test"]["accuracy"] for record in own if record["method"] == "kmeans"} == {1.0}
    ruff = [sys.executable, "-m", "ruff", "check", "methods/mini_batch_kmeans.py", "datasets/digits_by_column.py"]
    checked = subprocess.run(ruff, cwd=project, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
