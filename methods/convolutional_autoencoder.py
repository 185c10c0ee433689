"""Convolutional autoencoder, then k-means on its code; what isn't its network is in `methods.sequence_codes`.

A short encoder as in the fully convolutional network of Wang, Yan, Oates (IJCNN 2017), which sees what there is in a
sequence and not where, and a decoder that is told where. No published configuration is meant; every choice is our own:

- Encoder: `layers` convolutions over time of width `width` with ReLU, zeros beyond both ends; their mean and maximum
  over the sequence's own elements; a linear layer gives the code.
- Decoder: a hidden layer with ReLU and a linear one give the element at a moment t from 0 to 1 from the code and the
  cosines and sines of πt, 2πt, 4πt, ..., so one network writes sequences of any length.

The sequences of a batch lie behind each other with zeros between them, so no sequence is padded to another's length.
"""

import numpy as np
import torch

from .base import InvalidInput, store
from .deep import init_linear, linear, stack
from .sequence_codes import SequenceAutoencoder


class ConvolutionalAutoencoder(SequenceAutoencoder):
    """Convolutional autoencoder and k-means.

    Parameters
    ----------
    n_clusters : int
    channels : int
        Of every convolution, and units of the decoder.
    layers, width : int
        Convolutions, and the elements that one sees; an odd number.
    waves : int
        Cosines and sines that tell the decoder a moment.
    code_units : int
    learning_rate, clip_norm : float
    batch, epochs, updates
        As in `methods.ddc.DDC`.
    device : str
    random_state : int or None
    """

    least = {"n_clusters": 1, "channels": 1, "layers": 1, "code_units": 1}
    small = {"channels": 4, "batch": 20, "epochs": 8}

    def __init__(
        self,
        n_clusters=8,
        channels=32,
        layers=2,
        width=5,
        waves=5,
        code_units=10,
        learning_rate=3e-3,
        clip_norm=5.0,
        batch=100,
        epochs=30,
        updates=300,
        device="cpu",
        random_state=None,
    ):
        store(locals())

    def _init_network(self, rngs):
        if not self.width % 2:
            raise InvalidInput(f"width={self.width}: expected an odd number, with as many neighbours on either side")
        d, channels, network = self.n_features_in_, self.channels, {}
        for layer in range(self.layers):
            into = channels if layer else d
            bound = np.sqrt(6 / (into * self.width))  # He's, as a ReLU follows
            kernels = [rng.uniform(-bound, bound, (channels, into, self.width)) for rng in rngs]
            network |= {f"conv.{layer}.weight": stack(kernels)}
            network |= {f"conv.{layer}.bias": stack([np.zeros(channels) for _ in rngs])}
        network |= init_linear("code", 2 * channels, self.code_units, rngs, "torch")
        network |= init_linear("hidden", self.code_units + 2 * self.waves, channels, rngs, "he_uniform")
        network |= init_linear("output", channels, d, rngs, "torch")
        return {name: tensor.to(self.device) for name, tensor in network.items()}

    def _encode(self, network, data, index):
        return torch.stack([self._codes_of(network, seed, *gather(*data, of)) for seed, of in enumerate(index)])

    def _codes_of(self, network, seed, values, owner, _moments, lengths):
        """Codes (B, code_units) of sequences that lie behind each other in `values`, by the network of one seed."""
        margin = self.width // 2
        place = torch.arange(len(values), device=values.device) + margin * owner
        line = values.new_zeros((int(lengths.sum()) + margin * (len(lengths) - 1), values.shape[1]))
        line[place] = values
        inside = line.new_zeros(len(line))
        inside[place] = 1
        line = line.T[None]
        for layer in range(self.layers):
            weight, bias = (network[f"conv.{layer}.{kind}"][seed] for kind in ("weight", "bias"))
            line = torch.relu(torch.nn.functional.conv1d(line, weight, bias, padding=margin)) * inside
        found = line[0].T[place]
        pooled = [torch.segment_reduce(found, how, lengths=lengths, axis=0) for how in ("mean", "max")]
        return torch.addmm(network["code.bias"][seed], torch.cat(pooled, dim=1), network["code.weight"][seed].T)

    def _squared_errors(self, network, data, index):
        errors = []
        for seed, of in enumerate(index):
            values, owner, moments, lengths = gather(*data, of)
            codes = self._codes_of(network, seed, values, owner, moments, lengths)
            angles = torch.pi * moments[:, None] * 2 ** torch.arange(self.waves, device=values.device)
            told = torch.cat([codes[owner], angles.cos(), angles.sin()], dim=1)[None]
            of_seed = {name: tensor[seed : seed + 1] for name, tensor in network.items()}
            written = linear(torch.relu(linear(told, of_seed, "hidden")), of_seed, "output")[0]
            errors.append((written - values).square())
        return errors


def gather(values, offsets, index):
    """Elements of the sequences `index` behind each other, whose each is, its moment from 0 to 1, and the lengths."""
    lengths = offsets[index + 1] - offsets[index]
    owner = torch.repeat_interleave(torch.arange(len(index), device=index.device), lengths)
    first = torch.nn.functional.pad(lengths.cumsum(0), (1, 0))[owner]
    step = torch.arange(len(owner), device=index.device) - first
    return values[offsets[index][owner] + step], owner, step / (lengths[owner] - 1).clamp_min(1), lengths
