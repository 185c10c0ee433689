"""Spectral clustering on a Gaussian affinity (Shi and Malik 2000; Ng et al. 2001), scikit-learn's implementation.

The paper names spectral clustering without settings. `gamma` = 1, scikit-learn's default, is inferred: with it spectral
clustering fails on Character Trajectories where k-means is perfect, which is what the published row shows; the reading
recommended has 1 / D on Arabic Digits. There is no loss to select a run by. A test split that wasn't clustered is
scored by the rule of `TransductiveClusterer`; that reading clusters it by itself (`trained_on: test`).

Deviation, for time: the eigenvectors are found by LOBPCG and not by the library's default, ARPACK. Budget: ten restarts
of k-means on them.
"""

from numbers import Real

from sklearn.cluster import SpectralClustering

from .base import TransductiveClusterer, alike, store

TITLE = "Spectral"


class Spectral(TransductiveClusterer):
    """Spectral clustering.

    Parameters
    ----------
    n_clusters : int
    gamma : float or {"scale", "dimensions"}
        Of the affinity exp(-gamma ‖x - y‖²); "scale" is 1 / (D · variance of all entries), as for scikit-learn's SVC,
        "dimensions" 1 / D.
    random_state : int or None
    """

    choices = {"gamma": ("scale", "dimensions", Real)}

    def __init__(self, n_clusters=8, gamma=1.0, random_state=None):
        store(locals())

    def fit(self, X, y=None):
        """Cluster vectors of shape (n, D)."""
        X = self._check(X, reset=True)
        spread = {"scale": max(X.var(), 1e-12), "dimensions": 1}.get(self.gamma)
        gamma = self.gamma if spread is None else 1 / (X.shape[1] * spread)
        # The default solver needs minutes on an affinity near the identity, as gamma=1 makes it of long vectors.
        spectral = SpectralClustering(
            self.n_clusters,
            n_components=max(2, self.n_clusters),  # lobpcg refuses 1
            gamma=gamma,
            eigen_solver="lobpcg",
            random_state=self.random_state,
        )
        self.labels_ = alike(spectral.fit_predict(X), X)
        self._training_vectors = X
        return self
