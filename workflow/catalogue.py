"""What there is to run, read from the sources' syntax: no method or data set is imported for that."""

import ast
import functools

from datasets.kinds import written
from datasets.text import one_line
from runs.sources import HARNESS, ROOT, imported_sources, tree


class ConfigError(ValueError):
    """The config asks for something that there isn't; the message is one line that names it."""

    def __init__(self, message):
        super().__init__(one_line(message))


def source(folder, name):
    """Source file of a method or data set.

    Raises
    ------
    ConfigError
        When there is no such file, naming those that there are.
    """
    names = available(folder)
    if name not in names:
        raise ConfigError(f"config: {folder}: {name!r} is not in {folder}/ (there are {', '.join(names)})")
    return ROOT / folder / f"{name}.py"


@functools.cache
def available(folder):
    """Names of all methods (files with a class of their own name) or data sets (files with a function ``load``).

    Raises
    ------
    ConfigError
        For a file of the folder that isn't Python, such as one that is being written.
    """
    member = {"methods": class_name, "datasets": lambda path: "load"}[folder]
    try:
        return [path.stem for path in sorted((ROOT / folder).glob("*.py")) if find(path, member(path))]
    except ValueError as error:
        raise ConfigError(str(error)) from error


def class_name(path):
    """Name of the class that a method's file defines: the file's, underscores and case aside."""
    names = [node.name for node in tree(path).body if isinstance(node, ast.ClassDef)]
    return next((name for name in names if name.lower() == path.stem.replace("_", "")), None)


def find(path, name):
    """Top-level function or class `name` of a file, as syntax; None when it isn't there."""
    return next((node for node in tree(path).body if name and getattr(node, "name", None) == name), None)


@functools.cache
def class_member(path, name):
    """Method or constant `name` of a method's class or of the nearest base in the project; None when there is none."""
    classes = {
        node.name: node
        for file in imported_sources(path)
        if file.suffix == ".py"
        for node in tree(file).body
        if isinstance(node, ast.ClassDef)
    }
    wanted = [class_name(path)]
    while wanted:
        node = classes.get(wanted.pop(0))
        for line in node.body if node else []:
            targets = getattr(line, "targets", [line])
            if name in (getattr(targets[0], "name", None), getattr(targets[0], "id", None)):
                return line
        wanted += [base.id for base in node.bases if isinstance(base, ast.Name)] if node else []
    return None


def class_constant(path, name):
    """Value of a constant of a method's class, such as ``accepts``."""
    return ast.literal_eval(class_member(path, name).value)


def assigned(path, name):
    """What a file assigns to `name`, as syntax; None where it doesn't."""
    lines = (line for line in tree(path).body if isinstance(line, ast.Assign))
    return next((line.value for line in lines if getattr(line.targets[0], "id", None) == name), None)


def words(path, name):
    """The words of a file's constant `name`: a tuple of them, or the keys of a dict."""
    said = assigned(path, name)
    return [ast.literal_eval(word) for word in getattr(said, "keys", getattr(said, "elts", ()))]


def arguments(function):
    """Names of the settings that a function takes, without those that the harness gives."""
    names = [argument.arg for argument in function.args.args + function.args.kwonlyargs]
    return [name for name in names if name not in HARNESS]


def defaults(function):
    """Default of every argument that has one, as syntax."""
    given = function.args
    plain = zip(given.args[len(given.args) - len(given.defaults) :], given.defaults, strict=True)
    named = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    return {argument.arg: value for argument, value in [*plain, *named] if value is not None}


@functools.cache
def settings_of(path, function):
    """Settings of a method (``__init__``) or of a function of a file, each with its type as numpydoc words it.

    The type is that of the docstring, or of the docstring that it points to; without one, the default's.
    """
    method = function == "__init__"
    described = find(path, class_name(path) if method else function)
    taken = class_member(path, function) if method else described
    told = written(ast.get_docstring(described), lambda name: settings_of(ROOT / "methods" / f"{name}.py", function))
    given = defaults(taken)
    return {name: told.get(name) or default_kind(given.get(name)) for name in arguments(taken)}


def default_kind(value):
    """Type of a default, given as syntax; anything where that doesn't tell."""
    known = isinstance(value, ast.Constant) and value.value is not None
    return type(value.value).__name__ if known else "anything"


def reads_vectors(method):
    """Whether a method takes vectors, and not sequences."""
    return class_constant(source("methods", method), "accepts") == "vectors"


def gpus(method):
    """GPUs that a job of this method asks for: 1 for a method that has a ``device``, else 0."""
    initialise = class_member(source("methods", method), "__init__")
    return int(any(argument.arg == "device" for argument in initialise.args.args))
