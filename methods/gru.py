"""The recurrent engine: final states of a bidirectional GRU over ragged sequences, for several seeds, differentiable.

Three backends give the same numbers. ``torch`` is `torch.nn.GRU`'s own function on packed sequences, the reference.
``cpu-...`` is the compiled kernel beside this file (gru_kernel.cpp), built on first use with the machine's C++
compiler: all layers and directions in one call each way, with a backward pass derived by hand. No sequence is padded
and none is affected by its company. On a GPU, ``cuda-triton`` (gru_triton.py) runs all seeds of a block in one launch a
layer and pass.

The kernel is loaded by ctypes and not through torch's extension loader: it needs pointers and sizes only, and so no
ninja and none of Python's or torch's headers on the user's machine.

Cho et al., EMNLP 2014 (GRU); the reset gate applies after the recurrent product as in cuDNN, or, with
``reset="before"``, to the state before it as in TensorFlow's cell of 2018.
"""

import ctypes
import fcntl
import functools
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch

SOURCE = Path(__file__).with_name("gru_kernel.cpp")
# NaN must stay NaN, so no -ffast-math.
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-std=c++17", "-shared", "-fPIC")


def init_gru_weights(d, hidden, layers, rngs, *, init, update_bias=0.0, apart=False):
    """Initial weights, each seed from its own generator.

    Parameters
    ----------
    d : int
        Dimensions of the input.
    hidden, layers : int
        Units of each layer and direction; number of layers.
    rngs : list of S numpy.random.Generator
    init : {"torch", "tensorflow", "keras"}
        ``torch``: everything uniform in ±1/sqrt(hidden). ``tensorflow``: as its ``GRUCell`` of 2018, which has one
        kernel [input + state] for both gates and one for the candidate, both Glorot-uniform as a whole, and starts the
        gates' biases at 1 and the candidate's at 0. ``keras``: the same biases, and the kinds of weights of Keras's
        GRU, but gate by gate: Glorot-uniform for the input and orthogonal for the state.
    update_bias : float
        Added to the update gate's bias; positive means that memory is kept.
    apart : bool
        Whether each direction is a stack of its own, whose layers read no state of the other.

    Returns
    -------
    list over layers of list over the two directions of 4-tuples of float32 arrays
        ``weight_ih`` (S, 3H, d_in), ``weight_hh`` (S, 3H, H), ``bias_ih`` (S, 3H), ``bias_hh`` (S, 3H); gates r, z, n.
    """
    draw = {"torch": _torch_weights, "tensorflow": _tensorflow_weights, "keras": _keras_weights}[init]
    sizes = [d if layer == 0 else hidden if apart else 2 * hidden for layer in range(layers)]
    seeds = [[[draw(size, hidden, rng) for _ in range(2)] for size in sizes] for rng in rngs]
    for seed in seeds:
        for layer in seed:
            for _, _, bias_ih, _ in layer:
                bias_ih[hidden : 2 * hidden] += update_bias
    return [
        [
            tuple(np.stack([seed[layer][side][i] for seed in seeds]).astype(np.float32) for i in range(4))
            for side in range(2)
        ]
        for layer in range(layers)
    ]


def _torch_weights(d, hidden, rng):
    bound = 1 / np.sqrt(hidden)
    shapes = ((3 * hidden, d), (3 * hidden, hidden), (3 * hidden,), (3 * hidden,))
    return [rng.uniform(-bound, bound, shape) for shape in shapes]


def _tensorflow_weights(d, hidden, rng):
    kernels = []
    for gates in (2, 1):  # reset and update together, then the candidate
        bound = np.sqrt(6 / (d + hidden + gates * hidden))
        kernels.append(rng.uniform(-bound, bound, (gates * hidden, d + hidden)))
    kernel = np.concatenate(kernels)
    return [kernel[:, :d], kernel[:, d:], _open_gates(hidden), np.zeros(3 * hidden)]


def _keras_weights(d, hidden, rng):
    bound = np.sqrt(6 / (d + hidden))
    orthogonal = [np.linalg.qr(rng.normal(size=(hidden, hidden)))[0] for _ in range(3)]
    weights = np.concatenate(orthogonal)
    return [rng.uniform(-bound, bound, (3 * hidden, d)), weights, _open_gates(hidden), np.zeros(3 * hidden)]


def _open_gates(hidden):
    """Biases of 1 for both gates, 0 for the candidate."""
    return np.repeat([1.0, 0.0], [2 * hidden, hidden])


def gru_final_states(values, offsets, index, weights, *, reset="after", backend="auto"):
    """Final states of every layer and direction.

    Parameters
    ----------
    values : Tensor (N, d)
        All sequences, one after the other; needs no gradient.
    offsets : int64 Tensor (n + 1,)
        Sequence i is ``values[offsets[i]:offsets[i + 1]]``.
    index : int64 Tensor (S, B)
        The sequences of each seed's batch.
    weights : nested list
        As `init_gru_weights` gives, as tensors.
    reset : {"after", "before"}
    backend : {"auto", "torch", "cpu"}
        ``auto`` is what `backend_for` says where the kernel can do it, else ``torch``.

    Returns
    -------
    Tensor (S, B, layers, 2, H)
        In the order of `index`; the backward direction's state is the one after the first element.

    Raises
    ------
    ValueError
        For another `reset`, and for ``backend="cpu"`` where the compiled kernel can't do it.
    """
    if reset not in RESETS:
        raise ValueError(f"reset={reset!r}: expected 'after' or 'before'")
    hidden = weights[0][0][1].shape[-1]
    if values.is_cuda and backend == "auto" and values.dtype == torch.float32 and _triton_can(hidden):
        from .gru_triton import gru_states  # imports Triton, which an installation for CPUs may lack

        return gru_states(values, offsets, index, weights, reset)
    fits = values.dtype == torch.float32 and not values.is_cuda
    kernel = load_kernel() if fits and backend != "torch" else None
    use_kernel = kernel is not None and hidden % kernel.vector_width() == 0
    if backend == "cpu" and not use_kernel:
        raise ValueError("backend='cpu': the compiled kernel can't do this")
    flat = [tensor for layer in weights for direction in layer for tensor in direction]
    if use_kernel:
        return _Kernel.apply(kernel, reset, values, offsets, index, *flat)
    seeds = zip(index, *flat, strict=True)
    return torch.stack([REFERENCES[reset](values, offsets, chosen, own) for chosen, *own in seeds])


def _triton_can(hidden):
    """Whether the GPU's kernels do this: 16, 32 or 64 units, and Triton installed."""
    return hidden in (16, 32, 64) and importlib.util.find_spec("triton") is not None


def backend_for(device, hidden=32):
    """Name of the backend that ``backend="auto"`` uses, for the record."""
    if device != "cpu":
        return "cuda-triton" if _triton_can(hidden) else "torch"
    kernel = load_kernel()
    if kernel is None or hidden % kernel.vector_width():
        return "torch"
    return {16: "cpu-avx512", 8: "cpu-avx2", 4: "cpu-plain"}[kernel.vector_width()]


def _sorted_batch(offsets, chosen):
    """Batch order by falling length, and first row and length of each sequence once gathered in that order."""
    begin, lengths = offsets[chosen], offsets[chosen + 1] - offsets[chosen]
    order = torch.argsort(lengths, descending=True, stable=True)
    lengths = lengths[order]
    first = lengths.cumsum(0) - lengths
    rows = torch.repeat_interleave(begin[order] - first, lengths) + torch.arange(
        int(lengths.sum()), device=begin.device
    )
    return order, first, lengths, rows


def _packed(values, offsets, chosen, flat):
    """torch's own GRU on packed sequences: (B, layers, 2, H)."""
    sequences = [values[begin:end] for begin, end in zip(offsets[chosen], offsets[chosen + 1], strict=True)]
    packed = torch.nn.utils.rnn.pack_sequence(sequences, enforce_sorted=False)
    layers, hidden = len(flat) // 8, flat[1].shape[-1]
    start = values.new_zeros(2 * layers, len(sequences), hidden)
    _, states = torch._VF.gru(packed.data, packed.batch_sizes, start, flat, True, layers, 0.0, False, True)
    return states[:, packed.unsorted_indices].unflatten(0, (layers, 2)).permute(2, 0, 1, 3)


def _reset_before(values, offsets, chosen, flat):
    """The same with the reset gate applied to the state before the recurrent product, written out step by step."""
    order, first, lengths, rows = _sorted_batch(offsets, chosen)
    inputs, layers, finals = values[rows], len(flat) // 8, []
    for layer in range(layers):
        outputs = []
        for side in range(2):
            w_ih, w_hh, b_ih, b_hh = flat[4 * (2 * layer + side) : 4 * (2 * layer + side) + 4]
            hidden = w_hh.shape[1]
            projected = torch.nn.functional.linear(inputs, w_ih, b_ih + b_hh)
            h, steps, at = projected.new_zeros(len(lengths), hidden), [], []
            for t in range(int(lengths[0])):
                active = int((lengths > t).sum())
                row = (first + t if side == 0 else first + lengths - 1 - t)[:active]
                x, old = projected[row], h[:active]
                r, z = torch.sigmoid(x[:, : 2 * hidden] + old @ w_hh[: 2 * hidden].T).chunk(2, dim=1)
                n = torch.tanh(x[:, 2 * hidden :] + (r * old) @ w_hh[2 * hidden :].T)
                h = torch.cat([n + z * (old - n), h[active:]])
                steps.append(h[:active])
                at.append(row)
            outputs.append(torch.cat(steps)[torch.argsort(torch.cat(at))])
            finals.append(h)
        inputs = torch.cat(outputs, dim=1)
    states = torch.stack(finals, dim=1).unflatten(1, (layers, 2))
    return states[torch.argsort(order)]


REFERENCES = {"after": _packed, "before": _reset_before}
RESETS = tuple(REFERENCES)


# Working memory that no step uses at the moment. Pages fresh from the system would cost a tenth of a step.
_spare = []


def _take(floats):
    """Uninitialised float32 array of at least so many elements."""
    buffer = _spare.pop() if _spare else np.empty(0, np.float32)
    # NumPy asks the system for large pages and torch doesn't: a twentieth of a step.
    return buffer if len(buffer) >= floats else np.empty(floats, np.float32)


class _Batch:
    """One seed's batch by falling length, as the kernel takes it, and the memory of one step."""

    def __init__(self, kernel, offsets, chosen, d, hidden, layers):
        lengths = offsets[chosen + 1] - offsets[chosen]
        self.slot = np.argsort(-lengths, kind="stable")
        self.lengths = lengths[self.slot]
        self.begin = offsets[chosen[self.slot]]
        self.first = self.lengths.cumsum() - self.lengths
        # States, gates, and what the kernel needs for itself.
        rows, longest = int(self.lengths.sum()), int(self.lengths[0]) if len(lengths) else 0
        sizes = [2 * layers * hidden * rows, 8 * layers * hidden * rows]
        sizes.append(kernel.scratch_floats(hidden, layers, d, longest))
        self.memory = _take(sum(sizes) + 16)
        start = -self.memory.ctypes.data % 64 + self.memory.ctypes.data  # the kernel wants whole lines of the cache
        self.parts = [start + 4 * skip for skip in np.cumsum([0, *sizes[:-1]]).tolist()]

    def addresses(self):
        return [array.ctypes.data for array in (self.begin, self.first, self.lengths, self.slot)]


class _Kernel(torch.autograd.Function):
    """The compiled kernel, one seed after the other: (S, B, layers, 2, H)."""

    @staticmethod
    def forward(ctx, kernel, reset, values, offsets, index, *flat):
        values, offsets, index, *flat = [tensor.contiguous() for tensor in (values, offsets, index, *flat)]
        ctx.kernel, ctx.before = kernel, int(reset == "before")
        ctx.sizes = layers, hidden, d = len(flat) // 8, flat[1].shape[-1], values.shape[1]
        # What the kernel fails to write stays NaN, and no run survives that unseen.
        final = torch.full((*index.shape, layers, 2, hidden), torch.nan)
        batches = [_Batch(kernel, offsets.numpy(), chosen, d, hidden, layers) for chosen in index.numpy()]
        for seed, batch in enumerate(batches):
            states, gates, scratch = batch.parts
            given = [*batch.addresses(), ctx.before, values.data_ptr(), _addresses(flat, seed), states, gates]
            kernel.gru_forward(hidden, layers, d, len(batch.slot), *given, final[seed].data_ptr(), scratch)
        if any(ctx.needs_input_grad):
            ctx.batches = batches
            ctx.save_for_backward(values, *flat)
        else:
            _spare.extend(batch.memory for batch in batches)
        return final

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d_final):
        values, *flat = ctx.saved_tensors
        batches, ctx.batches = ctx.batches, None
        if batches is None:
            raise RuntimeError("the recurrent kernel gives the gradients of a step once")
        layers, hidden, d = ctx.sizes
        d_final = d_final.contiguous()
        gradients = [torch.full_like(tensor, torch.nan) for tensor in flat]
        for seed, batch in enumerate(batches):
            states, gates, scratch = batch.parts
            given = [*batch.addresses(), ctx.before, values.data_ptr(), _addresses(flat, seed), states, gates]
            given += [d_final[seed].data_ptr(), _addresses(gradients, seed), scratch]
            ctx.kernel.gru_backward(hidden, layers, d, len(batch.slot), *given)
            _spare.append(batch.memory)
        return None, None, None, None, None, *gradients


def _addresses(tensors, seed):
    """Array of the addresses of one seed's part of each tensor."""
    return (ctypes.c_void_p * len(tensors))(*[tensor[seed].data_ptr() for tensor in tensors])


@functools.cache
def load_kernel():
    """The compiled kernel, built when need be; None, with one line of warning, where that can't be done."""
    compiler = shutil.which(os.environ.get("CXX", "g++")) or shutil.which("c++")
    try:
        if compiler is None:
            raise OSError("there is no C++ compiler")
        library = build_kernel(compiler)
        try:
            return open_library(library)
        except OSError:
            library.unlink()  # a file that was damaged after it was built; a second failure is the machine's
            return open_library(build_kernel(compiler))
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        warnings.warn(f"recurrent layers run on plain torch, many times slower: {said.splitlines()[0]}", stacklevel=2)
        return None


def open_library(path):
    """Load a built kernel and check it against torch on a small problem; ``OSError`` when it gives other numbers."""
    kernel = ctypes.CDLL(str(path))
    integer, long, pointer = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
    kernel.scratch_floats.argtypes, kernel.scratch_floats.restype = [integer] * 3 + [long], long
    batch = [integer] * 4 + [pointer] * 4 + [integer] + [pointer] * 2
    kernel.gru_forward.argtypes, kernel.gru_forward.restype = batch + [pointer] * 4, None
    kernel.gru_backward.argtypes, kernel.gru_backward.restype = batch + [pointer] * 5, None
    for reset in RESETS:
        for ours, reference in zip(*_small_problem(kernel, reset), strict=True):
            if not torch.allclose(ours, reference, rtol=1e-4, atol=1e-4):
                raise OSError(f"{path}: the kernel's numbers differ from torch's; it is not used")
    return kernel


def _small_problem(kernel, reset):
    """Final states and all gradients of one small batch, by the kernel and by torch."""
    rng = np.random.default_rng(0)
    lengths = np.array([3, 1, 7, 4, 5, 2])
    offsets = torch.from_numpy(np.concatenate([[0], lengths.cumsum()]))
    values = torch.from_numpy(rng.normal(size=(lengths.sum(), 3)).astype(np.float32))
    layers = init_gru_weights(3, 2 * kernel.vector_width(), 2, [rng], init="torch")
    index, results = torch.arange(6), []
    for run in (
        lambda flat: _Kernel.apply(kernel, reset, values, offsets, index[None], *flat)[0],
        lambda flat: REFERENCES[reset](values, offsets, index, [tensor[0] for tensor in flat]),
    ):
        flat = [torch.from_numpy(array).requires_grad_() for layer in layers for side in layer for array in side]
        with torch.enable_grad():
            states = run(flat)
            states.square().sum().backward()
        results.append([states.detach(), *(tensor.grad for tensor in flat)])
    return results


def build_kernel(compiler, flags=()):
    """Compile the kernel for this machine into the user's cache, once; returns the library's path.

    Parameters
    ----------
    compiler : str
    flags : sequence of str
        Further flags, as a test's mutant needs.
    """
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    native = [compiler, "-march=native", "-E", "-dM", "-x", "c++", os.devnull]
    features = subprocess.run(native, capture_output=True, text=True, check=True).stdout
    key = "\0".join([SOURCE.read_text(), version, features, *FLAGS, *flags])
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "sequence-clustering-benchmark"
    cache.mkdir(parents=True, exist_ok=True)
    library = cache / f"gru-{hashlib.sha256(key.encode()).hexdigest()[:24]}.so"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                made = Path(folder) / "kernel.so"
                command = [compiler, *FLAGS, *flags, "-o", str(made), str(SOURCE)]
                subprocess.run(command, capture_output=True, text=True, check=True)
                made.replace(library)
    return library
