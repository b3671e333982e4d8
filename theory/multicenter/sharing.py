r"""What centers and angle are to a network, whose classes share one step size: a weight, a target, a pull. (New.)

A unit feature has the product s with its mean direction :math:`u_k` and a part of length g in the span of the
differences of its class's centers. Its cosine loss depends on these alone:

.. math:: \beta_k \sum_j (\langle w_j, h \rangle - 1)^2 = \beta_k f_k (1 - c_k s)^2 + \beta_k \cos^2\theta\, g^2

So the number of centers enters through the weight :math:`\beta_k f_k c_k^2` of :math:`(1 / c_k - s)^2`, the target
:math:`1 / c_k` and the pull out of the differences. A factor that all classes have in common is a learning rate.
"""

import numpy as np
from numpy.typing import ArrayLike

from theory.multicenter.flows import nc_rate
from theory.multicenter.geometry import Array, center_cosine, squares


def feature_loss(s: ArrayLike, g: ArrayLike, f: ArrayLike, theta: ArrayLike, beta: ArrayLike) -> Array:
    r"""Cosine loss of a feature of norm 1: :math:`\beta f (1 - c s)^2 + \beta \cos^2\theta\, g^2`.

    Parameters
    ----------
    s : product with the mean direction of its class, in [-1, 1].
    g : length of its part in the differences of the centers, in [0, 1].
    f, theta, beta : centers of the class, their angle in radians, weight.

    Examples
    --------
    >>> float(feature_loss(1.0, 0.0, 4, 0.0, 1.0))  # at its mean center: f (1 - c)^2 with c = 1/2
    1.0
    """
    missing = 1.0 - center_cosine(f, theta) * np.asarray(s)
    across, _ = squares(theta)
    return np.asarray(beta) * (np.asarray(f) * missing**2 + across * np.asarray(g) ** 2)


def shared_rate(f: ArrayLike, theta: ArrayLike, beta: ArrayLike) -> Array:
    r"""Rate of collapse of each class per step, in units of the step at which the steepest class overshoots, (K,).

    .. math:: \frac{4 \beta_k f_k c_k (1 - c_k)}{\max_j 2 \beta_j f_j c_j}

    The slope of the loss along the mean direction is :math:`2 \beta f c (1 - c s)`; the denominator is the largest of
    any class for features without a part along it. With equal classes it is :math:`2 (1 - c_k)`, which neither weights
    nor the number of centers enter but through :math:`c_k`. A conjecture about networks makes it of use: that
    the best learning rate goes like one over that slope.

    Parameters
    ----------
    f, theta, beta : of the K classes; theta and beta one for all or one for each.

    Examples
    --------
    >>> shared_rate([1, 16], 0.5, 1.0).round(3)
    array([0.   , 0.946])
    """
    steepest = np.max(2.0 * np.asarray(beta) * np.asarray(f) * center_cosine(f, theta))
    return np.asarray(nc_rate(f, theta, beta) / steepest)
