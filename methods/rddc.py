"""Recurrent Deep Divergence-based Clustering (Trosten, Strauman, Kampffmeyer, Jenssen; ICASSP 2019, arXiv:1811.12050).

Network (section 2.1): a two-layer bidirectional GRU of 32 units reads the sequences; the final hidden states of its
two directions are concatenated and batch-normalised; a fully connected layer with ReLU gives the hidden
representation h; a softmax layer gives the cluster assignments A. Loss (section 2.2): L1 + λ2 L2 + λ3 L3 of
`methods.divergence`, where the paper's L2 asks for orthogonal *columns* of A. Training (section 3): Adam on mini-
batches for a fixed number of epochs from several initialisations; the run with the lowest loss is evaluated.

Sequences are never padded, so how a batch is made up changes nothing but the kernel matrix and batch statistics.

Deviations. The text that we have lost most numbers: a setting below whose value is not published is inferred, and
config/readings/recommended.yaml has the values that this project recommends, with the evidence. Against the paper's
words, but as the authors' later code has it, are L2 by rows (`orthogonality_form`) and σ² as a share of the median
squared distance, in place of σ as a share of the median distance (`kernel_width`). Of `input_scale`, and of a batch
normalisation of h (`hidden_batch_norm`), the paper says nothing. Budget: `epochs` passes over the training data in
batches of `batch`.
"""

from numbers import Real

import numpy as np
import torch

from .base import store
from .ddc import DivergenceClusterer
from .deep import batch_norm, init_batch_norm
from .gru import RESETS, backend_for, gru_final_states, init_gru_weights

TITLE = "RDDC"

DIRECTIONS = ("forward", "backward")
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class RDDC(DivergenceClusterer):
    """RDDC on sequences of any length.

    Parameters
    ----------
    n_clusters : int
        At least 2.
    recurrent_units : int
        Units of the GRU, each layer and direction (published: 32).
    recurrent_layers : int
        Layers of the GRU (published: 2).
    reset : {"after", "before"}
        Whether the reset gate applies after the recurrent product, as in torch, or before it, as in TensorFlow's cell.
    input_scale : {"overall", "dimension", "none"}
        The elements lose their mean over the training data and are divided by one standard deviation of all dimensions,
        or each dimension by its own; ``none`` leaves them alone. The paper normalises every data set in a way of its
        own, and says nothing of Word2Vec's vectors.
    update_bias : float or {"by_length"}
        Added to the update gate's initial bias; a positive one makes the GRU start with a long memory. ``by_length``:
        with one of a sixth of the median training sequence, log(length / 6 - 1), and 0 where that is less.
    directions : {"joint", "apart"}
        Whether a layer reads the states of both directions of the layer below, or each direction is a stack of its own.
    states : {"last", "all"}
        Whether the final states of the last layer alone are concatenated, or those of every layer.
    batches : {"shuffled", "by_length", "truncated"}
        Which sequences train together: any, or those of about one length (bucketing); or any, each cut to the length of
        the batch's shortest.
    hidden_units, hidden_batch_norm, kernel_width, relative_width, orthogonality_form, orthogonality_weight, \
simplex_weight, added, initialisation, hidden_initialisation, learning_rate, clip_norm, clip_each, best_epoch, batch, \
epochs, updates, device, random_state
        As in `methods.ddc.DDC`.
    """

    accepts = "sequences"
    threads = 1
    least = {
        "n_clusters": 2,
        "hidden_units": 1,
        "batch": 2,
        "recurrent_units": 1,
        "recurrent_layers": 1,
        "update_bias": -1e9,  # of any sign
    }
    choices = DivergenceClusterer.choices | {
        "reset": RESETS,
        "update_bias": (Real, "by_length"),
        "directions": ("joint", "apart"),
        "states": ("last", "all"),
        "batches": ("shuffled", "by_length", "truncated"),
    }
    small = DivergenceClusterer.small | {"recurrent_units": 4}

    def __init__(
        self,
        n_clusters=8,
        recurrent_units=32,
        recurrent_layers=2,
        reset="after",
        input_scale="overall",
        update_bias=2.0,
        directions="joint",
        states="last",
        batches="shuffled",
        hidden_units=100,
        hidden_batch_norm=True,
        kernel_width="median_squared_distance",
        relative_width=0.15,
        orthogonality_form="memberships",
        orthogonality_weight=1.0,
        simplex_weight=1.0,
        added=None,
        initialisation="torch",
        hidden_initialisation="same",
        learning_rate=1e-3,
        clip_norm=5.0,
        clip_each=False,
        best_epoch=False,
        batch=100,
        epochs=100,
        updates=300,
        device="cpu",
        random_state=None,
    ):
        store(locals())

    @property
    def backend(self):
        """Backend of the recurrent layers."""
        return backend_for(self.device, self.recurrent_units)

    def _init_embedding(self, rngs):
        layers = init_gru_weights(
            self.n_features_in_,
            self.recurrent_units,
            self.recurrent_layers,
            rngs,
            init=self.initialisation,
            update_bias=self.update_bias_,
            apart=self.directions == "apart",
        )
        network = {
            f"gru.{layer}.{direction}.{name}": torch.from_numpy(array)
            for layer, directions in enumerate(layers)
            for direction, arrays in zip(DIRECTIONS, directions, strict=True)
            for name, array in zip(WEIGHTS, arrays, strict=True)
        }
        features = 2 * self.recurrent_units * (self.recurrent_layers if self.states == "all" else 1)
        return network | init_batch_norm("state_norm", features, len(rngs)), features

    def _embed(self, network, data, index, training):
        """Final states of two directions, concatenated and normalised: (S, B, 2 · units), or of all layers."""
        weights = [
            [[network[f"gru.{layer}.{direction}.{name}"] for name in WEIGHTS] for direction in DIRECTIONS]
            for layer in range(self.recurrent_layers)
        ]
        if self.directions == "apart":  # zeros for the other direction's states
            for layer in weights[1:]:
                for direction, before in zip(layer, (0, self.recurrent_units), strict=True):
                    direction[0] = torch.nn.functional.pad(direction[0], (before, self.recurrent_units - before))
        if training and self.batches == "truncated":
            *data, index = truncate(*data, index)
        states = gru_final_states(*data, index, weights, reset=self.reset)
        states = states if self.states == "all" else states[:, :, -1:]
        return batch_norm(states.flatten(2), network, "state_norm", training)

    def _draw_order(self, data, n, rng):
        order = super()._draw_order(data, n, rng)
        if self.batches != "by_length":
            return order
        # Chance leaves out what fills no batch, and it decides between equal lengths and on the order of the batches.
        order = order[: n // self.batch_ * self.batch_]
        lengths = data[1].diff().cpu().numpy()[order]
        return rng.permutation(order[np.argsort(lengths, kind="stable")].reshape(-1, self.batch_)).ravel()

    def _train(self, X, estimators, *start):
        self._learn_scale(X.values.astype(np.float64), estimators)
        return super()._train(X, estimators, *start)

    def _tensors(self, X):
        return self._scaled(X.values), torch.from_numpy(X.offsets).to(self.device)


def truncate(values, offsets, index):
    """The sequences of every seed's batch, cut to the length of its shortest.

    Parameters
    ----------
    values, offsets, index
        As `methods.gru.gru_final_states` takes them.

    Returns
    -------
    values, offsets, index
        The same for the beginnings of these sequences alone.
    """
    begin, lengths = offsets[index], offsets[index + 1] - offsets[index]
    lengths = lengths.amin(dim=1, keepdim=True).expand_as(lengths).flatten()
    cut = torch.nn.functional.pad(lengths.cumsum(0), (1, 0))
    rows = torch.repeat_interleave(begin.flatten() - cut[:-1], lengths) + torch.arange(int(cut[-1]), device=cut.device)
    return values[rows], cut, torch.arange(index.numel(), device=cut.device).view(index.shape)
