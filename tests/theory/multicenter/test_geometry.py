import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import oracles, strategies
from theory.multicenter import geometry
from ufm import multi_center_frame


@given(strategies.problems(), strategies.seeds)
def test_angles_are_those_of_explicit_vectors(problem, seed):
    frame = multi_center_frame(problem, seed=seed)
    for k, f in enumerate(problem.centers):
        centers, w = oracles.class_rows(problem, frame.centers, k), oracles.dense(frame.classifier)[k]
        direction = oracles.mean_direction(problem, frame, k)
        np.testing.assert_allclose(centers @ direction, geometry.center_cosine(f, problem.theta), atol=1e-12)
        np.testing.assert_allclose(w @ direction, geometry.classifier_cosine(f, problem.theta), atol=1e-12)
        np.testing.assert_allclose(centers @ centers.T, geometry.class_gram(f, problem.theta), atol=1e-12)


@given(strategies.counts, strategies.angles)
def test_gram_eigenvalues(f, theta):
    mean, difference = geometry.gram_eigenvalues(f, theta)
    expected = np.sort([float(mean)] + [float(difference)] * (f - 1))
    np.testing.assert_allclose(np.linalg.eigvalsh(geometry.class_gram(f, theta)), expected, atol=1e-12)


@given(st.integers(1, 10**6), st.floats(0.0, np.pi / 2))
def test_fifty_digits(f, theta):
    with mpmath.workdps(50):
        t = mpmath.mpf(theta)
        c = mpmath.sqrt(mpmath.cos(t) ** 2 / f + mpmath.sin(t) ** 2)
        exact = {"c": c, "gap": 1 - c, "rho": mpmath.sin(t) / c}
    assert float(geometry.center_cosine(f, theta)) == pytest.approx(float(exact["c"]), rel=1e-13)
    if theta < np.pi / 2:  # there the double is not pi/2, and the limit is what is wanted
        tolerance = 1e-13 if theta < 1.5 else 1e-8  # cos(theta) itself is that uncertain
        assert float(geometry.center_gap(f, theta)) == pytest.approx(float(exact["gap"]), rel=tolerance, abs=1e-30)
    # sin(theta) is sqrt(1 - cos^2): absolutely accurate, also next to 0
    assert float(geometry.classifier_cosine(f, theta)) == pytest.approx(float(exact["rho"]), rel=1e-12, abs=1e-6)


def test_the_printed_cosine_of_the_appendix_exceeds_one_and_ours_does_not():
    f, theta = 20, 1.0
    printed = f * np.sin(theta) / np.sqrt(np.cos(theta) ** 2 + f * np.sin(theta) ** 2)
    assert printed > 1
    assert geometry.classifier_cosine(f, theta) <= 1


def test_limits():
    assert geometry.center_gap(1, 0.3) == 0
    assert geometry.center_gap(7, np.pi / 2) == 0
    assert geometry.center_cosine(4, 0.0) == 0.5
    assert geometry.classifier_cosine(4, 0.0) == 0
    assert geometry.classifier_cosine(4, np.pi / 2) == 1


def test_arguments_broadcast():
    result = geometry.center_cosine(np.arange(1, 5)[:, None], np.linspace(0, 1, 3))
    assert result.shape == (4, 3)
    assert result[2, 1] == geometry.center_cosine(3, 0.5)


@pytest.mark.parametrize("theta", [-0.1, 1.6, np.nan, np.inf])
def test_angle_out_of_range(theta):
    with pytest.raises(ValueError, match="theta"):
        geometry.center_cosine(2, theta)


@pytest.mark.parametrize("f", [0, -1, 0.5, np.nan, np.inf])
def test_class_without_centers(f):
    with pytest.raises(ValueError, match=r"f=.* at least 1"):
        geometry.center_cosine(f, 0.2)


@given(
    f=st.lists(st.integers(1, 200), min_size=1, max_size=6), reference=st.floats(1, 50), theta=st.floats(0, np.pi / 2)
)
def test_equal_skew_angles_give_every_class_the_same_skew(f, reference, theta):
    angles = geometry.equal_skew_angles(f, reference, theta)
    assert np.all((angles >= 0) & (angles <= np.pi / 2))
    wanted = np.sqrt(reference) * np.sin(theta) / np.hypot(np.cos(theta), np.sqrt(reference) * np.sin(theta))
    np.testing.assert_allclose(geometry.classifier_cosine(f, angles), wanted, rtol=1e-12, atol=1e-15)
