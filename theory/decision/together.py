r"""Accuracy of many classes at once, for designs that are compared by the hundred. (New.)

The integrals are those of :mod:`theory.decision.shift` and :mod:`theory.decision.accuracy`, over the score x of the own
class in place of its noise. What the other classes do at a score is then the same function for all, :math:`H(x)`, which
is computed once: the work grows with the number of classes, not with its square.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline
from scipy.special import log_ndtr

from theory.decision.accuracy import CERTAIN
from theory.decision.normal import Counts, class_counts, phi
from theory.decision.positive import positive, whole
from theory.decision.scores import REACH, Best, step
from theory.multicenter.geometry import Array, center_cosine, squares


def offset_accuracies(mean: ArrayLike, noise: ArrayLike, offsets: ArrayLike, copies: ArrayLike) -> Array:
    r"""Accuracy of a rule with one score per class, on classes of several kinds.

    .. math:: \mathrm{Acc}_k = \int \varphi(x - m_k - b_k)\, \frac{e^{H(x)}}{\Phi(x - b_k)}\, dx, \qquad
              H(x) = \sum_j n_j \ln \Phi(x - b_j)

    with all lengths in units of the noise of class k, which all scores of its features share.

    Parameters
    ----------
    mean : m >= 0, mean score for the own class of each kind, (G,); 0 for every other class.
    noise : > 0, one for all or one for each kind; the work grows with the number of different ones.
    offsets : b, (G,); minus infinity leaves a class out.
    copies : n, how many classes are of each kind, integers >= 1, (G,).

    Returns
    -------
    (G,) float64, to 1e-12.

    Examples
    --------
    >>> offset_accuracies([2.0, 2.0], 1.0, [-0.0527, -1.1513], [1, 1]).round(4)
    array([0.9858, 0.7381])
    """
    if not np.all(np.asarray(mean) >= 0):
        raise ValueError(f"mean={mean} must not be negative")
    given = np.array(np.broadcast_arrays(mean, positive("noise", noise), offsets), dtype=np.float64)
    if np.all(np.isneginf(given[2])):
        return np.zeros(given.shape[1:])
    (m, s, b), place = np.unique(given, axis=1, return_inverse=True)
    n: Array = np.bincount(place.reshape(-1), weights=whole("copies", copies)).astype(np.float64)
    found = np.empty_like(m)
    for scale in np.unique(s):
        found[s == scale] = _under_one_noise(m / scale, b / scale, n, s == scale)
    return found[place.reshape(-1)]


def _under_one_noise(m: Array, b: Array, n: Array, own: NDArray[np.bool_]) -> Array:
    """Accuracy of those kinds that are ``own``, in units of their noise."""
    b = np.maximum(b, b.max() - max(float(m.max()), 0.0) - CERTAIN)  # lower, no feature is given to it
    values, kind = np.unique(b, return_inverse=True)
    peak = np.clip((m + b)[own], b.max() - CERTAIN, b.max() + CERTAIN)[:, None]  # beyond, none or all are mistaken
    h = step(float(n.sum()))
    x = np.arange(peak.min() - REACH, peak.max() + REACH + h, h)
    log_each = log_ndtr(x - values[:, None])
    others = np.bincount(kind, weights=n) @ log_each - log_each
    return np.asarray(h * np.sum(phi(x - peak) * np.exp(others[kind[own]]), axis=1))


def gcr_accuracies(f: ArrayLike, theta: float, ratio: ArrayLike, copies: ArrayLike) -> Array:
    r"""Accuracy of the generalized rule on classes of several kinds, all of one angle.

    .. math:: \mathrm{Acc}_k = \int F_k'(y) \frac{e^{H(y + L_k)}}{F_k(y + L_k)}\, dy, \qquad
              H(x) = \sum_j n_j \ln F_j(x)

    with F and L of :func:`theory.decision.accuracy.gcr_accuracy`; :math:`\ln F` is a cubic spline between scores.

    Parameters
    ----------
    f : centers of each kind of class, G integers >= 1.
    theta : radians, in [0, pi/2].
    ratio : r over sigma, > 0, one for all or one for each kind.
    copies : how many classes are of each kind, integers >= 1, (G,).

    Returns
    -------
    (G,) float64, to 1e-5.

    Examples
    --------
    >>> gcr_accuracies([2, 4, 9], 0.3, 1 / 0.35, [1, 1, 1]).round(3)
    array([0.84 , 0.866, 0.938])
    """
    all_counts, n = class_counts(f), whole("copies", copies)
    counts, kind = np.unique(all_counts, return_inverse=True)
    lead = np.minimum(positive("ratio", ratio) * center_cosine(all_counts, theta), CERTAIN)
    (leads, of), place = np.unique(np.array([lead, kind]), axis=1, return_inverse=True)
    across, along = (float(part) for part in np.sqrt(squares(theta)))
    h = step(float(n @ all_counts))
    y = np.arange(-REACH - lead.max() / 2.0, REACH + h, h)
    x = np.append(y, np.arange(y[-1] + h, y[-1] + lead.max() + 2.0 * h, h))
    log_each = Best(x, counts, across, along).distribution().log_below
    others = CubicSpline(x, np.bincount(kind, weights=n) @ log_each - log_each, axis=1)
    density = Best(y, counts, across, along).density()
    rows = of.astype(np.int64)
    right = _moved(others, rows, leads, h, y.size)
    found = h * np.sum(density[rows] * np.exp(np.minimum(right, 0.0)), axis=1)
    return np.asarray(found[place.reshape(-1)])


def _moved(spline: CubicSpline, rows: Counts, leads: Array, h: float, size: int) -> Array:
    """Rows of a function, each at the first ``size`` knots plus a lead >= 0 of its own; the knots are h apart.

    All places of a row are as far from the knot before: one polynomial, with the coefficients of each interval.
    """
    places = []
    for row, lead in zip(rows, leads, strict=True):
        first = int(lead // h)
        a, b, c, d = spline.c[:, first : first + size, row]
        part = lead - first * h
        places.append(((a * part + b) * part + c) * part + d)
    return np.array(places)
