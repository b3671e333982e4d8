r"""Global minimisers and optimal values with a fixed frame, in closed form.

The cosine loss of a feature :math:`h = r u` (:math:`|u| = 1`) of a class with :math:`f` unit centers is

.. math:: L(h) = \beta \sum_j (\langle w_j, u \rangle - 1)^2 + \lambda (r - 1)^2 ,

and the paper's problem P (section 3), with features as columns of :math:`H` and :math:`S = \sum_k f_k n_k`, is

.. math:: P = \frac{1}{2S} |W H - Y|_F^2 + \frac{\lambda_W}{2} |W_0|_F^2 + \frac{\lambda_H}{2} |H|_F^2 .

Both are sums over samples, so the functions speak of one feature of one class; arguments broadcast.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from theory.geometry import Array, center_cosine, center_gap, gram_eigenvalues, squared_cosine


def cosine_minimum(f: ArrayLike, theta: ArrayLike, beta: ArrayLike) -> Array:
    r"""Smallest cosine loss of one feature: :math:`\beta f (1 - c)^2`, attained at the unit mean center.

    For :math:`\lambda > 0` the minimiser :math:`\bar w / |\bar w|` is unique; for :math:`\lambda = 0` its
    norm is free. On the sphere the loss has one other critical point, the maximum at the antipode: it is a
    trust-region problem whose linear term is the top eigenvector of its quadratic one. (The paper asserts the
    minimiser; the theorem is ours.)

    Parameters
    ----------
    f : number of centers of the class, >= 1.
    theta : radians, in [0, pi/2].
    beta : weight of the class, > 0.
    """
    return np.asarray(beta) * np.asarray(f) * center_gap(f, theta) ** 2


class Curvatures(NamedTuple):
    """Eigenvalues of the Hessian of the cosine loss at its minimiser, by subspace of feature space."""

    difference: Array
    """On the f - 1 differences of the class's centers."""
    outside: Array
    """On the directions orthogonal to all centers of the class: the slowest ones. 0 if the centers coincide."""
    radial: Array
    """Along the minimiser itself."""


def cosine_curvatures(f: ArrayLike, theta: ArrayLike, beta: ArrayLike, lam: ArrayLike) -> Curvatures:
    r"""Hessian of the cosine loss at the unit mean center.

    .. math::
        2 \beta f (c - \sin^2\theta), \qquad 2 \beta f c (1 - c), \qquad 2 \lambda

    Examples
    --------
    >>> cosine_curvatures(1, 0.2, beta=1.0, lam=0.1).outside == 0.0  # one center: quartic, not quadratic
    np.True_
    """
    c = center_cosine(f, theta)
    scale = 2.0 * np.asarray(beta) * np.asarray(f)
    sin2 = 1.0 - squared_cosine(theta)
    return Curvatures(
        difference=scale * (c - sin2), outside=scale * c * center_gap(f, theta), radial=2.0 * np.asarray(lam)
    )


def mse_feature_norm(
    f: ArrayLike, theta: ArrayLike, total: ArrayLike, lam_h: ArrayLike, norm: ArrayLike = 1.0
) -> Array:
    r"""Norm of the features that minimise P with a fixed frame (corollary 3.7).

    Ridge regression puts every feature of the class on its mean center with

    .. math:: |h^*| = \frac{f c s}{f c^2 s^2 + \lambda_H S}

    Parameters
    ----------
    f, theta : as in :func:`cosine_minimum`.
    total : :math:`S = \sum_k f_k n_k`.
    lam_h : weight of the feature norms, >= 0. At 0 this is the minimiser of smallest norm.
    norm : length :math:`s` of the class's centers, > 0.
    """
    c, s = center_cosine(f, theta), np.asarray(norm)
    counts = np.asarray(f)
    return counts * c * s / (counts * c**2 * s**2 + np.asarray(lam_h) * np.asarray(total))


def mse_minimum(f: ArrayLike, theta: ArrayLike, total: ArrayLike, lam_h: ArrayLike, norm: ArrayLike = 1.0) -> Array:
    r"""Smallest contribution of one feature to P with a fixed frame, without the constant :math:`|W_0|^2` term.

    .. math:: \frac{f \lambda_H / 2}{f c^2 s^2 + \lambda_H S}
    """
    mean, _ = gram_eigenvalues(f, theta)
    ridge = np.asarray(lam_h) * np.asarray(total)
    return 0.5 * np.asarray(f) * np.asarray(lam_h) / (mean * np.asarray(norm) ** 2 + ridge)
