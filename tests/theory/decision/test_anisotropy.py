"""The nearest mean under anisotropic noise, against the two rules in vectors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.strategies import rotation, seeds
from theory.decision import anisotropy


@st.composite
def noises(draw):
    """A covariance, its eigenvectors (rows) and eigenvalues."""
    spectrum = np.sort(draw(st.lists(st.floats(0.1, 10.0), min_size=2, max_size=6)))
    axes = rotation(len(spectrum), draw(seeds))
    return (axes.T * spectrum) @ axes, axes, spectrum


@given(noises(), seeds)
def test_no_difference_loses_more_than_the_worst_one(noise, seed):
    covariance, axes, spectrum = noise
    bound = float(anisotropy.worst_exponent_ratio(spectrum[-1] / spectrum[0]))
    delta = np.random.default_rng(seed).standard_normal(len(spectrum))
    assert bound - 1e-12 <= anisotropy.exponent_ratio(delta, covariance) <= 1.0 + 1e-12
    assert anisotropy.exponent_ratio(axes[0] - axes[-1], covariance) == pytest.approx(bound, rel=1e-9)
    assert anisotropy.exponent_ratio(axes[0], covariance) == pytest.approx(1.0)


@given(noises(), seeds)
def test_the_ratio_is_that_of_squared_quantiles(noise, seed):
    covariance, _, _ = noise
    delta = np.random.default_rng(seed).standard_normal(len(covariance))
    wide = covariance * (delta @ delta)  # errors between Phi(-1.6) and Phi(-.15)
    nearest, best = anisotropy.nearest_mean_error(delta, wide), anisotropy.discriminant_error(delta, wide)
    assert nearest >= best - 1e-15
    ratio = (stats.norm.isf(nearest) / stats.norm.isf(best)) ** 2
    assert ratio == pytest.approx(anisotropy.exponent_ratio(delta, covariance), rel=1e-10)


def test_a_plane_by_hand():
    found = anisotropy.nearest_mean_error([2.0, 0.0], [[4.0, 0.0], [0.0, 1.0]])
    assert found == pytest.approx(0.30853753872598694)  # Phi(-1/2)
    assert found == anisotropy.discriminant_error([2.0, 0.0], [[4.0, 0.0], [0.0, 1.0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: anisotropy.exponent_ratio([1.0, 0.0], np.eye(3)), r"\(2,\) and covariance of \(3, 3\)"),
        (lambda: anisotropy.exponent_ratio([0.0, 0.0], np.eye(2)), "difference is 0"),
        (lambda: anisotropy.exponent_ratio([1.0, 0.0], np.full((2, 2), np.nan)), "covariance is not symmetric"),
        (lambda: anisotropy.nearest_mean_error([1.0, 0.0], np.diag([1.0, 0.0])), "not symmetric and positive definite"),
        (lambda: anisotropy.nearest_mean_error([1.0, 0.0], [[1.0, 0.5], [0.0, 1.0]]), "not symmetric"),
        (lambda: anisotropy.worst_exponent_ratio(0.5), "condition=0.5"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("length", [1e-200, 1.0, 1e200])
def test_the_ratio_does_not_depend_on_how_far_means_are_apart(length):
    assert anisotropy.exponent_ratio([3 * length, length], np.diag([1.0, 9.0])) == pytest.approx(
        100 / (18 * (9 + 1 / 9))
    )
