"""N2D, (not too) deep clustering of the local manifold of an autoencoded embedding (McConville et al., ICPR 2020).

1. An autoencoder d-500-500-2000-k with ReLU, none on the code, and a symmetric decoder minimises the mean squared
error of its reconstruction with Adam. 2. UMAP, or Isomap, finds the manifold of the codes, in k dimensions. 3. A
Gaussian mixture clusters the manifold. The settings `manifold` and `clustering` replace the last two; a tutorial on
film reviews has Isomap, k-means and DBSCAN in their place.

DBSCAN is not given the number of clusters but finds it. What it takes for noise is cluster 0 and counts as one of the
clusters, as in the tutorial's count of labels; a run collapses when it finds no more than one.

Deviations. N2D can't predict: UMAP places new points at random and all together, so that a prediction would depend on
its company. The cluster of a new vector is that of the training vector whose code is nearest, and vectors with one code
share a cluster. Isomap solves its eigenvalue problem in full, since the solver for large ones starts at random and has
no seed: it is for a few thousand vectors. Reduced budgets are settings. Nothing that is minimised judges the clusters,
so there is no loss to select a run by.

Budget as published: 1000 epochs with batch 256, on MNIST 274,000 updates, and 273,000 here, where what doesn't fill a
batch waits for the next epoch.
"""

import warnings

import numpy as np
import sklearn.cluster
import sklearn.manifold
import sklearn.mixture
import torch
from sklearn.metrics import pairwise_distances_argmin
from sklearn.utils.metaestimators import available_if

from .autoencoder import DenseAutoencoder, Encoder, init_autoencoder, pretrain
from .base import Clusterer, store
from .deep import PRECISIONS, random_streams, trainable

TITLE = "N2D"


class N2D(Encoder, Clusterer):
    """N2D on vectors, which are not scaled.

    Parameters
    ----------
    n_clusters : int
        Not used by DBSCAN.
    widths : sequence of int
        Units of the encoder's layers before the code.
    code_units, components : int or None
        Dimensions of the code and of the manifold; `n_clusters` when None.
    manifold : {"umap", "isomap", "none"}
    neighbors : int
        Of UMAP and Isomap; at most all other vectors.
    clustering : {"gaussian_mixture", "kmeans", "dbscan"}
    min_samples : int
    radius : float
        DBSCAN's; it calls the second eps.
    watched : int
        Vectors, drawn at random, that the autoencoder isn't trained on: its error on them is the validation loss.
        They are clustered with the others.
    batch, epochs : int
    learning_rate : float
    precision : {"float32", "bfloat16"}
        Of the products in training; see `methods.deep.minimise`.
    device : str
    random_state : int or None

    Attributes
    ----------
    embeddings_ : dict of str to ndarray
        ``code`` (n, code_units) and ``manifold`` (n, components) of the training vectors.
    memberships_ : ndarray of shape (n, k)
        Of the training vectors in the components of a Gaussian mixture; only with that clustering.
    """

    backend = "torch, umap-learn, scikit-learn"
    choices = {
        "manifold": ("umap", "isomap", "none"),
        "clustering": ("gaussian_mixture", "kmeans", "dbscan"),
        "precision": PRECISIONS,
    }
    small = {"widths": (16, 4), "manifold": "isomap", "neighbors": 25, "batch": 20, "epochs": 4}

    def __init__(
        self,
        n_clusters=8,
        widths=(500, 500, 2000),
        code_units=None,
        components=None,
        manifold="umap",
        neighbors=20,
        clustering="gaussian_mixture",
        min_samples=50,
        radius=1.0,
        watched=0,
        batch=256,
        epochs=1000,
        learning_rate=1e-3,
        precision="float32",
        device="cpu",
        random_state=None,
    ):
        store(locals())

    @property
    def fewest_clusters(self):
        """DBSCAN is free to find any number from 2."""
        return min(2, self.n_clusters) if self.clustering == "dbscan" else self.n_clusters

    def fit(self, X, y=None):
        """Cluster vectors of shape (n, D)."""
        X = self._check(X, reset=True)
        training, manifold, clustering = random_streams(self.random_state, 3)
        self._train(X, training)
        code = self.transform(X)
        embedded = self._embed(code, _seed(manifold))
        self.embeddings_ = {"code": code, "manifold": embedded}
        self.labels_ = self._cluster(embedded, _seed(clustering)).astype(np.int64)
        self.labels_ = self.predict(X)
        return self

    def _train(self, X, rng):
        """The autoencoder, on all vectors but those that are watched."""
        order = rng.permutation(len(X))
        watched, trained = (torch.from_numpy(X[i]).to(self.device) for i in np.split(order, [self.watched]))
        widths = (*self.widths, self.code_units or self.n_clusters)
        self.network_ = init_autoencoder(X.shape[1], widths, rng, self.device)
        curves, self.n_updates_ = pretrain(
            DenseAutoencoder(self.network_),
            trained,
            validation=watched if self.watched else None,
            batch=self.batch,
            epochs=self.epochs,
            rngs=[rng],
            learning_rate=self.learning_rate,
            precision=self.precision,
        )
        self.loss_curve_ = {name.replace("reconstruction", "loss"): curve for name, curve in curves.items()}
        self.n_epochs_ = len(curves["reconstruction"])
        self.n_parameters_ = sum(self.network_[name].numel() for name in trainable(self.network_))

    def _embed(self, code, seed):
        """The manifold of the codes, shape (n, components)."""
        components, neighbors = self.components or self.n_clusters, min(self.neighbors, len(code) - 1)
        if self.manifold == "umap":
            threads = torch.get_num_threads()
            try:
                return load_umap()(
                    n_components=components, n_neighbors=neighbors, min_dist=0.0, n_jobs=1, random_state=seed
                ).fit_transform(code)
            finally:
                torch.set_num_threads(threads)  # numba sets OpenMP's number of threads, which is torch's as well
        if self.manifold == "isomap":
            return sklearn.manifold.Isomap(
                n_components=components, n_neighbors=neighbors, eigen_solver="dense"
            ).fit_transform(code)
        return code

    def _cluster(self, points, seed):
        """Cluster of every point, shape (n,)."""
        points = points.astype(np.float64)  # in float32 a mixture fails on points of low rank or large scale
        if self.clustering == "dbscan":
            return 1 + sklearn.cluster.DBSCAN(min_samples=self.min_samples, eps=self.radius).fit_predict(points)
        if self.clustering == "kmeans":
            return sklearn.cluster.KMeans(self.n_clusters, n_init=10, random_state=seed).fit_predict(points)
        mixture = sklearn.mixture.GaussianMixture(self.n_clusters, random_state=seed)
        labels = mixture.fit_predict(points)
        self.memberships_ = mixture.predict_proba(points)
        return labels

    def transform(self, X):
        """Codes, shape (n, code_units)."""
        X = torch.from_numpy(self._check(X, reset=False)).to(self.device)
        return DenseAutoencoder(self.network_).codes(X).cpu().numpy()

    def predict(self, X):
        """Cluster of the training vector with the nearest code, shape (n,)."""
        nearest = self._nearest(X)  # first: an estimator that isn't fitted says so there
        return self.labels_[nearest]

    @available_if(lambda self: self.clustering == "gaussian_mixture")
    def predict_proba(self, X):
        """The mixture's memberships of the training vector with the nearest code, shape (n, k)."""
        nearest = self._nearest(X)
        return self.memberships_[nearest]

    def _nearest(self, X):
        return pairwise_distances_argmin(self.transform(X), self.embeddings_["code"])


def load_umap():
    """UMAP's class. Its import takes seconds, which only those who use it should pay."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        try:
            from umap import UMAP
        except RuntimeError as error:
            if "cannot cache function" not in str(error):
                raise
            remedy = "set NUMBA_CACHE_DIR to a folder that can be written"
            raise OSError(f"numba has no place for what it compiles of umap-learn; {remedy}") from error
    return UMAP


def _seed(rng):
    return int(rng.integers(2**31))
