"""What is searched: the settings of RDDC and DDC, and a Sobol design over all of them at once.

`FAMILY` settings share one loss function, so that theirs can be compared; the next share another.
"""

import numpy as np
from scipy.stats import qmc

from datasets.seeds import seed_sequence
from methods.ddc import DDC
from methods.rddc import RDDC

METHODS = {"ddc": DDC, "rddc": RDDC}
FAMILY = 2
# A list holds all values, a pair the lowest and the highest of one that is drawn uniformly in its logarithm.
LOSS = {
    "kernel_width": list(RDDC.choices["kernel_width"]),
    "relative_width": (0.05, 0.5),
    "orthogonality_form": list(RDDC.choices["orthogonality_form"]),
    "orthogonality_weight": (0.1, 10),
    "simplex_weight": (0.1, 10),
    "batch": [50, 100, 200],
}
OTHERS = {
    "epochs": [],  # those of the config
    "learning_rate": (3e-4, 1e-2),
    "clip_norm": (1, 20),
    "clip_each": [False, True],
    "best_epoch": [False, True],
    "hidden_units": [32, 64, 100, 200],
    "hidden_batch_norm": [False, True],
    "initialisation": list(RDDC.choices["initialisation"]),
    "hidden_initialisation": list(RDDC.choices["hidden_initialisation"]),
    "update_bias": [0.0, 1.0, 2.0, 3.0],
    "reset": list(RDDC.choices["reset"]),
    "directions": list(RDDC.choices["directions"]),
    "states": list(RDDC.choices["states"]),
}


def design(method, epochs, most, n):
    """The first `n` settings, each the same whatever `n` is.

    Parameters
    ----------
    method : {"ddc", "rddc"}
        Settings that it lacks are left out.
    epochs : list of int
    most : int
        Sequences to train on; no batch is larger.
    n : int

    Returns
    -------
    list of dict
    """
    known = METHODS[method]().get_params()
    losses, others = ({name: space[name] for name in space if name in known} for space in (LOSS, OTHERS))
    losses["batch"] = [batch for batch in losses["batch"] if batch <= most] or [most]
    others["epochs"] = epochs
    families = drawn(losses, -(-n // FAMILY), "losses")
    members = drawn(others, n, "others")
    return [families[i // FAMILY] | member for i, member in enumerate(members)]


def drawn(space, n, stream):
    """`n` points of a scrambled Sobol sequence over a `space`, name to values."""
    sobol = qmc.Sobol(len(space), rng=np.random.default_rng(seed_sequence(0, "search", stream)))
    points = sobol.random_base2(int(n - 1).bit_length())[:n]
    return [
        {name: value_at(values, float(u)) for (name, values), u in zip(space.items(), point, strict=True)}
        for point in points
    ]


def value_at(values, u):
    """The value at the share `u` of a setting's range, in [0, 1); three digits of a number between two others."""
    if isinstance(values, tuple):
        low, high = values
        return float(f"{low * (high / low) ** u:.3g}")
    return values[int(u * len(values))]


def level(name, value):
    """The value as a table counts it: itself, or the third of its range that it is in."""
    values = (LOSS | OTHERS).get(name)
    if not isinstance(values, tuple):
        return str(value)
    low, high = values
    edges = [float(f"{low * (high / low) ** share:.2g}") for share in (0, 1 / 3, 2 / 3, 1)]
    place = min(max(int(np.searchsorted(edges, value, side="right")) - 1, 0), 2)
    return f"{edges[place]:g} to {edges[place + 1]:g}"
