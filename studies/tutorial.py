"""The tutorial on film reviews, beside what it printed, and what its 500 columns cost.

The tutorial clusters with N2D (UMAP and DBSCAN) and compares by eye with k-means on the counts, on the code and on the
manifold. The autoencoder is trained once, by the run of N2D; what clusters its code and its manifold is fitted here, as
in the tutorial. Everything comes from the records of the readings, the embeddings beside them and the data. The
tutorial never scored itself: how well clusters agree with the sentiment is added.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.cluster import DBSCAN

from datasets.seeds import seed_sequence
from datasets.sequences import Sequences
from datasets.storage import write_text
from methods.kmeans import KMeans
from reports import embedding, style, tables
from reports.data import load_data
from reports.published import read_published
from reports.verdict import verdict_on_runs
from runs.results import each_record, read_clusters
from runs.scores import SCORES, scores

from .command import main

STUDY = {
    "readings": "all",
    "records": True,
    "writes": ["tutorial.md", "quantities.csv", "columns.csv"],
    "draws": ["tutorial"],
}
NAME = "imdb_reviews"
NOISE = 0  # cluster of what DBSCAN takes for noise, in methods/n2d.py
AGREEMENT = " / ".join(score.title for score in SCORES)
TITLE = f"""\
# The tutorial on film reviews

Made from records by `make imdb`; nothing here is typed. Agreement with the sentiment is {AGREEMENT} over all
clustered reviews; with two classes, ACC of more than two clusters counts the two that fit best and no other.
"""
VERDICTS = """\
Reproduced: ours, of one run, is the published number up to the rounding of its last digit. Better: a lower loss.
Different: a higher loss, or another count. Not comparable: our run has no such epoch. The tutorial drew another half
of the reviews, so no digit has to agree.
"""
COLUMNS = """\
pad_sequences(maxlen=500) leaves the last 500 of 5000 sorted columns. Losses are means over columns, so those of other
columns aren't on one scale: “of the variance” is the validation loss over the mean variance of a column, 1 for a
reconstruction that knows the columns' means alone. Compare columns at equal reviews and epochs. Reviews without any of
the terms have one code; where there are more of them than UMAP takes neighbours, it may scatter them, and DBSCAN then
counts them several times.
"""
FIGURE = """\
t-SNE of a sample of the reviews: (a) of all counts, where there is a reading with all columns, (b) to (e) of the code;
colours go by the size of a cluster; (f) the autoencoder's loss, the tutorial's values as crosses.
"""


def read(part):
    """Everything of one reading: data, records by method and the clusterings, name to clusters.

    Parameters
    ----------
    part : dict
        ``folder`` and ``files``, as `workflow.studies.page_job` gives them.
    """
    folder = Path(part["folder"])
    paths = [folder / file for file in part["files"]]
    runs = {record["method"]: (path, record) for path in paths for record in each_record([path])}
    found = {
        **load_data(folder, NAME)._asdict(),
        "records": {method: record for method, (_, record) in runs.items()},
    }
    for method, (path, record) in runs.items():
        for name in ([], ["code"], ["manifold"]):
            run = record["vectorization"], record["seed"], *name
            found["_".join([method, *name])] = read_clusters(path, *run)
    return found


def clusterings(found):
    """Name to clusters of the tutorial's four clusterings; a run that gave none is left out."""
    made = {}
    if found["kmeans"] is not None:
        made[f"k-means {found['records']['kmeans']['n_clusters']} on the counts"] = found["kmeans"]
    if found["n2d"] is not None:
        k = found["records"]["n2d"]["n_clusters"]
        seed = int(seed_sequence(0, NAME, "kmeans").generate_state(1)[0])
        for where in ("code", "manifold"):
            made[f"k-means {k} on the {where}"] = KMeans(k, random_state=seed).fit_predict(found[f"n2d_{where}"])
        # Anew: the run's own clusters are its predictions, where reviews with one code share a cluster.
        settings = found["records"]["n2d"]["provenance"]["settings"]
        dbscan = DBSCAN(min_samples=settings["min_samples"], eps=settings["radius"])
        made["DBSCAN on the manifold"] = 1 + dbscan.fit_predict(found["n2d_manifold"])
    return made


def published():
    """(quantity, epoch or None, value) of every published number."""
    for score, value in read_published("n2d_imdb").values[["score", "value"]].itertuples(index=False):
        quantity, _, epoch = score.partition("@")
        yield quantity, int(epoch) if epoch else None, value


def quantities(record, clusters):
    """The published numbers that are not scores beside ours, with a verdict each.

    Parameters
    ----------
    record : dict
        Of N2D.
    clusters : array of int, shape (n,), or None
        Of DBSCAN.

    Returns
    -------
    DataFrame of str
    """
    rows = []
    for quantity, epoch, value in published():
        digits = len(value.partition(".")[2])
        ours, theirs = our_quantity(record, clusters, quantity, epoch), float(value)
        rows.append(
            {
                "quantity": quantity.replace("_", " "),
                "epoch": "–" if epoch is None else str(epoch),
                "published": f"{theirs:,.{digits}f}",
                "ours": "–" if ours is None else f"{ours:,.{digits}f}",
                "difference": "–" if ours is None else f"{ours / theirs - 1:+.1%}",
                "verdict": verdict_on_runs([] if ours is None else [ours], value, True if "loss" in quantity else None),
            }
        )
    return pd.DataFrame(rows)


def our_quantity(record, clusters, quantity, epoch):
    """Our value; None where the run has no such epoch."""
    if quantity == "labels":
        return None if clusters is None else len(np.unique(clusters))
    if quantity == "parameters":
        return record["budget"]["parameters"]
    curve = record["loss_curve"].get(quantity, [])
    return curve[epoch - 1] if epoch <= len(curve) else None


def side_by_side(readings, made):
    """Readings as columns, and as rows what they are, what it cost and how well clusters agree with the sentiment.

    Parameters
    ----------
    readings : dict of str to dict
        As `read` gives them.
    made : dict of str to dict
        Their `clusterings`.

    Returns
    -------
    DataFrame of str
    """
    columns = {reading: described(found) | grouped(found, made[reading]) for reading, found in readings.items()}
    return pd.DataFrame(columns).fillna("–").rename_axis("").reset_index()


def described(found):
    """What a reading is and what it cost."""
    notes, record = found["sheet"]["notes"], found["records"]["n2d"]
    last = {name: values[-1] for name, values in record["loss_curve"].items()}
    watched = last.get("validation_loss")
    return {
        "columns": found["sheet"]["settings"]["columns"],
        "terms": f"{notes['first_term']} to {notes['last_term']}",
        "reviews without any": f"{notes['empty']:,}",
        "N2D's status": record["status"],
        "epochs": tables.number(record["budget"]["epochs"], "d"),
        "updates": tables.number(record["budget"]["updates"], ",d"),
        "seconds": f"{record['cost']['seconds']:.0f}",
        "loss": tables.number(last.get("loss"), ".4f"),
        "validation loss": tables.number(watched, ".4f"),
        "of the variance": "–" if watched is None else f"{watched / notes['variance']:.3f}",
    }


def grouped(found, made):
    """How well the clusterings of a reading agree with the sentiment, and what DBSCAN made of it."""
    told = {}
    for name, clusters in made.items():
        agreement = scores(found["labels"], clusters)
        told[f"{name}: {AGREEMENT}"] = " / ".join(f"{agreement[score.name]:.3f}" for score in SCORES)
    if "DBSCAN on the manifold" in made:
        clusters = made["DBSCAN on the manifold"]
        numbers, sizes = np.unique(clusters, return_counts=True)
        told["DBSCAN: labels"] = str(len(numbers))
        told["DBSCAN: labels of reviews without any"] = str(wordless(found["sequences"].values, clusters))
        told["DBSCAN: noise"] = f"{np.mean(clusters == NOISE):.1%}"
        told["DBSCAN: largest cluster"] = f"{sizes.max() / len(clusters):.1%}"
    return told


def wordless(values, clusters):
    """Number of clusters most of whose reviews, counts of shape (n, D), have none of the terms."""
    without = ~values.any(axis=1)
    return sum(without[clusters == number].mean() > 0.5 for number in np.unique(clusters))


def draw(readings, made):
    """The five scatters and the loss curve."""
    first = next(iter(readings))
    with_all = [name for name, found in readings.items() if found["sheet"]["settings"]["columns"] == "all"]
    counts = [*with_all, first][0]
    code = readings[first]["n2d_code"]
    with plt.rc_context(style.STYLE):
        figure, axes = plt.subplots(2, 3, figsize=(style.PAGE, style.PAGE * 0.64), layout="constrained")
        panels = [(readings[counts]["sequences"], {name: c for name, c in made[counts].items() if "counts" in name})]
        if code is not None:
            rest = {name: clusters for name, clusters in made[first].items() if "counts" not in name}
            sentiment = {"sentiment, for comparison": readings[first]["labels"]}
            panels.append((Sequences(code, np.arange(len(code) + 1)), rest | sentiment))
        panel = iter(axes.flat[:-1])
        for sequences, colourings in panels:
            chosen = embedding.subsample(sequences, NAME)
            points = embedding.embed(sequences.subset(chosen), NAME)
            for name, clusters in colourings.items():
                scatter(next(panel), points, clusters, chosen, name)
        for axis in panel:
            axis.axis("off")
        loss_curve(axes.flat[-1], readings[first]["records"]["n2d"])
        for letter, axis in zip("abcdef", axes.flat, strict=True):
            axis.set_title(f"({letter}) {axis.get_title()}")
    return figure


def scatter(axis, points, clusters, chosen, name):
    """Points coloured by cluster, the largest first; DBSCAN's noise in grey."""
    numbers, sizes = np.unique(clusters, return_counts=True)
    grey = "#999999"
    colours = (colour for colour in style.COLOURS if colour != grey)
    for number in numbers[np.argsort(-sizes)]:
        noise = name.startswith("DBSCAN") and number == NOISE
        at = clusters[chosen] == number
        axis.scatter(*points[at].T, s=1.2, linewidths=0, color=grey if noise else next(colours, "#000000"))
    axis.set_title(f"{name}: {len(numbers)} labels" if name.startswith("DBSCAN") else name)
    axis.set(xticks=[], yticks=[])


def loss_curve(axis, record):
    """Loss and validation loss over epochs, the published values as crosses."""
    for colour, (name, values) in zip(style.COLOURS, record["loss_curve"].items(), strict=False):
        axis.plot(
            np.arange(1, len(values) + 1),
            values,
            color=colour,
            linewidth=1,
            marker=".",
            markersize=3,
            label=name.replace("_", " "),
        )
        theirs = [(epoch, float(value)) for quantity, epoch, value in published() if quantity == name]
        axis.scatter(*zip(*theirs, strict=True), marker="x", s=14, linewidths=1, color=colour)
    axis.set(title="loss of the autoencoder", xlabel="epoch")
    axis.legend()


def report(job, folder):
    """Write ``tutorial.md``, its tables as CSV and its figure."""
    readings = {name: read(part) for name, part in job["variants"].items()}
    made = {name: clusterings(found) for name, found in readings.items()}
    first = next(iter(readings))
    printed = quantities(readings[first]["records"]["n2d"], made[first].get("DBSCAN on the manifold"))
    compared = side_by_side(readings, made)
    style.save(draw(readings, made), folder / "tutorial")
    for name, table in (("quantities", printed), ("columns", compared)):
        write_text(folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
    heading = f"## What the tutorial printed\n\nReading `{first}`, {readings[first]['sheet']['n']:,} reviews.\n"
    parts = [TITLE, heading, tables.markdown(printed), VERDICTS]
    parts += ["## What 500 columns cost\n", tables.markdown(compared), COLUMNS]
    parts += ["## The pictures\n", "![Five scatters and the loss](tutorial.png)\n", FIGURE]
    write_text(folder / "tutorial.md", "\n".join(parts))


if __name__ == "__main__":
    main(__doc__, report=report)
