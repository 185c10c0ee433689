"""Nothing here unpickles or evaluates what comes from outside: read from the syntax of every file."""

import ast

import pytest

from workflow import plan

FILES = [
    path
    for folder in ("benchmarks", "datasets", "methods", "reports", "studies", "workflow")
    for path in sorted((plan.ROOT / folder).rglob("*.py"))
]
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
CALLS = {"eval", "exec", "compile", "__import__", "system"}


def problems(source):
    """Lines of `source` that import or call what may run code from data."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.split(".")[0] for alias in node.names} | {
                (getattr(node, "module", "") or "").split(".")[0]
            }
            found += [node.lineno] * bool(names & MODULES)
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            owner = getattr(getattr(node.func, "value", None), "id", "")
            given = {keyword.arg: getattr(keyword.value, "value", None) for keyword in node.keywords}
            bad = name in CALLS and owner != "re"
            bad |= owner == "torch" and name == "load" and given.get("weights_only") is not True
            bad |= given.get("allow_pickle") is True or given.get("shell") is True
            bad |= owner == "yaml" and name == "load"
            found += [node.lineno] * bool(bad)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(plan.ROOT)))
def test_no_file_runs_code_from_data(path):
    assert problems(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "eval(text)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text)",
        "subprocess.run(text, shell=True)",
        "os.system(text)",
    ],
)
def test_the_check_can_fail(source):
    assert problems(source) == [1]
