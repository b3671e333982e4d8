r"""How far a test error can be from what training says, where the classifier is fixed: a bound by margins.

Features are :math:`h = A x` with :math:`|A|_F \le L` and inputs :math:`|x| \le X`, scores :math:`\langle w_k, h
\rangle` with orthonormal :math:`w_k` that are not trained. The margin of a sample is its own score less the best other
one. It changes by at most :math:`\sqrt2` times the change of all scores; Maurer's (2016) contraction for vectors adds
another :math:`\sqrt2`, and what is left is the Rademacher complexity of K linear maps that share A.
"""

import numpy as np
from numpy.typing import ArrayLike

from theory.decision.positive import nonnegative, positive, whole
from theory.multicenter.geometry import Array


def complexity(norm: ArrayLike, radius: ArrayLike, n_classes: ArrayLike, n: ArrayLike) -> Array:
    r"""Rademacher complexity of the scores: at most :math:`L X \sqrt{K / n}`.

    .. math:: \frac1n E \sup_{|A|_F \le L} \sum_{i, k} \varepsilon_{ik} \langle w_k, A x_i \rangle
              = \frac Ln E \Big| \sum_{i, k} \varepsilon_{ik} w_k x_i^\top \Big|_F
              \le \frac Ln \sqrt{K \textstyle\sum_i |x_i|^2}

    Jensen's inequality is all that is lost: little, if inputs fill several directions. A learned W costs more.

    Parameters
    ----------
    norm : L > 0, of A.
    radius : X > 0, largest norm of an input.
    n_classes : K >= 1.
    n : samples >= 1.

    Raises
    ------
    ValueError : a number that is not as above.
    """
    product = positive("norm", norm) * positive("radius", radius)
    return product * np.sqrt(whole("n_classes", n_classes) / whole("n", n))


def margin_bound(
    margin_error: ArrayLike,
    margin: ArrayLike,
    norm: ArrayLike,
    radius: ArrayLike,
    n_classes: ArrayLike,
    n: ArrayLike,
    delta: ArrayLike = 0.05,
) -> Array:
    r"""Bound on the error, with probability :math:`1 - \delta` over the n training samples, for every A at once.

    .. math:: P(\text{error}) \le \hat R_\gamma + \frac4\gamma L X \sqrt{\frac Kn} + 3 \sqrt{\frac{\ln(2/\delta)}{2n}}

    For class k alone n is :math:`n_k`, with its own margin, which at its mean center of norm r is
    :math:`r \cos\rho_k` under RCR; for all K classes at once :math:`\delta` is shared, :math:`\delta / K` each.

    Parameters
    ----------
    margin_error : share of the training samples with a margin below ``margin``, in [0, 1].
    margin : :math:`\gamma` > 0, chosen before the samples are seen.
    norm, radius, n_classes, n : as in :func:`complexity`.
    delta : in (0, 1).

    Returns
    -------
    float64 of the broadcast shape. More than 1 says nothing.

    Examples
    --------
    >>> round(float(margin_bound(0.02, 1.0, 1.0, 1.0, 10, 1_000_000)), 4)
    0.0367
    """
    share, doubt = nonnegative("margin_error", margin_error), positive("delta", delta)
    if np.any(share > 1) or np.any(doubt >= 1):
        raise ValueError(f"margin_error={margin_error} and delta={delta} must be at most 1, delta less")
    steep = 4.0 / positive("margin", margin) * complexity(norm, radius, n_classes, n)
    return share + steep + 3.0 * np.sqrt(np.log(2.0 / doubt) / (2.0 * whole("n", n)))


def margin_sum(margin: ArrayLike, n: ArrayLike) -> Array:
    r"""What margins and sizes of the classes make of the mean of :func:`margin_bound` over the classes.

    .. math:: \frac1K \sum_k \frac{1}{\gamma_k \sqrt{n_k}}

    Parameters
    ----------
    margin : :math:`\gamma_k` > 0, (..., K).
    n : samples of each class >= 1, (..., K).

    Returns
    -------
    float64, (...).

    Raises
    ------
    ValueError : a number that is not as above.
    """
    return np.mean(1.0 / (positive("margin", margin) * np.sqrt(whole("n", n))), axis=-1)
