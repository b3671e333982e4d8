import numpy as np
import pytest
from hypothesis import given
from scipy.optimize import minimize

import ufm
from tests import oracles, strategies
from theory.multicenter import minimum
from ufm.minimize.certificate import SphereBound


@given(strategies.problems(), strategies.seeds)
def test_minimiser_meets_its_bound_and_the_prediction(problem, seed):
    solution = ufm.minimize(problem, frame=ufm.multi_center_frame(problem, seed=seed), seed=seed)
    assert solution.status == "optimal"
    assert solution.gap >= -1e-11
    sizes = np.asarray(problem.class_sizes)
    if problem.loss == "cosine":
        each = minimum.cosine_minimum(problem.centers, problem.theta, problem.weights)
    else:
        each = minimum.mse_minimum(problem.centers, problem.theta, problem.total, problem.lam_h)
    constant = 0.5 * (getattr(problem, "lam_w", 0.0)) * problem.n_classes
    assert solution.value == pytest.approx(float(sizes @ each) + constant, abs=1e-9)
    assert solution.value == pytest.approx(oracles.objective(problem, solution.frame, solution.features), abs=1e-9)


def test_any_frame_is_solved_and_the_bound_proves_it():
    problem = ufm.Problem((4, 3), 3, 0.2, 12)
    centers = np.random.default_rng(0).standard_normal((6, 12))
    frame = ufm.Frame.from_centers(centers / np.linalg.norm(centers, axis=1, keepdims=True), (3, 3))
    solution = ufm.minimize(problem, frame=frame)
    assert solution.status == "optimal"
    best = min(
        minimize(lambda h: oracles.sample_loss(problem, frame, h, 0), start, method="BFGS").fun
        for start in np.random.default_rng(1).standard_normal((5, 12))
    )
    assert oracles.sample_loss(problem, frame, solution.class_features[0], 0) == pytest.approx(best, abs=1e-6)
    mse = ufm.Problem((4, 3), 3, 0.2, 12, loss="mse", lam_h=0.05)
    ridge = ufm.minimize(mse, frame=frame)
    assert ridge.status == "optimal"
    for k in range(2):
        np.testing.assert_allclose(oracles.gradient(mse, frame, ridge.class_features[k], k), 0, atol=1e-12)


def test_a_solution_is_read_by_class():
    problem = ufm.Problem((100, 10, 1), 1, 0.3, loss="mse", lam_h=2e-2, lam_w=3e-2, frame="learned")
    found = ufm.minimize(problem)
    classifier, h = found.frame.classifier, found.class_features
    for j, k in np.ndindex(3, 3):
        assert found.weight_gram[j, k] == pytest.approx(classifier[j] @ classifier[k], abs=1e-14)
        assert found.feature_gram[j, k] == pytest.approx(h[j] @ h[k], abs=1e-14)
        assert found.class_logits[j, k] == pytest.approx(classifier[k] @ h[j], abs=1e-14)
    assert found.alive.tolist() == found.living.tolist() == [True, True, False]
    np.testing.assert_allclose(found.own_cosines[:2], np.sin(0.3), rtol=1e-9)
    large = ufm.minimize(ufm.Problem((30,), 9, 0.0))
    assert (found.scale, large.scale) == (1.0, large.value)
    assert large.value > 1.0


def test_a_bad_point_has_a_gap():
    problem = ufm.Problem((4, 3), 3, 0.2, 12)
    good = ufm.minimize(problem)
    features = np.random.default_rng(0).standard_normal((2, 12))
    bound = SphereBound(problem)
    assert bound.value(bound.multiplier(good.frame, features), None) <= good.bound


def test_refused():
    problem = ufm.Problem((3, 2), 2, 0.2)
    with pytest.raises(ValueError, match="unit length"):
        ufm.minimize(problem, frame=ufm.multi_center_frame(problem, norms=2.0))
    with pytest.raises(ValueError, match=r"the frame has centers \(3, 3\) .* the problem \(2, 2\)"):
        ufm.minimize(ufm.Problem((3, 2), 2, 0.2), frame=ufm.multi_center_frame(ufm.Problem((3, 2), 3, 0.2)))
