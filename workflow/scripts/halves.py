"""Cluster halves of one data set with one method, on every input that it is given, and note how far they agree."""

import json

from .entry import imports, main
from .train import leased


def work(job, gpus, per, data, agreement):
    """Write input to the agreement of each pair of halves, as JSON; null for a pair with a fit that isn't ok."""
    with leased(gpus, per) as device:
        with imports():
            from datasets.sequences import Sequences
            from datasets.storage import write_text
            from methods.base import InvalidInput
            from runs.halves import PAIRS, agreement_of_halves
        sequences, made = Sequences.load(data), {}
        for how in job.pop("vectorizations"):
            try:
                made[how] = agreement_of_halves(sequences, **job, vectorization=how, device=device)
            except InvalidInput as error:  # too few sequences in half of the data is no mistake in the whole
                print(f"no halves: {error}")
                made[how] = [None] * PAIRS
        write_text(agreement, json.dumps(made) + "\n")


if __name__ == "__main__":
    main(work, "gpus", "per", "data", "agreement")
