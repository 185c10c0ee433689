"""Files of fitted methods: what isn't one, or was written by something else, is refused in one line."""

import json

import numpy as np
import pytest

from datasets.storage import write_arrays
from methods.base import InvalidInput
from methods.contract import data_for, small
from methods.kmeans import KMeans


def test_what_is_not_fitted_is_not_saved(tmp_path):
    with pytest.raises(ValueError, match="not fitted"):
        small(KMeans).save(tmp_path / "saved.npz")
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
    small(KMeans).fit(data_for(KMeans)).save(path)
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
