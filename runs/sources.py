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
    """Syntax of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imported_sources(path):
    """The file and all project files that it imports, directly or not: what a rule must name as inputs."""
    found, todo = set(), [Path(path).resolve()]
    while todo:
        current = todo.pop()
        if current in found:
            continue
        found.add(current)
        for node in ast.walk(tree(current)) if current.suffix == ".py" else ():
            if isinstance(node, ast.ImportFrom):
                base = current.parents[node.level - 1] if node.level else ROOT
                module = base.joinpath(*(node.module or "").split("."))
                candidates = [module.with_suffix(".py"), *(module / f"{alias.name}.py" for alias in node.names)]
                todo += [candidate for candidate in candidates if candidate.is_file()]
        todo += current.parent.glob(f"{current.stem}_kernel.cpp")
        todo += (beside for ending in (".css", ".js") if (beside := current.with_suffix(ending)).is_file())
    return tuple(sorted(found))


@functools.cache
def source_digest(paths):
    """SHA-256 over the names and contents of source files."""
    sha = hashlib.sha256()
    for path in map(Path, paths):
        sha.update(path.name.encode() + b"\0" + path.read_bytes())
    return sha.hexdigest()
