"""Records that keep the schema, for tests of what is made from them."""

from runs.scores import SCORES


def record(**changes):
    """An ok record; a failing ``status`` empties what such a run doesn't have."""
    made = {
        "schema_version": 1,
        "reading": "test",
        "dataset": "arabic_digits",
        "method": "rddc",
        "vectorization": "none",
        "seed": 0,
        "n_clusters": 10,
        "status": "ok",
        "reason": None,
        "scores": {part: score(0.7) for part in ("train", "validation", "test")},
        "usage": [60, 40],
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
            "loss": {"train": None, "validation": None},
            "loss_curve": {},
        }
    return made


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
