"""L2C's loss, class weights and scores against plain loops, and mutants that the comparison catches."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from datasets import abc, points
from datasets.problems import gather
from datasets.sequences import Sequences
from datasets.storage import write_arrays
from methods.base import InvalidInput
from methods.l2c import (
    FLOOR,
    L2C,
    BatchNorm,
    Distortion,
    Network,
    Recurrent,
    Warping,
    center_loss,
    class_weights,
    divergence_loss,
    pair_probability,
    pairwise_loss,
)
from methods.supervised import seeded
from runs.results import clusters_if_told
from runs.scores import problem_scores, scores
from runs.tasks import in_another_order

B, N, K = 3, 5, 4


def test_distortion():
    """In training alone, another each time, by no more than it says; what it moves lies where a plain loop finds it."""
    torch.manual_seed(0)
    images = torch.rand(6, 1, 16, 16)
    slope = torch.linspace(0, 1, 16).expand(6, 1, 16, 16).contiguous()  # whose value tells the column
    layer = Distortion(1 / 16).train()
    assert not torch.equal(layer(images), layer(images)) and torch.equal(layer.eval()(images), images)
    assert torch.allclose(Distortion(0.0).train()(images), images, atol=1e-6)
    moved = 15 * (layer.train()(slope) - slope)  # in pixels, of which a side has 16
    assert 0.5 < moved.abs().max() <= 1 + 1e-4 and moved[..., [0, -1]].abs().max() < 1e-4  # the edges stay
    layer.generator.manual_seed(1)
    found = layer(slope)
    inner = torch.rand(6, 2, 3, 3, generator=torch.Generator().manual_seed(1))[:, 0] * 2 - 1  # in pixels, along rows
    corners = np.pad(inner.numpy(), ((0, 0), (1, 1), (1, 1)))
    for i, row, column in itertools.product(range(6), (3, 8), (5, 9)):
        y, x = 4 * row / 15, 4 * column / 15  # in tiles
        near = corners[i, int(y) : int(y) + 2, int(x) : int(x) + 2]
        shift = np.array([1 - y % 1, y % 1]) @ near @ np.array([1 - x % 1, x % 1])
        assert 15 * float(found[i, 0, row, column]) == pytest.approx(column + shift, abs=1e-4)


def test_warping():
    """In training alone, another each time; each element lies where a plain interpolation of its sequence has it."""
    torch.manual_seed(0)
    lengths, members = np.array([9, 1, 30, 2]), torch.tensor([2, 0, 1, 3, 2])
    offsets = torch.from_numpy(np.concatenate([[0], lengths.cumsum()]))
    pool = torch.rand(int(offsets[-1]), 2)
    warping = Warping(1 / 16)
    warping.generator.manual_seed(1)
    values, new = warping(pool, offsets, members)
    assert not torch.equal(warping(pool, offsets, members)[0], values)
    np.testing.assert_array_equal(np.diff(new), lengths[members])
    inner = (torch.rand(5, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1) / 16
    borders = np.linspace(0, 1, 5)
    for member, moved, found in zip(members, inner.numpy(), np.split(values.numpy(), new[1:-1]), strict=True):
        sequence = pool[offsets[member] : offsets[member + 1]].numpy()
        share = np.linspace(0, 1, len(sequence))
        read = np.interp(share, borders, borders + np.pad(moved, 1))
        for dimension in range(2):
            expected = np.interp(read, share, sequence[:, dimension])
            np.testing.assert_allclose(found[:, dimension], expected, atol=1e-5)
        np.testing.assert_allclose(found[[0, -1]], sequence[[0, -1]])
    straight = torch.cat([pool[offsets[m] : offsets[m + 1]] for m in members])
    assert torch.allclose(Warping(0.0)(pool, offsets, members)[0], straight, atol=1e-5)


def test_a_gru_reads_warped_sequences_in_training_alone():
    settings = L2C(embedding="gru", embedding_units=4, distortion=1 / 16)
    torch.manual_seed(0)
    warped = Recurrent(2, settings)
    torch.manual_seed(0)
    plain = Recurrent(2, settings.set_params(distortion=0.0))
    plain.load_state_dict(warped.state_dict())
    pool, offsets, members = torch.rand(40, 2), torch.tensor([0, 9, 10, 40]), torch.tensor([[2, 0], [1, 2]])
    with torch.no_grad():
        straight = plain((pool, offsets, members))
        assert torch.equal(warped.eval()((pool, offsets, members)), straight)
        warped.train().warping.generator.manual_seed(1)
        found = warped((pool, offsets, members))
        warped.warping.generator.manual_seed(1)
        values, new = warped.warping(pool, offsets, members.flatten())
        assert torch.equal(found, plain((values, new, torch.arange(4).view(2, 2)))) and not torch.equal(found, straight)


@pytest.fixture
def outputs():
    """P(k), P(l | x_i, k) and clusters, float64."""
    rng = np.random.default_rng(0)
    count = torch.softmax(torch.from_numpy(rng.normal(size=(B, K))), dim=1)
    indices = [torch.softmax(torch.from_numpy(2 * rng.normal(size=(B, N, k))), dim=2) for k in range(1, K + 1)]
    return count, indices, torch.from_numpy(rng.integers(0, 3, (B, N)))


def by_loops(count, indices, clusters, weight_same, weight_different):
    """The same formula, one pair at a time."""
    total, pairs = 0.0, 0
    for b, i, j in itertools.product(range(B), range(N), range(N)):
        if i >= j:
            continue
        together = 0.0
        for k in range(K):
            for index in range(k + 1):
                same_index = float(indices[k][b, i, index]) * float(indices[k][b, j, index])
                together += float(count[b, k]) * same_index
        together = min(max(together, FLOOR), 1 - FLOOR)
        if clusters[b, i] == clusters[b, j]:
            total -= weight_same * math.log(together)
        else:
            total -= weight_different * math.log(1 - together)
        pairs += 1
    return total / pairs


def loss_of(count, indices, clusters, weights=(1.3, 0.7)):
    same = clusters[:, :, None] == clusters[:, None, :]
    return float(pairwise_loss(pair_probability(count, indices), same, *weights))


def test_the_pairwise_loss(outputs):
    assert loss_of(*outputs) == pytest.approx(by_loops(*outputs, 1.3, 0.7), rel=1e-12)


def test_mutants_are_caught(outputs):
    count, indices, clusters = outputs
    expected = by_loops(*outputs, 1.3, 0.7)
    same = clusters[:, :, None] == clusters[:, None, :]
    mutants = {
        "same and different swapped": pairwise_loss(pair_probability(count, indices), ~same, 1.3, 0.7),
        "weights swapped": pairwise_loss(pair_probability(count, indices), same, 0.7, 1.3),
        "P(k) left out": pairwise_loss(pair_probability(torch.full_like(count, 1 / K), indices), same, 1.3, 0.7),
        "the logarithm inside the mixture": sum(
            (count[b, k] * pairwise_loss(pair_probability(torch.eye(K).double()[[k]], one), same[[b]], 1.3, 0.7)) / B
            for b in range(B)
            for one in [[index[[b]] for index in indices]]
            for k in range(K)
        ),
    }
    for name, value in mutants.items():
        assert abs(float(value) - expected) > 1e-3, name


def test_an_object_with_itself_is_no_pair(outputs):
    """Indices that are uncertain cost nothing where no two objects meet."""
    count, indices, clusters = outputs
    alone = [index[:, :1] for index in indices]
    assert loss_of(count, alone, clusters[:, :1]) == 0


@pytest.fixture
def states():
    """States, log-probabilities of the divergence and which objects are together, float64."""
    rng = np.random.default_rng(1)
    clusters = rng.integers(0, 3, (B, N))
    logits = torch.from_numpy(2 * rng.normal(size=(B, N, 6)))
    same = torch.from_numpy(clusters[:, :, None] == clusters[:, None, :])
    return torch.from_numpy(rng.normal(size=(B, N, 4))), logits.log_softmax(dim=2), same


def centers_by_loops(states, same):
    """Distance to the mean of an object's cluster, itself included."""
    states, same = states.numpy(), same.numpy()
    squares = [(states[b, i] - states[b, same[b, i]].mean(axis=0)) ** 2 for b in range(B) for i in range(N)]
    return np.mean(squares)


def test_the_centre_loss(states):
    vectors, _, same = states
    expected = centers_by_loops(vectors, same)
    assert float(center_loss(vectors, same)) == pytest.approx(expected, rel=1e-12)
    itself = torch.eye(N, dtype=bool).expand_as(same)
    assert float(center_loss(vectors, itself)) == 0
    mutants = {
        "one centre for all": center_loss(vectors, torch.ones_like(same)),
        "the others' centre": center_loss(vectors, ~same | itself),
        "a sum over units": 4 * center_loss(vectors, same),
    }
    for name, value in mutants.items():
        assert abs(float(value) - expected) > 1e-3, name


def divergence_by_loops(log_probability, same, margin=2.0, both=True):
    p, total = np.exp(log_probability.numpy()), []
    for b, (i, j) in itertools.product(range(B), itertools.combinations(range(N), 2)):
        ways = [(p[b, i], p[b, j]), (p[b, j], p[b, i])] if both else [(p[b, i], p[b, j])]
        divergences = [np.sum(x * np.log(x / y)) for x, y in ways]
        total.append(sum(d if same[b, i, j] else max(0, margin - d) for d in divergences))
    return np.mean(total)


def test_the_divergence_loss(states):
    _, log_probability, same = states
    found = float(divergence_loss(log_probability, same))
    assert found == pytest.approx(divergence_by_loops(log_probability, same), rel=1e-12)
    mutants = {
        "another margin": divergence_by_loops(log_probability, same, margin=1.0),
        "no hinge": divergence_by_loops(log_probability, same, margin=1e6) - 1e6,
        "one way": divergence_by_loops(log_probability, same, both=False),
        "same and different swapped": divergence_by_loops(log_probability, ~same),
    }
    for name, value in mutants.items():
        assert abs(float(value) - found) > 1e-3, name


def test_gradients_of_the_further_terms(states):
    vectors, log_probability, same = (tensor.requires_grad_(tensor.is_floating_point()) for tensor in states)
    assert torch.autograd.gradcheck(lambda x: center_loss(x, same), vectors)
    assert torch.autograd.gradcheck(lambda x: divergence_loss(x.log_softmax(2), same), log_probability)
    certain = torch.tensor([0.0, -1e3]).log_softmax(0).expand(B, N, 2).clone().requires_grad_()
    divergence_loss(certain, same).backward()
    assert torch.isfinite(certain.grad).all()


@pytest.mark.parametrize("embedding", ["none", "dense"])
def test_the_loss_is_the_weighted_sum_of_its_terms(embedding):
    problems = points.draw({"train": 6}, 0, points=10)
    weights = {"pair_weight": 3.0, "center_weight": 0.7, "divergence_weight": 0.2}
    fitted = L2C(embedding, 8, layers=1, units=8, count_units=8, batch=6, epochs=1, random_state=0, **weights).fit(
        problems
    )
    terms = {
        name: float(value.detach()) for name, value in fitted._terms(*fitted._tensors(problems, np.arange(6))).items()
    }
    assert ("divergence" in terms) == (embedding == "dense")
    expected = terms["count"] + 3 * terms["pairs"] + 0.7 * terms["centers"] + 0.2 * terms.get("divergence", 0)
    assert terms["loss"] == pytest.approx(expected, rel=1e-6)
    without = L2C(embedding, 8, layers=1, units=8, count_units=8, batch=6, epochs=1, divergence_weight=0.0).fit(
        problems
    )
    assert "divergence" not in without.loss_curve_


def test_the_number_of_clusters_is_read_off_the_input_of_the_last_layer():
    problems = points.draw({"train": 4}, 0, points=10)
    fitted = L2C(layers=2, units=8, batch=4, epochs=1, random_state=0).fit(problems)
    network, objects = fitted._network.eval(), fitted._tensors(problems, np.arange(4))[0]
    for layer, count_moves in ((1, False), (0, True)):
        before = network(objects)
        with torch.no_grad():
            network.stack[layer].bias_ih_l0.add_(1)
        after = network(objects)
        assert torch.equal(before[0], after[0]) is not count_moves
        assert not torch.equal(before[2], after[2])


def test_the_count_by_hand():
    """Resized with leaky ReLU; what the LSTM gives after the last object and, backwards, after the first."""
    problems = points.draw({"train": 4}, 0, points=10)
    fitted = L2C(layers=1, units=8, count_units=6, batch=4, epochs=1, random_state=0).fit(problems)
    network, objects = fitted._network.eval(), fitted._tensors(problems, np.arange(4))[0]
    resized = objects @ network.resize.weight.T + network.resize.bias
    outputs = network.count_states(torch.where(resized > 0, resized, 0.3 * resized))[0]
    states = torch.cat([outputs[:, -1, :6], outputs[:, 0, 6:]], dim=1)
    torch.testing.assert_close(network(objects)[0], network.count(states).log_softmax(1))
    assert (resized < 0).any()


def test_the_number_of_clusters_that_is_most_probable_is_predicted():
    """The index of each object is taken from the softmax for that number."""
    count = torch.tensor([[0.1, 0.7, 0.2], [0.2, 0.1, 0.7]]).log()
    indices = [torch.from_numpy(np.random.default_rng(k).dirichlet(np.ones(k), (2, 5))) for k in (1, 2, 3)]
    method = L2C()
    method._outputs = lambda objects: (count, indices, None, None)
    expected = [indices[1][0].argmax(1).tolist(), indices[2][1].argmax(1).tolist()]
    assert method._clusters(None).tolist() == expected


def test_clusters_for_every_number_of_them():
    """As if each were the number: at most so many, and of each problem one is what is predicted."""
    problems = points.draw({"train": 40, "test": 30}, 0)
    method, test = fitted(problems.part("train")), problems.part("test")
    each, predicted = method.predict_each(test), test.split_up(method.predict(test))
    assert each.shape == (method.n_clusters_, len(test.members))
    for k, found in enumerate(each, start=1):
        assert found.min() >= 0 and found.max() < k
    split = [test.split_up(found) for found in each]
    assert all(any(np.array_equal(own[i], found) for own in split) for i, found in enumerate(predicted))
    with torch.no_grad():
        objects, _ = method._tensors(test, np.arange(len(test))[test.sizes == test.sizes[0]])
        indices = method._outputs(objects)[1]
    of_first = np.stack([own[0] for own in split])
    assert np.array_equal(of_first, [index[0].argmax(dim=1).numpy() for index in indices])


def test_keras_s_constants():
    """A first step of Adadelta, a first running mean, and a memory that starts open, by their formulas."""
    weight = torch.nn.Parameter(torch.zeros(1))
    weight.grad = torch.ones(1) / 100
    L2C()._optimizer([weight]).step()
    assert weight.item() == pytest.approx(-5 * np.sqrt(1e-7) / np.sqrt(0.05 * 1e-4 + 1e-7) / 100, rel=1e-4)
    norm, x = BatchNorm(2).train(), torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    norm(x)
    torch.testing.assert_close(norm.running_mean, 0.01 * torch.tensor([2.0, 4.0]))
    with seeded(np.random.default_rng(0)):
        bias = Recurrent(3, L2C(embedding_units=16)).weights[2].detach()[0]
    np.testing.assert_allclose(bias, np.repeat([0, 1, 0], 16), atol=0.25)  # one over the root of the units


def test_dropout_and_normalisation_are_for_training_alone():
    problems = points.draw({"train": 5}, 0, points=10)
    fitted = L2C(layers=1, units=8, batch=4, epochs=1, random_state=0).fit(problems)  # the last batch holds one set
    network, objects = fitted._network, fitted._tensors(problems, np.arange(5))[0]
    network.train()
    assert not torch.equal(network(objects)[0], network(objects)[0])
    network.eval()
    together, alone = network(objects)[0], torch.cat([network(objects[i : i + 1])[0] for i in range(5)])
    assert torch.allclose(together, alone, atol=1e-5)
    kept = network.count[4].train()(torch.ones(10000))
    assert set(kept.tolist()) == {0, 2} and kept.mean() == pytest.approx(1, abs=0.05)


def test_gradients(outputs):
    count, indices, clusters = outputs
    same = clusters[:, :, None] == clusters[:, None, :]

    def loss(count, *indices):
        probability = pair_probability(count.softmax(1), [index.softmax(2) for index in indices])
        return pairwise_loss(probability, same, 1.3, 0.7)

    leaves = [tensor.log().requires_grad_() for tensor in (count, *indices)]
    assert torch.autograd.gradcheck(loss, leaves)


def test_a_certain_network_has_finite_gradients(outputs):
    """Probabilities of exactly 0 and 1, half of them wrong."""
    _, _, clusters = outputs
    count = torch.zeros(B, K, dtype=torch.float64)
    count[:, 2] = 1
    count.requires_grad_()
    indices = [torch.eye(k, dtype=torch.float64)[clusters.flip(1) % k].requires_grad_() for k in range(1, K + 1)]
    same = clusters[:, :, None] == clusters[:, None, :]
    pairwise_loss(pair_probability(count, indices), same, 1.3, 0.7).backward()
    assert torch.isfinite(count.grad).all() and all(torch.isfinite(index.grad).all() for index in indices)


def test_class_weights():
    problems = points.draw({"train": 7}, 0, points=11)
    ones, pairs = 0, 0
    for clusters in problems.split_up(problems.clusters):
        for i in range(11):
            for j in range(i + 1, 11):
                ones += clusters[i] == clusters[j]
                pairs += 1
    same, different = class_weights(problems)
    assert same + different == pytest.approx(2)
    assert same / different == pytest.approx(math.sqrt(1 - ones / pairs) / math.sqrt(ones / pairs))
    with pytest.raises(InvalidInput, match="no problem has more than one object"):
        class_weights(points.draw({"train": 7}, 0, points=1, clusters=(1, 1)))
    # With more clusters pairs in one cluster are rarer, and weigh more.
    assert class_weights(points.draw({"train": 7}, 0, clusters=(5, 5)))[0] > 1 > class_weights(problems)[1]


def test_the_stack_is_residual():
    """Layers that give zero change nothing: the stack adds its input to its output."""
    problems = points.draw({"train": 4}, 0, points=10)
    fitted = L2C(layers=3, units=8, batch=4, epochs=1, random_state=0).fit(problems)
    network, objects = fitted._network.eval(), torch.randn(2, 10, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in network.stack.parameters():
            parameter.zero_()
        deep = network(objects)
        network.stack = torch.nn.ModuleList()
        flat = network(objects)
    assert torch.equal(deep[0], flat[0]) and all(map(torch.equal, deep[1], flat[1]))


@pytest.mark.parametrize("embedding", ["none", "dense", "gru"])
def test_every_parameter_gets_a_gradient(embedding):
    problems = points.draw({"train": 6}, 0, points=10)
    if embedding == "gru":  # of two elements, so that there is a state to remember
        values = np.repeat(problems.objects.values, 2, axis=0)
        problems = replace(problems, objects=Sequences(values, 2 * problems.objects.offsets))
    fitted = L2C(embedding, 16, layers=2, units=8, batch=6, epochs=1, random_state=0).fit(problems)
    fitted._network.zero_grad()
    fitted._terms(*fitted._tensors(problems, np.arange(6)))["loss"].backward()
    silent = {name for name, p in fitted._network.named_parameters() if not p.grad.abs().sum() > 0}
    assert silent <= {"index.0.weight", "index.0.bias"}  # the softmax over a single cluster


def test_images_are_embedded_by_convolutions_each_by_itself():
    """Against the same layers written out, without training; a set's other images change nothing."""
    rng = np.random.default_rng(0)
    objects = Sequences.from_list([rng.normal(size=(1, 36)) for _ in range(40)])
    problems = gather(objects, {"train": [(np.arange(i, i + 4), np.array([0, 0, 1, 1])) for i in range(0, 36, 4)]})
    network = {"filters": (2, 3), "layers": 1, "units": 8, "count_units": 8, "batch": 3, "epochs": 1}
    fitted = L2C("convolutional", 5, **network, random_state=0).fit(problems)
    embedding = fitted._network.eval().embedding
    images = torch.from_numpy(objects.values).view(10, 4, 36)
    with torch.no_grad():
        found, x = embedding(images), images.reshape(-1, 1, 6, 6)
        for at in (0, 4, 9, 12):
            weighted = embedding.layers[at]
            if at < 9:
                x = torch.nn.functional.conv2d(x, weighted.weight, weighted.bias, padding=1)
            else:
                x = x.flatten(1) @ weighted.weight.T + weighted.bias
            norm, shape = embedding.layers[at + 2], (1, -1, 1, 1) if at < 9 else (1, -1)
            mean, variance, scale, shift = (
                tensor.view(shape) for tensor in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
            )
            x = (torch.where(x > 0, x, 0.3 * x) - mean) / (variance + 1e-3).sqrt() * scale + shift
            x = x.unfold(2, 2, 2).unfold(3, 2, 2).amax((-1, -2)) if at < 9 else x
    assert found.shape == (10, 4, 5)
    torch.testing.assert_close(found.view(40, 5), x)


def fitted(problems, **settings):
    small = {"layers": 2, "units": 96, "count_units": 8, "count_dense_units": 8, "batch": 20, "epochs": 1}
    return L2C(**small, random_state=0, **settings).fit(problems)


@pytest.mark.parametrize("embedding", ["none", "dense", "gru"])
def test_input_scale(embedding):
    """Behind the layer that resizes them objects have the deviation asked for, and the stack works on that."""
    train = points.draw({"train": 20}, 0).part("train")
    deviations, states = [], []
    for scale in (2.0, 0.5):
        method = fitted(train, embedding=embedding, input_scale=scale, learning_rate=1e-12)
        network, objects = method._network, method._objects(train, train.members.reshape(20, -1))
        embedded = network.embedding(objects).flatten(0, 1).detach()
        resized = network.resize((embedded - embedded.mean(0)) * network.factor)
        deviations.append(resized.std(0).square().mean().sqrt().item())
        states.append(network(objects)[2].std())
    assert deviations == pytest.approx([2, 0.5], rel=0.2)  # of random weights
    assert states[0] > 2 * states[1]
    plain = fitted(train, embedding=embedding)._network
    assert plain.factor == 1 and not plain.mean.any()


def test_points_in_another_unit_are_clustered_alike_with_input_scale():
    drawn = points.draw({"train": 60, "test": 30}, 0)
    train, test = drawn.part("train"), drawn.part("test")

    def moved(problems, factor, shift):
        values = (factor * problems.objects.values + shift).astype(np.float32)
        return replace(problems, objects=Sequences(values, problems.objects.offsets))

    metres = fitted(train, input_scale=2.0)
    inches = fitted(moved(train, 64, 16), input_scale=2.0)
    assert inches.loss_ == pytest.approx(metres.loss_, rel=1e-4)
    assert np.mean(inches.predict(moved(test, 64, 16)) == metres.predict(test)) > 0.99
    assert fitted(moved(train, 64, 16)).loss_ != pytest.approx(metres.loss_, rel=1e-2)


def test_input_scale_is_learned_from_the_training_problems_alone():
    drawn = points.draw({"train": 10, "test": 10}, 0)
    train, test = drawn.part("train"), drawn.part("test")
    values = drawn.objects.values.copy()
    values[test.members] += 100  # objects of one pool
    far = replace(drawn, objects=Sequences(values, drawn.objects.offsets)).part("train")
    assert torch.equal(*(fitted(X, input_scale=1.0)._network.mean for X in (train, far)))


def test_the_network_lies_where_the_objects_do_when_the_scale_is_learned(monkeypatch):
    """On a GPU, for which a device without memory stands here."""
    seen = []
    monkeypatch.setattr(
        Network, "learn_scale", lambda self, objects, scale: seen.append((objects.device, self.mean.device))
    )
    method = L2C(layers=1, units=4, input_scale=2.0, device="meta")
    method.n_clusters_ = 5
    method._build(points.draw({"train": 10}, 0).part("train"))
    assert seen == [(torch.device("meta"), torch.device("meta"))]


def test_points_that_are_all_one_are_centred_and_not_scaled():
    same = gather(
        Sequences(np.full((12, 2), 5.0, np.float32), np.arange(13)), {"train": [(np.arange(12), np.arange(12) % 2)]}
    )
    network = fitted(same, input_scale=2.0)._network
    assert network.mean.tolist() == [5, 5] and network.factor == 1


@pytest.mark.parametrize("embedding", ["none", "gru"])
def test_bfloat16_is_near_float32(embedding):
    """The loss of the same weights; and probabilities and the loss are float32 in both."""
    problems = points.draw({"train": 10}, 0, points=10)
    network = {"layers": 2, "units": 8, "count_units": 8, "batch": 10, "epochs": 1, "random_state": 0}
    fitted = L2C(embedding, 8, **network).fit(problems)
    fitted._network.eval()
    losses = []
    for precision in ("float32", "bfloat16"):
        objects, clusters = fitted.set_params(precision=precision)._tensors(problems, np.arange(10))
        assert all(tensor.dtype == torch.float32 for tensor in fitted._outputs(objects)[0])
        losses.append(fitted._terms(objects, clusters)["loss"].item())
    assert losses[0] != losses[1] and losses[0] == pytest.approx(losses[1], rel=0.01)


def test_it_learns():
    """Two blobs or one, which are all that so few points can be, seen in any order."""
    settings = {"clusters": (1, 2), "points": 9, "noise": 0.01}
    problems = points.draw({"train": 300, "validation": 50, "test": 50}, 0, **settings)
    network = {"layers": 2, "units": 16, "count_units": 16, "count_dense_units": 16}
    fitted = L2C(**network, batch=10, epochs=18, random_state=0).fit(*map(problems.part, ("train", "validation")))
    test = problems.part("test")
    got = problem_scores(test, fitted.predict(test), ordered=False)
    assert got["accuracy"] > 0.9 and got["count_accuracy"] > 0.8 and "element_accuracy" not in got
    assert fitted.loss_curve_["loss"][-1] < 0.5 * fitted.loss_curve_["loss"][0]


def test_misclassification_rate_by_brute_force():
    """1 - ACC is the least error over all one-to-one maps, as many clusters as there may be."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        clusters, found = rng.integers(0, 4, 12), rng.integers(0, 5, 12)
        least = min(np.mean(np.take(map_, found) != clusters) for map_ in itertools.permutations(range(5)))
        assert 1 - scores(clusters, found)["accuracy"] == pytest.approx(least)


def test_clusters_as_if_the_number_were_told(tmp_path):
    """Scoring takes for every problem what was left for its number; without one of them there is none."""
    problems = points.draw({"test": 30}, 0)
    rng, counts = np.random.default_rng(0), np.repeat(problems.counts, problems.sizes)
    each = {k: rng.integers(k, size=len(counts)) for k in np.unique(counts)}
    names = {f"none_0_of_{k}": found for k, found in each.items()}
    write_arrays(tmp_path / "runs.npz", **names)
    told = clusters_if_told(tmp_path / "runs.jsonl", problems, "none", 0)
    assert told.tolist() == [each[k][i] for i, k in enumerate(counts)]
    right = problem_scores(problems, np.zeros_like(told), False, told=problems.clusters)
    assert right["accuracy_told"] == 1 > right["accuracy"]
    names.popitem()
    write_arrays(tmp_path / "runs.npz", **names)
    assert clusters_if_told(tmp_path / "runs.jsonl", problems, "none", 0) is None


def test_problem_scores():
    problems = abc.draw({"test": 3}, 0)
    right = problem_scores(problems, problems.clusters, ordered=True)
    assert {right[name] for name in right if name != "n_clusters"} == {1.0} and right["n_clusters"] == 3
    renamed = problem_scores(problems, (problems.clusters + 1) % 3, ordered=True)
    assert renamed["accuracy"] == renamed["nmi"] == renamed["count_accuracy"] == 1 and renamed["element_accuracy"] == 0
    one = problem_scores(problems, np.zeros_like(problems.clusters), ordered=True)
    assert one["completeness"] == 1 and one["homogeneity"] == one["count_accuracy"] == 0
    by_hand = [scores(c, np.zeros_like(c))["accuracy"] for c in problems.split_up(problems.clusters)]
    assert one["accuracy"] == pytest.approx(np.mean(by_hand))
    assert problem_scores(problems.part("train"), np.array([]), ordered=True) is None
    many = problem_scores(problems, np.tile(np.arange(15), 3), ordered=True)  # each element is a cluster of its own
    assert many["homogeneity"] == 1 > many["completeness"] and many["count_accuracy"] == 0
    alike = problem_scores(problems, np.zeros_like(problems.clusters), True, np.zeros_like(problems.clusters))
    assert alike["order_agreement"] == 1  # of the two with each other, whatever is right
    mixed = np.concatenate([np.zeros(30, int), problems.split_up(problems.clusters)[2]])
    assert problem_scores(problems, mixed, ordered=True)["n_clusters"] == 3  # the most in a problem


class ByValue:
    """Clusters that don't depend on the order."""

    def predict(self, problems):
        return (problems.objects.values[problems.members, 0] > 0.5).astype(np.int64)


class ByPlace:
    """Clusters that depend on nothing else."""

    def predict(self, problems):
        return np.tile(np.arange(problems.sizes[0]) % 2, len(problems))


def test_another_order():
    problems = points.draw({"test": 5}, 0)
    for method, blind in ((ByValue(), True), (ByPlace(), False)):
        found = method.predict(problems)
        again = in_another_order(method, problems, np.random.SeedSequence(0))
        assert (problem_scores(problems, found, False, again)["order_agreement"] == 1) is blind
        assert np.array_equal(found, again) is blind


def test_l2c_depends_on_the_order_of_the_objects():
    """Not a wish: an LSTM reads a set in an order, and the report has to say how much that matters."""
    problems = points.draw({"train": 60, "test": 20}, 0)
    fitted = L2C(layers=2, units=16, count_units=16, batch=20, epochs=2, random_state=0).fit(problems.part("train"))
    objects, _ = fitted._tensors(problems, np.arange(20))
    network = fitted._network.eval()
    assert not torch.allclose(network(objects)[0], network(objects.flip(1))[0], atol=1e-4)
