r"""Accuracy of the three rules on features around their own mean center. (New.)

Everywhere :math:`z = r u_k + \sigma g`, g standard normal, and only :math:`r/\sigma`, the ``ratio``, matters. A
function that ends in ``_error`` returns 1 less the accuracy, to a relative 1e-12 however small it is (above 1e-300).
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtri
from threadpoolctl import threadpool_limits

from theory.decision.normal import class_counts, phi
from theory.decision.positive import nonnegative, whole
from theory.decision.scores import REACH, Best, step
from theory.multicenter.geometry import Array, center_cosine, classifier_cosine, squares

CHUNK = 1 << 17
"""Numbers that a thread works on at one time: they stay in the cache."""

CERTAIN = 60.0
"""Lead, in standard deviations, with which a class never errs: an error is rarer than :math:`e^{-60^2 / 4} < 10^{-390}`
times the number of other centers."""


def lead_accuracy(lead: ArrayLike, n_classes: ArrayLike) -> Array:
    r"""Probability that the largest of K independent unit normals is the one with mean ``lead``, all others having 0.

    .. math:: A(a) = \int \varphi(t)\, \Phi(t + a)^{K - 1}\, dt

    Parameters
    ----------
    lead : a, any real number.
    n_classes : K >= 1.

    Returns
    -------
    float64 of the broadcast shape, to a relative 1e-12.

    Examples
    --------
    >>> lead_accuracy([0.0, 3.0], [4, 10]).round(6)
    array([0.25    , 0.902488])
    """

    def part(a: Array, others: Array) -> Array:
        # where a is negative, the class wins by chance: its own score must be about -a
        middle = np.maximum(0.0, -a * others / (others + 1.0))
        return _normal_integral(middle, others, lambda t: np.exp(others * log_ndtr(t + a)))

    return _over_leads(part, lead, n_classes)


def lead_error(lead: ArrayLike, n_classes: ArrayLike) -> Array:
    r""":math:`1 - A(a) = \int \varphi(t)\, [1 - \Phi(t + a)^{K - 1}]\, dt`, without cancellation.

    Parameters, returns and errors are those of :func:`lead_accuracy`.

    Examples
    --------
    >>> f"{float(lead_error(20.0, 2)):.6g}"  # the normal distribution function at -20 / sqrt(2)
    '1.04424e-45'
    """

    def part(a: Array, others: Array) -> Array:
        # mistakes happen where the own score is -a/2, or where the best of all others lies, if that is higher
        likely = -ndtri(1.0 / (others + 1.0)) - a
        middle = np.minimum(0.0, np.maximum(-a / 2.0, likely))
        return _normal_integral(middle, others, lambda t: -np.expm1(others * log_ndtr(t + a)))

    return _over_leads(part, lead, n_classes)


def _normal_integral(middle: Array, others: Array, rest: Callable[[Array], Array]) -> Array:
    """Integral of phi times another function, around where their product has its mass."""
    h = step(float(others.max()) + 1.0)
    n = np.ceil((REACH + 1.0) / h)
    t = h * np.arange(-n, n + 1.0) + middle
    return np.sum(phi(t) * rest(t), axis=1) * h


def _over_leads(part: Callable[[Array, Array], Array], lead: ArrayLike, n_classes: ArrayLike) -> Array:
    a, k = np.broadcast_arrays(np.asarray(lead, dtype=np.float64), whole("n_classes", n_classes))
    if not np.all(np.isfinite(a)):
        raise ValueError(f"lead={lead} must be finite")
    if not a.size:
        return np.empty(a.shape)
    a = np.clip(a, -1e3, 1e3)  # where both sides have been rounded to 0 and 1 for long
    pairs, inverse = np.unique(np.stack([a.reshape(-1), k.reshape(-1)], axis=1), axis=0, return_inverse=True)
    pieces = np.array_split(pairs, max(1, pairs.shape[0] * 256 // CHUNK))
    found = _each(lambda piece: part(piece[:, :1], piece[:, 1:] - 1.0), pieces)
    return np.concatenate(found)[inverse].reshape(a.shape)


def _each(work: Callable[..., Array], pieces: list[Array]) -> list[Array]:
    """The work on each piece, by several threads: numpy lets them run side by side, if its own do not interfere."""
    if len(pieces) == 1:
        return [work(pieces[0])]
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(min(len(pieces), os.cpu_count() or 1)) as pool:
        return list(pool.map(work, pieces))


def nmc_accuracy(ratio: ArrayLike, n_classes: ArrayLike) -> Array:
    r"""Nearest mean center: :math:`A(r/\sigma)`. It is Bayes for equal priors: no rule does better on the average.

    Examples
    --------
    >>> round(float(nmc_accuracy(1 / 0.35, 3)), 3)
    0.96
    """
    return lead_accuracy(nonnegative("ratio", ratio), n_classes)


def nmc_error(ratio: ArrayLike, n_classes: ArrayLike) -> Array:
    r"""1 - :func:`nmc_accuracy`, without cancellation."""
    return lead_error(nonnegative("ratio", ratio), n_classes)


def rcr_accuracy(f: ArrayLike, theta: ArrayLike, ratio: ArrayLike, n_classes: ArrayLike) -> Array:
    r"""Regular rule, on features of a class with f centers: :math:`A(r \cos\rho / \sigma)`; other classes may have any.

    Parameters
    ----------
    f : centers of the class, integers >= 1.
    theta : its angle, radians, in [0, pi/2].
    ratio : its r over sigma, >= 0.
    n_classes : K >= 1.

    Examples
    --------
    >>> rcr_accuracy([2, 4, 9], 0.3, 1 / 0.35, 3).round(3)
    array([0.675, 0.767, 0.856])
    """
    return lead_accuracy(nonnegative("ratio", ratio) * classifier_cosine(whole("f", f), theta), n_classes)


def rcr_error(f: ArrayLike, theta: ArrayLike, ratio: ArrayLike, n_classes: ArrayLike) -> Array:
    r"""1 - :func:`rcr_accuracy`, without cancellation."""
    return lead_error(nonnegative("ratio", ratio) * classifier_cosine(whole("f", f), theta), n_classes)


def gcr_accuracy(f: ArrayLike, theta: ArrayLike, ratio: ArrayLike, n_classes: ArrayLike) -> Array:
    r"""Generalized rule, K classes with f centers each.

    With the distribution function F of the best score of a class (:mod:`theory.decision.scores`), and the lead
    :math:`L = r c / \sigma` of every center of the own class,

    .. math:: \int F'(x)\, F(x + L)^{K - 1}\, dx .

    At theta = 0 every further center costs accuracy. At other angles it does so up to some number of centers; beyond,
    accuracy rises, slowly, to that of the nearest mean center, since the best of very many centers hardly varies.

    Parameters
    ----------
    f : centers of each class, integers >= 1.
    theta : radians, in [0, pi/2].
    ratio : r over sigma, >= 0.
    n_classes : K >= 1.

    Returns
    -------
    float64 of the broadcast shape, to a relative 1e-12.

    Examples
    --------
    >>> gcr_accuracy(4, [0.0, np.pi / 2], 1.0, 3).round(6)
    array([0.545389, 0.633702])
    """
    return _alike(f, theta, ratio, n_classes)[0]


def gcr_error(f: ArrayLike, theta: ArrayLike, ratio: ArrayLike, n_classes: ArrayLike) -> Array:
    r"""1 - :func:`gcr_accuracy`, without cancellation."""
    return _alike(f, theta, ratio, n_classes)[1]


def _alike(f: ArrayLike, theta: ArrayLike, ratio: ArrayLike, n_classes: ArrayLike) -> Array:
    """Accuracy and error of the generalized rule, stacked."""
    squares(theta)  # refuses an angle out of range
    broadcast = np.broadcast_arrays(theta, nonnegative("ratio", ratio), whole("n_classes", n_classes), whole("f", f))
    if not broadcast[0].size:
        return np.empty((2, *broadcast[0].shape))
    rows = np.stack([np.asarray(array, dtype=np.float64).reshape(-1) for array in broadcast], axis=1)
    distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
    starts = np.flatnonzero(np.any(np.diff(distinct[:, :3], axis=0), axis=1)) + 1
    found = _each(_of_many_counts, np.split(distinct, starts))
    return np.concatenate(found, axis=1)[:, inverse].reshape(2, *broadcast[0].shape)


def _of_many_counts(rows: Array) -> Array:
    r"""(2, G) for rows (theta, ratio, K, f) that differ in f only.

    Scores of the other classes are needed at x + L, and L is another one for each f. With
    :math:`L = L_1 - \cos\theta\, q` they are those of the best center moved by q, at the common :math:`x + L_1`.
    """
    (theta, ratio, n_classes), counts = rows[0, :3], rows[:, 3]
    across, along = (float(np.sqrt(part)) for part in squares(theta))
    c = center_cosine(counts, theta)
    known = ratio * c < CERTAIN
    result = np.repeat([[1.0], [0.0]], counts.size, axis=1)
    if np.any(known):
        f, c = counts[known], c[known]
        moved = ratio * across * (1.0 / f[0] - 1.0 / f) / (c[0] + c)
        x = _places(float(f.max()) * n_classes, ratio * c)
        others = Best(x + ratio * c[0], f, across, along, moved).distribution()
        density = Best(x, f, across, along).density()
        result[:, known] = _integrated(x, density, (n_classes - 1.0) * others.log_below)
    return result


def _places(scores: float, leads: Array) -> Array:
    """Where the own score may lie, for the best of so many scores: from where mistakes happen to where none does."""
    h = step(scores)
    return h * np.arange(np.floor(-(REACH + float(leads.max()) / 2.0) / h), np.ceil((REACH + 0.5) / h) + 1.0)


def _integrated(x: Array, own_density: Array, log_others_below: Array) -> Array:
    weight = own_density * (x[1] - x[0])
    right = np.exp(log_others_below)
    return np.stack([np.sum(weight * right, axis=1), np.sum(weight * -np.expm1(log_others_below), axis=1)])


class Rules(NamedTuple):
    """One number, or an array, for each rule."""

    nmc: Array
    """Nearest mean center."""
    rcr: Array
    """Regular."""
    gcr: Array
    """Generalized."""


def class_accuracies(f: ArrayLike, theta: ArrayLike, ratio: ArrayLike = 1.0, copies: ArrayLike | None = None) -> Rules:
    r"""Accuracy of the three rules on classes of several kinds.

    For the generalized rule, with F and L of each kind as in :func:`gcr_accuracy`,

    .. math:: \mathrm{Acc}_k = \int F_k'(x) \prod_{j \ne k} F_j(x + L_k)\, dx .

    Parameters
    ----------
    f : centers of each kind of class, G integers >= 1.
    theta : radians, in [0, pi/2]; one angle, or one for each kind.
    ratio : r over sigma, >= 0; one, or one for each kind.
    copies : how many classes are of each kind, G integers >= 1 (default: one). ``np.average(accuracy, weights=copies)``
        is the average over classes.

    Returns
    -------
    (G,) float64 for each rule, on features of a class of each kind.

    Examples
    --------
    >>> [each.round(3).tolist() for each in class_accuracies([2, 4, 9], 0.3, 1 / 0.35)]
    [[0.96, 0.96, 0.96], [0.675, 0.767, 0.856], [0.84, 0.866, 0.938]]
    """
    counts, angles, ratios, n = _kinds(f, theta, ratio, copies)
    k = n.sum()
    gcr = _of_kinds(counts, angles, ratios, n)[0]
    return Rules(nmc_accuracy(ratios, k), rcr_accuracy(counts, angles, ratios, k), gcr)


def class_errors(f: ArrayLike, theta: ArrayLike, ratio: ArrayLike = 1.0, copies: ArrayLike | None = None) -> Rules:
    """1 - :func:`class_accuracies`, without cancellation."""
    counts, angles, ratios, n = _kinds(f, theta, ratio, copies)
    k = n.sum()
    gcr = _of_kinds(counts, angles, ratios, n)[1]
    return Rules(nmc_error(ratios, k), rcr_error(counts, angles, ratios, k), gcr)


def _kinds(
    f: ArrayLike, theta: ArrayLike, ratio: ArrayLike, copies: ArrayLike | None
) -> tuple[Array, Array, Array, Array]:
    counts = class_counts(f)
    n = np.ones(counts.size) if copies is None else whole("copies", copies)
    if n.shape != counts.shape:
        raise ValueError(f"f has {counts.size} entries and copies {n.size}: one of each per kind of class")
    for name, given in (("theta", theta), ("ratio", ratio)):
        if np.shape(given) not in ((), counts.shape):
            raise ValueError(f"{name} of shape {np.shape(given)} must be one number, or one per kind: {counts.size}")
    angles, ratios = (
        np.broadcast_to(np.asarray(x, dtype=np.float64), counts.shape) for x in (theta, nonnegative("ratio", ratio))
    )
    return counts, angles, ratios, n


def _of_kinds(counts: Array, angles: Array, ratios: Array, copies: Array) -> Array:
    """(2, G): accuracy and error of the generalized rule on a class of each kind."""
    leads = np.minimum(ratios * center_cosine(counts, angles), CERTAIN)
    groups = [(np.sqrt(squares(angle)), np.flatnonzero(angles == angle)) for angle in np.unique(angles)]

    def of_kind(k: Array) -> Array:
        (place,) = k
        x = _places(float(copies @ counts), leads[k])
        own = Best(x, counts[k], *(float(np.sqrt(part)) for part in squares(angles[place]))).density()
        others = np.zeros_like(x)
        for (across, along), members in groups:
            rivals = copies[members] - (members == place)
            best = Best(x + leads[place], counts[members], float(across), float(along))
            others += rivals @ best.distribution().log_below
        return _integrated(x, own, others[None])

    return np.concatenate(_each(of_kind, list(np.arange(counts.size)[:, None])), axis=1)
