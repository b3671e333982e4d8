from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from ufm.simulate import rowwise


@dataclass
class Swing:
    """y' = rate * (1 + sin(t) cos(y)): smooth, not autonomous, and increasing."""

    rate: np.ndarray

    def __call__(self, t, y):
        return self.rate * (1.0 + 0.9 * np.sin(t) * np.cos(y))

    def take(self, samples):
        return Swing(self.rate[samples])


rates = st.lists(st.floats(0.05, 20.0), min_size=1, max_size=6)


def reference(rate, y0, times):
    one = Swing(np.array([rate]))
    span = (0.0, max(float(times[-1]), 1e-12))
    return solve_ivp(one, span, [y0], method="DOP853", t_eval=times, rtol=1e-13, atol=1e-13, max_step=0.05).y[0]


@given(rates, st.floats(0.5, 8.0), st.integers(2, 7))
def test_states_at_times_of_their_own(values, end, n_times):
    rate = np.array(values)
    y0 = np.linspace(-1, 1, rate.size)
    times = np.linspace(0, end, n_times)[:, None] / rate  # every sample has its own clock
    states, work = rowwise.states_at(Swing(rate), y0, times, 1e-10)
    for i in range(rate.size):
        np.testing.assert_allclose(states[:, i], reference(rate[i], y0[i], times[:, i]), atol=1e-8)
    assert work.evaluations >= 12 * work.steps


def test_order_eight():
    rate, end = np.array([1.0]), 4.0
    exact = reference(1.0, 0.3, np.array([0.0, end]))[-1]
    errors, counts = [], [6, 8, 12, 16, 24]
    for count in counts:
        batch = rowwise._Batch(Swing(rate), np.array([0.3]), np.array([end]), rtol=1.0)
        for _ in range(count):
            batch.h = np.array([end / count])
            h, increment, _ = batch.try_step()
            batch.advance(h, increment, np.array([True]))
        errors.append(abs(batch.y[0] - exact))
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert slope == pytest.approx(8.0, abs=0.35)


def test_one_hard_sample_does_not_cost_the_others_anything():
    easy = rowwise.states_at(Swing(np.array([0.1])), np.zeros(1), np.array([[0.0], [5.0]]), 1e-9)[1]
    both = rowwise.states_at(Swing(np.array([0.1, 50.0])), np.zeros(2), np.array([[0.0] * 2, [5.0] * 2]), 1e-9)[1]
    hard = rowwise.states_at(Swing(np.array([50.0])), np.zeros(1), np.array([[0.0], [5.0]]), 1e-9)[1]
    assert both.evaluations <= easy.evaluations + hard.evaluations + 30


@given(rates, st.floats(1.0, 20.0))
def test_times_to_reach_a_level(values, level):
    rate = np.array(values)
    times, _ = rowwise.times_to_reach(Swing(rate), np.zeros(rate.size), level, 1e-11)
    for i in range(rate.size):
        assert reference(rate[i], 0.0, np.array([0.0, times[i]]))[-1] == pytest.approx(level, abs=1e-7)


def test_infinite_states_stay():
    y0 = np.array([-np.inf, 0.0, np.inf])

    @dataclass
    class Steady:
        n: int = 3

        def __call__(self, t, y):
            return np.ones(y.size)

        def take(self, samples):
            return Steady()

    states, _ = rowwise.states_at(Steady(), y0, np.broadcast_to([[0.0], [1.0], [2.0]], (3, 3)).copy(), 1e-9)
    np.testing.assert_allclose(states, [[-np.inf, 0, np.inf], [-np.inf, 1, np.inf], [-np.inf, 2, np.inf]])
    times, _ = rowwise.times_to_reach(Steady(), y0, 1.5, 1e-9)
    np.testing.assert_allclose(times, [np.inf, 1.5, 0.0])


def test_a_field_that_is_not_finite_ends_in_an_error_and_not_in_a_loop():
    @dataclass
    class Broken:
        def __call__(self, t, y):
            return np.full(y.size, np.nan)

        def take(self, samples):
            return self

    with pytest.raises(RuntimeError, match="after 1 steps"):
        rowwise.states_at(Broken(), np.zeros(1), np.array([[0.0], [1.0]]), 1e-9)


@given(st.integers(1, 12), st.integers(1, 300), st.integers(0, 2**32 - 1), st.data())
def test_a_sum_over_stages_does_not_depend_on_the_columns_beside_it(n_rows, n_columns, seed, data):
    rng = np.random.default_rng(seed)
    weights, rows = rng.standard_normal(n_rows), rng.standard_normal((n_rows, n_columns))
    chosen = data.draw(st.lists(st.integers(0, n_columns - 1), min_size=1, max_size=n_columns))
    whole = rowwise._combine(weights, rows)
    np.testing.assert_array_equal(rowwise._combine(weights, rows[:, chosen].copy()), whole[chosen])
    np.testing.assert_allclose(whole, weights @ rows, rtol=1e-12, atol=1e-13)
