"""Several labels at once, all sets of a size equally frequent: features of sets are scaled sums of those of labels."""

from itertools import combinations
from math import comb

import numpy as np
from scipy import optimize

from theory.zoo.theorem import Array, Model, Prediction, Theorem, plain, sizes, strength

THEOREM = Theorem(
    row="B",
    source="Li et al. 2024 (geometry); constants derived here",
    latex=r"""
        Z_S = a_m (1_S - m / K), \quad a_m (m e^{a_m} + K - m) = K \rho / (N \lambda), \quad
        \rho^2 = \sum_m n_m \binom{K - 2}{m - 1} a_m^2
    """,
    hypotheses="All sets of m labels have n_m samples each; cross-entropy summed over the labels of a set; d >= K - 1. "
    "All is dead iff lambda >= sqrt(sum_m n_m binom(K - 2, m - 1)) / N.",
    verdict="new",
    derivations=("multi_label",),
)


def _sets(k: int, counts: dict[int, int]) -> dict[str, object]:
    """Targets and sizes for n_m samples of every set of m labels."""
    chosen = [(set(s), n) for m, n in counts.items() for s in combinations(range(k), m)]
    targets = tuple(tuple(float(j in s) for j in range(k)) for s, _ in chosen)
    return {"class_sizes": tuple(n for _, n in chosen), "targets": targets}


def _threshold(k: int, counts: dict[int, int]) -> float:
    total = sum(n * comb(k, m) for m, n in counts.items())
    return float(np.sqrt(sum(n * comb(k - 2, m - 1) for m, n in counts.items()))) / total


SIZES = {1: 12, 2: 3}
BASE = {**_sets(4, SIZES), "lam_w": 1e-2, "lam_h": 1e-3}
CRITICAL = _threshold(4, SIZES)

CASES = {
    "one label and two": BASE,
    "up to three": {**BASE, **_sets(5, {1: 10, 2: 6, 3: 1})},
    "free bias": {**BASE, "bias": "free"},
    "just alive": {**BASE, "lam_w": 0.999 * CRITICAL, "lam_h": 0.999 * CRITICAL},
    "all dead": {**BASE, "lam_w": 1.001 * CRITICAL, "lam_h": 1.001 * CRITICAL},
}
BROKEN = {**BASE, "class_sizes": (24, *_sets(4, SIZES)["class_sizes"][1:])}  # type: ignore[index]


def _counts(model: Model) -> dict[int, int] | None:
    """n_m by m, if the targets are all sets of these sizes."""
    rows = [] if model.targets is None else [tuple(row) for row in model.targets]
    if not rows or not set(np.ravel(rows)) <= {0.0, 1.0} or len(set(rows)) != len(rows):
        return None
    k, found = len(rows[0]), {(int(sum(row)), n) for row, n in zip(rows, model.class_sizes, strict=True)}
    counts = dict(found)
    complete = len(counts) == len(found) and all(0 < m < k for m in counts)
    return counts if complete and len(rows) == sum(comb(k, m) for m in counts) else None


def applies(model: Model) -> bool:
    """Whether the hypotheses hold."""
    if model.loss != "ce" or model.bias not in ("none", "free") or not plain(model, "targets"):
        return False
    return _counts(model) is not None and model.targets is not None and model.dim >= len(model.targets[0]) - 1


def loss(a: Array, m: Array, k: int) -> Array:
    r"""Of a set of m labels with logits :math:`a (1_S - m / K)`: :math:`m (\ln(m e^a + K - m) - a)`."""
    return np.asarray(m * np.log1p(m - 1.0 + (k - m) * np.exp(-a)))


def predict(model: Model) -> Prediction:
    """See the formulas above; the scales a_m follow from one number rho, found by bisection."""
    y, n, lam = np.asarray(model.targets, dtype=np.float64), sizes(model), strength(model)
    k, total, m = y.shape[1], n.sum(), y.sum(1)
    # binom(K - 2, m - 1) sets of binom(K, m) tell two labels apart, m (K - m) / (K (K - 1)) of them
    share = n * m * (k - m) / (k * (k - 1))

    def scales(rho: float) -> np.ndarray:
        wanted = k * rho / (total * lam)
        # a (m e^a + K - m) rises in a: Newton's method in a from above converges
        a = np.log1p(wanted / m)
        for _ in range(60):
            e = m * np.exp(a)
            a = a - (a * (e + k - m) - wanted) / (e * (1.0 + a) + k - m)
        return np.asarray(a)

    def excess(rho: float) -> float:
        return float(share @ scales(rho) ** 2) / rho**2 - 1.0

    learns = lam < np.sqrt(share.sum()) / total
    small, large = 1e-9 * np.sqrt(share.sum()), np.sqrt(share.sum()) * (1.0 + np.log1p(1.0 / lam))
    rho = optimize.brentq(excess, small, large, xtol=1e-15, rtol=1e-15) if learns else 0.0
    a = scales(rho)
    logits = a[:, None] * (y - m[:, None] / k)
    scale = np.sqrt(model.lam_h / model.lam_w)
    return {
        "value": float(n @ loss(a, m, k) / total) + lam * (k - 1) * rho,
        "logits": logits,
        "learns": learns,
        "weight_gram": scale * rho * (np.eye(k) - 1.0 / k),
        "feature_gram": logits @ logits.T / scale / (rho if learns else 1.0),
    }
