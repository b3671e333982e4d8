"""Batches of any size in any order, collectors and second passes that are merged, say what one pass over all says."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from tests import strategies
from ufm.measure import arrays


@st.composite
def batches(draw):
    """Features and labels, weights, outside data, and rows of each batch, in an order of their own for both passes."""
    n_classes, d = draw(st.integers(2, 4)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(strategies.seeds))
    labels = np.concatenate([np.arange(n_classes)] * 2 + [rng.integers(n_classes, size=draw(st.integers(0, 30)))])
    means = rng.normal(size=(n_classes, d))
    features = means[labels] + 0.3 * rng.normal(size=(len(labels), d)) + 10.0 ** draw(st.integers(-1, 3))
    cuts = sorted(draw(st.lists(st.integers(0, len(labels)), max_size=5)))
    splits = [np.split(rng.permutation(len(labels)), cuts) for _ in range(2)]
    return features, labels, means + 0.2 * rng.normal(size=means.shape), rng.normal(size=(5, d)), splits


def same(one, other, relative=1e-12):
    assert set(one) == set(other)
    for name in one:
        np.testing.assert_allclose(other[name], one[name], rtol=relative, atol=relative, err_msg=name)


def bits(measures):
    return {name: np.asarray(measures[name]).tobytes() for name in measures}


def passed(h, y, w, ood, splits):
    """Two passes, batch by batch."""
    first = ufm.Collector(len(w), scatter=True)
    for rows in splits[0]:
        first.add(h[rows], y[rows])
    second = first.second_pass(w, ood=ood)
    for rows in splits[1]:
        second.add(h[rows], y[rows])
    return second.measures()


def merged(h, y, w, ood, splits):
    """The same, each batch by a collector of its own that was pickled, and empty ones between."""
    whole = ufm.Collector(len(w), scatter=True)
    for rows in splits[0]:
        whole.merge(ufm.Collector(len(w), scatter=True))
        whole.merge(pickle.loads(pickle.dumps(ufm.Collector(len(w), scatter=True).add(h[rows], y[rows]))))
    second = whole.second_pass(w, ood=ood)
    for rows in splits[1]:
        part = pickle.loads(pickle.dumps(whole)).second_pass(w, ood=ood).add(h[rows], y[rows])
        second.merge(whole.second_pass(w, ood=ood)).merge(pickle.loads(pickle.dumps(part)))
    return second.measures()


@given(batches())
def test_any_batches_in_any_order_say_the_same(drawn):
    h, y, w, ood, splits = drawn
    expected = ufm.measure(h, y, w, ood=ood)
    same(expected, passed(h, y, w, ood, splits))
    same(expected, merged(h, y, w, ood, splits))


@given(batches())
def test_the_same_order_gives_the_same_bits(drawn):
    for run in (passed, merged):
        assert bits(run(*drawn)) == bits(run(*drawn))


@given(batches(), st.integers(1, 40))
def test_chunks_are_seamless(drawn, chunk):
    h, y, w, ood, _ = drawn
    expected = ufm.measure(h, y, w, ood=ood)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "CHUNK", chunk)
        patch.setattr(arrays, "NARROW", 1)
        same(expected, ufm.measure(h, y, w, ood=ood))


@given(batches())
def test_the_number_of_threads_changes_no_bit(drawn):
    h, y, w, ood, _ = drawn
    said = []
    for threads in (1, 8):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(arrays, "CHUNK", 4 * arrays.NARROW)
            patch.setattr(arrays, "THREADS", threads)
            patch.setattr(arrays, "processors", lambda: 8)
            said.append(bits(ufm.measure(h, y, w, ood=ood)))
    assert said[0] == said[1]


@given(batches())
def test_one_pass_knows_nc1_by_its_scatter(drawn):
    h, y, _, _, splits = drawn
    first = ufm.Collector(y.max() + 1, scatter=True)
    for rows in splits[0]:
        first.add(h[rows], y[rows])
    one, two = first.measures(), ufm.measure(h, y)
    for name in set(one) & set(two):
        np.testing.assert_allclose(one[name], two[name], rtol=1e-10, atol=1e-14, err_msg=name)
    assert {"nc1", "effective_rank_of_features"} <= set(one)
    assert "second pass" in one.left_out["nc4_agreement"] + one.left_out["nearest_mean_accuracy"]


def test_a_frame_goes_along():
    problem = ufm.Problem((4, 3, 5), (1, 2, 3), 0.3, 10)
    frame, h, y = ufm.multi_center_frame(problem), strategies.features_of(problem, 0), problem.labels
    h[2] = 0.0
    first = ufm.Collector(3).add(h, y)
    parts = [first.second_pass(frame=frame).add(h[i::3], y[i::3]) for i in range(3)]
    same(
        ufm.measure(h, y, frame=frame), parts[0].merge(parts[1]).merge(pickle.loads(pickle.dumps(parts[2]))).measures()
    )


def test_a_collector_that_never_saw_a_class_and_one_that_saw_nothing():
    h, y = np.random.default_rng(0).normal(size=(12, 3)), np.repeat([0, 1, 2], 4)
    parts = [ufm.Collector(3), ufm.Collector(3).add(h[:4], y[:4]), ufm.Collector(3).add(h[4:], y[4:])]
    whole = ufm.Collector(3)
    for part in parts:
        whole.merge(part)
    same(ufm.measure(h, y), whole.second_pass().add(h, y).measures())


def test_merging_leaves_the_other_one_alone():
    h, y = np.random.default_rng(0).normal(size=(12, 3)), np.repeat([0, 1, 2], 4)
    other = ufm.Collector(3).add(h, y)
    before = pickle.dumps(other.measures().to_dict())
    ufm.Collector(3).merge(other).add(h + 1.0, y)
    assert pickle.dumps(other.measures().to_dict()) == before


def test_one_collector_of_several_libraries():
    torch = pytest.importorskip("torch")
    h, y = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12) % 3
    expected = ufm.measure(h, y)
    for kinds in ((np.asarray, torch.tensor), (torch.tensor, np.asarray)):
        both = ufm.Collector(3).add(kinds[0](h[:6]), y[:6]).add(kinds[1](h[6:]), y[6:])
        same(expected, both.second_pass().add(kinds[1](h[:6]), y[:6]).add(kinds[0](h[6:]), y[6:]).measures())
        both = ufm.Collector(3).add(kinds[0](h[:6]), y[:6]).merge(ufm.Collector(3).add(kinds[1](h[6:]), y[6:]))
        same(expected, both.second_pass().add(kinds[0](h), y).measures())


def test_a_refused_batch_leaves_nothing_behind():
    h, y = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12) % 3
    bad = h.copy()
    bad[0] = np.nan
    first = ufm.Collector(3)
    for features, labels in ((bad, y), (h, y[:-1]), (h, y + 1)):
        with pytest.raises(ValueError, match=r"NaN|match|no class"):
            first.add(features, labels)
    same(ufm.measure(h, y), first.add(h, y).second_pass().add(h, y).measures())


def refused_merges():
    h, y = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12) % 3
    first = ufm.Collector(3).add(h, y)
    other = ufm.Collector(3).add(h + 1.0, y)
    w = np.ones((3, 3))
    frames = [ufm.multi_center_frame(ufm.Problem((4, 4, 4), 1, 0.2, 6), seed=s) for s in range(2)]
    wide = ufm.Collector(3).add(np.hstack([h, h]), y)
    yield "3 and 4 classes", lambda: ufm.Collector(3).merge(ufm.Collector(4))
    yield "names", lambda: ufm.Collector(["a", "b"]).merge(ufm.Collector(["b", "a"]))
    yield "scatter", lambda: ufm.Collector(3, scatter=True).merge(first)
    yield "dimension 6", lambda: ufm.Collector(3).add(h, y).merge(wide)
    yield "different first passes", lambda: first.second_pass().merge(other.second_pass())
    yield "different first passes", lambda: first.second_pass().merge(wide.second_pass())
    yield "weights", lambda: first.second_pass(w).merge(first.second_pass(2 * w))
    yield "weights", lambda: first.second_pass(w).merge(first.second_pass())
    yield "bias", lambda: first.second_pass(w).merge(first.second_pass(w, np.ones(3)))
    yield "frame", lambda: wide.second_pass(frame=frames[0]).merge(wide.second_pass(frame=frames[1]))
    yield "ood", lambda: scattered(h, y).second_pass(ood=h).merge(scattered(h, y).second_pass(ood=h + 1.0))
    yield (
        "has seen 6 samples of class 'a', the first one 12",
        lambda: named(h).second_pass().add(h[:6], ["a"] * 6).measures(),
    )
    yield "nothing to measure", ufm.Collector(3).measures
    yield "nothing to measure", ufm.Collector(3).second_pass
    yield "'b': that class has no sample in the first pass", lambda: named(h).second_pass().add(h[:1], ["b"])


def scattered(h, y):
    return ufm.Collector(3, scatter=True).add(h, y)


def named(h):
    return ufm.Collector(["a", "b"]).add(h, ["a"] * 12)


@pytest.mark.parametrize(("message", "run"), list(refused_merges()), ids=lambda x: x if isinstance(x, str) else "")
def test_what_does_not_fit_together_is_refused(message, run):
    with pytest.raises(ValueError, match=message):
        run()
