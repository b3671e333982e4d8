"""Learned means: the exact probability against a double quadrature, limits, and how far the normal one is off."""

from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from theory.decision import few_samples

numbers = st.integers(1, 300)
pairs = st.tuples(numbers, numbers, st.floats(0.1, 4.0), st.floats(0.3, 3.0), st.integers(1, 60))


def by_quadrature(n, other, distance, sigma, dim, *, corrected):
    """Q diagonalised numerically: a difference of two noncentral chi^2 variables, one integrated over."""
    covariance = np.array([[1.0 + 1.0 / n, 1.0], [1.0, 1.0 + 1.0 / other]])
    root = np.linalg.cholesky(covariance)
    weights, axes = np.linalg.eigh(root.T @ np.diag([-1.0, 1.0]) @ root)
    shifts = (axes.T @ np.linalg.solve(root, [0.0, distance / sigma])) ** 2
    threshold = dim * (1.0 / other - 1.0 / n) if corrected else 0.0

    def integrand(y):
        below = stats.ncx2.cdf((threshold - weights[0] * y) / weights[1], dim, shifts[1])
        return stats.ncx2.pdf(y, dim, shifts[0]) * below

    middle, width = dim + shifts[0], np.sqrt(2.0 * (dim + 2.0 * shifts[0]))
    edges = [max(0.0, middle + k * width) for k in (-12, -4, 0, 4, 14, 60)]
    within = {"epsabs": 1e-14, "epsrel": 1e-11, "limit": 400}
    return sum(integrate.quad(integrand, a, b, **within)[0] for a, b in pairwise(edges))


@pytest.mark.slow
@settings(max_examples=30)
@given(pairs, st.booleans())
def test_exact_probability_is_that_of_two_chi_squares(pair, corrected):
    expected = by_quadrature(*pair, corrected=corrected)
    # one degree of freedom has a density that is infinite at 0: there quadrature is good to 1e-8
    found = float(few_samples.confusion(*pair, corrected=corrected))
    assert found == pytest.approx(expected, abs=1e-8 if pair[-1] == 1 else 1e-11)


def test_small_probabilities_keep_their_digits():
    """One dimension, one sample each: Q is a product of two independent normals, error = P(xy < 0), in closed form."""
    for distance in (1.0, 6.0, 20.0):
        with mpmath.workdps(60):
            half = mpmath.mpf(distance)
            # |z - a| > |z - b| in one dimension: (a - b)(2 z - a - b) < 0, two normals that do not depend on each other
            first = mpmath.ncdf(-half / mpmath.sqrt(2))  # of b - a, mean D and variance 2
            second = mpmath.ncdf(-half / mpmath.sqrt(6))  # of 2 z - a - b, mean -D and variance 6
            exact = first * (1 - second) + second * (1 - first)
        assert float(few_samples.confusion(1, 1, distance, 1.0, 1)) == pytest.approx(float(exact), rel=1e-12)


@given(st.floats(0.5, 12.0), st.floats(0.1, 5.0))
def test_known_means_leave_the_error_of_the_best_rule(ratio, sigma):
    known = 10**12
    for dim in (1, 40):
        found = few_samples.confusion(known, known, ratio * sigma, sigma, dim)
        # x = D / (2 sigma) is off by a share of d / (n q) < 2e-10, the error by x^2 times that
        assert float(found) == pytest.approx(stats.norm.cdf(-ratio / 2), rel=1e-8)


@given(pairs)
def test_only_the_ratio_of_distance_and_noise_counts_and_equals_are_fair(pair):
    n, other, distance, sigma, dim = pair
    scaled = few_samples.confusion(n, other, 7.0 * distance, 7.0 * sigma, dim)
    assert float(few_samples.confusion(*pair)) == pytest.approx(float(scaled), rel=1e-11)
    assert float(few_samples.confusion(n, n, 0.0, sigma, dim)) == pytest.approx(0.5, abs=1e-13)
    same = few_samples.confusion(n, n, distance, sigma, dim, corrected=True)
    assert float(same) == float(few_samples.confusion(n, n, distance, sigma, dim))


@settings(max_examples=30)
@given(st.integers(1, 50), st.integers(1, 50), st.floats(0.0, 2.0))
def test_the_normal_one_is_right_for_large_d(n, other, ratio):
    """Its error is bounded by Berry and Esseen's 0.56 rho / sqrt(d), rho < 28 (eighth moments of normals)."""
    for dim in (10**4, 10**6):
        at = (n, other, ratio * dim**0.25, 1.0, dim)
        off = np.abs(few_samples.confusion(*at) - few_samples.normal_confusion(*at))
        assert float(off) < 0.2 / np.sqrt(dim)  # a sixth of the third cumulant, at most 2.83 / 6 phi(0) = .19


def test_a_rare_class_is_below_chance_and_the_correction_repairs_it():
    other, distance, sigma, dim = 1000, 3.0, 1.0, 100_000
    even = float(few_samples.break_even(other, distance, sigma, dim))
    n = np.array([np.floor(0.97 * even), np.ceil(1.03 * even)])
    lost = few_samples.confusion(n, other, distance, sigma, dim)
    assert lost[0] > 0.5 > lost[1]
    repaired = few_samples.confusion(n, other, distance, sigma, dim, corrected=True)
    assert np.all(repaired < 0.5)
    assert few_samples.break_even(np.inf, distance, sigma, dim) == pytest.approx(sigma**2 * dim / distance**2)


def test_many_at_once_are_each_alone(monkeypatch):
    n = np.arange(1, 30)
    whole = few_samples.confusion(n, 7, 2.0, 1.0, 20)
    monkeypatch.setattr(few_samples, "BATCH", 4)
    np.testing.assert_allclose(few_samples.confusion(n, 7, 2.0, 1.0, 20), whole, rtol=1e-13)
    assert whole[3] == pytest.approx(float(few_samples.confusion(4, 7, 2.0, 1.0, 20)), rel=1e-13)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, 1.0, 1.0, 3), "n=0 must be integers >= 1"),
        ((1, 1.5, 1.0, 1.0, 3), "other=1.5 must be integers"),
        ((1, 1, -1.0, 1.0, 3), "distance=-1.0 must be finite and at least 0"),
        ((1, 1, 1.0, 0.0, 3), "sigma=0.0 must be positive"),
        ((1, 1, 1.0, 1.0, 0), "dim=0 must be integers"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        few_samples.confusion(*arguments)
    with pytest.raises(ValueError, match=r"other=0\.5 must be at least 1"):
        few_samples.break_even(0.5, 1.0, 1.0, 3)
