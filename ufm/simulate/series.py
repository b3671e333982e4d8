r"""The cosine flow of many samples, each by Taylor series with steps of its own; compiled.

A sample is one scalar equation (:class:`ufm.simulate.reduced.Chart`): with :math:`B = 1 / (1 + e^s)` and
:math:`G = 1 / (1 + e^w)`

.. math::
    \dot s = a + b\, B + \sigma\, G\, (1 - 2 B), \qquad \dot w = \sigma

A logistic function is its own derivative but for a polynomial, :math:`\dot B = -(B - B^2)\, \dot s` and
:math:`\dot G = -\sigma (G - G^2)`, so the coefficients of :math:`s = \sum_k s_k h^k` follow from each other, with
:math:`P = B - B^2` and :math:`V = \dot s`:

.. math::
    k B_k = -(P V)_{k-1}, \quad k G_k = -\sigma\, (G - G^2)_{k-1}, \quad
    V_k = b B_k + \sigma (G - 2 G B)_k, \quad k s_k = V_{k-1}

The polynomial is the answer at all times within its step. Time is counted in units near 1 / V, so that no term is too
small for a number where collapse is algebraic, and V itself like NC. Samples go side by side in :data:`LANES` lanes
through the same operations, and a lane whose sample is done takes the next one: a result is the same, bit for bit,
whatever it is computed with.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ufm.files.compiled import compiled, inlined
from ufm.problems.frames import Array
from ufm.simulate.coefficients import LANES, ORDER, put
from ufm.simulate.method import Work

SHARE = 0.1
"""The last terms of a series may be so much of the tolerance: errors of several steps add up."""

MAX_STEPS = 100_000
"""Of a sample; one that needs more has numbers that are not finite, or parameters no series can follow."""

BLOCK = 1 << 15
"""Numbers that are worked on together: 256 KiB."""

RECORDS = 8
"""Times at which a series is summed at once."""

IDLE = -1

Columns = tuple[Array, Array, Array, Array]
"""far, near, pull and tilt of all samples, (n,) each."""

ONE = 1023 << 52
"""The bits of 1.0."""

EXPONENT = 0x7FF << 52
"""The bits of a number that say which power of two is next below it."""

SLOWEST = 2.0**-1000
"""No sample is said to move slower."""


class Lanes(NamedTuple):
    """Samples under way; arrays (LANES,) where nothing else is said."""

    waiting: NDArray[np.int64]
    """The next sample that is in no lane yet, (1,)."""
    sample: NDArray[np.int64]
    """Which sample is in the lane, or IDLE."""
    row: NDArray[np.int64]
    """Its next time to record."""
    steps: NDArray[np.int64]
    """How many it has taken."""
    end: Array
    """Its last time."""
    far: Array
    near: Array
    pull: Array
    tilt: Array
    s: Array
    t: Array
    step: Array
    """Size of the next step."""
    b: Array
    g: Array
    """B and G at its beginning."""
    pace: Array
    """The power of two next below V there: one over the unit of time of the terms."""
    terms: Array
    """s_k of lane l at k LANES + l, ((ORDER + 1) LANES,), in this unit."""


@inlined
def _idle_lanes() -> Lanes:
    lanes = Lanes(
        np.zeros(1, np.int64),
        np.zeros(LANES, np.int64),
        np.zeros(LANES, np.int64),
        np.zeros(LANES, np.int64),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros(LANES),
        np.zeros((ORDER + 1) * LANES),
    )
    for lane in range(LANES):
        lanes.sample[lane] = IDLE
    return lanes


@inlined
def _fill(lanes: Lanes, chart: Columns, s0: Array, ends: Array) -> int:
    """Begin waiting samples in the lanes that are idle; how many lanes are not."""
    (far, near, pull, tilt), active = chart, 0
    for lane in range(LANES):
        waiting = lanes.waiting[0]
        if lanes.sample[lane] == IDLE and waiting < s0.size:
            lanes.sample[lane], lanes.row[lane], lanes.steps[lane] = waiting, 0, 0
            lanes.far[lane], lanes.near[lane] = far[waiting], near[waiting]
            lanes.pull[lane], lanes.tilt[lane] = pull[waiting], tilt[waiting]
            lanes.s[lane], lanes.t[lane], lanes.end[lane] = s0[waiting], 0.0, ends[waiting]
            lanes.waiting[0] += 1
        active += lanes.sample[lane] != IDLE
    return active


@compiled
def _expand(far: Array, near: Array, pull: Array, b: Array, g: Array, pace: Array, terms: Array) -> None:
    """Terms of all lanes from B and G, and their pace: straight loops over the lanes, so that they share registers."""
    v, bits = terms[LANES : 2 * LANES], pace.view(np.int64)
    for lane in range(LANES):
        v[lane] = pace[lane] = far[lane] + near[lane] * b[lane] + pull[lane] * g[lane] * (1.0 - 2.0 * b[lane])
        bits[lane] &= EXPONENT
        pace[lane] = max(pace[lane], SLOWEST)
    for lane in range(LANES):
        unit = 1.0 / pace[lane]
        put(terms, lane, (b[lane],), (g[lane],), (unit * v[lane],), (), unit * near[lane], unit * pull[lane])


@inlined
def _prepare(lanes: Lanes, rtol: float) -> None:
    """The series about the present state, and the step at which its last terms are SHARE of the tolerance.

    While B or G are near 1, what is left of them grows exponentially, at a rate of at most a + b + sigma, and of sigma.
    The terms of e^x fall by half from ORDER on as long as x < ORDER / 2: no step is longer than that.
    """
    for lane in range(LANES):
        lanes.b[lane] = 1.0 / (1.0 + math.exp(lanes.s[lane]))
        lanes.g[lane] = 1.0 / (1.0 + math.exp(lanes.tilt[lane] + lanes.pull[lane] * lanes.t[lane]))
        growth = lanes.pull[lane] if lanes.g[lane] > 0.5 else 0.0
        growth = lanes.far[lane] + lanes.near[lane] + lanes.pull[lane] if lanes.b[lane] > 0.5 else growth
        longest = 0.5 * ORDER / growth if growth > 0.0 else np.inf
        lanes.step[lane] = min(longest, lanes.end[lane] - lanes.t[lane])
        lanes.steps[lane] += 1
    _expand(lanes.far, lanes.near, lanes.pull, lanes.b, lanes.g, lanes.pace, lanes.terms)
    for order in range(ORDER - 1, ORDER + 1):
        _shorten(lanes, order, rtol)


@inlined
def _shorten(lanes: Lanes, order: int, rtol: float) -> None:
    """The steps, at most such that one term is SHARE of the tolerance."""
    share = lanes.b  # which is free again
    for lane in range(LANES):
        share[lane] = abs(lanes.terms[order * LANES + lane]) / (SHARE * rtol * (1.0 + abs(lanes.s[lane])))
    _shrink(share.view(np.int64), 1.0 / order)
    for lane in range(LANES):
        lanes.step[lane] = min(lanes.step[lane], share[lane] / lanes.pace[lane])


@inlined
def _shrink(bits: NDArray[np.int64], power: float) -> None:
    """x -> x^(-power) to a few percent, in place, which is all that a step size needs.

    The bits of a double, read as an integer, are its logarithm but for a scale and straight lines between powers of 2.
    """
    for lane in range(LANES):
        bits[lane] = ONE - np.int64((bits[lane] - ONE) * power)


@inlined
def _rise(terms: Array, lane: int, moment: float) -> float:
    """The series of a lane less its first term, after so many of its units of time."""
    value = terms[ORDER * LANES + lane]
    for k in range(ORDER - 1, 0, -1):
        value = value * moment + terms[k * LANES + lane]
    return value * moment


@inlined
def _advance(lanes: Lanes) -> bool:
    """Take the step in all lanes. False if a sample has come to nothing that is a number, or to no end."""
    for lane in range(LANES):
        lanes.s[lane] += _rise(lanes.terms, lane, lanes.step[lane] * lanes.pace[lane])
        lanes.t[lane] += lanes.step[lane]
    for lane in range(LANES):
        if lanes.sample[lane] != IDLE and (np.isnan(lanes.s[lane]) or lanes.steps[lane] > MAX_STEPS):
            return False
    return True


@inlined
def _record(lanes: Lanes, lane: int, own: Array, moments: Array) -> None:
    """Put states in place of all times of a sample (T,) that its step passes, several at once."""
    row, step, t, count = lanes.row[lane], lanes.step[lane], lanes.t[lane], -1
    while count:
        count = 0
        while count < RECORDS and row + count < own.size and own[row + count] - t <= step:
            moments[count] = (own[row + count] - t) * lanes.pace[lane]
            count += 1
        if count:
            for i in range(RECORDS):
                moments[i] = _rise(lanes.terms, lane, moments[i])
            for i in range(count):
                own[row + i] = lanes.s[lane] + moments[i]
            row += count
    lanes.row[lane] = row


@inlined
def _integrate(chart: Columns, s0: Array, states: Array, rtol: float) -> tuple[int, int]:
    """Turn times (n, T) into the states at them: steps of all samples, and of the one with most; -1 if one is lost."""
    lanes, moments, ends = _idle_lanes(), np.zeros(RECORDS), states[:, states.shape[1] - 1].copy()
    total, most = 0, 0
    while True:
        active = _fill(lanes, chart, s0, ends)
        if active == 0:
            return total, most
        _prepare(lanes, rtol)
        total += active
        for lane in range(LANES):
            if lanes.sample[lane] != IDLE:
                _record(lanes, lane, states[lanes.sample[lane]], moments)
        if not _advance(lanes):
            return total, -1
        for lane in range(LANES):
            if lanes.row[lane] == states.shape[1]:
                most = max(most, lanes.steps[lane])
                lanes.sample[lane] = IDLE


@inlined
def _columns(chart: Columns, begin: int, end: int) -> Columns:
    far, near, pull, tilt = chart
    return far[begin:end], near[begin:end], pull[begin:end], tilt[begin:end]


@compiled
def _all_states(chart: Columns, s0: Array, times: Array, rtol: float, states: Array) -> tuple[int, int]:
    """Fill in the states at times (T, n): steps of all samples, and of the one with most; -1 if one is lost.

    Block by block, in an array of its own with the times of a sample side by side, which a cache holds.
    """
    n_times, n = times.shape
    size = max(LANES, BLOCK // n_times)
    own, total, most = np.empty((size, n_times)), 0, 0
    for begin in range(0, n, size):
        end = min(begin + size, n)
        for row in range(n_times):  # in loops, since numba compiles an assignment of slices for a second and a half
            for sample in range(begin, end):
                own[sample - begin, row] = times[row, sample]
        steps, worst = _integrate(_columns(chart, begin, end), s0[begin:end], own[: end - begin], rtol)
        if worst < 0:
            return total, worst
        total, most = total + steps, max(most, worst)
        for row in range(n_times):
            for sample in range(begin, end):
                states[row, sample] = own[sample - begin, row]
    return total, most


@inlined
def _crossing(terms: Array, lane: int, step: float, wanted: float) -> float:
    """When the series of a lane, which grows, has risen by so much: by Newton's method, kept between bounds."""
    low, high = 0.0, step
    moment = step * (wanted / _rise(terms, lane, step))
    for _ in range(60):
        slope = ORDER * terms[ORDER * LANES + lane]
        for k in range(ORDER - 1, 0, -1):
            slope = slope * moment + k * terms[k * LANES + lane]
        away = _rise(terms, lane, moment) - wanted
        low, high = (moment, high) if away < 0.0 else (low, moment)
        better = moment - away / slope
        if not low < better < high:
            better = 0.5 * (low + high)
        if abs(better - moment) <= 1e-15 * moment:
            return better
        moment = better
    return moment


@compiled
def _all_times(chart: Columns, s0: Array, level: float, rtol: float, times: Array) -> tuple[int, int]:
    """Replace infinite times (n) by those of samples below the level: steps of all, and of the one with most; -1 if
    one is lost.
    """
    lanes, total, most = _idle_lanes(), 0, 0
    while True:
        active = _fill(lanes, chart, s0, times)
        if active == 0:
            return total, most
        _prepare(lanes, rtol)
        total += active
        for lane in range(LANES):
            left, pace = level - lanes.s[lane], lanes.pace[lane]
            lanes.step[lane] = min(lanes.step[lane], 2.0 * left / lanes.terms[LANES + lane] / pace)
            if lanes.sample[lane] != IDLE and _rise(lanes.terms, lane, lanes.step[lane] * pace) >= left:
                passed = _crossing(lanes.terms, lane, lanes.step[lane] * pace, left) / pace
                times[lanes.sample[lane]] = lanes.t[lane] + passed
                most = max(most, lanes.steps[lane])
                lanes.sample[lane] = IDLE
        if not _advance(lanes):
            return total, -1


def states_at(chart: Columns, s0: Array, times: Array, rtol: float) -> tuple[Array, Work]:
    """States of every sample at times of its own.

    Parameters
    ----------
    chart : far, near, pull and tilt of the samples, (n,) each.
    s0 : (n,) at time 0; may be infinite.
    times : (T, n), >= 0, not decreasing along the first axis.
    rtol : error allowed per step, relative to 1 + |s|.

    Returns
    -------
    (states, work) : states of shape (T, n).

    Raises
    ------
    RuntimeError : numbers that are not finite, or MAX_STEPS of a sample.
    """
    states = np.empty(times.shape)
    columns, (start, moments) = _plain(*chart), _plain(s0, times)
    return states, _work(*_all_states(columns, start, moments, rtol, states))


def times_to_reach(chart: Columns, s0: Array, level: float, rtol: float) -> tuple[Array, Work]:
    """First time (n,) at which each sample reaches ``level``: 0 if it begins there.

    Infinite states never move: infinity at -infinity. Arguments and errors as of :func:`states_at`.
    """
    times, moving = np.where(s0 >= level, 0.0, np.inf), (s0 < level) & (s0 > -np.inf)
    columns, (start, found) = _plain(*(column[moving] for column in chart)), _plain(s0[moving], times[moving])
    work = _work(*_all_times(columns, start, level, rtol, found))
    times[moving] = found
    return times, work


def _plain(*arrays: Array) -> Any:
    """Contiguous arrays: code for other layouts would be compiled by itself, and might round otherwise."""
    return tuple(map(np.ascontiguousarray, arrays))


def _work(total: int, most: int) -> Work:
    if most < 0:
        raise RuntimeError(f"no end after {total} steps: the parameters of a sample are too large, or not finite")
    return Work(steps=most, evaluations=total)
