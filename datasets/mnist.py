"""MNIST: 70,000 images of handwritten digits, 28 × 28 pixels, as vectors of 784 values from 0 to 1.

Source: the four gzipped idx files of LeCun, Cortes and Burges. Licence CC BY-SA 3.0. Citation: see `SOURCE`.

Published: all 70,000 images, training and test together, pixels divided by 255.
Quirks: the idx format is a big-endian header (two zero bytes, the type 8 for unsigned bytes, the number of axes, their
lengths) and then the values; everything is checked against it, to the last byte.
Expected: 60,000 + 10,000 sequences of length 1, 784 dimensions, 10 classes of 6313 to 7877.
"""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from .fetch import DataError, Files, Loaded, Source, expect
from .seeds import seed_sequence
from .sequences import Sequences

NAME = "mnist"
TITLE = "MNIST"
SOURCE = Source(
    name=NAME,
    forms=(
        Files(
            form="idx",
            members={
                "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            },
            addresses=(
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ),
        ),
    ),
    homepage="http://yann.lecun.com/exdb/mnist/",
    licence="CC BY-SA 3.0",
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document recognition."
    " Proceedings of the IEEE 86(11), 1998.",
)
SIDE = 28
COUNTS = {"train": 60_000, "t10k": 10_000}
CLASS_SIZES = [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]
UNSIGNED_BYTE = 8


def load(raw, seed, *, n=None):
    """Load the data set.

    Parameters
    ----------
    n : int or None
        So many images, drawn without looking at the labels, in their order; all when left out.
    """
    images, labels, split = [], [], []
    for (part, count), code in zip(COUNTS.items(), (0, 2), strict=True):
        images.append(read_idx(Path(raw, f"{part}-images-idx3-ubyte.gz"), (count, SIDE, SIDE)).reshape(count, -1))
        labels.append(read_idx(Path(raw, f"{part}-labels-idx1-ubyte.gz"), (count,)))
        split.append(np.full(count, code))
    images, labels, split = map(np.concatenate, (images, labels, split))
    expect(NAME, "images of each digit", np.bincount(labels, minlength=10).tolist(), CLASS_SIZES)
    sequences = Sequences(images / np.float32(255), np.arange(len(images) + 1), split)
    if n is not None:
        if not 1 <= n <= len(sequences):
            raise ValueError(f"{NAME}: n: {n}, expected 1 to {len(sequences)}")
        rng = np.random.default_rng(seed_sequence(seed, NAME, "subset"))
        chosen = np.sort(rng.permutation(len(sequences))[:n])
        sequences, labels = sequences.subset(chosen), labels[chosen]
    return Loaded(sequences, labels, tuple("0123456789"), {})


def read_idx(path, shape):
    """Values of a gzipped idx file of unsigned bytes; `DataError` unless it is whole and of exactly this `shape`."""
    try:
        with gzip.open(path) as stream:
            content = stream.read(2 * int(np.prod(shape)) + 4096)  # a bound against a stream that never ends
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{NAME}: {path.name}: no whole gzip file ({error}); delete it and fetch it again") from error
    header = struct.pack(f">HBB{len(shape)}I", 0, UNSIGNED_BYTE, len(shape), *shape)
    expect(NAME, f"{path.name}: header", content[: len(header)].hex(" "), header.hex(" "))
    expect(NAME, f"{path.name}: bytes after the header", len(content) - len(header), int(np.prod(shape)))
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)
