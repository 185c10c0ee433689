"""Categorical generative adversarial network (Springenberg; ICLR 2016), unsupervised, on vectors.

The discriminator D is a classifier into k classes. It is to be sure of the class of data, unsure of the class of what
the generator G makes, and to use all classes alike (equation 7); G is to make what D is sure of, of all classes alike
(equation 8). With H the entropy, H[p(y)] that of the mean prediction of a batch:

    L_D = −H_X[p(y)] + E_x H[p(y | x)] − E_z H[p(y | G(z))]
    L_G = −H_G[p(y)] + E_z H[p(y | G(z))]

A sequence's cluster is its most probable class.

Fully connected, leaky ReLU of slope 0.2, batch normalisation in the generator alone, Gaussian noise on the input of
every layer of D and none at prediction, 128 uniform inputs z, Adam with learning rate 1e-4. All inferred: the material
that we have says only what the objectives are. Deviations: both networks step at the same time on the same G(z). The
input is scaled to zero mean and unit variance overall. Budget: `epochs` in batches of `batch`. The loss that selects a
run is the part of L_D that is about data, −H_X[p(y)] + E_x H[p(y | x)].
"""

import numpy as np
import torch

from .autoencoder import PART, finite
from .base import Clusterer, store
from .deep import batch_norm, init_batch_norm, init_linear, linear, minimise, random_streams, trainable

TITLE = "CatGAN"

SLOPE = 0.2


def entropy(log_p):
    """Entropy along the last axis of distributions given by their logarithms, in nats."""
    return -(log_p.exp() * log_p).sum(-1)


def certainty(log_p):
    """−H[mean of p] + mean of H[p] of predictions (S, B, k): low when sure of each and using all classes alike."""
    marginal = log_p.logsumexp(1) - np.log(log_p.shape[1])
    return entropy(log_p).mean(1) - entropy(marginal)


class CatGAN(Clusterer):
    """CatGAN on vectors.

    Parameters
    ----------
    n_clusters : int
        At least 2 for there to be something to learn.
    discriminator_widths, generator_widths : sequence of int
        Units of the hidden layers.
    latent : int
        Dimension of z.
    noise : float
        Standard deviation of the noise on the input of every layer of D.
    learning_rate : float
    batch, epochs : int
    device : str
    random_state : int or None
    """

    backend = "torch"
    least = {"n_clusters": 1, "batch": 2}  # which are normalised over the batch
    small = {"discriminator_widths": (16, 8), "generator_widths": (8,), "latent": 4, "batch": 20, "epochs": 4}

    def __init__(
        self,
        n_clusters=8,
        discriminator_widths=(1000, 500, 250, 250, 250),
        generator_widths=(500, 500),
        latent=128,
        noise=0.3,
        learning_rate=1e-4,
        batch=100,
        epochs=20,
        device="cpu",
        random_state=None,
    ):
        store(locals())

    def fit(self, X, y=None):
        """Cluster vectors of shape (n, D)."""
        X = self._check(X, reset=True)
        init, order, noise = random_streams(self.random_state, 3)
        noise = torch.Generator(self.device).manual_seed(int(noise.integers(2**63)))
        self.mean_, self.scale_ = float(X.mean()), float(X.std()) or 1.0
        self.network_ = self._init_network(init)
        data = self._tensor(X)
        curve, self.n_updates_ = minimise(
            lambda index: self._loss_terms(data[index], noise),
            self.network_,
            trainable(self.network_),
            len(data),
            batch=self.batch,
            epochs=self.epochs,
            rngs=[order],
            learning_rate=self.learning_rate,
            generators=[noise],
        )
        self.loss_curve_ = {"loss": finite("loss", curve)}
        self.loss_curve_ |= {term: values[:, 0].astype(float).tolist() for term, values in curve.items()}
        self.n_epochs_ = len(curve["loss"])
        self.n_parameters_ = sum(self.network_[name].numel() for name in trainable(self.network_))
        self.labels_, self.loss_ = self.predict(X), self.score_loss(X)
        return self

    def _init_network(self, rng):
        network = {}
        for name, sizes in (
            ("discriminator", [self.n_features_in_, *self.discriminator_widths, self.n_clusters]),
            ("generator", [self.latent, *self.generator_widths, self.n_features_in_]),
        ):
            for layer, (d_in, d_out) in enumerate(zip(sizes, sizes[1:], strict=False)):
                network |= init_linear(f"{name}.{layer}", d_in, d_out, [rng], "tensorflow")
        for layer, width in enumerate(self.generator_widths):
            network |= init_batch_norm(f"generator_norm.{layer}", width, 1)
        return {name: tensor.to(self.device) for name, tensor in network.items()}

    def _discriminate(self, network, x, noise=None):
        """Logarithms (1, B, k) of the probabilities of the classes."""
        for layer in range(len(self.discriminator_widths) + 1):
            if noise is not None:
                x = x + self.noise * torch.randn(x.shape, generator=noise, device=x.device)
            x = linear(x, network, f"discriminator.{layer}")
            if layer < len(self.discriminator_widths):
                x = torch.nn.functional.leaky_relu(x, SLOPE)
        return torch.log_softmax(x, dim=-1)

    def _generate(self, z):
        for layer in range(len(self.generator_widths)):
            z = batch_norm(
                linear(z, self.network_, f"generator.{layer}"), self.network_, f"generator_norm.{layer}", True
            )
            z = torch.nn.functional.leaky_relu(z, SLOPE)
        return linear(z, self.network_, f"generator.{len(self.generator_widths)}")

    def _loss_terms(self, x, noise):
        """L_D and L_G of a batch (1, B, d), each with a gradient for its own network only."""
        z = 2 * torch.rand(1, x.shape[1], self.latent, generator=noise, device=x.device) - 1
        made = self._generate(z)
        fixed = {name: tensor.detach() for name, tensor in self.network_.items()}
        real = self._discriminate(self.network_, x, noise)
        fake = self._discriminate(self.network_, made.detach(), noise)
        return {
            "data": certainty(real),
            "fake": -entropy(fake).mean(1),
            "generator": certainty(self._discriminate(fixed, made, noise)),
        }

    def _tensor(self, X):
        return torch.from_numpy(np.asarray((X - self.mean_) / self.scale_, dtype=np.float32)).to(self.device)

    def _log_proba(self, X):
        data = self._tensor(self._check(X, reset=False))
        with torch.no_grad():
            return torch.cat([self._discriminate(self.network_, part[None]) for part in data.split(PART)], dim=1)

    def predict_proba(self, X):
        """Probabilities of the classes, shape (n, k)."""
        return self._log_proba(X)[0].exp().cpu().numpy()

    def predict(self, X):
        """Most probable class, shape (n,)."""
        return self._log_proba(X)[0].argmax(1).cpu().numpy()

    def score_loss(self, X):
        """The part of L_D that is about data."""
        return certainty(self._log_proba(X)).item()
