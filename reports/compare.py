"""Fresh records against a stored reference: which cell left its range.

The reference is a CSV, one line a cell: the number of runs and the range in which the mean test accuracy over ok runs
lies. It is made from a run of the same profile by `reference`, whose ranges are as wide as the larger of 0.05 and four
standard errors, so that another machine's rounding passes and a broken loss does not.
"""

from pathlib import Path

import pandas as pd

from datasets.storage import write_text

from .records import each_record, frame
from .tables import CELL

LEAST_WIDTH = 0.05


def cell_means(folder):
    """Runs, ok runs, mean and standard error of the test accuracy of every cell under `folder`."""
    paths = sorted(Path(folder).rglob("records/*/*.jsonl"))
    if not paths:
        raise ValueError(f"{folder}: there are no records")
    runs = frame(each_record(paths))
    runs["accuracy"] = runs.accuracy.where(runs.status == "ok").astype(float)
    grouped = runs.groupby(CELL).accuracy
    return pd.DataFrame({"n": grouped.size(), "n_ok": grouped.count(), "mean": grouped.mean(), "sem": grouped.sem()})


def reference(folder, path):
    """Store the reference of the records under `folder` as the CSV file `path`."""
    cells = cell_means(folder)
    width = (4 * cells["sem"]).fillna(0).clip(lower=LEAST_WIDTH)
    cells = cells.assign(low=(cells["mean"] - width).clip(lower=0), high=(cells["mean"] + width).clip(upper=1))
    columns = ["n", "n_ok", "low", "high"]
    write_text(path, cells[columns].to_csv(float_format="%.4f", lineterminator="\n"))


def compare(folder, path):
    """Sentences about cells that left the reference: another number of runs, more failures, a mean out of range.

    Returns
    -------
    list of str
        Empty when nothing moved.
    """
    expected = pd.read_csv(path).set_index(CELL)
    found = cell_means(folder).reindex(expected.index.union(cell_means(folder).index))
    moved = []
    for cell, row in found.iterrows():
        name = ", ".join(cell)
        if cell not in expected.index:
            moved.append(f"{name}: not in the reference")
        elif pd.isna(row["n"]):
            moved.append(f"{name}: no records")
        elif row["n"] != expected.loc[cell, "n"]:
            moved.append(f"{name}: {row['n']:.0f} runs instead of {expected.loc[cell, 'n']}")
        elif row.n_ok < expected.loc[cell, "n_ok"]:
            moved.append(f"{name}: {row.n_ok:.0f}/{row['n']:.0f} runs ok, {expected.loc[cell, 'n_ok']} before")
        elif row.n_ok and not expected.loc[cell, "low"] <= row["mean"] <= expected.loc[cell, "high"]:
            low, high = expected.loc[cell, ["low", "high"]]
            moved.append(f"{name}: mean accuracy {row['mean']:.3f} is outside {low:.3f} to {high:.3f}")
    return moved
