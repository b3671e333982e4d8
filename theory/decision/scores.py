r"""How well the best center of a class scores: its distribution, to full relative accuracy in both tails. (New.)

Under noise the f centers of a class score, in units of its standard deviation,

.. math:: S = \cos\theta\, M + \sin\theta\, g, \qquad M = \max_{j \le f} \xi_j, \quad \xi_j, g \sim N(0, 1)
          \text{ independent},

because they share the direction of the classifier vector.
"""

from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr, ndtr

from theory.decision.normal import phi
from theory.multicenter.geometry import Array

REACH = 8.5
"""Standard deviations beyond which a density that falls at least like a normal one leaves less than rounding."""

DIGITS = 31.0
"""The trapezoidal rule may err by :math:`e^{-31}`, about 3e-14 of what it computes."""

DIRECT = 0.03
"""tan(theta) below which the integral over g takes fewer nodes than the one over M."""


class Distribution(NamedTuple):
    """Distribution function of the best score, (G, N): of G classes at N scores."""

    below: Array
    """Probability of a smaller score."""
    above: Array
    """1 - below, without cancellation."""

    @property
    def log_below(self) -> Array:
        """Logarithm of ``below``, accurate where that is nearly 0 and where it is nearly 1."""
        tiny = np.finfo(float).tiny
        return np.where(self.below < 0.5, np.log(np.maximum(self.below, tiny)), np.log1p(-np.minimum(self.above, 0.5)))


def sharpness(count: float) -> float:
    r"""How fast the distribution function of the largest of ``count`` normals rises: :math:`\sqrt{2 \ln n}`, or 1.5.

    Near its steepest place that function is :math:`e^{-e^{-a x}}`, which is analytic and bounded for
    :math:`|\Im x| \le \pi / 2a`. So the trapezoidal rule with step h errs by :math:`e^{-\pi^2 / (a h)}`.
    """
    return float(np.sqrt(max(2.25, 2.0 * np.log(count))))


def step(count: float) -> float:
    """Step of the trapezoidal rule for integrals of powers of the normal distribution function up to ``count``."""
    return float(np.pi**2 / (DIGITS * sharpness(count)))


class Best:
    r"""Distribution of :math:`a (M + q) + b g` for the best M of each of several numbers of centers, at the scores t.

    Given M, the score is normal; given g, it is a power of a normal one. It is integrated over M, but over g where that
    hardly matters.

    Parameters
    ----------
    t : scores, ascending, (N,).
    counts : f, (G,).
    across, along : a and b, cosine and sine of the angle.
    moved : q >= 0, one number or (G,).
    """

    def __init__(self, t: Array, counts: Array, across: float, along: float, moved: Array | float = 0.0):
        self.f, self.q = counts.reshape(-1, 1), np.asarray(moved, dtype=np.float64).reshape(-1, 1)
        self.t, self.across, self.along = t, across, along
        self.over_direction = along < DIRECT * across

    def density(self) -> Array:
        """Density of the best score, (G, N)."""
        if self.over_direction:
            return self._over_direction(
                lambda f, x, log_each: f * phi(x) * np.exp((f - 1.0) * log_each) / self.across,
            )
        share, x = self._over_best
        return share @ (phi(x) / self.along)

    def distribution(self) -> Distribution:
        """Its distribution function, from both sides."""
        if self.over_direction:
            below = self._over_direction(lambda f, _, log_each: np.exp(f * log_each))
            return Distribution(below, self._over_direction(lambda f, _, log_each: -np.expm1(f * log_each)))
        share, x = self._over_best
        return Distribution(share @ ndtr(x), share @ ndtr(-x))

    @cached_property
    def _over_best(self) -> tuple[Array, Array]:
        """Shares of the values of M, and the values of g, (values, N), at which these end at t."""
        f, q = self.f, self.q
        # far out, M has its share of the score; beyond 39 its density is no number that a double can hold
        below, above = (self.across * max(0.0, end - REACH) for end in (-float(self.t[0]), float(self.t[-1])))
        low = float(q.min()) - REACH - min(below, 30.0)
        high = REACH + max(float(q.max()), min(above, float(q.max()) + 30.0))
        h = _step_over_best(float(f.max()), self.across, self.along)
        values = h * np.arange(np.floor(low / h), np.ceil(high / h) + 1.0)
        m = values - q
        share = f * h * phi(m) * np.exp((f - 1.0) * log_ndtr(m))
        return share, (self.t - self.across * values[:, None]) / self.along

    def _over_direction(self, given: Callable[[float, Array, Array], Array]) -> Array:
        """A function of f, of what each center may score at most, and of its log probability, in the mean over g."""
        nodes = 0.6 * np.arange(-20, 21) if self.along > 0.0 else np.zeros(1)
        share = phi(nodes) * 0.6 if self.along > 0.0 else np.ones(1)
        place = (self.t - self.along * nodes[:, None]) / self.across
        each = ((f, place - q) for f, q in np.broadcast(self.f, self.q))
        return np.array([share @ given(f, x, log_ndtr(x)) for f, x in each])


def _step_over_best(count: float, across: float, along: float) -> float:
    r"""Step for the product of a power, of sharpness a, and a normal density of width :math:`\tau = \tan\theta`.

    In frequencies the power falls like :math:`e^{-\pi |\omega| / 2a}` and the density like
    :math:`e^{-\tau^2 \omega^2 / 2}`; the rule errs by the largest product of both with frequencies that add up to
    :math:`2 \pi / h`.
    """
    a = sharpness(count)
    if along * a > 0.175 * across:
        return float(np.pi**2 / (a * (DIGITS + (np.pi * across / (a * along)) ** 2 / 8.0)))
    return 0.7 * along / across
