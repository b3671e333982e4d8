r"""The clock of a sample under the cosine loss: a change of time variable, free for every package to use.

The angular part of the gradient is orthogonal to the feature, so its norm obeys the linear equation
:math:`\dot r = -2\lambda (r - 1)` whatever the direction does, while the direction turns at a pace proportional
to :math:`1 / r^2`. In the sample's own time :math:`d\tau = dt / r^2` the motion on the sphere is therefore
autonomous. Tests hold both functions against integrations in d dimensions that know neither.
"""

import numpy as np
from numpy.typing import ArrayLike

from theory.multicenter.geometry import Array

FAR = 300.0
"""Norm above which the clock is summed as a series in its inverse."""

NEWTON = 100
"""Most steps of Newton's method: they double the digits, and from a norm of 1e-100 also what is left of the way."""


def radius(t: ArrayLike, r0: ArrayLike, lam: ArrayLike) -> Array:
    r"""Feature norm along the cosine flow: :math:`r(t) = 1 + (r_0 - 1) e^{-2 \lambda t}`."""
    decay = np.exp(-2.0 * np.asarray(lam) * np.asarray(t))
    return 1.0 + (np.asarray(r0) - 1.0) * decay


def clock(t: ArrayLike, r0: ArrayLike, lam: ArrayLike) -> Array:
    r"""The time :math:`\tau(t) = \int_0^t ds / r(s)^2` that a sample of initial norm ``r0`` has lived through.

    .. math:: \tau = t + \frac{\ln(r / r_0) + 1/r_0 - 1/r}{2 \lambda}, \qquad \tau = t / r_0^2 \ (\lambda = 0)

    A feature that starts far out turns slowly until its norm has relaxed.

    Parameters
    ----------
    t : flow time, >= 0.
    r0 : initial norm, > 0.
    lam : weight of the norm penalty, >= 0.

    Examples
    --------
    >>> float(clock(3.0, 1.0, 0.1))  # on the unit sphere it is the flow time itself
    3.0
    """
    return _lived(*(np.asarray(v, dtype=np.float64) for v in (t, r0, lam)))[0]


def _lived(t: Array, r0: Array, lam: Array) -> tuple[Array, Array]:
    """The clock, and the norm then."""
    decay, excess = -2.0 * lam * t, r0 - 1.0
    r, drop = 1.0 + excess * np.exp(decay), -excess * np.expm1(decay)  # drop = r0 - r
    with np.errstate(divide="ignore", invalid="ignore"):
        share = drop / r
        relaxing = t - (np.log1p(share) + share / r0) / (2.0 * lam)
        if np.any(r > FAR):
            relaxing = np.where(r > FAR, _far_clock(r, drop, r0, lam), relaxing)
    return np.where(lam > 0, relaxing, t / r0**2), r


def _far_clock(r: Array, drop: Array, r0: Array, lam: Array) -> Array:
    r"""The clock while the norm is still above :data:`FAR`, where the closed form would cancel.

    With :math:`a = 1/r` the clock is :math:`[E(a) - E(a_0)] / 2\lambda`, :math:`E(a) = \sum_{m \ge 2} a^m / m`, and
    :math:`a^m - a_0^m = (a - a_0) \sum_{i<m} a^i a_0^{m-1-i}`, :math:`a - a_0 = (r_0 - r) / (r r_0)`.
    """
    first, now = 1.0 / r0, 1.0 / r
    chain, power, total = np.ones_like(now), np.ones_like(now), np.zeros_like(now)
    for m in range(2, 9):
        power = power * now
        chain = power + first * chain
        total += chain / m
    return drop * now * first * total / (2.0 * lam)


def flow_time(tau: ArrayLike, r0: ArrayLike, lam: ArrayLike) -> Array:
    r"""Inverse of :func:`clock`: the flow time at which a sample's clock shows ``tau`` (infinite for infinite tau).

    The clock is convex in t for :math:`r_0 > 1` and concave below, and its slope is :math:`1/r^2`. So Newton's method
    comes to the root from one side, if it begins at the nearer of two bounds on that side,

    .. math:: \tau r_0^2, \qquad \tau + \frac{\ln r_0 + 1 - 1/r_0}{2 \lambda} .
    """
    given = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in (tau, r0, lam)))
    tau, r0, lam = map(np.ravel, given)
    relaxing = np.isfinite(tau) & (lam > 0.0)
    target, outside = np.where(relaxing, tau, 0.0), r0 > 1.0
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        early, late = target * r0**2, target + (np.log(r0) + 1.0 - 1.0 / r0) / (2.0 * lam)
    t = np.where(outside, np.minimum(early, late), np.maximum(early, late))
    moving = np.flatnonzero(relaxing)
    for _ in range(NEWTON):
        now = t[moving]
        shown, r = _lived(now, r0[moving], lam[moving])
        closer = now - (shown - target[moving]) * r**2
        moves = np.where(outside[moving], closer < now, closer > now)
        moving = moving[moves]
        if not moving.size:
            break
        t[moving] = closer[moves]
    found = np.where(relaxing, np.where(target > 0, t, 0.0), np.where(lam > 0.0, np.inf, tau * r0**2))
    return found.reshape(given[0].shape)
