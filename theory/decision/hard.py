r"""Features close to no class: probabilities of the two classification rules, and what they cost.

Hard-to-predict features are the mean of the directions plus Gaussian noise (paper, proposition 3.1). There a class wins
as often as it has directions: this is where RCR and GCR differ most.

:func:`gcr_choice` is the paper's idealisation, in which all centers are orthonormal; :func:`frame_choice` (new) is
the truth for a multi-center frame, whose centers of one class share the direction :math:`w_k`. Noise is measured by
its standard deviation in each direction: the paper's Gaussian(0, s I) has noise :math:`\sqrt s`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import elementwise
from scipy.special import log_ndtr

from theory.decision.normal import GRID, WEIGHT, Counts, class_counts, phi, shares
from theory.decision.positive import one_whole, whole
from theory.decision.scores import Best
from theory.multicenter.geometry import Array, center_cosine, squares


def rcr_choice(n_classes: int) -> Array:
    r"""Probability that RCR gives a hard-to-predict feature to each class: :math:`1/K`, shape (K,)."""
    if n_classes < 1:
        raise ValueError(f"n_classes={n_classes} must be at least 1")
    return np.full(n_classes, 1.0 / n_classes)


def gcr_choice(f: ArrayLike) -> Array:
    r"""Probability that GCR gives a hard-to-predict feature to each class, if all centers are orthonormal.

    .. math:: P(\text{choice} = k) = f_k / F

    It does not depend on where the feature comes from, so it is also the accuracy on the class's own hard-to-predict
    features: more centers for one class are paid for by all others.

    Parameters
    ----------
    f : centers per class, K integers >= 1.

    Returns
    -------
    (K,) float64, summing to 1. Source: paper, proposition 3.1.
    """
    counts = class_counts(f)
    return counts / counts.sum()


def pairwise_choice(f: ArrayLike, g: ArrayLike) -> Array:
    r"""The same between two classes only: :math:`f / (f + g)`, the probability that the class with ``f`` wins."""
    first, second = whole("f", f), whole("g", g)
    return first / (first + second)


def gcr_gain(f: ArrayLike) -> Array:
    r"""What GCR wins (or loses) against RCR on each class's hard-to-predict features: :math:`f_k / F - 1/K`."""
    choice = gcr_choice(f)
    return choice - rcr_choice(choice.size)


def gcr_accuracy(f: ArrayLike, probabilities: ArrayLike) -> float:
    r"""Accuracy of GCR on hard-to-predict features: :math:`P_{GCR} = \sum_k f_k P_k / F`; that of RCR is 1/K.

    Parameters
    ----------
    f : centers per class, K integers >= 1.
    probabilities : :math:`P_k`, share of class k among the hard-to-predict features; K numbers >= 0 with sum 1.

    Raises
    ------
    ValueError : counts that are not integers >= 1; probabilities of another length, negative, or not summing to 1.

    Examples
    --------
    >>> round(gcr_accuracy((1, 2, 5), (0.1, 0.2, 0.7)), 12)
    0.5
    """
    choice = gcr_choice(f)
    return float(choice @ shares(probabilities, choice.size))


def gcr_advantage(f: ArrayLike, probabilities: ArrayLike) -> float:
    r"""What proposition 3.1 guarantees: :math:`P_{GCR} - 1/K \ge 0` for equally sorted ``f`` and ``probabilities``.

    .. math:: P_{GCR} - \frac1K = \frac{1}{2 K F} \sum_{k, l} (f_k - f_l)(P_k - P_l)

    which is Chebyshev's sum inequality: no term is negative.

    Raises
    ------
    ValueError : as :func:`gcr_accuracy`, and where a class has more centers but a smaller probability than another.

    Examples
    --------
    >>> round(gcr_advantage((1, 2, 5), (0.1, 0.2, 0.7)), 12)  # gcr_accuracy is 1/2, and RCR's 1/3
    0.166666666667
    """
    counts = class_counts(f)
    p = shares(probabilities, counts.size)
    order = np.lexsort((p, counts))
    drops = np.flatnonzero(np.diff(p[order]) < 0)
    if drops.size:
        low, high = order[drops[0]], order[drops[0] + 1]
        raise ValueError(
            f"f and probabilities are not sorted alike: class {high} has f={counts[high]:g} >= {counts[low]:g} of "
            f"class {low}, but probability {p[high]:g} < {p[low]:g}; the guarantee does not apply"
        )
    centred = counts - counts.mean()
    return float(centred @ p) / float(counts.sum())


def best_allocation(probabilities: ArrayLike, total: int) -> Counts:
    r"""Numbers of centers that maximise :math:`P_{GCR}` at fixed sum ``total``.

    :math:`P_{GCR}` is linear in f: every spare center goes to the class with the largest :math:`P_k` (the first of
    several), and all others keep the one they must have. (New.)

    Examples
    --------
    >>> best_allocation((0.1, 0.2, 0.7), total=12)
    array([ 1,  1, 10])
    """
    return _allocation(shares(probabilities), total, minimum=1)


def minimax_allocation(probabilities: ArrayLike, total: int) -> Counts:
    r"""Numbers of centers that maximise the accuracy of the *worst* class, :math:`\min_k f_k / F`, at fixed sum.

    Every class gets :math:`\lfloor F / K \rfloor`; among all such answers the remainder goes where it raises
    :math:`P_{GCR}` most. It is also the best answer to an adversary who chooses the probabilities. (New.)

    Examples
    --------
    >>> minimax_allocation((0.1, 0.2, 0.7), total=14)
    array([4, 4, 6])
    """
    p = shares(probabilities)
    return _allocation(p, total, minimum=one_whole("total", total) // p.size)


def _allocation(p: Array, total: int, minimum: int) -> Counts:
    total = one_whole("total", total)
    if total < p.size:
        raise ValueError(f"total={total} < {p.size} classes: every class needs a center")
    counts = np.full(p.size, minimum)
    counts[int(np.argmax(p))] += total - minimum * p.size
    return counts


class TradeOff(NamedTuple):
    """The best accuracy on hard-to-predict features for each level of protection of the other classes."""

    minimum: Counts
    """Centers that every class keeps: 1, ..., floor(F / K)."""
    worst: Array
    """Accuracy on the hard-to-predict features of the worst class, minimum / F."""
    accuracy: Array
    """Largest P_GCR that is then possible."""


def tradeoff(probabilities: ArrayLike, total: int) -> TradeOff:
    r"""What GCR wins, and what the other classes pay: the Pareto front between :math:`P_{GCR}` and the worst class.

    If every class keeps :math:`m` centers, all others go to the class of the largest :math:`P_k`:

    .. math:: P_{GCR}(m) = \frac{m + (F - K m) \max_k P_k}{F}, \qquad \min_k \frac{f_k}{F} = \frac{m}{F}

    a straight line from :func:`best_allocation` (m = 1) to :func:`minimax_allocation`. (New.)

    Parameters
    ----------
    probabilities : K numbers >= 0 with sum 1.
    total : F >= K.
    """
    p = shares(probabilities)
    best_allocation(p, total)  # refuses a total that is too small
    minimum = np.arange(1, total // p.size + 1)
    accuracy = (minimum + (total - p.size * minimum) * float(p.max())) / total
    return TradeOff(minimum, minimum / total, accuracy)


def frame_choice(f: ArrayLike, theta: float, noise: float = np.inf) -> Array:
    r"""Probability that GCR gives a hard-to-predict feature to each class of a real multi-center frame. (New.)

    For :math:`z = \frac1K \sum_k \bar w^{(k)} + p`, p Gaussian with standard deviation :math:`\sigma`, the best center
    of class k scores

    .. math:: \frac{c_k^2}{K} + \sigma (\cos\theta\, M_k + \sin\theta\, g_k), \qquad
        M_k = \max_{j \le f_k} \xi_j, \quad \xi_j, g_k \sim N(0, 1) \text{ independent}

    and the class with the largest score wins: one integral over scores of products of distribution functions.
    Against :func:`gcr_choice`, the shared direction makes centers worth less (:math:`\theta > 0`), and the common
    part :math:`c_k^2 / K` favours classes with *few* centers where the noise is small.

    Parameters
    ----------
    f : centers per class, K integers >= 1.
    theta : radians, in [0, pi/2].
    noise : :math:`\sigma > 0`; infinity leaves out the common part (features around the mean of the frame's
        orthonormal directions).

    Returns
    -------
    (K,) float64, summing to 1 within 1e-12.

    Examples
    --------
    >>> frame_choice((1, 3), 0.0).round(12)  # orthonormal centers
    array([0.25, 0.75])
    >>> frame_choice((1, 3), 1.5).round(3)  # nearly one direction per class
    array([0.483, 0.517])
    """
    counts = class_counts(f)
    if not noise > 0:
        raise ValueError(f"noise={noise} must be positive: without it features do not differ")
    across, along = (float(np.sqrt(part)) for part in squares(theta))
    offsets = center_cosine(counts, theta) ** 2 / counts.size / noise
    offsets -= offsets.max()
    # A class that is 30 standard deviations behind does not win; where the leader cannot be, nobody else wins either.
    scores = np.arange(max(float(offsets.min()), -30.0) - 10.0, 15.0, WEIGHT)
    _, first, kind = np.unique(counts, return_index=True, return_inverse=True)
    parts = [Best(scores - offsets[k], counts[[k]], across, along) for k in first]
    density = np.concatenate([part.density() for part in parts])[kind]
    log_below = np.concatenate([part.distribution().log_below for part in parts])[kind]
    others = log_below.sum(axis=0) - log_below
    return np.sum(density * np.exp(others), axis=1) * WEIGHT


def gamma_survival(x: ArrayLike, f: ArrayLike, g: ArrayLike) -> Array:
    r"""Distribution of the difference between the best of f and the best of g independent standard normals.

    .. math:: P(\gamma > x) = \int g\, \varphi(t)\, \Phi(t)^{g - 1}\, [1 - \Phi(t + x)^f]\, dt

    In proposition C.1, :math:`\gamma = \max_j \langle v_j^{(k)}, p \rangle - \max_j \langle v_j^{(k')}, p \rangle`
    with noise :math:`\sigma` is :math:`\sigma` times this one. (The paper defines it with z for p, which is wrong.)

    Parameters
    ----------
    x : any real numbers.
    f, g : centers of the two classes, integers >= 1; all broadcast.
    """
    arrays = np.broadcast_arrays(np.asarray(x, dtype=np.float64), whole("f", f), whole("g", g))
    columns = [array.reshape(-1, 1) for array in arrays]
    result = np.empty(arrays[0].size)
    for begin in range(0, result.size, 4096):
        x, f, g = (column[begin : begin + 4096] for column in columns)
        density = g * np.exp((g - 1.0) * log_ndtr(GRID)) * phi(GRID)
        result[begin : begin + 4096] = np.sum(density * -np.expm1(f * log_ndtr(GRID + x)), axis=1)
    return result.reshape(arrays[0].shape) * WEIGHT


def gamma_median(f: ArrayLike, g: ArrayLike) -> Array:
    r"""Median of :math:`\gamma` for unit noise, by root finding.

    It is positive exactly if f > g, since :math:`P(\gamma > 0) = f / (f + g)`.

    Examples
    --------
    >>> round(float(gamma_median(5, 1)), 6)
    1.152633
    """
    f, g = np.broadcast_arrays(whole("f", f), whole("g", g))
    found = elementwise.find_root(lambda x, f, g: gamma_survival(x, f, g) - 0.5, (-12.0, 12.0), args=(f, g))
    return np.asarray(found.x)


def surrogate_offset(delta: ArrayLike, f: ArrayLike, g: ArrayLike, theta: ArrayLike, n_classes: ArrayLike) -> Array:
    r"""The value that :math:`\gamma` must exceed for GCR to prefer a class to another, given what RCR says.

    .. math:: x_0 = \frac{-\Delta \sin\theta + \frac{\cos^2\theta}{K} (1/g - 1/f)}{\cos\theta}, \qquad
        \Delta = \langle w_k, z \rangle - \langle w_{k'}, z \rangle

    Parameters
    ----------
    delta : lead of the class under RCR.
    f, g : centers of the class and of the other one.
    theta : radians, in [0, pi/2).
    n_classes : K.

    Raises
    ------
    ValueError : ``theta`` = pi/2, where the rules agree and no offset exists.
    """
    cos2, sin2 = squares(theta)
    if np.any(cos2 == 0.0):
        raise ValueError(f"theta={theta} is pi/2: the centers of a class coincide and both rules agree")
    lead = np.asarray(delta) * np.sqrt(sin2)
    f, g = whole("f", f), whole("g", g)
    return (cos2 / np.asarray(n_classes) * (f - g) / (f * g) - lead) / np.sqrt(cos2)


def surrogate_probability(
    delta: ArrayLike, f: ArrayLike, g: ArrayLike, theta: ArrayLike, n_classes: ArrayLike, noise: ArrayLike
) -> Array:
    r"""Probability that GCR prefers a class with f centers to one with g, given its lead under RCR.

    .. math:: P(\gamma > x_0 / \sigma)

    with :func:`surrogate_offset` and :func:`gamma_survival`: the exact statement behind proposition C.1.

    Parameters
    ----------
    noise : :math:`\sigma`, standard deviation of p in each direction, > 0.
    delta, f, g, theta, n_classes : as in :func:`surrogate_offset`.
    """
    return gamma_survival(surrogate_offset(delta, f, g, theta, n_classes) / np.asarray(noise), f, g)


def surrogate_margin(f: ArrayLike, g: ArrayLike, theta: ArrayLike, n_classes: ArrayLike, noise: ArrayLike) -> Array:
    r"""The lead under RCR at which GCR is undecided between two classes: prefer above, reject below.

    .. math:: \Delta^* = \frac{\cos^2\theta}{K \sin\theta} (1/g - 1/f) - \frac{\varepsilon_0}{\sin\theta}, \qquad
        \varepsilon_0 = \cos\theta\, \mathrm{median}(\gamma)

    Proposition C.1, corrected: above, GCR prefers the class with f centers with probability > 1/2; below, the other.

    Parameters
    ----------
    f, g, n_classes, noise : as in :func:`surrogate_probability`.
    theta : radians, in (0, pi/2).
    """
    if not np.all(np.asarray(theta) > 0):
        raise ValueError(f"theta={theta} must be positive: at 0 RCR and GCR see independent parts of a feature")
    cos2, sin2 = squares(theta)
    offset = surrogate_offset(0.0, f, g, theta, n_classes)
    return np.sqrt(cos2 / sin2) * (offset - np.asarray(noise) * gamma_median(f, g))
