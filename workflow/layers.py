"""The config in layers, each over those before it: config/config.yaml, a reading, a user's files, the command line.

A layer counts for what it says, whatever that is: a user's value that is the same as the default goes over a reading's.
"""

import copy

from datasets.strict_yaml import parse_yaml, read_yaml
from runs.sources import ROOT

from .catalogue import ConfigError


def merge(base, changes):
    """`base` with `changes` laid over it, dict by dict; anything else is replaced whole."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def read(path):
    """The keys of a YAML file, as a layer."""
    try:
        return read_yaml(path)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def read_user(files, arguments):
    """What a user asks for: their files in order, then ``key=value`` of the command line, as Snakemake got both.

    Snakemake hands both on to the jobs that it sends elsewhere as they are, so the layers come out the same there.
    """
    user = {}
    for path in files:
        user = merge(user, read(path))
    for argument in arguments:
        key, _, text = argument.partition("=")
        user = merge(user, {key: argument_value(key, text)})
    return user


def argument_value(key, text):
    """Value of ``key`` on the command line, as YAML; what isn't YAML is text, such as a path with an ``@``."""
    try:
        return parse_yaml(text, f"config: {key}")
    except ValueError as error:
        if text.lstrip()[:1] in ("{", "["):
            raise ConfigError(str(error)) from error
        return text


def lay(user, reading=None):
    """The config: the base with a reading over it, if any, and `user` over both."""
    base = read(ROOT / "config/config.yaml")
    return merge(merge(base, read_reading(reading)) if reading else base, user)


def read_reading(reading, followed=()):
    """What ``config/readings/<reading>.yaml`` sets, laid over the reading that it is ``like``, if any."""
    if reading in followed:
        raise ConfigError(f"config/readings/{reading}.yaml: like: it is like itself, by way of {', '.join(followed)}")
    path = ROOT / "config" / "readings" / f"{reading}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml")))
        raise ConfigError(f"config: readings: {reading!r} is not in config/readings/ (there are {names})")
    changes = read(path)
    unknown = changes.keys() - {"like", "datasets", "methods", "tasks"}
    if unknown:
        raise ConfigError(
            f"config/readings/{reading}.yaml: {min(unknown)}: a reading sets datasets, methods and tasks only"
        )
    like = changes.pop("like", None)
    return merge(read_reading(like, (*followed, reading)), changes) if like else changes


def resolve(user, reading):
    """The config of one reading, with a data set for each number of clusters."""
    return one_k_each(lay(user, reading))


def one_k_each(resolved):
    """The config with data sets ``<name>_k<k>`` in place of a user's data with several numbers of clusters."""
    resolved = copy.deepcopy(resolved)
    for name, settings in list(resolved["datasets"].items()):
        if isinstance(settings.get("k"), list):
            copies = {f"{name}_k{k}": settings | {"k": k} for k in settings["k"]}
            listed = resolved["run"]["datasets"]
            resolved["run"]["datasets"] = [x for old in listed for x in (copies if old == name else [old])]
            of_methods = [method.get("datasets", {}) for method in resolved["methods"].values()]
            for section in (resolved["datasets"], resolved["skip"], *of_methods):
                if name in section:
                    said = section.pop(name)
                    section.update(dict.fromkeys(copies, said))
            resolved["datasets"] |= copies
    return resolved
