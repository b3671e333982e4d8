"""Features of no class: the series against quadrature and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from theory.decision import outside


@pytest.mark.slow
@settings(max_examples=20)
@given(st.integers(1, 12), st.integers(2, 40), st.floats(0.1, 8.0))
def test_series_is_the_integral(n_classes, more, signal):
    m = more / 2.0

    def integrand(x):
        within = stats.ncf.sf(x / (1.0 - x) * more / n_classes, n_classes, more, signal**2)
        return stats.beta.pdf(x, n_classes / 2.0, m) * within

    # substituted where the density of one class is infinite at 0
    expected, _ = integrate.quad(lambda t: integrand(t * t) * 2.0 * t, 0.0, 1.0, epsabs=1e-12, limit=400)
    assert float(outside.auroc(n_classes, n_classes + more, signal)) == pytest.approx(expected, abs=1e-9)


def test_two_directions_in_four():
    """m = 1: P(Beta(a + i, 1) > y) = 1 - y^(a + i), so the mean over Beta(1, 1) is 1 - 1/(2 + i), i Poisson."""
    i = np.arange(200)
    for signal in (0.5, 2.0, 8.0):
        expected = stats.poisson.pmf(i, signal**2 / 2) @ (1.0 - 1.0 / (2.0 + i))
        assert float(outside.auroc(2, 4, signal)) == pytest.approx(expected, rel=1e-13)


@given(st.integers(1, 20), st.integers(1, 60), st.floats(0.0, 30.0), st.floats(0.1, 10.0))
def test_more_signal_tells_more(n_classes, more, signal, step):
    low, high = outside.auroc(n_classes, n_classes + more, [signal, signal + step])
    assert 0.5 <= low <= high + 1e-13 <= 1.0 + 2e-13
    assert outside.auroc(n_classes, n_classes + more, 0.0) == 0.5


def test_strong_signals_are_told_for_sure():
    assert float(outside.auroc(10, 64, 3000.0)) == pytest.approx(1.0, abs=1e-12)
    assert outside.auroc(10, 64, np.ones((2, 3))).shape == (2, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 4, 1.0), "n_classes=0"),
        ((4, 4, 1.0), "dim=4 must be more than n_classes=4"),
        ((2, 4, -1.0), "signal=-1.0"),
        ((2, 4, 1e5), "is more than 3000"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        outside.auroc(*arguments)


def test_one_number_of_classes_and_dimensions():
    with pytest.raises(ValueError, match=r"n_classes=\[2, 3\] must be one integer"):
        outside.auroc([2, 3], 10, 1.0)
