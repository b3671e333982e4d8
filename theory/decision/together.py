r"""Accuracy of many classes at once, for designs that are compared by the hundred. (New.)

The integrals are those of :mod:`theory.decision.shift` and :mod:`theory.decision.accuracy`, over the score x of the own
class in place of its noise. What the other classes do at a score is then the same function for all, :math:`H(x)`, which
is computed once: the work grows with the number of classes, not with its square.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline
from scipy.special import log_ndtr

from theory.decision.accuracy import CERTAIN
from theory.decision.normal import class_counts, integers, phi
from theory.decision.positive import positive
from theory.decision.scores import REACH, Best, step
from theory.multicenter.geometry import Array, center_cosine, squares


def offset_accuracies(mean: ArrayLike, noise: float, offsets: ArrayLike, copies: ArrayLike) -> Array:
    r"""Accuracy of a rule with one score per class, on classes of several kinds, under one noise.

    .. math:: \mathrm{Acc}_k = \int \varphi(x - m_k - b_k)\, \frac{e^{H(x)}}{\Phi(x - b_k)}\, dx, \qquad
              H(x) = \sum_j n_j \ln \Phi(x - b_j)

    with all lengths in units of the noise.

    Parameters
    ----------
    mean : m, mean score for the own class of each kind, (G,); 0 for every other class.
    noise : > 0.
    offsets : b, (G,).
    copies : n, how many classes are of each kind, integers >= 1, (G,).

    Returns
    -------
    (G,) float64, to 1e-12.

    Examples
    --------
    >>> offset_accuracies([2.0, 2.0], 1.0, [-0.0527, -1.1513], [1, 1]).round(4)
    array([0.9858, 0.7381])
    """
    given, scale = np.array([mean, offsets], dtype=np.float64), positive("noise", noise)
    (m, b), place = np.unique(given, axis=1, return_inverse=True)
    n = np.bincount(place.reshape(-1), weights=integers(copies, "copies"))
    m, b = m[:, None] / scale, b[:, None] / scale
    own = np.minimum(m + b, b.max() + CERTAIN)  # beyond, no mistake is left
    h = step(float(n.sum()))
    x = np.arange(own.min() - REACH, own.max() + REACH + h, h)
    log_each = log_ndtr(x - b)
    return np.asarray(h * np.sum(phi(x - own) * np.exp(n @ log_each - log_each), axis=1))[place.reshape(-1)]


def gcr_accuracies(f: ArrayLike, theta: float, ratio: float, copies: ArrayLike) -> Array:
    r"""Accuracy of the generalized rule on classes of several kinds, all of one angle.

    .. math:: \mathrm{Acc}_k = \int F_k'(y) \frac{e^{H(y + L_k)}}{F_k(y + L_k)}\, dy, \qquad
              H(x) = \sum_j n_j \ln F_j(x)

    with F and L of :func:`theory.decision.accuracy.gcr_accuracy`; :math:`\ln F` is a cubic spline between scores.

    Parameters
    ----------
    f : centers of each kind of class, G integers >= 1.
    theta : radians, in [0, pi/2].
    ratio : r over sigma, > 0.
    copies : how many classes are of each kind, integers >= 1, (G,).

    Returns
    -------
    (G,) float64, to 1e-5.

    Examples
    --------
    >>> gcr_accuracies([2, 4, 9], 0.3, 1 / 0.35, [1, 1, 1]).round(3)
    array([0.84 , 0.866, 0.938])
    """
    counts, n = class_counts(f), integers(copies, "copies")
    across, along = (float(part) for part in np.sqrt(squares(theta)))
    lead = np.minimum(positive("ratio", ratio) * center_cosine(counts, theta), CERTAIN)[:, None]
    h = step(float(n @ counts))
    y = np.arange(-REACH - lead.max() / 2.0, REACH + h, h)
    x = np.append(y, np.arange(y[-1] + h, y[-1] + lead.max() + 2.0 * h, h))
    log_each = Best(x, counts, across, along).distribution().log_below
    density = Best(y, counts, across, along).density()
    right = _moved(CubicSpline(x, n @ log_each - log_each, axis=1), lead[:, 0], h, y.size)
    return np.asarray(h * np.sum(density * np.exp(np.minimum(right, 0.0)), axis=1))


def _moved(spline: CubicSpline, leads: Array, h: float, size: int) -> Array:
    """A function of G rows, the g-th at the first ``size`` knots plus its own lead >= 0; the knots are h apart, (G, N).

    All those places are as far from the knot before: one polynomial a row, with the coefficients of each interval.
    """
    places = []
    for g, lead in enumerate(leads):
        first = int(lead // h)
        a, b, c, d = spline.c[:, first : first + size, g]
        part = lead - first * h
        places.append(((a * part + b) * part + c) * part + d)
    return np.array(places)
