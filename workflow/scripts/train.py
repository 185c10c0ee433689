"""Train and predict with one method on one data set for a block of seeds, on every input that it is given."""

import shutil
from dataclasses import replace
from pathlib import Path

from runs.gpu import device_lease

from .entry import imports, main


def has_cuda():
    """Whether torch was built with CUDA; `torch.cuda.is_available` would start it and spoil the worker's fork."""
    import torch  # here, so that a method without torch runs without loading it

    return torch.version.cuda is not None


def work(job, gpus, per, data, split, records):
    """Write one record a run, and the clusters beside them; ``split`` is the file of another than the first split."""
    made, clusters, folder = [], {}, Path(records).with_suffix(".resume")
    with device_lease(int(gpus), int(per)) as device:
        # After the lease: torch reads CUDA_VISIBLE_DEVICES when it is imported.
        with imports():
            from datasets.sequences import Sequences, load_split
            from methods.base import load_method
            from runs.record import write_records
            from runs.resume import Resume
            from runs.run import run_job

            load_method(job["algorithm"])
        if device != "cpu" and not has_cuda():
            print("this torch has no CUDA: on the CPU instead of the GPU")
            device = "cpu"
        sequences, resume = Sequences.load(data), Resume(folder)
        if split:
            sequences = replace(sequences, split=load_split(split))
        for how in job.pop("vectorizations"):
            runs, clusters[how] = run_job(sequences, **job, vectorization=how, device=device, resume=resume)
            made += runs
        write_records(records, made, clusters)
        shutil.rmtree(folder, ignore_errors=True)
    for record in made:
        told = record["status"] if record["reason"] is None else f"{record['status']}: {record['reason']}"
        of = (f"split {record['split']} " if record["split"] else "") + f"seed {record['seed']}"
        print(f"{record['dataset']} {record['method']} {record['vectorization']} {of}: {told}")


if __name__ == "__main__":
    main(work, "gpus", "per", "data", "split", "records")
