r"""How to choose the angle, and who gets the centers: fastest collapse, largest margins, the best worst class. (New.)

Centers that give classes the margins of LDAM are :func:`theory.multicenter.centers.margin_centers`, angles that give
all classes the same skew :func:`theory.multicenter.geometry.equal_skew_angles`.
"""

import heapq

import numpy as np
from numpy.typing import ArrayLike

from theory.decision.normal import Counts
from theory.decision.positive import one_whole, positive, whole
from theory.multicenter.geometry import Array, classifier_cosine


def _fastest(f: ArrayLike, cosine: float) -> Array:
    r"""The angle at which c has a value, or 0 where c cannot be that small.

    .. math:: \sin^2\theta = \frac{f c^2 - 1}{f - 1}
    """
    counts = whole("f", f)
    beyond = np.maximum(0.0, cosine**2 * counts - 1.0)
    return np.arctan2(np.sqrt(beyond), np.sqrt((1.0 - cosine**2) * counts))


def fastest_angle(f: ArrayLike) -> Array:
    r"""The angle at which collapse is fastest if a class's weight beta does not depend on it: c = 1/2.

    .. math:: f c (1 - c) \to \max: \qquad \sin^2\theta^* = \frac{f / 4 - 1}{f - 1} \quad (f \ge 4)

    Fewer centers cannot make c that small: their best angle is 0. (For f = 1 all angles are alike: 0 is returned.)

    Parameters
    ----------
    f : centers of the class, integers >= 1.

    Examples
    --------
    >>> fastest_angle([4, 20]).round(3)
    array([0.   , 0.477])
    """
    return _fastest(f, 1.0 / 2.0)


def fastest_weighted_angle(f: ArrayLike) -> Array:
    r"""The same if the weight is the cosine c between center and mean center, as in the paper's trainings: c = 2/3.

    .. math:: f c^2 (1 - c) \to \max: \qquad \sin^2\theta^* = \frac{4 f / 9 - 1}{f - 1} \quad (f \ge 9/4)

    Parameters are those of :func:`fastest_angle`.

    Examples
    --------
    >>> fastest_weighted_angle([2, 3, 20]).round(3)
    array([0.   , 0.421, 0.7  ])
    """
    return _fastest(f, 2.0 / 3.0)


def fairest_centers(ratio: ArrayLike, total: int, theta: float) -> Counts:
    r"""Centers at a fixed sum for which the worst class does best under RCR.

    .. math:: \max_f \min_k A(r_k \cos\rho_k / \sigma_k)

    The accuracy of a class grows with its own centers and does not depend on those of others. So every center goes to
    the class that is worst at the moment, of several to the one with the fewest. For equal ratios all get the same, up
    to one.

    Parameters
    ----------
    ratio : :math:`r_k / \sigma_k`, K numbers > 0.
    total : F >= K.
    theta : radians, in [0, pi/2].

    Examples
    --------
    >>> fairest_centers([3.0, 3.0, 2.0], total=12, theta=0.3)
    array([3, 3, 6])
    """
    leads = positive("ratio", ratio)
    if leads.ndim != 1 or not leads.size:
        raise ValueError(f"ratio={ratio} must be one number per class: r / sigma")
    total = one_whole("total", total)
    if total < leads.size:
        raise ValueError(f"total={total} < {leads.size} classes: every class needs a center")
    counts = np.ones(leads.size, dtype=np.int64)
    queue = [(float(lead), 1, k) for k, lead in enumerate(leads * classifier_cosine(1, theta))]
    heapq.heapify(queue)
    for _ in range(total - leads.size):
        *_, k = queue[0]
        counts[k] += 1
        heapq.heapreplace(queue, (float(leads[k] * classifier_cosine(counts[k], theta)), int(counts[k]), k))
    return counts
