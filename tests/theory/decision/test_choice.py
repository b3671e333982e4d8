"""Angles and allocations against searches that know no formula."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from theory.decision import accuracy, choice
from theory.multicenter import flows
from theory.multicenter.geometry import center_cosine

counts = st.integers(2, 500)


@given(counts)
def test_the_fastest_angles_by_search(f):
    for angle, power in ((choice.fastest_angle(f), 0), (choice.fastest_weighted_angle(f), 1)):

        def rate(theta, power=power):
            return float(flows.nc_rate(f, theta, center_cosine(f, theta) ** power))

        grid = np.linspace(0.0, np.pi / 2, 301)
        at = max(grid, key=rate)
        found = minimize_scalar(lambda t: -rate(t), bounds=(max(0, at - 0.01), min(np.pi / 2, at + 0.01)))
        assert rate(float(angle)) >= -found.fun * (1 - 1e-12)
        assert float(angle) == pytest.approx(found.x, abs=0.02)


def test_thresholds_and_values():
    assert np.all(choice.fastest_angle([1, 2, 3, 4]) == 0.0)
    assert np.all(choice.fastest_weighted_angle([1, 2]) == 0.0)
    assert choice.fastest_angle(5) > 0 < choice.fastest_weighted_angle(3)
    f = np.arange(5, 400)
    np.testing.assert_allclose(center_cosine(f, choice.fastest_angle(f)), 1 / 2, rtol=1e-14)
    np.testing.assert_allclose(center_cosine(f, choice.fastest_weighted_angle(f)), 2 / 3, rtol=1e-14)
    assert choice.fastest_angle(10**9) == pytest.approx(np.arcsin(1 / 2))


@settings(max_examples=40)
@given(st.lists(st.floats(0.2, 5.0), min_size=1, max_size=4), st.integers(0, 8), st.floats(0.0, np.pi / 2))
def test_no_allocation_is_better_for_the_worst_class(ratio, spare, theta):
    k = len(ratio)
    found = choice.fairest_centers(ratio, k + spare, theta)
    assert found.sum() == k + spare
    every = [f for f in itertools.product(range(1, spare + 2), repeat=k) if sum(f) == k + spare]
    errors = accuracy.rcr_error(np.array([*every, tuple(found)]), theta, ratio, k).max(axis=1)
    assert errors[-1] <= errors.min() * (1 + 1e-9)


@given(st.integers(1, 9), st.integers(0, 30), st.floats(0.0, np.pi / 2))
def test_equal_classes_get_equal_centers(k, spare, theta):
    assert np.ptp(choice.fairest_centers([1.3] * k, k + spare, theta)) <= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: choice.fastest_angle(0), "f=0 must be integers"),
        (lambda: choice.fairest_centers([1.0, 0.0], 5, 0.1), "must be positive"),
        (lambda: choice.fairest_centers([1.0, 1.0], 1, 0.1), "total=1 < 2 classes"),
        (lambda: choice.fairest_centers([1.0, 1.0], 5.5, 0.1), "total=5.5 must be integers >= 1"),
        (lambda: choice.fairest_centers([], 6, 0.1), "must be one number per class"),
        (lambda: choice.fairest_centers([1.0, 1.0], 4, 3.0), "theta=3.0 is outside"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
