"""An autoencoder of sequences, then k-means on its code: the usual two steps of deep clustering, on any lengths.

What `methods.recurrent_autoencoder` and `methods.convolutional_autoencoder` share. Loss: mean squared error of all
elements of a batch, so that a long sequence weighs more; input scaled as in `methods.rddc` (overall). Adam, gradients
clipped. Then k-means of `methods.kmeans`, ten restarts, on the codes of the training data, which are not scaled.

Where `longest` is given, all sequences are shortened by one factor until the longest of the training data has so many
elements: means over neighbours take their place. The length isn't in the loss, but nothing keeps it out of the code.
Budget: `epochs` passes over the training data in batches of `batch`. The loss of a run is the reconstruction's, which
judges no cluster.
"""

import numpy as np
import torch

from .deep import DeepMethod, minimise, random_streams
from .kmeans import KMeans
from .vectorize import shortened, step_for

PART = 1024  # sequences that go through the network at once outside training: a bound on memory


class SequenceAutoencoder(DeepMethod):
    """Base of the methods; a subclass adds its settings and its network.

    That is `_init_network(rngs)`, all layers, name to tensor with a leading seed axis; `_encode(network, data, index)`,
    codes of the sequences `index`, (S, B) to (S, B, code_units); and `_squared_errors(network, data, index)`, the
    squared error of every element of them, a list over seeds of (elements, d).
    """

    accepts = "sequences"
    threads = 1
    choices = DeepMethod.by_data
    longest = None

    def _loss_terms(self, network, data, index):
        errors = self._squared_errors(network, data, index)
        return {"reconstruction": torch.stack([error.mean() for error in errors])}

    def _train(self, X, estimators):
        for estimator in estimators:
            estimator.step_ = step_for(X, self.longest)
        whole, X = X, shortened(X, self.step_)
        self._resolve(X, estimators)
        values = X.values.astype(np.float64)
        mean = values.mean(axis=0)
        scale = float(np.sqrt(np.mean((values - mean) ** 2))) or 1.0
        for estimator in estimators:
            estimator.mean_, estimator.scale_ = mean, scale
        streams = [random_streams(estimator.random_state, 3) for estimator in estimators]
        network, data = self._init_network([init for init, _, _ in streams]), self._tensors(X)
        curve, updates = minimise(
            lambda index: self._loss_terms(network, data, index),
            network,
            list(network),
            len(X),
            batch=self.batch_,
            epochs=self.epochs_,
            rngs=[order for _, order, _ in streams],
            learning_rate=self.learning_rate,
            clip_norm=self.clip_norm,
        )
        failures = []
        for seed, estimator in enumerate(estimators):
            failures.append(estimator._keep(network, curve, updates, seed))
            if failures[-1] is None:
                state = int(streams[seed][2].integers(2**31))
                codes = estimator.transform(whole)
                estimator.kmeans_ = KMeans(self.n_clusters, random_state=state).fit(codes)
                estimator.labels_ = estimator.predict(whole)
        return failures

    def transform(self, X):
        """Codes, shape (n, code_units)."""
        X = shortened(self._check(X, reset=False), self.step_)
        data = self._tensors(X)
        with torch.no_grad():
            parts = [self._encode(self.network_, data, index)[0] for index in self._parts(X)]
        return torch.cat(parts).cpu().numpy()

    def predict(self, X):
        """Cluster whose mean code is nearest, shape (n,)."""
        return self.kmeans_.predict(self.transform(X)).astype(np.int64)

    def distances(self, X):
        """Distance of every code to every mean code, shape (n, k)."""
        return self.kmeans_.distances(self.transform(X))

    def score_loss(self, X):
        """Mean squared error of all elements."""
        X = shortened(self._check(X, reset=False), self.step_)
        data = self._tensors(X)
        with torch.no_grad():
            sums = [self._squared_errors(self.network_, data, index)[0].sum().item() for index in self._parts(X)]
        return sum(sums) / X.values.size

    def _parts(self, X):
        return torch.arange(len(X), device=self.device)[None].split(PART, dim=1)

    def _tensors(self, X):
        values = ((X.values - self.mean_) / self.scale_).astype(np.float32)
        return torch.from_numpy(values).to(self.device), torch.from_numpy(X.offsets).to(self.device)
