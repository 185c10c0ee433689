"""Recurrent autoencoder, then k-means on its code; what isn't its network is in `methods.sequence_codes`.

After the autoencoder of Srivastava, Mansimov, Salakhutdinov (ICML 2015): one recurrent network reads the sequence, and
another, unconditioned one, which is told nothing of the elements that it has to give, writes it down backwards. No
published configuration is meant; every choice is our own:

- Encoder: a bidirectional GRU of one layer (Cho et al. 2014; theirs is an LSTM), the engine of `methods.gru` as in
  `methods.rddc`, with its memory at the start (`update_bias`). A linear layer of its two final states gives the code.
- Decoder: a GRU of one layer whose first state is a linear layer of the code with tanh, and whose input is the code
  again at every step, as in Cho et al.; theirs has none. A linear layer of its states gives the elements, last first.
  It runs on packed sequences (torch's own), so each stops at its own length and nothing is padded.
"""

from numbers import Real

import torch

from .base import store
from .deep import init_linear, linear
from .gru import backend_for, gru_final_states, init_gru_weights
from .sequence_codes import SequenceAutoencoder

WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
GRUS = ("forward", "backward", "decoder")


class RecurrentAutoencoder(SequenceAutoencoder):
    """Recurrent autoencoder and k-means.

    Parameters
    ----------
    n_clusters : int
    recurrent_units : int
        Of the encoder, each direction, and of the decoder.
    code_units : int
    update_bias : float or {"by_length"}
        As in `methods.rddc.RDDC`; of the decoder too.
    learning_rate, clip_norm : float
    batch, epochs, updates
        As in `methods.ddc.DDC`.
    longest : int or None
        Elements that the longest training sequence is shortened to, and all by the same factor; None: they stay.
    device : str
    random_state : int or None
    """

    choices = SequenceAutoencoder.choices | {"update_bias": (Real, "by_length")}
    least = {"n_clusters": 1, "recurrent_units": 1, "update_bias": -1e9}  # of any sign
    small = {"recurrent_units": 4, "batch": 20, "epochs": 8}

    def __init__(
        self,
        n_clusters=8,
        recurrent_units=32,
        code_units=10,
        update_bias=2.0,
        learning_rate=3e-3,
        clip_norm=5.0,
        batch=100,
        epochs=30,
        updates=300,
        longest=None,
        device="cpu",
        random_state=None,
    ):
        store(locals())

    @property
    def backend(self):
        """Backend of the encoder; the decoder is torch's."""
        return backend_for(self.device, self.recurrent_units)

    def _init_network(self, rngs):
        """All layers, name to tensor with a leading seed axis."""
        d, units = self.n_features_in_, self.recurrent_units
        (encoder,) = init_gru_weights(d, units, 1, rngs, init="torch", update_bias=self.update_bias_)
        ((decoder, _),) = init_gru_weights(self.code_units, units, 1, rngs, init="torch", update_bias=self.update_bias_)
        network = {
            f"{gru}.{name}": torch.from_numpy(array)
            for gru, arrays in zip(GRUS, (*encoder, decoder), strict=True)
            for name, array in zip(WEIGHTS, arrays, strict=True)
        }
        network |= init_linear("code", 2 * units, self.code_units, rngs, "torch")
        network |= init_linear("start", self.code_units, units, rngs, "torch")
        network |= init_linear("output", units, d, rngs, "torch")
        return {name: tensor.to(self.device) for name, tensor in network.items()}

    def _encode(self, network, data, index):
        """Codes of the sequences `index`, (S, B) to (S, B, code_units)."""
        layer = [tuple(network[f"{direction}.{name}"] for name in WEIGHTS) for direction in GRUS[:2]]
        return linear(gru_final_states(*data, index, [layer])[:, :, 0].flatten(2), network, "code")

    def _squared_errors(self, network, data, index):
        """Squared error of every element of the sequences `index` (S, B): a list over seeds of (elements, d)."""
        values, offsets = data
        codes = self._encode(network, data, index)
        starts, errors = torch.tanh(linear(codes, network, "start")), []
        for seed, chosen in enumerate(index):
            ends, lengths = offsets[chosen + 1], offsets[chosen + 1] - offsets[chosen]
            # As torch packs sequences: the longest first, and all elements of a step beside each other.
            order = torch.argsort(lengths, descending=True, stable=True)
            runs = torch.arange(int(lengths.max()), device=values.device)[:, None] < lengths[order]
            step, place = runs.nonzero(as_tuple=True)
            weights = [network[f"decoder.{name}"][seed] for name in WEIGHTS]
            states, _ = torch._VF.gru(
                codes[seed][order][place],
                runs.sum(dim=1).cpu(),
                starts[seed][order][None],
                weights,
                True,
                1,
                0.0,
                False,
                False,
            )
            written = torch.addmm(network["output.bias"][seed], states, network["output.weight"][seed].T)
            errors.append((written - values[ends[order][place] - 1 - step]).square())
        return errors
