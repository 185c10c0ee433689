"""The config in layers, each over those before it: config/config.yaml, a reading, a user's files, the command line.

Where all that runs is one's own data, config/own.yaml lies between the reading and the user.

A layer counts for what it says, whatever that is: a user's value that is the same as the default goes over a reading's.
"""

import copy

from datasets.sequences import SPLITS
from datasets.strict_yaml import parse_yaml, read_yaml
from runs.sources import ROOT

from .catalogue import ConfigError, available

CENTRED = "every sequence has zero mean, so its time average is zero"


def merge(base, changes):
    """`base` with `changes` laid over it, dict by dict; anything else is replaced whole."""
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def over(base, layer):
    """`merge`, but for ``seeds`` and ``splits``: of every row, also of one with a number of its own below."""
    for key in ("seeds", "splits"):
        base = without(base, key) if key in layer else base
    return merge(base, layer)


def without(config, key):
    """A copy of a config or layer in which no row has a number of its own for `key`, such as ``seeds``."""
    config = copy.deepcopy(config)
    methods, run = (part if isinstance(part := config.get(name), dict) else {} for name in ("methods", "run"))
    controls = run.get("controls")
    for row in [*methods.values(), *(controls if isinstance(controls, list) else [])]:
        if isinstance(row, dict):
            row.pop(key, None)
    return config


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
        user = over(user, read(path))
    said = {}
    for argument in arguments:
        key, _, text = argument.partition("=")
        if key in said:
            raise ConfigError(f"config: {key}: it stands twice on the command line")
        said[key] = argument_value(key, text)
    return over(user, said)


def argument_value(key, text):
    """Value of ``key`` on the command line, as YAML; what isn't YAML is text, such as a path with an ``@``."""
    try:
        return parse_yaml(text, f"config: {key}")
    except ValueError as error:
        if text.lstrip()[:1] in ("{", "["):
            raise ConfigError(str(error)) from error
        return text


def lay(user, reading=None):
    """The config: the base with a reading over it, if any, what one's own data need, and `user` over all."""
    config = read(ROOT / "config/config.yaml")
    for layer in (read_reading(reading) if reading else {}, own_layer(user), user):
        config = over(config, layer)
    return config


def own_layer(user):
    """config/own.yaml where all data sets that run are `user`'s own, else nothing.

    A user who names own data and doesn't say what runs gets these.
    """
    own, run = own_names(user), user.get("run", {})
    asked = run.get("datasets", own) if isinstance(run, dict) else own
    if not own or not isinstance(asked, list) or not set(own).issuperset(map(str, asked)):
        return {}
    return merge(read(ROOT / "config/own.yaml"), {"run": {"datasets": own}})


def own_names(config):
    """Names of the data sets of a config or layer that are a user's own: with a ``path``, and no file of datasets/."""
    said = config.get("datasets", {})
    paths = (
        {name: of.get("path") for name, of in said.items() if isinstance(of, dict)} if isinstance(said, dict) else {}
    )
    return [name for name, path in paths.items() if path and name not in available("datasets")]


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
    """The config of one reading, whole: see `whole`."""
    return whole(lay(user, reading), user)


def whole(laid, user):
    """A config that its layers made, with a data set for each number of clusters, and splits and skips that there are.

    Where the split has no sequences to select or score by, and `user` doesn't say which split does, the training split
    does. Time averages of sequences that are normalised each by itself are skipped.
    """
    resolved = one_k_each(laid)
    for dataset, settings in resolved["datasets"].items():
        if settings.get("normalise") == "sequence":  # a method would cluster what rounding leaves of them
            resolved["skip"].setdefault(dataset, {}).setdefault("avg", CENTRED)
    for dataset, reasons in resolved["skip"].items():
        resolved["skip"][dataset] = {how: why for how, why in reasons.items() if why is not None}
    for key in ("selection", "scored"):
        if key not in user and resolved[key] not in parts(resolved["split"]):
            resolved[key] = "train"
    return resolved


def parts(split):
    """The splits that have sequences, by what a config says of them."""
    if split["kind"] == "everything":
        return ["train"]
    shares = dict(zip(SPLITS, split["fractions"], strict=True))
    return [name for name in SPLITS if shares[name] or (name, split["kind"]) == ("test", "official")]


def one_k_each(resolved):
    """The config with data sets ``<name>_k<k>`` in place of a user's data with several numbers of clusters."""
    resolved = copy.deepcopy(resolved)
    for name, settings in list(resolved["datasets"].items()):
        if isinstance(settings.get("k"), list):
            copies = {f"{name}_k{k}": settings | {"k": k} for k in settings["k"]}
            if taken := [one for one in copies if one in resolved["datasets"]]:
                raise ConfigError(f"config: datasets: {taken[0]!r} is there, and {name!r} makes one of that name too")
            listed = resolved["run"]["datasets"]
            resolved["run"]["datasets"] = [x for old in listed for x in (copies if old == name else [old])]
            of_methods = [method.get("datasets", {}) for method in resolved["methods"].values()]
            for section in (resolved["datasets"], resolved["skip"], *of_methods):
                if name in section:
                    said = section.pop(name)
                    section.update(dict.fromkeys(copies, said))
            resolved["datasets"] |= copies
    return resolved
