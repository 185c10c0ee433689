"""The suite's rows against aeon's and torch's own, loops and exhaustive search."""

import itertools
import warnings

import numpy as np
import pytest
import torch
from sklearn.metrics import silhouette_score
from test_field import ragged, warping_cost

from datasets.sequences import Sequences
from methods import silhouette_k
from methods.base import Diverged, InvalidInput
from methods.catch22_kmeans import Catch22KMeans
from methods.convolutional_autoencoder import ConvolutionalAutoencoder, gather
from methods.ddc import DDC
from methods.deep import memory_by_length
from methods.dtw_kmeans import DTWKMeans
from methods.dtw_medoids import DTWMedoids, medoids
from methods.elastic import aeon_without_hints, load_tslearn, squared_dtw
from methods.kasba import KASBA
from methods.kmeans import KMeans
from methods.minirocket_kmeans import MiniRocketKMeans, load_minirocket
from methods.rddc import RDDC
from methods.rddc_plus import RDDCPlus
from methods.recurrent_autoencoder import RecurrentAutoencoder
from methods.silhouette_k import SilhouetteK
from methods.vectorize import moments, shortened
from runs.sources import ROOT, imported_sources


def test_medoids_are_sequences_and_nearest_by_dtw():
    data = ragged(14)
    method = DTWMedoids(2, random_state=0).fit(data)
    scaled = [(data[i] - method.mean_) / method.scale_ for i in range(len(data))]
    chosen = [center[~np.isnan(center[:, 0])] for center in method.cluster_centers_]
    for center in chosen:
        assert any(len(x) == len(center) and np.allclose(x, center) for x in scaled)
    costs = [[np.sqrt(warping_cost(x, center, min)) for center in chosen] for x in scaled]
    np.testing.assert_array_equal(method.labels_, np.argmin(costs, axis=1))
    assert method.loss_ == pytest.approx(np.min(costs, axis=1).mean())
    assert method.n_parameters_ == sum(center.size for center in chosen) < method.cluster_centers_.size


def test_some_start_finds_the_best_medoids():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(15, 2)) + 4 * rng.integers(0, 3, (15, 1))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    best = min(distances[:, pair].min(axis=1).sum() for pair in map(list, itertools.combinations(range(15), 3)))
    assert min(medoids(distances, 3, 50, rng)[0] for _ in range(30)) == pytest.approx(best)
    assert medoids(np.zeros((4, 4)), 3, 50, rng)[0] == 0


def test_starts_of_medoids_are_drawn_by_squared_distances():
    """Of the points 0, 1 and 3 the first is any; from 0 the next is 3 in nine draws of ten."""
    distances, rng = np.abs(np.subtract.outer([0, 1, 3], [0, 1, 3])).astype(float), np.random.default_rng(0)
    drawn = [medoids(distances, 2, 0, rng)[1] for _ in range(1500)]
    second = [pair[1] for pair in drawn if pair[0] == 0]
    assert len(second) == pytest.approx(500, abs=80) and second.count(2) / len(second) == pytest.approx(0.9, abs=0.05)


def test_the_start_with_the_lowest_sum_of_dtw_distances_is_kept():
    """The best of all choices of three; neither the first start nor squared distances give it."""
    data = ragged(14, seed=11)
    method = DTWMedoids(3, n_init=30, random_state=0).fit(data)
    scaled = [(data[i] - method.mean_) / method.scale_ for i in range(len(data))]
    squares = np.array([[warping_cost(x, y, min) for y in scaled] for x in scaled])
    choices = list(map(list, itertools.combinations(range(14), 3)))
    means = [np.sqrt(squares)[:, chosen].min(axis=1).mean() for chosen in choices]
    assert method.loss_ == pytest.approx(min(means), rel=1e-6)
    assert means[int(np.argmin([squares[:, chosen].min(axis=1).sum() for chosen in choices]))] > min(means) + 1e-6
    assert method.set_params(n_init=1).fit(data).loss_ > min(means) + 1e-6


def test_kasba_is_aeon_s_own_of_the_resampled_sample():
    data = ragged(20, (5, 12))
    method = KASBA(2, iterations=5, sample=15, random_state=3).fit(data)
    rng = np.random.default_rng(3)
    sample, state = np.sort(rng.choice(20, 15, replace=False)), int(rng.integers(2**31))
    values = data.values.astype(float)
    scale = np.sqrt(np.mean((values - values.mean(axis=0)) ** 2))
    points, scaled = np.linspace(0, 1, 32), [(data[i] - values.mean(axis=0)) / scale for i in range(20)]
    given = np.stack([[np.interp(points * (len(x) - 1), np.arange(len(x)), column) for column in x.T] for x in scaled])
    with aeon_without_hints() as aeon:
        direct = aeon.clustering.KASBA(2, max_iter=5, random_state=state).fit(given[sample])
        np.testing.assert_allclose(method.cluster_centers_, direct.cluster_centers_, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(method.labels_, direct.predict(given))
        costs = [[aeon.distances.msm_distance(x, center) ** 2 for center in method.cluster_centers_] for x in given]
    assert method.loss_ == pytest.approx(np.min(costs, axis=1).mean(), rel=1e-6)


def test_kasba_predicts_at_the_number_of_points_that_it_was_fitted_at():
    data = ragged(20, (5, 12))
    longer = Sequences(data.values, data.offsets, resample_length=9)
    method = KASBA(2, iterations=5, random_state=3).fit(longer)
    assert method.cluster_centers_.shape[2] == method.points_ == 9
    listed = [data[i] for i in range(20)]  # which say nothing of it
    np.testing.assert_array_equal(method.predict(listed), method.labels_)


def test_constant_sequences_of_any_lengths_are_one_cluster_of_kasba():
    data = Sequences.from_list([np.full((length, 1), np.float32(0.1)) for length in range(3, 23)])
    method = KASBA(3, random_state=0).fit(data)
    assert set(method.labels_) == set(method.predict(data)) == {0} and method.loss_ == 0


def test_a_cluster_that_kasba_can_not_fill_is_the_failure_of_that_run(monkeypatch):
    with aeon_without_hints() as aeon:
        lost = aeon.clustering._k_means.EmptyClusterError

        def fit(self, array):
            raise lost

        monkeypatch.setattr(aeon.clustering.KASBA, "fit", fit)
    outcomes = KASBA(2).fit_seeds(ragged(20, (5, 12)), [0, 1])
    assert [type(outcome) for outcome in outcomes] == [Diverged, Diverged]


def test_catch22_features_are_aeon_s_of_each_sequence_alone():
    data = ragged(8, (12, 40))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from aeon.transformations.collection.feature_based import Catch22

        alone = [Catch22(replace_nans=True).fit_transform([data[i].T.astype(float)])[0] for i in range(8)]
    np.testing.assert_allclose(Catch22KMeans()._features(data), alone)


def test_catch22_of_a_short_sequence_is_that_of_its_last_element_repeated():
    short = ragged(4, (2, 6))
    arrays = [short[i] for i in range(4)]
    long = Sequences.from_list([np.vstack([own, np.repeat(own[-1:], 10 - len(own), axis=0)]) for own in arrays])
    np.testing.assert_array_equal(Catch22KMeans()._features(short), Catch22KMeans()._features(long))


def test_a_restored_minirocket_gives_aeon_s_features_and_components_that_explain_a_hundredth():
    data = ragged(12, (10, 30))
    method = MiniRocketKMeans(2, n_kernels=84, random_state=1).fit(data)
    rng = np.random.default_rng(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = moments(data, 32).reshape(12, 32, 2).transpose(0, 2, 1).astype(np.float32)
        direct = load_minirocket()(84, random_state=int(rng.integers(2**31))).fit_transform(given)
    np.testing.assert_array_equal(method._features(data), direct)
    varying = direct[:, np.ptp(direct, axis=0) > 0].astype(float)
    turned, shares, _ = np.linalg.svd((varying - varying.mean(axis=0)) / varying.std(axis=0), full_matrices=False)
    kept = shares**2 / (shares**2).sum() >= 0.01
    expected = (turned * shares)[:, kept]
    signs = np.sign((method._vectors(direct) * expected).sum(axis=0))
    np.testing.assert_allclose(method._vectors(direct) * signs, expected, rtol=1e-4, atol=1e-6)


def torch_convolutions(network, x, layers, width):
    """The code of one sequence (T, d) by torch's own layers."""
    line = torch.from_numpy(x).float().T[None]
    for layer in range(layers):
        weight = network[f"conv.{layer}.weight"][0]
        convolution = torch.nn.Conv1d(*weight.shape[1::-1], width, padding="same")
        convolution.weight.data, convolution.bias.data = weight, network[f"conv.{layer}.bias"][0]
        line = torch.relu(convolution(line))
    pooled = torch.cat([line[0].mean(dim=1), line[0].max(dim=1).values])
    return network["code.weight"][0] @ pooled + network["code.bias"][0]


def test_convolutional_codes_are_those_of_each_sequence_alone():
    data = ragged(9, (1, 12))
    method = ConvolutionalAutoencoder(2, channels=6, batch=3, epochs=2, random_state=0).fit(data)
    expected = [
        torch_convolutions(method.network_, (data[i] - method.mean_) / method.scale_, 2, 5).detach().numpy()
        for i in range(9)
    ]
    np.testing.assert_allclose(method.transform(data), expected, rtol=1e-4, atol=1e-5)


def test_the_convolutional_autoencoder_s_loss_by_hand():
    """Its decoder written out, element by element, in float64."""
    data, others = ragged(9, (2, 12)), ragged(4, (1, 14), seed=1)
    method = ConvolutionalAutoencoder(2, channels=6, waves=3, batch=3, epochs=2, random_state=0).fit(data)
    net = {name: tensor[0].double().numpy() for name, tensor in method.network_.items()}
    for own in (data, others):
        errors = []
        for i, code in enumerate(method.transform(own).astype(float)):
            for t, element in enumerate((own[i] - method.mean_) / method.scale_):
                moment = t / max(len(own[i]) - 1, 1)
                waves = [wave(np.pi * moment * period) for wave in (np.cos, np.sin) for period in (1, 2, 4)]
                h = np.maximum(net["hidden.weight"] @ [*code, *waves] + net["hidden.bias"], 0)
                errors.append((net["output.weight"] @ h + net["output.bias"] - element) ** 2)
        assert method.score_loss(own) == pytest.approx(np.mean(errors), rel=1e-4)


def test_the_start_of_the_convolutional_autoencoder():
    """He's bound where a ReLU follows: the square root of 6 over the values that a unit reads."""
    method = ConvolutionalAutoencoder(2, waves=4, code_units=7)
    method.n_features_in_ = 3
    network = method._init_network([np.random.default_rng(0)])
    for name, read in (("conv.0", 3 * 5), ("conv.1", 32 * 5), ("hidden", 7 + 2 * 4)):
        bound = np.sqrt(6 / read)
        assert 0.97 * bound < network[f"{name}.weight"].abs().max() <= bound and not network[f"{name}.bias"].any()


def test_a_convolution_has_as_many_neighbours_on_either_side():
    with pytest.raises(InvalidInput, match="^width=4: expected an odd number"):
        ConvolutionalAutoencoder(2, width=4, batch=3, epochs=2, random_state=0).fit(ragged(9, (1, 12)))


def test_the_moments_of_a_batch_are_those_of_its_sequences():
    data = Sequences.from_list([np.arange(3.0), np.arange(1.0), np.arange(5.0)])
    tensors = torch.from_numpy(data.values), torch.from_numpy(data.offsets)
    values, owner, moments_, lengths = gather(*tensors, torch.tensor([2, 0, 1]))
    assert values[:, 0].tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 0] and owner.tolist() == [0] * 5 + [1] * 3 + [2]
    assert moments_.tolist() == [0, 0.25, 0.5, 0.75, 1, 0, 0.5, 1, 0] and lengths.tolist() == [5, 3, 1]


@pytest.mark.parametrize(
    ("n", "batch", "epochs"),
    [(2, 2, 300), (24, 24, 300), (199, 25, 43), (200, 50, 75), (999, 50, 16), (1000, 100, 30), (10992, 100, 3)],
)
def test_batches_and_epochs_by_size(n, batch, epochs):
    assert RDDC(batch="by_size", epochs="by_size").budget(n) == (batch, epochs)
    assert RDDC(batch=7, epochs="by_size", updates=10).budget(n) == (7, -(-10 // max(n // 7, 1)))
    assert RDDC(batch="by_size", epochs=9).budget(n) == (batch, 9)


def test_every_number_of_sequences_has_a_batch_of_its_own_and_updates_enough():
    for n in range(2, 1500):
        batch, epochs = RDDC(batch="by_size", epochs="by_size").budget(n)
        assert 2 <= batch <= n and 300 <= epochs * (n // batch) < 300 + n // batch


@pytest.mark.parametrize(("length", "memory"), [(1, 2), (12, 2), (18, 3), (120, 20)])
@pytest.mark.parametrize("cls", [RDDC, RecurrentAutoencoder])
def test_memory_by_length_is_a_sixth_of_the_median(cls, length, memory):
    data = Sequences.from_list([np.zeros(many) + many for many in (1, length, 500)])
    method = cls(2, recurrent_units=2, batch=3, epochs=1, update_bias="by_length", random_state=0).fit(data)
    assert 1 + np.exp(method.update_bias_) == pytest.approx(memory)
    name = "forward.bias_ih" if cls is RecurrentAutoencoder else "gru.0.forward.bias_ih"
    told = cls(**method.get_params() | {"update_bias": method.update_bias_}).fit(data)
    assert torch.equal(method.network_[name], told.network_[name])
    other = cls(**method.get_params() | {"update_bias": method.update_bias_ + 1}).fit(data)
    assert not torch.equal(method.network_[name], other.network_[name])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch": 0}, "batch=0: expected 2 or more"),
        ({"batch": 1, "epochs": "by_size"}, "batch=1: expected 2 or more"),
        ({"batch": 20, "epochs": 0}, "batch=20, epochs=0: expected"),
        ({"batch": 20, "epochs": "by_size", "updates": 0}, "batch=20, epochs=0: expected"),
        ({"batch": "by_length"}, "batch='by_length': expected int or {\"by_size\"}"),
    ],
)
def test_what_trains_nothing_is_refused(settings, message):
    with pytest.raises(InvalidInput, match=message):
        DDC(2, **settings).fit(np.random.default_rng(0).normal(size=(60, 3)))


def test_a_search_takes_the_words_of_its_method():
    data = ragged(14)
    own = {"batch": "by_size", "epochs": "by_size", "updates": 2, "update_bias": "by_length", "recurrent_units": 2}
    method = RDDCPlus(2, restarts=1, offspring=1, consensus_epochs=1, rddc=own, random_state=0).fit(data)
    assert (method.chosen_.batch_, method.chosen_.epochs_) == (14, 2)
    assert method.chosen_.update_bias_ == memory_by_length(data.lengths)
    with pytest.raises(InvalidInput, match="update_bias='long': expected float or {\"by_length\"}"):
        RDDCPlus(2, restarts=1, rddc=own | {"update_bias": "long"}).fit(data)


def test_numbers_come_to_what_they_say():
    X = np.random.default_rng(0).normal(size=(60, 3))
    method = DDC(2, batch="by_size", epochs="by_size", updates=5, random_state=0).fit(X)
    assert (method.batch_, method.epochs_, method.n_updates_) == (25, 3, 6)
    told = DDC(2, batch=25, epochs=3, random_state=0).fit(X)
    assert told.loss_curve_ == method.loss_curve_ and told.score_loss(X) == method.score_loss(X)


@pytest.mark.parametrize("method", ["kmeans", "ward"])
def test_silhouettes_choose_the_number_of_clusters(method):
    rng = np.random.default_rng(0)
    X = (
        rng.normal(size=(90, 2)) + 12 * np.eye(3)[np.arange(90) % 3][:, :2] + 12 * (np.arange(90) % 3 == 2)[:, None]
    ).astype("f4")
    found = SilhouetteK(3, times=2, method=method, random_state=0).fit(X)
    np.testing.assert_array_equal(found.labels_, SilhouetteK(6, method=method, random_state=0).fit(X).labels_)
    assert len(np.unique(found.labels_)) == 3
    others = [silhouette_score(X, KMeans(k, random_state=0).fit(X).labels_) for k in range(2, 7)]
    assert int(np.argmax(others)) + 2 == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"judged": 2}, "judged=2: expected 3 or more"),
        ({"times": 0}, "times=0: expected 1 or more"),
        ({"settings": {"n_starts": 3}}, "settings: .* unexpected keyword argument 'n_starts'"),
        ({"settings": {"n_clusters": 3}}, "settings: .* multiple values for argument 'n_clusters'"),
    ],
)
def test_what_silhouettes_can_not_choose_by_is_refused(settings, message):
    with pytest.raises(InvalidInput, match=message):
        SilhouetteK(3, random_state=0, **settings).fit(np.random.default_rng(0).normal(size=(60, 3)))


def test_shortened_sequences_keep_their_means_and_the_ratio_of_their_lengths():
    arrays = [np.arange(24.0).reshape(12, 2), np.arange(12.0).reshape(6, 2), np.full((1, 2), 5.0)]
    X = Sequences.from_list(arrays, split=[0, 1, 2], n_classes=2)
    found = shortened(X, 3.0)
    assert found.lengths.tolist() == [4, 2, 1] and found.split.tolist() == [0, 1, 2] and found.n_classes == 2
    by_hand = [a.reshape(-1, min(3, len(a)), 2).mean(axis=1) for a in arrays]
    np.testing.assert_array_equal(found.values, np.concatenate(by_hand).astype(np.float32))
    assert shortened(X, 2.5).lengths.tolist() == [5, 3, 1]  # the first ends with a block of its own
    assert shortened(X, 1.0) is X


def test_the_longest_sequence_of_the_training_data_says_how_much_all_are_shortened():
    rng = np.random.default_rng(0)
    X = Sequences.from_list([rng.normal(i % 2, 0.1, (n, 1)) for i, n in enumerate([40, 36, 20, 16, 12, 8])])
    fitted = DTWKMeans(n_clusters=2, sample=6, iterations=3, longest=10, random_state=0).fit(X)
    assert fitted.step_ == 4 and fitted.cluster_centers_.shape == (2, 10, 1)
    assert (fitted.labels_ == np.arange(6) % 2).all() or (fitted.labels_ == 1 - np.arange(6) % 2).all()
    assert DTWKMeans(n_clusters=2, sample=6, iterations=3, longest=99, random_state=0).fit(X).step_ == 1
    samples = [DTWMedoids(2, sample=2, n_init=1, longest=10, random_state=seed).fit(X) for seed in range(6)]
    assert {fitted.step_ for fitted in samples} == {4}  # whether it is in the sample or not


def test_a_recurrent_autoencoder_reads_shortened_sequences_wherever_it_reads_any():
    rng = np.random.default_rng(0)
    X = Sequences.from_list([rng.normal(i % 2, 0.1, (n, 1)) for i, n in enumerate([40, 36, 20, 16, 12, 8])])
    settings = {"n_clusters": 2, "recurrent_units": 4, "batch": 3, "epochs": 2, "random_state": 0}
    long = RecurrentAutoencoder(**settings, longest=10).fit(X)
    short = RecurrentAutoencoder(**settings).fit(shortened(X, 4.0))
    np.testing.assert_array_equal(long.transform(X), short.transform(shortened(X, 4.0)))
    assert long.step_ == 4 and long.score_loss(X) == short.score_loss(shortened(X, 4.0))


def test_the_squared_distances_of_aeon_are_those_of_tslearn():
    data = ragged(12)
    method = DTWKMeans(3, sample=12, iterations=2, random_state=0).fit(data)
    array, metrics = method._array(data), load_tslearn().metrics
    np.testing.assert_allclose(squared_dtw(array, array), metrics.cdist_dtw(array) ** 2, atol=1e-9)
    theirs = metrics.cdist_dtw(array, method.cluster_centers_) ** 2
    np.testing.assert_allclose(method.distances(data), theirs, rtol=1e-9)


def test_what_the_silhouette_s_row_runs_is_among_its_sources():
    """So that a change of a method reruns the rows that have it inside."""
    names = {path.name for path in imported_sources(ROOT / "methods/silhouette_k.py")}
    assert {f"{name}.py" for name in SilhouetteK.choices["method"]} <= names
    assert set(SilhouetteK.choices["method"]) == set(silhouette_k.METHODS)
