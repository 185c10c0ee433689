"""How long the whole will take, said before anything starts: from records of earlier runs, and at most."""

import statistics
from pathlib import Path

from methods.progress import told
from runs.results import each_record

from . import jobs

HALVES = "0-3"  # as many fits as `runs.halves` makes; each counts as one on all data


def print_estimate(readings, planned, at_once):
    """Print `estimate`; nothing where no run is planned."""
    for line in estimate(readings, planned, at_once):
        print(line)


def estimate(readings, planned, at_once):
    """Lines about the trainings that are to be done.

    Parameters
    ----------
    readings : dict of str to dict
        Name to resolved config.
    planned : list of dict
        Wildcards of every training: reading, dataset, method, inputs, and block unless it is one of halves.
    at_once : int
        Jobs at a time: cores, or the places of a cluster.

    Returns
    -------
    list of str
    """
    if not planned:
        return []
    at_once = min(at_once, len(planned))
    earlier = {results: earlier_seconds(results) for results in {of["results"] for of in readings.values()}}
    took, most, unknown = [], 0, []
    for job in planned:
        resolved, inputs = readings[job["reading"]], job["inputs"].split("-")
        seeds = jobs.runs_of("one", job.get("block", HALVES))
        most += seeds * len(inputs) * jobs.run_limit(resolved, job["method"])
        for how in inputs:
            seconds = earlier[resolved["results"]].get((job["dataset"], job["method"], how))
            took += [seconds] * seeds if seconds is not None else []
            unknown += [job["method"]] * seeds if seconds is None else []
    bound = f"at most {told(most / at_once)} by time_limit, {at_once} at a time"
    if not took:
        return [f"{len(unknown)} runs to train; no earlier run tells how long they take, {bound}."]
    rest = f"; not known of {', '.join(dict.fromkeys(unknown))}" if unknown else ""
    share = f"{len(took)} of {len(took) + len(unknown)} runs to train"
    return [f"{share} took about {told(sum(took) / at_once)} before{rest}; {bound}."]


def earlier_seconds(results):
    """(data set, method, input) to the median seconds of a run, from all records below a folder that can be read."""
    seconds = {}
    for file in Path(results).glob("*/records/*/*.jsonl"):
        try:
            for record in each_record([file]):
                cell = record["dataset"], record["method"], record["vectorization"]
                seconds.setdefault(cell, []).append(record["cost"]["seconds"])
        except (OSError, ValueError):
            continue  # it will be made anew, or refused where it is needed
    return {cell: statistics.median(found) for cell, found in seconds.items()}
