"""The loss of DDC and RDDC against a formulation in loops and float64."""

import itertools

import numpy as np
import pytest
import torch
import yaml

from methods import divergence
from methods.ddc import DDC
from methods.deep import Joint, batch_norm, clip_gradient, init_batch_norm, init_linear, minimise, random_streams
from runs.sources import ROOT


def naive_terms(h, A, kernel_width, relative_width, form):
    """The three terms for one seed, straight from the papers' formulas."""
    n, k = A.shape
    distances = [np.sum((h[i] - h[j]) ** 2) for i, j in itertools.combinations(range(n), 2)]
    if kernel_width == "median_squared_distance":
        variance = relative_width * np.sort(distances)[(len(distances) - 1) // 2]
    else:
        variance = (relative_width * np.sort(np.sqrt(distances))[(len(distances) - 1) // 2]) ** 2
    K = np.array([[np.exp(-np.sum((a - b) ** 2) / (2 * variance)) for b in h] for a in h])

    def divergence_between(columns):
        pairs = [
            columns[:, i]
            @ K
            @ columns[:, j]
            / np.sqrt((columns[:, i] @ K @ columns[:, i]) * (columns[:, j] @ K @ columns[:, j]))
            for i, j in itertools.combinations(range(k), 2)
        ]
        return np.sum(pairs) * 2 / (k * (k - 1))

    if form == "memberships":
        second = np.sum([A[i] @ A[j] for i, j in itertools.combinations(range(n), 2)]) * 2 / (n * (n - 1))
    else:
        second = np.sum([A[:, i] @ A[:, j] for i, j in itertools.combinations(range(k), 2)]) * 2 / (k * (k - 1))
        second /= n if form == "clusters_mean" else 1
    corners = np.array([[np.exp(-np.sum((row - corner) ** 2)) for corner in np.eye(k)] for row in A])
    return divergence_between(A), second, divergence_between(corners)


@pytest.mark.parametrize("kernel_width", ["median_squared_distance", "median_distance"])
@pytest.mark.parametrize("form", ["memberships", "clusters", "clusters_mean"])
@pytest.mark.parametrize(("n", "k"), [(12, 3), (7, 2), (2, 2), (9, 5)])
def test_against_loops(kernel_width, form, n, k):
    rng = np.random.default_rng(n)
    h = rng.normal(size=(2, n, 4))
    A = rng.dirichlet(np.ones(k), size=(2, n))
    terms = divergence.divergence_terms(
        torch.from_numpy(h),
        torch.from_numpy(A),
        kernel_width=kernel_width,
        relative_width=0.15 if kernel_width == "median_squared_distance" else 0.5,
        orthogonality_form=form,
        orthogonality_weight=2.0,
        simplex_weight=3.0,
    )
    relative_width = 0.15 if kernel_width == "median_squared_distance" else 0.5
    for seed in range(2):
        first, second, third = naive_terms(h[seed], A[seed], kernel_width, relative_width, form)
        np.testing.assert_allclose(terms["divergence"][seed], first, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(terms["orthogonality"][seed], 2 * second, rtol=1e-9)
        np.testing.assert_allclose(terms["simplex"][seed], 3 * third, rtol=1e-6, atol=1e-8)


def test_forms_of_orthogonality_differ():
    """A mutant that swaps AAᵀ and AᵀA would pass no test if they agreed."""
    A = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    assert divergence.orthogonality(A, "clusters").item() == 0
    assert divergence.orthogonality(A, "memberships").item() == pytest.approx(1 / 3)


@pytest.mark.parametrize("kernel_width", ["median_squared_distance", "median_of_all", "median_distance"])
def test_the_kernel_s_width_is_constant_in_the_backward_pass(kernel_width):
    h = torch.randn(1, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    K, squares = divergence.kernel_matrix(h, kernel_width, 0.4), (h[:, :, None] - h[:, None]).square().sum(3)
    scale = (K[0, 0, 1].log() / squares[0, 0, 1]).item()
    (found,) = torch.autograd.grad(K.square().sum(), h)
    (expected,) = torch.autograd.grad((scale * squares).exp().square().sum(), h)
    torch.testing.assert_close(found, expected)


def test_a_cluster_that_dies_out_is_still_compared():
    """The floors are far below what memberships of a millionth come to."""
    rng = np.random.default_rng(0)
    h, A = rng.normal(size=(6, 4)), np.column_stack([np.ones(6), 1e-6 * rng.random(6) + 1e-6])
    K = divergence.kernel_matrix(torch.from_numpy(h)[None], "median_squared_distance", 0.15)
    found = divergence.cauchy_schwarz(K, torch.from_numpy(A)[None])[0].item()
    assert found == pytest.approx(naive_terms(h, A, "median_squared_distance", 0.15, "memberships")[0], rel=1e-6)


def test_gradients():
    torch.manual_seed(0)
    h = torch.randn(2, 6, 3, dtype=torch.float64, requires_grad=True)
    logits = torch.randn(2, 6, 3, dtype=torch.float64, requires_grad=True)
    width = divergence.median_off_diagonal(divergence.squared_distances(h.detach()))

    def loss(h, logits):
        # The width is constant in the backward pass, so it is held fixed for the finite differences.
        K = torch.exp(-divergence.squared_distances(h) / (2 * 0.15 * width[:, None, None]))
        A = logits.softmax(-1)
        first, third = divergence.cauchy_schwarz(K, A, divergence.simplex_similarity(A))
        return (first + divergence.orthogonality(A, "memberships") + third).sum()

    assert torch.autograd.gradcheck(loss, (h, logits))


def test_identical_sequences_have_a_finite_loss_and_gradient():
    h = torch.zeros(1, 8, 4, requires_grad=True)
    A = torch.full((1, 8, 2), 0.5, requires_grad=True)
    K = divergence.kernel_matrix(h, "median_squared_distance", 0.15)
    loss = divergence.cauchy_schwarz(K, A)[0].sum()
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(h.grad).all() and torch.isfinite(A.grad).all()


@pytest.mark.parametrize("n", [2, 3, 4, 9, 10])
def test_median(n):
    x = torch.randn(3, n, 2, generator=torch.Generator().manual_seed(n))
    distances = divergence.squared_distances(x)
    for seed in range(3):
        upper = distances[seed][np.triu_indices(n, 1)]
        # Float32 sums in another order make the two triangles differ in the last digits.
        torch.testing.assert_close(divergence.median_off_diagonal(distances)[seed], upper.median())


def test_batch_norm_against_torch():
    x = torch.randn(2, 30, 5, generator=torch.Generator().manual_seed(0)) * 3 + 1
    network = init_batch_norm("norm", 5, 2)
    for seed in range(2):
        reference = torch.nn.BatchNorm1d(5)
        torch.testing.assert_close(batch_norm(x[seed][None], one(network, seed), "norm", True)[0], reference(x[seed]))
    trained = init_batch_norm("norm", 5, 2)
    batch_norm(x, trained, "norm", True)
    reference = torch.nn.BatchNorm1d(5)
    reference(x[1])
    reference.eval()
    torch.testing.assert_close(batch_norm(x, trained, "norm", False)[1], reference(x[1]))


def one(network, seed):
    return {name: tensor[seed : seed + 1].clone() for name, tensor in network.items()}


def dtkc_terms(h, A):
    """The three terms as the code of Deep Tensor Kernel Clustering words them, for one seed, in numpy."""
    n, k = A.shape
    D = np.square(h[:, None] - h[None]).sum(2)
    K = np.exp(-D / (0.15 * np.median(D)))

    def cauchy_schwarz(columns):
        nom = columns.T @ K @ columns
        dnom = np.sqrt(np.outer(np.diag(nom), np.diag(nom)) + 1e-6)
        return 2 / (k * (k - 1)) * np.triu(nom / dnom, 1).sum()

    m = np.exp(-np.square(A[:, None] - np.eye(k)[None]).sum(2))
    return cauchy_schwarz(A), np.triu(A @ A.T, 1).sum(), cauchy_schwarz(m)


LOSSES = [
    {
        "kernel_width": "median_distance",
        "relative_width": 0.4,
        "orthogonality_form": "clusters",
        "orthogonality_weight": 2.0,
        "simplex_weight": 3.0,
        "added": None,
    },
    {
        "kernel_width": "median_of_all",
        "relative_width": 0.2,
        "orthogonality_form": "memberships_sum",
        "orthogonality_weight": 0.5,
        "simplex_weight": 0.7,
        "added": 0.3,
    },
]


@pytest.mark.parametrize("settings", LOSSES)
def test_every_setting_of_the_loss_reaches_it_and_other_sequences_are_judged_in_parts_from_everywhere(settings):
    """45 of them with batches of 20: two parts, every second sequence each."""
    X = np.random.default_rng(0).normal(size=(45, 5)).astype(np.float32)
    fitted = DDC(3, hidden_units=8, batch=20, epochs=2, learning_rate=0.01, random_state=0, **settings).fit(X)
    losses = []
    for part in (np.arange(0, 45, 2), np.arange(1, 45, 2)):
        index = torch.from_numpy(part)[None]
        h, A = fitted._forward(fitted.network_, fitted._tensors(X), index, False)
        terms = divergence.divergence_terms(h, A, **settings)
        found = fitted._loss_terms(fitted.network_, fitted._tensors(X), index, False)
        assert {name: value.item() for name, value in found.items()} == pytest.approx(
            {name: value.item() for name, value in terms.items()}
        )
        losses.append(sum(value.item() for value in terms.values()))
    assert fitted.score_loss(X) == pytest.approx(np.mean(losses))


def test_the_cross_entropy_of_a_partition():
    X, partition = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32), np.arange(30) % 3
    fitted = DDC(3, hidden_units=8, batch=20, epochs=1, random_state=0).fit(X)
    index = torch.tensor([[3, 1, 7, 20, 11]])
    found = fitted._cross_entropy(fitted.network_, fitted._tensors(X), index, torch.from_numpy(partition))
    _, A = fitted._forward(fitted.network_, fitted._tensors(X), index, True)
    expected = -np.mean([np.log(A[0, place, partition[i]].item()) for place, i in enumerate(index[0])])
    assert found["cross_entropy"].item() == pytest.approx(expected, rel=1e-5)


def test_ddc_clips_as_it_is_asked_to():
    """A norm far below Adam's epsilon leaves the network where it was, and one for each tensor is another limit."""
    X = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    ends = {}
    for norm, each in ((1e-12, False), (1e-2, False), (1e-2, True)):
        fitted = DDC(3, hidden_units=8, batch=20, epochs=3, clip_norm=norm, clip_each=each, random_state=0).fit(X)
        ends[norm, each] = fitted.network_["output.weight"]
    start = fitted._init_network([np.random.default_rng(np.random.SeedSequence(0).spawn(2)[0])])["output.weight"]
    torch.testing.assert_close(ends[1e-12, False], start, rtol=0, atol=1e-5)
    assert not torch.allclose(ends[1e-2, False], start, rtol=0, atol=1e-5)
    assert not torch.equal(ends[1e-2, False], ends[1e-2, True])


def settings_of_dtkc():
    return yaml.safe_load((ROOT / "config/study.yaml").read_text())["methods"]["rddc_dtkc"]["settings"]


@pytest.mark.parametrize(("n", "k"), [(12, 3), (7, 2)])
def test_the_authors_code_nearest_in_time(n, k):
    rng = np.random.default_rng(n)
    h, A = rng.normal(size=(2, n, 4)), rng.dirichlet(np.ones(k), size=(2, n))
    names = ("kernel_width", "relative_width", "orthogonality_form", "added")
    settings = {name: settings_of_dtkc()[name] for name in names}
    weights = {"orthogonality_weight": 1.0, "simplex_weight": 1.0}
    terms = divergence.divergence_terms(torch.from_numpy(h), torch.from_numpy(A), **settings, **weights)
    for seed in range(2):
        found = [terms[name][seed].item() for name in ("divergence", "orthogonality", "simplex")]
        assert found == pytest.approx(dtkc_terms(h[seed], A[seed]), rel=1e-9)


def test_clipping_each_tensor_is_keras_clipnorm():
    rng = np.random.default_rng(0)
    joint, parts = torch.zeros(2, 7), (3, 4)
    joint.grad = torch.from_numpy(rng.normal(scale=2, size=(2, 7)).astype(np.float32))
    expected = [part.clone() for row in joint.grad for part in row.split(parts)]
    for part in expected:
        part *= min(1, 1.5 / part.norm().item())
    clip_gradient(joint, 1.5, list(parts))
    torch.testing.assert_close(joint.grad, torch.cat(expected).view(2, 7))


@pytest.mark.parametrize("epochs", [12, 3])
def test_the_best_epoch_is_what_as_many_epochs_alone_give(epochs):
    """With a learning rate that lets the loss go up and down; each seed of a block has a best epoch of its own."""
    X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    settings = {"n_clusters": 3, "hidden_units": 8, "batch": 20, "learning_rate": 0.1}
    seeds = [0, 1, 2]
    best = DDC(**settings, epochs=epochs, best_epoch=True).fit_seeds(X, seeds)
    chosen = [int(np.argmin(one.loss_curve_["loss"])) + 1 for one in best]
    assert epochs == 3 or len({*chosen, epochs}) > 2
    for seed, one, last in zip(seeds, best, chosen, strict=True):
        alone = DDC(**settings, epochs=last, random_state=seed).fit(X)
        assert one.loss_ == min(one.loss_curve_["loss"]) == pytest.approx(alone.loss_, rel=1e-4)
        np.testing.assert_allclose(one.predict_proba(X), alone.predict_proba(X), atol=1e-2)
        assert one.n_epochs_ == epochs and one.network_.keys() == alone.network_.keys()


def test_torch_s_layer_starts_with_biases():
    layer = init_linear("layer", 25, 200, [np.random.default_rng(0)], "torch")
    for name in ("layer.weight", "layer.bias"):
        assert 0.95 / 5 < layer[name].abs().max() <= 1 / 5


def test_the_streams_of_a_seed_are_independent_of_each_other_and_of_their_number():
    firsts = [rng.random() for seed in (0, 1) for rng in random_streams(seed, 4)]
    assert len(set(firsts)) == 8 and [rng.random() for rng in random_streams(0, 2)] == firsts[:2]


def test_the_learning_rate_falls_after_so_many_updates():
    """With a gradient of 1 and a momentum of 0.9, update by update."""
    network, seen = {"weight": torch.zeros(1, 1)}, []

    def watch(_updates):
        seen.append(network["weight"].item())

    minimise(
        lambda index: {"loss": network["weight"].sum(1)},
        network,
        ["weight"],
        2,
        batch=1,
        epochs=3,
        rngs=[np.random.default_rng(0)],
        learning_rate=0.5,
        optimizer="sgd",
        decay_interval=2,
        after_update=watch,
    )
    weight, momentum, expected = 0.0, 0.0, []
    for update in range(6):
        momentum = 0.9 * momentum + 1
        weight -= [0.5, 0.5, 0.05, 0.05, 0.005, 0.005][update] * momentum
        expected.append(weight)
    assert seen == pytest.approx(expected, rel=1e-5)


def test_hes_hidden_layer():
    X = np.zeros((60, 24), np.float32)
    estimator = DDC(3, hidden_initialisation="he_uniform")
    estimator._check(X, reset=True)
    network = estimator._init_network([np.random.default_rng(0)])
    for name, bound in (("hidden", np.sqrt(6 / 24)), ("output", np.sqrt(6 / 103))):
        assert 0.95 * bound < network[f"{name}.weight"].abs().max() <= bound and not network[f"{name}.bias"].any()


def test_clipping_is_per_seed():
    joint = torch.zeros(2, 3)
    joint.grad = torch.tensor([[3.0, 4.0, 0.0], [0.3, 0.4, 0.0]])
    clip_gradient(joint, 1.0)
    torch.testing.assert_close(joint.grad, torch.tensor([[0.6, 0.8, 0.0], [0.3, 0.4, 0.0]]))


def test_a_joint_tensor_keeps_the_values_and_gathers_the_gradients():
    network = {
        "a": torch.arange(4.0).reshape(2, 2, 1),
        "b": torch.arange(10.0, 16.0).reshape(2, 3),
        "c": torch.ones(2, 1),
    }
    joint = Joint(network, ["a", "b"])
    torch.testing.assert_close(joint.parameters, torch.tensor([[0.0, 1, 10, 11, 12], [2, 3, 13, 14, 15]]))
    loss = sum((seed + 1) * joint.leaves["b"][seed].sum() for seed in range(2))
    torch.testing.assert_close(joint.gradient(loss), torch.tensor([[0.0, 0, 1, 1, 1], [0, 0, 2, 2, 2]]))
    joint.parameters += 1
    for parts in (joint.leaves, joint.values):
        torch.testing.assert_close(parts["b"].detach(), torch.tensor([[11.0, 12, 13], [14, 15, 16]]))
    assert joint.leaves["a"].requires_grad and not joint.values["a"].requires_grad
    assert network["a"].tolist() == [[[0], [1]], [[2], [3]]]


@pytest.mark.parametrize("how", ["overall", "dimension"])
def test_ddc_scales_its_input_by_the_training_data(how):
    rng = np.random.default_rng(0)
    X, other = (rng.normal(3, [1, 5, 2], size=(n, 3)).astype(np.float32) for n in (60, 9))
    settings = {"n_clusters": 2, "hidden_units": 8, "batch": 20, "epochs": 3, "random_state": 0}
    spread = X.std(axis=0) if how == "dimension" else np.sqrt(X.var(axis=0).mean())
    scaled, given = DDC(**settings, input_scale=how).fit(X), DDC(**settings).fit((X - X.mean(axis=0)) / spread)
    found, expected = scaled.predict_proba(other), given.predict_proba((other - X.mean(axis=0)) / spread)
    np.testing.assert_allclose(found, expected, atol=1e-4)
