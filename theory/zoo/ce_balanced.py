"""Cross-entropy, classes of equal size: weights and class means are a simplex equiangular tight frame of known size."""

import numpy as np

from theory.zoo.theorem import Array, Model, Prediction, Theorem, balanced, norms, plain, sizes, strength

THEOREM = Theorem(
    row="1",
    source="Zhu et al. 2021 (geometry); norms, value and threshold derived here",
    latex=r"""
        c = \sqrt n \lambda + \delta / K, \quad \alpha = \ln(1/c - (K - 1))_+, \quad
        Z = \alpha (I - 1 1^\top / K), \quad \min = \ln(1 + (K - 1) e^{-\alpha}) + c (K - 1) \alpha
    """,
    hypotheses="Equal sizes, K >= 2, no bias or a free one, d >= K - 1, smoothing delta. All is 0 unless K c < 1.",
    verdict="new",
    derivations=("ce_balanced",),
)

BASE = {"class_sizes": (20,) * 5, "lam_w": 5e-3, "lam_h": 2e-3}
CRITICAL = 1.0 / (5 * 20**0.5)
"""lambda at which everything dies."""

CASES = {
    "alive": BASE,
    "free bias": {**BASE, "bias": "free"},
    "just enough dimensions": {**BASE, "dim": 4},
    "smoothed labels": {**BASE, "smoothing": 0.1},
    "smoothed labels, next to no decay": {**BASE, "smoothing": 0.1, "lam_w": 1e-6, "lam_h": 1e-6},
    "below the threshold": {**BASE, "lam_w": 0.999 * CRITICAL, "lam_h": 0.999 * CRITICAL},
    "above the threshold": {**BASE, "lam_w": 1.001 * CRITICAL, "lam_h": 1.001 * CRITICAL},
}
BROKEN = {**BASE, "class_sizes": (40, 20, 20, 10, 10)}


def applies(model: Model) -> bool:
    """Whether the hypotheses hold."""
    enough = model.dim >= len(model.class_sizes) - 1 >= 1 and model.bias in ("none", "free")
    return model.loss == "ce" and plain(model, smoothed=True) and balanced(model) and enough


def cost(model: Model) -> float:
    r""":math:`c = \sqrt n \lambda + \delta / K`, at the mean class size."""
    return float(np.sqrt(sizes(model).mean()) * strength(model) + model.smoothing / len(model.class_sizes))


def margin(k: int, c: float) -> float:
    r""":math:`\alpha = \ln(1/c - (K - 1))_+`, c > 0."""
    return float(np.log(1.0 / c - (k - 1))) if k * c < 1.0 else 0.0


def objective(a: Array, k: int, c: float) -> Array:
    r"""At :math:`Z = a P`, a >= 0, with balanced factors: :math:`\ln(1 + (K - 1) e^{-a}) + c (K - 1) a`."""
    return np.asarray(np.log1p((k - 1) * np.exp(-a)) + c * (k - 1) * a)


def predict(model: Model) -> Prediction:
    """See the formulas above, at the mean class size."""
    k, n, c = len(model.class_sizes), float(sizes(model).mean()), cost(model)
    # A = sqrt(n) alpha P has the root sqrt(n) alpha (K - 1) / K
    alpha = margin(k, c)
    roots = np.full(k, np.sqrt(n) * alpha * (k - 1) / k)
    return {
        "value": objective(np.asarray(alpha), k, c),
        "logits": alpha * (np.eye(k) - 1.0 / k),
        "alive": np.full(k, alpha > 0.0),
        **norms(model, roots),
    }
