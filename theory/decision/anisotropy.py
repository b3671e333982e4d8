r"""Noise that is not isotropic: what the nearest mean loses against the best linear rule.

Two classes have features :math:`N(\mu_k, \Sigma)` and :math:`N(\mu_j, \Sigma)`, :math:`\delta = \mu_k - \mu_j`. Both
rules cut space by a plane half-way between the means, the nearest mean (NMC) across :math:`\delta` and the linear
discriminant (LDA, Bayes) across :math:`\Sigma^{-1} \delta`. Errors fall like :math:`e^{-E}` as noise becomes small.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from theory.multicenter.geometry import Array


def nearest_mean_error(difference: ArrayLike, covariance: ArrayLike) -> float:
    r"""Probability that the other mean is nearer: :math:`\Phi(-|\delta|^2 / (2 \sqrt{\delta^\top \Sigma \delta}))`.

    Parameters
    ----------
    difference : :math:`\delta`, (d,), not 0.
    covariance : :math:`\Sigma`, (d, d), symmetric and positive definite.

    Raises
    ------
    ValueError : shapes that do not match, a difference of 0, a covariance that is not as above.
    """
    delta, sigma = _checked(difference, covariance)
    return float(ndtr(-(delta @ delta) / (2.0 * np.sqrt(delta @ sigma @ delta))))


def discriminant_error(difference: ArrayLike, covariance: ArrayLike) -> float:
    r"""The same of the best rule: :math:`\Phi(-\frac12 \sqrt{\delta^\top \Sigma^{-1} \delta})`."""
    delta, sigma = _checked(difference, covariance)
    return float(ndtr(-0.5 * np.sqrt(delta @ np.linalg.solve(sigma, delta))))


def exponent_ratio(difference: ArrayLike, covariance: ArrayLike) -> float:
    r"""Error exponent of NMC over that of LDA, in (0, 1]: how much of the noise it can stand.

    .. math:: \frac{E_{NMC}}{E_{LDA}} = \frac{|\delta|^4}{(\delta^\top \Sigma \delta)(\delta^\top \Sigma^{-1} \delta)}

    It is 1 exactly where :math:`\delta` is an eigenvector of :math:`\Sigma`. Arguments as in
    :func:`nearest_mean_error`.
    """
    delta, sigma = _checked(difference, covariance)
    delta = delta / np.abs(delta).max()  # only its direction counts
    return float((delta @ delta) ** 2 / ((delta @ sigma @ delta) * (delta @ np.linalg.solve(sigma, delta))))


def worst_exponent_ratio(condition: ArrayLike) -> Array:
    r"""The least that it can be: :math:`4 \kappa / (1 + \kappa)^2`, with the condition number of the covariance.

    That is Kantorovich's inequality, with equality for a difference half along each of the two extreme eigenvectors.
    It holds for any number of classes, since both exponents are then the least over pairs.

    Parameters
    ----------
    condition : largest over smallest eigenvalue of the covariance, >= 1.

    Examples
    --------
    >>> worst_exponent_ratio([1.0, 4.0, 100.0]).round(4)
    array([1.    , 0.64  , 0.0392])
    """
    kappa = np.asarray(condition, dtype=np.float64)
    if not np.all((kappa >= 1) & np.isfinite(kappa)):
        raise ValueError(f"condition={condition} must be finite and at least 1: largest over smallest eigenvalue")
    return 4.0 * kappa / (1.0 + kappa) ** 2


def _checked(difference: ArrayLike, covariance: ArrayLike) -> tuple[Array, Array]:
    delta, sigma = (np.asarray(each, dtype=np.float64) for each in (difference, covariance))
    if delta.ndim != 1 or sigma.shape != (delta.size, delta.size):
        raise ValueError(f"difference of shape {delta.shape} and covariance of {sigma.shape}: (d,) and (d, d) needed")
    if not (np.any(delta) and np.all(np.isfinite(delta))):
        raise ValueError("difference is 0, and so the classes have one mean, or not finite")
    alike = np.abs(sigma - sigma.T).max() <= 1e-12 * np.abs(sigma).max()  # which NaN is not
    if not alike or np.linalg.eigvalsh(sigma)[0] <= 0:
        raise ValueError("covariance is not symmetric and positive definite")
    return delta, sigma
