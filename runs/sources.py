"""Which source files a result comes from: what a rule names as inputs, and their digest for the record."""

import ast
import functools
import hashlib
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Arguments of methods and data sets that the harness gives, so that they are no settings.
HARNESS = ("self", "raw", "seed", "n_clusters", "random_state", "device", "pretrained", "sizes", "sequences", "labels")


@functools.cache
def tree(path):
    """Syntax of a file; ``ValueError`` that names it for what isn't Python."""
    try:
        return ast.parse(path.read_text(encoding="utf-8"), path.name)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{path}: not Python that can be read: {error}") from error


@functools.cache
def beside(path):
    """The project files that a file itself imports, and those that belong to it."""
    found = [*path.parent.glob(f"{path.stem}_kernel.cpp")]
    for node in ast.walk(tree(path)) if path.suffix == ".py" else ():
        if isinstance(node, ast.ImportFrom):
            base = path.parents[node.level - 1] if node.level else ROOT
            module = base.joinpath(*(node.module or "").split("."))
            candidates = [module.with_suffix(".py"), *(module / f"{alias.name}.py" for alias in node.names)]
            found += [candidate for candidate in candidates if candidate.is_file()]
    return found + [file for ending in (".css", ".js") if (file := path.with_suffix(ending)).is_file()]


@functools.cache
def imported_sources(path):
    """The file and all project files that it imports, directly or not: what a rule must name as inputs."""
    found, todo = set(), [Path(path).resolve()]
    while todo:
        if (current := todo.pop()) not in found:
            found.add(current)
            todo += beside(current)
    return tuple(sorted(found))


@functools.cache
def source_digest(paths):
    """SHA-256 over the names and contents of source files."""
    sha = hashlib.sha256()
    for path in map(Path, paths):
        sha.update(path.name.encode() + b"\0" + path.read_bytes())
    return sha.hexdigest()
