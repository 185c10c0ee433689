"""Records that keep the schema, joined with scores, for tests of what is made from them."""

import json

from datasets.sequences import SPLITS
from runs.record import RUN, VERSION, write_records
from runs.results import scores_file
from runs.score import split_scores
from runs.scores import SCORES


def record(**changes):
    """An ok record; a failing ``status`` empties what such a run doesn't have."""
    made = {
        "schema_version": VERSION,
        "reading": "test",
        "dataset": "arabic_digits",
        "method": "rddc",
        "algorithm": changes.get("method", "rddc"),
        "vectorization": "none",
        "split": 0,
        "trained_on": "train",
        "seed": 0,
        "n_clusters": 10,
        "status": "ok",
        "reason": None,
        "scores": {part: score(0.7) for part in ("train", "validation", "test")},
        "usage": [60, 40],
        "clusters_digest": "0",
        "loss": {"train": 0.5, "validation": 0.6},
        "loss_curve": {"loss": [1.0, 0.5]},
        "budget": {"updates": 10, "epochs": 2, "parameters": 99, "sequences": 100},
        "cost": {"seconds": 1.5, "peak_memory_mib": 100.0},
        "provenance": {
            "git": {"sha": None, "dirty": None},
            "settings": {},
            "data_digest": "0",
            "source_digest": "0",
            "versions": {"python": "3.11"},
            "device": "cpu",
            "backend": "torch",
            "threads": 1,
            "seed_entropy": [0],
        },
    } | changes
    if made["status"] in ("diverged", "oom", "timeout", "error"):
        made |= {
            "reason": made["reason"] or "it was not to be",
            "scores": dict.fromkeys(("train", "validation", "test")),
            "usage": None,
            "clusters_digest": None,
            "loss": {"train": None, "validation": None},
            "loss_curve": {},
        }
    return made


def described(method, **changes):
    """What a report's job says of a row, as `workflow.rows.described` does; by itself a method."""
    said = {"algorithm": method, "title": None, "reason": None, "settings": {}, "datasets": {}, "own": []}
    return said | changes


def score(accuracy):
    """Scores of one split."""
    return {score.name: accuracy for score in SCORES} | {"n_clusters": 2}


def runs(accuracies, losses, **changes):
    """Ok records with these test accuracies and train losses, None for a run that diverged."""
    return [
        record(seed=seed, status="diverged", **changes)
        if accuracy is None
        else record(
            seed=seed,
            scores={"train": score(0.5), "validation": score(0.5), "test": score(accuracy)},
            loss={"train": loss, "validation": loss},
            **changes,
        )
        for seed, (accuracy, loss) in enumerate(zip(accuracies, losses, strict=True))
    ]


def bare(record):
    """A record as it is written: without its scores."""
    return {field: value for field, value in record.items() if field != "scores"}


def write_scored(path, records, clusters):
    """Write records and clusters, and their scores where `runs.results` looks for them."""
    write_records(path, [bare(record) for record in records], clusters)
    file = scores_file(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as stream:
        for record in records:
            if record["clusters_digest"] is not None:
                line = {field: record[field] for field in [*RUN, "clusters_digest", "scores"]}
                stream.write(json.dumps(line) + "\n")


def scored(records, clusters, data):
    """Records of a job with the scores of their clusters; see `runs.run.run_job`."""
    split, none = data.sequences.split, dict.fromkeys(SPLITS)
    return [
        made | {"scores": split_scores(clusters[made["seed"]], split, data.labels) if made["usage"] else none}
        for made in records
    ]
