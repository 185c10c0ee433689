"""Pages about methods and data sets."""

import shutil

import pytest

from runs.sources import ROOT
from workflow import catalogue, docs


def test_the_committed_pages_are_what_the_docstrings_say():
    for path, content in docs.pages().items():
        assert (ROOT / path).read_text(encoding="utf-8") == content, f"{path} is out of date: run make docs"


def test_there_is_a_section_for_each_method_and_data_set():
    for folder in ("methods", "datasets"):
        content = docs.pages()[f"docs/{folder}.md"]
        found = [line.split("`")[1] for line in content.splitlines() if line.startswith("## ")]
        assert found == catalogue.available(folder) and found


def test_a_section_has_defaults_source_and_licence():
    assert "| `n_init` " in docs.method_section("kmeans") and "Restarts." in docs.method_section("kmeans")
    assert "`('a', 'b', 'c')`" in docs.dataset_section("character_trajectories")
    section = docs.dataset_section("japanese_vowels")
    assert "- Licence: CC BY 4.0\n" in section and "ts (in aeon)" in section and "There is nothing to set." in section
    assert "`raw`" not in section and "`seed`" not in section


def test_a_parameter_that_another_class_explains_has_its_own_default():
    row = next(line for line in docs.method_section("rddc").splitlines() if line.startswith("| `hidden_units`"))
    assert row.count("`") == 2 * (19 + 19 + 1) and "`100`, `True`" in row


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of the methods, with one more."""
    for folder in ("methods", "datasets"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = (tmp_path / "methods/kmeans.py").read_text().replace("class KMeans", "class Another")
    (tmp_path / "methods/another.py").write_text(text)
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    catalogue.available.cache_clear()
    yield tmp_path
    catalogue.available.cache_clear()


def test_a_new_file_is_a_new_section(project):
    docs.write_pages(project)
    assert "import Another`" in (project / "docs/methods.md").read_text(encoding="utf-8")
