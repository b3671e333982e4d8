"""A hundred thousand classes in fifty kinds: what fifty cost, and the numbers that each class has by itself."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ufm
from tests import strategies
from tests.timed import processor
from ufm.files import memory
from ufm.minimize.learned import BLOCK
from ufm.problems import frames
from ufm.problems.objective import objective_at
from ufm.problems.state import State
from ufm.simulate import blocks
from ufm.simulate.methods import Asked, prepare

SIZES = ufm.long_tailed_sizes(50, 500, 0.01)
CENTERS = ufm.class_aware(SIZES, 4)
MANY = 2000
"""Copies of each kind: a hundred thousand classes."""


def of_copies(copies, sizes=SIZES, centers=CENTERS, weight=1e-3):
    """P with a learned frame; its kinds live and die together, whatever their number."""
    return ufm.Problem(
        np.repeat(sizes, copies).tolist(),
        np.repeat(centers, copies).tolist(),
        0.2,
        loss="mse",
        lam_h=weight / copies,
        lam_w=weight / copies,
        frame="learned",
    )


@settings(max_examples=20)
@given(strategies.learned_problems(loss="mse", max_classes=3), st.lists(st.integers(1, 3), min_size=3, max_size=3))
def test_copies_of_classes_have_the_minimum_of_all_of_them_as_rows(problem, copies):
    """The slow way: the objective itself with all rows, dense, and its gradient."""
    names = ("class_sizes", "centers")
    many = [np.repeat(getattr(problem, name), copies[: problem.n_classes]).tolist() for name in names]
    problem = problem.replace(**dict(zip(names, many, strict=True)), dim=None)
    found = ufm.minimize(problem)
    n = problem.n_centers
    norms = np.diag(frames.dense(found.frame.classifier)[:, n : n + problem.n_classes])  # dead ones may be below 0
    state = State(np.eye(n + len(norms), problem.dim), norms, found.class_features)
    value, gradient = objective_at(problem, state).value_and_gradient(state)
    assert found.value == pytest.approx(value, abs=1e-14)
    assert np.linalg.norm(gradient.norms) < found.stats["slope"] + 1e-13
    assert np.linalg.norm(gradient.features) < found.stats["slope"] + 1e-13
    assert ufm.verify(found.certificate, problem) == found.bound
    np.testing.assert_allclose(found.feature_norms, np.linalg.norm(found.class_features, axis=1), rtol=1e-14)


def test_more_kinds_than_a_block_and_any_number_of_copies():
    """Against every class as its own kind: norms that differ in their last digits at the start."""
    rng = np.random.default_rng(0)
    sizes = rng.permutation(np.repeat(np.arange(1, 2 * BLOCK + 2), rng.integers(1, 4, 2 * BLOCK + 1))).tolist()
    problem = ufm.Problem(sizes, 2, 0.3, loss="mse", lam_h=2e-3, lam_w=1e-3, frame="learned")
    norms = 1.0 + 1e-9 * rng.standard_normal(len(sizes))
    start = np.eye(problem.dim), norms, np.zeros((len(sizes), problem.dim))
    found, alone = ufm.minimize(problem), ufm.minimize(problem, method="projected", start=start)
    assert 0 < found.living.sum() < len(sizes)
    assert found.value == pytest.approx(alone.value, rel=1e-13)
    np.testing.assert_allclose(found.norms, alone.norms, atol=1e-8)
    assert found.stats["slope"] < 1e-10


def test_a_hundred_thousand_classes_have_the_minimum_of_fifty(monkeypatch):
    few, many = of_copies(1), of_copies(MANY)
    fast, small = processor(lambda: ufm.minimize(few))
    slow, large = processor(lambda: ufm.minimize(many))
    assert large.status == small.status == "optimal"
    assert 0 < small.living.sum() < 50
    assert large.value == pytest.approx(small.value, rel=1e-12)  # both penalties and the fit are sums over S
    np.testing.assert_array_equal(large.living, np.repeat(small.living, MANY))
    np.testing.assert_allclose(large.norms, np.repeat(small.norms, MANY), rtol=1e-9, atol=1e-9)
    assert ufm.verify(large.certificate, many) == pytest.approx(small.bound, rel=1e-12)
    assert large.gap < 1e-12
    assert slow < fast + 1e-5 * many.n_classes  # reading and writing down the classes
    tracemalloc.start()
    ufm.minimize(many)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500 * (many.n_centers + many.n_classes)  # bytes: some sparse matrices; one of K x d takes 8 d K
    monkeypatch.setattr(memory, "available", lambda: 1 << 34)
    for name in ("class_features", "weight_gram", "feature_gram", "class_logits"):
        with pytest.raises(MemoryError, match="a matrix of 100000 x"):
            getattr(large, name)


@settings(max_examples=20)
@given(strategies.problems(max_classes=4), strategies.seeds, st.integers(1, 3))
def test_geometry_is_measured_as_it_is_class_by_class(problem, seed, copies):
    problem = problem.replace(
        class_sizes=problem.class_sizes * copies, centers=problem.centers * copies, dim=None, **one_weight(problem)
    )
    lengths = np.random.default_rng(seed).integers(1, 3, problem.n_classes)
    frame = ufm.multi_center_frame(problem, basis="coordinate", norms=lengths)
    first, kind = frame.kinds
    told = {(f, n) for f, n in zip(problem.centers, lengths.tolist(), strict=True)}
    assert len(first) == len(told)
    for k in range(problem.n_classes):
        alone = frame.pick([k]).geometry
        for ours, theirs in zip(vars(frame.geometry).values(), vars(alone).values(), strict=True):
            assert ours[k] == theirs[0]
        for ours, theirs in zip(frame.occupied(k), frame.occupied(int(first[kind[k]])), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def one_weight(problem):
    """Of the cosine loss, for any number of classes."""
    return {"beta": 1.0} if problem.loss == "cosine" else {}


def test_kinds_are_told_by_all_that_is_stored():
    """Same numbers in other columns, a center that is another's double, and a class without entries."""
    centers = np.array([[1.0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 2.0]])
    classifier = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]])
    stored = [frames.sparse.csr_array(each) for each in (centers, classifier)]
    frame = ufm.Frame((2, 2, 2), *stored)
    assert frame.kinds[1].tolist() == [0, 1, 2]
    assert ufm.Frame((2, 2, 2), centers, classifier).kinds[1].tolist() == [0, 1, 2]
    doubled = replace(frame, centers=frames.sparse.csr_array(centers[[0, 1, 2, 2, 4, 4]]))
    assert doubled.kinds[1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("loss", ["cosine", "mse"])
def test_flows_of_equal_neighbours_are_those_of_their_classes(loss, monkeypatch):
    """Drawn together or each alone: the same distribution, so means over many samples agree within their noise."""
    weights = {"lam_h": 1e-3} if loss == "mse" else {}
    problem = ufm.Problem([40] * 30 + [5] * 30, [2] * 30 + [4] * 30, 0.2, loss=loss, **weights)
    times = [0.0, 1.0, 10.0] if loss == "cosine" else [0.0, 1e3, 1e4]
    alone = ufm.gradient_flow(problem, t_eval=times)
    monkeypatch.setattr(blocks, "ALONE", 10)
    together = ufm.gradient_flow(problem, t_eval=times)
    assert together.status == alone.status
    for kind in (slice(0, 30), slice(30, 60)):
        for name in ("nc_mean", "norm_mean", "variability"):
            one, other = (t.class_values(name)[:, kind] for t in (alone, together))
            noise = np.hypot(one.std(axis=1), other.std(axis=1)) / np.sqrt(30)
            assert np.all(np.abs(one.mean(axis=1) - other.mean(axis=1)) <= 5.0 * noise + 1e-12)
    drawn = prepare(problem, Asked())
    assert len(list(drawn.steppers())) == 2
    monkeypatch.undo()
    assert len(list(drawn.steppers())) == problem.n_classes
