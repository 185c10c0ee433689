"""The recurrent engine: final states of a bidirectional GRU over ragged sequences, for several seeds, differentiable.

Two backends give the same numbers. ``torch`` is `torch.nn.GRU`'s own function on packed sequences, the reference.
``cpu-...`` is the compiled kernel beside this file (gru_kernel.cpp), built on first use with the machine's C++
compiler: the recurrence runs there with a backward pass derived by hand, and everything that is a large matrix
product (the input's projections, the weights' gradients) goes to torch's BLAS. No sequence is padded and none is
affected by its company.

Cho et al., EMNLP 2014 (GRU); the reset gate applies after the recurrent product as in cuDNN, or, with
``reset="before"``, to the state before it as in TensorFlow's cell of 2018.
"""

import ctypes
import fcntl
import functools
import hashlib
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


def init_gru_weights(d, hidden, layers, rngs, *, init, update_bias=0.0):
    """Initial weights, each seed from its own generator.

    Parameters
    ----------
    d : int
        Dimensions of the input.
    hidden, layers : int
        Units of each layer and direction; number of layers.
    rngs : list of S numpy.random.Generator
    init : {"torch", "tensorflow"}
        ``torch``: everything uniform in ±1/sqrt(hidden). ``tensorflow``: Glorot-uniform input weights and orthogonal
        recurrent weights, gate by gate, biases 1 for both gates and 0 for the candidate, as TensorFlow's cell of 2018.
    update_bias : float
        Added to the update gate's bias; positive means that memory is kept.

    Returns
    -------
    list over layers of list over the two directions of 4-tuples of float32 arrays
        ``weight_ih`` (S, 3H, d_in), ``weight_hh`` (S, 3H, H), ``bias_ih`` (S, 3H), ``bias_hh`` (S, 3H); gates r, z, n.
    """
    draw = {"torch": _torch_weights, "tensorflow": _tensorflow_weights}[init]
    sizes = [d if layer == 0 else 2 * hidden for layer in range(layers)]
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
    bound = np.sqrt(6 / (d + hidden))
    orthogonal = [np.linalg.qr(rng.normal(size=(hidden, hidden)))[0] for _ in range(3)]
    bias = np.concatenate([np.ones(2 * hidden), np.zeros(hidden)])
    return [rng.uniform(-bound, bound, (3 * hidden, d)), np.concatenate(orthogonal), bias, np.zeros(3 * hidden)]


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
    """
    if reset not in ("after", "before"):
        raise ValueError(f"reset={reset!r}: expected 'after' or 'before'")
    hidden = weights[0][0][1].shape[-1]
    fits = reset == "after" and values.dtype == torch.float32 and not values.is_cuda
    kernel = load_kernel() if fits and backend != "torch" else None
    use_kernel = kernel is not None and hidden % kernel.vector_width() == 0
    if backend == "cpu" and not use_kernel:
        raise ValueError("backend='cpu': the compiled kernel can't do this")
    states = []
    for seed, chosen in enumerate(index):
        flat = [tensor[seed] for layer in weights for direction in layer for tensor in direction]
        if use_kernel:
            states.append(_Kernel.apply(kernel, values, offsets, chosen, *flat))
        elif reset == "after":
            states.append(_packed(values, offsets, chosen, flat))
        else:
            states.append(_reset_before(values, offsets, chosen, flat))
    return torch.stack(states)


def backend_for(device, reset="after", hidden=32):
    """Name of the backend that ``backend="auto"`` uses, for the record."""
    kernel = load_kernel() if device == "cpu" and reset == "after" else None
    if kernel is None or hidden % kernel.vector_width():
        return "torch"
    return {16: "cpu-avx512", 8: "cpu-8-lanes"}[kernel.vector_width()]


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


class _Kernel(torch.autograd.Function):
    """The compiled kernel for one seed: (B, layers, 2, H)."""

    @staticmethod
    def forward(ctx, kernel, values, offsets, chosen, *flat):
        order, first, lengths, rows = _sorted_batch(offsets, chosen)
        flat = [tensor.contiguous() for tensor in flat]
        inputs, hidden, n = values[rows], flat[1].shape[1], len(lengths)
        # What the kernel fails to write stays NaN, and no run survives that unseen.
        final, saved = torch.full((n, len(flat) // 8, 2, hidden), torch.nan), []
        scratch, h = torch.empty(n, 3 * hidden), torch.empty(n, hidden)
        for layer in range(len(flat) // 8):
            states = torch.empty(len(rows), 2 * hidden)
            for side in range(2):
                w_ih, w_hh, b_ih, b_hh = flat[4 * (2 * layer + side) : 4 * (2 * layer + side) + 4]
                projected = torch.addmm(b_ih, inputs, w_ih.T)
                gates = torch.empty(len(rows), 4 * hidden)
                transposed = w_hh.T.contiguous()  # named, so that it lives while the kernel reads it
                kernel.gru_forward(
                    hidden,
                    n,
                    _at(first),
                    _at(lengths),
                    side,
                    _at(projected),
                    _at(transposed),
                    _at(b_hh),
                    _at(states, side * hidden),
                    2 * hidden,
                    _at(gates),
                    _at(h),
                    _at(scratch),
                )
                final[:, layer, side] = h
                saved.append(gates)
            saved += [states, inputs]
            inputs = states
        ctx.kernel = kernel
        ctx.save_for_backward(order, first, lengths, *saved, *flat)
        return final[torch.argsort(order)]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d_final):
        kernel = ctx.kernel
        order, first, lengths, *rest = ctx.saved_tensors
        layers = len(rest) // 12
        saved, flat = rest[: 4 * layers], rest[4 * layers :]
        hidden, n = flat[1].shape[1], len(lengths)
        d_final = d_final[order]
        dh, scratch = torch.empty(n, hidden), torch.empty(n, 4 * hidden)
        gradients, d_states = [None] * len(flat), None
        for layer in reversed(range(layers)):
            *gates, states, inputs = saved[4 * layer : 4 * layer + 4]
            d_inputs = None
            for side in range(2):
                place = 4 * (2 * layer + side)
                w_ih, w_hh = flat[place], flat[place + 1]
                d_gates = torch.empty(len(inputs), 4 * hidden)
                n_r_z = torch.cat([w_hh[2 * hidden :], w_hh[: 2 * hidden]])
                d_last = d_final[:, layer, side].contiguous()
                kernel.gru_backward(
                    hidden,
                    n,
                    _at(first),
                    _at(lengths),
                    side,
                    _at(n_r_z),
                    _at(states, side * hidden),
                    2 * hidden,
                    _at(gates[side]),
                    _at(d_last),
                    None if d_states is None else _at(d_states, side * hidden),
                    2 * hidden,
                    _at(d_gates),
                    _at(dh),
                    _at(scratch),
                )
                d_up, d_in = d_gates[:, : 3 * hidden], d_gates[:, hidden:]
                d_bias = d_gates.sum(0)
                d_hh = d_up.T @ _previous(states[:, side * hidden : (side + 1) * hidden], first, lengths, side)
                gradients[place : place + 4] = (
                    d_in.T @ inputs,
                    torch.cat([d_hh[hidden:], d_hh[:hidden]]),
                    d_bias[hidden:],
                    torch.cat([d_bias[hidden : 3 * hidden], d_bias[:hidden]]),
                )
                if layer:
                    d_inputs = d_in @ w_ih if d_inputs is None else d_inputs.addmm_(d_in, w_ih)
            d_states = d_inputs
        return None, None, None, None, *gradients


def _previous(states, first, lengths, side):
    """The state that each step started from: the neighbour's, and 0 at the first step read."""
    previous = torch.empty(states.shape)
    if side == 0:
        previous[1:] = states[:-1]
        previous[first] = 0
    else:
        previous[:-1] = states[1:]
        previous[first + lengths - 1] = 0
    return previous


def _at(tensor, skip=0):
    """Address of a contiguous tensor's element number `skip`."""
    return ctypes.c_void_p(tensor.data_ptr() + skip * tensor.element_size())


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
    kernel.gru_forward.argtypes = [integer, integer, pointer, pointer, integer, *[pointer] * 4, long, *[pointer] * 3]
    kernel.gru_backward.argtypes = [
        integer,
        integer,
        pointer,
        pointer,
        integer,
        pointer,
        pointer,
        long,
        *[pointer] * 3,
        long,
    ] + [pointer] * 3
    kernel.gru_forward.restype = kernel.gru_backward.restype = None
    for ours, reference in zip(*_small_problem(kernel), strict=True):
        if not torch.allclose(ours, reference, rtol=1e-4, atol=1e-4):
            raise OSError(f"{path}: the kernel's numbers differ from torch's; it is not used")
    return kernel


def _small_problem(kernel):
    """Final states and all gradients of one small batch, by the kernel and by torch."""
    rng = np.random.default_rng(0)
    lengths = np.array([3, 1, 7, 4, 5, 2])
    offsets = torch.from_numpy(np.concatenate([[0], lengths.cumsum()]))
    values = torch.from_numpy(rng.normal(size=(lengths.sum(), 3)).astype(np.float32))
    layers = init_gru_weights(3, 2 * kernel.vector_width(), 2, [rng], init="torch")
    results = []
    for run in (
        lambda *arguments: _Kernel.apply(kernel, *arguments),
        lambda *arguments: _packed(*arguments[:3], arguments[3:]),
    ):
        flat = [torch.from_numpy(array[0]).requires_grad_() for layer in layers for side in layer for array in side]
        with torch.enable_grad():
            states = run(values, offsets, torch.arange(6), *flat)
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
