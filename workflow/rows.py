"""Rows: a row of the tables is a method with settings under a name, such as ``rddc_longer: {like: rddc, ...}``.

The name of a file in methods/ is a row too, by itself.
"""

from datasets.text import one_line

from . import catalogue
from .catalogue import ConfigError
from .layers import merge


def lineage(resolved, row):
    """(name, section of the config) of all that a row is like, the method first and the row itself last.

    Raises
    ------
    ConfigError
        When a row is like itself.
    """
    found = {row: resolved["methods"].get(row, {})}
    while like := found[row].get("like"):
        if like in found:
            raise ConfigError(f"config: methods.{row}.like: it is like itself, by way of {', '.join(found)}")
        row, found[like] = like, resolved["methods"].get(like, {})
    return [*found.items()][::-1]


def algorithm(resolved, row):
    """Name of the file in methods/ that a row runs."""
    return lineage(resolved, row)[0][0]


def source(resolved, row):
    """Source file of the method that a row runs."""
    return catalogue.source("methods", algorithm(resolved, row))


def stated(resolved, row, key, default):
    """What a row says of `key`, or the nearest that it is like."""
    return next((section[key] for _, section in lineage(resolved, row)[::-1] if key in section), default)


def method_settings(resolved, row, dataset):
    """Settings of a row on a data set: those of what it is like on these data, then its own, general ones first."""
    found = {}
    for _, section in lineage(resolved, row):
        found = merge(merge(found, section.get("settings", {})), section.get("datasets", {}).get(dataset, {}))
    return found


def described(resolved, row):
    """What a report tells of a row: the method that it runs, how it is called and why, and its settings.

    ``own`` names the settings that aren't the method's, and ``datasets`` has those that differ on a data set.
    """
    (file, _), *variants = lineage(resolved, row)
    section, general = resolved["methods"].get(row, {}), method_settings(resolved, row, None)
    of_datasets = {}
    for dataset in resolved["run"]["datasets"]:
        settings = method_settings(resolved, row, dataset)
        of_datasets[dataset] = {name: value for name, value in settings.items() if value != general.get(name)}
    said = [part for _, own in variants for part in (own.get("settings", {}), *own.get("datasets", {}).values())]
    return {
        "algorithm": file,
        "title": one_line(section.get("title") or "") or None,
        "reason": one_line(section.get("reason") or "") or None,
        "settings": general,
        "datasets": {dataset: settings for dataset, settings in of_datasets.items() if settings},
        "own": list(dict.fromkeys(name for settings in said for name in settings)),
    }
