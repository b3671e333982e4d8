"""The bound that assumes no distribution, against all kinds of samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from theory.decision import cantelli

numbers = arrays.arrays(float, st.integers(2, 30), elements=st.floats(-100, 100))


@given(numbers, st.floats(1e-3, 50))
def test_no_sample_breaks_it(sample, distance):
    mean, variance = sample.mean(), sample.var()
    rounding = 1e-13 * (1.0 + np.abs(sample).max())
    share = np.mean(sample - mean <= -(distance + rounding))
    assert share <= cantelli.tail_bound(variance + rounding**2, distance) + 1e-12


@given(st.floats(0.01, 10.0), st.floats(0.01, 10.0))
def test_two_values_reach_it(variance, distance):
    p = float(cantelli.tail_bound(variance, distance))
    values, shares = np.array([distance, -variance / distance]), np.array([p, 1.0 - p])
    assert shares @ values == pytest.approx(0.0, abs=1e-13 * (distance + variance / distance))
    assert shares @ values**2 == pytest.approx(variance)


def test_nothing_is_said_where_the_lead_is_not_positive():
    np.testing.assert_array_equal(cantelli.tail_bound([1.0, 0.0, 1.0, 0.0], [0.0, 0.0, -3.0, 2.0]), [1, 1, 1, 0])
    np.testing.assert_array_equal(cantelli.error_bound(np.ones((3, 3)), np.zeros((3, 3))), 1.0)
    assert cantelli.error_bound(np.ones((1, 1)), np.zeros((1, 1))) == 0.0  # one class: nothing to be wrong about
    leads = [[0.0, 3.0, 7.0], [2.0, 0.0, -1.0], [2.0, 3.0, 0.0]]
    np.testing.assert_allclose(cantelli.error_bound(np.ones((3, 3)), leads), [0.12, 1.0, 0.3])


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"variance=-1\.0 must be finite and at least 0"):
        cantelli.tail_bound(-1.0, 1.0)
