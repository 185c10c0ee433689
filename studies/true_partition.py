"""Does RDDC's loss prefer the true partition? Runs that start from the labels, beside the runs that don't.

A network is first trained on the labels (cross-entropy), then by RDDC's loss alone, as long as any run of the reading.
If it keeps the classes and ends with a loss below all runs from a random start, the loss would pick the true partition
and the runs don't find it; if others end as low, the loss can't tell. This is a probe of the loss and no result: it
needs the labels.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from datasets.seeds import seed_sequence
from datasets.sequences import SPLITS
from datasets.storage import write_text
from methods.rddc import RDDC
from reports.data import load_case, load_data
from reports.style import COLOURS, STYLE, grid, save
from reports.tables import markdown, number, title
from runs.results import frame, read_records
from runs.scores import scores

from .command import main

STUDY = {
    "rows": ["rddc"],
    "case": "settings",
    "records": True,
    "writes": ["true_partition.md"],
    "draws": ["true_partition"],
}
SEEDS = 3
SUPERVISED_EPOCHS = 15
PREFACE = f"""\
# Does the loss prefer the true partition?

Not a result: {SEEDS} networks a data set start from the labels ({SUPERVISED_EPOCHS} epochs of cross-entropy) and go on
with RDDC's loss alone, as long as the runs of the paper's table, which start at random. Where those from the labels
keep the classes and end lower than all others, the true partition is the better solution and the runs miss it; where
others end as low or lower, the loss can't tell, and no choice by loss will find it. The supervised epochs come on top
of the others, so a small lead says little. Made by `make diagnosis`.

![Loss and accuracy](true_partition.png)
"""


def run(dataset, folder, variant, settings):
    """One case: losses and test scores of `SEEDS` networks on a data set of the reading with results in `folder`."""
    torch.set_num_threads(1)
    return {"dataset": dataset, "variant": variant, "runs": probe(load_data(folder, dataset), settings, dataset)}


def probe(data, settings, dataset):
    """Losses and test scores of `SEEDS` networks that started from the labels."""
    train, test = data.sequences.part("train"), data.sequences.part("test")
    known, truth = (data.labels[data.sequences.split == SPLITS.index(part)] for part in ("train", "test"))
    runs = []
    for seed in range(SEEDS):
        state = int(seed_sequence(seed, dataset, "true_partition").generate_state(1)[0])
        estimator = RDDC(data.sequences.n_classes, random_state=state, **settings)
        estimator.fit_from(train, known, SUPERVISED_EPOCHS)
        found = scores(truth, estimator.predict(test))
        runs.append({"seed": seed, "loss": estimator.loss_, "accuracy": found["accuracy"], "nmi": found["nmi"]})
    return runs


def verdict(from_labels, from_random):
    """What the lowest losses, (n,) each, of the two kinds of runs say."""
    from_labels, from_random = np.asarray(from_labels), np.asarray(from_random)
    if not len(from_random):
        return "can't tell: no random start is ok"
    below = int((from_labels < from_random.min()).sum())
    if not below:
        lower = int((from_random < from_labels.min()).sum())
        return f"can't tell: {lower} of {len(from_random)} random starts end lower than all from the labels"
    attitude = "prefers" if below == len(from_labels) else "leans to"
    return f"{attitude} the true partition: {below} of {len(from_labels)} from the labels end below all random starts"


def report(job, folder):
    """Write ``true_partition.md`` and its figure: the cases beside RDDC's runs from a random start."""
    probes, (row,) = list(map(load_case, job["cases"])), job["variants"].values()
    runs, rows = frame(read_records(Path(row["folder"], file) for file in row["files"])), []
    ok = runs[(runs.method == "rddc") & (runs.status == "ok")]
    with plt.rc_context(STYLE):
        figure, axes = grid(len(probes), len(probes), 1.8)
        for axis, made in zip(axes, probes, strict=True):
            own = ok[ok.dataset == made["dataset"]]
            losses, accuracies = ([run[key] for run in made["runs"]] for key in ("loss", "accuracy"))
            axis.scatter(own.loss_train, own.accuracy, s=9, color=COLOURS[0], label="from a random start")
            axis.scatter(losses, accuracies, s=22, marker="*", color=COLOURS[1], label="from the labels")
            axis.set(title=title(made["dataset"]), ylim=(0, 1.04))
            rows.append(
                {
                    "data set": title(made["dataset"]),
                    "from the labels: lowest loss": number(min(losses), ".3f"),
                    "mean test ACC": number(np.mean(accuracies)),
                    "from a random start: lowest loss": number(own.loss_train.min(), ".3f"),
                    "its test ACC": number(own.accuracy[own.loss_train.idxmin()]) if len(own) else number(np.nan),
                    "best test ACC": number(own.accuracy.max()),
                    "runs": len(own),
                    "the loss": verdict(losses, own.loss_train),
                }
            )
        axes[0].set_ylabel("test accuracy")
        figure.legend(*axes[-1].get_legend_handles_labels(), ncols=2, loc="outside upper center")
        figure.supxlabel("training loss of the last epoch")
        save(figure, Path(folder, "true_partition"))
    write_text(Path(folder, "true_partition.md"), f"{PREFACE}\n{markdown(pd.DataFrame(rows))}")


if __name__ == "__main__":
    main(__doc__, run, report)
