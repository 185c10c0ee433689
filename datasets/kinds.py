"""Types of settings in numpydoc's words: what a docstring says of each, and whether a value is of one."""

import ast
import re
from collections.abc import Sequence
from numbers import Integral, Real
from pathlib import Path

import numpy as np

TYPES = {"int": Integral, "float": Real, "bool": (bool, np.bool_), "str": str, "Path": (str, Path), "dict": dict}
TYPES |= {"None": type(None), "anything": object}


def parameters(docstring):
    """(names, type, meaning) of the parameters in a numpydoc docstring, as grouped there."""
    found = re.search(r"^Parameters\n-+\n(.*?)(?=\n\n\w+\n-+\n|\Z)", docstring or "", re.M | re.S)
    blocks = re.findall(r"^(\S.*)\n?((?:^ +.*\n?)*)", found[1] if found else "", re.M)
    split = [(*first.partition(" : ")[::2], " ".join(meaning.split())) for first, meaning in blocks]
    return [(names.split(", "), kind, meaning) for names, kind, meaning in split]


def written(docstring, kinds_of):
    """Type of every parameter of a docstring; `kinds_of` gives those of another method that it points to, by name."""
    found = {}
    for names, kind, meaning in parameters(docstring):
        elsewhere = re.search(r"`methods\.(\w+)\.\w+`", meaning)
        told = kinds_of(elsewhere[1]) if elsewhere and not kind else {}
        found |= {name: kind or told.get(name) for name in names}
    return found


def fits(value, kind):
    """Whether a value is of a type as numpydoc words it: ``int or None``, ``{"a", "b"}``, ``sequence of 3 int``.

    Numbers of NumPy are numbers, and its arrays sequences.

    Raises
    ------
    ValueError
        For a type whose words aren't known here.
    """
    kind = kind.split(", default")[0].replace(", optional", " or None")
    if kind[:1] in ("{", '"'):
        allowed = ast.literal_eval(kind)
        return isinstance(value, str) and value in ({allowed} if isinstance(allowed, str) else allowed)
    if " or " in kind:
        return any(fits(value, part) for part in kind.split(" or "))
    several = isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, str)
    if kind.startswith("("):
        parts = kind.strip("()").split(", ")
        return several and len(value) == len(parts) and all(map(fits, value, parts))
    if of := re.fullmatch(r"(?:sequence|list) of (\d+ )?(.+)", kind):
        return several and len(value) == int(of[1] or len(value)) and all(fits(part, of[2]) for part in value)
    if kind not in TYPES:
        raise ValueError(f"there is no type {kind!r}; mend the docstring of the setting")
    if isinstance(value, bool):  # which Python takes for an int
        return kind in ("bool", "anything")
    return isinstance(value, TYPES[kind])
