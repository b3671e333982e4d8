"""Cross-entropy behind a ReLU, classes of any sizes, no bias: class means are orthogonal, each lives or dies alone."""

import numpy as np

from theory.zoo.theorem import Array, Model, Prediction, Theorem, plain, sizes, strength

MODEL = "nonnegative"

THEOREM = Theorem(
    row="15",
    source="Dang et al. 2024 (geometry); norms, value and the dual bound derived here",
    latex=r"""
        c_k = N \lambda \sqrt{(K - 1) / (K n_k)}, \quad m_k = \ln\big( (K - 1)(1 / c_k - 1) \big)_+, \quad
        Z_k = m_k (e_k - 1 / K), \quad |h_k|^2 = \sqrt{\lambda_W / (n_k \lambda_H)}\, m_k \sqrt{(K - 1) / K}
    """,
    hypotheses="Features at least 0, no bias, d >= K >= 2. Class k is dead iff n_k <= N^2 lambda^2 K / (K - 1). With a "
    "free bias and classes of different sizes it is false.",
    verdict="new",
    derivations=("relu_ce",),
)

BASE = {"class_sizes": (40, 20, 8, 3), "lam_w": 1e-2, "lam_h": 2e-3}
CRITICAL, NEXT = ((n * 3 / 4) ** 0.5 / 71 for n in (3, 8))
"""lambda at which the smallest class dies, and the next one, with which the rank falls."""

CASES = {
    "alive": {**BASE, "lam_h": 2e-4},
    "more dimensions": {**BASE, "lam_h": 2e-4, "dim": 9},
    "equal sizes": {**BASE, "class_sizes": (10,) * 4},
    "smallest class just alive": {**BASE, "lam_w": 0.999 * CRITICAL, "lam_h": 0.999 * CRITICAL},
    "smallest class dead": {**BASE, "lam_w": 1.001 * CRITICAL, "lam_h": 1.001 * CRITICAL},
    "three classes just alive": {**BASE, "lam_w": 0.999 * NEXT, "lam_h": 0.999 * NEXT},
    "two classes alive": {**BASE, "lam_w": 1.001 * NEXT, "lam_h": 1.001 * NEXT},
    "all dead": {**BASE, "lam_w": 1.0, "lam_h": 1.0},
}
BROKEN = {**BASE, "bias": "free"}


def applies(model: Model) -> bool:
    """Whether the hypotheses hold."""
    enough = model.dim >= len(model.class_sizes) >= 2
    return model.loss == "ce" and plain(model) and model.bias == "none" and enough


def cost(n: Array, k: int, total: float, lam: float) -> Array:
    r""":math:`c = N \lambda \sqrt{(K - 1) / (K n)}`, at which :math:`e^m = (K - 1)(1 / c - 1)`."""
    return np.asarray(total * lam * np.sqrt((k - 1) / (k * n)))


def predict(model: Model) -> Prediction:
    """See the formulas above: every class by itself, with the direction e_k - 1/K of logits to its feature."""
    n, k, lam = sizes(model), len(model.class_sizes), strength(model)
    side = np.sqrt((k - 1) / k)
    c = cost(n, k, n.sum(), lam)
    m = np.log(np.maximum((k - 1) * (1.0 / np.minimum(c, 1.0) - 1.0), 1.0))
    scale, roots = np.sqrt(model.lam_h / model.lam_w), np.sqrt(n) * m * side
    towards = np.eye(k) - 1.0 / k
    value = float(n @ np.log1p((k - 1) * np.exp(-m)) / n.sum() + lam * roots.sum())
    return {
        "value": value,
        "logits": m[:, None] * towards,
        "alive": m > 0.0,
        "feature_gram": np.diag(roots / scale / n),
        "weight_gram": scale * (towards * (roots / side**2)) @ towards,
    }
