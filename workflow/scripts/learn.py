"""Learn one supervised task, once a seed."""

from runs.gpu import device_lease

from .entry import main


def work(job, gpus, per, problems, records):
    """Write one record a seed, and the clusters beside them."""
    with device_lease(int(gpus), int(per)) as device:
        # After the lease: torch reads CUDA_VISIBLE_DEVICES when it is imported.
        import torch

        from datasets.problems import Problems
        from runs.record import write_records
        from runs.tasks import run_task

        torch.set_num_threads(1)
        # Not `torch.cuda.is_available`, which would start CUDA here and spoil the worker's fork.
        if device != "cpu" and torch.version.cuda is None:
            print("this torch has no CUDA: on the CPU instead of the GPU")
            device = "cpu"
        made, clusters = run_task(Problems.load(problems), **job, device=device)
        write_records(records, made, {"none": clusters})
    for record in made:
        told = record["status"] if record["reason"] is None else f"{record['status']}: {record['reason']}"
        print(f"{record['dataset']} {record['method']} seed {record['seed']}: {told}")


if __name__ == "__main__":
    main(work, "gpus", "per", "problems", "records")
