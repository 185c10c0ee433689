"""Recurrent engine: placeholder with the plain backend only."""

import numpy as np
import torch


def backend_for(device):
    return "torch"


def init_gru_weights(d, hidden, layers, rngs, *, init, update_bias=0.0):
    out = []
    for layer in range(layers):
        d_in = d if layer == 0 else 2 * hidden
        dirs = []
        for _ in range(2):
            ws = []
            for rng in rngs:
                b = 1 / np.sqrt(hidden)
                w = [rng.uniform(-b, b, s) for s in ((3 * hidden, d_in), (3 * hidden, hidden), (3 * hidden,), (3 * hidden,))]
                w[2][hidden : 2 * hidden] += update_bias
                ws.append(w)
            dirs.append(tuple(np.stack([w[i] for w in ws]).astype(np.float32) for i in range(4)))
        out.append(dirs)
    return out


def gru_final_states(values, offsets, index, weights, *, reset="after", backend="auto"):
    outs = []
    for s in range(index.shape[0]):
        seqs = [values[offsets[i] : offsets[i + 1]] for i in index[s]]
        packed = torch.nn.utils.rnn.pack_sequence(seqs, enforce_sorted=False)
        flat = [w[s] for layer in weights for d in layer for w in d]
        h = weights[0][0][1].shape[-1]
        hx = torch.zeros(2 * len(weights), len(seqs), h, dtype=values.dtype)
        _, hn = torch._VF.gru(packed.data, packed.batch_sizes, hx[:, packed.sorted_indices], flat, True, len(weights), 0.0, True, True)
        hn = hn[:, packed.unsorted_indices]
        outs.append(hn.view(len(weights), 2, len(seqs), h).permute(2, 0, 1, 3))
    return torch.stack(outs)
