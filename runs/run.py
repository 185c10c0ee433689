"""One job: a method on a data set for a block of seeds. Whatever happens to a run, it leaves a record."""

import contextlib
import functools
import math
import os
import platform
import re
import resource
import signal
import subprocess
import sys
import time
import traceback
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info

from datasets.seeds import seed_sequence, split_words
from datasets.sequences import SPLITS, Sequences
from datasets.text import one_line
from methods.base import Diverged, InvalidInput, load_method
from methods.checkpoint import resumable
from methods.progress import running
from methods.vectorize import vectorize

from .gpu import unless_lost
from .record import VERSION, clusters_digest
from .resume import Resume
from .sources import ROOT, imported_sources, source_digest
from .worker import LONGEST, Killed, TimeLimit, Worker, WorkerError

ARITHMETIC = ("numpy", "scipy", "scikit-learn", "torch", "aeon", "tslearn", "numba", "umap-learn")  # of any method
JOB_SOURCES = imported_sources(Path(__file__))


@contextlib.contextmanager
def time_limit(seconds, spent=0.0):
    """Raise `TimeLimit` in the block after `seconds`, `spent` of them already, between two Python instructions."""

    def stop(_signal, _frame):
        raise TimeLimit(f"stopped at its limit of {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, max(seconds - spent, 1e-3))
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
        Killed: "oom",
        MemoryError: "oom",
    }
    status = next((name for kind, name in names.items() if isinstance(failure, kind)), "error")
    # torch has an exception of its own on a GPU, and its CPU allocator says so in words only.
    if isinstance(failure, RuntimeError) and (
        "not enough memory" in str(failure) or "OutOfMemory" in type(failure).__name__
    ):
        status = "oom"
    # Some libraries refuse what their own sums became: the user's input is finite, or it would be an `InvalidInput`.
    if isinstance(failure, ValueError) and re.search("(contains|must not contain) (NaN|infinity|infs)", str(failure)):
        status = "diverged"
    reason = one_line(failure) or type(failure).__name__
    return status, reason if isinstance(failure, Diverged | WorkerError) else f"{type(failure).__name__}: {reason}"


def train(estimator, vectorized, parts, seeds, limit, training, keep=None):
    """Fit and predict with a group of seeds, together on a GPU; this is what a `Worker` does.

    Parameters
    ----------
    estimator : Clusterer
    vectorized : callable
        Gives X, an ndarray or Sequences; here, where the memory that it takes is the run's.
    parts : dict of str to ndarray
        Indices of the validation split and of what is ``fitted``.
    seeds : dict of int to int
        Seed to random state.
    limit : float
        Seconds for each seed.
    training : context manager
        Around the fit; gives the seconds that earlier attempts spent.
    keep : Path, optional
        Folder for the fitted estimators, ``<random state>.npz``.

    Returns
    -------
    dict
        ``runs``: for each seed the fields of its record, and its ``clusters``. Or ``invalid``: the message of an
        `InvalidInput`, which is no run's failure but the user's.
    """
    start, spent = time.perf_counter(), 0.0
    forget_peak()
    try:
        with warnings.catch_warnings(), training as spent, time_limit(limit * len(seeds), spent):
            # scikit-learn and numpy warn where a run is degenerate; the record's status says so instead.
            for category in (UserWarning, RuntimeWarning):
                warnings.simplefilter("ignore", category)
            X = vectorized()
            start = time.perf_counter()
            outcomes = estimator.fit_seeds(take(X, parts["fitted"]), list(seeds.values()))
            seconds = time.perf_counter() - start
            runs = [told_of(outcome, X, parts) for outcome in outcomes]
            for outcome, fields in zip(outcomes, runs, strict=True) if keep is not None else ():
                if fields["status"] in ("ok", "collapsed"):
                    outcome.save(keep / f"{outcome.random_state}.npz")
    except InvalidInput as error:
        return {"invalid": str(error)}
    except Exception as failure:  # noqa: BLE001 - whatever it is, it becomes a record
        traceback.print_exc()
        seconds = time.perf_counter() - start
        runs = [failure_of(failure) for _ in seeds]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"runs": [fields | cost((seconds + spent) / len(seeds), peak) for fields in runs]}


def forget_peak():
    """Let this process's peak memory begin anew, so that no earlier run's is taken for the next one's (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def take(X, index):
    """The sequences or vectors at `index`."""
    return X.subset(index) if isinstance(X, Sequences) else X[index]


def cost(seconds, peak):
    """The measured field of a record, from seconds and KiB."""
    return {"cost": {"seconds": round(seconds, 3), "peak_memory_mib": round(peak / 1024, 1)}}


def attempt(worker, progress, seeds, limit):
    """Pairs (seed, fields): what `worker` makes of a group of seeds, be it its own end."""
    start = time.perf_counter()
    try:
        answer = worker.ask({"seeds": seeds} | progress.checkpoint(seeds), limit * len(seeds))
    except WorkerError as failure:
        print(f"seeds {seeds}: {failure}", file=sys.stderr)
        seconds = (time.perf_counter() - start) / len(seeds)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        answer = {"runs": [failure_of(failure) | cost(seconds, peak) for _ in seeds]}
    if "invalid" in answer:
        raise InvalidInput(answer["invalid"])
    return zip(seeds, answer["runs"], strict=True)


def attempts(worker, progress, groups, limit, most_timeouts=None):
    """Pairs (seed, fields) of all groups.

    Seeds that ran out of memory are tried again at the end, half as many together, in a fresh process; one that was
    alone from the start, once more. After `most_timeouts` runs at their limit no other is tried, nor any once
    more: one that ran out of memory is told as that.
    """
    left = [(group, {}) for group in groups]
    for group, before in left:  # which grows on the way
        late = sum(took_all(fields) for fields in progress.runs.values())
        if most_timeouts and late >= most_timeouts:
            reason = f"not tried after {late} other run{'s' * (late > 1)} at the limit of {limit:g} s"
            untried = ((seed, failure_of(TimeLimit(reason)) | cost(0.0, 0.0)) for seed in group)
            yield from before.items() or untried
            continue
        if before:
            worker.stop()
        failed = []
        for seed, fields in attempt(worker, progress, group, limit):
            if fields["status"] == "oom" and not (before and len(group) == 1):
                failed.append((seed, fields))
            else:
                yield seed, fields
        half = (len(failed) + 1) // 2
        left += [([seed for seed, _ in part], dict(part)) for part in (failed[:half], failed[half:]) if part]


def took_all(fields):
    """Whether a run used up its time; one that wasn't tried, or whose pretraining did, took no memory."""
    return fields["status"] == "timeout" and fields["cost"]["peak_memory_mib"] > 0


def run_job(
    sequences,
    *,
    dataset,
    vectorization,
    seeds,
    settings,
    limit,
    most_timeouts=None,
    device="cpu",
    resume=None,
    pretrained=None,
    start=None,
    keep=None,
    **what,
):
    """Train and predict with one method for a block of seeds.

    Parameters
    ----------
    sequences : Sequences
        With splits.
    dataset, vectorization : str
    seeds : list of int
    settings : dict
        Of the method.
    limit : float
        Seconds a run may take.
    most_timeouts : int, optional
        Runs at their limit after which the others aren't tried: each is a record all the same.
    device : str
    resume : Resume, optional
        Where an interrupted job finds what it had done; its folder is made when that takes a while, and never removed.
    pretrained : dict, optional
        The row whose pretraining the runs start from: its ``method`` and ``algorithm``, whose random numbers they draw.
    start : dict, optional
        What `runs.record.read_pretraining` tells of that row's runs on this input.
    keep : Path, optional
        Folder for the fitted estimators that others start from.
    **what
        As `run_fields` takes it: reading, method, split, trained_on, algorithm, n_clusters.

    Returns
    -------
    records : list of dict
        One a seed, in order.
    clusters : dict
        Seed to the cluster of every sequence, shape (n,), and ``<seed>_<name>`` to each of the run's embeddings and
        to what `methods.base.Clusterer.confidence` gives.

    Raises
    ------
    InvalidInput
        When the input or a setting can't be used at all, in one line.
    """
    run = run_fields(sequences, settings, dataset=dataset, vectorization=vectorization, **what)
    where = f"{dataset}, {run['method']}, {vectorization}"
    wanted = {"fitted": run["trained_on"], "validation": "validation"}
    parts = {name: np.flatnonzero(sequences.split == SPLITS.index(part)) for name, part in wanted.items()}
    alone = parts["fitted"] if run["trained_on"] == "test" else None
    vectorized = functools.cache(lambda: vectorize(sequences, vectorization, alone))
    estimator = load_method(run["algorithm"])(**settings | {"n_clusters": run["n_clusters"]})
    if "device" in estimator.get_params():
        estimator.set_params(device=device)
    drawn = (pretrained or run)["algorithm"]
    entropy = {seed: seed_sequence(seed, dataset, drawn, *split_words(run["split"])) for seed in seeds}
    if pretrained:
        estimator.set_params(pretrained=str(start["folder"]))

    def answer(request):
        if request is None:
            return {"device": device_name(device), "backend": estimator.backend}
        last = seeds.index(request["seeds"][-1])
        states = {seed: int(entropy[seed].generate_state(1)[0]) for seed in request["seeds"]}
        with running(f"{where}, run {last + 1} of {len(seeds)}", len(seeds) - last - 1):
            training = resumable(request["folder"], request["origin"])
            return train(estimator, vectorized, parts, states, limit, training, keep)

    try:
        with Worker(answer) as worker:
            # It may compile a kernel first, which is no run's time.
            source = provenance(sequences, run["algorithm"], settings) | worker.ask(None, LONGEST)
            source |= {"pretrained": pretrained["method"]} if pretrained else {}
            limits = {"limit": limit} | ({"most_timeouts": most_timeouts} if most_timeouts else {})
            origin = run | source | limits | {"job_digest": source_digest(JOB_SOURCES)}
            origin |= {"start": start["digest"]} if pretrained else {}
            origin |= {"lends": True} if keep else {}  # a run made before it did left nothing to start from
            progress = (resume or Resume()).cell(vectorization, origin)
            progress.runs |= failed_before(pretrained, start, seeds)
            left = [seed for seed in seeds if seed not in progress.runs]
            together = left and getattr(estimator, "device", "cpu") != "cpu"
            groups = [left] if together else [[seed] for seed in left]
            for seed, fields in attempts(worker, progress, groups, limit, most_timeouts):
                progress.keep(seed, unless_lost(fields, device))
    except InvalidInput as error:
        n_fitted = len(parts["fitted"])
        of = f" ({n_fitted} of {len(sequences)} sequences are for training)" if n_fitted < len(sequences) else ""
        raise InvalidInput(f"{where}: {error}{of}") from error
    made = whole_records(run, source, entropy, progress.runs, len(parts["fitted"]), device)
    for record in made[0] if pretrained else ():
        record["cost"] |= {"pretraining_seconds": start["runs"][record["seed"]]["seconds"]}
    return made


def failed_before(pretrained, start, seeds):
    """Seed to the fields of its run where there is no pretraining to start from: it failed as that did."""
    runs = {seed: start["runs"][seed] for seed in seeds} if pretrained else {}
    return {
        seed: failure_of(Diverged(""))
        | {"status": said["status"], "reason": f"its pretraining, {pretrained['method']}: {said['reason']}"}
        | cost(0.0, 0.0)
        for seed, said in runs.items()
        if said["status"] not in ("ok", "collapsed")
    }


def run_fields(
    sequences,
    settings,
    *,
    reading,
    dataset,
    method,
    vectorization,
    split=0,
    trained_on="train",
    algorithm=None,
    n_clusters=None,
):
    """The fields of a record that are known before the run.

    Parameters
    ----------
    sequences : Sequences
    settings : dict
    reading, dataset, method, vectorization : str
    split : int
        Number of the split that the sequences have.
    trained_on : {"train", "test"}
        Part of the split that the method is fitted to: the test split for one that clusters it by itself.
    algorithm : str, optional
        File in ``methods/`` that the row `method` runs; that of the same name when left out.
    n_clusters : int, optional
        That of `settings`, or the number of classes, when left out.

    Raises
    ------
    InvalidInput
        When nothing says how many clusters there are, or `settings` say another number.
    """
    where, said = f"{dataset}, {method}, {vectorization}", settings.get("n_clusters", n_clusters)
    if n_clusters not in (None, said):
        raise InvalidInput(f"{where}: n_clusters={n_clusters}, but {said} in the settings")
    if said is None and not sequences.n_classes:
        raise InvalidInput(f"{where}: the data set has no labels; give n_clusters")
    return {
        "schema_version": VERSION,
        "reading": reading,
        "dataset": dataset,
        "method": method,
        "algorithm": algorithm or method,
        "vectorization": vectorization,
        "split": split,
        "trained_on": trained_on,
        "n_clusters": sequences.n_classes if said is None else said,
    }


def whole_records(run, source, entropy, outcomes, n_train, device):
    """Records of all seeds, and their clusters, from what `train` made of each; see `run_job`."""
    records, clusters, git = [], {}, {"git": git_state()}
    for seed, words in entropy.items():
        fields = dict(outcomes[seed])
        found = fields.pop("clusters")
        if found is not None:
            clusters[seed] = np.array(found, np.int32)
        embeddings = fields.pop("embeddings", {})
        clusters |= {f"{seed}_{name}": as_small(points) for name, points in embeddings.items()}
        fields["budget"] = {"sequences": n_train} | fields["budget"]
        if device != "cpu":
            fields["cost"] |= {"gpu": os.environ.get("CUDA_VISIBLE_DEVICES")}
        where = git | source | {"seed_entropy": [int(word) for word in words.entropy]}
        records.append(run | {"seed": seed, "provenance": where} | fields)
    return records, clusters


def as_small(points):
    """Points as float32, or as float64 where float32 can't hold one of them."""
    with np.errstate(over="ignore"):
        small = np.array(points, np.float32)
    return small if np.isfinite(small).all() else np.array(points, np.float64)


def told_of(outcome, X, parts):
    """`fields_of`; what one of several runs fails by is its own failure."""
    try:
        return fields_of(outcome, X, parts)
    except (InvalidInput, TimeLimit):
        raise
    except Exception as failure:  # noqa: BLE001 - whatever it is, it becomes a record
        traceback.print_exc()
        return failure_of(failure)


def fields_of(outcome, X, parts):
    """The fields of a record, and the clusters, of a fitted estimator or of the exception that ended its training."""
    if isinstance(outcome, Exception):
        if not isinstance(outcome, Diverged):
            traceback.print_exception(outcome)
        return failure_of(outcome)
    found = clusters_of(outcome, X, parts["fitted"])
    validation = outcome.score_loss(take(X, parts["validation"])) if len(parts["validation"]) else None
    known = outcome.confidence_ if len(parts["fitted"]) == len(X) else None
    embeddings = outcome.embeddings_ | (known or outcome.confidence(X))
    beside = {"clusters": found.tolist(), "embeddings": {name: points.tolist() for name, points in embeddings.items()}}
    return finite(outcome_of(outcome, found, validation) | beside)


def finite(fields):
    """The fields of a record, or those of a run that diverged where a number among them isn't finite."""
    trouble = not_finite({name: fields.get(name) for name in ("loss", "loss_curve", "embeddings")})
    return failure_of(Diverged(trouble)) if trouble else fields


def not_finite(value, where=()):
    """The first number of a record's field that isn't finite, as a sentence; None where all are."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    told = (not_finite(part, (*where, str(key))) for key, part in parts)
    if isinstance(value, float) and not math.isfinite(value):
        return f"{' '.join(where)} is {value}"
    return next(filter(None, told), None)


def clusters_of(fitted, X, own):
    """Cluster of every sequence: for its `own` data those of the fit, where predicting can take as long as fitting."""
    found, others = np.zeros(len(X), np.int64), np.setdiff1d(np.arange(len(X)), own)
    found[own] = fitted.labels_
    if len(others):
        found[others] = fitted.predict(take(X, others))
    return found


def outcome_of(fitted, found, validation_loss):
    """The fields of a record that a fitted estimator gives; too few clusters make it a collapsed run."""
    usage = sorted(np.unique(fitted.labels_, return_counts=True)[1].tolist(), reverse=True)
    collapsed = len(usage) < fitted.fewest_clusters
    share = usage[0] / sum(usage)
    return {
        "status": "collapsed" if collapsed else "ok",
        "reason": f"{len(usage)} of {fitted.fewest_clusters} clusters are used; the largest holds {share:.0%}"
        if collapsed
        else None,
        "usage": usage,
        "clusters_digest": clusters_digest(found),
        "loss": {"train": fitted.loss_, "validation": validation_loss},
        "loss_curve": fitted.loss_curve_,
        "budget": {
            "updates": fitted.n_updates_,
            "epochs": fitted.n_epochs_,
            "parameters": fitted.n_parameters_,
        }
        | ({} if fitted.n_sequences_ is None else {"sequences": fitted.n_sequences_}),
    }


def failure_of(failure):
    """The fields of a record of a run that gave no clusters."""
    status, reason = status_of(failure)
    return {
        "status": status,
        "reason": reason,
        "usage": None,
        "clusters_digest": None,
        "loss": {"train": None, "validation": None},
        "loss_curve": {},
        "budget": dict.fromkeys(("updates", "epochs", "parameters")),
        "clusters": None,
    }


def provenance(sequences, algorithm, settings):
    """What the results of a job come from, but for the commit; the device and the backend are the worker's to say."""
    return {
        "settings": settings,
        "data_digest": sequences.digest(),
        "source_digest": source_digest(imported_sources(ROOT / "methods" / f"{algorithm}.py")),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in ARITHMETIC},
        "threads": max((pool["num_threads"] for pool in threadpool_info()), default=1),
    }


def device_name(device):
    """Name of the device; only for a worker, since the start of CUDA in its parent would spoil every fork."""
    if device == "cpu":
        return device
    import torch  # here, so that a method without torch runs without loading it

    return torch.cuda.get_device_name(device)


@functools.cache
def git_state():
    """Commit and whether files differ from it; both None outside a checkout."""
    command = ["git", "-C", str(ROOT), "status", "--porcelain=v2", "--branch"]
    status = subprocess.run(command, capture_output=True, text=True, check=False)
    if status.returncode:
        return {"sha": None, "dirty": None}
    lines = status.stdout.splitlines()
    sha = next(line.split()[-1] for line in lines if line.startswith("# branch.oid "))
    return {"sha": sha, "dirty": any(not line.startswith("#") for line in lines)}
