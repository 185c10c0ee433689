"""The contract of a supervised method, once for every one in ``methods/``."""

import contextlib
import inspect
import itertools

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from datasets import abc, points
from datasets.problems import Problems, gather
from datasets.sequences import Sequences
from methods import checkpoint, supervised
from methods.base import Diverged, InvalidInput, load_method
from methods.checkpoint import Phase, resumable
from methods.deep import random_streams
from methods.l2c import L2C
from methods.rddc import WEIGHTS
from methods.supervised import SupervisedClusterer, dense, equal_batches, lstm, mean_terms, seeded
from workflow.catalogue import available, class_constant, source

METHODS = [name for name in available("methods") if class_constant(source("methods", name), "supervised")]
SMALL = {"units": 8, "layers": 2, "count_units": 8, "count_dense_units": 8, "batch": 10, "epochs": 2, "random_state": 0}


def small(name, **settings):
    known = inspect.signature(load_method(name)).parameters
    return load_method(name)(**{key: value for key, value in SMALL.items() if key in known} | settings)


@pytest.fixture(params=METHODS)
def method(request):
    return small(request.param)


@pytest.fixture(scope="module")
def problems():
    """Of different sizes, so that no batch can hold all of them."""
    return abc.draw({"train": 40, "validation": 10, "test": 10}, 0, length=(4, 8), alphabet="shared", dimensions=5)


def test_there_are_some_and_no_unsupervised_suite_has_them():
    assert {"l2c", "element_wise"} <= set(METHODS)
    assert not {"kmeans", "rddc"} & set(METHODS)


def test_a_method_of_its_own_name(method):
    assert isinstance(method, SupervisedClusterer)
    assert type(method).__doc__ and inspect.getmodule(type(method)).__doc__
    assert clone(method).get_params() == method.get_params()
    assert {"batch", "epochs", "device", "random_state"} <= method.get_params().keys()


def test_fit_predict(method, problems):
    method.fit(problems.part("train"), problems.part("validation"))
    found = method.predict(problems)
    assert found.dtype == np.int64 and found.shape == problems.members.shape
    assert 0 <= found.min() <= found.max() < method.n_clusters_ == 3
    lengths = {name: len(values) for name, values in method.loss_curve_.items()}
    assert {"loss", "validation_loss"} <= lengths.keys() and set(lengths.values()) == {2}
    kept = int(np.argmin(method.loss_curve_["validation_loss"])) if method.best_epoch else -1
    assert method.loss_curve_["loss"][kept] == method.loss_ and method.n_updates_ >= 8


def test_same_seed_same_bytes_and_no_global_state(method, problems):
    state = torch.get_rng_state()
    numpy_state = np.random.get_state()[1].copy()
    first, second = (clone(method).fit(problems.part("train")) for _ in range(2))
    assert first.loss_curve_ == second.loss_curve_
    np.testing.assert_array_equal(first.predict(problems), second.predict(problems))
    other = clone(method).set_params(random_state=1).fit(problems.part("train"))
    assert other.loss_curve_ != first.loss_curve_
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)


def test_prediction_looks_at_no_cluster_and_no_other_problem(method, problems):
    method.fit(problems.part("train"))
    found = method.predict(problems)
    hidden = Problems(
        problems.objects, problems.members, problems.offsets, np.zeros_like(problems.clusters), problems.split
    )
    np.testing.assert_array_equal(method.predict(hidden), found)
    test = np.repeat(problems.split == 2, problems.sizes)
    np.testing.assert_array_equal(method.predict(problems.part("test")), found[test])


def test_validation_problems_are_watched_only(method, problems):
    alone = clone(method).fit(problems.part("train"))
    watched = clone(method).fit(problems.part("train"), problems.part("validation"))
    assert alone.loss_curve_["loss"] == watched.loss_curve_["loss"] and alone.validation_loss_ is None


def test_the_network_of_the_best_epoch(method, problems, monkeypatch):
    """Validation losses that rise: the first epoch's network is kept where the best counts, else the last's."""
    train, rising = problems.part("train"), itertools.count()
    expected = clone(method).set_params(epochs=1 if method.best_epoch else 2).fit(train)
    monkeypatch.setattr(SupervisedClusterer, "_measure", lambda self, X: {"loss": float(next(rising))})
    method.fit(train, problems.part("validation"))
    assert method.validation_loss_ == (0 if method.best_epoch else 1)
    states = (one._network.state_dict().values() for one in (expected, method))
    assert all(map(torch.equal, *states))


class Interrupt(BaseException):
    """As Ctrl-C: no method catches it."""


def fitted(method, problems, folder, monkeypatch, saves=None):
    """What a training gives that is stopped after so many saves and then goes on."""
    write, counted = checkpoint.write_state, []

    def count(*given):
        write(*given)
        counted.append(given)
        if len(counted) == saves:
            raise Interrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "INTERVAL", 0.0)
        patch.setattr(checkpoint, "SHARE", float("inf"))
        patch.setattr(checkpoint, "write_state", count)
        for _ in range(2):
            with contextlib.suppress(Interrupt), resumable(folder, {}) as spent:
                again = clone(method).fit(problems.part("train"), problems.part("validation"))
                break
    assert (spent > 0) == (saves is not None)
    tensors = [tensor.numpy().tobytes() for tensor in again._network.state_dict().values()]
    return tensors, again.loss_curve_, again.loss_, again.validation_loss_, again.n_updates_


@pytest.mark.parametrize("saves", [1, 3])
def test_interrupted_and_resumed_equals_uninterrupted(method, problems, saves, tmp_path, monkeypatch):
    method.set_params(epochs=4)
    whole = fitted(method, problems, None, monkeypatch)
    assert fitted(method, problems, tmp_path, monkeypatch, saves) == whole


@pytest.mark.parametrize("forgotten", ["order", "generator", "optimizer", "best"])
def test_the_comparison_can_fail(forgotten, problems, tmp_path, monkeypatch):
    method = small("l2c", epochs=4, learning_rate=5.0)
    if forgotten == "best":
        monkeypatch.setattr(L2C, "_kept", lambda self, phase: 0)  # so that it is one that was saved
    whole = fitted(method, problems, None, monkeypatch)
    take_over, state = Phase._take_over, supervised.flat_state

    def without(self, state, arrays):
        if forgotten == "order":
            state = state | {"rngs": [rng.bit_generator.state for rng in self._rngs]}
        if forgotten == "generator":
            arrays = arrays | {f"generator.{i}": one.get_state().numpy() for i, one in enumerate(self._generators)}
        if forgotten == "best":
            arrays = {n: np.zeros_like(a) if n.startswith("network.best.") else a for n, a in arrays.items()}
        take_over(self, state, arrays)

    monkeypatch.setattr(Phase, "_take_over", without)
    if forgotten == "optimizer":
        monkeypatch.setattr(
            supervised, "flat_state", lambda optimizer: {name: 0 * tensor for name, tensor in state(optimizer).items()}
        )
    assert fitted(method, problems, tmp_path, monkeypatch, 2) != whole


def test_mistakes_in_one_line(method, problems):
    train = problems.part("train")
    with pytest.raises(InvalidInput, match="no problems to learn from"):
        method.fit(points.draw({"test": 1}, 0).part("train"))
    with pytest.raises(InvalidInput, match="validation: 4 clusters, training has 3"):
        method.fit(train, abc.draw({"train": 20}, 0, symbols=4, alphabet="shared", dimensions=5))
    method.fit(train)
    with pytest.raises(InvalidInput, match="2 dimensions, but fit saw 5"):
        method.predict(points.draw({"test": 1}, 0))
    longer = gather(Sequences.from_list([np.zeros((2, 5))] * 4), {"train": [(np.arange(4), np.array([0, 1, 0, 1]))]})
    with pytest.raises(InvalidInput, match="more than one element; this method takes vectors"):
        method.fit(longer)


def test_a_loss_that_is_not_finite_ends_the_run(method, problems):
    method.set_params(learning_rate=float("inf"))
    with pytest.raises(Diverged, match="loss is not finite in epoch 1"):
        method.fit(problems.part("train"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs=0: expected 1 or more"),
        ({"batch": 0}, "batch=0: expected 1 or more"),
        ({"batch": 2.5}, "batch=2.5: expected int$"),
        ({"epochs": None}, "epochs=None: expected int$"),
        ({"batch": True}, "batch=True: expected int$"),
        ({"learning_rate": "1"}, "learning_rate='1': expected float$"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0: expected 0 or more"),
    ],
)
def test_a_number_that_a_setting_can_not_be(method, problems, settings, message):
    with pytest.raises(InvalidInput, match=message):
        clone(method).set_params(**settings).fit(problems.part("train"))


def test_nothing_is_predicted_before_fit_nor_learned_without_clusters(method, problems):
    with pytest.raises(NotFittedError):
        method.predict(problems)
    withheld = problems.withhold("train").part("train")
    for given, which in (((withheld,), "X"), ((problems.part("train"), withheld), "validation")):
        with pytest.raises(InvalidInput, match=f"^{which}: a problem whose clusters are withheld"):
            method.fit(*given)


def test_the_epoch_of_the_lowest_misclassification_rate(problems):
    """The other epochs' networks are made anew, and their mistakes counted by every map of the clusters."""
    train, validation = problems.part("train"), problems.part("validation")
    settings = {"learning_rate": 1.0, "epochs": 6}
    kept = small("l2c", keep="mr", **settings).fit(train, validation)
    rates = kept.loss_curve_["validation_mr"]
    assert np.argmin(rates) != np.argmin(kept.loss_curve_["validation_loss"])
    for epochs in (1, 3, 6):
        last = small("l2c", **settings | {"epochs": epochs}).fit(train)  # without validation the last is kept
        mistakes = [
            min(np.mean(np.array(numbers)[found] != clusters) for numbers in itertools.permutations(range(3)))
            for clusters, found in zip(
                validation.split_up(validation.clusters), validation.split_up(last.predict(validation)), strict=True
            )
        ]
        assert rates[epochs - 1] == pytest.approx(np.mean(mistakes))
    best = small("l2c", **settings | {"epochs": int(np.argmin(rates)) + 1}).fit(train)
    np.testing.assert_array_equal(kept.predict(problems), best.predict(problems))
    assert kept.validation_loss_ == kept.loss_curve_["validation_loss"][int(np.argmin(rates))]
    assert "validation_mr" not in small("l2c").fit(train, validation).loss_curve_


def test_epochs_of_some_batches(problems):
    train, validation = problems.part("train"), problems.part("validation")
    short = small("l2c", epoch_batches=2, epochs=5).fit(train, validation)
    assert short.n_updates_ == 10 and len(short.loss_curve_["validation_loss"]) == short.n_epochs_ == 5
    whole, none = (small("l2c", epoch_batches=batches).fit(train, validation) for batches in (99, None))
    assert whole.loss_curve_ == none.loss_curve_ and whole.n_updates_ > 10
    with pytest.raises(InvalidInput, match="epoch_batches=0: expected 1 or more"):
        small("l2c", epoch_batches=0).fit(train)


def test_annealed_steps_shrink_along_half_a_cosine(problems, tmp_path, monkeypatch):
    epoch, rates = SupervisedClusterer._one_epoch, []

    def watched(self, X, optimizer, order, seen):
        rates.append([group["lr"] for group in optimizer.param_groups])
        return epoch(self, X, optimizer, order, seen)

    monkeypatch.setattr(SupervisedClusterer, "_one_epoch", watched)
    annealed = small("l2c", epochs=4, learning_rate=4.0, annealed=True)
    whole = fitted(annealed, problems, None, monkeypatch)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(rates, [[4], [2 + 2 * half], [2], [2 - 2 * half]])
    assert fitted(annealed, problems, tmp_path, monkeypatch, 2) == whole and rates[4:] == rates[:4]
    assert fitted(clone(annealed).set_params(annealed=False), problems, None, monkeypatch) != whole
    assert rates[8:] == [[4.0]] * 4


def test_element_wise_trains_as_a_plain_torch_loop(problems):
    """Every element of every problem counts, gradients are those of the batch, and RMSprop has Keras's constants."""
    train = problems.part("train")
    fitted = small("element_wise", learning_rate=0.01).fit(train)
    layers = small("element_wise", learning_rate=0.0).fit(train)._network  # as they started
    stepper, order = torch.optim.RMSprop(layers.parameters(), lr=0.01, alpha=0.9, eps=1e-7), random_streams(0, 2)[1]
    losses = []
    for _ in range(2):
        seen = []
        for index in equal_batches(train.sizes, 10, order):
            members = [np.arange(train.offsets[i], train.offsets[i + 1]) for i in index]
            places = train.objects.offsets[train.members[np.stack(members)]]
            logits = layers["softmax"](layers["lstm"](torch.from_numpy(train.objects.values[places]))[0])
            right = torch.from_numpy(train.clusters[np.stack(members)])
            loss = -logits.log_softmax(2).gather(2, right[:, :, None]).mean()
            stepper.zero_grad()
            loss.backward()
            stepper.step()
            seen += [loss.item()] * len(index)
        losses.append(np.mean(seen))
    assert fitted.loss_curve_["loss"] == pytest.approx(losses, rel=1e-4)
    for found, expected in zip(fitted._network.parameters(), layers.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_layers_start_as_keras_s():
    """Glorot's bound, orthogonal recurrent weights, open forget gates."""
    with seeded(np.random.default_rng(0)):
        layer, flat = lstm(5, 8, bidirectional=True), dense(5, 60)
    for side in ("", "_reverse"):
        w_ih, w_hh, b_ih, b_hh = (getattr(layer, f"{name}_l0{side}").detach() for name in WEIGHTS)
        assert 0.9 * np.sqrt(6 / 37) < w_ih.abs().max() <= np.sqrt(6 / 37)
        torch.testing.assert_close(w_hh.T @ w_hh, torch.eye(8))
        assert (b_ih + b_hh).tolist() == [0] * 8 + [1] * 8 + [0] * 16
    assert 0.9 * np.sqrt(6 / 65) < flat.weight.abs().max() <= np.sqrt(6 / 65) and not flat.bias.any()


def test_terms_are_means_over_problems():
    seen = [(3, {"loss": torch.tensor(1.0)}), (1, {"loss": torch.tensor(5.0)})]
    assert mean_terms(seen) == {"loss": 2.0}


def test_equal_batches():
    sizes = np.array([3, 5, 3, 3, 5, 4])
    for rng in (None, np.random.default_rng(0)):
        batches = equal_batches(sizes, 2, rng)
        assert sorted(np.concatenate(batches).tolist()) == list(range(6))
        assert all(len(batch) <= 2 and len(set(sizes[batch])) == 1 for batch in batches)
    rng = np.random.default_rng(0)
    first, second = (equal_batches(np.repeat([3, 4], 40), 8, rng) for _ in range(2))
    assert not np.array_equal(np.concatenate(first), np.concatenate(second))
    assert any(np.any(np.diff(batch) != 1) for batch in first)  # in whatever order they lie
    assert len({min(batch) >= 40 for batch in first[:5]}) == 2  # sizes take no turns


def test_sequences_as_objects():
    rng = np.random.default_rng(0)
    objects = Sequences.from_list([rng.normal(size=(length, 2)) + length for length in [2, 9] * 10])
    pairs = [(np.array([i, i + 2, i + 1, i + 3]), np.array([0, 0, 1, 1])) for i in range(0, 16, 2)]
    problems = gather(objects, {"train": pairs})
    fitted = L2C("gru", 16, layers=1, units=8, batch=4, epochs=25, random_state=0).fit(problems)
    np.testing.assert_array_equal(np.diff(fitted.predict(problems).reshape(-1, 4)) == 0, [[True, False, True]] * 8)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"embedding": "cnn"}, 'embedding=\'cnn\': expected {"none", "dense", '),
        ({"units": 7}, "units=7"),
        ({"precision": "float16"}, "precision='float16': expected {\"float32\", "),
        ({"distortion": 0.1}, "distortion=0.1: is of images and of sequences, for embedding='convolutional' or 'gru'"),
        ({"input_scale": 0}, "input_scale=0: expected 1e-09 or more"),
        ({"embedding": "convolutional"}, "takes square images of 8 pixels a side or more"),
    ],
)
def test_a_setting_that_l2c_can_not_use(problems, settings, message):
    with pytest.raises(InvalidInput, match=message):
        small("l2c", **settings).fit(problems.part("train"))
