"""What an interrupted job had done already: its finished runs, and checkpoints of the one that was under way."""

import shutil
import time
from pathlib import Path

import numpy as np

from methods import checkpoint


class Resume:
    """A folder beside the records, made when a job has taken a while and removed when its records are whole.

    Parameters
    ----------
    folder : Path or None
        None: nothing is kept.
    """

    def __init__(self, folder=None):
        self.folder = folder
        self._cells, self._last = [], time.monotonic()

    def cell(self, name, origin):
        """The `Progress` of the job's runs on one input."""
        self._cells.append(Progress(self, self.folder and Path(self.folder, name), origin))
        return self._cells[-1]

    def save(self):
        """Put on disk what isn't there yet, of all inputs, when it's time."""
        if self.folder is not None and time.monotonic() - self._last >= checkpoint.INTERVAL:
            for cell in self._cells:
                cell.save()
            self._last = time.monotonic()


class Progress:
    """The finished runs on one input, and where those under way keep their training.

    Parameters
    ----------
    resume : Resume
        Says when it's time to save.
    folder : Path or None
    origin : dict
        Of every run; what another origin left is refused with a line that says why.

    Attributes
    ----------
    runs : dict of int to dict
        Seed to the fields of its record, the clusters among them.
    """

    def __init__(self, resume, folder, origin):
        self.folder, self.origin = folder, origin
        self.runs, self._resume, self._unsaved = {}, resume, []
        if folder is None or not self._file.exists():
            return
        read = checkpoint.read_state(self._file, origin)
        if read is not None:
            state, arrays = read
            for seed, fields in state.items():
                found = arrays.get(f"seed_{seed}")
                self.runs[int(seed)] = fields | {"clusters": None if found is None else found.tolist()}

    @property
    def _file(self):
        return Path(self.folder, "runs.npz")

    def checkpoint(self, seeds):
        """Where a group of seeds keeps its training, and what it is: see `methods.checkpoint.resumable`."""
        folder = self.folder and str(Path(self.folder, f"training-{seeds[0]}-{len(seeds)}"))
        return {"folder": folder, "origin": self.origin | {"seeds": seeds}}

    def keep(self, seed, fields):
        """Take note of a finished run, on disk when it's time."""
        self.runs[seed] = fields
        self._unsaved.append(seed)
        self._resume.save()

    def save(self):
        """Put the finished runs on disk, if some aren't there yet; their trainings are needed no more."""
        if not self._unsaved:
            return
        arrays = {f"seed_{s}": np.array(f["clusters"], np.int32) for s, f in self.runs.items() if f["clusters"]}
        state = {s: {key: value for key, value in f.items() if key != "clusters"} for s, f in self.runs.items()}
        checkpoint.write_state(self._file, self.origin, state, arrays)
        for seed in self._unsaved:
            for folder in self.folder.glob(f"training-{seed}-*"):
                shutil.rmtree(folder, ignore_errors=True)
        self._unsaved = []
