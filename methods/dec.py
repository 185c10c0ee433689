"""Deep Embedded Clustering (Xie, Girshick, Farhadi; ICML 2016), "as configured by its authors".

Encoder d-500-500-2000-10 with ReLU, none on the code, and a symmetric decoder (published). 1. Every layer is
pretrained as a denoising autoencoder with dropout 0.2 on its input and on its code. 2. The whole autoencoder is
trained end to end without dropout. 3. k-means with 20 restarts sets the centroids. 4. The encoder and the centroids
minimise KL(P ‖ Q), q the Student-t similarity of a code to the centroids and p = q²/f normalised, refreshed every
epoch, until fewer than `tolerance` of the labels change.

Deviations. The authors' budget of 50,000 updates a layer, 100,000 end to end, with SGD at 0.1 falling tenfold every
20,000, is out of a benchmark's reach on a CPU: Adam and the budgets `layer_updates`, `pretrain_updates` and at most
`cluster_updates` replace it. The input is scaled so that its mean squared norm over D is 1, as the authors do. The
loss that selects a run is the final KL divergence.
"""

import numpy as np
import sklearn.cluster
import torch

from .base import Clusterer, Diverged
from .deep import divergence_of, init_linear, linear, minimise, random_streams, trainable


def soft_assignment(codes, centroids):
    """Student-t similarity of codes (n, m) to centroids (k, m), rows sum to 1 (equation 1)."""
    similarity = 1 / (1 + torch.cdist(codes, centroids, compute_mode="donot_use_mm_for_euclid_dist").square())
    return similarity / similarity.sum(1, keepdim=True)


def target_distribution(q):
    """p = q² / f, rows normalised, f the soft cluster sizes (equation 3)."""
    p = q.square() / q.sum(0)
    return p / p.sum(1, keepdim=True)


class DEC(Clusterer):
    """DEC on vectors.

    Parameters
    ----------
    n_clusters : int
    widths : sequence of int
        Units of the encoder's layers, the last being the code.
    layer_updates, pretrain_updates, cluster_updates : int
        Budget of the three phases; the first counts for each layer. Rounded up to whole epochs.
    tolerance : float
        Share of labels that change in an epoch below which the last phase stops.
    learning_rate, cluster_learning_rate : float
        Of Adam, for the autoencoder and for the last phase, where 1e-3 lets clusters die out.
    batch : int
    device : str
    random_state : int or None
    """

    backend = "torch"

    def __init__(
        self,
        n_clusters=8,
        widths=(500, 500, 2000, 10),
        layer_updates=100,
        pretrain_updates=200,
        cluster_updates=200,
        tolerance=0.001,
        learning_rate=1e-3,
        cluster_learning_rate=1e-4,
        batch=256,
        device="cpu",
        random_state=None,
    ):
        self.n_clusters = n_clusters
        self.widths = widths
        self.layer_updates = layer_updates
        self.pretrain_updates = pretrain_updates
        self.cluster_updates = cluster_updates
        self.tolerance = tolerance
        self.learning_rate = learning_rate
        self.cluster_learning_rate = cluster_learning_rate
        self.batch = batch
        self.device = device
        self.random_state = random_state

    def fit(self, X, y=None):
        """Cluster vectors of shape (n, D)."""
        X = self._check(X, reset=True)
        init, self._order, noise, kmeans = random_streams(self.random_state, 4)
        self._noise = torch.Generator(self.device).manual_seed(int(noise.integers(2**63)))
        self.scale_ = float(1 / np.sqrt(max(np.square(X).mean(), np.finfo(np.float32).tiny)))
        self.loss_curve_, self.n_updates_, self.n_epochs_ = {}, 0, 0
        data = self._tensor(X)
        self._pretrain(data, init)
        self._cluster(data, kmeans)
        self.n_parameters_ = sum(self.network_[name].numel() for name in trainable(self.network_))
        self.labels_ = self.predict(X)
        del self._order, self._noise
        return self

    def _tensor(self, X):
        return torch.from_numpy(np.asarray(X * self.scale_, dtype=np.float32)).to(self.device)

    def _layers(self, part, x):
        """Encoder or decoder: linear layers with ReLU between them, none after the last."""
        for layer in range(len(self.widths)):
            x = linear(torch.relu(x) if layer else x, self.network_, f"{part}.{layer}")
        return x

    def _pretrain(self, data, rng):
        """Layer by layer as denoising autoencoders, then end to end."""
        sizes = [data.shape[1], *self.widths]
        depth = len(self.widths)
        self.network_ = {}
        for layer in range(depth):
            mirrored = depth - 1 - layer
            self.network_ |= init_linear(f"encoder.{layer}", sizes[layer], sizes[layer + 1], [rng], "tensorflow")
            self.network_ |= init_linear(f"decoder.{mirrored}", sizes[layer + 1], sizes[layer], [rng], "tensorflow")
        self.network_ = {name: tensor.to(self.device) for name, tensor in self.network_.items()}
        layer_input = data[None]
        for layer in range(depth):
            encoder, decoder = f"encoder.{layer}", f"decoder.{depth - 1 - layer}"
            own = [f"{name}.{kind}" for name in (encoder, decoder) for kind in ("weight", "bias")]

            def denoise(index, layer=layer, encoder=encoder, decoder=decoder, layer_input=layer_input):
                clean = layer_input[:, index[0]]
                code = linear(self._dropout(clean), self.network_, encoder)
                code = code if layer == depth - 1 else torch.relu(code)
                output = linear(self._dropout(code), self.network_, decoder)
                return {"reconstruction": (torch.relu(output) if layer else output).sub(clean).square().mean((1, 2))}

            self._spend(f"layer_{layer + 1}", denoise, own, self.layer_updates, len(data), self.learning_rate)
            with torch.no_grad():
                code = linear(layer_input, self.network_, encoder)
                layer_input = code if layer == depth - 1 else torch.relu(code)

        def reconstruct(index):
            clean = data[index]
            return {
                "reconstruction": self._layers("decoder", self._layers("encoder", clean))
                .sub(clean)
                .square()
                .mean((1, 2))
            }

        everything = trainable(self.network_)
        self._spend("reconstruction", reconstruct, everything, self.pretrain_updates, len(data), self.learning_rate)

    def _cluster(self, data, rng):
        """Centroids from k-means, then self-training on the sharpened assignments."""
        with torch.no_grad():
            codes = self._layers("encoder", data[None])[0].cpu().numpy()
        kmeans = sklearn.cluster.KMeans(self.n_clusters, n_init=20, random_state=int(rng.integers(2**31))).fit(codes)
        self.network_["centroids"] = torch.from_numpy(kmeans.cluster_centers_.astype(np.float32))[None].to(self.device)
        state = {"labels": kmeans.labels_}

        def refresh(_epochs):
            with torch.no_grad():
                q = soft_assignment(self._layers("encoder", data[None])[0], self.network_["centroids"][0])
            state["target"] = target_distribution(q)
            labels = q.argmax(1).cpu().numpy()
            changed = np.mean(labels != state["labels"])
            state["labels"] = labels
            return changed < self.tolerance

        def divergence(index):
            q = soft_assignment(self._layers("encoder", data[index])[0], self.network_["centroids"][0])
            p = state["target"][index[0]]
            return {"kl": (p * (p.log() - q.log())).sum(1).mean()[None]}

        refresh(0)
        encoder = [name for name in self.network_ if not name.startswith("decoder")]
        self._spend("loss", divergence, encoder, self.cluster_updates, len(data), self.cluster_learning_rate, refresh)
        self.loss_ = self.loss_curve_["loss"][-1]

    def _dropout(self, x):
        kept = torch.rand(x.shape, generator=self._noise, device=x.device) >= 0.2
        return x * kept / 0.8

    def _spend(self, name, loss_terms, names, updates, n, learning_rate, after_epoch=None):
        """Train one phase; its loss curve is kept as `name`."""
        batch = self.batch
        curve, spent = minimise(
            loss_terms,
            self.network_,
            names,
            n,
            batch=batch,
            epochs=-(-updates // max(1, n // batch)),
            rngs=[self._order],
            learning_rate=learning_rate,
            after_epoch=after_epoch,
            generators=[self._noise],
        )
        self.loss_curve_[name] = curve["loss"][:, 0].astype(float).tolist()
        self.n_updates_ += spent
        self.n_epochs_ += len(curve["loss"])
        failure = divergence_of(curve["loss"][:, 0])
        if failure is not None:
            raise Diverged(f"{name}: {failure}")

    def transform(self, X):
        """Codes, shape (n, widths[-1])."""
        with torch.no_grad():
            return self._layers("encoder", self._tensor(self._check(X, reset=False))[None])[0].cpu().numpy()

    def predict(self, X):
        """Most similar centroid, shape (n,)."""
        codes = torch.from_numpy(self.transform(X)).to(self.device)
        return soft_assignment(codes, self.network_["centroids"][0]).argmax(1).cpu().numpy().astype(np.int64)

    def score_loss(self, X):
        """KL divergence from the target distribution of other sequences."""
        codes = torch.from_numpy(self.transform(X)).to(self.device)
        q = soft_assignment(codes, self.network_["centroids"][0])
        p = target_distribution(q)
        return float((p * (p.log() - q.log())).sum(1).mean())
