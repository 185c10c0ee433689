"""The watched training is the unwatched one, and what was seen adds up."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from datasets.seeds import seed_sequence
from datasets.sequences import Sequences
from datasets.storage import write_arrays, write_json
from methods import deep
from methods.rddc import RDDC
from reports.style import STYLE
from studies import diagnosis

SETTINGS = {"batch": 10, "epochs": 4, "recurrent_units": 4, "hidden_units": 8}


@pytest.fixture
def sequences():
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    arrays = [3 * label + rng.normal(size=(length, 2)) for label, length in zip(labels, 1 + labels * 3, strict=True)]
    return Sequences.from_list(arrays, np.repeat([0, 2], [30, 10]), 2)


def test_watching_changes_nothing(sequences):
    clip = deep.clip_gradient
    seen = diagnosis.diagnose(sequences, 2, SETTINGS, "x")
    assert deep.clip_gradient is clip
    state = int(seed_sequence(0, "x", "rddc").generate_state(1)[0])
    expected = RDDC(2, random_state=state, **SETTINGS).fit(sequences.part("train"))
    usage = np.bincount(expected.labels_, minlength=2) / 30
    assert seen["usage"] == sorted(usage.tolist(), reverse=True)
    assert len(seen["gradient_norm"]) == expected.n_updates_ == 12
    for key in ("kernel_first", "kernel_last"):
        assert sum(seen[key]) == pytest.approx(1)


def test_own_statistics_matter_where_a_split_has_others(sequences):
    """All test sequences moved far away: running averages put them into one cluster, their own statistics into two."""
    train, test = sequences.part("train"), sequences.part("test")
    estimator = RDDC(2, random_state=0, **SETTINGS | {"epochs": 20}).fit(train)
    before = {name: tensor.clone() for name, tensor in estimator.network_.items()}
    assert diagnosis.kept_with_own_statistics(estimator, test) > 0.9
    moved = Sequences(test.values + 50, test.offsets)
    assert diagnosis.kept_with_own_statistics(estimator, moved) < 0.9
    assert all((tensor == before[name]).all() for name, tensor in estimator.network_.items())


def test_equal_records_give_equal_bytes_and_ticks_are_numbers(sequences, tmp_path, monkeypatch):
    sequences.save(tmp_path / "reading/data/x.npz")
    write_arrays(tmp_path / "reading/data/x.labels.npz", labels=np.arange(len(sequences)) % 2)
    write_json(tmp_path / "reading/data/x.json", {"classes": ["a", "b"], "settings": {}})
    for variant in ("y", "z"):
        write_json(tmp_path / f"x.{variant}.json", diagnosis.run("x", tmp_path / "reading", variant, SETTINGS))
    job = {"cases": [tmp_path / f"x.{variant}.json" for variant in "yz"], "variants": {}}
    for place in ("a", "b"):
        diagnosis.report(job, tmp_path / place)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["diagnosis.md", "gradient.pdf", "gradient.png", "kernel.pdf", "kernel.png"]
    figures = []
    monkeypatch.setattr(diagnosis, "save", lambda figure, path: figures.append(figure))
    diagnosis.report(job, tmp_path)
    for figure in figures:
        with plt.rc_context(STYLE):
            figure.draw_without_rendering()
        told = [label.get_text() for axis in figure.axes for label in axis.get_yticklabels(which="both")]
        assert any(told) and not [text for text in told if "$" in text]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
