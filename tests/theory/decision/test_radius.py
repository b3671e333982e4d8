"""Radii of the three rules: limits, nearest points in explicit vectors, and the exponents of small noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ufm
from theory.decision import accuracy, radius
from theory.multicenter import geometry
from ufm.measure import rules

counts = st.integers(1, 500)
angles = st.floats(0.0, np.pi / 2)


@given(counts, angles, st.floats(0.0, 9.0))
def test_no_radius_exceeds_that_of_the_nearest_mean_center(f, theta, r):
    most = radius.nmc_radius(r) * (1 + 1e-15)
    assert radius.rcr_radius(f, theta, r) <= most
    assert radius.gcr_radius(f, theta, r) <= most
    np.testing.assert_allclose(radius.gcr_radius(1, theta, r), radius.nmc_radius(r), rtol=1e-15)
    for rule in (radius.rcr_radius, radius.gcr_radius):
        np.testing.assert_allclose(rule(f, np.pi / 2, r), radius.nmc_radius(r), rtol=1e-15)
    assert radius.rcr_radius(f, 0.0, r) == 0.0
    assert radius.gcr_radius(f + 1, theta, r) <= radius.gcr_radius(f, theta, r) * (1 + 1e-15)


@given(counts, angles)
def test_the_nearest_point_is_as_far_as_the_radius(f, theta):
    a, b = radius.gcr_nearest(f, theta, 2.0)
    np.testing.assert_allclose(np.hypot(a, b), radius.gcr_radius(f, theta, 2.0), rtol=1e-15)


@given(counts, st.floats(0.001, 1.55))
def test_which_rule_has_the_larger_radius(f, theta):
    gap = radius.rcr_radius(f, theta) ** 2 - radius.gcr_radius(f, theta) ** 2
    assert radius.rcr_advantage(f, theta) == pytest.approx(gap, abs=1e-15)
    c2, sin2 = geometry.center_cosine(f, theta) ** 2, np.sin(theta) ** 2
    assert gap * (2 * c2 * (1 + c2)) == pytest.approx(sin2 * (1 + c2) - 2 * c2**2, abs=4e-15)
    turn = float(radius.rcr_wins_from(f))
    if abs(theta - turn) > 1e-6:
        assert (radius.rcr_advantage(f, theta) > 0) == (theta > turn)


def test_with_three_centers_or_fewer_gcr_has_the_larger_radius():
    np.testing.assert_allclose(radius.rcr_wins_from([1, 2, 3]), np.pi / 2, rtol=1e-15)
    assert radius.rcr_wins_from(4) < 1
    assert np.all(radius.rcr_advantage([1, 2, 3], [[0.1], [0.8], [1.5]]) <= 0)


@pytest.mark.parametrize("theta", [0.05, 0.4, 1.2])
def test_just_before_the_nearest_point_the_class_is_kept_and_just_after_it_is_not(theta):
    """Unequal classes, in vectors: whichever class is moved towards, the class changes at the same distance."""
    f = (2, 5, 9)
    frame = ufm.multi_center_frame(ufm.Problem((1, 1, 1), f, theta), seed=3)
    means, r = np.asarray(frame.mean_directions), 1.7
    for k in range(3):
        a, b = radius.gcr_nearest(f[k], theta, r)
        for j in {0, 1, 2} - {k}:
            w, rival = (np.asarray(frame.classifier_row(i)) for i in (k, j))
            steps = {
                rules.generalized: b * np.asarray(frame.class_centers(j))[0] - a * means[k],
                rules.regular: r * geometry.classifier_cosine(f[k], theta) / 2 * (rival - w),
                rules.nearest_mean_center: r / 2 * (means[j] - means[k]),
            }
            for rule, step in steps.items():
                z = r * means[k] + np.array([[1 - 1e-9], [1 + 1e-9]]) * step
                assert rule(z, frame).tolist() == [k, j]
            lengths = [np.linalg.norm(step) for step in steps.values()]
            stated = radius.gcr_radius(f[k], theta, r), radius.rcr_radius(f[k], theta, r), radius.nmc_radius(r)
            np.testing.assert_allclose(lengths, stated, rtol=1e-14)


@pytest.mark.parametrize(("f", "theta"), [(1, 0.3), (4, 0.0), (4, 0.3), (20, 0.2), (20, 1.2)])
def test_errors_fall_like_the_exponents(f, theta):
    """-ln(error) between two little noises, so that what does not depend on sigma drops out."""
    sigma = np.array([1 / 39.0, 1 / 40.0])
    for error, size in (
        (accuracy.nmc_error(1 / sigma, 5), radius.nmc_radius()),
        (accuracy.rcr_error(f, theta, 1 / sigma, 5), radius.rcr_radius(f, theta)),
        (accuracy.gcr_error(f, theta, 1 / sigma, 5), radius.gcr_radius(f, theta)),
    ):
        if size > 0:  # with no radius errors do not fall
            found, stated = np.diff(-np.log(error)), np.diff(radius.noise_exponent(size, sigma))
            # a power of sigma remains: at most the (f + 1)-th, and sigma changes by 1/39
            assert abs(found - stated) < (f + 1) / 39


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: radius.nmc_radius(-1.0), "r=-1.0 must be finite and at least 0"),
        (lambda: radius.noise_exponent(1.0, 0.0), "sigma=0.0 must be positive"),
        (lambda: radius.rcr_wins_from(0), "f=0 must be integers >= 1"),
        (lambda: radius.rcr_advantage(0, 0.1), "f=0 must be integers >= 1"),
        (lambda: radius.rcr_radius(2.5, 0.1), "f=2.5 must be integers >= 1"),
        (lambda: radius.gcr_radius([2, 2.5], 0.1), r"f=\[2, 2.5\] must be integers >= 1"),
        (lambda: radius.gcr_nearest(2.5, 0.1), "f=2.5 must be integers >= 1"),
        (lambda: radius.rcr_advantage(2.5, 0.1), "f=2.5 must be integers >= 1"),
        (lambda: radius.gcr_radius(2, -0.1), "theta=-0.1 is outside"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
