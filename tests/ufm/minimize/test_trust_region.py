"""The trust region on flat functions whose minima are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import strategies
from ufm.minimize.trust_region import minimize_locally, truncated_cg


class Flat:
    """A function of R^n given by value, gradient and Hessian, all dense."""

    def __init__(self, functions, x):
        self.functions, self.x = functions, x
        self.value, self.gradient, self.matrix = (f(x) for f in functions)

    def hessian(self, v):
        return self.matrix @ v

    def precondition(self, v):
        return v

    def move(self, v):
        return Flat(self.functions, self.x + v)


def quadratic(matrix, b):
    return (lambda x: 0.5 * x @ matrix @ x - b @ x, lambda x: matrix @ x - b, lambda x: matrix)


ROSENBROCK = (
    lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2,
    lambda x: np.array([-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)]),
    lambda x: np.array([[1200 * x[0] ** 2 - 400 * x[1] + 2, -400 * x[0]], [-400 * x[0], 200.0]]),
)
DOUBLE_WELL = (
    lambda x: float(np.sum((x**2 - 1) ** 2)),
    lambda x: 4 * x * (x**2 - 1),
    lambda x: np.diag(12 * x**2 - 4),
)
QUARTIC = (lambda x: float(np.sum(x**4)), lambda x: 4 * x**3, lambda x: np.diag(12 * x**2))


def test_known_minima():
    end = minimize_locally(Flat(ROSENBROCK, np.array([-1.2, 1.0])))
    assert end.status == "optimal"
    np.testing.assert_allclose(end.local.x, 1.0, atol=1e-10)
    for start in np.random.default_rng(0).uniform(-0.1, 0.1, (20, 3)):
        end = minimize_locally(
            Flat(DOUBLE_WELL, start)
        )  # starts next to a maximum, in the region of negative curvature
        np.testing.assert_allclose(np.abs(end.local.x), 1.0, atol=1e-9)
    assert minimize_locally(Flat(QUARTIC, np.ones(3))).status == "optimal"


@given(st.integers(1, 8), strategies.seeds)
def test_quadratics(n, seed):
    rng = np.random.default_rng(seed)
    root, b = rng.standard_normal((n, n)), rng.standard_normal(n)
    matrix = root @ root.T + 0.1 * np.eye(n)
    end = minimize_locally(Flat(quadratic(matrix, b), rng.standard_normal(n)))
    assert end.status == "optimal"
    np.testing.assert_allclose(end.local.x, np.linalg.solve(matrix, b), atol=1e-9)


@given(st.integers(1, 8), strategies.seeds, st.floats(1e-3, 10.0))
def test_steps_keep_to_the_radius_and_say_what_they_gain(n, seed, radius):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((n, n))
    local = Flat(quadratic(matrix + matrix.T, rng.standard_normal(n)), np.zeros(n))
    trial = truncated_cg(local, local.gradient, radius, 100)
    assert np.linalg.norm(trial.step) <= radius * (1 + 1e-9)
    assert trial.length == pytest.approx(np.linalg.norm(trial.step), rel=1e-6)
    assert trial.gain == pytest.approx(local.value - local.move(trial.step).value, rel=1e-9, abs=1e-12)
    along = local.gradient @ local.gradient
    cauchy = local.gradient * min(radius / np.sqrt(along), 1e-3)
    assert trial.gain >= local.value - local.move(-cauchy).value - 1e-12


def test_every_end_has_a_status():
    end = minimize_locally(Flat(ROSENBROCK, np.array([-1.2, 1.0])), max_iterations=3)
    assert (end.status, end.iterations, end.reason) == ("stopped", 3, "3 iterations are spent")
    broken = (lambda x: 1.0, lambda x: np.full(2, np.nan), lambda x: np.eye(2))
    assert minimize_locally(Flat(broken, np.zeros(2))).reason == "the gradient is not finite"
    kink = (lambda x: float(np.abs(x).sum()), lambda x: np.sign(x) + (x == 0), lambda x: np.eye(2))
    assert "no step goes down" in minimize_locally(Flat(kink, np.array([0.3, 0.7]))).reason
