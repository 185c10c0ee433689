"""Nothing here unpickles or evaluates what comes from outside: read from the syntax of every file."""

import ast
import json
import re

import jsonschema
import pytest
from fake_records import bare, record

from runs.record import check_record
from runs.sources import ROOT
from workflow import catalogue, validate

OWN = sorted({path.parent.relative_to(ROOT).parts[0] for path in ROOT.glob("*/*.py")} - {"results", "data"})
FILES = [path for folder in OWN for path in sorted((ROOT / folder).rglob("*.py"))]
RULES = [ROOT / "Snakefile", ROOT / "workflow/Snakefile", *sorted((ROOT / "workflow").rglob("*.smk"))]
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
CODE = {"eval", "exec", "compile", "__import__"}
COMPILERS = {"re", "fastjsonschema"}  # of expressions, and of this project's own schema
CALLS = CODE | {"system", "popen", "read_pickle", "to_pickle", "unsafe_load", "full_load"}


def problems(source, test=False):
    """Lines of `source` that import or call what may run code from data; a `test` may run the project's own code."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.split(".")[0] for alias in node.names} | {
                (getattr(node, "module", "") or "").split(".")[0]
            }
            aliased = isinstance(node, ast.ImportFrom) and (node.module in ("torch", "yaml")) and "load" in names
            found += [node.lineno] * bool(names & MODULES or aliased)
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            owner = getattr(getattr(node.func, "value", None), "id", "")
            given = {keyword.arg: getattr(keyword.value, "value", "unknown") for keyword in node.keywords}
            bad = name in (CALLS - CODE if test else CALLS) and owner not in COMPILERS
            bad |= owner in ("torch", "hub") and name == "load" and given.get("weights_only") is not True
            bad |= given.get("allow_pickle", False) is not False
            bad |= given.get("shell", False) is not False and not test
            bad |= owner == "yaml" and name == "load"
            found += [node.lineno] * bool(bad)
    return found


def test_all_folders_are_read():
    assert {"benchmarks", "datasets", "methods", "reports", "studies", "tests", "workflow"} <= set(OWN)
    assert len(RULES) > 4 and all(path.is_file() for path in RULES)


@pytest.mark.parametrize("path", RULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_rule_runs_code_from_data(path):
    """Rules aren't Python; their words are looked at."""
    words = set(re.findall(r"\w+", path.read_text(encoding="utf-8")))
    assert not words & (MODULES | CALLS | {"allow_pickle"})


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_runs_code_from_data(path):
    assert problems(path.read_text(encoding="utf-8"), "tests" in path.relative_to(ROOT).parts) == []


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
        "np.load(path, allow_pickle=flag)",
        "from torch import load",
        "torch.load(path, weights_only=flag)",
        "pd.read_pickle(path)",
        "yaml.unsafe_load(text)",
        "os.popen(text)",
        "subprocess.run(text, shell=True)",
        "subprocess.run(text, shell=flag)",
        "os.system(text)",
    ],
)
def test_the_check_can_fail(source):
    assert problems(source) == [1]


# ---- schemas


SCHEMAS = sorted((ROOT / "workflow" / "schemas").glob("*.json"))
FREE = {
    "settings",
    "draw",
    "datasets.additionalProperties",
}  # see `validate.check_settings`


def open_objects(schema, path=()):
    """Paths of the objects in a schema that take any key with any value."""
    if isinstance(schema, dict):
        if "object" in schema.get("type", ()) and schema.get("additionalProperties", {}) == {}:
            yield ".".join(path)
        for key, value in schema.items():
            yield from open_objects(value, (*path, key))
    elif isinstance(schema, list):
        for number, value in enumerate(schema):
            yield from open_objects(value, (*path, str(number)))


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_no_object_of_a_schema_takes_unknown_keys(path):
    schema = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    left = [where for where in open_objects(schema) if not where.endswith(tuple(FREE))]
    assert left == []


def test_the_walk_through_a_schema_can_fail():
    inner = {"type": ["object", "null"], "properties": {"a": {"type": "object"}}, "additionalProperties": False}
    assert list(open_objects({"type": "object", "properties": {"b": inner}})) == ["", "properties.b.properties.a"]


NESTED = ["", "loss", "budget", "cost", "provenance", "provenance.git"]


@pytest.mark.parametrize("path", NESTED)
def test_an_unknown_key_of_a_record_is_named(path):
    made = json.loads(json.dumps(bare(record())))
    check_record(made)
    inner = made
    for key in filter(None, path.split(".")):
        inner = inner[key]
    inner["stranger"] = 1
    with pytest.raises(ValueError, match="'stranger' was unexpected"):
        check_record(made)


# ---- names


STRANGE = [
    *("../evil", "/tmp/evil", "a/b", "..", ".", "", "a.b", "A", "a b", "a\n", "a\0", "é", "-a", "~", "$a"),
    "a" + chr(0x2028),
]


@pytest.mark.parametrize("name", STRANGE, ids=ascii)
def test_a_name_that_could_leave_the_results_is_refused(name):
    """Names become parts of paths: in the config they are refused in one line, in a record too."""
    for section, key in (("run", "datasets"), ("run", "methods"), (None, "readings"), (None, "published")):
        value = name if key == "published" else [name]
        changes = {section: {key: value}} if section else {key: value}
        with pytest.raises(catalogue.ConfigError) as caught:
            validate.check_config(changes)
        assert "\n" not in str(caught.value)
    for field in ("reading", "dataset", "method"):
        with pytest.raises(ValueError, match=f"{field}: "):
            check_record(bare(record(**{field: name})))


def test_a_block_names_seeds_and_nothing_else():
    blocks = re.compile(re.search(r'block=r"(.+)"', (ROOT / "workflow/Snakefile").read_text())[1])
    assert blocks.fullmatch("0-4") and not any(blocks.fullmatch(name) for name in ("../0-4", "0", "0-4/x", "0-"))
