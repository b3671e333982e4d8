r"""Many independent scalar ODEs at once, each with its own step size.

An adaptive integrator that treats a batch of samples as one big system lets its slowest sample dictate the
step of all others, and its error norm hides a bad sample behind many good ones. Here every sample is an
equation of its own: time, step size and error are arrays, and a sample that is done leaves the batch. Its result is
the same, bit for bit, whatever it is integrated with. The method is DOP853, explicit Runge-Kutta of order 8 with dense
output of order 7 (Hairer, Norsett, Wanner 1993), with the coefficients that ``scipy.integrate.DOP853`` publishes.
"""

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853

from ufm.problems.frames import Array
from ufm.simulate.method import Work

_STAGES = DOP853.n_stages
_EXTRA = _STAGES + 1
_ERROR_EXPONENT = -1.0 / (DOP853.error_estimator_order + 1)
_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 10.0
_THIRD_ORDER_SHARE = 1e-4
"""The fifth-order estimate changes sign along a solution and then lets a far too long step pass; one such step is
enough to spoil a sample, and its interpolant is worse than its end. The third-order estimate, heavily discounted, is
not small at the same places: with this share, one of 640,000 random samples was off by more than 1e-8 at rtol 1e-8
(by 1.3e-8); with a tenth of it, thirty of 80,000. It costs a sixth more evaluations."""

MAX_STEPS = 100_000


def _combine(weights: Array, rows: Array) -> Array:
    """``weights @ rows``, each column by the same operations in the same order: a sample knows no other.

    BLAS rounds a column by those beside it. einsum, given rows that are contiguous, adds them up one after the other;
    but a single column it adds up along itself, so that one goes in twice.
    """
    if rows.shape[1] == 1:
        return _combine(weights, np.repeat(rows, 2, axis=1))[:1]
    return np.einsum("i,ij->j", weights, rows)


class Field(Protocol):
    """Right-hand side for a batch of samples."""

    def __call__(self, t: Array, y: Array) -> Array:
        """Velocities (n,) at times (n,) and states (n,)."""
        ...

    def take(self, samples: NDArray[np.int64]) -> Self:
        """The field of some of the samples."""
        ...


class _Batch:
    """The samples that are still under way."""

    def __init__(self, field: Field, y0: Array, end: Array, rtol: float) -> None:
        self.field, self.rtol, self.end = field, rtol, end
        self.samples = np.arange(y0.size)
        self.t, self.y = np.zeros(y0.size), y0.copy()
        self.stages = np.empty((DOP853.A_EXTRA.shape[0] + _EXTRA, y0.size))
        self.stages[0] = field(self.t, self.y)
        self.h = 0.1 / (np.abs(self.stages[0]) / (1.0 + np.abs(self.y)) + 1e-3)
        self.work = Work(evaluations=y0.size)

    def try_step(self) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Attempt one step per sample, not beyond its end: step sizes, increments, verdicts."""
        h, t, y, stages = np.minimum(self.h, self.end - self.t), self.t, self.y, self.stages
        for i in range(1, _STAGES):
            stages[i] = self.field(t + DOP853.C[i] * h, y + h * _combine(DOP853.A[i, :i], stages[:i]))
        increment = h * _combine(DOP853.B, stages[:_STAGES])
        fresh = y + increment
        stages[_STAGES] = self.field(t + h, fresh)
        # Infinite states are exact (their velocity is finite); an infinite scale gives them error 0.
        scale = self.rtol * (1.0 + np.maximum(np.abs(y), np.abs(fresh)))
        fifth = np.abs(_combine(DOP853.E5, stages[:_EXTRA])) / scale
        third = np.abs(_combine(DOP853.E3, stages[:_EXTRA])) / scale
        error = h * fifth**2 / np.sqrt(fifth**2 + 0.01 * third**2 + np.finfo(float).tiny)
        error = np.maximum(error, _THIRD_ORDER_SHARE * h * third)
        accepted = error < 1.0
        factor = _SAFETY * np.maximum(error, 1e-16) ** _ERROR_EXPONENT
        self.h = h * np.clip(factor, _SHRINK, np.where(accepted, _GROW, 1.0))
        self.work.evaluations += _STAGES * h.size
        self.work.steps += 1
        if self.work.steps > MAX_STEPS or not np.all(np.isfinite(error)):
            raise RuntimeError(f"no end after {self.work.steps} steps: the field is stiff or not finite")
        return h, increment, accepted

    def interpolant(self, h: Array, increment: Array) -> Array:
        """Coefficients of the interpolant over the step just tried, shape (7, n)."""
        stages = self.stages
        for i, (row, c) in enumerate(zip(DOP853.A_EXTRA, DOP853.C_EXTRA, strict=True), start=_EXTRA):
            stages[i] = self.field(self.t + c * h, self.y + h * _combine(row[:i], stages[:i]))
        self.work.evaluations += len(DOP853.C_EXTRA) * h.size
        first, last = h * stages[0], h * stages[_STAGES]
        shape = [increment, first - increment, 2.0 * increment - last - first]
        return np.array([*shape, *(h * _combine(row, stages) for row in DOP853.D)])

    def advance(self, h: Array, increment: Array, accepted: NDArray[np.bool_]) -> None:
        """Move the accepted samples on."""
        self.t += np.where(accepted, h, 0.0)
        self.y += np.where(accepted, increment, 0.0)
        np.copyto(self.stages[0], self.stages[_STAGES], where=accepted)

    def keep(self, alive: NDArray[np.bool_]) -> None:
        """Drop the samples that are done."""
        if alive.all():
            return
        index = np.flatnonzero(alive)
        for name in ("samples", "t", "y", "h", "end"):
            setattr(self, name, getattr(self, name)[index])
        self.field, first = self.field.take(index), self.stages[0, index]
        self.stages = np.empty((len(self.stages), index.size))
        self.stages[0] = first


def _interpolate(coefficients: Array, fraction: Array) -> Array:
    """Increment since the beginning of the step at ``fraction`` in [0, 1] of it (scipy's nesting of the terms)."""
    value, rest = np.zeros(fraction.size), 1.0 - fraction
    for i, term in enumerate(coefficients[::-1]):
        value += term
        value *= fraction if i % 2 == 0 else rest
    return value


def states_at(field: Field, y0: Array, times: Array, rtol: float) -> tuple[Array, Work]:
    """States of every sample at times of its own.

    Parameters
    ----------
    field : velocity of the samples.
    y0 : (n,) at time 0; entries may be infinite if their velocity stays finite.
    times : (T, n), >= 0, not decreasing along the first axis.
    rtol : error allowed per step, relative to 1 + |y|.

    Returns
    -------
    (states, work) : states of shape (T, n).
    """
    states = np.empty_like(times)
    at_start = times <= 0.0
    states[at_start] = np.broadcast_to(y0, times.shape)[at_start]
    batch = _Batch(field, y0, times[-1], rtol)
    alive = times[-1] > 0.0
    batch.keep(alive)
    earliest, latest = times.min(axis=1), times.max(axis=1)
    times = times[:, alive]
    while batch.samples.size:
        h, increment, accepted = batch.try_step()
        reached = np.where(accepted, batch.t + h, batch.t)
        at_end = accepted & (batch.end - reached <= 1e-14 * batch.end)
        reached[at_end] = batch.end[at_end]
        rows = np.flatnonzero((latest > batch.t.min()) & (earliest <= reached.max()))
        _record(batch, h, increment, reached, rows, times, states)
        batch.advance(h, increment, accepted)
        if at_end.any():
            batch.keep(~at_end)
            times = times[:, ~at_end]
    return states, batch.work


def _record(
    batch: _Batch,
    h: Array,
    increment: Array,
    reached: Array,
    rows: NDArray[np.int64],
    times: Array,
    states: Array,
) -> None:
    """Interpolate the samples at those of their times (``rows`` of them) that the step just tried has passed."""
    coefficients = None
    for row in rows:
        moments = times[row]
        inside = np.flatnonzero((moments > batch.t) & (moments <= reached))
        if not inside.size:
            continue
        if coefficients is None:
            coefficients = batch.interpolant(h, increment)
        fraction = (moments.take(inside) - batch.t.take(inside)) / h.take(inside)
        value = _interpolate(coefficients.take(inside, axis=1), fraction)
        value += batch.y.take(inside)
        states[row, batch.samples.take(inside)] = value


def times_to_reach(field: Field, y0: Array, level: float, rtol: float) -> tuple[Array, Work]:
    """First time at which each sample reaches ``level``; the states must be increasing in time.

    Samples in an infinite state never move: 0 if they are there already, else infinity.
    """
    answer = np.where(y0 >= level, 0.0, np.inf)
    batch = _Batch(field, y0, np.full(y0.size, np.inf), rtol)
    batch.keep(np.isfinite(y0) & (y0 < level))
    crossings: list[tuple[NDArray[np.int64], Array]] = []
    while batch.samples.size:
        h, increment, accepted = batch.try_step()
        crossed = accepted & (batch.y + increment >= level)
        if crossed.any():
            step = np.stack([batch.t, h, level - batch.y, *batch.interpolant(h, increment)])
            crossings.append((batch.samples[crossed], step[:, crossed]))
        batch.advance(h, increment, accepted)
        batch.keep(~crossed)
    if crossings:
        samples = np.concatenate([samples for samples, _ in crossings])
        start, h, rise, *coefficients = np.concatenate([step for _, step in crossings], axis=1)
        answer[samples] = start + h * _root(np.array(coefficients), rise)
    return answer, batch.work


def _root(coefficients: Array, rise: Array) -> Array:
    """Fraction of the step at which the interpolant has risen by ``rise``, by bisection."""
    low, high = np.zeros(rise.size), np.ones(rise.size)
    for _ in range(52):
        middle = 0.5 * (low + high)
        below = _interpolate(coefficients, middle) < rise
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return high
