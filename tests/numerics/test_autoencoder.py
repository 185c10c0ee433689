"""The shared autoencoder, IDEC, DCN and CatGAN against loops, plain torch and finite differences."""

import inspect

import numpy as np
import pytest
import sklearn.cluster
import torch

from methods import autoencoder as shared
from methods import dcn, deep
from methods.autoencoder import DenseAutoencoder, init_autoencoder, pretrain, pretrain_layers
from methods.base import Diverged, InvalidInput
from methods.catgan import CatGAN, certainty, entropy
from methods.dcn import DCN, update_centroids
from methods.dec import DEC, target_distribution
from methods.dec_conv import DECConv
from methods.deep import PRECISIONS
from methods.idec import IDEC
from methods.idec_conv import IDECConv


def autoencoder(features=6, widths=(8, 3), dtype=torch.float32, seed=0):
    network = init_autoencoder(features, widths, np.random.default_rng(seed))
    return DenseAutoencoder({name: tensor.to(dtype) for name, tensor in network.items()})


def blobs(n=240, dimensions=10, seed=1):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    return (4 * rng.normal(size=(3, dimensions))[labels] + rng.normal(size=(n, dimensions))).astype(np.float32), labels


def as_torch_module(model):
    """The same autoencoder from torch's own layers."""
    layers = []
    for part in ("encoder", "decoder"):
        for layer in range(model.depth):
            weight, bias = (model.network[f"{part}.{layer}.{kind}"][0] for kind in ("weight", "bias"))
            made = torch.nn.Linear(weight.shape[1], weight.shape[0])
            made.weight.data, made.bias.data = weight.clone(), bias.clone()
            layers += [made, torch.nn.ReLU()]
        layers.pop()  # neither the code nor the output has one
    return torch.nn.Sequential(*layers)


def test_autoencoder_is_torchs(monkeypatch):
    model, x = autoencoder(), torch.randn(1, 5, 6, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model.decode(model.encode(x))[0], as_torch_module(model)(x[0]))
    expected = torch.nn.functional.mse_loss(as_torch_module(model)(x[0]), x[0]).item()
    assert model.reconstruction(x).item() == pytest.approx(expected, rel=1e-5)
    assert model.error(x[0]) == pytest.approx(expected, rel=1e-5)
    monkeypatch.setattr(shared, "PART", 3)  # the last part has fewer
    assert model.error(x[0]) == pytest.approx(expected, rel=1e-5)


def test_tied_weights_are_the_encoders_transposed():
    X, settings = blobs()[0], {"n_clusters": 3, "widths": (8, 3), "random_state": 0, "layer_updates": 12}
    fitted = DCN(**settings, batch=40, pretrain_updates=12, cluster_updates=12, tied=True).fit(X)
    network = fitted.network_
    assert sorted(name for name in network if name.startswith("decoder")) == ["decoder.0.bias", "decoder.1.bias"]
    untied = network | {
        f"decoder.{layer}.weight": network[f"encoder.{1 - layer}.weight"].transpose(1, 2) for layer in (0, 1)
    }
    x = torch.from_numpy(X[None])
    own, tied = DenseAutoencoder(untied), DenseAutoencoder(network)
    torch.testing.assert_close(tied.decode(tied.encode(x)), own.decode(own.encode(x)))
    assert fitted.n_parameters_ == 10 * 8 + 8 * 3 + 8 + 3 + 8 + 10 + 3 * 3
    assert fitted.loss_curve_["layer_1"][-1] < fitted.loss_curve_["layer_1"][0]


def test_a_wide_layer_needs_tied_weights_for_sgd():
    """As DCN's fourth has it: a decoder's own weights are 1 / sqrt(d_in) of a narrow code, and the step too long."""
    X = np.abs(np.random.default_rng(0).normal(size=(80, 2000))).astype(np.float32)
    given = {"n_clusters": 2, "widths": (10,), "batch": 40, "layer_updates": 60, "pretrain_updates": 2}
    given |= {"cluster_updates": 0, "optimizer": "sgd", "learning_rate": 1e-4, "squared_error": "half_sum"}
    given |= {"initialisation": "fan_in_normal", "corruption": 0.0, "random_state": 0}
    with pytest.raises(Diverged, match="layer_1: loss is not finite"):
        DCN(**given).fit(X)
    curve = DCN(**given, tied=True).fit(X).loss_curve_["layer_1"]
    assert curve[-1] < curve[0] / 2


@pytest.mark.parametrize("optimizer", ["adam", "adadelta", "sgd", "nesterov"])
def test_pretraining_is_a_plain_torch_loop(optimizer):
    X = torch.from_numpy(blobs(n=60, dimensions=6)[0]) / 4
    model = autoencoder()
    module = as_torch_module(model)
    curves, updates = pretrain(
        model, X, validation=X[:7], batch=20, epochs=3, rngs=[np.random.default_rng(5)], learning_rate=0.01,
        optimizer=optimizer,
    )  # fmt: skip
    makers = {"adam": torch.optim.Adam, "sgd": lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9)}
    makers["nesterov"] = lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9, nesterov=True)
    makers["adadelta"] = lambda p, lr: torch.optim.Adadelta(p, lr=lr, rho=0.95, eps=1e-7)
    stepper, rng, expected = makers[optimizer](module.parameters(), lr=0.01), np.random.default_rng(5), []
    for _ in range(3):
        losses = []
        for index in torch.from_numpy(rng.permutation(60)).split(20):
            loss = torch.nn.functional.mse_loss(module(X[index]), X[index])
            stepper.zero_grad()
            loss.backward()
            stepper.step()
            losses.append(loss.item())
        expected.append((np.mean(losses), torch.nn.functional.mse_loss(module(X[:7]), X[:7]).item()))
    assert updates == 9
    found = list(zip(curves["reconstruction"], curves["validation_reconstruction"], strict=True))
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert not [name for name in model.network if not name.startswith(("encoder", "decoder"))]


def test_half_the_sum_is_half_the_dimensions_times_the_mean_and_the_rate_falls():
    X = torch.from_numpy(blobs(n=60, dimensions=6)[0]) / 4

    def trained(**given):
        model, rngs = autoencoder(), [np.random.default_rng(5)]
        curves, _ = pretrain(model, X, batch=20, epochs=3, rngs=rngs, **{"optimizer": "sgd"} | given)
        return torch.cat([tensor.flatten() for tensor in model.network.values()]), curves["reconstruction"]

    mean, by_mean = trained(learning_rate=0.03)
    half_sum, by_half_sum = trained(learning_rate=0.01, squared_error="half_sum")
    whole_sum, by_sum = trained(learning_rate=0.005, squared_error="sum")
    for found, curve, factor in ((half_sum, by_half_sum, 3), (whole_sum, by_sum, 6)):
        torch.testing.assert_close(found, mean)
        np.testing.assert_allclose(curve, np.multiply(by_mean, factor), rtol=1e-5)
    falling, curve = trained(learning_rate=0.03, decay_interval=3)
    assert curve[0] == by_mean[0] and curve[2] > by_mean[2]
    start = torch.cat([tensor.flatten() for tensor in autoencoder().network.values()])
    whole, _ = trained(learning_rate=0.03, decay_interval=1)
    assert (whole - start).norm() < (falling - start).norm() < (mean - start).norm()


def test_initial_weights():
    for word, bound in (("fan_in_uniform", 1 / np.sqrt(400)), ("glorot_uniform", np.sqrt(6 / 500))):
        made = init_autoencoder(400, (100,), np.random.default_rng(0), initialisation=word)
        weights = made["encoder.0.weight"]
        assert weights.abs().max() <= bound and weights.std() == pytest.approx(bound / np.sqrt(3), rel=0.02)
        assert not made["encoder.0.bias"].any() and not made["decoder.0.bias"].any()
    for word, deviation in (("normal", 0.01), ("fan_in_normal", 1 / np.sqrt(400))):
        made = init_autoencoder(400, (100,), np.random.default_rng(0), initialisation=word)
        weights = made["encoder.0.weight"]
        assert weights.std() == pytest.approx(deviation, rel=0.02) and abs(weights.mean()) < deviation / 50
        assert made["encoder.0.bias"].shape == (1, 100) and not made["encoder.0.bias"].any()


def test_bfloat16_trains_as_well_and_predicts_in_float32():
    X = blobs(n=200)[0] / 4
    settings = {"widths": (32, 16, 4), "batch": 50, "layer_updates": 40, "pretrain_updates": 200, "cluster_updates": 8}
    fitted = {precision: DEC(3, precision=precision, random_state=0, **settings).fit(X) for precision in PRECISIONS}
    ends = [one.loss_curve_["reconstruction"][-1] for one in fitted.values()]
    assert ends[0] != ends[1] and ends[1] == pytest.approx(ends[0], rel=0.1)
    half = fitted["bfloat16"]
    assert {tensor.dtype for tensor in half.network_.values()} == {torch.float32}
    codes = torch.from_numpy(half.transform(X))
    assert (codes != codes.bfloat16().float()).any()  # rounded to bfloat16 nowhere
    again = DEC(3, precision="bfloat16", random_state=0, **settings).fit(X)
    assert np.array_equal(again.transform(X), half.transform(X))


def test_layers_are_pretrained_one_by_one():
    X = torch.from_numpy(blobs(n=200)[0]) / 4
    model = autoencoder(10, (32, 16, 4))
    before = {name: tensor.clone() for name, tensor in model.network.items()}
    training = {"batch": 50, "rngs": [np.random.default_rng(0)], "learning_rate": 0.01}
    curves, updates = pretrain_layers(
        model, X, corruption=0.2, noise=torch.Generator().manual_seed(0), epochs=20, **training
    )
    assert list(curves) == ["layer_1", "layer_2", "layer_3"] and updates == 3 * 20 * 4
    assert all(curve[-1] < curve[0] for curve in curves.values())
    assert all((tensor != before[name]).any() for name, tensor in model.network.items())
    assert model.error(X) < DenseAutoencoder(before).error(X)


def test_layers_are_pretrained_by_a_plain_torch_loop():
    """A layer's input and code lose values, its target none, and the next one reads what was not corrupted."""
    X = torch.from_numpy(blobs(n=60, dimensions=6)[0]) / 4
    model = autoencoder()
    module = as_torch_module(model)
    how = {"batch": 20, "epochs": 3, "learning_rate": 0.01, "corruption": 0.3}
    curves, _ = pretrain_layers(
        model, X, noise=torch.Generator().manual_seed(3), rngs=[np.random.default_rng(5)], **how
    )
    rng, noise = np.random.default_rng(5), torch.Generator().manual_seed(3)

    def dropout(x):
        return x * (torch.rand(x.shape, generator=noise) >= 0.3) / 0.7

    same, given = torch.nn.Identity(), X
    layers = [(module[0], module[5], torch.relu, same), (module[2], module[3], same, torch.relu)]
    for number, (encoder, decoder, of_code, of_output) in enumerate(layers, start=1):
        stepper = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.01)
        expected = []
        for _ in range(3):
            losses = []
            for index in torch.from_numpy(rng.permutation(60)).split(20):
                code = of_code(encoder(dropout(given[index])))
                loss = torch.nn.functional.mse_loss(of_output(decoder(dropout(code))), given[index])
                stepper.zero_grad()
                loss.backward()
                stepper.step()
                losses.append(loss.item())
            expected.append(np.mean(losses))
        np.testing.assert_allclose(curves[f"layer_{number}"], expected, rtol=1e-4)
        given = of_code(encoder(given)).detach()


def test_the_first_centroids_are_the_best_of_twenty_starts_of_k_means():
    codes = torch.from_numpy(np.random.default_rng(0).random((200, 3)).astype(np.float32))
    labels, centroids = DEC(10)._kmeans(codes, 7)
    expected = sklearn.cluster.KMeans(10, n_init=20, random_state=7).fit(codes.numpy())
    np.testing.assert_array_equal(labels, expected.labels_)
    np.testing.assert_allclose(centroids[0], expected.cluster_centers_, rtol=1e-5)


LAST_PHASE = {
    "widths": (8, 3),
    "batch": 20,
    "layer_updates": 6,
    "pretrain_updates": 12,
    "learning_rate": 0.01,
    "cluster_learning_rate": 0.05,
    "cluster_optimizer": "sgd",
    "random_state": 0,
}


def pretrained(method, X, **settings):
    """A method after k-means, its tensors as leaves, its data, and the generator of the order from there on."""
    start = method(3, cluster_updates=0, **LAST_PHASE | settings).fit(X)
    network = {name: tensor.clone().requires_grad_() for name, tensor in start.network_.items()}
    rng = np.random.default_rng()
    rng.bit_generator.state = start.order_
    return start, network, start._tensor(X), rng


def same_end(fitted, network, curve):
    """Whether a fit ended with these tensors and this loss in every epoch."""
    np.testing.assert_allclose(fitted.loss_curve_["loss"], [np.mean(losses) for losses in curve], rtol=1e-4)
    for name, tensor in fitted.network_.items():
        torch.testing.assert_close(tensor, network[name].detach(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("method", "interval"), [(DEC, 2), (DEC, None), (IDEC, 2)])
def test_the_last_phase_is_a_plain_torch_loop(method, interval):
    """The target is renewed for all data every so many updates, and training stops once few labels change."""
    X, tolerance = np.random.default_rng(1).normal(size=(60, 6)).astype(np.float32), 0.02
    given = {"cluster_optimizer": "adam", "cluster_learning_rate": 0.01}
    _, network, data, rng = pretrained(method, X, **given)
    given |= {"cluster_updates": 120, "refresh_interval": interval, "tolerance": tolerance}
    fitted = method(3, **LAST_PHASE | given).fit(X)
    model = DenseAutoencoder(network)
    names = [name for name in network if method is IDEC or not name.startswith("decoder")]
    stepper = torch.optim.Adam([network[name] for name in names], lr=0.01)

    def assigned(x):
        squares = (model.encode(x[None])[0][:, None] - network["centroids"]).square().sum(2)
        return (1 / (1 + squares)) / (1 / (1 + squares)).sum(1, keepdim=True)

    def sharpened():
        q = assigned(data).detach()
        p = q**2 / q.sum(0)
        return q.argmax(1), p / p.sum(1, keepdim=True)

    (labels, target), curve, updates, changes = sharpened(), [], 0, []
    while len(curve) < 40 and not (changes and changes[-1] < tolerance):
        curve.append([])
        for index in torch.from_numpy(rng.permutation(60)).split(20):
            q, p = assigned(data[index]), target[index]
            loss = (p * (p / q).log()).sum(1).mean()
            if method is IDEC:
                loss = 0.1 * loss + model.reconstruction(data[index][None])[0]
            stepper.zero_grad()
            loss.backward()
            stepper.step()
            curve[-1].append(loss.item())
            updates += 1
            if updates % (interval or 3) == 0:
                before, (labels, target) = labels, sharpened()
                changes.append((labels != before).double().mean().item())
                if changes[-1] < tolerance:
                    break
    assert len(changes) > 1 and 3 < updates < 120, changes
    same_end(fitted, network, curve)


def test_dcn_alternates_as_a_plain_torch_loop():
    """The network by the objective, the labels, the centroids one code after the other, and k-means now and then."""
    X = np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32)
    start, network, data, rng = pretrained(DCN, X)
    given = {"cluster_updates": 12, "kmeans_interval": 2, "initial_count": 5, "distance_weight": 0.7}
    fitted = DCN(3, **LAST_PHASE, **given).fit(X)
    model, centroids = DenseAutoencoder(network), network.pop("centroids").detach()[0]
    labels, counts = torch.from_numpy(start.labels_), torch.full((3,), 5.0)
    stepper, curve = torch.optim.SGD(network.values(), lr=0.05, momentum=0.9), []
    seed = int(np.random.default_rng(np.random.SeedSequence(0).spawn(5)[4]).integers(2**31))
    for epoch in range(1, 5):
        curve.append([])
        for index in torch.from_numpy(rng.permutation(60)).split(20):
            x = data[index]
            codes = model.encode(x[None])
            loss = (model.decode(codes)[0] - x).square().sum(1).mean()
            loss = loss + 0.35 * (codes[0] - centroids[labels[index]]).square().sum(1).mean()
            stepper.zero_grad()
            loss.backward()
            stepper.step()
            curve[-1].append(loss.item())
            codes = model.codes(x)
            labels[index] = torch.cdist(codes, centroids).argmin(1)
            for code, own in zip(codes, labels[index], strict=True):
                counts[own] += 1
                centroids[own] -= (centroids[own] - code) / counts[own]
        if epoch == 2:
            anew = sklearn.cluster.KMeans(3, n_init=20, random_state=(seed + 2) % 2**31).fit(model.codes(data).numpy())
            labels, centroids = (torch.from_numpy(array) for array in (anew.labels_, anew.cluster_centers_))
            labels, counts = labels.long(), torch.full((3,), 5.0)
    same_end(fitted, network | {"centroids": centroids[None]}, curve)


@pytest.mark.parametrize("method", [DEC, IDEC, DCN, DECConv, IDECConv])
def test_the_loss_of_other_vectors_by_hand(method, monkeypatch):
    """Each term by its formula from the codes and the outputs; nothing depends on the size of a part."""
    monkeypatch.setattr(dcn, "PART", 4)
    X, others = (20 * np.random.default_rng(n).random((n, 12)).astype(np.float32) for n in (60, 10))
    weight = {DCN: {"distance_weight": 0.7}, IDEC: {"divergence_weight": 0.3}, IDECConv: {"divergence_weight": 0.3}}
    image = {"image_shape": (3, 4)} if "image_shape" in method.small else {}
    fitted = method(3, random_state=0, **method.small | image | weight.get(method, {})).fit(X)
    data, model, centroids = fitted._tensor(others), fitted._autoencoder(), fitted.network_["centroids"][0].numpy()
    codes = model.codes(data)
    errors = (model.decode(codes[None])[0] - data).detach().numpy() ** 2
    squares = ((codes.numpy()[:, None] - centroids) ** 2).sum(axis=2)
    q = (1 / (1 + squares)) / (1 / (1 + squares)).sum(axis=1, keepdims=True)
    p = q**2 / q.sum(axis=0)
    p /= p.sum(axis=1, keepdims=True)
    kl = np.mean(np.sum(p * np.log(p / q), axis=1))
    by_hand = {DCN: errors.sum(axis=1).mean() + 0.35 * squares.min(axis=1).mean(), DEC: kl, DECConv: kl}
    expected = by_hand.get(method, errors.mean() + 0.3 * kl)
    assert fitted.score_loss(others) == pytest.approx(expected, rel=1e-3) and expected > 1e-4


def flushes():
    return (torch.tensor(2.0**-140) * 1).item() == 0


def check_a_dead_unit_costs_nothing(monkeypatch):
    """A weight whose gradient is 0 after the first update: its first moment falls by a tenth an update."""
    kept = []
    monkeypatch.setitem(deep.OPTIMIZERS, "adam", lambda *given: kept.append(deep.Adam(*given)) or kept[0])
    network, updates = {"weight": torch.ones(1, 2)}, []

    def loss_terms(index):
        updates.append(len(updates))
        dead, lives = network["weight"][0]
        return {"loss": (lives**2 + (dead if len(updates) == 1 else 0 * dead))[None]}

    how = {"batch": 4, "epochs": 1000, "rngs": [np.random.default_rng(0)], "learning_rate": 1e-3}
    deep.minimise(loss_terms, network, ["weight"], 4, **how)
    dead, lives = kept[0].state["exp_avg"].view(torch.int32)[0].tolist()  # a denormal's exponent has no bit set
    assert len(updates) == 1000 and dead == 0 and lives & 0x7F800000 != 0


@pytest.mark.parametrize("before", [False, True])
def test_a_dead_unit_costs_nothing_and_arithmetic_is_left_as_it_was(before, monkeypatch):
    torch.set_flush_denormal(before)
    try:
        check_a_dead_unit_costs_nothing(monkeypatch)
        assert flushes() == before
    finally:
        torch.set_flush_denormal(False)


def test_denormals_are_found(monkeypatch):
    monkeypatch.setattr(torch, "set_flush_denormal", lambda on: True)
    with pytest.raises(AssertionError):
        check_a_dead_unit_costs_nothing(monkeypatch)


def test_divergence_names_the_phase():
    X = torch.from_numpy(blobs()[0]) * 1e6
    with pytest.raises(Diverged, match="reconstruction: loss is not finite in epoch"):
        pretrain(
            autoencoder(10), X, batch=60, epochs=9, rngs=[np.random.default_rng(0)], learning_rate=1e3, optimizer="sgd"
        )


@pytest.mark.parametrize("method", [DEC, IDEC])
def test_gradient_is_the_finite_difference_of_the_written_loss(method):
    """The whole loss again in NumPy, float64: Student-t, KL to a fixed target and, for IDEC, the reconstruction."""
    rng = np.random.default_rng(2)
    model = autoencoder(dtype=torch.float64)
    x, centroids = rng.normal(size=(5, 6)), rng.normal(size=(3, 3))
    p = target_distribution(torch.from_numpy(rng.dirichlet(np.ones(3), 5)))
    estimator = method(n_clusters=3)
    names = [*model.network, "centroids"]
    model.network["centroids"] = torch.from_numpy(centroids)[None]
    estimator.network_ = model.network

    def written(values):
        h = x
        for layer in range(2):
            h = (np.maximum(h, 0) if layer else h) @ values[f"encoder.{layer}.weight"].T + values[
                f"encoder.{layer}.bias"
            ]
        t = np.array([[1 / (1 + np.sum((code - c) ** 2)) for c in values["centroids"]] for code in h])
        q = t / t.sum(axis=1, keepdims=True)
        kl = np.mean([sum(p[i, j].item() * np.log(p[i, j].item() / q[i, j]) for j in range(3)) for i in range(5)])
        if method is DEC:
            return kl
        for layer in range(2):
            h = (np.maximum(h, 0) if layer else h) @ values[f"decoder.{layer}.weight"].T + values[
                f"decoder.{layer}.bias"
            ]
        return np.mean((h - x) ** 2) + 0.1 * kl

    values = {name: model.network[name][0].numpy().copy() for name in names}
    for name in names:
        model.network[name].requires_grad_()
    loss = sum(estimator._loss_terms(model, torch.from_numpy(x)[None], p).values()).sum()
    assert loss.item() == pytest.approx(written(values), rel=1e-12)
    loss.backward()
    for name in estimator._trained():
        for place in list(np.ndindex(values[name].shape))[::7]:
            step = values[name][place]
            values[name][place] = step + 1e-6
            above = written(values)
            values[name][place] = step - 1e-6
            slope = (above - written(values)) / 2e-6
            values[name][place] = step
            assert model.network[name].grad[0][place].item() == pytest.approx(slope, rel=1e-5, abs=1e-8), name
    assert ("decoder.0.weight" in estimator._trained()) == (method is IDEC)


def test_dcn_moves_centroids_as_one_sequence_after_the_other_does():
    rng = np.random.default_rng(3)
    centroids, counts = rng.normal(size=(3, 4)), np.array([100.0, 1.0, 7.0])
    codes, labels = rng.normal(size=(20, 4)), rng.integers(0, 2, 20)
    found = update_centroids(*map(torch.from_numpy, (centroids, counts, codes, labels)))
    m, c = centroids.copy(), counts.copy()
    for code, k in zip(codes, labels, strict=True):  # equation 8
        c[k] += 1
        m[k] -= (m[k] - code) / c[k]
    np.testing.assert_allclose(found[0], m, rtol=1e-12)
    np.testing.assert_array_equal(found[1], c)


def test_dcn_objective():
    rng, model = np.random.default_rng(4), autoencoder(dtype=torch.float64)
    x, own = torch.from_numpy(rng.normal(size=(1, 5, 6))), torch.from_numpy(rng.normal(size=(5, 3)))
    terms = DCN(distance_weight=0.7)._terms(model, x, own)
    codes = model.encode(x)
    outputs = model.decode(codes)
    assert terms["reconstruction"].item() == pytest.approx(
        np.mean([(x[0, i] - outputs[0, i]).norm() ** 2 for i in range(5)])
    )
    assert terms["distance"].item() == pytest.approx(
        np.mean([0.35 * (codes[0, i] - own[i]).norm() ** 2 for i in range(5)])
    )


def test_dcn_runs_kmeans_anew(monkeypatch):
    """Centroids that were moved away come back with the next k-means, and never where there is none."""
    X, labels = blobs()
    epochs = 8
    settings = {"n_clusters": 3, "widths": (32, 8), "batch": 48, "pretrain_updates": 300, "random_state": 0}
    settings["cluster_updates"] = epochs * (len(X) // 48)
    spoiled = []

    def spoil(centroids, counts, codes, found):
        spoiled.append(counts.sum().item())
        return torch.full_like(centroids, 1e3), counts + 1

    monkeypatch.setattr(dcn, "update_centroids", spoil)
    for interval, right in ((7, True), (epochs, False), (None, False)):  # none comes after the last epoch
        fitted = DCN(**settings, kmeans_interval=interval).fit(X)
        assert fitted.network_["centroids"].abs().max() == 1e3  # the last epoch's
        assert len(set(spoiled)) == (7 if right else epochs) * (len(X) // 48)
        spoiled.clear()


def test_the_whole_may_be_pretrained_as_dcns_code_has_it(monkeypatch):
    seen = []
    given = {"n_clusters": 3, "widths": (8, 3), "batch": 40, "optimizer": "sgd", "decay_interval": 20}

    def noted(function):
        return lambda model, data, **told: seen.append(told) or function(model, data, **told)

    for name in ("pretrain", "pretrain_layers"):
        monkeypatch.setattr(shared, name, noted(getattr(shared, name)))
    told = ("optimizer", "decay_interval", "squared_error", "learning_rate")
    for way, whole in (("as_layers", ("sgd", 20, "half_sum")), ("nesterov", ("nesterov", None, "sum"))):
        settings = {"layer_updates": 6, "pretrain_updates": 6, "cluster_updates": 0, "squared_error": "half_sum"}
        DCN(**given, **settings, learning_rate=1e-4, end_to_end=way, random_state=0).fit(blobs()[0])
        layers, end = ([step[name] for name in told] for step in seen[-2:])
        assert layers == ["sgd", 20, "half_sum", 1e-4] and end == [*whole, 1e-4]


@pytest.mark.parametrize(("word", "factor"), [("none", 1.0), (5.1, 5.1), ("mean_square", 0.5)])
def test_the_input_is_scaled(word, factor):
    X = np.full((60, 4), 2, np.float32) * np.where(np.arange(60) % 2, 1, -1)[:, None].astype(np.float32)
    given = {"n_clusters": 2, "widths": (3,), "batch": 20, "layer_updates": 3, "pretrain_updates": 3}
    fitted = DCN(**given, cluster_updates=3, input_scale=word, random_state=0).fit(X)
    assert fitted.scale_ == pytest.approx(factor)
    torch.testing.assert_close(fitted._tensor(X), torch.from_numpy(X * np.float32(factor)))
    assert DCN()._scale(np.array([[1.0, 3.0]])) == pytest.approx(1 / np.sqrt(5))  # the mean stays in
    with pytest.raises(InvalidInput, match="^input_scale=0: expected 1e-09 or more"):
        fitted.set_params(input_scale=0).fit(X)


def test_uncorrupted_pretraining_reconstructs_better():
    X, _ = blobs()
    settings = {"n_clusters": 3, "widths": (32, 8), "batch": 48, "layer_updates": 100, "random_state": 0}
    losses = [DCN(**settings, corruption=share).fit(X).loss_curve_["layer_1"][-1] for share in (0.0, 0.2)]
    assert losses[0] < losses[1] / 2


@pytest.mark.parametrize("method", [DCN, IDEC])
def test_clusters_that_lie_apart_stay(method):
    X, labels = blobs()
    known = inspect.signature(method).parameters
    settings = {"widths": (32, 8), "batch": 48, "pretrain_updates": 300, "cluster_updates": 100, "random_state": 0}
    fitted = method(n_clusters=3, **{k: v for k, v in settings.items() if k in known}).fit(X)
    assert len(set(zip(labels.tolist(), fitted.labels_.tolist(), strict=True))) == 3
    assert fitted.loss_curve_["loss"][-1] < fitted.loss_curve_["loss"][0]
    assert not {"labels", "target", "counts"} & fitted.network_.keys()


def test_dec_refreshes_every_interval_and_stops_there():
    X, _ = blobs()
    settings = {"widths": (32, 8), "batch": 48, "cluster_updates": 100, "random_state": 0}
    fitted = DEC(n_clusters=3, refresh_interval=7, tolerance=1.1, **settings).fit(X)
    assert fitted.n_updates_ == 2 * 100 + 200 + 7  # two layers, the whole, and stopped at the first refresh
    assert DEC(n_clusters=3, refresh_interval=7, tolerance=0, **settings).fit(X).n_updates_ == 2 * 100 + 200 + 100


def test_catgan_certainty():
    rng = np.random.default_rng(6)
    p = rng.dirichlet(np.ones(4), 9)
    log_p = torch.from_numpy(np.log(p))[None]
    h = [-sum(v * np.log(v) for v in row) for row in p]
    mean = p.mean(axis=0)
    np.testing.assert_allclose(entropy(log_p)[0], h)
    assert certainty(log_p).item() == pytest.approx(np.mean(h) + sum(v * np.log(v) for v in mean))
    sure = torch.log_softmax(1e4 * torch.eye(4)[None], dim=-1).requires_grad_()
    certainty(sure).sum().backward()
    assert certainty(sure).item() == pytest.approx(-np.log(4)) and sure.grad.isfinite().all()


def test_catgan_s_terms_by_hand():
    """Both networks written out; the noise of every layer is drawn in its turn, that of z first."""
    X = torch.from_numpy(blobs(n=9)[0])[None]
    gan = CatGAN(3, discriminator_widths=(8,), generator_widths=(7,), latent=4, noise=0.3)
    gan.n_features_in_ = 10
    net = gan.network_ = gan._init_network(np.random.default_rng(0))
    found, noise = gan._loss_terms(X, torch.Generator().manual_seed(3)), torch.Generator().manual_seed(3)

    def layer(x, name):
        return x @ net[f"{name}.weight"][0].T + net[f"{name}.bias"][0]

    def leaky(x):
        return torch.where(x > 0, x, 0.2 * x)

    def classes(x):
        x = leaky(layer(x + 0.3 * torch.randn(x.shape, generator=noise), "discriminator.0"))
        return layer(x + 0.3 * torch.randn(x.shape, generator=noise), "discriminator.1").softmax(-1)[0].numpy()

    def unsure(p):
        return -(p * np.log(p)).sum(axis=-1)

    z = layer(2 * torch.rand(1, 9, 4, generator=noise) - 1, "generator.0")
    z = leaky((z - z.mean(1, keepdim=True)) / (z.var(1, correction=0, keepdim=True) + 1e-5).sqrt())
    made = layer(z, "generator.1")
    data, fake, again = classes(X), classes(made), classes(made)
    expected = {
        "data": unsure(data).mean() - unsure(data.mean(axis=0)),
        "fake": -unsure(fake).mean(),
        "generator": unsure(again).mean() - unsure(again.mean(axis=0)),
    }
    assert {name: value.item() for name, value in found.items()} == pytest.approx(expected, rel=1e-4)


def test_catgan_each_network_has_its_own_objective():
    X = torch.from_numpy(blobs()[0])[None]
    gan = CatGAN(n_clusters=3, discriminator_widths=(8,), generator_widths=(8,), latent=4)
    gan.n_features_in_ = 10
    gan.network_ = gan._init_network(np.random.default_rng(0))
    for tensor in gan.network_.values():
        tensor.requires_grad_()
    gan.network_ |= {name: tensor.detach() for name, tensor in gan.network_.items() if "running" in name}
    terms = gan._loss_terms(X, torch.Generator().manual_seed(0))

    def touched(names):
        own = {name: tensor for name, tensor in gan.network_.items() if tensor.requires_grad}
        grads = torch.autograd.grad(
            sum(terms[name] for name in names), own.values(), allow_unused=True, retain_graph=True
        )
        return {name.split(".")[0].split("_")[0] for name, grad in zip(own, grads, strict=True) if grad is not None}

    assert touched(["data", "fake"]) == {"discriminator"}
    assert touched(["generator"]) == {"generator"}


def test_catgan_finds_clusters_that_lie_apart():
    X, labels = blobs()
    settings = {"discriminator_widths": (32,), "generator_widths": (16,), "latent": 4, "batch": 48, "epochs": 60}
    gan = CatGAN(n_clusters=3, learning_rate=3e-3, random_state=0, **settings).fit(X)
    assert len(set(zip(labels.tolist(), gan.labels_.tolist(), strict=True))) == 3
    assert gan.loss_ == pytest.approx(-np.log(3), abs=0.05)
    read = gan._tensor(X)
    assert read.mean().item() == pytest.approx(0, abs=1e-5) and read.std().item() == pytest.approx(1, rel=1e-3)


def test_convolutions_mirror_every_shape():
    for shape in ((28, 28), (8, 8), (30, 44), (5, 3), (1, 2)):
        conv = DECConv(image_shape=shape, filters=(2, 3, 4), code=3)
        conv.network_ = conv._init_network(np.random.default_rng(0))
        x = torch.rand(1, 4, shape[0] * shape[1])
        codes = conv._autoencoder().encode(x)
        assert codes.shape == (1, 4, 3)
        assert conv._autoencoder().decode(codes).shape == x.shape
    assert DECConv()._shapes() == [(28, 28), (14, 14), (7, 7), (3, 3)]  # the tutorial's


def test_the_convolutional_autoencoder_is_torch_s():
    """Images of 8 × 8, which three strides of two bring down to one."""
    nn, conv = torch.nn, DECConv(image_shape=(8, 8), filters=(2, 3, 4), code=5)
    network = conv.network_ = conv._init_network(np.random.default_rng(0))
    for layer, values in enumerate((25 * (1 + 2), 25 * (2 + 3), 9 * (3 + 4))):  # that a value is read by, and writes
        for part in ("encoder", "decoder"):
            largest = network[f"{part}.{layer}.weight"].abs().max()
            assert 0.9 * np.sqrt(6 / values) < largest <= np.sqrt(6 / values)
    network |= {name: torch.randn(tensor.shape) / 3 for name, tensor in network.items()}
    encoder = nn.Sequential(
        nn.Conv2d(1, 2, 5, 2, 2), nn.ReLU(), nn.Conv2d(2, 3, 5, 2, 2), nn.ReLU(), nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(4, 5),
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Linear(5, 4), nn.Unflatten(1, (4, 1, 1)), nn.ReLU(), nn.ConvTranspose2d(4, 3, 3, 2, 1, 1), nn.ReLU(),
        nn.ConvTranspose2d(3, 2, 5, 2, 2, 1), nn.ReLU(), nn.ConvTranspose2d(2, 1, 5, 2, 2, 1), nn.Flatten(),
    )  # fmt: skip
    for module, names in (
        (encoder, ("encoder.0", "encoder.1", "encoder.2", "encoder.code")),
        (decoder, ("decoder.code", "decoder.2", "decoder.1", "decoder.0")),
    ):
        layers = [layer for layer in module if hasattr(layer, "weight")]
        for layer, name in zip(layers, names, strict=True):
            layer.weight.data, layer.bias.data = network[f"{name}.weight"][0], network[f"{name}.bias"][0]
    x, model = torch.rand(1, 6, 64), conv._autoencoder()
    codes = model.encode(x)
    torch.testing.assert_close(codes[0], encoder(x[0].view(6, 1, 8, 8)))
    torch.testing.assert_close(model.decode(codes)[0], decoder(codes[0]))


def test_other_shapes_than_the_images_are_refused():
    with pytest.raises(InvalidInput, match="X: 64 features, expected images of 28 × 28 = 784"):
        DECConv(n_clusters=2).fit(np.random.default_rng(0).random((300, 64)))
