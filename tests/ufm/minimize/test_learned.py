"""Minimisers of learned frames against theorems 3.3 and 3.4, class by class, and against their own bound."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ufm
from tests import oracles, strategies
from theory.multicenter import geometry, minimum
from ufm.measure.metrics import collapse
from ufm.minimize.certificate import LearnedMSEBound
from ufm.problems.frames import dense
from ufm.problems.state import random_state


def predicted(problem, function=minimum.learned_minimum):
    """A closed form of theory for every class."""
    if problem.loss == "cosine":
        each = minimum.cosine_minimum(problem.centers, problem.theta, problem.weights)
        return np.asarray(problem.class_sizes) * each
    sizes = np.asarray(problem.class_sizes)
    return function(problem.centers, problem.theta, sizes, problem.total, problem.lam_h, problem.lam_w)


def distance_to_threshold(problem):
    """Least relative distance of a class from the cosine at which it dies."""
    sizes = np.asarray(problem.class_sizes)
    threshold = minimum.alive_threshold(problem.centers, sizes, problem.total, problem.lam_h, problem.lam_w)
    return np.abs(geometry.center_cosine(problem.centers, problem.theta) / threshold - 1.0).min()


@settings(max_examples=30)
@given(strategies.learned_problems(loss="mse"), strategies.seeds, st.sampled_from(["means", "full", "projected"]))
def test_p_ends_at_the_predicted_minimum(problem, seed, method):
    solution = ufm.minimize(problem, seed=seed, method=method)
    assert solution.value == pytest.approx(predicted(problem).sum(), abs=1e-12)
    assert -1e-13 < solution.gap < 1e-9
    assert solution.status == "optimal", solution.stats
    if distance_to_threshold(problem) > 1e-3:  # at a threshold the minimum is quartic and its norms are soft
        squares = predicted(problem, minimum.learned_square_norm)
        np.testing.assert_allclose(solution.norms**2, squares, atol=1e-7 * max(1.0, squares.max()))
        np.testing.assert_array_equal(solution.living, squares > 0)
        lives = np.flatnonzero(solution.living)
        if lives.size:
            frame = solution.frame.pick(lives)
            assert collapse(solution.class_features[lives], np.arange(lives.size), frame).max() < 1e-10
            if method == "full":
                spread = solution.features - solution.class_features[problem.labels]
                assert np.abs(spread).max() < 1e-7
        balance = problem.lam_h * np.asarray(problem.class_sizes) * np.sum(solution.class_features**2, axis=1)
        np.testing.assert_allclose(problem.lam_w * solution.norms**2, balance, atol=1e-8)


@settings(max_examples=20)
@given(strategies.learned_problems(loss="cosine"), strategies.seeds, st.sampled_from(["means", "full"]))
def test_the_cosine_loss_ends_in_ncmc_whatever_the_frame(problem, seed, method):
    solution = ufm.minimize(problem, seed=seed, method=method)
    assert solution.value == pytest.approx(predicted(problem).sum(), abs=1e-9)
    assert -1e-10 < solution.gap < 1e-9
    assert solution.living.all()
    degenerate = geometry.center_gap(problem.centers, problem.theta) == 0
    nc = collapse(solution.class_features, np.arange(problem.n_classes), solution.frame)
    assert np.all(nc < np.where(degenerate, 1e-4, 1e-10))  # the minimum of a single center is quartic


@given(strategies.learned_problems(loss="mse", max_size=3), strategies.seeds, st.floats(0.01, 30.0))
def test_no_state_is_below_the_bound_of_any_other(problem, seed, scale):
    rng = np.random.default_rng(seed)
    state = random_state(problem, seed)
    state = state._replace(norms=scale * rng.standard_normal(problem.n_classes), features=scale * state.features)
    value = oracles.learned_objective(problem, state)
    bound = LearnedMSEBound(problem)
    assert bound.value(rng.uniform(-1, 1, problem.n_classes) * bound.limit, None) <= value
    assert predicted(problem).sum() <= value


@pytest.mark.parametrize("method", ["means", "projected"])
@pytest.mark.parametrize("side", [1 - 1e-3, 1 + 1e-3])
def test_each_class_dies_at_its_own_threshold(method, side):
    base = ufm.Problem((100, 10, 1), (1, 2, 2), 0.3, loss="mse", lam_h=1e-2, lam_w=1e-2, frame="learned")
    sizes = np.asarray(base.class_sizes)
    cosines = geometry.center_cosine(base.centers, base.theta)
    # the weight at which class k dies: c_k = (S / f_k) sqrt(lam_h lam_w / n_k)
    critical = (cosines * base.centers / base.total) ** 2 * sizes / base.lam_h
    for k in range(3):
        problem = dataclasses.replace(base, lam_w=float(critical[k]) * side**2)
        solution = ufm.minimize(problem, method=method)
        assert solution.status == "optimal", solution.stats
        assert bool(solution.living[k]) == (side < 1)
        np.testing.assert_array_equal(solution.living, predicted(problem, minimum.learned_square_norm) > 0)


def test_partial_collapse_of_the_paper_s_otherwise_case():
    problem = ufm.Problem((100, 10, 1), 1, 0.3, loss="mse", lam_h=2e-2, lam_w=3e-2, frame="learned")
    for method in ("means", "full", "projected"):
        solution = ufm.minimize(problem, method=method)
        assert solution.living.tolist() == [True, True, False]
        assert solution.value == pytest.approx(0.2603, abs=5e-5)
        assert solution.value < 0.5


def test_a_saddle_is_not_called_a_minimum():
    problem = ufm.Problem((4, 3), 2, 0.3, dim=8, loss="mse", lam_h=0.01, lam_w=0.01, frame="learned")
    start = random_state(problem, 0)._replace(norms=np.zeros(2), features=np.zeros((2, 8)))
    solution = ufm.minimize(problem, method="means", start=start)
    assert solution.status == "inexact"
    assert "no minimum" in solution.stats["reason"]
    assert solution.gap > 0.1


def test_starts_are_taken_as_given():
    problem = ufm.Problem((4, 3), 2, 0.3, dim=8, loss="mse", lam_h=0.01, lam_w=0.01, frame="learned")
    start = random_state(problem, 7, full=True)
    for method in ("means", "full", "projected"):
        solution = ufm.minimize(problem, method=method, start=(start.rows, -start.norms, start.features))
        assert solution.status == "optimal"
        assert solution.features.shape == (7, 8)
    again, same = (ufm.minimize(problem, method="means", seed=3) for _ in range(2))
    np.testing.assert_array_equal(dense(again.frame.centers), dense(same.frame.centers))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weights", "starts"),
    # two of the four classes are dead at 5e-2; the single center of the first class makes the cosine loss quartic
    [
        ({"loss": "mse", "lam_h": 1e-3, "lam_w": 1e-3}, 50),
        ({"loss": "mse", "lam_h": 5e-2, "lam_w": 5e-2}, 50),
        ({}, 10),
    ],
    ids=["all alive", "two dead", "cosine"],
)
def test_random_starts_end_at_the_global_minimum(weights, starts):
    problem = ufm.Problem((40, 20, 8, 2), (1, 3, 2, 5), 0.3, dim=20, frame="learned", **weights)
    for seed in range(starts):
        solution = ufm.minimize(problem, method="means", seed=seed)
        assert solution.status == "optimal", (seed, solution.stats)
        assert solution.stats["slope"] < 1e-10
        assert solution.value == pytest.approx(predicted(problem).sum(), abs=1e-12 * max(1.0, solution.value))


@pytest.mark.parametrize(("lam", "living"), [(5e-6, 10), (1e-4, 10), (3e-4, 7)])
@pytest.mark.parametrize("method", ["means", "projected"])
def test_cifar10_lt_sizes(lam, living, method):
    sizes = ufm.long_tailed_sizes(10, 5000, 0.01)
    problem = ufm.Problem(sizes, 20, 0.2, dim=256, loss="mse", lam_h=lam, lam_w=lam, frame="learned")
    solution = ufm.minimize(problem, method=method)
    assert solution.status == "optimal"
    assert solution.living.sum() == living
    assert abs(solution.value - predicted(problem).sum()) < 1e-12
    squares = predicted(problem, minimum.learned_square_norm)
    np.testing.assert_allclose(solution.norms**2, squares, rtol=1e-8, atol=1e-8)


@pytest.mark.slow
def test_cifar100_lt_sizes_by_variable_projection():
    sizes = ufm.long_tailed_sizes(100, 500, 0.01)
    problem = ufm.Problem(sizes, 20, 0.2, dim=2200, loss="mse", lam_h=5e-6, lam_w=5e-6, frame="learned")
    solution = ufm.minimize(problem)
    assert solution.status == "optimal"
    assert abs(solution.value - predicted(problem).sum()) < 1e-12
    squares = predicted(problem, minimum.learned_square_norm)
    np.testing.assert_allclose(solution.norms**2, squares, rtol=1e-8)
