r"""Features of no class, told by how much of them lies in the span of the mean centers.

NECO's score (Ammar et al. 2024) is the share of a feature in the K directions :math:`u_k`, here squared, which orders
features alike: :math:`s = |P_U z|^2 / |z|^2`. For :math:`z = r u_k + \sigma g` it has a noncentral beta distribution,
and for features of no class that have no preferred direction a beta distribution, whatever their length:

.. math:: s_{in} \sim \mathrm{Beta}\Big(\frac K2, \frac{d - K}2; \frac{r^2}{\sigma^2}\Big), \qquad
          s_{out} \sim \mathrm{Beta}\Big(\frac K2, \frac{d - K}2\Big) .
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, pdtrc

from theory.decision.positive import nonnegative, one_whole
from theory.multicenter.geometry import Array


def auroc(n_classes: int, dim: int, signal: ArrayLike) -> Array:
    r"""Probability that a feature of a class scores more than one of no class.

    A noncentral beta variable has :math:`\mathrm{Beta}(K/2 + i, m)`, :math:`m = (d - K)/2`, for a Poisson number i of
    mean :math:`\lambda/2 = r^2 / (2 \sigma^2)`. Each more of i adds what integration by parts says:

    .. math:: P(s_{in} > s_{out}) = \frac12 + \sum_{i \ge 0} P(\mathrm{Poisson}(\lambda/2) > i)\, t_i, \qquad
              t_i = \frac{B(K + i, 2m)}{(K/2 + i)\, B(K/2 + i, m)\, B(K/2, m)}

    No term is negative, and those beyond :math:`\lambda/2` by many standard deviations vanish.

    Parameters
    ----------
    n_classes : K >= 1.
    dim : d > K.
    signal : :math:`r / \sigma`, >= 0, at most 3000.

    Returns
    -------
    float64 of the shape of ``signal``, in [1/2, 1]; 1/2 where there is no signal.

    Raises
    ------
    ValueError : a number that is not as above.

    Examples
    --------
    >>> auroc(10, 64, [0.0, 2.0, 5.0]).round(4)
    array([0.5   , 0.6891, 0.9825])
    """
    if one_whole("dim", dim) <= one_whole("n_classes", n_classes):
        raise ValueError(f"dim={dim} must be more than n_classes={n_classes}: nothing is outside the span")
    given = nonnegative("signal", signal)
    if np.any(given > 3000):
        raise ValueError(f"signal={signal} is more than 3000: every feature is told")
    middle = np.unique(given**2 / 2.0, return_inverse=True)
    found = [_series(n_classes / 2.0, (dim - n_classes) / 2.0, float(half)) for half in middle[0]]
    return np.array(found)[middle[1]].reshape(given.shape)


def _series(a: float, m: float, half: float) -> float:
    i = np.arange(int(half + 12.0 * np.sqrt(half) + 40.0))
    terms = np.exp(betaln(2.0 * a + i, 2.0 * m) - betaln(a + i, m) - betaln(a, m)) / (a + i)
    return min(1.0, 0.5 + float(terms @ pdtrc(i, half)))
