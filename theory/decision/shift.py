r"""When classes are not as frequent in the test as in training: offsets, Bayes scores, and the worst prior. (New.)

A rule gives each class one score. On features of class k it is the ``mean`` :math:`m_k` for the own class, 0 for every
other, plus independent noise of standard deviation :math:`\sigma_k`: for features :math:`r_k u_k + \sigma_k g` in a
unit frame, :math:`m_k = r_k` under NMC (scores :math:`\langle u_j, z \rangle`) and :math:`m_k = r_k \cos\rho_k`
under RCR (scores :math:`\langle w_j, z \rangle`). Offsets :math:`b_k` are added to the scores before the largest is
taken.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize, root
from scipy.special import log_ndtr, logsumexp

from theory.decision.accuracy import CERTAIN
from theory.decision.normal import log_phi, shares
from theory.decision.positive import positive
from theory.decision.scores import REACH, step
from theory.multicenter.geometry import Array

FARTHEST = 1e5
"""Leads, in standard deviations, beyond which nothing changes."""


def _signals(mean: ArrayLike, noise: ArrayLike, n_classes: int | None = None) -> tuple[Array, Array]:
    """Means and noises, one of each per class."""
    shapes = {np.shape(mean), np.shape(noise), () if n_classes is None else (n_classes,)} - {()}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 1:
        among = "" if n_classes is None else f" of {n_classes}"
        raise ValueError(f"mean={mean} and noise={noise} are not one number per class{among}")
    m, s = (np.broadcast_to(x, shape) for x in (np.asarray(mean, dtype=np.float64), positive("noise", noise)))
    if not np.all(np.isfinite(m)):
        raise ValueError(f"mean={mean} must be finite")
    return m, s


def log_prior(prior: ArrayLike, n_classes: int | None = None) -> Array:
    """Logarithms of the probabilities of classes, (K,). Raises ValueError, naming the class, where one is 0."""
    p = shares(prior, n_classes, "prior")
    if not np.all(p > 0):
        k = int(np.argmin(p))
        raise ValueError(f"prior of class {k} is 0: its logarithm is not finite; leave the class out")
    return np.log(p)


def nmc_offsets(prior: ArrayLike, r: float, sigma: float) -> Array:
    r"""The best offsets on the scores of the nearest mean center: :math:`b_k = (\sigma^2 / r) \ln \pi_k`.

    With them the rule is Bayes for the prior: no other does better on its average.

    Parameters
    ----------
    prior : :math:`\pi`, K numbers > 0 with sum 1.
    r : norm of the mean of each class, > 0.
    sigma : standard deviation of the noise in each direction, > 0, the same for all classes.

    Examples
    --------
    >>> nmc_offsets([0.9, 0.1], r=2.0, sigma=1.0).round(4)
    array([-0.0527, -1.1513])
    """
    if np.ndim(sigma) or np.ndim(r):
        raise ValueError(
            f"r={r} and sigma={sigma} must be one number each: of classes that differ no offsets are Bayes"
        )
    return positive("sigma", sigma) ** 2 / positive("r", r) * log_prior(prior)


def offset_accuracy(mean: ArrayLike, noise: ArrayLike, offsets: ArrayLike = 0.0) -> Array:
    r"""Accuracy on each class if offsets are added to the scores.

    .. math:: \mathrm{Acc}_k = \int \varphi(t) \prod_{j \ne k} \Phi\Big( t + \frac{m_k + b_k - b_j}{\sigma_k} \Big)\, dt

    Parameters
    ----------
    mean, noise : m and sigma, one for all classes or one for each; noise > 0.
    offsets : b, likewise; minus infinity leaves a class out.

    Returns
    -------
    (K,) float64, to 1e-12.

    Examples
    --------
    >>> offset_accuracy(2.0, 1.0, nmc_offsets([0.9, 0.1], r=2.0, sigma=1.0)).round(4)
    array([0.9858, 0.7381])
    """
    b = np.asarray(offsets, dtype=np.float64)
    m, s = _signals(mean, noise, b.size if b.ndim else None)
    if not np.all(b < np.inf):
        raise ValueError(f"offsets={offsets} must be finite, or minus infinity, which leaves a class out")
    return np.exp(_logs(m, s, np.broadcast_to(b, m.shape)).accuracy)


class _Logs(NamedTuple):
    """Logarithms, which there are of errors that are too small for numbers."""

    accuracy: Array
    """(K,)"""
    error: Array
    """(K,)"""
    losses: Array
    r"""How much accuracy each class (rows) loses if the offset of another is raised, (K, K), by itself nothing.

    .. math:: -\frac{\partial \mathrm{Acc}_k}{\partial b_j} = \frac1{\sigma_k} \int \varphi(t)\, \varphi(t + a_{kj})
        \prod_{l \ne j, k} \Phi(t + a_{kl})\, dt, \qquad a_{kj} = \frac{m_k + b_k - b_j}{\sigma_k}
    """

    def slopes(self, unit: ArrayLike) -> Array:
        """Derivatives of accuracies (rows, of sum 0) by offsets, each divided by the exponential of a unit."""
        losses = np.exp(self.losses - np.reshape(unit, (-1, 1)))
        return np.asarray(np.diag(losses.sum(axis=1)) - losses)


def _logs(m: Array, s: Array, b: Array) -> _Logs:
    accuracy, error, losses = np.empty(m.size), np.empty(m.size), np.full((m.size, m.size), -np.inf)
    h = step(float(m.size))
    for k in range(m.size):
        with np.errstate(invalid="ignore"):  # of two classes that are left out neither is ahead
            ahead = np.delete((m[k] + b[k] - b) / s[k], k)
        ahead = np.clip(np.where(np.isnan(ahead), -np.inf, ahead), -FARTHEST, FARTHEST)
        mistaken = np.clip(ahead.min(initial=FARTHEST), 0.0, None) / 2.0  # mistakes happen around its negative
        t = np.arange(-REACH - mistaken, REACH + h + min(0.0, CERTAIN / 2.0 - mistaken), h)
        x = t + ahead[:, None]
        weight, log_each = np.log(h) + log_phi(t), log_ndtr(x)
        log_all = log_each.sum(axis=0)
        error[k] = _log_sum(weight + _log_complement(log_all, x))
        accuracy[k] = np.log1p(-np.exp(error[k])) if error[k] < -1.0 else _log_sum(weight + log_all)
        losses[k, np.arange(m.size) != k] = _log_sum(weight + log_all - log_each + log_phi(x)) - np.log(s[k])
    return _Logs(accuracy, error, losses)


def _log_complement(log_all: Array, x: Array) -> Array:
    r""":math:`\ln[1 - \prod_j \Phi(x_j)]`, (T,), of the logarithm of the product, (T,), and x, (K - 1, T).

    It is that of :math:`\sum_j \Phi(-x_j)` where mistakes are rare.
    """
    rare = log_all > -1e-290
    found = np.empty_like(log_all)
    found[~rare] = np.log(-np.expm1(log_all[~rare]))
    if np.any(rare):
        found[rare] = _log_sum(log_ndtr(-x[:, rare]).T)
    return found


def _log_sum(terms: Array) -> Array:
    """What scipy's logsumexp gives over the last axis, without its checks, which would take most of the time here."""
    top = terms.max(axis=-1, initial=-np.finfo(float).max)
    with np.errstate(divide="ignore"):  # nothing is left where there is one class
        return np.asarray(top + np.log(np.exp(terms - top[..., None]).sum(axis=-1)))


def pair_offset(prior: ArrayLike, mean: ArrayLike, sigma: float) -> float:
    r"""The best :math:`b_1 - b_2` between two classes.

    .. math:: b_1 - b_2 = \frac{2 \sigma^2}{m_1 + m_2} \ln\frac{\pi_1}{\pi_2} - \frac{m_1 - m_2}{2}

    Their difference of scores has the means :math:`m_1`, :math:`-m_2` and the variance :math:`2 \sigma^2`; the
    threshold is where both densities, weighted by the prior, agree.

    Parameters
    ----------
    prior : of both classes, > 0, with sum 1.
    mean : of both, with a positive sum.
    sigma : > 0.

    Examples
    --------
    >>> round(pair_offset([0.5, 0.5], [2.0, 1.0], 1.0), 3)
    -0.5
    """
    if np.ndim(sigma):
        raise ValueError(f"sigma={sigma} must be one number: best_offsets takes noises that differ")
    (m, _), log_p = _signals(mean, sigma, 2), log_prior(prior, 2)
    if not m.sum() > 0:
        raise ValueError(f"mean={mean} must have a positive sum")
    return float(2.0 * sigma**2 / m.sum() * (log_p[0] - log_p[1]) - (m[0] - m[1]) / 2.0)


def first_offsets(log_p: Array, mean: Array, noise: Array) -> Array:
    r"""Offsets that are best for means and noises that agree, and for two classes that are nearly equal.

    .. math:: b_k = \frac{\sigma_k^2}{m_k} \ln \pi_k - \frac{m_k}{2}
    """
    return noise**2 / mean * log_p - mean / 2.0


def guessed_offsets(log_p: Array, mean: Array, noise: Array) -> list[Array]:
    """Offsets in closed form, (K,) each, one of which is mostly near the best, and on its hill.

    Nothing; what makes leads alike; logarithms of the prior in units of the noise, and by :func:`nmc_offsets` of a
    class between all; sums of these; and :func:`first_offsets`.
    """
    alike, usual, bayes = -mean / 2.0, np.mean(noise) * log_p, np.mean(noise**2) / np.mean(mean) * log_p
    first = first_offsets(log_p, mean, noise)
    return [0.0 * mean, alike, usual, usual + alike, bayes, bayes + alike, first]


class NoFlatPlace(ValueError):
    """A search that has not ended where accuracy is flat."""


def best_offsets(prior: ArrayLike, mean: ArrayLike, noise: ArrayLike) -> Array:
    r"""Offsets with the largest accuracy :math:`\sum_k \pi_k \mathrm{Acc}_k` in the average over a prior, summing to 0.

    Where all means and noises agree they are :func:`nmc_offsets`, up to a constant. Otherwise they are the best of
    several climbs, or leave a class out where that is better: no better ones are near, and elsewhere there may be.
    With noises that differ it can be best never to choose a class: its offset then comes out so low that it is not.

    Parameters
    ----------
    prior : K numbers > 0 with sum 1.
    mean, noise : as in :func:`offset_accuracy`, positive.

    Raises
    ------
    ValueError : numbers that are not as above; NoFlatPlace : no climb ends at a flat place.

    Examples
    --------
    >>> float(np.ptp(best_offsets([0.5, 0.5], [2.0, 1.0], 1.0)).round(6))
    0.5
    """
    log_p = log_prior(prior)
    m, s = _signals(mean, noise, log_p.size)
    if not np.all(m > 0):
        raise ValueError(f"mean={mean} must be positive")
    guesses = sorted(guessed_offsets(log_p, m, s), key=lambda b: float(logsumexp(log_p + _logs(m, s, b).error)))
    starts = guesses[: 4 if np.ptp(s) > 0 else 2]  # more hills where noises differ
    found = min((_climbed(log_p, m, s, start) for start in starts), key=lambda end: end.error)
    if not found.error < np.inf:
        raise NoFlatPlace(f"prior={prior}, mean={mean}, noise={noise}: no best offsets found")
    for k in np.flatnonzero(log_p < found.error):  # of a class that is left out all is lost
        without = found.offsets.copy()
        without[k] = without.max() - m.max() - CERTAIN * s.max()
        if logsumexp(log_p + _logs(m, s, without).error) < found.error:
            found = min(found, _climbed(log_p, m, s, without), key=lambda end: end.error)
    return found.offsets - found.offsets.mean()


class _Climb(NamedTuple):
    """Where a climb has ended."""

    offsets: Array
    error: float
    """Logarithm of the error in the average over the prior; infinite where it is not flat."""


def _climbed(log_p: Array, m: Array, s: Array, start: Array) -> _Climb:
    """From some offsets to where the logarithm of the error in the average over a prior is flat, by BFGS.

    Under little noise that has kinks, nearly. So it is climbed under more noise first.
    """

    def errs(b: Array) -> tuple[float, Array]:
        logs = _logs(m, noise, b)
        error = logsumexp(log_p + logs.error)
        return float(error), np.exp(log_p[:, None] + logs.losses - error)

    def scaled(y: Array) -> tuple[float, Array]:
        error, losses = errs(scale * y)
        return error, scale * (losses.sum(axis=0) - losses.sum(axis=1))

    offsets = start
    for noise in _calming(m, s):
        _, losses = errs(offsets)
        ties = losses.sum(axis=0) + losses.sum(axis=1)
        curvature = ties * np.maximum(1.0 / noise, ties)
        scale = 1.0 / np.sqrt(np.maximum(curvature, 1e-6 * curvature.max() + 1e-12))
        found = minimize(scaled, offsets / scale, jac=True, method="BFGS", options={"gtol": 1e-7, "maxiter": 2000})
        offsets = scale * found.x
    return _Climb(offsets, float(found.fun) if np.max(np.abs(found.jac)) < 1e-6 else np.inf)


def _calming(m: Array, s: Array) -> Iterator[Array]:
    """Noises, from where mistakes are about as rare as 1e-8 down to those that are given."""
    for power in range(max(0, int(np.ceil(np.log(m.max() / s.max() / 8.0) / np.log(2.0)))), -1, -1):
        yield 2.0**power * s


def bayes_scores(scores: ArrayLike, prior: ArrayLike, mean: ArrayLike, noise: ArrayLike) -> Array:
    r"""The scores whose largest is the best decision that the K scores of a rule allow.

    .. math:: \frac{m_k s_k}{\sigma_k^2} - \frac{m_k^2}{2 \sigma_k^2} + \ln \pi_k
              - \frac{|s|^2}{2 \sigma_k^2} - K \ln \sigma_k

    the last two terms, which are the same for all classes if the noises are, included: the logarithm of the prior times
    the density of the scores, up to a constant.

    Parameters
    ----------
    scores : s, (..., K).
    prior : K numbers > 0 with sum 1.
    mean, noise : as in :func:`offset_accuracy`.

    Returns
    -------
    (..., K) float64.

    Examples
    --------
    >>> bayes_scores([1.0, 1.5], [0.5, 0.5], [2.0, 1.0], 1.0).round(4)
    array([-2.3181, -1.3181])
    """
    log_p, s = log_prior(prior), np.asarray(scores, dtype=np.float64)
    if s.shape[-1:] != log_p.shape:
        raise ValueError(f"scores of shape {s.shape} must be (..., K) with K={log_p.size}, as the prior has")
    m, sigma = _signals(mean, noise, log_p.size)
    far = np.sum(s * s, axis=-1, keepdims=True) - 2.0 * m * s + m * m
    return log_p - far / (2.0 * sigma**2) - log_p.size * np.log(sigma)


def offsets_are_bayes(mean: ArrayLike, noise: ArrayLike) -> bool:
    r"""Whether some offsets make a rule Bayes on its own scores, for every prior: all means and all noises agree.

    Bayes weighs score k by :math:`m_k / \sigma_k^2` (:func:`bayes_scores`), offsets weigh all alike. For NMC that is so
    if all features have one norm; for RCR all skews must agree as well
    (:func:`~theory.multicenter.geometry.equal_skew_angles`). With one class there is nothing to decide.
    """
    m, s = _signals(mean, noise)
    return bool(np.ptp(m) <= 1e-12 * np.max(np.abs(m)) and np.ptp(s) <= 1e-12 * s.max())


class Minimax(NamedTuple):
    """Offsets against the worst prior."""

    offsets: Array
    """Summing to 0, (K,)."""
    prior: Array
    """The worst one, (K,): these offsets are a flat place of the accuracy in its average."""
    accuracy: float
    """Of every class, and so under every prior."""


def minimax_offsets(mean: ArrayLike, noise: ArrayLike) -> Minimax:
    r"""Offsets at which all classes have the same accuracy, and the prior for which they are stationary.

    The accuracies' derivatives by the offsets are a matrix with rows that sum to 0, positive on the diagonal and
    negative elsewhere. So there is one prior with

    .. math:: \sum_k \pi_k \frac{\partial \mathrm{Acc}_k}{\partial b_j} = 0 \text{ for all } j,

    and it is positive. Raising the accuracy of every class at once is therefore impossible: to first order the average
    over that prior does not change. Without offsets the worst prior is on the class with the smallest
    :math:`m_k / \sigma_k`. Where all classes agree, as under NMC, the offsets are 0, and the worst prior is uniform.

    Parameters
    ----------
    mean, noise : as in :func:`offset_accuracy`; at least two classes.

    Examples
    --------
    >>> found = minimax_offsets([2.0, 1.0], 1.0)
    >>> found.offsets.round(3), found.prior.round(3), round(found.accuracy, 3)
    (array([-0.25,  0.25]), array([0.5, 0.5]), 0.856)
    """
    m, s = _signals(mean, noise)
    if m.size < 2:
        raise ValueError(f"mean={mean} is of one class: there is nothing to decide")

    back = np.vstack([np.eye(m.size - 1), -np.ones(m.size - 1)])  # offsets that sum to 0

    def unequal(rest: Array) -> tuple[Array, Array]:
        logs = _logs(m, s, back @ rest)
        odds, slopes = logs.accuracy - logs.error, logs.slopes(logs.accuracy + logs.error) @ back
        return odds[:-1] - odds[-1], slopes[:-1] - slopes[-1]

    found = root(unequal, -(m - m.mean())[:-1] / 2.0, jac=True, method="hybr", options={"xtol": 1e-13})
    # logarithms of odds are as large as (m / s)^2, and rounded as such
    rounding = 4.0 * np.finfo(float).eps * np.max(m / s) ** 2
    if not np.max(np.abs(found.fun)) < 1e-8 + rounding:
        raise ValueError(f"mean={mean}, noise={noise}: no offsets that make all classes alike found, {found.message}")
    offsets = back @ found.x
    logs = _logs(m, s, offsets)
    slopes = logs.slopes(logs.error)
    balance = np.vstack([slopes.T / np.abs(slopes).max(), np.ones(m.size)])
    prior = np.maximum(np.linalg.lstsq(balance, np.eye(m.size + 1)[-1], rcond=None)[0], 0.0)  # rounding may leave less
    return Minimax(offsets, prior / prior.sum(), float(np.mean(np.exp(logs.accuracy))))
