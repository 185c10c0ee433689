"""DEC with a convolutional autoencoder, the Keras tutorial's second variant (C. Zhang 2018, after Guo et al. 2017).

The encoder has three convolutions of stride 2 with ReLU (kernels of 5, 5 and 3, filters 32, 64, 128), the last without
padding where the image's height is no multiple of 8, and a linear code of 10; transposed convolutions mirror it, with
ReLU between layers and none on the output. The loss is that of `methods.dec`. Public copies of the tutorial's code say
so, and that it pretrains for 100 epochs with Adadelta (learning rate 1, its default then) from Glorot's weights, and
then minimises with Adam for at most 8000 updates, the target refreshed every 140.

Deviations. A padded map has as many zeros at both ends; the tutorial's one less before than behind. Each epoch has an
order of its own, the tutorial's last phase the file's. Budget: `pretrain_updates` (100 epochs of MNIST are 27,300, and
27,400 in the tutorial, which leaves no part of a batch out) and at most `cluster_updates`.
"""

import numpy as np
import torch
from torch.nn.functional import conv2d, conv_transpose2d

from .autoencoder import DenseAutoencoder
from .base import InvalidInput, store
from .dec import DEC
from .deep import init_linear, linear, stack

TITLE = "DEC, convolutional"

KERNELS = (5, 5, 3)


class ConvAutoencoder(DenseAutoencoder):
    """Convolutions around a linear code, with the interface of a `DenseAutoencoder`.

    Parameters
    ----------
    network : dict of str to Tensor
        From `init_conv_autoencoder`.
    shapes : list of (int, int)
        Height and width of the image and of the output of every convolution.
    """

    def __init__(self, network, shapes):
        self.network, self.shapes = network, shapes

    def encode(self, x):
        """Codes (1, B, m) of flattened images (1, B, d)."""
        maps = x[0].view(-1, 1, *self.shapes[0])
        for layer in range(len(KERNELS)):
            maps = torch.relu(self._layer(conv2d, maps, f"encoder.{layer}", padding=self._padding(layer)))
        return linear(maps.flatten(1)[None], self.network, "encoder.code")

    def decode(self, codes):
        """Reconstructions (1, B, d) of codes (1, B, m)."""
        maps = linear(codes, self.network, "decoder.code")[0].view(codes.shape[1], -1, *self.shapes[-1])
        for layer, kernel in reversed(list(enumerate(KERNELS))):
            padding, sides = self._padding(layer), zip(*self.shapes[layer : layer + 2], strict=True)
            missing = [side - (2 * half - 2 + kernel - 2 * padding) for side, half in sides]
            options = {"padding": padding, "output_padding": missing}
            maps = self._layer(conv_transpose2d, torch.relu(maps), f"decoder.{layer}", **options)
        return maps.flatten(1)[None]

    def _padding(self, layer):
        """Zeros beyond both ends: none where the map comes out smaller than half, rounded up."""
        halves = all(half == -(-side // 2) for side, half in zip(*self.shapes[layer : layer + 2], strict=True))
        return KERNELS[layer] // 2 if halves else 0

    def _layer(self, convolution, maps, name, **options):
        weight, bias = self.network[f"{name}.weight"][0], self.network[f"{name}.bias"][0]
        return convolution(maps, weight, bias, stride=2, **options)


def init_conv_autoencoder(shapes, filters, code, rng, device="cpu"):
    """Initial layers of a `ConvAutoencoder`: Glorot-uniform weights, biases of 0.

    Parameters
    ----------
    shapes : list of (int, int)
        As in `ConvAutoencoder`.
    filters : sequence of 3 int
    code : int
        Units of the code.
    rng : numpy.random.Generator
    device : str
    """
    channels, network = [1, *filters], {}
    for layer, kernel in enumerate(KERNELS):
        outer, inner = channels[layer : layer + 2]
        bound = np.sqrt(6 / ((outer + inner) * kernel**2))
        for part, biases in (("encoder", inner), ("decoder", outer)):
            weights = rng.uniform(-bound, bound, (inner, outer, kernel, kernel))
            network |= {f"{part}.{layer}.weight": stack([weights]), f"{part}.{layer}.bias": torch.zeros(1, biases)}
    flat = filters[-1] * shapes[-1][0] * shapes[-1][1]
    network |= init_linear("encoder.code", flat, code, [rng], "glorot_uniform")
    network |= init_linear("decoder.code", code, flat, [rng], "glorot_uniform")
    return {name: tensor.to(device) for name, tensor in network.items()}


class DECConv(DEC):
    """DEC on images, given as vectors of their rows.

    Parameters
    ----------
    n_clusters : int
    image_shape : (int, int)
        Height and width; their product must be the dimension of the vectors.
    filters : sequence of 3 int
    code : int
        Units of the code.
    pretrain_updates, cluster_updates : int
    refresh_interval : int
    tolerance : float
    optimizer, cluster_optimizer : {"adam", "adadelta", "sgd", "nesterov"}
    learning_rate, cluster_learning_rate : float
    decay_interval : int or None
    squared_error : {"mean", "half_sum", "sum"}
    input_scale : float or {"mean_square", "none"}
    batch : int or {"by_size"}
    device : str
    pretrained : str or None
    random_state : int or None
        All as in `methods.dec.DEC`.
    """

    pretraining = "end_to_end"  # layer by layer is for fully connected layers
    precision = "float32"  # torch's convolutions in bfloat16 don't give the same bits twice
    choices = {
        name: words for name, words in DEC.choices.items() if name not in ("pretraining", "initialisation", "precision")
    }
    recipe = (
        "image_shape",
        "filters",
        "code",
        "pretrain_updates",
        "squared_error",
        "optimizer",
        "learning_rate",
        "decay_interval",
        "input_scale",
        "batch",
    )
    small = {"filters": (2, 3, 4), "image_shape": (1, 2), "batch": 20, "pretrain_updates": 8, "cluster_updates": 8}
    exempt = {"passes_scikit_learn": "an image has one size, and the checks choose the sizes of vectors"}

    def __init__(
        self,
        n_clusters=8,
        image_shape=(28, 28),
        filters=(32, 64, 128),
        code=10,
        pretrain_updates=1000,
        cluster_updates=8000,
        refresh_interval=140,
        tolerance=0.001,
        optimizer="adam",
        learning_rate=1e-3,
        decay_interval=None,
        cluster_optimizer="sgd",
        cluster_learning_rate=0.01,
        squared_error="mean",
        input_scale="none",
        batch=256,
        device="cpu",
        pretrained=None,
        random_state=None,
    ):
        store(locals())

    def _check(self, X, reset):
        X = super()._check(X, reset)
        height, width = self.image_shape
        if X.shape[1] != height * width:
            raise InvalidInput(f"X: {X.shape[1]} features, expected images of {height} × {width} = {height * width}")
        return X

    def _init_network(self, rng):
        return init_conv_autoencoder(self._shapes(), self.filters, self.code, rng, self.device)

    def _autoencoder(self):
        return ConvAutoencoder(self.network_, self._shapes())

    def _shapes(self):
        shapes = [tuple(self.image_shape)]
        for layer, kernel in enumerate(KERNELS):
            unpadded = tuple((side - kernel) // 2 + 1 for side in shapes[-1])
            valid = layer == len(KERNELS) - 1 and self.image_shape[0] % 8 and min(unpadded) > 0
            shapes.append(unpadded if valid else tuple(-(-side // 2) for side in shapes[-1]))
        return shapes
