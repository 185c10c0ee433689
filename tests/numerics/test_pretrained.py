"""An autoencoder that is pretrained once: what starts from it is, bit for bit, what pretrains its own."""

import numpy as np
import pytest

from methods.base import InvalidInput, load_method

METHODS = ("dec", "idec", "dcn", "dec_conv", "idec_conv")
X = np.random.default_rng(0).random((60, 12)).astype(np.float32)


def made(name, **settings):
    """A method on its small budget, the images being of 3 × 4 pixels."""
    method = load_method(name)
    image = {"image_shape": (3, 4)} if "image_shape" in method.small else {}
    return method(3, random_state=5, **method.small | image | settings)


def lent(folder, name, **settings):
    """Folder with the pretraining that the method `name` starts from."""
    of = "dec_conv" if name.endswith("_conv") else "dec"
    made(of, cluster_updates=0, **settings).fit(X).save(folder / "5.npz")
    return str(folder)


def bits(fitted):
    """All that a fit gives, as comparable values."""
    tensors = {name: tensor.numpy().tobytes() for name, tensor in fitted.network_.items()}
    return tensors, fitted.labels_.tolist(), fitted.loss_, fitted.loss_curve_, fitted.n_updates_, fitted.n_epochs_


@pytest.mark.parametrize(
    ("name", "settings"),
    [*((name, {}) for name in METHODS), *((name, {"precision": "bfloat16"}) for name in ("dec", "idec", "dcn"))],
)
def test_it_equals_a_pretraining_of_its_own(name, settings, tmp_path):
    alone = made(name, **settings).fit(X)
    started = made(name, **settings, pretrained=lent(tmp_path, name, **settings)).fit(X)
    assert bits(started) == bits(alone)
    assert started.predict(X[:7]).tolist() == alone.predict(X[:7]).tolist()


def test_it_pretrains_nothing(tmp_path, monkeypatch):
    folder = lent(tmp_path, "idec")
    monkeypatch.setattr(load_method("idec"), "_pretrain", None)
    made("idec", pretrained=folder).fit(X)


@pytest.mark.parametrize("forgotten", ["order_", "network_"])
def test_the_comparison_can_fail(forgotten, tmp_path, monkeypatch):
    alone = made("idec").fit(X)
    load = load_method("idec")._take_over

    def take_over(self, order):
        before = order.bit_generator.state
        load(self, order)
        if forgotten == "order_":
            order.bit_generator.state = before
        else:
            self.network_ = {part: tensor + 1e-6 for part, tensor in self.network_.items()}

    monkeypatch.setattr(load_method("idec"), "_take_over", take_over)
    assert bits(made("idec", pretrained=lent(tmp_path, "idec")).fit(X)) != bits(alone)


@pytest.mark.parametrize(
    ("other", "told"),
    [({"layer_updates": 8}, "layer_updates was 8, expected 4"), ({"cluster_updates": 3}, "trained on after k-means")],
)
def test_another_recipe_is_refused(other, told, tmp_path):
    made("dec", **{"cluster_updates": 0} | other).fit(X).save(tmp_path / "5.npz")
    with pytest.raises(InvalidInput, match=told):
        made("dec", pretrained=str(tmp_path)).fit(X)


def test_other_data_are_refused(tmp_path):
    folder = lent(tmp_path, "dec")
    with pytest.raises(InvalidInput, match="scale_ was"):
        made("dec", pretrained=folder).fit(2 * X)


def test_without_a_last_phase_it_is_kmeans_on_the_codes():
    fitted = made("dec", cluster_updates=0).fit(X)
    distances = np.linalg.norm(fitted.transform(X)[:, None] - fitted.network_["centroids"].numpy(), axis=2)
    assert fitted.labels_.tolist() == distances.argmin(axis=1).tolist()
    assert "loss" not in fitted.loss_curve_
