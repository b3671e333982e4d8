"""Unit features and weights, more classes than d + 1: weights are the best known codes of points on a sphere."""

import numpy as np
from scipy import optimize

from theory.zoo.theorem import Array, Prediction, Sphere, Theorem, balanced, cross_entropy

MODEL = "sphere"

THEOREM = Theorem(
    row="12",
    source="cf. Jiang et al. 2023, Alcala et al. 2026 (weights are codes), Cohn and Kumar 2007 (the codes); "
    "values and the temperature of Petersen's code derived here",
    latex=r"""
        h_k = w_k, \quad \min = \ln\big(1 + \sum_c m_c\, e^{\tau (c - 1)}\big) \text{ if each point has } m_c
        \text{ others at the cosine } c; \quad \text{if } K = 2 d\!: \ln(1 + e^{-2 \tau} + (2 d - 2) e^{-\tau})
    """,
    hypotheses="Equal sizes. Seen, not proved: no start of many ends lower. K = 2 d, polygons (d = 2), and (d, K) = "
    "(3, 12), (5, 16), (6, 27), (7, 56) at any temperature; (4, 120), (8, 240), (22, 100) are reached at tau = 10 and "
    "above; (4, 10) from 3.68 on, below which two pentagons in orthogonal planes are better.",
    verdict="new",
)

FIFTH, GOLDEN = 5.0**-0.5, (1.0 + 5.0**0.5) / 4.0

CODES = {
    (3, 12): {-1.0: 1, -FIFTH: 5, FIFTH: 5},
    (4, 10): {-2.0 / 3.0: 3, 1.0 / 6.0: 6},
    (4, 120): {-1.0: 1, -GOLDEN: 12, -0.5: 20, 0.5 - GOLDEN: 12, 0.0: 30, GOLDEN - 0.5: 12, 0.5: 20, GOLDEN: 12},
    (5, 16): {-0.6: 5, 0.2: 10},
    (6, 27): {-0.5: 10, 0.25: 16},
    (7, 56): {-1.0: 1, -1.0 / 3.0: 27, 1.0 / 3.0: 27},
    (8, 240): {-1.0: 1, -0.5: 56, 0.0: 126, 0.5: 56},
    (22, 100): {-4.0 / 11.0: 22, 1.0 / 11.0: 77},
}
"""By dimension and number of points: cosines with the others, and how many have them. Icosahedron, Petersen's code,
600-cell, the codes of Clebsch and Schlaefli, 28 equiangular lines, the roots of E8, and the code of Higman and Sims."""


def _polygon(k: int) -> Array:
    """Cosines of a point of a regular polygon with the others: cos(2 pi j / K)."""
    return np.cos(2.0 * np.pi * np.arange(1, k) / k)


def _cosines(d: int, k: int) -> Array:
    """Cosines of each point with the K - 1 others."""
    if d == 2:
        return _polygon(k)
    code = {-1.0: 1, 0.0: k - 2} if k == 2 * d else CODES[d, k]
    return np.repeat(list(code), list(code.values()))


def _pentagons_lose(temperature: float) -> float:
    """By how much: two pentagons in orthogonal planes have cosines 0 with the five points of the other."""
    pentagons = np.concatenate([_polygon(5), np.zeros(5)])
    pair = (cross_entropy(temperature, cosines)["value"] for cosines in (pentagons, _cosines(4, 10)))
    return float(np.subtract(*pair))


TURN = float(optimize.brentq(_pentagons_lose, 1.0, 10.0))
"""Temperature from which Petersen's code is the better one: 3.68."""


def _case(d: int, k: int, temperature: float) -> dict[str, object]:
    return {"class_sizes": (3,) * k, "dim": d, "temperature": temperature}


CASES = {
    "hexagon": _case(2, 6, 10.0),
    "octahedron": _case(3, 6, 1.0),
    "octahedron, losses of 1e-43": _case(3, 6, 100.0),
    "16-cell": _case(4, 8, 10.0),
    "icosahedron": _case(3, 12, 1.0),
    "icosahedron, losses of 1e-24": _case(3, 12, 100.0),
    "Petersen's code": _case(4, 10, 1.1 * TURN),
    "sixteen points in five dimensions": _case(5, 16, 10.0),
    "27 points in six dimensions": _case(6, 27, 10.0),
    "28 equiangular lines": _case(7, 56, 10.0),
}
BROKEN = _case(4, 10, 0.9 * TURN)


def applies(model: Sphere) -> bool:
    """Whether the hypotheses hold."""
    d, k = model.dim, len(model.class_sizes)
    listed = (d, k) in CODES or (k == 2 * d) or (d == 2 and k > 3)
    return balanced(model) and listed and ((d, k) != (4, 10) or model.temperature >= TURN)


def predict(model: Sphere) -> Prediction:
    """See the formulas above."""
    cosines = _cosines(model.dim, len(model.class_sizes))
    said = cross_entropy(model.temperature, cosines)
    return {**said, "largest_cosine": float(cosines.max()), "own_cosines": np.ones(len(model.class_sizes))}
