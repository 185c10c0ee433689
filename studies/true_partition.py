"""Does RDDC's loss prefer the true partition? Runs that start from the labels, beside the runs that don't.

A network is first trained on the labels (cross-entropy), then by RDDC's loss alone, as long as any run of the reading.
If it keeps the classes and ends with a loss below all runs from a random start, the loss would pick the true partition
and the runs don't find it; if others end as low, the loss can't tell. This is a probe of the loss and no result: it
needs the labels.

``python -m studies.true_partition run <dataset> --data <npz> --settings <JSON> --reading <name> --out <file>`` makes
one record; ``python -m studies.true_partition report <folder> --probes <records...> --runs <jsonl...>`` draws them.
"""

import argparse
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from tabulate import tabulate

from datasets.seeds import seed_sequence
from datasets.sequences import SPLITS, Sequences, load_labels
from datasets.storage import write_json, write_text
from methods.rddc import RDDC
from reports.figures import COLOURS, PAGE, STYLE, save
from reports.tables import number, title
from runs.results import frame, read_records
from runs.scores import scores

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


def probe(sequences, labels, settings, dataset, reading):
    """Losses and test scores of `SEEDS` networks that started from the labels, as a JSON-able record."""
    train, test = (sequences.split == SPLITS.index(part) for part in ("train", "test"))
    runs = []
    for seed in range(SEEDS):
        state = int(seed_sequence(seed, dataset, "true_partition").generate_state(1)[0])
        estimator = RDDC(sequences.n_classes, random_state=state, **settings)
        estimator.fit_from(sequences.subset(train), labels[train], SUPERVISED_EPOCHS)
        found = scores(labels[test], estimator.predict(sequences.subset(test)))
        runs.append({"seed": seed, "loss": estimator.loss_, "accuracy": found["accuracy"], "nmi": found["nmi"]})
    return {"dataset": dataset, "reading": reading, "runs": runs}


def verdict(from_labels, from_random):
    """What the lowest losses, (n,) each, of the two kinds of runs say."""
    from_labels, from_random = np.asarray(from_labels), np.asarray(from_random)
    below = int((from_labels < from_random.min()).sum())
    if not below:
        lower = int((from_random < from_labels.min()).sum())
        return f"can't tell: {lower} of {len(from_random)} random starts end lower than all from the labels"
    attitude = "prefers" if below == len(from_labels) else "leans to"
    return f"{attitude} the true partition: {below} of {len(from_labels)} from the labels end below all random starts"


def report(folder, probes, runs):
    """Write ``true_partition.md`` and its figure.

    Parameters
    ----------
    folder : str or Path
    probes : list of dict
        As `probe` gives them.
    runs : DataFrame
        As `runs.results.frame` gives it: RDDC's runs from a random start.
    """
    ok, rows = runs[(runs.method == "rddc") & (runs.status == "ok")], []
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, len(probes), figsize=(PAGE, 1.8), squeeze=False, layout="constrained")
        for axis, made in zip(axes[0], probes, strict=True):
            own = ok[ok.dataset == made["dataset"]]
            losses, accuracies = ([run[key] for run in made["runs"]] for key in ("loss", "accuracy"))
            axis.scatter(own.loss_train, own.accuracy, s=9, color=COLOURS[0], label="from a random start")
            axis.scatter(losses, accuracies, s=22, marker="*", color=COLOURS[1], label="from the labels")
            axis.set(title=title(made["dataset"]), ylim=(0, 1.04))
            rows.append(
                {
                    "data set": title(made["dataset"]),
                    "from the labels: loss": number(min(losses), ".3f"),
                    "test ACC": number(np.mean(accuracies)),
                    "from a random start: lowest loss": number(own.loss_train.min(), ".3f"),
                    "its test ACC": number(own.accuracy[own.loss_train.idxmin()]) if len(own) else number(np.nan),
                    "best test ACC": number(own.accuracy.max()),
                    "runs": len(own),
                    "the loss": verdict(losses, own.loss_train),
                }
            )
        axes[0, 0].set_ylabel("test accuracy")
        axes[0, -1].legend(fontsize=5, loc="lower right")
        figure.supxlabel("training loss of the last epoch", fontsize=7)
        save(figure, Path(folder, "true_partition"))
    table = tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)
    write_text(Path(folder, "true_partition.md"), f"{PREFACE}\n{table}\n")


def main():
    """Run one probe, or draw those that were run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    actions = parser.add_subparsers(dest="action", required=True)
    run = actions.add_parser("run")
    run.add_argument("dataset")
    run.add_argument("--data", required=True)
    run.add_argument("--labels", required=True)
    run.add_argument("--settings", type=json.loads, required=True)
    run.add_argument("--reading", required=True)
    run.add_argument("--out", required=True)
    draw = actions.add_parser("report")
    draw.add_argument("folder")
    draw.add_argument("--probes", nargs="+", required=True)
    draw.add_argument("--runs", nargs="+", required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.action == "report":
        probes = [json.loads(Path(path).read_text(encoding="utf-8")) for path in arguments.probes]
        report(arguments.folder, probes, frame(read_records(arguments.runs)))
    else:
        data = Sequences.load(arguments.data), load_labels(arguments.labels)
        found = probe(*data, arguments.settings, arguments.dataset, arguments.reading)
        write_json(arguments.out, found)


if __name__ == "__main__":
    main()
