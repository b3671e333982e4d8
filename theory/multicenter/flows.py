r"""Gradient flows with a fixed frame, solved exactly: rates, laws and collapse times.

**Cosine loss.** Write :math:`h = r u` and split :math:`u` into :math:`x = \langle u, \bar w / |\bar w| \rangle`,
the norm :math:`y` of its part in the span of the differences of the class's centers, and the norm :math:`z` of
the rest. The directions of the last two parts never change, and in the sample's own time
(:mod:`theory.multicenter.clock`) the motion on the sphere is autonomous (:func:`reduced_field`). The neural collapse of
a sample is :math:`NC = |u - \bar w / |\bar w||^2 = 2 - 2x`.

**P.** The flow is linear with one rate per eigenspace of :math:`W^\top W` (:func:`mse_rates`).

Times are in units of the flow :math:`dh/dt = -\nabla_h`; none of this is in the paper.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp

from theory.multicenter.clock import flow_time
from theory.multicenter.geometry import Array, center_cosine, center_gap, gram_eigenvalues, squared_cosine
from theory.multicenter.minimum import mse_feature_norm


class Field(NamedTuple):
    """Velocity of the reduced coordinates in clock time."""

    x: Array
    y: Array
    z: Array


def reduced_field(x: ArrayLike, y: ArrayLike, z: ArrayLike, f: ArrayLike, theta: ArrayLike, beta: ArrayLike) -> Field:
    r"""The cosine flow on the sphere, three numbers instead of d.

    .. math::
        \dot x = 2\beta (f c - f c^2 x + q x), \quad
        \dot y = -2\beta (\cos^2\theta - q)\, y, \quad
        \dot z = 2\beta\, q\, z, \qquad q = f c^2 x^2 - f c x + \cos^2\theta\, y^2

    Hence :math:`y / z` decays as :math:`e^{-2 \beta \cos^2\theta\, \tau}` exactly, and :math:`x` only grows:
    :math:`\dot x = 2\beta (1 - x^2) [f c (1 - c x) + \cos^2\theta\, x\, y^2 / (y^2 + z^2)] \ge 0`.
    """
    x, y, z, f = (np.asarray(v, dtype=np.float64) for v in (x, y, z, f))
    c, cos2, rate = center_cosine(f, theta), squared_cosine(theta), 2.0 * np.asarray(beta)
    q = f * c**2 * x**2 - f * c * x + cos2 * y**2
    return Field(rate * (f * c - f * c**2 * x + q * x), -rate * (cos2 - q) * y, rate * q * z)


def gradient_bound(f: ArrayLike, theta: ArrayLike, beta: ArrayLike) -> Array:
    r"""Largest gradient of the cosine loss without its norm penalty at a feature of norm 1; divided by r at norm r.

    .. math:: |\nabla| \le \frac{2 \beta f c}{r}\, (1 + c s) \sqrt{1 - s^2}, \qquad s = \frac{2c}{1 + \sqrt{1 + 8 c^2}}

    It is attained at a cosine of -s with the mean center and no part in the differences of the centers. The factor
    after f c is between 1 (c = 0) and :math:`3 \sqrt 3 / 4` (c = 1). The paper (appendix F.1) bounds it by f c over the
    square of the norm.

    Examples
    --------
    >>> round(float(gradient_bound(1, 0.2, 1.0)), 6)
    2.598076
    """
    c, centers = center_cosine(f, theta), np.asarray(f, dtype=np.float64)
    s = 2.0 * c / (1.0 + np.sqrt(1.0 + 8.0 * c**2))
    return 2.0 * np.asarray(beta) * centers * c * (1.0 + c * s) * np.sqrt(1.0 - s**2)


def nc_rate(f: ArrayLike, theta: ArrayLike, beta: ArrayLike) -> Array:
    r"""Asymptotic rate of exponential collapse in clock time: :math:`NC \sim e^{-4 \beta f c (1 - c) \tau}`.

    It grows with every further center (in the limit linearly, :math:`4 \beta f \sin\theta (1 - \sin\theta)`, for
    theta > 0), which is why rare classes, which get more of them, collapse faster. At given f it is largest,
    :math:`\beta f`, at c = 1/2; for f < 4, which cannot reach that, at theta = 0. A start without a part outside the
    centers of its class is faster still. It is 0 when the centers coincide (``f = 1`` or ``theta = pi/2``); the loss is
    then quartic around its minimum and collapse algebraic: :func:`algebraic_nc`.
    """
    return 4.0 * np.asarray(beta) * np.asarray(f) * center_cosine(f, theta) * center_gap(f, theta)


def algebraic_nc(tau: ArrayLike, f: ArrayLike, beta: ArrayLike) -> Array:
    r"""Collapse when the centers of the class coincide: :math:`NC \sim 1 / (2 \beta f \tau)` for large clock time."""
    return 1.0 / (2.0 * np.asarray(beta) * np.asarray(f) * np.asarray(tau))


def _alignment(nc: float, opposite: float) -> float:
    """s with x = tanh(s) and NC = 2 - 2x = 4 - opposite: the coordinate in which collapse is asymptotically linear."""
    return 0.5 * float(np.log(opposite / nc))


def clock_to_nc(
    nc: float,
    nc0: float,
    f: int,
    theta: float,
    beta: float,
    *,
    tilt: float = 0.0,
    opposite: float | None = None,
    rtol: float = 1e-10,
) -> float:
    r"""Clock time that a sample needs from ``nc0`` down to ``nc``.

    With :math:`x = \tanh s`, that is :math:`s = \frac12 \ln\frac{4 - NC}{NC}`, the flow is
    :math:`\dot s = 2\beta [f c (1 - c \tanh s) + \cos^2\theta\, g \tanh s]` where :math:`g = y^2 / (y^2 + z^2)`.
    Without a part in the differences of the centers (:math:`g = 0`)

    .. math::
        \tau = \frac{1}{2 \beta f c (1 + c)} \Big[ \frac12 \ln\frac{4 - NC}{NC}
        + \frac{c}{1 - c} \ln\Big(1 + (1 - c) \frac{2 - NC}{NC}\Big) \Big]_{NC_0}^{NC} ,

    where the second term is :math:`(2 - NC) / NC` for c = 1; otherwise :math:`d\tau / ds` is integrated, which is one
    scalar equation.

    Parameters
    ----------
    nc, nc0 : target and initial neural collapse, 0 < nc <= nc0 < 4.
    f, theta, beta : the class: number of centers, angle in radians, weight.
    tilt : y0 / z0, the share of the initial direction in the differences of centers; may be ``inf``.
    opposite : 4 - nc0 to full accuracy, for starts next to the antipode.
    rtol : relative tolerance of the integration.

    Raises
    ------
    ValueError : ``nc`` and ``nc0`` not ordered as above (a start at the antipode, nc0 = 4, never moves); a
        negative tilt; a weight that is not positive.
    """
    away = 4.0 - nc0 if opposite is None else opposite
    if not (0.0 < nc <= nc0 <= 4.0 and away > 0.0):
        raise ValueError(f"nc={nc} and nc0={nc0} must satisfy 0 < nc <= nc0 < 4")
    if not (tilt >= 0.0 and beta > 0.0):
        raise ValueError(f"tilt={tilt} must be at least 0 and beta={beta} positive")
    c, gap, cos2 = float(center_cosine(f, theta)), float(center_gap(f, theta)), float(squared_cosine(theta))
    if tilt == 0.0 or f == 1 or cos2 == 0.0:

        def antiderivative(nc: float, opposite: float) -> float:
            stretch = (2.0 - nc) / nc
            bent = c / gap * np.log1p(gap * stretch) if gap > 0.0 else stretch
            return float(_alignment(nc, opposite) + bent)

        return (antiderivative(nc, 4.0 - nc) - antiderivative(nc0, away)) / (2.0 * beta * f * c * (1.0 + c))

    start, end = _alignment(nc0, away), _alignment(nc, 4.0 - nc)
    log_tilt = float(np.log(tilt))

    def seconds(s: float, tau: Array) -> Array:
        beyond = 2.0 / (1.0 + np.exp(2.0 * s))  # 1 - tanh s
        share = 1.0 / (1.0 + np.exp(-2.0 * (log_tilt - 2.0 * beta * cos2 * tau)))
        return 1.0 / (2.0 * beta * (f * c * (gap + c * beyond) + cos2 * share * (1.0 - beyond)))

    with np.errstate(over="ignore"):
        solution = solve_ivp(seconds, (start, end), [0.0], method="DOP853", rtol=rtol, atol=1e-14)
    return float(solution.y[0, -1])


def time_to_nc(
    nc: float,
    nc0: float,
    r0: float,
    f: int,
    theta: float,
    beta: float,
    lam: float,
    *,
    tilt: float = 0.0,
    opposite: float | None = None,
) -> float:
    """Flow time that a sample needs from ``nc0`` down to ``nc``: :func:`clock_to_nc`, read on the flow's clock.

    Parameters are those of :func:`clock_to_nc`, with the initial norm ``r0`` > 0 and the penalty ``lam`` >= 0.
    """
    target = clock_to_nc(nc, nc0, f, theta, beta, tilt=tilt, opposite=opposite)
    return float(flow_time(target, r0, lam))


def norm_penalty(t: ArrayLike, spread: ArrayLike, lam: ArrayLike) -> Array:
    r"""What is left of the norm penalty of some features at time t: :math:`\lambda \sum (r_0 - 1)^2 e^{-4 \lambda t}`.

    spread : :math:`\sum (r_0 - 1)^2` at the start.
    """
    return np.asarray(lam) * np.asarray(spread) * np.exp(-4.0 * np.asarray(lam) * np.asarray(t))


class Modes(NamedTuple):
    """Decay rates of P's flow, or the coordinates of a feature of one class, by eigenspace of the class."""

    mean: Array
    """Along its mean center."""
    difference: Array
    """On the differences of its centers."""
    null: Array
    """On everything orthogonal to the frame."""


def mse_rates(f: ArrayLike, theta: ArrayLike, total: ArrayLike, lam_h: ArrayLike, norm: ArrayLike = 1.0) -> Modes:
    r"""Rates of :math:`H(t) = H^* + e^{-t (W^\top W / S + \lambda_H I)} (H(0) - H^*)`.

    .. math::
        \frac{f c^2 s^2}{S} + \lambda_H, \qquad \frac{\cos^2\theta\, s^2}{S} + \lambda_H, \qquad \lambda_H

    With :math:`\lambda_H = 0` the null-space part of the initial features never decays, so there is no
    collapse to multiple centers unless it was 0: the paper's figure 4 as a formula.

    Parameters
    ----------
    f, theta : number of centers >= 1, angle in radians.
    total : :math:`S = \sum_k f_k n_k`.
    lam_h : weight of the feature norms, >= 0.
    norm : length :math:`s` of the centers.
    """
    mean, difference = gram_eigenvalues(f, theta)
    scale, floor = np.asarray(norm) ** 2 / np.asarray(total), np.asarray(lam_h, dtype=np.float64)
    return Modes(mean * scale + floor, difference * scale + floor, floor)


def mse_flow(
    t: ArrayLike,
    start: Modes,
    f: ArrayLike,
    theta: ArrayLike,
    total: ArrayLike,
    lam_h: ArrayLike,
    norm: ArrayLike = 1.0,
) -> Modes:
    r"""P's flow, solved: every coordinate relaxes to its target at the rate of its eigenspace.

    .. math:: a(t) = a^* + (a(0) - a^*)\, e^{-\mathrm{rate}\, t}

    with :math:`a^* = |h^*|` (:func:`theory.multicenter.minimum.mse_feature_norm`) along the class's own mean center
    and 0 elsewhere. (Coordinates on the centers of *other* classes decay to 0 at the rates of those classes.)

    Parameters
    ----------
    t : flow time, >= 0.
    start : coordinates at time 0.
    f, theta, total, lam_h, norm : as in :func:`mse_rates`.

    Examples
    --------
    >>> end = mse_flow(1e9, Modes(3.0, 1.0, 2.0), f=1, theta=0.2, total=1, lam_h=0.0)
    >>> float(end.mean), float(end.difference), float(end.null)
    (1.0, 0.0, 2.0)
    """
    rates, time = mse_rates(f, theta, total, lam_h, norm), np.asarray(t)
    target = mse_feature_norm(f, theta, total, lam_h, norm)
    return Modes(
        mean=target + (np.asarray(start.mean) - target) * np.exp(-rates.mean * time),
        difference=np.asarray(start.difference) * np.exp(-rates.difference * time),
        null=np.asarray(start.null) * np.exp(-rates.null * time),
    )


def nc_with_residue(norm: ArrayLike, residue: ArrayLike) -> Array:
    r"""Neural collapse of a feature :math:`|h^*|\, \bar w / |\bar w| + \nu` with :math:`\nu \perp \bar w`.

    .. math:: NC = 2 - 2 |h^*| / \sqrt{|h^*|^2 + |\nu|^2}

    Where P ends for ``lam_h = 0``, with :math:`\nu` the null-space part of the start.
    """
    norm, residue = np.asarray(norm, dtype=np.float64), np.asarray(residue, dtype=np.float64)
    length = np.hypot(norm, residue)
    return 2.0 * residue**2 / (length * (length + norm))
