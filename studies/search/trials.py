"""The search of one row on one data set: a few runs of every setting, more of the best, and then the test split.

The best are chosen in two ways that know nothing of each other, see `rules`. Up to the choice nothing of the test split
is there: neither its sequences, whose lengths would count in a padded vector, nor its labels. Then the chosen settings
are trained anew, with seeds that none of them was chosen by, and scored on it.

All is kept in a file of JSON lines as soon as it is known. A search that was killed goes on from there, and one with a
larger budget, which takes more settings of the same design, does too.
"""

import functools
import itertools
import json
import os
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score

from datasets.sequences import SPLITS
from datasets.storage import write_text
from methods.progress import told
from reports.data import load_data
from runs.run import provenance, run_job
from runs.score import split_scores
from runs.scores import scores

from ..command import load_records
from .space import FAMILY, METHODS, design

FINALISTS = 3  # of each rule
FEWEST, MOST = 8, 256  # settings of the design; their number is a multiple of the first
AS_IT_IS = 0  # place of the row's own settings, which are searched like the others


def run(dataset, folder, variant, settings):
    """One case: a row on a data set, each of its inputs a search of its own.

    Parameters
    ----------
    dataset : str
    folder : str
        Results of the reading that has the data.
    variant : str
        The row.
    settings : dict
        As `workflow.studies.search_job` gives it.

    Returns
    -------
    dict
    """
    data = load_data(folder, dataset)
    seen = data.sequences.split != SPLITS.index("test")
    known, validation = data.sequences.subset(seen), data.sequences.split == SPLITS.index("validation")
    if not validation.any() or (data.labels[validation] < 0).any():
        raise ValueError(f"{dataset}: the search chooses by a validation split with labels; see split.fractions")
    origin = provenance(known, settings["algorithm"], settings["settings"])
    del origin["threads"]  # a method of one thread says so itself
    log = Log(Path(folder, "search", f"{dataset}.{variant}.jsonl"), origin)
    cells = [Cell(log, known, dataset, variant, vectorization, settings) for vectorization in settings["inputs"]]
    paces = [cell.start() for cell in cells]
    for cell, pace in zip(cells, paces, strict=True):  # all before the first search: a budget too small is told at once
        cell.plan(pace / sum(paces))
    made = []
    for cell in cells:
        chosen = cell.choose(data.labels[validation])
        log.keep({"chosen": chosen, "input": cell.vectorization})
        tested = cell.test(data.sequences, data.labels, [AS_IT_IS, *chosen.values()])
        made.append(cell.described(data.labels[validation]) | {"chosen": chosen, "test": tested})
    return {"dataset": dataset, "row": variant, "cells": made}


class Log:
    """A file of JSON lines, the first of which says what the others come from; another origin starts anew."""

    def __init__(self, path, origin):
        self.path, self.lines = path, load_records(path)
        if self.lines and self.lines[0].get("origin") != origin:
            theirs = self.lines[0].get("origin") or {}
            different = sorted(key for key in origin if theirs.get(key) != origin[key])
            print(f"{path} is of another search ({', '.join(different)} differ) and starts anew", flush=True)
            self.lines = []
        self.lines = self.lines or [{"origin": origin}]
        write_text(path, "".join(map(as_line, self.lines)))  # without a line that was cut off

    def keep(self, line):
        """Add a line that isn't there yet."""
        if line not in self.lines:
            self.lines.append(line)
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(as_line(line))


def as_line(value):
    """One line of JSON."""
    return json.dumps(value, sort_keys=True, allow_nan=False) + "\n"


class Cell:
    """The search of a row on one input: `start`, `plan`, `choose`, `test`, in this order.

    Attributes
    ----------
    points : list of dict
        Settings; the row's own are the first.
    finalists : dict of str to list of int
        Rule to places in `points`, the best first.
    """

    def __init__(self, log, known, dataset, row, vectorization, job):
        self.log, self.known, self.vectorization, self.job = log, known, vectorization, job
        self.what = {"dataset": dataset, "method": row, "vectorization": vectorization, "reading": "search"}
        self.what |= {"algorithm": job["algorithm"], "limit": job["time_limit"]}
        self.budget = job["core_hours"] * 3600 / job["datasets"]  # seconds, of all inputs until `plan`
        self.seeds = dict(zip(("first", "best", "test"), job["seeds"], strict=True))
        self.finalists = {}
        self._done = {key_of(line): line for line in log.lines if "run" in line}

    def start(self):
        """Train the row's own settings; returns their `pace`, after which the inputs share the budget."""
        job, fits = self.job, int((self.known.split == SPLITS.index("train")).sum())
        _, epochs = METHODS[job["algorithm"]](**job["settings"]).budget(fits)
        self.points = [job["settings"] | {"epochs": min(epochs, max(job["epochs"]))}]
        return self.pace()

    def plan(self, share):
        """Fill `points`: as many as its `share` of the budget allows, by what its own settings and the next ones take.

        Raises
        ------
        ValueError
            When that is fewer than `FEWEST`.
        """
        job, fits, own = self.job, int((self.known.split == SPLITS.index("train")).sum()), self.points[0]
        self.budget *= share
        drawn = [job["settings"] | point for point in design(job["algorithm"], job["epochs"], fits, MOST)]
        mean = sum(job["epochs"]) / len(job["epochs"])
        later = mean * (2 * FINALISTS * (self.seeds["best"] - self.seeds["first"]) + 3 * self.seeds["test"])
        takes = later + self.seeds["first"] * np.cumsum([point["epochs"] for point in (own, *drawn)])
        for known in (0, FEWEST):
            self.points = [own, *drawn[:known]]
            seconds = self.pace()
            allowed = max(int((takes[1:] * seconds <= self.budget).sum()) // FEWEST * FEWEST, known)
            if not allowed:
                row, least = self.what["method"], job["core_hours"] * takes[FEWEST] * seconds / self.budget
                least *= 1.05  # so that two digits of it are enough
                raise ValueError(
                    f"search.core_hours.{row}: {job['core_hours']:g} is too little for {FEWEST} settings on"
                    f" {self.what['dataset']} ({self.vectorization}); expected at least {least:.2g}"
                )
        self.points = [own, *drawn[:allowed]]
        self.say(f"{allowed} settings, about {told(takes[allowed] * seconds)} with the test split")

    def pace(self):
        """Seconds that an epoch took, over the first runs of all `points`."""
        runs = [run for place in range(len(self.points)) for run in self.runs(place, self.seeds["first"])]
        return sum(run["seconds"] for run in runs) / sum(run["settings"]["epochs"] for run in runs)

    def runs(self, place, n_seeds):
        """The first `n_seeds` runs of a setting without the test split; those that are known aren't trained again."""
        return [self.one("search", self.points[place], seed, self.known) for seed in range(n_seeds)]

    def one(self, part, point, seed, sequences, labels=None):
        """One run, its clusters of the validation split and, where there are `labels`, its scores on the test split."""
        line = {"run": part, "input": self.vectorization, "settings": point, "seed": seed}
        if key_of(line) not in self._done:
            before = core_seconds()
            (record,), clusters = run_job(sequences, seeds=[seed], settings=point, **self.what)
            found = clusters.get(seed)
            line |= {name: record[name] for name in ("status", "reason", "loss")}
            line["seconds"] = round(core_seconds() - before, 2)
            if labels is None:
                validation = sequences.split == SPLITS.index("validation")
                line["clusters"] = None if found is None else found[validation].tolist()
            else:
                line["scores"] = None if found is None else split_scores(found, sequences.split, labels)["test"]
            self.log.keep(line)
            self._done[key_of(line)] = line
        return self._done[key_of(line)]

    def choose(self, labels):
        """Rule to the place of the setting that it chooses; `labels` are those of the validation split.

        The runs are shared, the races aren't: no rule sees what another one does.
        """
        places = range(len(self.points))
        for place in places:
            self.runs(place, self.seeds["first"])
            if place % FEWEST == 0:
                self.say(f"setting {place} of {len(self.points) - 1}, {told(self.seconds())} of {told(self.budget)}")
        chosen = {}
        for rule, rank in rules(labels).items():
            self.finalists[rule] = rank(self.all_runs(places, "first"))[:FINALISTS]
            self.say(f"the best {rule}: settings {', '.join(map(str, self.finalists[rule]))}")
            chosen[rule] = rank(self.all_runs(self.finalists[rule], "best"))[0]
        return chosen

    def all_runs(self, places, stage):
        """Place to `runs`, as many as the stage asks for."""
        return {place: self.runs(place, self.seeds[stage]) for place in places}

    def test(self, sequences, labels, places):
        """Place to the runs of each chosen setting, by seeds that no choice has seen: scores on the test split."""
        first = max(self.seeds["best"], self.seeds["first"])
        seeds = range(first, first + self.seeds["test"])
        self.say(f"the test split is opened for settings {', '.join(map(str, dict.fromkeys(places)))}")
        return {
            str(place): [self.one("test", self.points[place], seed, sequences, labels) for seed in seeds]
            for place in dict.fromkeys(places)
        }

    def seconds(self):
        """What all runs of the cell took."""
        return sum(line["seconds"] for line in self._done.values() if line["input"] == self.vectorization)

    def described(self, labels):
        """What the page reads of the search; `labels` are those of the validation split."""
        points = []
        for point in self.points:
            runs = [line for line in self._done.values() if line["run"] == "search" and line["settings"] == point]
            runs = [line for line in runs if line["input"] == self.vectorization]
            brief = [{name: run[name] for name in ("seed", "status", "loss", "seconds")} for run in runs]
            accuracies = [accuracy_of(run, labels) for run in runs if run["status"] == "ok"]
            points.append({"settings": point, "runs": brief, "accuracies": accuracies, "agreement": agreement(runs)})
        openings = sum("chosen" in line and line["input"] == self.vectorization for line in self.log.lines)
        return {
            "input": self.vectorization,
            "points": points,
            "finalists": self.finalists,
            "seconds": self.seconds(),
            "budget": self.budget,
            "openings": openings,
        }

    def say(self, line):
        """A line of progress."""
        where = ", ".join(self.what[name] for name in ("dataset", "method", "vectorization"))
        print(f"{where}: {line}", flush=True)


def core_seconds():
    """Seconds of a core that this process and its workers have had, which a busy machine hardly changes."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def key_of(line):
    """What names a run."""
    return json.dumps([line[name] for name in ("run", "input", "settings", "seed")], sort_keys=True)


def family(place):
    """Number of the loss function that the setting at a place of `Cell.points` has."""
    return 0 if place == AS_IT_IS else 1 + (place - 1) // FAMILY


def agreement(runs):
    """Mean adjusted Rand index of two runs on the validation split; 0 for a pair with one that isn't ok."""
    pairs = list(itertools.combinations(runs, 2))
    both = [(a["clusters"], b["clusters"]) for a, b in pairs if a["status"] == b["status"] == "ok"]
    return float(sum(adjusted_rand_score(*pair) for pair in both) / len(pairs)) if pairs else 0.0


def accuracy_of(run, labels):
    """Accuracy of a run on the validation split; 0 for one that isn't ok, which ranks it and enters no mean."""
    return scores(labels, run["clusters"])["accuracy"] if run["status"] == "ok" else 0.0


def mean_loss(runs):
    """(Runs that aren't ok, mean loss of the others on the validation split), lower is better."""
    losses = [run["loss"]["validation"] for run in runs if run["status"] == "ok"]
    return len(runs) - len(losses), float(np.mean(losses)) if losses else np.inf


def rules(labels):
    """Name to what ranks places by their runs, the best first; `labels`, of the validation split, reach one alone."""
    return {
        "without labels": by_loss_and_agreement,
        "by validation accuracy": functools.partial(by_accuracy, labels=labels),
    }


def by_loss_and_agreement(found):
    """Of every family the setting with the lowest loss, and of these those whose seeds agree most, first."""
    leaders = {}
    for place in sorted(found, key=lambda place: mean_loss(found[place])):
        leaders.setdefault(family(place), place)
    return sorted(leaders.values(), key=lambda place: (-agreement(found[place]), place))


def by_accuracy(found, labels):
    """The settings with the highest mean accuracy on the validation split first."""
    means = {place: float(np.mean([accuracy_of(run, labels) for run in runs])) for place, runs in found.items()}
    return sorted(found, key=lambda place: (-means[place], place))
