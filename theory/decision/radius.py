r"""How far a collapsed feature can be moved before its class changes, for each rule. (New.)

The feature is :math:`z = r u_k`, at its mean center, in a unit frame; distances are Euclidean, in feature space. Which
classes compete does not matter: all their vectors have unit length and are orthogonal to those of class k, so that
every other class is equally near, whatever its number of centers and its angle.
"""

import numpy as np
from numpy.typing import ArrayLike

from theory.decision.positive import nonnegative, positive, whole
from theory.multicenter.geometry import Array, center_cosine, classifier_cosine, squares


def nmc_radius(r: ArrayLike = 1.0) -> Array:
    r"""Nearest mean center: :math:`r / \sqrt 2`, no rule's is larger. The nearest point is :math:`r (u_k + u_j) / 2`.

    Examples
    --------
    >>> round(float(nmc_radius()), 3)
    0.707
    """
    return nonnegative("r", r) * np.sqrt(0.5)


def rcr_radius(f: ArrayLike, theta: ArrayLike, r: ArrayLike = 1.0) -> Array:
    r"""Regular rule: :math:`r \cos\rho / \sqrt 2`. The nearest point is :math:`r u_k - r \cos\rho\, (w_k - w_j) / 2`.

    Parameters
    ----------
    f : centers of the class, integers >= 1.
    theta : its angle, radians, in [0, pi/2].
    r : norm of the feature, >= 0.

    Examples
    --------
    >>> round(float(rcr_radius(20, 0.2)), 3)
    0.475
    """
    return nmc_radius(r) * classifier_cosine(whole("f", f), theta)


def gcr_radius(f: ArrayLike, theta: ArrayLike, r: ArrayLike = 1.0) -> Array:
    r"""Generalized rule: :math:`r c / \sqrt{1 + c^2}`, which falls with every further center.

    All centers of the class must fall behind one center :math:`w'` of another class. Averaged over the order of the
    class's own centers, a move is one along :math:`u_k` and :math:`w'`: see :func:`gcr_nearest`.

    Parameters are those of :func:`rcr_radius`.

    Examples
    --------
    >>> round(float(gcr_radius(20, 0.2)), 3)
    0.284
    """
    c = center_cosine(whole("f", f), theta)
    return nonnegative("r", r) * c / np.sqrt(1.0 + c * c)


def gcr_nearest(f: ArrayLike, theta: ArrayLike, r: ArrayLike = 1.0) -> tuple[Array, Array]:
    r"""The shortest move that changes the class under GCR: :math:`-a u_k + b w'`, with w' any center of another class.

    .. math:: a = \frac{r c^2}{1 + c^2}, \qquad b = \frac{r c}{1 + c^2}

    Parameters are those of :func:`rcr_radius`.

    Returns
    -------
    a, b
    """
    c = center_cosine(whole("f", f), theta)
    b = nonnegative("r", r) * c / (1.0 + c * c)
    return c * b, b


def rcr_advantage(f: ArrayLike, theta: ArrayLike) -> Array:
    r"""What RCR's squared radius exceeds GCR's by, for a feature of norm 1; it has the sign of

    .. math:: \sin^2\theta\, (1 + c^2) - 2 c^4 = \cos^2\theta\; \frac{(f - 1)(f - 2) \sin^2\theta - 2}{f^2} .

    Parameters are those of :func:`rcr_radius`.

    Returns
    -------
    The second expression, over :math:`2 c^2 (1 + c^2)`.
    """
    (cos2, sin2), n = squares(theta), whole("f", f)
    c2 = center_cosine(n, theta) ** 2
    return cos2 * ((n - 1.0) * (n - 2.0) * sin2 - 2.0) / n**2 / (2.0 * c2 * (1.0 + c2))


def rcr_wins_from(f: ArrayLike) -> Array:
    r"""The angle above which RCR has a larger radius than GCR: :math:`\sin^2\theta = 2 / ((f - 1)(f - 2))`.

    With f <= 3 centers that is at no angle, and pi/2 is returned, where all rules agree.

    Parameters
    ----------
    f : centers of the class, integers >= 1.

    Examples
    --------
    >>> rcr_wins_from([3, 4, 20]).round(3)
    array([1.571, 0.615, 0.077])
    """
    n = whole("f", f)
    return np.arcsin(np.sqrt(2.0 / np.maximum(2.0, (n - 1.0) * np.maximum(n - 2.0, 0.0))))


def noise_exponent(radius: ArrayLike, sigma: ArrayLike) -> Array:
    r"""How rare errors under little noise are: :math:`-\ln P(\text{error}) \sim R^2 / 2 \sigma^2` as sigma falls to 0.

    Parameters
    ----------
    radius : R >= 0, of any rule.
    sigma : standard deviation of the noise in each direction, > 0.
    """
    return 0.5 * (nonnegative("radius", radius) / positive("sigma", sigma)) ** 2
