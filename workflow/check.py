"""What a method or one's own data must keep, checked outside the tests and said in plain words.

`check_method` and `check_data` give findings, pairs of what was looked at and what is wrong with it, None where nothing
is; `Note` is a finding that is no mistake but that its owner should know of.
"""

import contextlib
import inspect
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from sklearn.base import clone

from datasets import own
from datasets.fetch import DataError
from datasets.sequences import Sequences
from datasets.storage import visible_files
from datasets.text import one_line
from methods.base import Clusterer, InvalidInput, load_method
from methods.vectorize import vectorize
from runs.sources import ROOT

from .catalogue import available

# Budgets under which any method trains on `tiny_data` in moments.
SMALL = {
    "batch": 20,
    "epochs": 8,
    "layer_updates": 4,
    "pretrain_updates": 8,
    "cluster_updates": 8,
    "widths": (16, 4),
    "image_shape": (1, 2),
    "filters": (2, 3, 4),
    "discriminator_widths": (16, 8),
    "generator_widths": (8,),
    "latent": 4,
    "hidden_units": 8,
    "recurrent_units": 4,
    "restarts": 2,
    "iterations": 2,
    "barycenter_iterations": 2,
    "sample": 40,
    "manifold": "isomap",
    "neighbors": 25,
    "rddc": {"batch": 20, "epochs": 8, "hidden_units": 8, "recurrent_units": 4},
}
FEW = 10  # a class or training split smaller than that is worth a note


class Note(str):
    """Worth knowing, but no mistake."""


class Wrong(Exception):
    """A promise that a method breaks, and how to keep it."""


def tiny_data(n=60, classes=3, lengths=(1, 12), seed=0):
    """Noisy sequences around a level of their class, of very different lengths."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    drawn = rng.integers(lengths[0], lengths[1] + 1, n)
    return Sequences.from_list(
        [3 * label + rng.normal(size=(length, 2)) for label, length in zip(labels, drawn, strict=True)], labels
    )


def small(name, **settings):
    """The method with a budget for tests."""
    known = inspect.signature(load_method(name)).parameters
    settings = {key: value for key, value in SMALL.items() if key in known} | {"random_state": 0} | settings
    return load_method(name)(**{"n_clusters": 3} | settings)


def data_for(method, data):
    """What the method accepts, from sequences."""
    return data if method.accepts == "sequences" else vectorize(data, "avg")


def agree(first, second, otherwise):
    """Raise `Wrong` unless two arrays are equal."""
    if not np.array_equal(first, second):
        raise Wrong(otherwise)


def keeps_its_settings(method):
    """__init__ only stores its settings"""
    if not {"n_clusters", "random_state"} <= method.get_params().keys():
        raise Wrong("__init__ needs the arguments n_clusters and random_state")
    if clone(method).get_params() != method.get_params():
        raise Wrong("a clone has other settings; __init__ must store each argument as it is under its own name")


def clusters(method):
    """fit and predict give clusters 0 to n_clusters - 1 as int64"""
    X = data_for(method, tiny_data())
    labels = method.fit_predict(X)
    if getattr(labels, "dtype", None) != np.int64 or labels.shape != (len(X),):
        raise Wrong(f"labels_ must be an int64 array of shape ({len(X)},); end fit with .astype(np.int64)")
    if labels.min() < 0 or labels.max() >= 3:
        raise Wrong(f"labels_ are {labels.min()} to {labels.max()}, not within 0 to n_clusters - 1 = 2")
    agree(method.predict(X), labels, "predict on the training data differs from labels_")
    for loss in (method.loss_, method.score_loss(X)):
        if loss is not None and not np.isfinite(loss):
            raise Wrong(f"loss_ or score_loss is {loss}; raise Diverged when the loss isn't finite")


def repeats(method):
    """the same random_state gives the same clusters, and global random state is left alone"""
    X = data_for(method, tiny_data())
    before = np.random.get_state()[1].copy()
    first, second = clone(method).fit(X).labels_, clone(method).fit(X).labels_
    agree(first, second, "two fits with one random_state differ; draw from np.random.default_rng(self.random_state)")
    agree(np.random.get_state()[1], before, "numpy's global random state changed; use a Generator of your own")


def knows_no_labels(method):
    """the data's labels are not used"""
    data = tiny_data()
    shuffled = Sequences(data.values, data.offsets, data.labels[::-1].copy())
    first, second = (clone(method).fit(data_for(method, part)).labels_ for part in (data, shuffled))
    agree(first, second, "other labels in X give other clusters; training must not look at X.labels")


def predicts_each_alone(method):
    """the order and the company of sequences don't change a prediction"""
    data = tiny_data()
    everything = method.fit(data_for(method, data)).predict(data_for(method, data))
    order = np.random.default_rng(1).permutation(len(data))
    other = method.predict(data_for(method, data.subset(order)))
    agree(other, everything[order], "predict gives other clusters when the sequences come in another order")
    alone = method.predict(data_for(method, data.subset([4])))
    agree(alone, everything[[4]], "predict gives a sequence another cluster when it comes alone")


def refuses(method, X, what, remedy):
    """Raise `Wrong` unless fit refuses `X` with a ValueError of one line."""
    try:
        method.fit(X)
    except ValueError as error:
        if "\n" in str(error):
            raise Wrong(f"{what} is refused in more than one line: say it in one") from error
        return
    raise Wrong(f"{what} is not refused; {remedy}")


def refuses_too_many_clusters(method):
    """more clusters than sequences are refused"""
    X = data_for(method, tiny_data())
    refuses(method.set_params(n_clusters=61), X, "n_clusters=61 of 60", "begin fit with X = self._check(X, reset=True)")


def refuses_nan(method):
    """NaN is refused"""
    data = tiny_data()
    vectors = vectorize(data, "avg")
    vectors[3, 1] = np.nan
    listed = [data[0], np.full((2, 2), np.nan)]
    X = listed if method.accepts == "sequences" else vectors
    refuses(method, X, "a NaN in the input", "begin fit with X = self._check(X, reset=True)")


def saves(method):
    """what is saved and loaded predicts the same"""
    X = data_for(method, tiny_data())
    method.fit(X)
    with tempfile.TemporaryDirectory() as folder:
        method.save(Path(folder, "saved.npz"))
        loaded = type(method).load(Path(folder, "saved.npz"))
    agree(loaded.predict(X), method.predict(X), "the loaded method predicts other clusters")


PROMISES = (
    keeps_its_settings,
    clusters,
    repeats,
    knows_no_labels,
    predicts_each_alone,
    refuses_too_many_clusters,
    refuses_nan,
    saves,
)


def check_method(name):
    """Yield what the method in ``methods/<name>.py`` promises and how it breaks that, None where it doesn't."""
    try:
        cls = load_method(name)
    except StopIteration:
        yield f"methods/{name}.py", f"no class {name.replace('_', '')} in it, upper and lower case aside"
        return
    except Exception as error:  # noqa: BLE001 - whatever a user's file does when it is imported
        yield f"methods/{name}.py", f"can't be imported: {type(error).__name__}: {one_line(error)}"
        return
    if not issubclass(cls, Clusterer) or cls.accepts not in ("vectors", "sequences"):
        yield cls.__name__, "must derive from methods.base.Clusterer and accept 'vectors' or 'sequences'"
        return
    yield f"methods/{name}.py has class {cls.__name__}, which accepts {cls.accepts}", None
    documented = inspect.getmodule(cls).__doc__ and cls.__doc__
    yield "file and class are documented", None if documented else "add a docstring to the file and to the class"
    for promise in PROMISES:
        problem = None
        try:
            promise(small(name))
        except Wrong as error:
            problem = str(error)
        except Exception as error:  # noqa: BLE001 - a method may break in any way
            problem = f"{type(error).__name__}: {one_line(error)}"
        yield promise.__doc__, problem


def check_data(path):
    """Yield what is wrong with a user's data at `path`, else what they are."""
    path = Path(path)
    problems = list(folder_problems(path)) if path.is_dir() else []
    if problems:
        yield from (("files", problem) for problem in problems)
        return
    try:
        loaded = own.read(path, k=1)
    except (ValueError, OSError) as error:
        yield "content", str(error)
        return
    data, lengths = loaded.sequences, loaded.sequences.lengths
    yield f"{len(data)} sequences of {data.dimensions} dimensions", None
    yield f"lengths {lengths.min()} to {lengths.max()}, median {np.median(lengths):g}; none is empty", None
    yield "no missing and no infinite value", None
    if loaded.classes:
        sizes = np.bincount(data.labels)
        yield f"{len(loaded.classes)} classes of {sizes.min()} to {sizes.max()} sequences", None
        rare = [name for name, size in zip(loaded.classes, sizes, strict=True) if size < FEW]
        if rare:
            yield "labels", Note(f"fewer than {FEW} sequences of class {', '.join(rare)}: hardly any will be tested")
    else:
        yield "no labels", Note("give k, a number of clusters or a list of them; nothing is scored against labels")
    yield from worth_knowing(loaded)


def folder_problems(folder):
    """Every file of a folder that can't be read, in one line each."""
    for file in visible_files(folder, ".csv"):
        if file.name != own.LABELS:
            try:
                own.read_csv(file)
            except DataError as error:
                yield str(error)


def worth_knowing(loaded):
    """Yield what is allowed but is often not meant."""
    data = loaded.sequences
    same = Counter(data[i].tobytes() for i in range(len(data)))
    copies = sum(count - 1 for count in same.values())
    if copies:
        first = next(i for i in range(len(data)) if same[data[i].tobytes()] > 1)
        yield "duplicates", Note(f"{copies} sequences are copies of others, the first: {loaded.identifiers[first]}")
    for column in range(data.dimensions):
        values = data.values[:, column]
        steps = np.diff(values)
        inside = np.ones(len(steps), bool)
        inside[data.offsets[1:-1] - 1] = False
        if np.ptp(values) == 0:
            yield f"column {column + 1}", Note(f"is {values[0]:g} everywhere and tells nothing")
        elif inside.any() and (steps[inside] > 0).all() and np.ptp(steps[inside]) < 1e-3 * steps[inside].mean():
            yield f"column {column + 1}", Note("counts up evenly in every sequence: an index or a time? leave it out")
    counting = np.arange(data.dimensions)
    if data.dimensions > 1 and all((data[i][0] == counting).all() for i in range(len(data))):
        yield "first line", Note(f"is 0 to {counting[-1]} in every sequence: column names? leave it out")
    training = round(0.8 * len(data))
    if training < 100:
        yield (
            "size",
            Note(
                f"about {training} sequences to train on: DDC, RDDC and DEC need a batch of at most that, for example"
                f" methods: {{rddc: {{settings: {{batch: {max(2, training // 2)}}}}}}}"
            ),
        )


def check(what):
    """Findings on a method's name or a path; `InvalidInput` for what is neither."""
    if what in available("methods") or (ROOT / "methods" / f"{what}.py").is_file():
        return check_method(what)
    if Path(what).exists():
        return check_data(what)
    raise InvalidInput(
        f"{what}: neither a file in methods/ ({', '.join(available('methods'))}) nor a folder, .npz or .ts file"
    )


def report(what):
    """Print the findings on `what`, a line each; returns whether nothing is wrong."""
    fine = True
    with contextlib.closing(iter(check(what))) as findings:
        for looked_at, problem in findings:
            verdict = "ok   " if problem is None else "note " if isinstance(problem, Note) else "WRONG"
            told = f"{looked_at}: {problem}" if problem else looked_at
            print(f"{verdict} {one_line(told)}", flush=True)
            fine &= verdict != "WRONG"
    return fine
