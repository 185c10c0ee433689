"""Learn one supervised task, once a seed."""

import shutil
from pathlib import Path

from .entry import imports, main
from .train import leased, told


def work(job, gpus, per, problems, records):
    """Write one record a seed, and the clusters beside them."""
    folder = Path(records).with_suffix(".resume")
    with leased(gpus, per) as device:
        with imports():
            import torch

            from datasets.problems import Problems
            from runs.record import write_records
            from runs.tasks import run_task
        torch.set_num_threads(1)
        made, clusters = run_task(Problems.load(problems), **job, device=device, folder=folder)
        write_records(records, made, {"none": clusters})
        shutil.rmtree(folder, ignore_errors=True)
    for record in made:
        print(f"{record['dataset']} {record['method']} seed {record['seed']}: {told(record)}")


if __name__ == "__main__":
    main(work, "gpus", "per", "problems", "records")
