"""The landscape of small problems, and Lanczos against dense eigenvalues."""

import numpy as np
import pytest
from hypothesis import given, settings

import ufm
from tests import oracles, strategies
from ufm.certify.ledger import landscape
from ufm.problems.losses import loss_of


def dense_hessian(problem, frame, h, k, step=1e-5):
    """Central differences of complex-step gradients."""
    columns = [
        (oracles.gradient(problem, frame, h + e, k) - oracles.gradient(problem, frame, h - e, k)) / (2 * step)
        for e in step * np.eye(h.size)
    ]
    return np.array(columns)


@settings(max_examples=20)
@given(problem=strategies.problems(max_centers=3), seed=strategies.seeds)
def test_hessian_products(problem, seed):
    frame = ufm.multi_center_frame(problem, seed=seed)
    h = np.random.default_rng(seed).standard_normal(problem.dim)
    h *= 1.5 / np.linalg.norm(h)
    product = loss_of(problem, frame).hessian_product(h, np.eye(problem.dim), 0)
    np.testing.assert_allclose(product, dense_hessian(problem, frame, h, 0), atol=1e-7)


@settings(max_examples=20)
@given(problem=strategies.problems(max_centers=4, min_classes=2), seed=strategies.seeds)
def test_lanczos_finds_the_extreme_eigenvalues(problem, seed):
    frame = ufm.multi_center_frame(problem, seed=seed)
    sign = 1.0 if seed % 2 else -1.0
    feature = sign * oracles.mean_direction(problem, frame, 0)
    hessian = loss_of(problem, frame).hessian_product(feature, np.eye(problem.dim), 0)
    if problem.loss == "cosine":
        basis = np.linalg.svd(feature[None])[2][1:]
        hessian = basis @ hessian @ basis.T
    eigenvalues = np.linalg.eigvalsh(hessian)
    found = landscape.curvature(problem, frame, feature, 0)
    np.testing.assert_allclose(found, eigenvalues[[0, -1]], atol=1e-8 * max(1.0, np.abs(eigenvalues).max()))


def test_every_start_of_the_cosine_loss_ends_at_one_point_per_class():
    problem = ufm.Problem((4, 2), (2, 5), 0.4, dim=16, lam=0.3)
    ends = landscape.descend_from_everywhere(problem, 12, seed=0)
    assert ends.nc.shape == (2, 12)
    assert ends.nc.max() < 1e-12
    np.testing.assert_allclose(ends.norm, 1.0, atol=1e-7)
    assert np.ptp(ends.value, axis=1).max() < 1e-12
    solution = ufm.minimize(problem)
    frame = ufm.multi_center_frame(problem, basis="coordinate")
    least = [
        float(loss_of(problem, frame).value_and_gradient(h[None], k)[0][0])
        for k, h in enumerate(solution.class_features)
    ]
    np.testing.assert_allclose(ends.value.min(axis=1), least, atol=1e-12)


def test_the_cosine_loss_has_two_critical_points_and_p_one():
    points = landscape.critical_points(ufm.Problem((4, 2), (2, 5), 0.4, dim=16, lam=0.3), 30, seed=0)
    assert [p.k for p in points] == [0, 0, 1, 1]
    assert [round(p.nc, 6) for p in points] == [0, 4, 0, 4]
    assert all(p.lowest > 0 for p in points[::2])
    assert all(p.highest < 0 for p in points[1::2])
    assert sum(p.hits for p in points) == 60
    (point,) = landscape.critical_points(ufm.Problem((4,), (3,), 0.4, loss="mse", lam_h=0.1), 5, seed=0)
    assert point.lowest == pytest.approx(0.1)
    assert point.nc < 1e-12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: landscape.critical_points(ufm.Problem((2,), 2, 0.3, lam=0.0), 1), "lam=0 leaves the norm free"),
        (lambda: landscape.descend_from_everywhere(ufm.Problem((2,), 2, 0.3), 0), "n_starts=0"),
    ],
)
def test_questions_without_an_answer_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
