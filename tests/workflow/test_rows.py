"""A row is a method with settings under a name: what it takes from what it is like, and what it may not be."""

import re

import pandas as pd
import pytest
from fake_records import described
from test_snakemake import TINY, copy_of_the_project, snakemake

from datasets.strict_yaml import parse_yaml
from reports import appendix, tables
from reports.settings import sources_of
from runs.results import read_records
from runs.sources import ROOT
from workflow import catalogue, jobs, layers, rows, validate

USER = """
run: {datasets: [arabic_digits, mnist], methods: [rddc, rddc_longer, longest, kmeans_once], controls: []}
methods:
  rddc:
    seeds: 4
    seeds_per_job: 2
    settings: {epochs: 40, batch: 200}
    datasets: {mnist: {batch: 50, clip_norm: 1.0}}
  rddc_longer: {like: rddc, settings: {epochs: 100, batch: 150}}
  longest:
    like: rddc_longer
    title: The longest
    seeds: 3
    settings: {epochs: 500}
    datasets: {mnist: {epochs: 600}}
  kmeans_once: {like: kmeans, settings: {n_init: 1}}
"""


def test_a_title_and_a_reason_are_one_line(resolved):
    resolved["methods"]["longest"] |= {"title": "The\nlongest\x1b[1m", "reason": "It\tis\u2028long"}
    said = rows.described(resolved, "longest")
    assert said["title"] == "The longest\\x1b[1m" and said["reason"] == "It is long"


@pytest.fixture
def resolved():
    user = parse_yaml(USER, "here")
    validate.check_config(user)
    return layers.resolve(user, "smoke")


def test_a_row_has_the_settings_of_what_it_is_like_and_its_own_over_them(resolved):
    """On every data set: the general settings of a row go over those that its method has on one data set."""
    found = {row: rows.method_settings(resolved, row, "mnist") for row in resolved["run"]["methods"]}
    assert {row: (found[row]["epochs"], found[row]["batch"]) for row in ("rddc", "rddc_longer", "longest")} == {
        "rddc": (40, 50),
        "rddc_longer": (100, 150),
        "longest": (600, 150),
    }
    assert all(found[row]["clip_norm"] == 1 for row in ("rddc", "rddc_longer", "longest"))
    assert found["kmeans_once"]["n_init"] == 1
    assert rows.method_settings(resolved, "longest", "arabic_digits")["epochs"] == 500
    assert rows.method_settings(resolved, "rddc", "arabic_digits")["epochs"] == 3  # said by the reading, on these data


def test_a_row_has_jobs_of_its_own_and_runs_the_method_s_file(resolved):
    planned = [job for job in jobs.jobs(resolved) if job[0] == "mnist"]
    blocks = {method: [block for _, name, _, block in planned if name == method] for _, method, *_ in planned}
    assert blocks["rddc"] == blocks["rddc_longer"] == ["0-1", "2-3"] and blocks["longest"] == ["0-1", "2-2"]
    inputs = {method: how for _, method, how, _ in planned}
    assert inputs["longest"] == "none" and inputs["kmeans_once"] == "zero-crop-avg"
    job = jobs.train_job(resolved, "smoke", *next(job for job in planned if job[1] == "longest"))
    assert job["method"] == "longest" and job["algorithm"] == "rddc"  # and the random streams are the algorithm's
    assert rows.source(resolved, "longest") == ROOT / "methods/rddc.py"
    assert {file.split("/")[-1] for file in jobs.record_files(resolved, "smoke", "mnist")} >= {"longest-none.0-1.jsonl"}


def test_what_a_report_is_told_of_a_row(resolved):
    assert rows.described(resolved, "longest") == {
        "algorithm": "rddc",
        "title": "The longest",
        "reason": None,
        "settings": {"update_bias": 2.0, "batch": 150, "epochs": 500},
        "datasets": {"mnist": {"clip_norm": 1.0, "epochs": 600}},
        "own": ["epochs", "batch"],
    }
    assert rows.described(resolved, "rddc")["own"] == [] and rows.described(resolved, "rddc")["algorithm"] == "rddc"


def test_a_row_may_be_a_control():
    user = parse_yaml(USER, "here")
    user["run"] = {"methods": ["rddc"], "controls": [{"method": "rddc_longer", "input": "none", "seeds": 2}]}
    validate.check_config(user)
    found = [job[1:] for job in jobs.jobs(layers.resolve(user, "recommended")) if job[0] == "arabic_digits"]
    assert found == [("rddc", "none", "0-1"), ("rddc", "none", "2-3"), ("rddc_longer", "none", "0-1")]


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ("{a: {like: b}, b: {like: c}, c: {like: a}}", "methods.c.like: it is like itself, by way of a, b, c"),
        ("{a: {like: a}}", "methods.a.like: it is like itself, by way of a"),
        ("{rddc: {like: ddc}}", "methods.rddc.like: methods/rddc.py has this name; a row needs its own"),
        ("{a: {like: nobody}}", "methods: 'nobody' is not in methods/"),
        ("{a: {settings: {epochs: 3}}}", "methods: 'a' is not in methods/"),
        ("{a: {like: rddc, settings: {epoch: 3}}}", "methods.a.settings: no setting 'epoch'"),
        (
            "{a: {like: rddc, settings: {epochs: x}}}",
            "methods.a.settings.epochs: expected int or {\"by_size\"}, got 'x'",
        ),
        ("{a: {like: l2c}}", "run.methods: 'a' is supervised"),
        ("{random: {like: rddc}}", "run.methods: 'random' is a control of every table; a row needs another name"),
        ("{oracle: {like: rddc}}", "run.methods: 'oracle' is a control of every table"),
        ("{majority: {like: rddc}}", "run.methods: 'majority' is a control of every table"),
        ("{a: {like: rddc, title: ''}}", "methods.a.title:"),
        ("{a-b: {like: rddc}}", "methods: 'a-b': a name has small letters"),
        ("{long: {like: rddc}, rddc_long: {like: rddc}}", "methods: long and rddc_long have one title"),
        ("{a: {like: rddc, title: X}, b: {like: ddc, title: X}}", "methods: a and b have one title"),
    ],
)
def test_a_mistake_is_named_in_one_line(methods, message):
    with pytest.raises(catalogue.ConfigError) as caught:
        validate.check_config({"methods": parse_yaml(methods, "here")})
    assert str(caught.value).startswith(f"config: {message}") and "\n" not in str(caught.value)


# ---- reports


def test_a_row_without_a_title_has_its_methods_and_its_own_name():
    rows = {"rddc": {}, "rddc_narrow_kernel": {}, "longer": {}, "wide": {"title": "Wide"}}
    tables.name_rows({row: described("rddc", **more) for row, more in rows.items()})
    assert [tables.title(row) for row in rows] == ["RDDC", "RDDC, narrow kernel", "RDDC, longer", "Wide"]
    tables.name_rows({})
    assert tables.title("longer") == "Longer"


def test_a_setting_has_the_source_of_the_method_unless_the_row_changes_it():
    rows = {"kmeans": described("kmeans"), "dec_fast": described("dec", own=["batch"])}
    found = sources_of(rows)
    assert found["methods.dec_fast"]["widths"] == found["methods.dec"]["widths"] and "batch" in found["methods.dec"]
    assert "batch" not in found["methods.dec_fast"] and found["methods.kmeans"]["n_init"]["source"] == "inferred"
    found = sources_of({"dec_joint": described("idec", own=["pretraining"])})["methods.dec_joint"]
    assert found["pretraining"]["source"] == "published" and "layer_updates" in found


def test_the_appendix_says_what_a_row_changes():
    changed = {"settings": {"batch": 9, "epochs": 7}, "datasets": {"mnist": {"epochs": 8}}, "own": ["epochs"]}
    rows = {"kmeans_b": described("kmeans"), "kmeans_a": described("kmeans", reason="Because.", **changed)}
    tables.name_rows(rows)
    told = appendix.deviations(rows)
    assert re.findall(r"subsection\{(.*)\}", told) == ["k-means", "k-means, b", "k-means, a"]
    assert "Because. k-means with epochs 7; epochs 8 on MNIST." in told


def test_a_row_runs_and_stands_in_the_tables(tmp_path):
    """With verdicts and paired differences; equal settings give equal runs, as the random numbers are the method's."""
    methods = {"kmeans": {"seeds": 2, "settings": {"n_init": 1}}, "kmeans_same": {"like": "kmeans"}}
    methods["kmeans_often"] = {"like": "kmeans", "title": "Often <k>", "settings": {"n_init": 20}}
    run = TINY["run"] | {"methods": ["kmeans_same", "kmeans_often", "kmeans"]}
    project = copy_of_the_project(tmp_path)
    config = TINY | {"run": run, "methods": methods, "figures": {"dataset": None}}
    finished = snakemake(project, config=config)
    assert finished.returncode == 0, finished.stdout
    folder = project / "results/paper/recommended"
    records = read_records(sorted(folder.glob("records/*/*.jsonl")))
    assert {(record["method"], record["algorithm"]) for record in records} == {(row, "kmeans") for row in methods}
    losses = {row: [record["loss"]["train"] for record in records if record["method"] == row] for row in methods}
    assert losses["kmeans"] == losses["kmeans_same"] != losses["kmeans_often"]
    assert set(pd.read_csv(folder / "tables/summary.csv").method) >= set(methods)
    assert "Often &lt;k&gt;" in (folder / "report.html").read_text()
    assert list(pd.read_csv(folder / "tables/paired.csv").method) == ["k-means, same", "Often <k>"]
    settings = pd.read_csv(folder / "tables/settings.csv", dtype=str).set_index(["of", "setting"]).value
    assert settings["methods.kmeans_often", "n_init"] == "20" and settings["methods.kmeans_same", "n_init"] == "1"
