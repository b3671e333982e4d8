r"""Test features that are not where training left them: accuracy under a shift of size :math:`\varepsilon`.

Features of class k are :math:`r u_k + \sigma g + s` with any shift :math:`|s| \le \varepsilon`, which may depend on the
feature. RCR and the nearest mean (NMC) decide by half-spaces; at its mean center a class is
:math:`R = r \cos\rho / \sqrt2` away from each of its K - 1 boundaries (NMC: :math:`\cos\rho = 1`).
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from theory.decision.positive import nonnegative, positive, whole
from theory.multicenter.geometry import Array


def shifted_accuracy_bound(radius: ArrayLike, size: ArrayLike, sigma: ArrayLike, n_classes: ArrayLike) -> Array:
    r"""Least accuracy of a class under any shift of that size.

    .. math:: \mathrm{Acc}_k \ge 1 - (K - 1)\, \Phi\Big({-\frac{R - \varepsilon}{\sigma}}\Big)

    by a sum over the boundaries; two classes have equality, for the shift straight to the boundary.

    Parameters
    ----------
    radius : R >= 0, distance of the mean center from the boundaries.
    size : :math:`\varepsilon` >= 0.
    sigma : standard deviation of the noise in each direction, > 0.
    n_classes : K >= 1.

    Returns
    -------
    float64 of the broadcast shape, at least 0.

    Raises
    ------
    ValueError : a number that is not as above.

    Examples
    --------
    >>> shifted_accuracy_bound(0.7, [0.0, 0.2, 0.7], 0.2, 10).round(4)
    array([0.9979, 0.9441, 0.    ])
    """
    room = (nonnegative("radius", radius) - nonnegative("size", size)) / positive("sigma", sigma)
    return np.maximum(1.0 - (whole("n_classes", n_classes) - 1.0) * ndtr(-room), 0.0)


def attacked_lead(radius: ArrayLike, size: ArrayLike, sigma: ArrayLike) -> Array:
    r"""What is left of the lead if every feature moves by :math:`\varepsilon` to its nearest boundary, over the noise.

    .. math:: a = \frac{\sqrt2\, (R - \varepsilon)}{\sigma}, \qquad
              \mathrm{Acc}_k = P\big(a + g_k > \max_{j \ne k} g_j\big) = \int \varphi(t)\, \Phi(t + a)^{K - 1}\, dt

    The lead over class j is :math:`\sqrt2` times the distance of that boundary, so the least of them, and with it the
    accuracy, is exactly that of features without a shift whose lead is a. No shift of that size does worse.

    Parameters and errors as in :func:`shifted_accuracy_bound`; negative where the shift reaches beyond the boundary.
    """
    room = nonnegative("radius", radius) - nonnegative("size", size)
    return np.sqrt(2.0) * room / positive("sigma", sigma)


def attacked_norm(norm: ArrayLike, cosine: ArrayLike, size: ArrayLike) -> Array:
    r"""Norm of features without a shift that GCR decides no better than those of a given norm under any shift.

    .. math:: r' = r - \frac{\sqrt2\, \varepsilon}{c}

    A shift changes the difference of two orthogonal centers' scores by at most :math:`\sqrt2\, \varepsilon`. So each
    feature is right that would be with every lead, which is r c at first, smaller by that.

    Parameters
    ----------
    norm : r >= 0.
    cosine : c, between a center and the mean center, in (0, 1].
    size : :math:`\varepsilon` >= 0.

    Returns
    -------
    float64 of the broadcast shape; negative where nothing is promised.

    Examples
    --------
    >>> attacked_norm(1.0, [0.5, 1.0], 0.2).round(3)
    array([0.434, 0.717])
    """
    return nonnegative("norm", norm) - np.sqrt(2.0) * nonnegative("size", size) / positive("cosine", cosine)
