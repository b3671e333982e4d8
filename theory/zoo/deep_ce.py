"""Cross-entropy under M linear layers: collapse is not the minimum where pairs of opposite classes cost less."""

from collections.abc import Callable

import numpy as np
from scipy import optimize

from theory.zoo.theorem import DeepModel, Prediction, Theorem, balanced, deep_strength, plain, sizes

THEOREM = Theorem(
    row="14",
    source="Garrod and Keating 2025 (collapse is not optimal); values and criterion derived here",
    latex=r"""
        p = \frac{2}{M + 1}, \quad c = \frac{\bar\lambda}{p}, \quad
        \min \le \min_{a, b} \Big\{ \ln K, \;
        \ln(1 + (K - 1) e^{-a}) + c\, (K - 1) (\sqrt n a)^p, \;
        \ln(1 + e^{-2 b} + (K - 2) e^{-b}) + c\, \tfrac{K}{2} (2 \sqrt n b)^p \Big\}
    """,
    hypotheses="Equal sizes, even K, no bias, d >= K - 1. The second value is that of the collapse, the third one that "
    "of the orthoplex: classes in pairs of opposite ones, orthogonal to all others. Where the third one is the lowest, "
    "collapse is not the minimum; as lambda -> 0 it is lower than the second iff K (1 - 2^(p - 1)) > 1: M = 2, K >= 6, "
    "or M >= 3, K >= 4. What is stated is an upper bound: the minimum may be lower than all three, as it is for "
    "K = 16, M = 2, where the vertices of half a 5-cube beat the orthoplex. Only for K = 2 it is known to be the lower "
    "of the first two, and all dies by a jump.",
    verdict="new",
    derivations=("deep_ce",),
)

MODEL = "deep"


def _at(k: int, lam: float, layers: int = 2, **changes: object) -> dict[str, object]:
    return {"class_sizes": (5,) * k, "lam_w": lam, "lam_h": lam, "layers": layers, **changes}


TURN, DEADLY = 0.006877581, 0.1484961725
"""lambda of four classes of 5 samples, M = 2, where the last two values are equal; of two classes, where all dies."""

CASES = {
    "two classes": _at(2, 1e-2),
    "two classes, three unequal layers": _at(2, 1e-3, 3, lam_w=(1e-3, 4e-3, 2e-2)),
    "two classes, just alive": _at(2, 0.999 * DEADLY),
    "two classes, all dead": _at(2, 1.001 * DEADLY),
    "four classes, collapse is the lower one": _at(4, 1e-3),
    "four classes, collapse is just the lower one": _at(4, 0.99 * TURN),
    "four classes, collapse is just not the minimum": _at(4, 1.01 * TURN),
    "four classes, more decay": _at(4, 2e-2),
    "four classes, three layers": _at(4, 1e-4, 3),
    "six classes": _at(6, 1e-4),
    "ten classes": _at(10, 2.0**-10),
    "ten classes, three layers": _at(10, 1e-4, 3),
    "ten classes, next to dead": _at(10, 5e-2),
}
BROKEN = _at(4, 2e-2, class_sizes=(12, 4, 3, 1))


def applies(model: DeepModel) -> bool:
    """Whether the hypotheses hold."""
    k = len(model.class_sizes)
    allowed = model.loss == "ce" and plain(model) and model.bias == "none" and balanced(model)
    return allowed and k % 2 == 0 and model.dim >= k - 1


def least(cost: Callable[[float], float]) -> float:
    """The minimum over all scales a >= 0: of the lowest points of a grid, each refined, and of 0."""
    grid = np.geomspace(1e-3, 1e3, 400)
    at = int(np.argmin([cost(a) for a in grid]))
    bounds = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
    found = optimize.minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-12})
    return min(cost(0.0), float(found.fun))


def power(layers: int) -> float:
    """p = 2 / (M + 1)."""
    return 2.0 / (layers + 1)


def collapsed(a: float, k: int, n: float, layers: int, c: float) -> float:
    """The objective at Z = a P, which has K - 1 singular values a."""
    return float(np.log1p((k - 1) * np.exp(-a)) + c * (k - 1) * (np.sqrt(n) * a) ** power(layers))


def paired(b: float, k: int, n: float, layers: int, c: float) -> float:
    """The objective at Z = b (I - S), S the exchange within pairs, which has K / 2 singular values 2 b."""
    return float(
        np.log1p(np.exp(-2.0 * b) + (k - 2) * np.exp(-b)) + c * k / 2 * (2.0 * np.sqrt(n) * b) ** power(layers)
    )


def predict(model: DeepModel) -> Prediction:
    """See the formulas above, at the mean class size."""
    k, n, layers = len(model.class_sizes), float(sizes(model).mean()), model.layers
    c = deep_strength(model) / power(layers)
    collapse = least(lambda a: collapsed(a, k, n, layers, c))
    orthoplex = least(lambda b: paired(b, k, n, layers, c))
    said: dict[str, object] = {"collapse_value": collapse, "value_at_most": min(collapse, orthoplex)}
    if orthoplex < collapse and k > 2:  # for K = 2 it is the same
        said["collapsed"] = False
    if k == 2:
        # by convexity the mean loss is at least that of the mean margin tr(P Z), which sigma_1(Z) bounds
        said |= {"value": collapse, "learns": collapse < np.log(k)}
    return said
