"""The config in layers: config/config.yaml, a reading over it, and what a user changed over both."""

import copy
import json
import re

import yaml

from runs.sources import ROOT

from .catalogue import ConfigError


def merge(base, changes):
    """`base` with `changes` laid over it, dict by dict; anything else is replaced whole."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def difference(config, base):
    """What `config` says that `base` doesn't, dict by dict."""
    changed = {}
    for key, value in config.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            if inner := difference(value, base[key]):
                changed[key] = inner
        elif key not in base or value != base[key]:
            changed[key] = value
    return changed


def typed(value):
    """`value` with numbers, true, false and null as such: Snakemake's command line gives what a dict holds as text."""
    if isinstance(value, dict):
        return {key: typed(part) for key, part in value.items()}
    if isinstance(value, list):
        return [typed(part) for part in value]
    if isinstance(value, str) and re.fullmatch(r"true|false|null|-?(0|[1-9]\d*)(\.\d+)?(e[-+]?\d+)?", value):
        return json.loads(value)
    return value


def read_reading(reading, followed=()):
    """What ``config/readings/<reading>.yaml`` sets, laid over the reading that it is ``like``, if any."""
    if reading in followed:
        raise ConfigError(f"config/readings/{reading}.yaml: like: it is like itself, by way of {', '.join(followed)}")
    path = ROOT / "config" / "readings" / f"{reading}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml")))
        raise ConfigError(f"config: readings: {reading!r} is not in config/readings/ (there are {names})")
    changes = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    unknown = changes.keys() - {"like", "datasets", "methods", "tasks"}
    if unknown:
        raise ConfigError(
            f"config/readings/{reading}.yaml: {min(unknown)}: a reading sets datasets, methods and tasks only"
        )
    like = changes.pop("like", None)
    return merge(read_reading(like, (*followed, reading)), changes) if like else changes


def resolve(config, reading):
    """The config with a reading of ``config/readings/`` laid over it; what a user changed goes over both."""
    changes = read_reading(reading)
    base = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    return one_k_each(merge(merge(config, changes), difference(config, base)))


def one_k_each(resolved):
    """The config with a data set ``<name>_k<k>`` for each of the numbers of clusters of a user's data with several."""
    resolved = copy.deepcopy(resolved)
    for name, settings in list(resolved["datasets"].items()):
        if isinstance(settings.get("k"), list):
            copies = {f"{name}_k{k}": settings | {"k": k} for k in settings["k"]}
            resolved["datasets"] |= copies
            listed = resolved["run"]["datasets"]
            resolved["run"]["datasets"] = [x for old in listed for x in (copies if old == name else [old])]
            for section in (resolved["skip"], *(method.get("datasets", {}) for method in resolved["methods"].values())):
                if name in section:
                    section.update(dict.fromkeys(copies, section[name]))
    return resolved
