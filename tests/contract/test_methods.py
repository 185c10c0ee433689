"""The contract of a clusterer, once for every method in ``methods/``."""

import inspect
import json
from collections import Counter
from itertools import chain, pairwise

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score

from datasets.sequences import Sequences
from datasets.storage import write_arrays
from methods.base import Clusterer, InvalidInput
from methods.gru import gru_final_states
from methods.kmeans import KMeans
from methods.rddc import truncate
from methods.vectorize import vectorize
from workflow.catalogue import available, class_constant, source
from workflow.check import data_for, small
from workflow.check import tiny_data as sequences

METHODS = [name for name in available("methods") if not class_constant(source("methods", name), "supervised")]


@pytest.fixture(params=METHODS)
def method(request):
    return small(request.param)


def test_a_clusterer_of_its_own_name(method):
    assert isinstance(method, Clusterer)
    assert method.accepts in ("vectors", "sequences")
    assert type(method).__doc__ and inspect.getmodule(type(method)).__doc__
    parameters = method.get_params()
    assert clone(method).get_params() == parameters
    assert {"n_clusters", "random_state"} <= parameters.keys()


def test_fit_predict(method):
    X = data_for(method, sequences())
    labels = method.fit_predict(X)
    assert labels.dtype == np.int64 and labels.shape == (len(X),)
    assert labels.min() >= 0 and labels.max() < 3
    np.testing.assert_array_equal(method.labels_, labels)
    np.testing.assert_array_equal(method.predict(X), labels)
    assert (method.loss_ is None) == (method.score_loss(X) is None)
    if method.loss_ is not None:
        assert np.isfinite([method.loss_, method.score_loss(X)]).all()
    assert all(np.isfinite(values).all() for values in method.loss_curve_.values())


def test_finds_clusters_that_lie_apart():
    """Not for every method with its budget for tests: k-means shows that the data can be clustered."""
    data = sequences(lengths=(8, 12))
    assert adjusted_rand_score(data.labels, small("kmeans").fit_predict(vectorize(data, "avg"))) > 0.9


def test_same_seed_same_bytes_and_no_global_state(method):
    X = data_for(method, sequences())
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()
    first, second = clone(method).fit(X), clone(method).fit(X)
    np.testing.assert_array_equal(first.labels_, second.labels_)
    assert first.loss_ == second.loss_ and first.loss_curve_ == second.loss_curve_
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_labels_of_the_data_are_not_used(method):
    data = sequences()
    shuffled = Sequences(data.values, data.offsets, data.labels[::-1].copy(), data.split)
    first = clone(method).fit(data_for(method, data))
    second = clone(method).fit(data_for(method, shuffled), np.zeros(len(data)))
    np.testing.assert_array_equal(first.labels_, second.labels_)


def test_a_seed_does_not_depend_on_its_block(method):
    X = data_for(method, sequences())
    alone = [method.fit_seeds(X, [seed])[0] for seed in (5, 6)]
    together = method.fit_seeds(X, [6, 7, 5])
    for one, block in ((alone[0], together[2]), (alone[1], together[0])):
        np.testing.assert_array_equal(one.labels_, block.labels_)
        np.testing.assert_allclose(one.loss_ or 0, block.loss_ or 0, rtol=1e-5)


def test_prediction_does_not_depend_on_the_company(method):
    data = sequences()
    method.fit(data_for(method, data))
    order = np.random.default_rng(1).permutation(len(data))
    everything = method.predict(data_for(method, data))
    np.testing.assert_array_equal(method.predict(data_for(method, data.subset(order))), everything[order])
    np.testing.assert_array_equal(method.predict(data_for(method, data.subset([4]))), everything[[4]])


@pytest.mark.parametrize("lengths", [(1, 1), (7, 7), (1, 40)])
def test_lengths(method, lengths):
    X = data_for(method, sequences(lengths=lengths))
    assert method.fit_predict(X).shape == (60,)


def test_one_cluster(method):
    X = data_for(method, sequences())
    method.set_params(n_clusters=1)
    try:
        labels = method.fit_predict(X)
    except InvalidInput as error:
        assert "n_clusters=1" in str(error)
    else:
        assert (labels == 0).all()


@pytest.mark.parametrize("n_clusters", [0, 61])
def test_more_clusters_than_sequences_or_none(method, n_clusters):
    method.set_params(n_clusters=n_clusters)
    with pytest.raises(InvalidInput, match=f"n_clusters={n_clusters}: expected 1 to the number of sequences, 60"):
        method.fit(data_for(method, sequences()))
    assert not hasattr(method, "labels_")


def test_fewer_sequences_than_a_batch(method):
    settings = method.get_params()
    if "batch" not in settings and "batch" not in settings.get("rddc", {}):
        assert method.fit_predict(data_for(method, sequences(n=5))).shape == (5,)
        return
    with pytest.raises(InvalidInput, match="batch=20: more than the 5 sequences"):
        method.fit(data_for(method, sequences(n=5)))


def test_an_unknown_word_is_refused(method):
    for name in getattr(method, "choices", {}):
        with pytest.raises(InvalidInput, match=f"{name}='other': expected one of "):
            clone(method).set_params(**{name: "other"}).fit(data_for(method, sequences()))


def test_nan(method):
    data = sequences()
    if method.accepts == "sequences":
        with pytest.raises(ValueError, match="sequence 1, element 0: NaN"):
            method.fit([data[0], np.full((2, 2), np.nan)])
    else:
        X = vectorize(data, "avg")
        X[3, 1] = np.nan
        with pytest.raises(InvalidInput, match="NaN"):
            method.fit(X)


def test_other_dimension(method):
    data = sequences()
    method.fit(data_for(method, data))
    wider = Sequences(np.repeat(data.values, 2, axis=1), data.offsets)
    with pytest.raises(InvalidInput, match="4"):
        method.predict(data_for(method, wider))


def test_a_list_of_arrays_will_do():
    for name in METHODS:
        method = small(name)
        if method.accepts == "sequences":
            data = sequences()
            from_list = clone(method).fit_predict([data[i] for i in range(len(data))])
            np.testing.assert_array_equal(from_list, method.fit_predict(data))


def test_what_is_saved_and_loaded_is_the_same(method, tmp_path):
    X = data_for(method, sequences())
    method.fit(X).save(tmp_path / "saved.npz")
    for loaded in (type(method).load(tmp_path / "saved.npz"), Clusterer.load(tmp_path / "saved.npz")):
        assert type(loaded) is type(method) and loaded.get_params() == method.get_params()
        others = data_for(method, sequences(seed=1))
        assert loaded.predict(others).tobytes() == method.predict(others).tobytes()
        assert loaded.score_loss(others) == method.score_loss(others)
        assert loaded.labels_.tobytes() == method.labels_.tobytes() and loaded.loss_curve_ == method.loss_curve_
        loaded.save(tmp_path / "again.npz")
        assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "saved.npz").read_bytes()


def test_what_is_not_fitted_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        small("kmeans").save(tmp_path / "saved.npz")
    assert not list(tmp_path.iterdir())


def content(method="kmeans", settings=None, fitted=None, **more):
    """The JSON part of a saved k-means, changed."""
    arrays = {name: {"array": name} for name in ("labels_", "cluster_centers_")}
    fitted = arrays | {"n_features_in_": 2} if fitted is None else fitted
    return {"format": 1, "method": method, "settings": {"dict": settings or {}}, "fitted": fitted} | more


def write_saved(path, saved):
    text = saved if isinstance(saved, str) else json.dumps(saved)
    write_arrays(path, content=np.array(text), labels_=np.zeros(2, int), cluster_centers_=np.eye(2, dtype=np.float32))


def test_a_file_made_by_hand_can_be_loaded(tmp_path):
    """So that what the next test changes is all that is wrong."""
    write_saved(tmp_path / "saved.npz", content())
    assert KMeans.load(tmp_path / "saved.npz").predict(np.eye(2)).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        ("{", "Expecting"),
        ("[]", "list indices"),
        (content(format=2), "format 2, expected 1"),
        (content(method="os"), "there is no method 'os'"),
        (content(method="../methods/kmeans"), "there is no method"),
        (content(method="deep"), "there is no method 'deep'"),
        (content(method="ward"), "holds Ward, expected KMeans"),
        (content(settings={"restarts": 3}), "unexpected keyword argument 'restarts'"),
        (content(fitted={"predict": 1}), "no fitted attribute 'predict'"),
        (content(fitted={"_check": 1}), "no fitted attribute '_check'"),
        (content(fitted={"__class__": 1}), "no fitted attribute '__class__'"),
        (content(fitted={}), "KMeans lacks labels_"),
        (content(fitted={"labels_": {"array": "other"}}), "no 'other'"),
        (content(fitted={"labels_": {"object": "x"}}), "unknown kind 'object'"),
    ],
)
def test_a_foreign_or_incompatible_file_is_refused_in_one_line(tmp_path, saved, message):
    write_saved(tmp_path / "saved.npz", saved)
    with pytest.raises(InvalidInput, match=message) as caught:
        KMeans.load(tmp_path / "saved.npz")
    assert str(caught.value).startswith(f"{tmp_path / 'saved.npz'}: ") and "\n" not in str(caught.value)


def test_a_damaged_file_is_refused_in_one_line(tmp_path):
    path = tmp_path / "saved.npz"
    small("kmeans").fit(data_for(small("kmeans"), sequences())).save(path)
    whole = path.read_bytes()
    write_arrays(tmp_path / "other.npz", values=np.zeros(3))
    np.savez(tmp_path / "pickle.npz", content=np.array([{}], dtype=object))
    for damaged in (
        whole[:-50],
        whole[:200] + b"\0" * 40 + whole[240:],
        b"",
        b"no archive",
        (tmp_path / "other.npz").read_bytes(),
        (tmp_path / "pickle.npz").read_bytes(),
    ):
        path.write_bytes(damaged)
        with pytest.raises(InvalidInput, match="saved.npz: not a saved method that can be used here: ") as caught:
            KMeans.load(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(FileNotFoundError):
        KMeans.load(tmp_path / "nothing.npz")


@pytest.mark.parametrize("input_scale", ["overall", "dimension"])
def test_rddc_scales_its_input_by_the_training_data(input_scale):
    data = sequences()
    shifted = Sequences(data.values * [1, 50] + [3, -7], data.offsets)
    values = shifted.values - shifted.values.mean(0)
    by_hand = Sequences(values / (values.std(0) if input_scale == "dimension" else values.std()), data.offsets)
    found = small("rddc").set_params(input_scale=input_scale).fit(shifted)
    expected = small("rddc").set_params(input_scale="none").fit(by_hand)
    np.testing.assert_allclose(found.loss_curve_["loss"], expected.loss_curve_["loss"], rtol=1e-3)
    np.testing.assert_array_equal(found.predict(shifted), expected.predict(by_hand))


def watched_batches(batches, monkeypatch):
    """The lengths that RDDC's recurrent layers got in every training batch, and the fitted estimator."""
    seen = []

    def watch(values, offsets, index, *given, **more):
        if torch.is_grad_enabled():
            seen.append((offsets[index + 1] - offsets[index])[0].tolist())
        return gru_final_states(values, offsets, index, *given, **more)

    monkeypatch.setattr("methods.rddc.gru_final_states", watch)
    data = Sequences.from_list([np.full((n, 2), i / 50) for i, n in enumerate([*range(1, 31), *range(1, 31)])])
    return seen, small("rddc").set_params(batches=batches, batch=14, epochs=3, update_bias=0.5).fit(data)


def test_batches_by_length(monkeypatch):
    """Neighbours in length train together, all but the remainder once an epoch, and in another order each time."""
    seen, fitted = watched_batches("by_length", monkeypatch)
    epochs = [seen[start : start + 4] for start in range(0, 12, 4)]
    for batches in epochs:
        batches = sorted(sorted(batch) for batch in batches)
        assert all(a[-1] <= b[0] for a, b in pairwise(batches))
        assert max(Counter(chain.from_iterable(batches)).values()) == 2
    assert epochs[0] != epochs[1] and fitted.n_updates_ == 12


def test_truncated_batches(monkeypatch):
    """Each is as long as its shortest sequence; what is predicted is never cut."""
    seen, fitted = watched_batches("truncated", monkeypatch)
    assert len(seen) == 12 and all(len(set(batch)) == 1 for batch in seen)
    assert len({batch[0] for batch in seen}) > 1
    whole = Sequences.from_list([np.full((n, 2), 0.5) for n in (3, 9)])
    assert not np.array_equal(*fitted.predict_proba(whole))


def test_truncated_sequences_are_the_beginnings():
    data = sequences()
    index = torch.tensor([[4, 0, 9], [2, 30, 1]])
    values, offsets, places = truncate(torch.from_numpy(data.values), torch.from_numpy(data.offsets), index)
    for row, chosen in zip(places, index, strict=True):
        shortest = data.lengths[chosen].min()
        for place, sequence in zip(row, chosen, strict=True):
            np.testing.assert_array_equal(values[offsets[place] : offsets[place + 1]], data[int(sequence)][:shortest])
