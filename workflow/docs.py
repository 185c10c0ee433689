"""Pages about methods and data sets, from their sources' syntax: nothing is imported, so nothing heavy is loaded."""

import ast
import contextlib
from pathlib import Path

import pandas as pd

from datasets.kinds import parameters
from datasets.storage import write_text
from reports.tables import markdown, title
from runs.sources import HARNESS, ROOT, tree

from .catalogue import assigned, available, class_constant, class_member, class_name, defaults, find, source

HEAD = "# {}\n\nWritten from the docstrings by `make docs`; what isn't right here is to be put right there.\n"


def write_pages(folder=ROOT):
    """Write the pages into the project."""
    for path, content in pages().items():
        write_text(Path(folder, path), content)


def pages():
    """Path, seen from the project, to content of every page."""
    methods, datasets = map(method_section, available("methods")), map(dataset_section, available("datasets"))
    return {
        "docs/methods.md": "\n".join([HEAD.format("Methods"), *methods]),
        "docs/datasets.md": "\n".join([HEAD.format("Data sets"), *datasets]),
    }


def method_section(name):
    """A method: what its file says, how to import it, and its parameters with their defaults."""
    path = source("methods", name)
    usage = f"`from methods.{name} import {class_name(path)}`; it reads {class_constant(path, 'accepts')}."
    shown = parameter_table(find(path, class_name(path)), class_member(path, "__init__"))
    return heading(name) + "\n\n".join([docstring(path), usage, markdown(shown, cell=written)])


def dataset_section(name):
    """A data set: what its file says, where it comes from, and the settings of ``load``."""
    path = source("datasets", name)
    load = find(path, "load")
    settings = parameter_table(load, load)
    settings = settings[~settings.name.isin([code(name) for name in HARNESS])]
    shown = markdown(settings, cell=written) if len(settings) else "There is nothing to set.\n"
    return heading(name) + "\n\n".join([docstring(path), origin(path), shown])


def heading(name):
    """A section's heading: the title and the name that a config uses."""
    return f"## {title(name)} (`{name}`)\n\n"


def docstring(path):
    """Docstring of a file."""
    return ast.get_docstring(tree(path)) or f"{path.name} has no docstring."


def origin(path):
    """Home page, licence, citation and forms of a data set, as its ``SOURCE`` names them."""
    node = assigned(path, "SOURCE")
    said = keywords(node)
    forms = [keywords(form) for form in next(keyword.value for keyword in node.keywords if keyword.arg == "forms").elts]
    names = [f"{form['form']} ({place(form)})" for form in forms]
    lines = [("Home page", said["homepage"]), ("Licence", said["licence"]), ("Citation", said["citation"])]
    return "\n".join(f"- {field}: {value}" for field, value in [*lines, ("Forms", "; ".join(names))])


def place(form):
    """Where the files of one form are: an address, an installed package, or the mirror alone."""
    addresses = form.get("addresses") or [form.get("address")]
    return addresses[0] or (f"in {form['package']}" if "package" in form else f"mirror only: {form['file']}")


def keywords(call):
    """Arguments of a call that are written out, strings among them; a constant's name is left out."""
    given = {}
    for keyword in call.keywords:
        with contextlib.suppress(ValueError):
            given[keyword.arg] = ast.literal_eval(keyword.value)
    return given


def parameter_table(described, function):
    """Name, type, default and meaning of the parameters in the numpydoc docstring of `described`, as grouped there.

    Parameters
    ----------
    described : ast.ClassDef or ast.FunctionDef
        Has the docstring.
    function : ast.FunctionDef
        Has the defaults.

    Returns
    -------
    DataFrame of str
    """
    given, rows = {name: ast.unparse(value) for name, value in defaults(function).items()}, []
    for names, kind, meaning in parameters(ast.get_docstring(described)):
        values = [code(given[name]) for name in names if name in given]
        line = {"name": ", ".join(map(code, names)), "type": code(kind), "default": ", ".join(values)}
        rows.append(line | {"meaning": meaning})
    return pd.DataFrame(rows, columns=["name", "type", "default", "meaning"])


def code(text):
    """Text in backticks; nothing for nothing."""
    return text and f"`{text}`"


def written(text):
    """A cell's text that is Markdown already, as docstrings nearly are."""
    return text.replace("|", "\\|")
