"""How long the whole will take, before anything starts: by records of earlier runs or a timed pilot, and at most."""

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from datasets.text import one_line
from methods.progress import FEW, interval, told
from runs.gpu import visible_devices
from runs.worker import GRACE

from . import catalogue, jobs
from .rows import algorithm, method_settings

ROW, ALL = 15, 60  # seconds that the pilot may take for one row, and for all
BY = {
    (True, False): "took about {} before",
    (False, True): "take about {} by a pilot of {} updates each",
    (True, True): "take about {}, by earlier runs and a pilot of {} updates each",
}


def print_estimate(readings, planned, at_once, stale=None):
    """Print `estimate`, nothing where no run is planned.

    With a pilot, unless no progress is asked for, nobody watches as under CI, or there is no `stale`: the files that
    are to be made anew.
    """
    asked = stale is not None and interval() and "CI" not in os.environ
    try:
        lines = estimate(readings, planned, at_once, lambda cells: piloted(readings, cells, stale) if asked else {})
    except (OSError, ValueError) as error:
        lines = [f"no estimate: {one_line(error)}"]
    print("".join(f"{line}\n" for line in lines), end="", flush=True)


def estimate(readings, planned, at_once, pilot=lambda cells: {}):
    """Lines about the trainings that are to be done.

    Parameters
    ----------
    readings : dict of str to dict
        Name to resolved config.
    planned : list of dict
        Wildcards of every training: reading, dataset, method, inputs, and block unless it is one of halves.
    at_once : int
        Jobs at a time: cores, or the places of a cluster.
    pilot : callable
        Takes the cells (reading, dataset, method, input) that no earlier run tells of, and gives the seconds of a run
        for those that it could time, as a dict.

    Returns
    -------
    list of str
    """
    if not planned:
        return []
    at_once = min(at_once, len(planned))
    earlier = {results: earlier_seconds(results) for results in {of["results"] for of in readings.values()}}
    each = list(map(cells_of, planned))
    runs = sum(each, Counter())
    before = {cell: earlier[readings[cell[0]]["results"]].get(cell[1:]) for cell in runs}
    timed = pilot([cell for cell, seconds in before.items() if seconds is None])
    seconds = {cell: found for cell, found in (before | timed).items() if found is not None}
    limit = {cell: jobs.run_limit(readings[cell[0]], cell[2]) for cell in runs}
    # One job's runs follow each other, and where jobs have to wait the longest may be the last to start.
    bound = longest = max(sum(limit[cell] * of[cell] for cell in of) for of in each)
    if len(planned) > at_once:
        bound = sum(runs[cell] * limit[cell] for cell in runs) / at_once + (1 - 1 / at_once) * longest
    bound = f"at most {told(bound)} by time_limit, {at_once} at a time"
    known = sum(runs[cell] for cell in seconds)
    if not known:
        return [f"{runs.total()} runs to train; no earlier run tells how long they take, {bound}."]
    took = sum(runs[cell] * min(seconds[cell], limit[cell]) for cell in seconds) / at_once
    by = BY[any(cell not in timed for cell in seconds), any(cell in timed for cell in seconds)].format(told(took), FEW)
    unknown = dict.fromkeys(cell[2] for cell in runs if cell not in seconds)
    rest = f"; not known of {', '.join(unknown)}" if unknown else ""
    slow = {cell[2]: f"{cell[2]} ({told(seconds[cell])})" for cell in seconds if seconds[cell] > limit[cell]}
    over = [f"A run may be stopped by its time_limit: {', '.join(slow.values())}."] if slow else []
    return [f"{known} of {runs.total()} runs to train {by}{rest}; {bound}.", *over]


def cells_of(job):
    """Cell (reading, dataset, method, input) to the number of runs of a planned job; a fit of half counts as one."""
    count = len(jobs.seeds_and_split(job["block"])[0]) if "block" in job else jobs.FITS_OF_HALVES
    return Counter({(job["reading"], job["dataset"], job["method"], how): count for how in job["inputs"].split("-")})


def earlier_seconds(results):
    """(data set, method, input) to the median seconds of a run, from all records below a folder that can be read."""
    from runs.results import each_record  # here, as its libraries take longer to import than most plans to make

    seconds = {}
    for file in Path(results).glob("*/records/*/*.jsonl"):
        try:
            for record in each_record([file]):
                if not record["cost"]["peak_memory_mib"]:  # not tried, after timeouts or failed pretraining
                    continue
                cell = record["dataset"], record["method"], record["vectorization"]
                seconds.setdefault(cell, []).append(record["cost"]["seconds"])
        except (OSError, ValueError):
            continue  # it will be made anew, or refused where it is needed
    return {cell: statistics.median(found) for cell, found in seconds.items()}


def piloted(readings, cells, stale):
    """Seconds of a run of each cell (reading, dataset, method, input) that can be timed, by `runs.pilot`.

    Of data with several numbers of clusters, the largest stands for all.
    """
    asked = {}
    for cell in cells:
        reading, dataset, method, how = cell
        resolved = readings[reading]
        if visible_devices() and catalogue.gpus(algorithm(resolved, method)):
            continue  # seeds train together there, which no pilot on a CPU tells of
        file, job = f"{resolved['results']}/{reading}/data/{dataset}.npz", jobs.prepare_job(resolved, dataset)
        k = job["settings"].get("k")
        alike = job | {"settings": job["settings"] | {"k": None}, "dataset": None if k else dataset}
        row = {"algorithm": algorithm(resolved, method), "vectorization": how}
        row["settings"] = method_settings(resolved, method, dataset)
        if method in jobs.rows_pretrained(resolved):  # its pretraining is another row's time
            row["settings"] |= {name: 1 for name in ("layer_updates", "pretrain_updates") if name in row["settings"]}
        data = {"data": file if Path(file).exists() and file not in stale else None, "prepare": json.dumps(job), "k": k}
        of = asked.setdefault(json.dumps([alike, row]), [{"k": None}, []])
        of[1].append(cell)
        if not of[0]["k"] or k > of[0]["k"]:
            of[0] = row | data
    if not asked:
        return {}
    print(f"Timing {FEW} updates of {len(asked)} rows first, for at most {ALL} s.", flush=True)
    rows = [row for row, _ in asked.values()]
    found = ask({"rows": rows, "row": ROW, "until": time.time() + ALL})
    pairs = zip(asked.values(), found, strict=False)  # fewer where the time was over
    return {cell: seconds for (_, alike), seconds in pairs if seconds is not None for cell in alike}


def ask(job):
    """What `workflow.scripts.pilot` tells of each row until its time is over."""
    command = [sys.executable, "-m", "workflow.scripts.pilot", "--job", "-"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, **pipes) as process:
        try:
            out, _ = process.communicate(json.dumps(job), timeout=max(0, job["until"] - time.time()))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # so that it removes what it was unpacking
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
            process.kill()
            out, _ = process.communicate()
    return [json.loads(line) for line in out.splitlines()]
