"""Laws of the Stiefel manifold, on random points and tangent vectors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import strategies
from ufm.problems import stiefel


@st.composite
def points(draw):
    """A point (m, d), two tangent vectors, and a generator for more."""
    m = draw(st.integers(1, 6))
    d = m + draw(st.integers(0, 8))
    rng = np.random.default_rng(draw(strategies.seeds))
    q = stiefel.random_point(m, d, rng)
    return q, *(stiefel.tangent(q, rng.standard_normal((m, d))) for _ in range(2)), rng


@given(points())
def test_projection_is_idempotent_self_adjoint_and_tangent(drawn):
    q, xi, _, rng = drawn
    z, y = rng.standard_normal((2, *q.shape))
    np.testing.assert_allclose(stiefel.tangent(q, xi), xi, atol=1e-13)
    np.testing.assert_allclose(stiefel.symmetric(xi @ q.T), 0, atol=1e-13)
    assert np.vdot(stiefel.tangent(q, z), y) == pytest.approx(np.vdot(z, stiefel.tangent(q, y)), abs=1e-12)


@given(points())
def test_factored_matrices_are_what_they_multiply_out_to(drawn):
    q, xi, _, rng = drawn
    one, other = (
        stiefel.Factored(rng.standard_normal((len(q), 2)), rng.standard_normal((2, q.shape[1]))) for _ in "ab"
    )
    a, b = one.left @ one.right, other.left @ other.right
    np.testing.assert_allclose(one - other, a - b, atol=1e-13)
    np.testing.assert_allclose(stiefel.normal(q, one), stiefel.normal(q, a), atol=1e-13)
    np.testing.assert_allclose(stiefel.tangent(q, one), stiefel.tangent(q, a), atol=1e-13)
    bend, product = (stiefel.normal(q, z) for z in (one, a)), (one, a)
    factored, plain = (stiefel.hessian(q, s, z, xi) for s, z in zip(bend, product, strict=True))
    np.testing.assert_allclose(factored, plain, atol=1e-12)


@given(points(), st.floats(1e-3, 30.0))
def test_the_retraction_stays_on_the_manifold(drawn, scale):
    q, xi, _, _ = drawn
    assert stiefel.defect(q) < 1e-13
    assert stiefel.defect(stiefel.polar(q, scale * xi)) < 1e-13
    np.testing.assert_allclose(stiefel.polar(q, 0 * xi), q, atol=1e-14)


@given(points())
def test_order_of_the_retraction(drawn):
    q, xi, _, _ = drawn
    xi /= max(np.linalg.norm(xi), 1.0)
    step = 1e-3
    moved, back = stiefel.polar(q, step * xi), stiefel.polar(q, -step * xi)
    np.testing.assert_allclose((moved - back) / (2 * step), xi, atol=10 * step**2)
    acceleration = (moved - 2 * q + back) / step**2  # of second order: none within the manifold
    np.testing.assert_allclose(stiefel.tangent(q, acceleration), 0, atol=1e-6)


@given(points())
def test_hessian_is_the_second_derivative_along_the_polar_retraction(drawn):
    q, xi, eta, rng = drawn
    xi /= max(np.linalg.norm(xi), 1.0)
    a, b = rng.standard_normal((2, q.shape[1], q.shape[1])) / q.shape[1]
    a, c = a + a.T, rng.standard_normal(q.shape)

    def value(x):
        return 0.5 * np.vdot(x @ a, x) + np.sum(np.sin(x @ b)) + np.vdot(c, x)

    def gradient(x):
        return x @ a + np.cos(x @ b) @ b.T + c

    product = xi @ a - (np.sin(q @ b) * (xi @ b)) @ b.T
    hess = stiefel.hessian(q, stiefel.normal(q, gradient(q)), product, xi)
    step = 1e-4
    up, down = stiefel.polar(q, step * xi), stiefel.polar(q, -step * xi)
    assert (value(up) - value(down)) / (2 * step) == pytest.approx(
        np.vdot(stiefel.tangent(q, gradient(q)), xi), abs=1e-6
    )
    change = stiefel.tangent(up, gradient(up)) - stiefel.tangent(down, gradient(down))
    np.testing.assert_allclose(hess, stiefel.tangent(q, change / (2 * step)), atol=1e-6)
    other = stiefel.hessian(q, stiefel.normal(q, gradient(q)), eta @ a - (np.sin(q @ b) * (eta @ b)) @ b.T, eta)
    assert np.vdot(hess, eta) == pytest.approx(np.vdot(other, xi), abs=1e-9)


@given(points())
def test_nearest_is_the_polar_factor(drawn):
    q, _, _, rng = drawn
    y = q + rng.standard_normal(q.shape)
    left, values, right = np.linalg.svd(y, full_matrices=False)
    if values[-1] > 1e-2:
        np.testing.assert_allclose(stiefel.polar_factor(y), left @ right, atol=1e-10)


def test_refused():
    with pytest.raises(ValueError, match="5 rows of dimension 3 cannot be orthonormal"):
        stiefel.random_point(5, 3, np.random.default_rng(0))
    with pytest.raises(ValueError, match="2 rows are linearly dependent"):
        stiefel.polar_factor(np.ones((2, 4)))
    with pytest.raises(ValueError, match="NaN or infinity"):
        stiefel.polar_factor(np.full((2, 4), np.nan))
