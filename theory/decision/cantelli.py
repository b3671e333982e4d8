r"""How often the nearest mean is wrong, from means and variances alone: nothing of a distribution is assumed.

A rule by scores gives a feature of class k to class j only if the lead :math:`s_k - s_j` is not positive. With mean m
and variance v of that lead on the class, Cantelli's inequality bounds the probability, and a sum over j bounds the
error. It holds for any features, of a population or of a sample (then of this very sample): an inequality and no
prediction, so that measurement may use it too.
"""

import numpy as np
from numpy.typing import ArrayLike

from theory.decision.positive import nonnegative
from theory.multicenter.geometry import Array


def tail_bound(variance: ArrayLike, distance: ArrayLike) -> Array:
    r"""Largest probability that a number falls short of its mean by t or more: :math:`v / (v + t^2)`, 1 for t <= 0.

    No larger one is possible, and a law of two values reaches it (Cantelli 1928).

    Parameters
    ----------
    variance : v >= 0.
    distance : t.

    Raises
    ------
    ValueError : a variance that is negative, or not finite.

    Examples
    --------
    >>> tail_bound(1.0, [0.0, 1.0, 3.0])
    array([1. , 0.5, 0.1])
    """
    v, t = np.broadcast_arrays(nonnegative("variance", variance), np.asarray(distance, dtype=np.float64))
    square = np.maximum(t, 0.0) ** 2
    return np.divide(v, v + square, out=np.ones_like(square), where=square > 0)


def error_bound(variances: ArrayLike, leads: ArrayLike) -> Array:
    r"""Largest share of each class that a rule by scores can get wrong.

    .. math:: 1 - \mathrm{Acc}_k \le \min\Big(1, \sum_{j \ne k} \frac{v_{kj}}{v_{kj} + m_{kj}^2}\Big)

    For the nearest mean the lead of class k over j is, up to a factor, the coordinate on the line between the means:
    :math:`m_{kj} = |\mu_k - \mu_j| / 2` with the variance along it. For classifier vectors it is
    :math:`\langle w_k - w_j, z \rangle + b_k - b_j`.

    Parameters
    ----------
    variances, leads : (K, K), v and m of the lead of class k over class j on features of class k; those of a class
        over itself are ignored.

    Returns
    -------
    (K,) float64, in [0, 1].

    Examples
    --------
    >>> error_bound([[0, 1.0], [4.0, 0]], [[0, 3.0], [3.0, 0]]).round(3)
    array([0.1  , 0.308])
    """
    terms = tail_bound(variances, leads)
    np.fill_diagonal(terms, 0.0)
    return np.minimum(terms.sum(axis=1), 1.0)
