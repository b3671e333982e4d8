import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from ufm.simulate import series
from ufm.simulate.reduced import Chart

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed, n):
    """Charts as of all kinds of problems, and starts."""
    rng = np.random.default_rng(seed)
    pull = 4.0 * 10.0 ** rng.uniform(-2.0, 0.0, n)
    root = np.sqrt(rng.integers(2, 41, n))  # f c = sqrt(f) at theta = 0
    chart = (pull * (root - 1.0), 2.0 * pull, pull, rng.normal(0.0, 3.0, n))
    return chart, rng.normal(0.0, 4.0, n)


def velocity(chart, t, s):
    """As :mod:`ufm.simulate.series` states it, once more."""
    far, near, pull, tilt = chart
    b, g = 1.0 / (1.0 + np.exp(s)), 1.0 / (1.0 + np.exp(tilt + pull * t))
    return far + near * b + pull * g * (1.0 - 2.0 * b)


def reference(chart, s0, times):
    """One sample by scipy, in steps that are short next to its own time."""
    done = solve_ivp(
        lambda t, s: velocity(chart, t, s), (0.0, times[-1]), [s0], "DOP853", times, rtol=1e-13, atol=1e-13,
        max_step=0.1 / float(chart[0] + chart[1]),
    )  # fmt: skip
    return done.y[0]


@given(SEEDS, st.floats(0.5, 20.0), st.integers(2, 40))
def test_states_at_times_of_their_own(seed, end, n_times):
    chart, s0 = drawn(seed, 3)
    times = np.linspace(0.0, end, n_times)[:, None] / (chart[0] + chart[2])  # every sample has its own clock
    states, work = series.states_at(chart, s0, times, 1e-10)
    for i in range(s0.size):
        expected = reference([column[i] for column in chart], s0[i], times[:, i])
        np.testing.assert_allclose(states[:, i], expected, rtol=1e-9, atol=1e-9)
    assert work.steps <= work.evaluations <= 3 * work.steps


@pytest.mark.parametrize("rtol", [1e-6, 1e-8, 1e-12])
def test_errors_of_ten_thousand_samples_are_a_few_times_the_tolerance_at_most(rtol):
    """Allowed in a step, of which they take about nine."""
    chart, s0 = drawn(0, 10_000)
    times = np.linspace(0.0, 12.0, 25)[:, None] / (chart[0] + chart[2])
    loose, tight = (series.states_at(chart, s0, times, accuracy)[0] for accuracy in (rtol, 1e-13))
    error = np.abs(loose - tight) / (1.0 + np.abs(tight))
    assert 0.01 * rtol < error.max() < 9.0 * rtol
    assert np.quantile(error.max(axis=0), 0.999) < 3.0 * rtol


def test_growth_from_next_to_nothing_is_not_stepped_over():
    """Near minus infinity all terms of a series are tiny, and those left out may be the largest."""
    far, near, pull = 3.6, 63.5, 0.77
    s0 = np.linspace(-40.0, -20.0, 41)
    chart = tuple(np.full(s0.size, value) for value in (far, near, pull, 1.0))
    times = np.linspace(0.0, 1.0, 9)[:, None] * np.ones(s0.size)
    loose, tight = (series.states_at(chart, s0, times, rtol)[0] for rtol in (1e-8, 1e-13))
    assert np.abs(np.tanh(loose / 2.0) - np.tanh(tight / 2.0)).max() < 1e-8
    inside = (*chart[:3], s0)  # the same of the other logistic function
    loose, tight = (series.states_at(inside, np.zeros(s0.size), 60.0 * times, rtol)[0] for rtol in (1e-8, 1e-13))
    np.testing.assert_allclose(loose, tight, rtol=3e-8)


def test_the_defect_of_the_series_falls_with_its_order():
    lanes = series.LANES
    far, near, pull, tilt = (np.full(lanes, value) for value in (1.0, 0.7, 0.5, -0.3))
    s, pace, terms = 0.4, np.zeros(lanes), np.zeros((series.ORDER + 1) * lanes)
    b, g = (1.0 / (1.0 + np.exp(value)) for value in (np.full(lanes, s), tilt))
    series._expand(far, near, pull, b, g, pace, terms)
    polynomial = np.polynomial.Polynomial([s, *(terms[lanes::lanes] * pace[0] ** np.arange(1, series.ORDER + 1))])
    steps = np.geomspace(0.25, 0.5, 6)
    defects = [polynomial.deriv()(h) - velocity((far[0], near[0], pull[0], tilt[0]), h, polynomial(h)) for h in steps]
    slope = np.polyfit(np.log(steps), np.log(np.abs(defects)), 1)[0]
    assert slope == pytest.approx(series.ORDER, abs=0.2)


@given(SEEDS, st.integers(1, 60), st.integers(1, 40), st.data())
def test_a_sample_knows_nothing_of_the_others_in_any_bit(seed, n, n_times, data):
    chart, s0 = drawn(seed, n)
    times = np.linspace(0.0, 7.0, n_times)[:, None] * np.linspace(0.5, 2.0, n)
    states, _ = series.states_at(chart, s0, times, 1e-8)
    arrivals, _ = series.times_to_reach(chart, s0, 15.0, 1e-8)
    chosen = data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=n))
    few = [column[chosen] for column in chart]
    np.testing.assert_array_equal(series.states_at(few, s0[chosen], times[:, chosen], 1e-8)[0], states[:, chosen])
    np.testing.assert_array_equal(series.times_to_reach(few, s0[chosen], 15.0, 1e-8)[0], arrivals[chosen])


@given(SEEDS, st.floats(-3.0, 300.0))
def test_times_to_reach_a_level(seed, level):
    chart, s0 = drawn(seed, 20)
    times, _ = series.times_to_reach(chart, s0, level, 1e-11)
    np.testing.assert_array_equal(times == 0.0, s0 >= level)
    states, _ = series.states_at(chart, s0, times[None, :], 1e-12)
    np.testing.assert_allclose(states[0], np.maximum(s0, level), rtol=1e-9, atol=1e-9)


def test_infinite_states_stay():
    chart, s0 = tuple(np.ones(3) for _ in range(4)), np.array([-np.inf, 0.0, np.inf])
    states, _ = series.states_at(chart, s0, np.repeat([[0.0], [1.0], [2.0]], 3, axis=1), 1e-9)
    np.testing.assert_array_equal(states[:, [0, 2]], [[-np.inf, np.inf]] * 3)
    times, _ = series.times_to_reach(chart, s0, 1.5, 1e-9)
    np.testing.assert_array_equal(times[[0, 2]], [np.inf, 0.0])


@pytest.mark.parametrize("place", range(5))
def test_a_number_that_is_not_one_ends_in_an_error_and_not_in_a_loop(place):
    arrays = [np.ones(2) for _ in range(5)]
    arrays[place][1] = np.nan
    *chart, s0 = arrays
    with pytest.raises(RuntimeError, match="no end after"):
        series.states_at(chart, s0, np.array([[0.0, 0.0], [1.0, 1.0]]), 1e-9)


def test_rows_in_any_layout_are_the_same_in_any_bit():
    chart, s0 = drawn(1, 5)
    times = np.linspace(0.0, 3.0, 4)[:, None] * np.ones(5)
    sparse = [np.repeat(column, 2)[::2] for column in chart]
    one, other = (series.states_at(each, s0, times, 1e-8)[0] for each in (chart, sparse))
    np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_code_is_compiled_where_nothing_can_be_kept():
    code = "import ufm; print(ufm.gradient_flow(ufm.Problem((3, 2), 2, 0.2)).status)"
    nowhere = {**os.environ, "NUMBA_CACHE_DIR": os.path.join(os.devnull, "cache")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=nowhere, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "collapsed\n", "")


def test_algebraic_collapse_down_to_the_smallest_numbers():
    """With one center ds/dt = near / (1 + e^s): e^s + s = near t and a constant, so that times grow like 1 / NC."""
    near, s0, nothing = np.array([0.3, 2.0, 7.0]), np.array([-2.0, 0.0, 3.0]), np.zeros(3)
    chart = Chart(nothing, near, nothing, np.full(3, np.inf))
    for nc in (1e-4, 1e-40, 1e-300):
        level = np.log((4.0 - nc) / nc)
        times, work = series.times_to_reach(chart, s0, level, 1e-12)
        wanted = (np.exp(level) + level - np.exp(s0) - s0) / near
        np.testing.assert_allclose(times, wanted, rtol=1e-12 * work.steps)  # each step is right to 1e-12 in s, and e^s
        states, _ = series.states_at(chart, s0, np.array([0.5 * wanted, wanted]), 1e-12)
        np.testing.assert_allclose(states[-1], level, rtol=1e-12 * work.steps)
