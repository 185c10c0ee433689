"""Train and predict with one method on one data set for a block of seeds, on every input that it is given."""

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path

from runs.gpu import device_lease

from .entry import imports, main


@contextlib.contextmanager
def leased(gpus, per):
    """The device of a job, by what Snakemake grants, in words; torch is imported later, as it looks for GPUs then."""
    with device_lease(int(gpus), int(per)) as device:
        if device != "cpu":
            with imports():
                import torch
            # Not `torch.cuda.is_available`, which would start CUDA here and spoil the worker's fork.
            if torch.version.cuda is None:
                print("this torch has no CUDA: on the CPU instead of the GPU")
                device = "cpu"
        yield device


def told(record):
    """How a run ended."""
    return record["status"] if record["reason"] is None else f"{record['status']}: {record['reason']}"


def work(job, gpus, per, data, split, start, records):
    """Write one record a run, and the clusters beside them.

    ``split`` is the file of another than the first split, ``start`` that of the records of a row whose pretraining this
    one starts from.
    """
    made, clusters, folder = [], {}, Path(records).with_suffix(".resume")
    with leased(gpus, per) as device:
        with imports():
            from datasets.sequences import Sequences, load_split
            from methods.base import load_method
            from runs.record import read_pretraining, write_records
            from runs.resume import Resume
            from runs.run import run_job

            load_method(job["algorithm"])
        sequences, resume = Sequences.load(data), Resume(folder)
        if split:
            sequences = replace(sequences, split=load_split(split))
        started = read_pretraining(start) if start else {}
        kept = folder / "pretrained" if job.pop("lends", False) else None
        if kept:  # also where no run leaves anything
            kept.mkdir(parents=True, exist_ok=True)
        for how in job.pop("vectorizations"):
            beside = {"start": started.get(how), "keep": kept and kept / how}
            runs, clusters[how] = run_job(sequences, **job, **beside, vectorization=how, device=device, resume=resume)
            made += runs
        if kept:
            shutil.copytree(kept, Path(records).with_suffix(".pretrained"), dirs_exist_ok=True)
        write_records(records, made, clusters)
        shutil.rmtree(folder, ignore_errors=True)
    for record in made:
        of = (f"split {record['split']} " if record["split"] else "") + f"seed {record['seed']}"
        print(f"{record['dataset']} {record['method']} {record['vectorization']} {of}: {told(record)}")


if __name__ == "__main__":
    main(work, "gpus", "per", "data", "split", "start", "records")
