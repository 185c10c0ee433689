"""Interrupted and resumed equals uninterrupted, bit for bit; checkpoints of anything else are refused."""

import json

import numpy as np
import pytest

from datasets.sequences import Sequences
from methods import checkpoint, deep
from methods.base import load_method
from methods.checkpoint import Phase, read_state, resumable, write_state

AUTOENCODER = {"widths": (16, 8, 4), "batch": 20, "pretrain_updates": 9, "cluster_updates": 30, "tolerance": 0.0}
TINY = {
    "ddc": {"batch": 20, "epochs": 6, "hidden_units": 8, "learning_rate": 0.3, "best_epoch": True},
    "rddc": {"batch": 20, "epochs": 4, "recurrent_units": 4, "hidden_units": 8},
    "rddc_plus": {
        "restarts": 3,
        "offspring": 2,
        "parents": 2,
        "consensus_epochs": 2,
        "rddc": {"batch": 20, "epochs": 8, "recurrent_units": 4, "learning_rate": 3e-3, "hidden_units": 20},
    },
    "dec": AUTOENCODER | {"layer_updates": 9, "refresh_interval": 4},  # not a divisor of an epoch's updates
    "dec_conv": AUTOENCODER | {"widths": None, "image_shape": (3, 5), "filters": (2, 3, 4)},
    "idec": AUTOENCODER | {"pretraining": "end_to_end"},
    "dcn": AUTOENCODER | {"layer_updates": 9, "tolerance": None, "kmeans_interval": 2},
    "catgan": {"batch": 20, "epochs": 4, "discriminator_widths": (8,), "generator_widths": (8,), "latent": 3},
}
ORIGIN = {"data_digest": "d", "settings": {"epochs": 3}}


class Interrupt(BaseException):
    """As Ctrl-C: no method catches it."""


@pytest.fixture
def often(monkeypatch):
    """Save after every epoch."""
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", float("inf"))


def data(method):
    rng = np.random.default_rng(3)
    sequences = Sequences.from_list(list(rng.normal(size=(70, 5, 3)) + np.arange(70)[:, None, None] % 3))
    return sequences if load_method(method).accepts == "sequences" else sequences.values.reshape(70, -1)


def fit(method, folder):
    settings = {name: value for name, value in TINY[method].items() if value is not None}
    with resumable(folder, ORIGIN) as spent:
        (outcome,) = load_method(method)(n_clusters=3, **settings).fit_seeds(data(method), [7])
    return outcome, spent


def bits(fitted):
    """Everything that comes out of a training."""
    network = getattr(fitted, "chosen_", fitted).network_
    curve = json.dumps(fitted.loss_curve_, sort_keys=True)
    tensors = [network[name].detach().numpy().tobytes() for name in sorted(network)]
    return fitted.labels_.tobytes(), fitted.loss_, curve, fitted.n_updates_, fitted.n_epochs_, tensors


def interrupted(monkeypatch, method, folder, saves):
    """Stop a training right after it has saved so many times; False when it ended before."""
    write, counted = checkpoint.write_state, []

    def count(path, *arguments):
        write(path, *arguments)
        counted.append(path)
        if len(counted) == saves:
            raise Interrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_state", count)
        try:
            fit(method, folder)
        except Interrupt:
            return True
    return False


@pytest.mark.parametrize("method", TINY)
def test_interrupted_and_resumed_equals_uninterrupted(method, tmp_path, often, monkeypatch):
    whole = bits(fit(method, None)[0])
    assert bits(fit(method, tmp_path / "whole")[0]) == whole, "saving changes a training"
    saves = 0
    for saves in range(1, 100, 1 if method == "ddc" else 4):  # noqa: B007 - its last value counts
        folder = tmp_path / str(saves)
        if not interrupted(monkeypatch, method, folder, saves):
            break
        resumed, spent = fit(method, folder)
        assert bits(resumed) == whole, f"interrupted after {saves} saves"
        assert spent > 0
    assert saves > 3


def test_a_search_gets_as_far_as_its_offspring():
    """Or the test above would say nothing about them."""
    assert fit("rddc_plus", None)[0].n_updates_ == 3 * (3 * 8 + 2 * (2 + 8))


def test_resuming_leaves_out_what_was_done(tmp_path, often, monkeypatch):
    steps = []
    step = deep.Adam.step
    monkeypatch.setattr(deep.Adam, "step", lambda self: steps.append(1) or step(self))
    fit("ddc", None)
    whole = len(steps)
    assert interrupted(monkeypatch, "ddc", tmp_path, 3)
    steps.clear()
    fit("ddc", tmp_path)
    assert (whole, len(steps)) == (6 * 3, 3 * 3)


@pytest.mark.parametrize("forgotten", ["moments", "order", "noise"])
def test_the_comparison_can_fail(forgotten, tmp_path, often, monkeypatch):
    """A checkpoint without one of its parts gives other bits."""
    method = "dec" if forgotten == "noise" else "ddc"
    whole = bits(fit(method, None)[0])
    take_over = Phase._take_over

    def forget(self, state, arrays):
        rngs, generators = self._rngs, self._generators
        order = [rng.bit_generator.state for rng in rngs]
        noise = [generator.get_state() for generator in generators]
        take_over(self, state, arrays)
        if forgotten == "moments":
            self.optimizer_state = {}
        for rng, old in zip(rngs, order, strict=True):
            rng.bit_generator.state = old if forgotten == "order" else rng.bit_generator.state
        for generator, old in zip(generators, noise, strict=True):
            generator.set_state(old if forgotten == "noise" else generator.get_state())

    assert interrupted(monkeypatch, method, tmp_path, 2)
    monkeypatch.setattr(Phase, "_take_over", forget)
    assert bits(fit(method, tmp_path)[0]) != whole


def test_a_short_training_writes_nothing(tmp_path):
    fit("ddc", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


# ---- what is refused


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        (ORIGIN | {"data_digest": "other"}, "data_digest differ"),
        (ORIGIN | {"settings": {"epochs": 4}}, "settings differ"),
        ({"data_digest": "d"}, "settings differ"),
    ],
)
def test_a_foreign_checkpoint_is_refused_with_the_reason(origin, reason, tmp_path, capsys):
    write_state(tmp_path / "a.npz", origin, {"x": 1}, {"array": np.arange(3)})
    assert read_state(tmp_path / "a.npz", origin)[0] == {"x": 1}
    assert read_state(tmp_path / "a.npz", ORIGIN) is None
    told = capsys.readouterr().err
    assert reason in told and str(tmp_path / "a.npz") in told and told.count("\n") == 1


@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "no state", "pickle"])
def test_a_broken_checkpoint_is_refused_with_the_reason(damage, tmp_path, capsys):
    path = tmp_path / "a.npz"
    write_state(path, ORIGIN, {"x": 1}, {"array": np.arange(1000)})
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-40])
    elif damage == "no state":
        np.savez(path, array=np.arange(3))
    elif damage == "pickle":
        np.savez(path, state=np.array([{"origin": ORIGIN, "state": {}}], dtype=object))
    else:
        path.write_bytes(b"no archive" if damage == "text" else b"")
    assert read_state(path, ORIGIN) is None
    told = capsys.readouterr().err
    assert "is not used: " in told and told.count("\n") == 1


def test_a_training_with_a_broken_checkpoint_starts_anew(tmp_path, often, monkeypatch, capsys):
    whole = bits(fit("ddc", None)[0])
    assert interrupted(monkeypatch, "ddc", tmp_path, 2)
    (tmp_path / "phase-0.npz").write_bytes(b"broken")
    assert bits(fit("ddc", tmp_path)[0]) == whole
    assert "is not used" in capsys.readouterr().err


def test_a_checkpoint_that_cannot_be_written_stops_nothing(tmp_path, often, capsys):
    whole = bits(fit("ddc", None)[0])
    (tmp_path / "file").write_text("where a folder should be")
    assert bits(fit("ddc", tmp_path / "file" / "folder")[0]) == whole
    assert "is not written: " in capsys.readouterr().err
