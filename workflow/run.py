"""One job: a method on a data set for a block of seeds. Whatever happens to a run, it leaves a record."""

import contextlib
import hashlib
import os
import platform
import resource
import signal
import subprocess
import time
import traceback
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from datasets.seeds import seed_sequence
from datasets.sequences import SPLITS
from methods.base import Diverged, InvalidInput, load_method
from methods.vectorize import vectorize
from reports.scores import scores

from .plan import ROOT, imported_sources


class TimeLimit(Exception):
    """A run used up its time."""


@contextlib.contextmanager
def time_limit(seconds):
    """Raise `TimeLimit` in the block after `seconds`, between two Python instructions."""

    def stop(_signal, _frame):
        raise TimeLimit(f"stopped at its limit of {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def status_of(failure):
    """Status and one-line reason of an exception that ended a run."""
    names = {
        Diverged: "diverged",
        TimeLimit: "timeout",
        MemoryError: "oom",
        torch.OutOfMemoryError: "oom",
    }
    status = next((name for kind, name in names.items() if isinstance(failure, kind)), "error")
    # torch's CPU allocator says so in words only.
    if isinstance(failure, RuntimeError) and "not enough memory" in str(failure):
        status = "oom"
    reason = " ".join(str(failure).split()) or type(failure).__name__
    return status, reason if status in ("diverged", "timeout") else f"{type(failure).__name__}: {reason}"


def fit_block(estimator, X, random_states, limit):
    """Fit once a random state; yields (outcome, seconds), the outcome a fitted estimator or an exception.

    On a GPU the block trains together; on a CPU one by one, each under its own time limit. Invalid input is no run's
    failure but the user's, and is raised.
    """
    together = getattr(estimator, "device", "cpu") != "cpu"
    for group in [random_states] if together else [[state] for state in random_states]:
        start = time.perf_counter()
        try:
            with time_limit(limit * len(group)):
                outcomes = estimator.fit_seeds(X, group)
        except InvalidInput:
            raise
        except Exception as failure:  # noqa: BLE001 - whatever it is, it becomes a record
            traceback.print_exc()
            outcomes = [failure] * len(group)
        seconds = (time.perf_counter() - start) / len(group)
        yield from ((outcome, seconds) for outcome in outcomes)


def run_job(
    sequences, *, reading, dataset, method, vectorization, seeds, settings, limit, n_clusters=None, device="cpu"
):
    """Train, predict and score one method for a block of seeds.

    Parameters
    ----------
    sequences : Sequences
        With splits; labels are used for scoring and for the number of clusters alone.
    reading, dataset, method, vectorization : str
    seeds : list of int
    settings : dict
        Of the method.
    limit : float
        Seconds a run may take.
    n_clusters : int, optional
        The number of classes when left out.
    device : str

    Returns
    -------
    records : list of dict
        One a seed, in order.
    clusters : dict of int to ndarray of shape (n,)
        Seed to the cluster of every sequence.

    Raises
    ------
    InvalidInput
        When the input or a setting can't be used at all, in one line.
    """
    where = f"{dataset}, {method}, {vectorization}"
    n_clusters = n_clusters or sequences.n_classes
    if n_clusters < 1:
        raise InvalidInput(f"{where}: the data set has no labels; give n_clusters")
    X = sequences if vectorization == "none" else vectorize(sequences, vectorization)
    parts = {name: np.flatnonzero(sequences.split == number) for number, name in enumerate(SPLITS)}
    take = X.subset if vectorization == "none" else X.__getitem__
    estimator = load_method(method)(n_clusters=n_clusters, **settings)
    if "device" in estimator.get_params():
        estimator.set_params(device=device)
    entropy = {seed: seed_sequence(seed, dataset, method) for seed in seeds}
    states = [int(entropy[seed].generate_state(1)[0]) for seed in seeds]
    records, clusters = [], {}
    try:
        with warnings.catch_warnings():
            # scikit-learn warns where a run is degenerate; the record's status says so instead.
            warnings.simplefilter("ignore", category=UserWarning)
            for seed, (outcome, seconds) in zip(
                seeds, fit_block(estimator, take(parts["train"]), states, limit), strict=True
            ):
                record = {
                    "schema_version": 1,
                    "reading": reading,
                    "dataset": dataset,
                    "method": method,
                    "vectorization": vectorization,
                    "seed": seed,
                    "n_clusters": n_clusters,
                    "provenance": provenance(sequences, method, settings, estimator, device, entropy[seed]),
                }
                if not isinstance(outcome, Exception):
                    found = outcome.predict(X)
                    clusters[seed] = found.astype(np.int32)
                    validation = outcome.score_loss(take(parts["validation"])) if len(parts["validation"]) else None
                    record |= outcome_of(outcome, found, sequences.labels, parts, validation)
                else:
                    record |= failure_of(outcome)
                record["budget"]["sequences"] = len(parts["train"])
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                record["cost"] = {"seconds": round(seconds, 3), "peak_memory_mib": round(peak, 1)}
                if device != "cpu":
                    record["cost"]["gpu"] = os.environ.get("CUDA_VISIBLE_DEVICES")
                records.append(record)
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error}") from error
    return records, clusters


def outcome_of(fitted, found, labels, parts, validation_loss):
    """The fields of a record that a fitted estimator gives; too few clusters make it a collapsed run."""
    usage = sorted(np.unique(fitted.labels_, return_counts=True)[1].tolist(), reverse=True)
    collapsed = len(usage) < fitted.n_clusters
    share = usage[0] / sum(usage)
    return {
        "status": "collapsed" if collapsed else "ok",
        "reason": f"{len(usage)} of {fitted.n_clusters} clusters are used; the largest holds {share:.0%}"
        if collapsed
        else None,
        "scores": {name: scores(labels[index], found[index]) if len(index) else None for name, index in parts.items()},
        "usage": usage,
        "loss": {"train": fitted.loss_, "validation": validation_loss},
        "loss_curve": fitted.loss_curve_,
        "budget": {
            "updates": fitted.n_updates_,
            "epochs": fitted.n_epochs_,
            "parameters": fitted.n_parameters_,
        },
    }


def failure_of(failure):
    """The fields of a record of a run that gave no clusters."""
    status, reason = status_of(failure)
    return {
        "status": status,
        "reason": reason,
        "scores": dict.fromkeys(SPLITS),
        "usage": None,
        "loss": {"train": None, "validation": None},
        "loss_curve": {},
        "budget": dict.fromkeys(("updates", "epochs", "parameters")),
    }


def provenance(sequences, method, settings, estimator, device, entropy):
    """What a result came from."""
    return {
        "git": git_state(),
        "settings": settings,
        "data_digest": sequences.digest(),
        "source_digest": source_digest(imported_sources(ROOT / "methods" / f"{method}.py")),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "torch")},
        "device": device if device == "cpu" else torch.cuda.get_device_name(device),
        "backend": estimator.backend,
        "threads": torch.get_num_threads(),
        "seed_entropy": [int(word) for word in entropy.entropy],
    }


def git_state():
    """Commit and whether files differ from it; both None outside a checkout."""
    command = ["git", "-C", str(ROOT)]
    head = subprocess.run([*command, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    if head.returncode:
        return {"sha": None, "dirty": None}
    status = subprocess.run([*command, "status", "--porcelain"], capture_output=True, text=True, check=False)
    return {"sha": head.stdout.strip(), "dirty": bool(status.stdout.strip())}


def source_digest(paths):
    """SHA-256 over the names and contents of source files."""
    sha = hashlib.sha256()
    for path in map(Path, paths):
        sha.update(path.name.encode() + b"\0" + path.read_bytes())
    return sha.hexdigest()
