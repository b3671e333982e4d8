from dataclasses import replace

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from tests import oracles, strategies
from theory.multicenter import geometry, minimum
from ufm import multi_center_frame


@given(strategies.problems(loss="cosine", max_classes=2), strategies.seeds)
def test_cosine_minimum_against_an_optimiser_that_does_not_know_it(problem, seed):
    problem = replace(problem, lam=0.5)  # the minimum does not depend on it, and 0 lets the optimiser run to infinity
    frame = multi_center_frame(problem, seed=seed)
    h = np.random.default_rng(seed).standard_normal(problem.dim)
    found = minimize(
        lambda x: oracles.sample_loss(problem, frame, x, 0),
        h,
        jac=lambda x: oracles.gradient(problem, frame, x, 0),
        method="BFGS",
        options={"gtol": 1e-9},
    )
    expected = float(minimum.cosine_minimum(problem.centers[0], problem.theta, problem.weights[0]))
    assert found.fun >= expected - 1e-12
    assert found.fun == pytest.approx(expected, abs=1e-6)
    at = oracles.mean_direction(problem, frame, 0)
    assert oracles.sample_loss(problem, frame, at, 0) == pytest.approx(expected, abs=1e-13)


@given(strategies.problems(loss="cosine", max_classes=1), strategies.seeds)
def test_curvatures_against_the_hessian(problem, seed):
    frame = multi_center_frame(problem, seed=seed)
    (f,) = problem.centers
    at, step = oracles.mean_direction(problem, frame, 0), 1e-6
    rows = [
        (oracles.gradient(problem, frame, at + step * e, 0) - oracles.gradient(problem, frame, at - step * e, 0))
        / (2 * step)
        for e in np.eye(problem.dim)
    ]
    curvature = minimum.cosine_curvatures(f, problem.theta, problem.weights[0], problem.lam)
    rank = f - 1
    expected = [*[curvature.difference] * rank, *[curvature.outside] * (problem.dim - f), curvature.radial]
    np.testing.assert_allclose(np.linalg.eigvalsh(np.array(rows)), np.sort(np.array(expected, float)), atol=1e-7)


@given(strategies.problems(loss="mse"), strategies.seeds, st.floats(0.2, 3.0))
def test_mse_minimum_against_least_squares(problem, seed, norm):
    frame = multi_center_frame(problem, seed=seed, norms=norm)
    w, lam = oracles.dense(frame.centers), problem.lam_h
    for k, f in enumerate(problem.centers):
        y = np.zeros(problem.n_centers)
        y[sum(problem.centers[:k]) : sum(problem.centers[: k + 1])] = 1.0
        tall = np.vstack([w, np.sqrt(lam * problem.total) * np.eye(problem.dim)])
        h = np.linalg.lstsq(tall, np.append(y, np.zeros(problem.dim)), rcond=None)[0]
        norm_predicted = minimum.mse_feature_norm(f, problem.theta, problem.total, lam, norm)
        assert np.linalg.norm(h) == pytest.approx(float(norm_predicted), rel=1e-8)
        np.testing.assert_allclose(h / np.linalg.norm(h), oracles.mean_direction(problem, frame, k), atol=1e-8)
        value = float(minimum.mse_minimum(f, problem.theta, problem.total, lam, norm))
        assert oracles.sample_loss(problem, frame, h, k) == pytest.approx(value, abs=1e-12)


@given(st.integers(1, 1000), st.floats(0.001, 1.5), st.floats(0.01, 10))
def test_cosine_minimum_to_thirteen_digits(f, theta, beta):
    with mpmath.workdps(50):
        t = mpmath.mpf(theta)
        c = mpmath.sqrt(mpmath.cos(t) ** 2 / f + mpmath.sin(t) ** 2)
        exact = float(beta * f * (1 - c) ** 2)
    assert float(minimum.cosine_minimum(f, theta, beta)) == pytest.approx(exact, rel=1e-12)


@given(st.integers(1, 50), st.floats(10.0, 1e4), st.floats(1e-6, 1e-2))
def test_feature_norm_is_largest_where_the_paper_says(f, total, lam):
    best = np.sqrt(lam * total / f)
    c = np.linspace(1 / np.sqrt(f), 1, 2001)
    norms = f * c / (f * c**2 + lam * total)
    at = c[np.argmax(norms)]
    assert abs(at - np.clip(best, c[0], 1)) <= c[1] - c[0] + 1e-12
    theta = np.arcsin(np.sqrt(np.clip((f * at**2 - 1) / (f - 1), 0, 1))) if f > 1 else 0.0
    assert geometry.center_cosine(f, theta) == pytest.approx(at, abs=1e-9)
    predicted = float(minimum.mse_feature_norm(f, theta, total, lam))
    assert predicted == pytest.approx(norms.max(), rel=1e-9)


weights = st.floats(1e-3, 1e-1)


@given(st.integers(1, 20), strategies.angles, st.integers(1, 500), st.integers(0, 2000), weights, weights)
def test_learned_minimum_is_the_minimum_of_its_class(f, theta, n, others, lam_h, lam_w):
    own = (f, theta, n, f * n + others, lam_h, lam_w)
    square, least = float(minimum.learned_square_norm(*own)), float(minimum.learned_minimum(*own))
    grid = np.concatenate([[0.0], np.geomspace(1e-6, 10 * square + 1.0, 2000)])
    values = minimum.projected_value(grid, *own)
    assert values.min() >= least * (1 - 1e-14)
    assert values.min() == pytest.approx(least, rel=1e-4)
    threshold = float(minimum.alive_threshold(f, n, own[3], lam_h, lam_w))
    assert (square > 0) == (float(geometry.center_cosine(f, theta)) > threshold)
    norm = float(minimum.learned_feature_norm(*own))
    assert lam_w * square == pytest.approx(n * lam_h * norm**2)


def test_features_of_a_learned_frame_are_those_of_the_fixed_one():
    n = np.array([100, 20])
    own = (np.array([3, 5]), 0.4, n, 400, 1e-2, 2e-2)
    norms = np.sqrt(minimum.learned_square_norm(*own))
    fixed = minimum.mse_feature_norm(own[0], 0.4, 400, 1e-2, norms)
    np.testing.assert_allclose(minimum.learned_feature_norm(*own), fixed, rtol=1e-14)
    per_sample = minimum.mse_minimum(own[0], 0.4, 400, 1e-2, norms)
    np.testing.assert_allclose(minimum.learned_minimum(*own), n * per_sample + 0.5 * 2e-2 * norms**2, rtol=1e-14)


def test_without_a_penalty_a_learned_frame_has_no_minimiser():
    with pytest.raises(ValueError, match=r"lam_w=0\.0 must be positive"):
        minimum.learned_square_norm(2, 0.3, 10, 20, 0.1, 0.0)
