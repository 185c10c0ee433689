"""Data of kinds that break tools, through a real run: a page comes, and every run has a record with its status."""

import zipfile

import numpy as np
from test_snakemake import copy_of_the_project, snakemake

from datasets.storage import write_arrays
from runs.results import read_records

CONFIG = {
    "readings": ["own"],
    "published": None,
    "run": {"methods": ["kmeans"], "vectorizations": ["zero"], "controls": []},
    "datasets": {
        "set": {"path": "Toy.zip"},
        "copies": {"path": "copies.npz", "k": 2},
        "filled": {"path": "filled.npz", "k": 2},
        "outlier": {"path": "outlier.npz", "k": 2},
    },
    "methods": {"kmeans": {"seeds": 1}},
}


def test_each_has_its_status_and_all_have_a_page(tmp_path):
    folder = copy_of_the_project(tmp_path)
    noise, offsets = np.random.default_rng(0).normal(size=(60, 2)), np.arange(0, 61, 3)
    for part in ("TRAIN", "TEST"):
        lines = [f"{i % 3}\t{i % 3}\t{value:.3f}\tNaN" for i, (value, _) in enumerate(noise)]
        (folder / f"Toy_{part}.tsv").write_text("\n".join(lines))
    with zipfile.ZipFile(folder / "Toy.zip", "w") as archive:
        for file in folder.glob("Toy_*"):
            archive.write(file, file.name)
    write_arrays(folder / "copies.npz", values=np.tile(noise[:3], (20, 1)), offsets=offsets)
    write_arrays(folder / "filled.npz", values=np.where(noise > 2, 9.96921e36, noise), offsets=offsets)
    long = {"values": np.resize(noise, (40_060, 2)), "offsets": np.append(offsets, 40_060)}
    write_arrays(folder / "outlier.npz", **long)
    finished = snakemake(folder, config=CONFIG | {"run": CONFIG["run"] | {"datasets": list(CONFIG["datasets"])}})
    assert finished.returncode == 0, finished.stdout
    results = folder / "results/own"
    records = {record["dataset"]: record for record in read_records(results.glob("records/*/*.jsonl"))}
    status = {name: record["status"] for name, record in records.items()}
    assert status == {"set": "ok", "copies": "collapsed", "filled": "diverged", "outlier": "ok"}
    assert records["set"]["scores"]["train"]["accuracy"] > 0.5
    page = (results / "report.html").read_text()
    assert "collapsed" in page and "too large to square" in page
    assert {path.stem for path in (results / "figures").glob("clusters_*.png")} == {f"clusters_{x}" for x in status}
