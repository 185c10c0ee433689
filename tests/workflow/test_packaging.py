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
