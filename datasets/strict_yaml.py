"""YAML as this project reads it: every key once, numbers as YAML 1.2 has them, and any mistake in one line.

PyYAML keeps the last of two equal keys without a word, and reads YAML 1.1: ``1e-3`` is text there, ``1_0`` and ``010``
are numbers, and ``no`` is false.
"""

import json
import re
from pathlib import Path

import yaml

TAG = "tag:yaml.org,2002:"
WHOLE = "(0|[1-9][0-9]*)"
SCALARS = {
    "null": "~|null|Null|NULL|",
    "bool": "true|True|TRUE|false|False|FALSE",
    "int": f"[-+]?{WHOLE}",
    "float": rf"[-+]?({WHOLE}(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?",
    "merge": "<<",
}


class Loader(yaml.SafeLoader):
    """Reads plain data, by the rules of this module."""

    yaml_implicit_resolvers = {}

    def compose_mapping_node(self, anchor):
        """Every key is text, and is there once; what ``<<`` brings in may be said anew."""
        node, seen = super().compose_mapping_node(anchor), set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(key.value)
            if key.tag != f"{TAG}merge":
                key.tag = f"{TAG}str"
        return node


for kind, pattern in SCALARS.items():
    Loader.add_implicit_resolver(TAG + kind, re.compile(rf"({pattern})\Z"), None)


def parse_yaml(text, where):
    """What a YAML text holds: dicts, lists, text, finite numbers, true, false and null.

    Parameters
    ----------
    text : str
    where : str or Path
        Names the text in a message.

    Raises
    ------
    ValueError
        For anything else, and for a key that stands twice, in one line that names the place.
    """
    try:
        found = Loader(text).get_single_data()
        json.dumps(found, allow_nan=False)  # dates, what isn't finite, and a list that holds itself
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"{where}{line}: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{where}: {' '.join(str(error).split())}") from error
    return found


def read_yaml(path):
    """The keys of a YAML (or JSON) file, none of an empty one; `ValueError` as `parse_yaml` raises it."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from error
    found = parse_yaml(text, path)
    if not isinstance(found, dict | None):
        raise ValueError(f"{path}: expected keys at the top level, as in `seeds: 3`")
    return found or {}
