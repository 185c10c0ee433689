"""DEC's equations against loops, and its phases against what they are for."""

import numpy as np
import torch

from methods.dec import DEC, soft_assignment, target_distribution


def test_soft_assignment_and_target():
    rng = np.random.default_rng(0)
    codes, centroids = rng.normal(size=(9, 4)), rng.normal(size=(3, 4))
    q = np.array([[1 / (1 + np.sum((z - c) ** 2)) for c in centroids] for z in codes])
    q /= q.sum(axis=1, keepdims=True)
    p = np.array([[q[i, j] ** 2 / q[:, j].sum() for j in range(3)] for i in range(9)])
    p /= p.sum(axis=1, keepdims=True)
    got = soft_assignment(torch.from_numpy(codes), torch.from_numpy(centroids))
    np.testing.assert_allclose(got, q, rtol=1e-12)
    np.testing.assert_allclose(target_distribution(got), p, rtol=1e-12)


def test_pretraining_reconstructs_and_clustering_sharpens():
    rng = np.random.default_rng(1)
    labels = np.arange(240) % 3
    X = (4 * rng.normal(size=(3, 10))[labels] + rng.normal(size=(240, 10))).astype(np.float32)
    dec = DEC(n_clusters=3, widths=(32, 8), batch=48, pretrain_updates=300, tolerance=0, random_state=0).fit(X)
    assert dec.loss_curve_["reconstruction"][-1] < 0.5 * dec.loss_curve_["reconstruction"][0]
    assert dec.loss_curve_["loss"][-1] < dec.loss_curve_["loss"][0]
    assert dec.n_updates_ == 2 * 100 + 300 + 200
    pairs = {(int(label), int(cluster)) for label, cluster in zip(labels, dec.labels_, strict=True)}
    assert len(pairs) == 3
