"""P without its rotations: the same numbers as in all d coordinates, derivatives, and no large matrices."""

import numpy as np
import pytest

import ufm
from ufm.minimize.projection import Kinds, ProjectedLocal, Regression
from ufm.minimize.turned import TurnedLocal
from ufm.problems.frames import dense
from ufm.problems.objective import objective_at
from ufm.problems.state import random_state

PROBLEM = ufm.Problem((7, 3, 3), (2, 4, 4), 0.4, 19, loss="mse", lam_h=1e-3, lam_w=2e-3, frame="learned")


def random_local(full):
    state = random_state(PROBLEM, 5, full=full)
    state = state._replace(norms=np.array([0.7, -1.1, 1.6]))
    return state, TurnedLocal(objective_at(PROBLEM, state), state.norms, state.rows @ state.features.T)


@pytest.mark.parametrize("full", [False, True])
def test_inside_the_frame_it_is_the_objective(full):
    state, local = random_local(full)
    inside = local.state(state.rows)  # the part of the features that the frame sees
    value, gradient = objective_at(PROBLEM, inside).value_and_gradient(inside)
    assert local.value == pytest.approx(value, rel=1e-13)
    by_norm, by_coordinate = local.gradient[:3], local.gradient[3:].reshape(local.coordinates.shape)
    np.testing.assert_allclose(by_norm, gradient.norms, rtol=1e-12)
    np.testing.assert_allclose(by_coordinate, state.rows @ gradient.features.T, rtol=1e-11, atol=1e-14)
    assert local.value < objective_at(PROBLEM, state).value_and_gradient(state)[0]  # what is outside only costs


def differences(local, direction, step=1e-5):
    ahead, behind = local.move(step * direction), local.move(-step * direction)
    return (ahead.value - behind.value) / (2 * step), (ahead.gradient - behind.gradient) / (2 * step)


@pytest.mark.parametrize("full", [False, True])
def test_derivatives(full):
    _, local = random_local(full)
    direction = np.random.default_rng(1).standard_normal(local.gradient.size)
    slope, bend = differences(local, direction)
    assert slope == pytest.approx(local.gradient @ direction, rel=1e-7)
    np.testing.assert_allclose(bend, local.hessian(direction), rtol=1e-5, atol=1e-7)
    norms = np.r_[np.zeros(3), direction[3:]]
    np.testing.assert_allclose(local.precondition(local.hessian(norms))[3:], direction[3:], rtol=1e-9, atol=1e-9)


def test_projected_it_is_the_ridge_regressions_of_all_features():
    norms = np.array([0.7, -1.1, 1.6])
    kinds = Kinds.of(PROBLEM, norms)
    local = ProjectedLocal(Regression(PROBLEM, kinds), norms)
    rows = random_state(PROBLEM, 2).rows
    state = local.state(PROBLEM, kinds.kind, rows)
    value, gradient = objective_at(PROBLEM, state).value_and_gradient(state)
    assert local.value == pytest.approx(value, rel=1e-13)
    assert np.abs(gradient.features).max() < 1e-15
    np.testing.assert_allclose(local.gradient, gradient.norms, rtol=1e-11)
    direction = np.array([0.3, -1.0, 0.5])
    slope, bend = differences(local, direction)
    assert slope == pytest.approx(local.gradient @ direction, rel=1e-8)
    np.testing.assert_allclose(bend, local.hessian(direction), rtol=1e-7)


def test_the_frame_of_a_projected_minimum_is_in_coordinate_vectors_and_as_good_as_any():
    found, other = ufm.minimize(PROBLEM), ufm.minimize(PROBLEM, method="means", seed=3)
    assert found.status == other.status == "optimal"
    assert np.count_nonzero(dense(found.frame.classifier)) == PROBLEM.n_classes
    assert found.value == pytest.approx(other.value, rel=1e-13)
    np.testing.assert_allclose(found.norms, other.norms, rtol=1e-7)
