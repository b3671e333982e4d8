r"""Angles, Gram spectra and dimension of a multi-center frame. Definitions: free for every package to use.

A frame gives class :math:`k` one classifier vector :math:`w_k` and :math:`f_k` centers

.. math:: w_j^{(k)} = \cos\theta\, v_j^{(k)} + \sin\theta\, w_k, \qquad j = 1, \dots, f_k,

where all :math:`v_j^{(k)}` and :math:`w_k` are mutually orthogonal and :math:`|v_j^{(k)}| = |w_k|`. With
:math:`\bar w^{(k)}` the mean of the centers of class :math:`k`, everything below follows from
:math:`\langle w_i^{(k)}, w_j^{(k)} \rangle = (\cos^2\theta\, \delta_{ij} + \sin^2\theta)\, |w_k|^2`
(paper, definition 3.2). Arguments broadcast.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

DEGENERATE = 1e-14
"""Squared size, relative to that of the centers, below which differences of centers are rounding and count as none."""


def squares(theta: ArrayLike) -> tuple[Array, Array]:
    r""":math:`\cos^2\theta` and :math:`\sin^2\theta`, exactly 0 and 1 where the first is below :data:`DEGENERATE`.

    There the centers of a class coincide. The nearest double to pi/2 has a cosine of 6e-17; taken at its word it would
    turn algebraic collapse into exponential collapse with a rate of 1e-33.

    Parameters
    ----------
    theta : angle between auxiliary vectors and centers, radians, in [0, pi/2].

    Raises
    ------
    ValueError : ``theta`` outside [0, pi/2] or not finite.
    """
    angle = np.asarray(theta, dtype=np.float64)
    if not np.all((angle >= 0) & (angle <= np.pi / 2)):
        raise ValueError(f"theta={theta} is outside [0, pi/2]")
    cos2, sin2 = np.cos(angle) ** 2, np.sin(angle) ** 2
    coincide = cos2 < DEGENERATE
    return np.where(coincide, 0.0, cos2), np.where(coincide, 1.0, sin2)


def squared_cosine(theta: ArrayLike) -> Array:
    """The first of :func:`squares`."""
    return squares(theta)[0]


def _counts(f: ArrayLike) -> Array:
    counts = np.asarray(f, dtype=np.float64)
    if not np.all(counts >= 1) or not np.all(np.isfinite(counts)):
        raise ValueError(f"f={f} must be at least 1: a class without a center has no direction to collapse to")
    return counts


def center_cosine(f: ArrayLike, theta: ArrayLike) -> Array:
    r"""Cosine of the angle between a class's mean center and each of its centers.

    .. math:: c = \cos\alpha = \sqrt{\cos^2\theta / f + \sin^2\theta} = |\bar w^{(k)}| / |w_k|

    Parameters
    ----------
    f : number of centers of the class, >= 1.
    theta : radians, in [0, pi/2].

    Returns
    -------
    float64 array of the broadcast shape, in [1/sqrt(f), 1].

    Examples
    --------
    >>> round(float(center_cosine(20, 0.2)), 6)
    0.295797
    """
    cos2, sin2 = squares(theta)
    return np.sqrt(cos2 / _counts(f) + sin2)


def center_gap(f: ArrayLike, theta: ArrayLike) -> Array:
    r"""How far the centers are from their mean direction, without cancellation.

    .. math:: 1 - c = \frac{\cos^2\theta\,(f - 1)/f}{1 + c}

    It is 0 exactly when the centers of the class coincide (``f = 1`` or ``theta = pi/2``), the case in which
    collapse is algebraic; see :func:`theory.multicenter.flows.nc_rate`.
    """
    counts = _counts(f)
    return squared_cosine(theta) * (counts - 1.0) / counts / (1.0 + center_cosine(counts, theta))


def classifier_cosine(f: ArrayLike, theta: ArrayLike) -> Array:
    r"""Cosine of the angle between a class's mean center and its classifier vector.

    .. math:: \cos\rho = \frac{\sin\theta}{c} = \frac{\sqrt f \sin\theta}{\sqrt{\cos^2\theta + f \sin^2\theta}}

    The appendix of the paper prints ``f`` for ``sqrt(f)`` in the numerator, which can exceed 1.

    Examples
    --------
    >>> round(float(classifier_cosine(20, 0.2)), 6)
    0.67164
    """
    cos2, sin2 = squares(theta)
    return np.sqrt(sin2 / (cos2 / _counts(f) + sin2))


def equal_skew_angles(f: ArrayLike, reference: float, theta: float) -> Array:
    r"""Angles at which every class has the same cosine between mean center and classifier.

    .. math:: \tan\theta_k = \sqrt{f / f_k}\, \tan\theta

    :math:`\cos\rho` depends on f and theta through :math:`\sqrt f \tan\theta` alone (:func:`classifier_cosine`), so
    that a class with :math:`f_k` centers at :math:`\theta_k` has the skew of one with f centers at :math:`\theta`.

    Parameters
    ----------
    f : centers of each class, >= 1.
    reference : f, number of centers (a mean may be fractional) whose skew at ``theta`` all classes get.
    theta : radians, in [0, pi/2].

    Examples
    --------
    >>> classifier_cosine([2, 8, 4], equal_skew_angles([2, 8, 4], 4, 0.3)).round(6).tolist()
    [0.526124, 0.526124, 0.526124]
    """
    counts, (cos2, sin2) = _counts(f), squares(theta)
    return np.arctan2(np.sqrt(reference * sin2), np.sqrt(counts * cos2))


def class_gram(f: int, theta: float) -> Array:
    r"""Gram matrix (f, f) of one class's unit centers: :math:`\cos^2\theta\, I + \sin^2\theta\, 1 1^\top`."""
    cos2, sin2 = squares(theta)
    return cos2 * np.eye(f) + sin2 * np.ones((f, f))


def gram_eigenvalues(f: ArrayLike, theta: ArrayLike) -> tuple[Array, Array]:
    r"""Eigenvalues of :func:`class_gram`: :math:`f c^2` once (along the mean center), :math:`\cos^2\theta` else.

    Returns
    -------
    (mean, difference) : the second one belongs to the f - 1 differences of centers.
    """
    counts, cos2, sin2 = np.broadcast_arrays(_counts(f), *squares(theta))
    return cos2 + counts * sin2, cos2.copy()


def minimum_dimension(centers: Sequence[int]) -> int:
    r"""Smallest feature dimension that holds a multi-center frame: :math:`F + K` (definition 3.2).

    The definition in the paper asks for more than (f + 1) K; its theorems, rightly, for at least that.

    Examples
    --------
    >>> minimum_dimension([20] * 10)
    210
    """
    return int(sum(centers)) + len(centers)
