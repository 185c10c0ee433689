"""What every method promises, once: the command that checks a method and the tests run the same `PROMISES`.

A promise is a function of a method that isn't fitted, on the small budget of its class. Its docstring is the promise;
where it is broken it raises `Wrong`, which says how to keep it. What the attributes of a method mean is said in
`methods.base.Clusterer`. A new promise comes with a mutant in tests/contract/test_methods.py that breaks it.
"""

import inspect
import random
import tempfile
import warnings
from numbers import Real
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from datasets.kinds import fits
from datasets.sequences import Sequences

from .base import Clusterer, Diverged, InvalidInput, kinds, load_method
from .vectorize import vectorize

CHECK = "begin fit with X = self._check(X, reset=True)"
# What scikit-learn asks of any estimator, or of one with batches; `Clusterer.exempt` has what one method alone can't.
ONE_LINE = {"check_fit2d_predict1d": "an error is one line here; the advice that the check looks for is the second"}
ONE_SAMPLE = {"check_fit2d_1sample": "refused in one line that names the batch, not the samples"}


class Note(str):
    """Worth knowing, but no mistake."""


class Wrong(Exception):
    """A promise that a method breaks, and how to keep it."""


def check_method(name):
    """Yield what the method in ``methods/<name>.py`` promises and how it breaks that, None where it doesn't."""
    try:
        cls = load_method(name)
    except StopIteration:
        yield f"methods/{name}.py", f"no class {name.replace('_', '')} in it, upper and lower case aside"
        return
    except Exception as error:  # noqa: BLE001 - whatever a user's file does when it is imported
        yield f"methods/{name}.py", f"can't be imported: {type(error).__name__}: {error}"
        return
    if not issubclass(cls, Clusterer):
        yield cls.__name__, "must derive from methods.base.Clusterer; supervised methods have tests of their own"
        return
    try:
        small(cls)
    except Exception as error:  # noqa: BLE001 - as above
        yield "n_clusters, random_state and what `small` sets are settings", f"{type(error).__name__}: {error}"
        return
    yield f"methods/{name}.py has class {cls.__name__}, which accepts {cls.accepts}", None
    for promise in PROMISES:
        yield promise.__doc__, broken(promise, cls)


def broken(promise, cls):
    """How a method breaks a promise, in one line; None where it keeps it, a `Note` where it isn't asked to."""
    if promise.__name__ in cls.exempt:
        return Note(f"not asked: {cls.exempt[promise.__name__]}")
    try:
        promise(small(cls))
    except Wrong as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a method may break in any way
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    return None


def tiny_data(n=60, lengths=(1, 12), seed=0):
    """Noisy sequences of very different lengths around a level of their class; sequence i is of class i % 3."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(lengths[0], lengths[1] + 1, n)
    return Sequences.from_list([3 * (i % 3) + rng.normal(size=(length, 2)) for i, length in enumerate(drawn)])


def small(cls, **settings):
    """A method on the budget that its class declares for `tiny_data`."""
    return cls(**{"n_clusters": 3, "random_state": 0} | cls.small | settings)


def data_for(method, data=None):
    """What the method accepts, from sequences; `tiny_data` when left out."""
    data = tiny_data() if data is None else data
    return data if method.accepts == "sequences" else vectorize(data, "avg")


def agree(first, second, otherwise):
    """Raise `Wrong` unless two arrays, or two numbers or None, are equal."""
    if not np.array_equal(first, second):
        raise Wrong(otherwise)


def refuses(act, words, what, remedy):
    """Raise `Wrong` unless `act()` is refused with `InvalidInput`, in one line with one of `words` in it."""
    try:
        act()
    except InvalidInput as error:
        if "\n" in str(error):
            raise Wrong(f"{what} is refused in more than one line: say it in one") from error
        if not any(word in str(error) for word in words):
            raise Wrong(f"{what} is refused for another reason: {error}; {remedy}") from error
        return
    except ValueError as error:
        raise Wrong(f"{what} is no InvalidInput but {type(error).__name__}: {remedy}") from error
    raise Wrong(f"{what} is not refused; {remedy}")


def global_state():
    """The random state that all of a process shares: Python's, numpy's and torch's."""
    import torch  # here, so that the check of one's own data doesn't load it

    return [str(random.getstate()), np.random.get_state()[1].copy(), torch.get_rng_state().numpy().copy()]


def is_documented(method):
    """file and class are documented, and the class says what it accepts"""
    cls = type(method)
    if cls.accepts not in ("vectors", "sequences"):
        raise Wrong(f"accepts={cls.accepts!r}: expected 'vectors' or 'sequences'")
    if not (inspect.getmodule(cls).__doc__ and cls.__doc__):
        raise Wrong("add a docstring to the file and to the class")


def keeps_its_settings(method):
    """__init__ only stores its settings"""
    if clone(method).get_params() != method.get_params():
        raise Wrong("a clone has other settings; __init__ must store each argument as it is under its own name")


def clusters(method):
    """fit and predict give clusters 0 to n_clusters - 1 as int64"""
    X = data_for(method)
    labels = method.fit_predict(X)
    if getattr(labels, "dtype", None) != np.int64 or labels.shape != (len(X),):
        raise Wrong(f"labels_ must be an int64 array of shape ({len(X)},); end fit with .astype(np.int64)")
    if labels.min() < 0 or labels.max() >= 3:
        raise Wrong(f"labels_ are {labels.min()} to {labels.max()}, not within 0 to n_clusters - 1 = 2")
    agree(method.labels_, labels, "fit_predict gives other clusters than labels_")
    agree(method.predict(X), labels, "predict on the training data differs from labels_")


def measures_its_loss(method):
    """loss_, its curve and score_loss are finite; a method without a loss_ has None for both"""
    X = data_for(method)
    losses = [method.fit(X).loss_, method.score_loss(X)]
    if losses.count(None) == 1:
        raise Wrong(f"loss_ is {losses[0]}, score_loss gives {losses[1]}: give both, or neither")
    for values in (losses, *method.loss_curve_.values()):
        if not np.isfinite([value for value in values if value is not None]).all():
            raise Wrong(f"a loss is not finite: {values}; raise Diverged when it isn't")


def diverges(method):
    """a loss that stops being finite is Diverged, never a result"""
    data, extremes = tiny_data(), [(1e25, {})]
    extremes += [(1, {"learning_rate": float("inf")})] if "learning_rate" in method.get_params() else []
    for scale, settings in extremes:
        X = data_for(method, Sequences(data.values * np.float32(scale), data.offsets))
        try:
            (outcome,) = clone(method).set_params(**settings).fit_seeds(X, [0])
        except (InvalidInput, Diverged):
            continue
        if not isinstance(outcome, Diverged):
            values = [value for curve in outcome.loss_curve_.values() for value in curve]
            values += [] if outcome.loss_ is None else [outcome.loss_]
            if not np.isfinite(values).all():
                asked = settings or "the settings as they are"
                raise Wrong(f"values times {scale:g}, {asked}: the loss is {outcome.loss_}; raise Diverged for it")


def repeats(method):
    """the same random_state gives the same clusters and the same losses"""
    X = data_for(method)
    first, second = clone(method).fit(X), clone(method).fit(X)
    remedy = "two fits with one random_state differ; draw from np.random.default_rng(self.random_state)"
    agree(first.labels_, second.labels_, remedy)
    agree(first.loss_, second.loss_, remedy)
    if first.loss_curve_ != second.loss_curve_:
        raise Wrong(remedy)


def leaves_the_rest_alone(method):
    """global random state, Python's, numpy's and torch's, and X itself are left alone"""
    X = data_for(method)
    values = X.values if method.accepts == "sequences" else X
    before, copy = global_state(), values.copy()
    method.fit(X).predict(X)
    for name, old, new in zip(("Python", "numpy", "torch"), before, global_state(), strict=True):
        agree(old, new, f"{name}'s global random state changed; use a Generator of your own")
    agree(values, copy, "X was changed; work on a copy")


def knows_no_labels(method):
    """no label is looked at: X holds none, and y is ignored"""
    X = data_for(method)
    first, second = clone(method).fit(X), clone(method).fit(X, np.arange(len(X)) // 20)
    agree(first.labels_, second.labels_, "y gives other clusters; training must not look at it")


def tells_how_sure_it_is(method):
    """predict_proba, or distances, where there is one, has a column a cluster, and predict takes the best of them"""
    X = data_for(method)
    found = method.fit(X).predict(X)
    for name, values in method.confidence(X).items():
        each = method.predict_proba(X) if name == "membership" else -method.distances(X)
        if not (np.isfinite(each).all() and each.shape[0] == len(values) == len(X) and found.max() < each.shape[1]):
            raise Wrong(f"{name}: expected finite numbers of shape (n, n_clusters), got {each.shape}")
        if name == "membership" and not ((each >= 0).all() and np.allclose(each.sum(axis=1), 1, atol=1e-5)):
            raise Wrong("rows of predict_proba must be shares that sum to 1")
        if not np.allclose(each[np.arange(len(X)), found], each.max(axis=1), rtol=1e-5):
            raise Wrong(f"predict gives another cluster than that of the best {name}")
        if method.confidence_ is not None:
            agree(method.confidence_[name], values, "confidence_ is not what confidence gives of the training data")


def trains_each_seed_alone(method):
    """a seed's result doesn't depend on the seeds that train beside it"""
    X = data_for(method)
    together = method.fit_seeds(X, [6, 7, 5])
    for seed, beside in ((5, together[2]), (6, together[0])):
        (alone,) = method.fit_seeds(X, [seed])
        agree(alone.labels_, beside.labels_, "fit_seeds gives a seed other clusters in company")
        if not np.allclose(alone.loss_ or 0, beside.loss_ or 0, rtol=1e-5):
            raise Wrong("fit_seeds gives a seed another loss in company")


def predicts_each_alone(method):
    """the order and the company of sequences don't change a prediction"""
    data = tiny_data()
    everything = method.fit(data_for(method, data)).predict(data_for(method, data))
    order = np.random.default_rng(1).permutation(len(data))
    other = method.predict(data_for(method, data.subset(order)))
    agree(other, everything[order], "predict gives other clusters when the sequences come in another order")
    alone = method.predict(data_for(method, data.subset([4])))
    agree(alone, everything[[4]], "predict gives a sequence another cluster when it comes alone")


def takes_any_length(method):
    """sequences of any lengths will do: all of 1, all alike, or very different ones"""
    for lengths in ((1, 1), (7, 7), (1, 40)):
        labels = clone(method).fit_predict(data_for(method, tiny_data(lengths=lengths)))
        if labels.shape != (60,):
            raise Wrong(f"labels_ have shape {labels.shape} for 60 sequences of lengths {lengths[0]} to {lengths[1]}")


def tells_equal_sequences_alike(method):
    """fewer different sequences than clusters end in clusters that equal ones share, or in the failure of that run"""
    data = tiny_data()
    X = data_for(method, data.subset(np.arange(60) % 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # k-means' word on it
        (outcome,) = method.fit_seeds(X, [0])
    if not isinstance(outcome, Exception):
        agree(outcome.labels_, np.resize(outcome.labels_[:2], 60), "equal sequences are in different clusters")
        agree(outcome.predict(X), outcome.labels_, "predict gives equal sequences other clusters than labels_")


def takes_a_list(method):
    """a list of arrays will do where X is sequences"""
    if method.accepts == "sequences":
        data = tiny_data()
        listed = clone(method).fit_predict([data[i] for i in range(len(data))])
        agree(listed, method.fit_predict(data), "a list of arrays gives other clusters than the same Sequences")


def finds_one_cluster(method):
    """one cluster holds everything, or is refused by name"""
    method.set_params(n_clusters=1)
    try:
        labels = method.fit_predict(data_for(method))
    except InvalidInput as error:
        if "n_clusters=1" not in str(error):
            raise Wrong(f"n_clusters=1 is refused for another reason: {error}") from error
    else:
        agree(labels, np.zeros(60), "n_clusters=1 gives other clusters than 0")


def refuses_other_numbers_of_clusters(method):
    """no clusters and more clusters than sequences are refused, and nothing is fitted"""
    for n_clusters in (0, 61):
        asked = f"n_clusters={n_clusters}"
        method.set_params(n_clusters=n_clusters)
        refuses(lambda: method.fit(data_for(method)), [asked], f"{asked} of 60", CHECK)
        if hasattr(method, "labels_"):
            raise Wrong(f"{asked} is refused too late, labels_ is there; {CHECK}")


def refuses_less_than_a_batch(method):
    """fewer sequences than a batch are refused by its name; without batches any number will do"""
    try:
        labels = method.fit_predict(data_for(method, tiny_data(n=5)))
    except InvalidInput as error:
        if "batch=" not in str(error):
            raise Wrong(f"5 sequences are refused, and not for the batch that is larger: {error}") from error
        return
    if labels.shape != (5,) or method.n_updates_ == 0:
        raise Wrong("5 sequences are too few for a batch and end in a fit without an update; raise InvalidInput")


def goes_by_its_data(method):
    """batches by size train on any number of sequences, and fit leaves the settings as they are"""
    by_data = {name: words[-1] for name, words in method.choices.items() if words[0] is Real}
    for n in (3, 5, 60) if by_data else ():
        own = clone(method).set_params(**by_data)
        before, labels = own.get_params(), own.fit_predict(data_for(own, tiny_data(n=n)))
        if labels.shape != (n,) or not own.n_updates_:
            raise Wrong(f"{n} sequences end in a fit without an update")
        if own.get_params() != before:
            raise Wrong("fit changes the settings; keep what they come to in attributes that end with _")


def refuses_other_types(method):
    """a setting that is not of the type that the docstring says, another word say, is refused by its name"""
    X = data_for(method)
    for name, kind in kinds(type(method)).items():
        for value in ("other", 2.5, True, None, ["other"], object()):
            if not fits(value, kind):
                other = clone(method).set_params(**{name: value})
                refuses(lambda other=other: other.fit(X), [f"{name}={value!r}: expected"], f"{name}={value!r}", CHECK)


def refuses_what_is_not_finite(method):
    """NaN and infinity are refused"""
    data = tiny_data()
    for value, words in ((np.nan, ["NaN"]), (np.inf, ["inf"])):
        listed, vectors = [data[i].copy() for i in range(len(data))], vectorize(data, "avg")
        listed[3][0, 1] = vectors[3, 1] = value
        X = listed if method.accepts == "sequences" else vectors
        refuses(lambda X=X: method.fit(X), words, f"a {value} in X", CHECK)


def refuses_other_dimensions(method):
    """predict refuses another dimension than fit has seen"""
    data = tiny_data()
    method.fit(data_for(method, data))
    wider = data_for(method, Sequences(np.repeat(data.values, 2, axis=1), data.offsets))
    remedy = "begin predict with X = self._check(X, reset=False)"
    refuses(lambda: method.predict(wider), ["4"], "an X of 4 dimensions after one of 2", remedy)


def saves(method):
    """what is saved and loaded predicts the same and is saved as the same bytes"""
    method.fit(data_for(method))
    others = data_for(method, tiny_data(seed=1))
    with tempfile.TemporaryDirectory() as folder:
        saved, again = Path(folder, "saved.npz"), Path(folder, "again.npz")
        method.save(saved)
        for loaded in (type(method).load(saved), Clusterer.load(saved)):
            agree(loaded.predict(others), method.predict(others), "the loaded method predicts other clusters")
            agree(loaded.score_loss(others), method.score_loss(others), "the loaded method has another score_loss")
            loaded.save(again)
            if type(loaded) is not type(method) or again.read_bytes() != saved.read_bytes():
                raise Wrong("the loaded method is saved as other bytes: an attribute doesn't come back as it was")


def passes_scikit_learn(method):
    """scikit-learn's own checks of an estimator pass where X is vectors"""
    if method.accepts != "vectors":
        return
    from sklearn.utils.estimator_checks import check_estimator  # a second, which only this check should cost

    exempt = ONE_LINE | method.exempt
    if "batch" in method.get_params():
        method.set_params(batch=4)  # the checks have a dozen vectors
        exempt = exempt | ONE_SAMPLE
    for found in check_estimator(method, expected_failed_checks=exempt, on_skip=None, on_fail=None):
        if found["status"] == "failed":
            raise Wrong(f"{found['check_name']}: {' '.join(str(found['exception']).split())}")


PROMISES = (
    is_documented,
    keeps_its_settings,
    clusters,
    measures_its_loss,
    diverges,
    repeats,
    leaves_the_rest_alone,
    knows_no_labels,
    tells_how_sure_it_is,
    trains_each_seed_alone,
    predicts_each_alone,
    takes_any_length,
    tells_equal_sequences_alike,
    takes_a_list,
    finds_one_cluster,
    refuses_other_numbers_of_clusters,
    refuses_less_than_a_batch,
    goes_by_its_data,
    refuses_other_types,
    refuses_what_is_not_finite,
    refuses_other_dimensions,
    saves,
    passes_scikit_learn,
)
