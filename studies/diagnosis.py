"""What happens inside RDDC while it trains: the kernel matrix, the gradients and the use of the clusters.

Each case is one seed, trained and watched; the page draws them. No label is read.
"""

import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from datasets.seeds import seed_sequence
from datasets.storage import write_text
from methods import deep
from methods.divergence import kernel_matrix
from methods.rddc import RDDC
from reports.data import load_case, load_data
from reports.style import COLOURS, PAGE, STYLE, log_scale, save
from reports.tables import name_rows, title

from .command import main

STUDY = {
    "rows": ["rddc", "rddc_straightforward", "rddc_narrow_kernel", "rddc_tensorflow_cell"],
    "case": "settings",
    "writes": ["diagnosis.md"],
    "draws": ["kernel", "gradient"],
}
BINS = np.linspace(0, 1, 41)
PREFACE = """\
# Inside RDDC

One seed of each variant. The kernel matrix of a batch before the first and after the last epoch tells whether pairs are
told apart at all: with a narrow kernel nearly all entries are 0, and the divergence sees little beyond each sequence
itself. The gradient's norm is that before clipping (at 5). “Keep” is the share of the test sequences that have the same
cluster when batch normalisation takes the test split's own mean and variance, as it does in training, and not its
running averages: near 100 %, that choice explains nothing. Made by `make diagnosis` from records.

![Kernel matrix](kernel.png)

![Norm of the gradient](gradient.png)
"""


def run(dataset, folder, variant, settings):
    """One case: one seed on a data set of the reading with results in `folder`."""
    torch.set_num_threads(1)
    data = load_data(folder, dataset)
    return {"dataset": dataset, "variant": variant} | diagnose(data.sequences, data.n_clusters, settings, dataset)


def diagnose(sequences, n_clusters, settings, dataset):
    """Train one seed and watch it; returns a JSON-able record."""
    train = sequences.part("train")
    state = int(seed_sequence(0, dataset, "rddc").generate_state(1)[0])
    estimator = RDDC(n_clusters, random_state=state, **settings)
    norms, kernels, clip = [], [], deep.clip_gradient

    def watched_clip(parameters, norm, sizes):
        norms.append(float(parameters.grad.norm()))
        clip(parameters, norm, sizes)

    def watched_forward(network, data, index, training):
        h, A = RDDC._forward(estimator, network, data, index, training)
        if training:
            with torch.no_grad():
                K = kernel_matrix(h, estimator.kernel_width, estimator.relative_width)[0]
                off = K[~torch.eye(len(K), dtype=bool)].numpy()
                kernels.append(np.histogram(off, BINS)[0] / off.size)
        return h, A

    estimator._forward, deep.clip_gradient = watched_forward, watched_clip
    try:
        estimator.fit(train)
    finally:
        deep.clip_gradient = clip
    del estimator._forward
    usage = np.bincount(estimator.labels_, minlength=n_clusters) / len(train)
    return {
        "gradient_norm": norms,
        "kernel_first": kernels[0].tolist(),
        "kernel_last": kernels[-1].tolist(),
        "usage": sorted(usage.tolist(), reverse=True),
        "keep": kept_with_own_statistics(estimator, sequences.part("test")),
    }


def kept_with_own_statistics(estimator, test):
    """Share of `test` that keeps its cluster when batch normalisation takes its statistics from `test` itself."""
    network = {name: tensor.clone() for name, tensor in estimator.network_.items()}  # it moves the running averages
    with torch.no_grad():
        _, A = estimator._forward(network, estimator._tensors(test), torch.arange(len(test))[None], training=True)
    return float((A[0].argmax(dim=1).numpy() == estimator.predict(test)).mean())


def panels(records, draw, label, path):
    """One figure: a row a variant, a column a data set; `draw(axis, record)` fills a panel."""
    datasets = list(dict.fromkeys(record["dataset"] for record in records))
    variants = list(dict.fromkeys(record["variant"] for record in records))
    with plt.rc_context(STYLE):
        size = (PAGE, 1.1 * len(variants) + 0.4)
        figure, axes = plt.subplots(
            len(variants), len(datasets), figsize=size, squeeze=False, sharex="col", layout="constrained"
        )
        for record in records:
            axis = axes[variants.index(record["variant"]), datasets.index(record["dataset"])]
            draw(axis, record)
        for axis, dataset in zip(axes[0], datasets, strict=True):
            axis.set_title(title(dataset))
        for axis, variant in zip(axes[:, 0], variants, strict=True):
            axis.set_ylabel(textwrap.fill(title(variant), 16))
        figure.supxlabel(label)
        save(figure, path)


def draw_kernel(axis, record):
    """Histograms of the first and the last batch."""
    middles = (BINS[1:] + BINS[:-1]) / 2
    for key, colour in (("kernel_first", COLOURS[7]), ("kernel_last", COLOURS[0])):
        axis.plot(middles, record[key], color=colour, linewidth=1)
    log_scale(axis, "y")
    axis.set_ylim(1e-4, 1.5)


def draw_gradient(axis, record):
    """Norm of the gradient of every update."""
    axis.plot(record["gradient_norm"], color=COLOURS[0], linewidth=0.5)
    log_scale(axis, "y")


def report(job, folder):
    """Write ``diagnosis.md`` and its two figures."""
    name_rows({row: said["row"] for row, said in job["variants"].items()})
    records = list(map(load_case, job["cases"]))
    label = "kernel matrix off the diagonal, share of entries; grey: first batch, blue: last"
    panels(records, draw_kernel, label, Path(folder, "kernel"))
    panels(records, draw_gradient, "norm of the gradient over the updates", Path(folder, "gradient"))
    rows = [
        f"- {title(record['dataset'])}, {title(record['variant'])}: shares of the clusters "
        + ", ".join(f"{share:.2f}" for share in record["usage"])
        + f"; {np.mean(np.array(record['gradient_norm']) > 5):.0%} of the updates are clipped;"
        f" {record['keep']:.0%} of the test sequences keep their cluster."
        for record in records
    ]
    write_text(Path(folder, "diagnosis.md"), PREFACE + "\n" + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main(__doc__, run, report)
