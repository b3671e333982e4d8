"""Flow of cross-entropy, equal classes, from a small simplex: the exact time at which it has any size."""

import numpy as np
from scipy import integrate, optimize, special

from theory.zoo.ce_balanced import cost, margin, objective
from theory.zoo.theorem import Array, Flow, Prediction, Theorem, balanced, plain, sizes

MODEL = "flow"

THEOREM = Theorem(
    row="C",
    source="derived here (cf. Garrod, Keating and Thrampoulidis 2025)",
    latex=r"""
        Z = a(t) P, \quad \dot a = \frac{2 a}{\sqrt n} \Big( \frac{1}{e^a + K - 1} - c \Big), \quad
        c = \sqrt n \lambda + \delta / K ; \qquad c = 0: \quad
        t = \frac{\sqrt n}{2} \Big[ \mathrm{Ei}(a) - \mathrm{Ei}(a_0) + (K - 1) \ln \frac{a}{a_0} \Big]
    """,
    hypotheses="Equal sizes, K >= 2, lam_w = lam_h >= 0, no bias or a free one, d >= K - 1, smoothing delta; balanced "
    "start with Z = a_0 P, a_0 > 0. With c = 0 a grows for ever, like ln t; else it ends in the alpha of row 1.",
    verdict="new",
    derivations=("ce_flow_time",),
)

TIMES = (0.0, 1.0, 10.0, 30.0, 100.0, 1000.0)


def _simplex(k: int, size: float) -> Array:
    return size * (np.eye(k) - 1.0 / k)


def _flow(lam: float, *, k: int = 4, n: int = 6, size: float = 0.05, **changes: object) -> dict[str, object]:
    logits = tuple(map(tuple, _simplex(k, size).tolist()))
    return {"class_sizes": (n,) * k, "lam_w": lam, "lam_h": lam, "logits": logits, "times": TIMES, **changes}


CRITICAL = 1.0 / (4 * 6**0.5)
"""lambda at which everything dies."""

CASES = {
    "no decay": _flow(0.0, times=(*TIMES, 1e5)),
    "no decay, two classes, free bias": _flow(0.0, k=2, n=1, bias="free"),
    "decay": _flow(0.01),
    "decay, from above": _flow(0.01, size=6.0, dim=3),
    "smoothed labels, no decay": _flow(0.0, smoothing=0.1),
    "just below the threshold": _flow(0.99 * CRITICAL),
    "just above the threshold": _flow(1.01 * CRITICAL),
}
BROKEN = _flow(0.0, logits=((0.05, 0.0, 0.0, 0.0), (0.0, 0.02, 0.0, 0.0), (0.0, 0.0, 0.02, 0.0), (0.0, 0.0, 0.0, 0.01)))


def applies(model: Flow) -> bool:
    """Whether the hypotheses hold."""
    k = len(model.class_sizes)
    if model.loss != "ce" or not plain(model, smoothed=True) or model.bias not in ("none", "free"):
        return False
    size = _size(model)
    aligned = bool(np.abs(np.asarray(model.logits) - _simplex(k, size)).max() <= 1e-12 * size)
    return aligned and size > 0.0 and balanced(model) and model.lam_w == model.lam_h and model.dim >= k - 1 >= 1


def _size(model: Flow) -> float:
    """The own logit of the first class less another one."""
    return float(model.logits[0][0] - model.logits[0][1])


def time_without_decay(a: float, start: float, k: int) -> float:
    r""":math:`t / (\sqrt n / 2)` for c = 0, the integral of :math:`(e^a + K - 1) / a`."""
    return float(special.expi(a) - special.expi(start) + (k - 1) * np.log(a / start))


def size_at(time: float, start: float, k: int, c: float) -> float:
    r"""a at a time in units of :math:`\sqrt n / 2`: the root of its exact time.

    With c > 0 that is one integral. Where K c < 1, :math:`a = \alpha + x`, :math:`x = (a_0 - \alpha) e^{-u}`,
    :math:`t = \frac1c \int_0^u \frac{-x}{e^{-x} - 1} \frac{1 + (K - 1) e^{-a}}{a} du`; else :math:`a = a_0 e^{-u}`,
    :math:`t = \int_0^u du / (c - 1 / (e^a + K - 1))`.
    """
    if time == 0.0:
        return start
    if c == 0.0:
        last = max(2.0 * start, 1.0)
        while time_without_decay(last, start, k) < time:
            last += 5.0
        return float(optimize.brentq(lambda a: time_without_decay(a, start, k) - time, start, last, xtol=1e-15))
    end = margin(k, c)

    def size(u: float) -> float:
        return float(end + (start - end) * np.exp(-u))

    def pace(u: float) -> float:
        a = size(u)
        if not end:
            return float(1.0 / (c - 1.0 / (np.exp(a) + k - 1)))
        return float((1.0 + (k - 1) * np.exp(-a)) / (a * c * special.exprel(end - a)))

    def excess(u: float) -> float:
        return float(integrate.quad(pace, 0.0, u, epsabs=0.0, epsrel=1e-11, limit=200)[0]) - time

    last = 1.0
    while excess(last) < 0.0:
        last *= 2.0
    return size(float(optimize.brentq(excess, 0.0, last, xtol=1e-12, rtol=1e-13)))


def predict(model: Flow) -> Prediction:
    """See the formulas above."""
    k, n, c = len(model.class_sizes), float(sizes(model).mean()), cost(model)
    unit, start = np.sqrt(n) / 2.0, _size(model)
    a = np.array([size_at(t / unit, start, k, c) for t in model.times])
    projector = _simplex(k, 1.0)
    return {
        "value": objective(a, k, c),
        "logits": a[:, None, None] * projector,
        "weight_gram": np.sqrt(n) * a[:, None, None] * projector,
        "drift": np.zeros(len(a)),
    }
