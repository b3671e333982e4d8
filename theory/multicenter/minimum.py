r"""Global minimisers and optimal values, in closed form.

The cosine loss of a feature :math:`h = r u` (:math:`|u| = 1`) of a class with :math:`f` unit centers is

.. math:: L(h) = \beta \sum_j (\langle w_j, u \rangle - 1)^2 + \lambda (r - 1)^2 ,

and the paper's problem P (section 3), with features as columns of :math:`H` and :math:`S = \sum_k f_k n_k`, is

.. math:: P = \frac{1}{2S} |W H - Y|_F^2 + \frac{\lambda_W}{2} |W_0|_F^2 + \frac{\lambda_H}{2} |H|_F^2 .

With a fixed frame both are sums over samples, so the functions speak of one feature of one class. With a learned
frame (orthonormal directions and one length :math:`|w_k|` per class, all free) P still splits over classes once its
features are eliminated; the functions named ``learned_*`` speak of one class. Arguments broadcast.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from theory.multicenter.geometry import Array, center_cosine, center_gap, gram_eigenvalues, squared_cosine


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
        2 \beta f (c - \sin^2\theta) = 2 \beta f c (1 - c) + 2 \beta \cos^2\theta, \qquad
        2 \beta f c (1 - c), \qquad 2 \lambda

    Examples
    --------
    >>> cosine_curvatures(1, 0.2, beta=1.0, lam=0.1).outside == 0.0  # one center: quartic, not quadratic
    np.True_
    """
    scale = 2.0 * np.asarray(beta)
    outside = scale * np.asarray(f) * center_cosine(f, theta) * center_gap(f, theta)
    return Curvatures(outside + scale * squared_cosine(theta), outside, 2.0 * np.asarray(lam))


def mse_feature_norm(
    f: ArrayLike, theta: ArrayLike, total: ArrayLike, lam_h: ArrayLike, norm: ArrayLike = 1.0
) -> Array:
    r"""Norm of the features that minimise P with a fixed frame (corollary 3.7).

    Ridge regression puts every feature of the class on its mean center with

    .. math:: |h^*| = \frac{f c s}{f c^2 s^2 + \lambda_H S}

    At given f it is largest at :math:`c s = \sqrt{\lambda_H S / f}`.

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


def _positive(**weights: ArrayLike) -> None:
    for name, value in weights.items():
        if not np.all(np.asarray(value) > 0):
            raise ValueError(f"{name}={value} must be positive: without it P with a learned frame has no minimiser")


def projected_value(
    u: ArrayLike, f: ArrayLike, theta: ArrayLike, n: ArrayLike, total: ArrayLike, lam_h: ArrayLike, lam_w: ArrayLike
) -> Array:
    r"""One class's share of P with a learned frame, minimised over features: a function of :math:`u = |w_k|^2` alone.

    .. math:: \varphi_k(u) = \frac{n_k f_k \lambda_H / 2}{f_k c_k^2 u + \lambda_H S} + \frac{\lambda_W}{2} u ,
        \qquad \min_H P = \sum_k \varphi_k(|w_k|^2)

    Each term is strictly convex, so P has no spurious local minima, and :math:`P - \sum_k \varphi_k(u_k^*)` is the
    exact optimality gap of any iterate. (Variable projection; not in the paper.)

    Parameters
    ----------
    u : squared norm of the classifier vector, >= 0.
    f, theta : number of centers of the class >= 1, angle in radians.
    n : samples of the class, >= 1.
    total : :math:`S = \sum_k f_k n_k`.
    lam_h, lam_w : weights of features and classifier, > 0.

    Raises
    ------
    ValueError : a weight that is not positive.
    """
    _positive(lam_h=lam_h, lam_w=lam_w)
    mean, _ = gram_eigenvalues(f, theta)
    u, ridge = np.asarray(u), np.asarray(lam_h) * np.asarray(total)
    fit = 0.5 * np.asarray(n) * np.asarray(f) * np.asarray(lam_h) / (mean * u + ridge)
    return fit + 0.5 * np.asarray(lam_w) * u


def alive_threshold(f: ArrayLike, n: ArrayLike, total: ArrayLike, lam_h: ArrayLike, lam_w: ArrayLike) -> Array:
    r"""The cosine c above which a class survives a learned frame, and at or below which it collapses to 0.

    .. math:: c_k > \frac{S}{f_k} \sqrt{\frac{\lambda_W \lambda_H}{n_k}}

    In the balanced case this is :math:`c > K \sqrt{n \lambda_H \lambda_W}` (theorem 3.3). Theorem 3.4 lets *all*
    classes die where one does; in truth each has its own threshold, and those with few samples die first: minority
    collapse. Parameters are those of :func:`projected_value`.
    """
    _positive(lam_h=lam_h, lam_w=lam_w)
    return np.asarray(total) / np.asarray(f) * np.sqrt(np.asarray(lam_w) * np.asarray(lam_h) / np.asarray(n))


def natural_square_norm(f: ArrayLike, theta: ArrayLike, n: ArrayLike, lam_h: ArrayLike, lam_w: ArrayLike) -> Array:
    r"""What :func:`learned_square_norm` would be without its threshold: :math:`\sqrt{n \lambda_H / \lambda_W} / c`."""
    return np.sqrt(np.asarray(n) * np.asarray(lam_h) / np.asarray(lam_w)) / center_cosine(f, theta)


def learned_square_norm(
    f: ArrayLike, theta: ArrayLike, n: ArrayLike, total: ArrayLike, lam_h: ArrayLike, lam_w: ArrayLike
) -> Array:
    r"""The minimiser :math:`u_k^* = |w_k|^2` of :func:`projected_value` (theorems 3.3 and 3.4, class by class).

    .. math:: u^* = \max\Big(0, \sqrt{\frac{n \lambda_H}{\lambda_W}} \frac{1}{c} - \frac{\lambda_H S}{f c^2}\Big)

    0 is the limit of minimising sequences: a frame with that class has positive norms only.

    Examples
    --------
    >>> sizes = np.array([100, 10, 1])
    >>> learned_square_norm(1, 0.3, sizes, sizes.sum(), lam_h=2e-2, lam_w=3e-2).round(4)
    array([5.945, 0.362, 0.   ])
    """
    threshold = alive_threshold(f, n, total, lam_h, lam_w)
    c = center_cosine(f, theta)
    return natural_square_norm(f, theta, n, lam_h, lam_w) * np.maximum(0.0, (c - threshold) / c)


def balanced_feature_norm(square_norm: ArrayLike, n: ArrayLike, lam_h: ArrayLike, lam_w: ArrayLike) -> Array:
    r"""Norm of the features on which both penalties weigh alike: :math:`\lambda_W |w_k|^2 = n_k \lambda_H |h_k|^2`."""
    return np.sqrt(np.asarray(lam_w) * np.asarray(square_norm) / (np.asarray(n) * np.asarray(lam_h)))


def learned_feature_norm(
    f: ArrayLike, theta: ArrayLike, n: ArrayLike, total: ArrayLike, lam_h: ArrayLike, lam_w: ArrayLike
) -> Array:
    """Norm of the features of a class with a learned frame: :func:`balanced_feature_norm` at the minimum."""
    return balanced_feature_norm(learned_square_norm(f, theta, n, total, lam_h, lam_w), n, lam_h, lam_w)


def learned_minimum(
    f: ArrayLike, theta: ArrayLike, n: ArrayLike, total: ArrayLike, lam_h: ArrayLike, lam_w: ArrayLike
) -> Array:
    r"""Smallest share of a class in P with a learned frame: :math:`\varphi_k(u_k^*)`.

    .. math:: \frac{\sqrt{n \lambda_H \lambda_W}}{c} - \frac{\lambda_W \lambda_H S}{2 f c^2}
        \quad (\text{alive}), \qquad \frac{n f}{2 S} \quad (\text{dead})
    """
    return projected_value(learned_square_norm(f, theta, n, total, lam_h, lam_w), f, theta, n, total, lam_h, lam_w)
