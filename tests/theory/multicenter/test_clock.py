import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp

from theory.multicenter.clock import clock, flow_time, radius

norms = st.floats(0.01, 100.0)
penalties = st.one_of(st.just(0.0), st.floats(0.005, 2.0))
times = st.floats(0.01, 50.0)


@given(norms, penalties, times)
def test_radius_solves_its_equation(r0, lam, t):
    solution = solve_ivp(lambda _, r: -2 * lam * (r - 1), (0, t), [r0], method="DOP853", rtol=1e-12, atol=1e-14)
    assert radius(t, r0, lam) == pytest.approx(solution.y[0, -1], rel=1e-9)


@given(norms, penalties, times)
def test_clock_is_the_integral_of_one_over_radius_squared(r0, lam, t):
    knots = np.geomspace(t * 1e-6, t, 30)
    pieces = [
        quad(lambda s: radius(s, r0, lam) ** -2, a, b, epsrel=1e-12)[0]
        for a, b in zip([0, *knots[:-1]], knots, strict=True)
    ]
    assert clock(t, r0, lam) == pytest.approx(sum(pieces), rel=1e-8)


@given(norms, st.one_of(st.just(0.0), st.floats(0.005, 2.0)), times)
def test_flow_time_inverts_the_clock(r0, lam, t):
    assert flow_time(clock(t, r0, lam), r0, lam) == pytest.approx(t, rel=1e-7)


@given(st.floats(1.5, 1e8), st.floats(1e-3, 2.0), st.floats(0.01, 60.0))
def test_clock_of_features_far_out(r0, lam, t):
    with mpmath.workdps(60):
        start, rate, time = mpmath.mpf(r0), mpmath.mpf(lam), mpmath.mpf(t)
        r = 1 + (start - 1) * mpmath.exp(-2 * rate * time)
        exact = time + (mpmath.log(r / start) + 1 / start - 1 / r) / (2 * rate)
    # above r = 300 a series, below it the closed form, which loses eps t
    assert float(clock(t, r0, lam)) == pytest.approx(float(exact), rel=1e-12, abs=1e-15 * (t + 1 / lam))


@given(st.floats(300.0, 3000.0), st.floats(1e-3, 2.0), st.floats(1e-3, 60.0))
def test_clock_and_its_inverse_between_the_closed_form_and_the_series(r0, lam, t):
    """Norms that begin at 300 to 3,000, on both sides of the number from which the clock is a series."""
    with mpmath.workdps(40):
        rate = 2 * mpmath.mpf(lam)

        def primitive(time):
            r = 1 + (mpmath.mpf(r0) - 1) * mpmath.exp(-rate * time)
            return time + (mpmath.log(r) - 1 / r) / rate

        exact = primitive(mpmath.mpf(t)) - primitive(mpmath.mpf(0))
        r = 1 + (mpmath.mpf(r0) - 1) * mpmath.exp(-rate * t)
    lived = clock(t, r0, lam)
    rounding = 1e-15 * (t + 1 / lam) if r < 300 else 0.0  # the series loses nothing
    assert float(lived) == pytest.approx(float(exact), rel=1e-12, abs=rounding)
    assert float(flow_time(lived, r0, lam)) == pytest.approx(t, rel=1e-9, abs=10 * rounding * float(r) ** 2)


def test_ends():
    np.testing.assert_array_equal(flow_time([0.0, np.inf], 3.0, 0.1), [0.0, np.inf])
    assert clock(0.0, 47.0, 0.1) == 0
    assert clock(7.0, 1.0, 0.3) == pytest.approx(7.0)
