"""The supervised tasks: problems are drawn, and a method learns from some of them and clusters others.

Apart from runs/run.py, because nothing is shared with it but the record: here labels are learned from. Those of the
test problems are withheld from whoever learns; only a control is told how many clusters each of them has.
"""

import resource
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

from datasets.abc import first_appearance
from datasets.problems import Problems
from datasets.seeds import seed_sequence
from datasets.sequences import SPLITS
from methods import progress
from methods.base import InvalidInput, load_method
from methods.checkpoint import resumable
from methods.vectorize import vectorize

from .gpu import unless_lost
from .record import VERSION, clusters_digest
from .run import cost, failure_of, finite, git_state, provenance, time_limit
from .sources import imported_sources, source_digest
from .worker import Worker, WorkerError

JOB_SOURCES = imported_sources(Path(__file__))  # on which a result may depend beside the method's own


def run_task(problems, *, reading, task, method, seeds, settings, limit, device="cpu", folder=None):
    """Learn and predict once a seed.

    Parameters
    ----------
    problems : Problems
        The test problems' clusters withheld.
    reading, task, method : str
    seeds : list of int
    settings : dict
        Of the method.
    limit : float
        Seconds a run may take.
    device : str
    folder : Path, optional
        Where trainings save their state now and then, and go on from.

    Returns
    -------
    records : list of dict
        One a seed.
    clusters : dict of str to ndarray of shape (M,)
        Seed to the cluster of every member, -1 for the training problems, and ``<seed>_again`` to those of the test
        problems read in another order, of a method for which the order means nothing. Of one that finds the number of
        clusters and can do without, ``<seed>_of_<k>`` to those of the test problems as if all had k clusters.

    Raises
    ------
    InvalidInput
        When the problems or a setting can't be used at all, in one line.
    """
    records, clusters = [], {}
    source = provenance(problems, method, settings) | {"device": device, "backend": "torch"}
    origin = source | {"task": task, "method": method, "job_digest": source_digest(JOB_SOURCES)}

    def answer(seed):
        own = folder and folder / f"training-{seed}"
        place = seeds.index(seed) + 1
        with progress.running(f"{task}, {method}, run {place} of {len(seeds)}", len(seeds) - place):
            training = resumable(own, origin | {"seed": seed})
            return learn(problems, task, method, seed, settings, limit, device, training)

    with Worker(answer) as worker:
        for seed in seeds:
            outcome = unless_lost(ask(worker, seed, limit), device)
            if "invalid" in outcome:
                raise InvalidInput(f"{task}, {method}: {outcome['invalid']}")
            for name, found in (outcome.pop("clusters") or {}).items():
                clusters[f"{seed}{name}"] = np.array(found, np.int32)
            what = {"reading": reading, "dataset": task, "method": method, "vectorization": "none", "seed": seed}
            records.append(record(problems, what, source, seed_sequence(seed, task, method), outcome))
    return records, clusters


def ask(worker, seed, limit):
    """What `worker` makes of a seed, be it its own end."""
    start = time.perf_counter()
    try:
        return worker.ask(seed, limit)
    except WorkerError as failure:
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        return failure_of(failure) | cost(time.perf_counter() - start, peak)


def learn(problems, task, method, seed, settings, limit, device, training):
    """Learn and predict once; this is what a `Worker` does.

    Parameters
    ----------
    problems, task, method, seed, settings, limit, device
        As in `run_task`.
    training : context manager
        Around the fit; gives the seconds that earlier attempts spent.

    Returns
    -------
    dict
        The fields of the record that the run gives, and its ``clusters``, lists under what to put behind the seed for
        their name; or ``invalid``: the message of an `InvalidInput`, which is no run's failure but the user's.
    """
    state = int(seed_sequence(seed, task, method).generate_state(1)[0])
    estimator = load_method(method)(**settings, device=device, random_state=state)
    start, spent = time.perf_counter(), 0.0
    try:
        with training as spent, time_limit(limit, spent):
            estimator.fit(problems.part("train"), problems.part("validation"))
            found = {name: estimator.predict(problems.part(name)) for name in ("validation", "test")}
            told = {"": everywhere(problems, found).tolist()}
            if not estimator.ordered:
                words = seed_sequence(seed, task, "order")
                told["_again"] = in_another_order(estimator, problems.part("test"), words).tolist()
            if hasattr(estimator, "predict_each"):  # all of them, as which number is the right one isn't known here
                each = estimator.predict_each(problems.part("test"))
                told |= {f"_of_{k}": own.tolist() for k, own in enumerate(each, start=1)}
    except InvalidInput as error:
        return {"invalid": str(error)}
    except Exception as failure:  # noqa: BLE001 - whatever it is, it becomes a record
        traceback.print_exc()
        outcome = failure_of(failure)
    else:
        outcome = outcome_of(problems, found) | learned(estimator) | {"clusters": told}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return finite(outcome) | cost(time.perf_counter() - start + spent, peak)


def outcome_of(problems, found):
    """The fields of a record that the clusters of the validation and test problems give."""
    usage = sorted(np.unique(found["validation"], return_counts=True)[1].tolist(), reverse=True)
    each = problems.part("validation").split_up(found["validation"])
    collapsed = problems.clusters.max() > 0 and all(len(np.unique(own)) == 1 for own in each)
    return {
        "status": "collapsed" if collapsed else "ok",
        "reason": "in every validation problem all members are in one cluster" if collapsed else None,
        "usage": usage,
        "clusters_digest": clusters_digest(everywhere(problems, found)),
        "loss": {"train": None, "validation": None},
        "loss_curve": {},
        "budget": dict.fromkeys(("updates", "epochs", "parameters")),
    }


def learned(estimator):
    """The fields of a record that training gives."""
    return {
        "loss": {"train": estimator.loss_, "validation": estimator.validation_loss_},
        "loss_curve": estimator.loss_curve_,
        "budget": {
            "updates": estimator.n_updates_,
            "epochs": estimator.n_epochs_,
            "parameters": estimator.n_parameters_,
        },
    }


def record(problems, what, source, entropy, outcome):
    """A whole record."""
    words = {"git": git_state(), "seed_entropy": [int(word) for word in entropy.entropy]}
    most = {"n_clusters": int(problems.clusters.max()) + 1}
    made = (
        {"schema_version": VERSION, "algorithm": what["method"], "split": 0, "trained_on": "train"}
        | most
        | what
        | outcome
    )
    made["budget"] = made["budget"] | {"sequences": len(problems.part("train"))}
    return made | {"provenance": source | words}


def in_another_order(estimator, problems, entropy):
    """Clusters of the members when every problem is read in another, random order, shape (M,)."""
    rng = np.random.default_rng(entropy)
    order = np.concatenate([rng.permutation(places) for places in problems.split_up(np.arange(len(problems.members)))])
    shuffled = Problems(
        problems.objects, problems.members[order], problems.offsets, problems.clusters[order], problems.split
    )
    found = np.empty(len(order), np.int64)
    found[order] = estimator.predict(shuffled)
    return found


def everywhere(problems, found):
    """Clusters of all members, shape (M,), from those of some splits; -1 elsewhere."""
    clusters = np.full(len(problems.members), -1, np.int32)
    of_member = np.repeat(problems.split, problems.sizes)
    for name, own in found.items():
        clusters[of_member == SPLITS.index(name)] = own
    return clusters


def run_control(problems, *, reading, task, method, settings, told, ordered):
    """A method on the objects' time averages, problem by problem: no learning at all.

    Parameters
    ----------
    problems : Problems
        With all clusters, of which their number is used.
    reading, task : str
    method : str
        One that reads vectors.
    settings : dict
        Of the method.
    told : bool
        Whether it has every problem's own number of clusters, or the largest of all, as a method that learns has.
    ordered : bool
        Whether a cluster's number means something to the task's method.

    Returns
    -------
    records, clusters
        As `run_task` gives them, of a single run.
    """
    entropy = seed_sequence(0, task, method)
    states = iter(entropy.generate_state(len(problems)).tolist())
    vectors = vectorize(problems.objects, "avg")
    start, found = time.perf_counter(), {}
    estimator = load_method(method)(**settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=UserWarning)
        for name in ("validation", "test"):
            part = problems.part(name)
            counts = part.counts.tolist() if told else [int(problems.clusters.max()) + 1] * len(part)
            own = [
                estimator.set_params(n_clusters=count, random_state=next(states)).fit_predict(vectors[members])
                for count, members in zip(counts, part.split_up(part.members), strict=True)
            ]
            found[name] = np.concatenate([first_appearance(clusters) for clusters in own] if ordered else own)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = outcome_of(problems, found) | cost(time.perf_counter() - start, peak)
    what = {"reading": reading, "dataset": task, "method": method, "vectorization": "avg", "seed": 0}
    source = provenance(problems, method, settings) | {"device": "cpu", "backend": estimator.backend}
    return [record(problems, what, source, entropy, outcome)], {"0": everywhere(problems, found)}
