r"""Class means that are learned from few samples: which class the nearest of them is. (New.)

Means of classes k and j lie D apart, and features have isotropic Gaussian noise :math:`\sigma` in d dimensions. The
means are estimated from :math:`n_k` and :math:`n_j` samples, :math:`\hat\mu_k = \mu_k + \sigma e_k / \sqrt{n_k}`, and a
new feature z of class k goes to the nearer one. With :math:`q = D^2 / \sigma^2`, what decides is

.. math:: Q = \frac{|z - \hat\mu_j|^2 - |z - \hat\mu_k|^2}{\sigma^2}, \qquad
          E Q = q + d \Big(\frac1{n_j} - \frac1{n_k}\Big) .

The estimate of a rare class is far from everything, from its own features too: below a number of samples most of them
are given to the other class, the more so the larger d. Taking :math:`\sigma^2 d / n` off the squared distance to each
estimated mean (``corrected``) removes that. With a fixed frame no mean is estimated, and no :math:`n_k` occurs.

A difference of two quadratic forms has an exact distribution: one integral of :math:`e^{\kappa(s)}` with

.. math:: \kappa(s) = \ln E e^{s Q} = -\frac d2 \ln p(s) + q s \frac{1 + 2 s (1 + 1/n_k)}{p(s)}, \qquad
          p(s) = 1 - 2 s \Big(\frac1{n_j} - \frac1{n_k}\Big)
                 - 4 s^2 \Big(\frac1{n_k} + \frac1{n_j} + \frac1{n_k n_j}\Big) .
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import elementwise
from scipy.special import ndtr

from theory.decision.positive import nonnegative, positive, whole
from theory.multicenter.geometry import Array

STEP, BEND, BATCH = 0.05, 0.5, 4096
NODES = STEP * np.arange(401)
"""Along s = c + (i sinh t + BEND (cosh t - 1)) / width the integrand dies off like a double exponential where d is
large, and like exp(-(d + 1) t) else; the trapezoidal rule errs by less than rounding."""


class Pair(NamedTuple):
    """Two classes, in units of the noise; arrays of one shape."""

    own: Array
    """1 / n_k."""
    other: Array
    """1 / n_j."""
    separation: Array
    """q = D^2 / sigma^2."""
    dim: Array

    @property
    def gap(self) -> Array:
        """1 / n_j - 1 / n_k."""
        return self.other - self.own

    @property
    def product(self) -> Array:
        """1 / n_k + 1 / n_j + 1 / (n_k n_j)."""
        return self.own + self.other + self.own * self.other

    @property
    def sizes(self) -> tuple[Array, Array]:
        """The two roots of x^2 - gap x = product: weights of the two noncentral chi^2 variables that make up Q."""
        root = np.sqrt(self.gap**2 + 4.0 * self.product)
        large = (np.abs(self.gap) + root) / 2.0
        small = self.product / large
        return np.where(self.gap >= 0, large, small), -np.where(self.gap >= 0, small, large)

    def cumulant(self, s: Array) -> Array:
        r""":math:`\kappa(s)`, with the logarithm continuous off the real axis."""
        first, second = (1.0 - 2.0 * size * s for size in self.sizes)
        shift = self.separation * s * (1.0 + 2.0 * s * (1.0 + self.own)) / (first * second)
        return shift - self.dim / 2.0 * (np.log(first) + np.log(second))

    def slope(self, s: Array) -> Array:
        r""":math:`\kappa'(s)`."""
        p = 1.0 - 2.0 * s * self.gap - 4.0 * s * s * self.product
        falls = -2.0 * self.gap - 8.0 * s * self.product
        top = s * (1.0 + 2.0 * s * (1.0 + self.own))
        rises = (1.0 + 4.0 * s * (1.0 + self.own)) / p - top * falls / p**2
        return self.separation * rises - self.dim / 2.0 * falls / p

    @property
    def mean(self) -> Array:
        """Of Q."""
        return self.separation + self.dim * self.gap

    @property
    def variance(self) -> Array:
        """Of Q."""
        spread = self.own + self.other + (self.own**2 + self.other**2) / 2.0
        return 4.0 * (self.separation * (1.0 + self.other) + self.dim * spread)


def confusion(
    n: ArrayLike, other: ArrayLike, distance: ArrayLike, sigma: ArrayLike, dim: ArrayLike, *, corrected: bool = False
) -> Array:
    r"""Probability that a feature of a class is nearer to the learned mean of another one: :math:`P(Q < 0)`, exactly.

    .. math:: P(Q < x) = -\frac{1}{2 \pi i} \int_{c - i\infty}^{c + i\infty} e^{\kappa(s) - s x} \frac{ds}{s},
              \qquad c < 0

    through the saddle point, so that small probabilities keep their digits (above 1/2, the complement does).

    Parameters
    ----------
    n, other : samples that the means of the own and of the other class are learned from, integers >= 1.
    distance : D of the true means, >= 0.
    sigma : standard deviation of the noise in each direction, > 0.
    dim : d, >= 1.
    corrected : take :math:`\sigma^2 d / n` off each squared distance, x = d (1/n_j - 1/n_k) in place of 0.

    Returns
    -------
    float64 of the broadcast shape.

    Raises
    ------
    ValueError : a number that is not as above.

    Examples
    --------
    >>> confusion(2, 1000, 3.0, 1.0, (2, 20, 200)).round(4)  # the other mean is known well, the own one is not
    array([0.098 , 0.5318, 1.    ])
    >>> round(float(confusion(2, 1000, 3.0, 1.0, 200, corrected=True)), 4)
    0.3426
    """
    pair = _pair(n, other, distance, sigma, dim)
    found = np.empty(pair.gap.size)
    for begin in range(0, found.size, BATCH):
        some = Pair(*(part.ravel()[begin : begin + BATCH] for part in pair))
        found[begin : begin + BATCH] = _below(some, some.dim * some.gap if corrected else np.zeros_like(some.gap))
    return found.reshape(pair.gap.shape)


def _below(pair: Pair, threshold: Array) -> Array:
    """P(Q < threshold), by the smaller of the two tails."""
    above = pair.mean > threshold
    tail = _tail(pair, threshold, np.where(above, -1.0, 1.0))
    return np.where(above, tail, 1.0 - tail)


def _tail(pair: Pair, threshold: Array, side: Array) -> Array:
    """P(Q < threshold) on side -1, P(Q > threshold) on side 1."""
    upper, lower = pair.sizes
    end = np.where(side > 0, 0.5 / upper, 0.5 / lower)
    parts = (*pair, threshold, end)

    def steepness(share: Array, *given: Array) -> Array:
        *numbers, x, end = given
        s = share * end
        return end * (Pair(*numbers).slope(s) - x - 1.0 / s)

    saddle = elementwise.find_root(steepness, (1e-13, 1.0 - 1e-13), args=parts).x * end
    nearby = 1e-4 * np.minimum(np.abs(saddle), np.abs(end - saddle))
    bent = (pair.slope(saddle + nearby) - pair.slope(saddle - nearby)) / (2.0 * nearby)
    width = np.sqrt(bent + saddle**-2.0)  # as narrow as the integrand: any number of its size will do
    tilt = BEND * np.sign(threshold)[:, None]
    path = 1j * np.sinh(NODES) + tilt * (np.cosh(NODES) - 1.0)
    speed = 1j * np.cosh(NODES) + tilt * np.sinh(NODES)
    s = saddle[:, None] + path / width[:, None]
    columns = Pair(*(part[:, None] for part in pair))
    with np.errstate(under="ignore"):
        height = np.exp(columns.cumulant(s) - s * threshold[:, None]) / s * speed / width[:, None]
    return side * STEP * (height.imag.sum(axis=1) - height.imag[:, 0] / 2.0) / np.pi + 0.0  # of -0, where it underflows


def moments(
    n: ArrayLike, other: ArrayLike, distance: ArrayLike, sigma: ArrayLike, dim: ArrayLike
) -> tuple[Array, Array]:
    r"""Mean and variance of the difference of squared distances, :math:`\sigma^2 Q`, by which the own mean is nearer.

    .. math:: D^2 + \sigma^2 d \Big(\frac1{n_j} - \frac1{n_k}\Big), \qquad
              4 \sigma^2 \Big[ D^2 \Big(1 + \frac1{n_j}\Big) + \sigma^2 d \Big( \frac1{n_k} + \frac1{n_j}
              + \frac{1}{2 n_k^2} + \frac{1}{2 n_j^2} \Big) \Big]

    Arguments and errors as those of :func:`confusion`.
    """
    pair, scale = _pair(n, other, distance, sigma, dim), np.asarray(sigma, dtype=np.float64) ** 2
    counts, others = np.asarray(n, dtype=np.float64), np.asarray(other, dtype=np.float64)
    mean = np.asarray(distance, dtype=np.float64) ** 2 + scale * pair.dim * ((counts - others) / (counts * others))
    return mean, scale**2 * pair.variance


def normal_confusion(
    n: ArrayLike, other: ArrayLike, distance: ArrayLike, sigma: ArrayLike, dim: ArrayLike, *, corrected: bool = False
) -> Array:
    r"""The same for large d, by the central limit theorem: :math:`\Phi(-E Q / \sqrt{\mathrm{var}\, Q})`.

    Q is a sum of d independent terms, all but one of them alike. The error is of order :math:`1 / \sqrt d` (and 0 for
    means that are known, at every d); ``corrected`` puts :math:`D^2` in place of the mean.
    """
    mean, variance = moments(n, other, distance, sigma, dim)
    middle = np.asarray(distance, dtype=np.float64) ** 2 if corrected else mean
    return np.asarray(ndtr(-middle / np.sqrt(variance)))


def break_even(other: ArrayLike, distance: ArrayLike, sigma: ArrayLike, dim: ArrayLike) -> Array:
    r"""Number of samples of a class below which the other learned mean is nearer to its features on average.

    .. math:: n_k < \frac{\sigma^2 d}{D^2 + \sigma^2 d / n_j} \Leftrightarrow E Q < 0

    For large d that is where the class is below chance, :math:`P(Q < 0) > 1/2`: mean and median of Q differ by a share
    of its standard deviation that falls like :math:`1 / \sqrt d`. It is not rounded; ``other`` may be infinite.

    Examples
    --------
    >>> round(float(break_even(1000, 3.0, 1.0, 200)), 1)
    21.7
    """
    noise = positive("sigma", sigma) ** 2 * whole("dim", dim)
    others = np.asarray(other, dtype=np.float64)
    if not np.all(others >= 1):
        raise ValueError(f"other={other} must be at least 1: samples of the other class")
    with np.errstate(divide="ignore"):  # of one mean that is known no number of samples tells another one
        return noise / (nonnegative("distance", distance) ** 2 + noise / others)


def _pair(n: ArrayLike, other: ArrayLike, distance: ArrayLike, sigma: ArrayLike, dim: ArrayLike) -> Pair:
    separation = (nonnegative("distance", distance) / positive("sigma", sigma)) ** 2
    parts = (1.0 / whole("n", n), 1.0 / whole("other", other), separation, whole("dim", dim))
    return Pair(*np.broadcast_arrays(*parts))
