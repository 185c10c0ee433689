"""What reruns when: every line of the table in the docs, walked through in a copy of a finished run."""

import os
import re

import pytest
from test_snakemake import TINY, jobs, snakemake

from runs.sources import ROOT
from workflow import layers

RULES = ("prepare", "train", "score", "study_case", "report")
ALL = {"prepare": 1, "train": 4, "score": 1, "study_case": 1, "report": 1}  # of `TINY`
# How many jobs of `TINY` a word of the table means; RDDC has two, the only data set has one.
WORDS = {"none": 0, "no": 0, "yes": 1, "its own": 1, "its own rows": 2, "on them": 1}


def lines():
    """(file, rule to number of its jobs) for every file of the table."""
    found = re.findall(r"^\| [^|`]+ \| (`.*`) \| (.*) \|$", (ROOT / "docs/reruns.md").read_text(), re.M)
    for files, words in found:
        told = dict(zip(RULES, words.split(" | "), strict=True))
        numbers = {rule: ALL[rule] if word in ("all", "on it") else WORDS[word] for rule, word in told.items()}
        yield from ((file, {rule: n for rule, n in numbers.items() if n}) for file in re.findall("`([^`]+)`", files))


def test_the_table_has_every_kind():
    planned = list(lines())
    assert len(planned) > 20 and {rule for _, numbers in planned for rule in numbers} == set(RULES)


def test_nothing_is_done_twice(project):
    assert jobs(snakemake(project, "--dry-run")) == {}


@pytest.mark.parametrize(("file", "expected"), list(lines()))
def test_an_edit_reruns_what_the_table_says(project, file, expected):
    path = project / file
    before, times = path.read_text(), path.stat()
    sign = {".py": "#", ".smk": "#", ".js": "//", ".csv": "#"}.get(path.suffix, "")
    try:
        path.write_text(f"{before}\n{sign} an edit\n")
        assert jobs(snakemake(project, "--dry-run")) == expected
    finally:
        path.write_text(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_setting_reruns_what_it_reaches(project):
    longer = layers.merge(TINY, {"methods": {"rddc": {"settings": {"epochs": 3}}}})
    assert jobs(snakemake(project, "--dry-run", config=longer)) == {"train": 2, "score": 1, "report": 1}
    other = TINY | {"selection": "train"}
    assert jobs(snakemake(project, "--dry-run", config=other)) == {"report": 1}
