"""One list of dependencies, three forms."""

import re
import tomllib

import yaml

from runs.sources import ROOT

CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base", "fastjsonschema": "python-fastjsonschema"}


def requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project["dependencies"] + project["optional-dependencies"]["test"], project["requires-python"]


def split(requirement):
    return re.match(r"([A-Za-z0-9_.-]+)(.*)", requirement).groups()


def test_environment_yml_has_the_same_ranges():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    conda = dict(split(item) for item in listed)
    ranges, python = requirements()
    assert conda.pop("python") == python
    assert conda.pop("make") == "" and conda.pop("cxx-compiler") == ""
    assert conda == {CONDA_NAMES.get(name, name): limits for name, limits in map(split, ranges)}


def test_the_lock_satisfies_the_ranges():
    pinned = re.findall(r"^(\S+)==(\S+)$", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    lock = {name.lower(): tuple(map(int, re.findall(r"\d+", version))) for name, version in pinned}
    for name, limits in map(split, requirements()[0]):
        least = tuple(map(int, re.findall(r"\d+", limits)))
        assert lock[name.lower()] >= least, name
    assert lock["torch"] == (2, 13, 0)


def test_the_ci_of_github_calls_the_one_script_and_pre_commit_has_the_lock_s_versions():
    steps = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["all"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"] and (ROOT / ".ci/run").stat().st_mode & 0o100
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    lock = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert [hook["rev"] for hook in hooks] == [f"v{lock[name]}" for name in ("ruff", "snakefmt")]


def test_the_catalogue_finds_what_it_asks_for():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage["software-stack-deployment"] == {"conda": True} and usage["report"] is True
    assert (ROOT / "workflow/Snakefile").is_file() and (ROOT / "config/README.md").is_file()
    rules = [path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk")]
    assert all("environment.yml" in text for text in rules)
