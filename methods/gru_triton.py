"""The recurrent engine on a GPU: what `gru.gru_final_states` gives, for all seeds of a block at once, in Triton.

One launch a layer and pass. A program walks through time with the states of one tile of sequences, of one seed and
direction, in registers; the longest tiles start first. The products that don't wait for a state (of the inputs, and of
the gates' gradients) are torch's, batched over seeds. The rows of a seed lie one after the other without gaps; only
after its last one it's filled up to the seed with most, often by less than a tenth, because a batched product needs
equal shapes.

With a = W x + b and u = U h + c: gates r, z = sigmoid(a + u), n = tanh(a_n + r u_n) and h' = n + z (h - n). That is
the reset gate after the recurrent product; before it, n = tanh(a_n + U_n (r h) + c_n).
"""

import torch
import triton
import triton.language as tl

TILE = 16  # sequences of a program; products of fewer rows are not on offer everywhere
# Powers of two, because a tile's sides have to be; the weights of more units don't fit into shared memory.
UNITS = (16, 32, 64)


def gru_states(values, offsets, index, weights, reset="after", rows=None):
    """Final states of every layer and direction.

    Parameters
    ----------
    values : float32 Tensor (N, d)
        All sequences, one after the other; needs no gradient.
    offsets : int64 Tensor (n + 1,)
        Sequence i is ``values[offsets[i]:offsets[i + 1]]``.
    index : int64 Tensor (S, B)
        The sequences of each seed's batch.
    weights : nested list
        As `gru.init_gru_weights` gives, as tensors; the number of units in `UNITS`.
    reset : {"after", "before"}
    rows : int, optional
        As many as the longest of the seeds' batches has, or more. To find that number the CPU waits for the GPU; a step
        with a number from before runs without, in a CUDA graph say.

    Returns
    -------
    Tensor (S, B, layers, 2, H)
        In the order of `index`; the backward direction's state is the one after the first element.

    Raises
    ------
    ValueError
        For another number of units, and for values that aren't float32.
    """
    hidden = weights[0][0][1].shape[-1]
    if hidden not in UNITS:
        raise ValueError(f"{hidden} hidden units: the Triton kernel takes a power of two from 16 to 64")
    if values.dtype != torch.float32:
        raise ValueError(f"{values.dtype}: the Triton kernel computes in float32")
    index = index.contiguous()  # the kernels count on it
    lengths, order = (offsets[index + 1] - offsets[index]).sort(dim=1, descending=True, stable=True)
    if rows is None:
        rows = int(lengths.sum(1).max())
    else:
        torch._assert_async((lengths.sum(1) <= rows).all(), f"a batch has more than {rows} rows")
    inputs, first = _gather(values, offsets[index].gather(1, order), lengths, rows)
    flat = [tensor for layer in weights for direction in layer for tensor in direction]
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in flat)
    return _States.apply(keep, reset == "before", inputs, first, lengths, order, *flat)


def _gather(values, begin, lengths, rows):
    """Each seed's rows, (S, rows, d), zero after its last one; and each sequence's first row among all S · rows."""
    seeds, batch = lengths.shape
    ends = lengths.cumsum(1)
    first = ends - lengths
    row = torch.arange(rows, device=ends.device).repeat(seeds, 1)
    sequence = torch.searchsorted(ends, row, right=True)
    after = sequence == batch
    source = row + (begin - first).gather(1, sequence.clamp_max_(batch - 1))
    inputs = values[source.masked_fill_(after, 0)].masked_fill_(after[:, :, None], 0)
    return inputs, first + rows * torch.arange(seeds, device=ends.device)[:, None]


class _States(torch.autograd.Function):
    """From gathered rows to final states; gates are kept for the backward pass only where there will be one."""

    @staticmethod
    def forward(ctx, keep, before, inputs, first, lengths, order, *flat):
        (seeds, rows, _), (_, batch), hidden = inputs.shape, order.shape, flat[1].shape[-1]
        layers, grid = len(flat) // 8, (seeds, 2, triton.cdiv(batch, TILE))
        # What the kernel fails to write stays NaN, and no run survives that unseen.
        final = inputs.new_full((seeds, batch, layers, 2, hidden), torch.nan)
        kept = []
        for layer in range(layers):
            sides = flat[8 * layer : 8 * layer + 4], flat[8 * layer + 4 : 8 * layer + 8]
            w_ih, w_hh, b_ih, b_hh = (torch.stack(pair, dim=1) for pair in zip(*sides, strict=True))
            projected = torch.baddbmm(b_ih.flatten(1)[:, None], inputs, w_ih.flatten(1, 2).mT)
            # Zeros, because the products go over the rows after a seed's last one too.
            states = inputs.new_zeros(seeds, rows, 2, hidden)
            saved = inputs.new_zeros(seeds, rows, 2, 5 * hidden) if keep else None
            batched = (first, lengths, order, batch, final[:, :, layer], final.stride(1))
            _forward[grid](projected, w_hh, b_hh, *batched, states, saved, **_settings(hidden, before))
            kept += [inputs, saved, w_ih, w_hh]
            inputs = states.flatten(2)
        if keep:
            ctx.before = before
            ctx.save_for_backward(first, lengths, order, *kept)
        return final

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d_final):
        first, lengths, order, *kept = ctx.saved_tensors
        d_final = d_final.contiguous()
        seeds, batch, layers, _, hidden = d_final.shape
        grid = (seeds, 2, triton.cdiv(batch, TILE))
        gradients, d_states = [], None
        for layer in reversed(range(layers)):
            inputs, saved, w_ih, w_hh = kept[4 * layer : 4 * layer + 4]
            d_gates = saved.new_zeros(*saved.shape[:3], 4 * hidden)
            batched = (first, lengths, order, batch, d_final[:, :, layer], d_final.stride(1))
            _backward[grid](saved, w_hh, *batched, d_states, d_gates, **_settings(hidden, ctx.before))
            # Of u_n, r, z, a_n the last three belong to a and, turned, the first three to u.
            d_a, d_u, states = d_gates[..., hidden:], d_gates[..., : 3 * hidden], saved[..., 4 * hidden :]
            sums, here = d_gates.sum(1), []
            d_b, d_c = sums[..., hidden:], sums[..., : 3 * hidden].roll(-hidden, dims=2)
            for side in range(2):
                a, u, h = d_a[:, :, side], d_u[:, :, side], states[:, :, side]
                if ctx.before:  # u_n is the product of r h, and of nothing else
                    read = saved[:, :, side, 3 * hidden : 4 * hidden]
                    recurrent = torch.cat([u[..., hidden:].mT @ h, u[..., :hidden].mT @ read], dim=1)
                else:
                    recurrent = (u.mT @ h).roll(-hidden, dims=1)
                here += [a.mT @ inputs, recurrent, d_b[:, side], d_c[:, side]]
            gradients = here + gradients
            if layer:
                d_states = torch.baddbmm(d_a[:, :, 0] @ w_ih[:, 0], d_a[:, :, 1], w_ih[:, 1])
        return None, None, None, None, None, None, *gradients


def _settings(hidden, before):
    """Four numbers of a tile a thread, as many as registers allow; two stages: the next step's rows are under way."""
    # Fusion is the default, but Triton 3.9 warns where it isn't asked for.
    compiled = {"num_warps": hidden // 8, "num_stages": 2, "enable_fp_fusion": True}
    return compiled | {"H": hidden, "TILE": TILE, "BEFORE": before}


@triton.jit
def _sequences(first, length, slot, batch, final, final_stride, H: tl.constexpr, TILE: tl.constexpr):
    """This program's sequences: row at the first step, way to the next, length (0: none), and their final states."""
    seed, side = tl.program_id(0), tl.program_id(1)
    at = tl.program_id(2) * TILE + tl.arange(0, TILE)
    there = at < batch
    at += seed * batch
    count = tl.load(length + at, there, 0)
    row = tl.load(first + at, there, 0) + side * (count - 1)
    to = (seed * batch + tl.load(slot + at, there, 0)) * final_stride + side * H
    return row, 1 - 2 * side, count, final + to[:, None] + tl.arange(0, H)[None, :], there[:, None]


@triton.jit(do_not_specialize=["batch"])
def _forward(
    projected, recurrent, bias, first, length, slot, batch, final, final_stride, states, saved,
    H: tl.constexpr, TILE: tl.constexpr, BEFORE: tl.constexpr,
):  # fmt: skip
    """projected (S, R, 2, 3H), recurrent (S, 2, 3H, H), bias (S, 2, 3H): states (S, R, 2, H), final states; saved
    (S, R, 2, 5H) or None: r, z, n, u_n (r h where the reset gate comes before the product) and the state before."""
    start, way, count, final, there = _sequences(first, length, slot, batch, final, final_stride, H, TILE)
    side = tl.program_id(1)
    unit = tl.arange(0, H)
    gates = 3 * H * (2 * tl.program_id(0) + side)
    w_r = recurrent + gates * H + unit[None, :] * H + unit[:, None]
    u_r, u_z, u_n = tl.load(w_r), tl.load(w_r + H * H), tl.load(w_r + 2 * H * H)
    b_r = bias + gates + unit[None, :]
    c_r, c_z, c_n = tl.load(b_r), tl.load(b_r + H), tl.load(b_r + 2 * H)
    h = tl.zeros((TILE, H), tl.float32)
    for t in range(tl.max(count)):
        active = (t < count)[:, None]
        cell = 2 * (start + way * t)[:, None] + side
        x = projected + cell * 3 * H + unit[None, :]
        a_r, a_z, a_n = tl.load(x, active, 0.0), tl.load(x + H, active, 0.0), tl.load(x + 2 * H, active, 0.0)
        r = tl.sigmoid(a_r + c_r + tl.dot(h, u_r, input_precision="ieee"))
        z = tl.sigmoid(a_z + c_z + tl.dot(h, u_z, input_precision="ieee"))
        if BEFORE:
            q = r * h
            m = c_n + tl.dot(q, u_n, input_precision="ieee")
        else:
            q = c_n + tl.dot(h, u_n, input_precision="ieee")
            m = r * q
        n = 2 * tl.sigmoid(2 * (a_n + m)) - 1  # the hyperbolic tangent
        if saved is not None:
            to = saved + cell * 5 * H + unit[None, :]
            tl.store(to, r, active)
            tl.store(to + H, z, active)
            tl.store(to + 2 * H, n, active)
            tl.store(to + 3 * H, q, active)
            tl.store(to + 4 * H, h, active)
        h = tl.where(active, n + z * (h - n), h)
        tl.store(states + cell * H + unit[None, :], h, active)
    tl.store(final, h, there)


@triton.jit(do_not_specialize=["batch"])
def _backward(
    saved, recurrent, first, length, slot, batch, d_final, final_stride, d_states, d_gates,
    H: tl.constexpr, TILE: tl.constexpr, BEFORE: tl.constexpr,
):  # fmt: skip
    """saved and recurrent as in `_forward`, d_states (S, R, 2, H) or None: d_gates (S, R, 2, 4H), u_n, r, z, a_n."""
    start, way, count, d_final, there = _sequences(first, length, slot, batch, d_final, final_stride, H, TILE)
    side = tl.program_id(1)
    unit = tl.arange(0, H)
    w_r = recurrent + 3 * H * H * (2 * tl.program_id(0) + side) + unit[:, None] * H + unit[None, :]
    u_r, u_z, u_n = tl.load(w_r), tl.load(w_r + H * H), tl.load(w_r + 2 * H * H)
    d_h = tl.load(d_final, there, 0.0)
    last = tl.max(count) - 1
    for back in range(last + 1):
        active = (last - back < count)[:, None]
        cell = 2 * (start + way * (last - back))[:, None] + side
        of = saved + cell * 5 * H + unit[None, :]
        r, z, n = tl.load(of, active, 0.0), tl.load(of + H, active, 0.0), tl.load(of + 2 * H, active, 0.0)
        q, h = tl.load(of + 3 * H, active, 0.0), tl.load(of + 4 * H, active, 0.0)
        d = d_h
        if d_states is not None:
            d += tl.load(d_states + cell * H + unit[None, :], active, 0.0)
        d_n = d * (1 - z) * (1 - n * n)
        d_z = d * (h - n) * z * (1 - z)
        d *= z
        if BEFORE:
            d_q = d_n
            d_read = tl.dot(d_q, u_n, input_precision="ieee")
            d_r = d_read * h * r * (1 - r)
            d += d_read * r
        else:
            d_q = d_n * r
            d_r = d_n * q * r * (1 - r)
            d = tl.dot(d_q, u_n, d, input_precision="ieee")
        to = d_gates + cell * 4 * H + unit[None, :]
        tl.store(to, d_q, active)
        tl.store(to + H, d_r, active)
        tl.store(to + 2 * H, d_z, active)
        tl.store(to + 3 * H, d_n, active)
        d = tl.dot(d_r, u_r, d, input_precision="ieee")
        d = tl.dot(d_z, u_z, d, input_precision="ieee")
        d_h = tl.where(active, d, d_h)
    # The state before the first step is constant, so what is left in d_h goes nowhere.
