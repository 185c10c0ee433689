"""The probe of the loss starts at the labels, goes on without them, and says what it finds."""

import numpy as np
import pytest
from fake_records import record, write_scored

from datasets.sequences import Sequences, stratified_split
from datasets.storage import write_arrays, write_json
from studies import true_partition
from studies.true_partition import report, run, verdict

SETTINGS = {"batch": 10, "epochs": 3, "recurrent_units": 4, "hidden_units": 8}


@pytest.fixture
def data():
    """Sequences and their labels."""
    rng = np.random.default_rng(0)
    labels = np.arange(100) % 2
    arrays = [3 * label + rng.normal(size=(length, 2)) for label, length in zip(labels, 1 + labels * 3, strict=True)]
    return Sequences.from_list(arrays, stratified_split(labels, 0, "x"), 2), labels


def test_the_verdict_follows_the_losses():
    of = "of 2 from the labels end below all random starts"
    assert verdict([0.5, 0.6], [0.65, 0.7]) == f"prefers the true partition: 2 {of}"
    assert verdict([0.5, 0.6], [0.55, 0.7]) == f"leans to the true partition: 1 {of}"
    told = "can't tell: 2 of 3 random starts end lower than all from the labels"
    assert verdict([0.5], [0.4, 0.6, 0.45]) == told
    assert verdict([0.5], []) == "can't tell: no random start is ok"


def test_equal_records_give_equal_bytes(data, tmp_path, monkeypatch):
    monkeypatch.setattr(true_partition, "SEEDS", 1)
    sequences, labels = data
    sequences.save(tmp_path / "data/speech_commands.npz")
    write_arrays(tmp_path / "data/speech_commands.labels.npz", labels=labels)
    write_json(tmp_path / "data/speech_commands.json", {"classes": ["a", "b"], "settings": {}})
    write_json(tmp_path / "case.json", run("speech_commands", tmp_path, "test", SETTINGS))
    runs = "records/speech_commands/rddc-none.0-1.jsonl"
    write_scored(tmp_path / runs, [record(dataset="speech_commands", seed=seed) for seed in (0, 1)], {})
    rows = {"test": {"folder": tmp_path, "files": [runs]}}
    for place in ("a", "b"):
        report({"cases": [tmp_path / "case.json"], "variants": rows}, tmp_path / place)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["true_partition.md", "true_partition.pdf", "true_partition.png"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert "Speech Commands" in (tmp_path / "a/true_partition.md").read_text()
