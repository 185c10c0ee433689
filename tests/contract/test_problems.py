"""Problems with known clusters: the container and what draws them."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets import abc, points, unseen
from datasets.problems import Problems, draw_problems
from datasets.seeds import seed_sequence
from datasets.sequences import Sequences, load_labels
from datasets.storage import write_arrays
from methods.vectorize import vectorize
from workflow.scripts.draw import work

SIZES = {"train": 30, "validation": 10, "test": 20}


def labelled(n=800, classes=8):
    """Sequences with splits, and their labels."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 5, n)
    split = rng.choice([0, 0, 1, 2], n)
    return Sequences.from_list([rng.normal(size=(length, 3)) for length in lengths], split), np.arange(n) % classes


DRAWN = {
    "points": lambda sizes, seed: points.draw(sizes, seed),
    "abc": lambda sizes, seed: abc.draw(sizes, seed, length=(3, 9), alphabet="fresh", dimensions=4),
    "unseen": lambda sizes, seed: unseen.draw(sizes, seed, *labelled(), test_classes=[1, 4, 5, 7], objects=9),
    "turned": lambda sizes, seed: unseen.draw(sizes, seed, *labelled(), test_classes=[1, 4, 5, 7], turned=True),
    "joined": lambda sizes, seed: unseen.draw(sizes, seed, *labelled(), test_classes=[1, 4, 5, 7], joined=True),
}


@pytest.fixture(params=DRAWN)
def draw(request):
    return DRAWN[request.param]


def test_sizes_splits_and_seeds(draw):
    problems = draw(SIZES, 0)
    assert {name: len(problems.part(name)) for name in SIZES} == SIZES
    assert draw(SIZES, 0).digest() == problems.digest() != draw(SIZES, 1).digest()
    # A split doesn't depend on how many problems the others have.
    fewer = draw(SIZES | {"train": 3}, 0).part("test")
    np.testing.assert_array_equal(fewer.clusters, problems.part("test").clusters)


def check_streams(draw):
    """The first problems of each split, over some seeds: with one stream they would be the same."""
    first = {name: [] for name in SIZES}
    for seed in range(5):
        drawn = draw(SIZES, seed)
        for name, found in first.items():
            found.append(drawn.split_up(drawn.clusters)[np.argmax(drawn.split == list(SIZES).index(name))].tolist())
    assert all(first[one] != first[other] for one, other in itertools.combinations(SIZES, 2))


def test_every_split_has_a_stream_of_its_own(draw):
    """Or what is tested would be what was learned from."""
    check_streams(draw)


def test_one_stream_for_all_splits_is_found(draw, monkeypatch):
    for module in (points, abc, unseen):
        monkeypatch.setattr(module, "seed_sequence", lambda seed, *names: seed_sequence(seed, names[0]))
    with pytest.raises(AssertionError):
        check_streams(draw)


@pytest.mark.parametrize("name", ["members", "clusters", "split"])
def test_the_digest_depends_on_every_array(name):
    whole = {"members": [0, 1, 2, 0], "offsets": [0, 2, 4], "clusters": [0, 1, 0, 1], "split": [0, 1]}
    pool = Sequences.from_list(np.zeros((3, 1, 2)))
    changed = whole | {name: whole[name][::-1]}
    assert Problems(pool, **changed).digest() != Problems(pool, **whole).digest()
    assert Problems(pool, **whole | {"offsets": [0, 1, 4], "clusters": [0, 1, 0, 1]}).digest() != (
        Problems(pool, **whole).digest()
    )


def check_withheld(folder):
    """The files that the workflow makes of a task: what is learned from, and all clusters apart."""
    job = {"problems": "abc", "sizes": SIZES, "seed": 0, "settings": {}}
    work(job, "", "", folder / "problems.npz", folder / "labels.npz")
    learned, drawn = Problems.load(folder / "problems.npz"), draw_problems(job)
    assert (learned.part("test").clusters == -1).all()
    for name in ("train", "validation"):
        np.testing.assert_array_equal(learned.part(name).clusters, drawn.part(name).clusters)
    np.testing.assert_array_equal(load_labels(folder / "labels.npz"), drawn.clusters)


def test_the_file_that_is_learned_from_has_no_cluster_of_the_test(tmp_path):
    check_withheld(tmp_path)


def test_clusters_that_are_not_withheld_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(Problems, "withhold", lambda self, name: self)
    with pytest.raises(AssertionError):
        check_withheld(tmp_path)


def test_round_trip(draw, tmp_path):
    problems = draw(SIZES, 0)
    problems.save(tmp_path / "a.npz")
    loaded = Problems.load(tmp_path / "a.npz")
    for name in ("offsets", "clusters", "split"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(problems, name))
    for i in (0, len(problems.members) - 1):
        np.testing.assert_array_equal(loaded.objects[loaded.members[i]], problems.objects[problems.members[i]])


def test_a_time_average_is_the_same_after_saving(tmp_path):
    data, labels = labelled()
    data = replace(data, average_length=data.lengths.max(), resample_length=7)
    problems = unseen.draw(SIZES, 0, data, labels, test_classes=[1, 4, 5, 7], objects=9)
    problems.save(tmp_path / "a.npz")
    loaded = Problems.load(tmp_path / "a.npz")
    for name in ("avg", "resample"):
        expected = vectorize(problems.objects, name)[problems.members]
        np.testing.assert_array_equal(vectorize(loaded.objects, name)[loaded.members], expected)


def test_points():
    problems = points.draw({"train": 300}, 0)
    assert (problems.sizes == 72).all() and problems.objects.dimensions == 2
    assert set(problems.counts) == {1, 2, 3, 4, 5}
    # Random order: the first point is of any cluster.
    assert len(set(problems.clusters[problems.offsets[:-1]])) == 5
    # One cluster and no grid: rings and half rings fill their box, blobs are round and of the published noise.
    alone = [
        values for values, k in zip(problems.split_up(problems.objects.values), problems.counts, strict=True) if k == 1
    ]
    boxed = [np.allclose([v.min(axis=0), v.max(axis=0)], [[0.25] * 2, [0.75] * 2]) for v in alone]
    assert 0.5 < np.mean(boxed) < 0.85  # two shapes of three
    spread = [np.std(v - v.mean(axis=0)) for v, box in zip(alone, boxed, strict=True) if not box]
    assert abs(np.mean(spread) - 0.05) < 0.003


def test_shapes_of_points():
    """By what they are: distances from the middle, and who lies inside whom."""
    rng = np.random.default_rng(0)
    for shape, count in ((points.ring, 1), (points.nested_rings, 2), (points.half_ring, 1), (points.half_rings, 2)):
        for _ in range(20):
            found, clusters = shape(40, 0.05, rng)
            assert np.bincount(clusters).tolist() == [40 // count] * count
            np.testing.assert_allclose([found.min(axis=0), found.max(axis=0)], [[0.25] * 2, [0.75] * 2], atol=1e-12)
            from_middle = np.linalg.norm(found - 0.5, axis=1)
            if shape is points.ring:  # stretched to a box, it stays round
                assert from_middle.min() > 0.1 and np.linalg.norm(found.mean(axis=0) - 0.5) < 0.04
            if shape is points.nested_rings:
                assert from_middle[clusters == 1].max() < from_middle[clusters == 0].min()
            if shape is points.half_ring:  # which a ring's mean, in the middle, is not
                assert np.linalg.norm(found.mean(axis=0) - 0.5) > 0.04
            if shape is points.half_rings:  # each reaches into the other's box
                boxes = [(found[clusters == c].min(axis=0), found[clusters == c].max(axis=0)) for c in (0, 1)]
                assert (np.maximum(*[low for low, _ in boxes]) < np.minimum(*[high for _, high in boxes])).all()
    found, clusters = points.blobs(5)(500, 0.01, rng)
    assert (np.bincount(clusters) > 50).all() and len(set(np.bincount(clusters))) > 1
    middles = points.centres(5, rng)
    assert np.linalg.norm(middles[:, None] - middles, axis=2)[np.triu_indices(5, 1)].min() >= 0.2


@pytest.mark.parametrize(("sizes", "fitting"), [([9], 1), ([10], 3), ([36, 36], 6), ([5, 6], 3), ([14] * 4 + [16], 7)])
def test_which_shapes_the_next_clusters_may_have(sizes, fitting):
    """Rings and half rings want 10 points alone and 5 each in pairs, nested rings an even number."""
    assert sum(shape.fits(sizes) for shape in points.SHAPES) == fitting


@pytest.mark.parametrize("count", range(1, 6))
def test_a_set_of_points_has_as_many_clusters_as_are_asked_for(count):
    """Whatever groups they are drawn in."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        found, of = points.point_set(count, 72, 0.05, rng)
        assert found.shape == (72, 2) and set(of) == set(range(count))


def test_groups_of_points_share_the_unit_square():
    """Every group's part is inside the square and touches no other's, and all forms of an area are drawn."""
    rng, forms, corners = np.random.default_rng(0), set(), np.array([[0, 0], [1, 1], [0, 1], [1, 0]])
    for _ in range(400):
        groups = points.on_grid([corners] * int(rng.integers(2, 6)), rng)
        low, high = np.min(groups, axis=1), np.max(groups, axis=1)
        assert low.min() >= 0 and high.max() <= 1
        both = (np.minimum(high[:, None], high) - np.maximum(low[:, None], low)).min(axis=2)
        assert both[~np.eye(len(groups), dtype=bool)].max() < 1e-9
        cell = (high - low).min(axis=0)
        forms |= {
            tuple(np.round((end - start) / cell).astype(int).tolist()) for end, start in zip(high, low, strict=True)
        }
    assert {(1, 1), (1, 2), (2, 1), (2, 2)} <= forms


def test_noise_of_rings_and_half_rings_and_how_far_a_ring_is_in_another(monkeypatch):
    drawn = {"make_circles": [], "make_moons": []}
    for name, asked in drawn.items():
        make = getattr(points, name)
        monkeypatch.setattr(points, name, lambda n, asked=asked, make=make, **how: asked.append(how) or make(n, **how))
    rng = np.random.default_rng(0)
    for _ in range(100):
        points.nested_rings(40, 0.05, rng)
        points.half_rings(40, 0.05, rng)
    for name, what, low, high in (
        ("make_circles", "noise", 0, 0.02),
        ("make_circles", "factor", 0.1, 0.4),
        ("make_moons", "noise", 0, 0.03),
    ):
        values, width = [how[what] for how in drawn[name]], high - low
        assert low <= min(values) < low + width / 10 and high - width / 10 < max(values) <= high


def test_two_of_three_groups_that_can_have_more_than_a_cell_do():
    """Of two groups the first always can. A grid has two or three cells a side: one is half of it at most."""
    rng, square = np.random.default_rng(0), np.array([[0, 0], [1, 1]])
    sides = [np.ptp(points.on_grid([square, square], rng)[0], axis=0).max() for _ in range(1000)]
    assert abs(np.mean(np.array(sides) > 0.6) - 2 / 3) < 0.05


def test_what_no_problem_can_have_is_refused():
    with pytest.raises(ValueError, match="points: 3, but a set may have 5 clusters"):
        points.draw({"train": 1}, 0, points=3)
    with pytest.raises(ValueError, match="objects: 3, but a problem may have 4 clusters"):
        unseen.draw(SIZES, 0, *labelled(), test_classes=[1, 4, 5, 7], objects=3)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_first_appearance(word):
    ranks = {}
    expected = [ranks.setdefault(symbol, len(ranks)) for symbol in word]
    assert abc.first_appearance(np.array(word)).tolist() == expected


def test_abac():
    assert abc.first_appearance(np.array([0, 1, 0, 2])).tolist() == [0, 1, 0, 2]
    assert abc.first_appearance(np.array([2, 0, 2, 1])).tolist() == [0, 1, 0, 2]
    problems = abc.draw({"train": 50}, 0)
    assert (problems.sizes == 15).all() and problems.objects.dimensions == 3
    assert (problems.objects.values.sum(axis=1) == 1).all()


def test_vectors():
    shared = abc.draw({"train": 50}, 0, alphabet="shared", noise=0.0, dimensions=6)
    fresh = abc.draw({"train": 50}, 0, alphabet="fresh", noise=0.0, dimensions=6)
    assert len(np.unique(shared.objects.values, axis=0)) == 3
    assert len(np.unique(fresh.objects.values, axis=0)) > 100
    with pytest.raises(ValueError, match="abc: alphabet: 'greek', expected one of one_hot, shared, fresh"):
        abc.draw({"train": 1}, 0, alphabet="greek")


def test_lengths_and_noise_are_those_that_are_asked_for():
    drawn = abc.draw({"train": 200}, 0, length=(3, 6))
    assert set(drawn.sizes.tolist()) == {3, 4, 5, 6}
    noisy = abc.draw({"train": 100}, 0, alphabet="shared", noise=0.5)
    exact = abc.draw({"train": 100}, 0, alphabet="shared", noise=0.0)
    np.testing.assert_allclose(np.linalg.norm(exact.objects.values, axis=1), 1, rtol=1e-6)
    nearest = np.unique(exact.objects.values, axis=0)
    gaps = np.linalg.norm(noisy.objects.values[:, None] - nearest, axis=2).min(axis=1)
    assert gaps.mean() == pytest.approx(0.5, rel=0.02) and gaps.std() < 0.05  # in 300 dimensions all are about as long


def test_an_object_whose_class_is_not_known_is_in_no_problem():
    data, labels = labelled()
    labels = np.where(np.arange(len(labels)) % 3, labels, -1)
    problems = unseen.draw(SIZES, 0, data, labels, test_classes=[1, 4, 5, 7], objects=9)
    assert (labels[problems.members] >= 0).all()


def test_unseen_classes_and_objects_are_unseen():
    data, labels = labelled()
    problems = unseen.draw(SIZES, 0, data, labels, test_classes=[1, 4, 5, 7])
    members = {name: set(problems.part(name).members.tolist()) for name in SIZES}
    classes = {name: set(labels[sorted(chosen)].tolist()) for name, chosen in members.items()}
    assert classes["test"] == classes["validation"] == {1, 4, 5, 7} and classes["train"] == {0, 2, 3, 6}
    for code, name in enumerate(SIZES):  # so no object is in two parts
        assert set(data.split[sorted(members[name])]) == {code}
    for clusters, chosen in zip(problems.split_up(problems.clusters), problems.split_up(problems.members), strict=True):
        pairs = set(zip(clusters.tolist(), labels[chosen].tolist(), strict=True))
        assert len(pairs) == len(set(clusters)) == len({label for _, label in pairs})
        assert len(set(chosen)) == 20
    with pytest.raises(ValueError, match="clusters: up to 4, but the train problems have 3 classes"):
        unseen.draw(SIZES, 0, data, labels, test_classes=[1, 4, 5, 6, 7])
    with pytest.raises(ValueError, match="objects: up to 90 of a class, but one has .* for train problems"):
        unseen.draw(SIZES, 0, data, labels, test_classes=[1, 4, 5, 7], objects=90)


def elements(sequences, number):
    return sequences.values[sequences.offsets[number] : sequences.offsets[number + 1]]


def halves(data, labels, classes):
    """Bytes of every first half and of every second half of the training objects, each with its class."""
    found = {}, {}
    for number in np.flatnonzero((data.split == 0) & np.isin(labels, classes)):
        own = elements(data, number)
        for of, half in zip(found, (own[: len(own) // 2], own[len(own) // 2 :]), strict=True):
            of[half.tobytes()] = labels[number]
    return found


def test_joined_classes_are_of_two_halves_and_of_training_alone():
    data, labels = labelled()
    data = data.subset(data.lengths > 1)  # no half is empty, so that each tells its class
    labels = np.arange(len(data)) % 8
    plain = unseen.draw(SIZES, 0, data, labels, test_classes=[1, 4, 5, 7], objects=9)
    drawn = unseen.draw(SIZES, 0, data, labels, test_classes=[1, 4, 5, 7], objects=9, joined=True)
    for name in ("validation", "test"):
        np.testing.assert_array_equal(drawn.part(name).members, plain.part(name).members)
    rng, n = np.random.default_rng(0), len(data)
    whole, classes, further = unseen.joined_classes(data, labels, [0, 2, 3, 6], rng)
    assert further == list(range(8, 20)) and set(classes[n:]) == set(further) and not whole.split[n:].any()
    assert whole.subset(np.arange(n)).digest() == data.digest() and classes[:n].tolist() == labels.tolist()
    first, second = halves(data, labels, [0, 2, 3, 6])
    pairs = dict(zip(further, itertools.permutations([0, 2, 3, 6], 2), strict=True))
    for number in range(n, len(whole)):
        own, (one, other) = elements(whole, number), pairs[classes[number]]
        cuts = [cut for cut in range(len(own)) if first.get(own[:cut].tobytes()) == one]
        assert [second.get(own[cut:].tobytes()) for cut in cuts] == [other]
    smallest = min(((data.split == 0) & (labels == label)).sum() for label in (0, 2, 3, 6))
    assert smallest <= np.bincount(classes[n:])[8:].min() <= unseen.JOINED


def test_joined_classes_are_turned_too():
    data, labels = labelled(4000)
    most = {"test_classes": [4, 5, 6, 7], "joined": True, "turned": True, "objects": 40}
    drawn = unseen.draw({"train": 1}, 0, data, labels, clusters=(32, 32), **most)
    assert drawn.counts.tolist() == [32]  # four classes and twelve joined ones, all of it twice
    with pytest.raises(ValueError, match="the train problems have 32 classes"):
        unseen.draw({"train": 1}, 0, data, labels, clusters=(33, 33), **most)


def test_images_are_joined_of_an_upper_and_a_lower_half(monkeypatch):
    monkeypatch.setattr(unseen, "JOINED", 3)
    rng = np.random.default_rng(0)
    images, labels = rng.random((12, 3, 3), np.float32), np.arange(12) % 3
    data = Sequences.from_list(list(images.reshape(12, 1, 9)))
    whole, classes, further = unseen.joined_classes(data, labels, [0, 2], rng)
    assert further == [3, 4] and classes[12:].tolist() == [3] * 3 + [4] * 3 and (whole.lengths == 1).all()
    for joined, (one, other) in zip(whole.values[12:].reshape(-1, 3, 3), [(0, 2)] * 3 + [(2, 0)] * 3, strict=True):
        assert joined[:1].tolist() in images[labels == one, :1].tolist()
        assert joined[1:].tolist() in images[labels == other, 1:].tolist()
    vectors = Sequences.from_list(list(images.reshape(12, 1, 9)[..., :8]))
    with pytest.raises(ValueError, match="joined: vectors of 8 numbers are no square images"):
        unseen.joined_classes(vectors, labels, [0, 2], rng)
    with pytest.raises(ValueError, match="joined: takes two classes to learn from or more, got 1"):
        unseen.joined_classes(data, labels, [0], rng)


def test_turned_classes_are_further_ones_of_training_alone():
    data, labels = labelled()
    plain = unseen.draw(SIZES, 0, data, labels, test_classes=[1, 4, 5, 7])
    drawn = unseen.draw(SIZES, 0, data, labels, test_classes=[1, 4, 5, 7], turned=True)
    for name in ("validation", "test"):
        np.testing.assert_array_equal(drawn.part(name).members, plain.part(name).members)
    train, pool, n = drawn.part("train"), drawn.objects, len(data)
    assert train.members.max() >= n and plain.objects is data
    known = np.flatnonzero(np.isin(labels, [0, 2, 3, 6]) & (data.split == 0))
    assert len(pool) == n + len(known)
    for new, old in enumerate(known, start=n):  # each from its end
        np.testing.assert_array_equal(elements(pool, new), elements(data, old)[::-1])
    assert not pool.split[n:].any()
    classes = np.concatenate([labels, 8 + labels[known]])  # a class and the same one turned are two clusters
    for clusters, chosen in zip(train.split_up(train.clusters), train.split_up(train.members), strict=True):
        pairs = set(zip(clusters.tolist(), classes[chosen].tolist(), strict=True))
        assert len(pairs) == len(set(clusters)) == len({label for _, label in pairs})
    eight = unseen.draw({"train": 50}, 0, data, labels, test_classes=[1, 4, 5, 7], clusters=(8, 8), turned=True)
    for chosen in eight.split_up(eight.members):
        assert set(classes[chosen]) == {0, 2, 3, 6, 8, 10, 11, 14}


def test_images_are_turned_by_a_quarter():
    rng = np.random.default_rng(0)
    images, labels = rng.random((12, 3, 3), np.float32), np.arange(12) % 3
    whole, classes, further = unseen.turned_classes(Sequences.from_list(list(images.reshape(12, 1, 9))), labels, [0, 2])
    chosen = np.flatnonzero(labels != 1)
    assert further == [3, 5] and classes[12:].tolist() == (labels[chosen] + 3).tolist()
    np.testing.assert_array_equal(whole.values[:12], images.reshape(12, 9))
    for turned, image in zip(whole.values[12:].reshape(-1, 3, 3), images[chosen], strict=True):
        np.testing.assert_array_equal(turned, image.T[::-1])  # anticlockwise
    with pytest.raises(ValueError, match="turned: vectors of 8 numbers are no square images"):
        unseen.turned_classes(Sequences.from_list(list(images.reshape(12, 1, 9)[..., :8])), labels, [0, 2])


def test_sizes_of_the_clusters_of_unseen_classes_differ():
    """One object of each class, the others at random: with two of twenty from 1 to 19 each, most often near 10."""
    drawn = unseen.draw({"test": 2000}, 0, *labelled(), test_classes=[1, 4, 5, 7], clusters=(2, 2))
    first = np.array([np.bincount(clusters, minlength=2)[0] for clusters in drawn.split_up(drawn.clusters)])
    assert first.min() >= 1 and first.max() <= 19
    assert abs(first.mean() - 10) < 0.2 and abs(first.std() - np.sqrt(18 / 4)) < 0.1  # binomial: 18 of a half each


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offsets": [0, 2, 3]}, "offsets: expected 0, ..., 4"),
        ({"offsets": [0, 2, 2, 4]}, "offsets"),
        ({"members": [0, 1, 2, 9]}, "members: expected 0 to 2"),
        ({"clusters": [0, 1, -2, 0]}, "clusters: expected integers from 0, or -1, got -2"),
        ({"clusters": [0, 1, 0, 2]}, "clusters: expected 0, 1, ... in each problem; problem 1 leaves a number out"),
        ({"clusters": [1, 1, 0, 1]}, "clusters: expected 0, 1, ... in each problem; problem 0 leaves a number out"),
        ({"clusters": [0, 1]}, "clusters: expected shape .4,., got .2,."),
        ({"split": [0]}, "split: expected shape .2,., got .1,."),
    ],
)
def test_a_broken_problem_is_named_in_one_line(changes, message, tmp_path):
    whole = {"members": [0, 1, 2, 0], "offsets": [0, 2, 4], "clusters": [0, 1, 0, 1], "split": [0, 1]}
    pool = Sequences.from_list(np.zeros((3, 1, 2)))
    Problems(pool, **whole)
    with pytest.raises(ValueError, match=message):
        Problems(pool, **whole | changes)
    arrays = {"values": pool.values, "object_offsets": pool.offsets} | whole | changes
    write_arrays(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=f"a.npz: {message}"):
        Problems.load(tmp_path / "a.npz")
    del arrays["members"]
    write_arrays(tmp_path / "b.npz", **arrays)
    with pytest.raises(ValueError, match="b.npz: .*members"):
        Problems.load(tmp_path / "b.npz")
