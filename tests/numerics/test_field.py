"""Rows from the field's libraries on unequal lengths, against loops, tslearn itself and torch's modules."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from sklearn.metrics import adjusted_rand_score

from datasets.sequences import Sequences
from methods import k_shape
from methods.base import InvalidInput
from methods.dtw_kmeans import DTWKMeans
from methods.elastic import load_tslearn
from methods.k_shape import KShape, normalised
from methods.recurrent_autoencoder import GRUS, WEIGHTS, RecurrentAutoencoder
from methods.soft_dtw_kmeans import SoftDTWKMeans
from reports import statistics, tables
from runs.run import run_job


def ragged(n=12, lengths=(2, 9), seed=0, d=2):
    """Sequences around one of two levels."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(lengths[0], lengths[1] + 1, n)
    return Sequences.from_list([rng.normal(size=(length, d)) + 3 * (i % 2) for i, length in enumerate(drawn)])


def warping_cost(x, y, least):
    """Dynamic time warping by its recursion, with any minimum of three costs."""
    table = np.full((len(x) + 1, len(y) + 1), np.inf)
    table[0, 0] = 0
    for i in range(len(x)):
        for j in range(len(y)):
            before = [table[i, j], table[i, j + 1], table[i + 1, j]]
            table[i + 1, j + 1] = ((x[i] - y[j]) ** 2).sum() + least(before)
    return table[-1, -1]


def soft_minimum(costs):
    return -0.5 * logsumexp(-np.array(costs) / 0.5)


@pytest.mark.parametrize(
    ("method", "least"), [(DTWKMeans(2), min), (SoftDTWKMeans(2, gamma=0.5), soft_minimum)], ids=["dtw", "soft"]
)
def test_what_elastic_centroids_minimise(method, least):
    data, others = ragged(), ragged(5, (10, 14), seed=1)
    method.set_params(iterations=2, random_state=0).fit(data)
    for own, loss in ((data, method.loss_), (others, method.score_loss(others))):
        scaled = [(own[i] - method.mean_) / method.scale_ for i in range(len(own))]
        costs = [[warping_cost(x, center, least) for center in method.cluster_centers_] for x in scaled]
        np.testing.assert_array_equal(method.predict(own), np.argmin(costs, axis=1))
        assert loss == pytest.approx(np.min(costs, axis=1).mean(), rel=1e-6)


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        (DTWKMeans(2), {"metric": "dtw"}),
        (SoftDTWKMeans(2, gamma=0.5), {"metric": "softdtw", "metric_params": {"gamma": 0.5}, "max_iter_barycenter": 5}),
    ],
    ids=["dtw", "soft"],
)
def test_elastic_centroids_are_tslearn_s_own_of_the_sample(method, settings):
    data, tslearn = ragged(30), load_tslearn()
    fitted = method.set_params(iterations=2, sample=20, random_state=3).fit(data)
    values = data.values.astype(float)
    scale = np.sqrt(np.mean((values - values.mean(0)) ** 2))
    rng = np.random.default_rng(3)
    sample = np.sort(rng.choice(30, 20, replace=False))
    given = tslearn.utils.to_time_series_dataset([(data[i] - values.mean(0)) / scale for i in sample])
    direct = tslearn.clustering.TimeSeriesKMeans(2, max_iter=2, random_state=int(rng.integers(2**31)), **settings)
    direct.fit(given)
    np.testing.assert_allclose(fitted.cluster_centers_, direct.cluster_centers_, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(fitted.labels_[sample], direct.predict(given))
    assert fitted.n_sequences_ == 20 and len(fitted.labels_) == 30
    assert fitted.loss_ == pytest.approx(fitted.distances(data).min(axis=1).mean())


def test_a_sample_below_the_number_of_clusters_is_refused():
    with pytest.raises(InvalidInput, match="sample=2: fewer sequences than n_clusters=3"):
        DTWKMeans(3, sample=2).fit(ragged())


@pytest.mark.parametrize("name", ["dtw_kmeans", "soft_dtw_kmeans", "k_shape"])
def test_copies_of_one_sequence_collapse(name):
    job = {"reading": "test", "dataset": "made_up", "method": name, "vectorization": "none"}
    copies = replace(ragged(1).subset(np.zeros(20, int)), n_classes=2)
    (record,), _ = run_job(copies, **job, seeds=[0], settings={}, limit=60)
    assert record["status"] == "collapsed" and record["usage"] == [20]


def test_the_table_says_on_how_many_sequences():
    job = {"reading": "test", "dataset": "made_up", "method": "dtw_kmeans", "vectorization": "none"}
    data = replace(ragged(30), split=np.arange(30) % 10 > 7, n_classes=2)
    records, _ = run_job(data, **job, seeds=[0, 1], settings={"sample": 20, "iterations": 1}, limit=60)
    assert [record["budget"]["sequences"] for record in records] == [20, 20]
    failed = records[0] | {"seed": 2, "status": "timeout", "usage": None}
    failed["budget"] = records[0]["budget"] | {"sequences": 24}
    records, failed = ([made | {"scores": {"test": None}} for made in some] for some in (records, [failed]))
    for runs, said in ((records, "20"), ([*records, *failed], "20"), (failed, "–")):
        assert tables.budgets(statistics.summarise(runs, "test", "train"))["trained on"].tolist() == [said]
    (whole,), _ = run_job(data, **job | {"method": "k_shape"}, seeds=[0], settings={}, limit=60)
    assert whole["budget"]["sequences"] == 24


def test_normalisation_is_over_a_sequence_s_own_elements():
    data = ragged()
    found = normalised(data)
    for i in range(len(data)):
        own = (data[i] - data[i].mean(0)) / data[i].std(0)
        np.testing.assert_allclose(found[i], own / np.linalg.norm(own), rtol=1e-4, atol=1e-5)
    flat = normalised(Sequences.from_list([[[4.0, 1.0]], [[1e6, 5.0], [1e6, 6.0]]]))
    np.testing.assert_allclose(flat.values, [[0, 0], [0, -(0.5**0.5)], [0, 0.5**0.5]], atol=1e-6)


def shape_distance(x, y):
    """1 - max over shifts of the normalised cross-correlation, by a loop."""
    products = []
    for shift in range(1 - len(y), len(x)):
        pairs = [(t + shift, t) for t in range(len(y)) if 0 <= t + shift < len(x)]
        products.append(sum(x[i] @ y[j] for i, j in pairs))
    return 1 - max(products) / (np.linalg.norm(x) * np.linalg.norm(y))


def best_shift(x, y):
    """By how much `x` is shifted to lie best against `y`, both of shape (T, d)."""
    shifts = range(1 - len(y), len(x))
    return max(shifts, key=lambda shift: sum(x[t + shift] @ y[t] for t in range(len(y)) if 0 <= t + shift < len(x)))


def test_an_iteration_of_k_shape_by_hand():
    """Every member is shifted against its own centroid; the next has the leading eigenvectors of Q S Q."""
    data = ragged(12, (4, 9))
    X = k_shape.padded(normalised(data)).astype(float)
    before = X[np.random.default_rng(0).choice(12, 3, replace=False)]
    labels = np.argmin([[shape_distance(x, center) for center in before] for x in X], axis=1)
    assert len(set(labels)) == 3 and min(np.bincount(labels)) > 1
    T, after = X.shape[1], []
    for cluster, center in enumerate(before):
        aligned = []
        for x in X[labels == cluster]:
            place = np.arange(T) + best_shift(x, center)
            inside = (place >= 0) & (place < T)
            aligned.append(np.where(inside[:, None], x[place.clip(0, T - 1)], 0))
        Q, shape = np.eye(T) - 1 / T, []
        for rows in np.stack(aligned, axis=2).transpose(1, 2, 0):
            vector = np.linalg.eigh(Q @ rows.T @ rows @ Q)[1][:, -1]
            shape.append(vector * np.sign((rows @ Q @ vector).sum()))
        after.append(np.stack(shape, axis=1))
    method = KShape(3, iterations=1, random_state=0).fit(data)
    np.testing.assert_allclose(method.cluster_centers_, after, atol=1e-6)
    nearest = [min(shape_distance(x, center) for center in after) for x in X]
    assert method.loss_ == pytest.approx(np.mean(nearest))


def test_the_start_of_k_shape_with_the_lowest_loss_is_kept():
    data, rng = ragged(30, (4, 9)), np.random.default_rng(0)
    X, method = k_shape.padded(normalised(data)), KShape(4, n_init=5, iterations=3, random_state=0)
    losses = [method._start(X, rng)[0] for _ in range(5)]
    assert method.fit(data).loss_ == min(losses) < losses[0] and len(set(losses)) > 2


def wrong_shape_distances():
    """Largest error of `distances` on data with longer sequences than those of the training."""
    method, others = KShape(2, random_state=0).fit(ragged()), ragged(4, (12, 15), seed=1)
    found = [normalised(others)[i].astype(float) for i in range(len(others))]
    expected = [[shape_distance(own, center) for center in method.cluster_centers_] for own in found]
    return np.abs(method.distances(others) - expected).max()


def test_shape_distance_of_unequal_lengths():
    assert wrong_shape_distances() < 1e-6


def test_a_circular_shift_would_be_seen(monkeypatch):
    """The mutant: a Fourier transform without room for the shifts."""
    monkeypatch.setattr(k_shape, "next_fast_len", lambda wanted, real: (wanted + 1) // 2)
    assert wrong_shape_distances() > 1e-3


def test_shifts_lay_copies_on_one_another():
    bump = np.sin(np.linspace(0, 3, 12))[:, None]
    padded = np.zeros((3, 40, 1))
    for i, place in enumerate((3, 9, 20)):
        padded[i, place : place + 12] = bump
    distances, shifts = k_shape.compare(padded / np.linalg.norm(bump), padded[1:2])
    np.testing.assert_allclose(distances, 0, atol=1e-9)
    np.testing.assert_array_equal(shifts[:, 0], [-6, 0, 11])
    for one in k_shape.shifted(padded, shifts[:, 0]):
        np.testing.assert_allclose(one, padded[1], atol=1e-9)


def test_no_other_direction_is_shared_more():
    """The centroid maximises Σ (Q x · c)² over all c of length 1, and its members agree with it."""
    rng = np.random.default_rng(0)
    members = rng.normal(size=(20, 15, 2)) + np.sin(np.arange(15))[:, None]
    shape, centred = k_shape.shape_of(members), members - members.mean(1, keepdims=True)
    others = rng.normal(size=(500, 15, 2)) + rng.integers(0, 20, (500, 1, 1)) * shape
    for c in others / np.linalg.norm(others, axis=1, keepdims=True):
        assert ((centred * c).sum(1) ** 2).sum(0).max() <= ((centred * shape).sum(1) ** 2).sum(0).max() + 1e-9
    assert ((centred * shape).sum((0, 1)) > 0).all()


def test_a_dimension_that_is_constant_in_all_members_is_zero_in_their_shape():
    """Whether a cluster has fewer members than elements, as many or more."""
    for count in (3, 4, 9):
        members = np.random.default_rng(0).normal(size=(count, 4, 2))
        members[:, :, 1] = 7
        shape = k_shape.shape_of(members)
        assert not shape[:, 1].any() and np.linalg.norm(shape[:, 0]) > 0


@pytest.mark.nightly  # its compilation takes half a minute
def test_k_shape_is_tslearn_s_where_that_can_be_compared():
    """Sequences of one length and dimension."""
    rng = np.random.default_rng(0)
    waves = [np.sin(np.arange(30) * (0.3 + 0.3 * (i % 3)) + rng.normal(0, 0.3)) for i in range(45)]
    data = Sequences.from_list([wave[:, None] + rng.normal(0, 0.1, (30, 1)) for wave in waves])
    ours = KShape(3, n_init=5, random_state=0).fit(data)
    scaled = normalised(data).values.reshape(45, 30, 1).astype(float) * np.sqrt(30)
    theirs = load_tslearn().clustering.KShape(3, n_init=5, random_state=0).fit(scaled)
    assert adjusted_rand_score(ours.labels_, theirs.labels_) == 1
    assert ours.loss_ == pytest.approx(theirs.inertia_, rel=0.02)


def autoencoder(**settings):
    settings = {"batch": 6, "epochs": 2, "recurrent_units": 16, "code_units": 3, "random_state": 0} | settings
    return RecurrentAutoencoder(2, **settings)


def reconstruction_error(method, data):
    """Mean squared error, sequence by sequence, with the decoder written out step by step."""
    net = {name: tensor[0].double().numpy() for name, tensor in method.network_.items()}
    w_ih, w_hh, b_ih, b_hh = (net[f"decoder.{name}"] for name in WEIGHTS)
    errors = []
    for i, code in enumerate(method.transform(data).astype(float)):
        h = np.tanh(net["start.weight"] @ code + net["start.bias"])
        for element in ((data[i] - method.mean_) / method.scale_)[::-1]:
            x, old = np.split(w_ih @ code + b_ih, 3), np.split(w_hh @ h + b_hh, 3)
            r, z = (1 / (1 + np.exp(-(x[gate] + old[gate]))) for gate in (0, 1))
            h = (1 - z) * np.tanh(x[2] + r * old[2]) + z * h
            errors.append((net["output.weight"] @ h + net["output.bias"] - element) ** 2)
    return np.mean(errors)


def test_the_autoencoder_s_loss_by_hand():
    data, others = ragged(), ragged(7, (1, 14), seed=1)
    method = autoencoder().fit(data)
    for own in (data, others):
        error = reconstruction_error(method, own)
        assert method.score_loss(own) == pytest.approx(error, rel=1e-4)
        trained_on = method._loss_terms(method.network_, method._tensors(own), torch.arange(len(own))[None])
        assert trained_on["reconstruction"].item() == pytest.approx(error, rel=1e-4)
    values = data.values.astype(float)
    np.testing.assert_allclose(method.mean_, values.mean(axis=0))
    assert method.scale_ == pytest.approx(np.sqrt(values.var(axis=0).mean()))


def test_memory_at_the_start_is_that_of_every_gru_of_the_autoencoder():
    settings = {"learning_rate": 0.0, "epochs": 1}
    short, long = (autoencoder(update_bias=bias, **settings).fit(ragged()).network_ for bias in (0.0, 1.5))
    for gru in GRUS:
        kept = long[f"{gru}.bias_ih"] - short[f"{gru}.bias_ih"]
        np.testing.assert_allclose(kept[0], np.repeat([0, 1.5, 0], 16), atol=1e-6)


def test_the_autoencoder_s_gradient_is_clipped_and_its_k_means_has_the_run_s_own_seed():
    """A norm far below Adam's epsilon leaves the network where it was."""
    start = autoencoder(learning_rate=0.0).fit(ragged()).network_
    for norm, moves in ((1e-12, False), (5.0, True)):
        ends = autoencoder(clip_norm=norm).fit(ragged()).network_
        assert any(not torch.allclose(ends[name], start[name], atol=1e-4) for name in start) is moves
    seeds = [autoencoder(random_state=seed, epochs=1).fit(ragged()).kmeans_.random_state for seed in range(3)]
    assert len(set(seeds)) == 3


def test_elements_written_in_their_order_would_be_seen():
    """The mutant: data that run backwards give another error."""
    data = ragged()
    method = autoencoder().fit(data)
    backwards = Sequences.from_list([data[i][::-1] for i in range(len(data))])
    method.transform = lambda _: RecurrentAutoencoder.transform(method, data)
    assert reconstruction_error(method, backwards) != pytest.approx(method.score_loss(data), rel=1e-3)


def test_the_encoder_is_torch_s_gru():
    data, method = ragged(), autoencoder().fit(ragged())
    gru = torch.nn.GRU(2, 16, bidirectional=True)
    for direction, suffix in (("forward", ""), ("backward", "_reverse")):
        for name in WEIGHTS:
            getattr(gru, f"{name}_l0{suffix}").data = method.network_[f"{direction}.{name}"][0]
    code = torch.nn.functional.linear
    for i, found in enumerate(method.transform(data)):
        own = torch.from_numpy(((data[i] - method.mean_) / method.scale_).astype(np.float32))
        states = gru(own[:, None])[1].flatten()
        expected = code(states, method.network_["code.weight"][0], method.network_["code.bias"][0])
        np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_the_autoencoder_finds_what_differs():
    """Ramps that rise or fall, of any length, after a short training."""
    rng = np.random.default_rng(0)
    ramps = [(-1) ** i * np.linspace(-2, 2, rng.integers(5, 15))[:, None] for i in range(60)]
    data = Sequences.from_list(ramps)
    fitted = autoencoder(batch=20, epochs=20, learning_rate=1e-2).fit(data)
    assert adjusted_rand_score(np.arange(60) % 2, fitted.labels_) == 1
    assert fitted.loss_curve_["loss"][-1] < 0.5 * fitted.loss_curve_["loss"][0]
