"""Squared loss without a bias, classes of any size: classes are orthogonal, and each lives or dies by itself."""

import numpy as np

from theory.zoo.theorem import Array, Model, Prediction, Theorem, norms, plain, sizes, strength

THEOREM = Theorem(
    row="4",
    source="Dang et al. 2023",
    latex=r"""
        z_k = (1 - N \lambda / \sqrt{n_k})_+, \quad Z = \operatorname{diag}(z), \quad
        |w_k|^2 = z_k \sqrt{n_k \lambda_H / \lambda_W}, \quad |h_k|^2 = z_k \sqrt{\lambda_W / (n_k \lambda_H)}
    """,
    hypotheses="No bias, d >= K. Class k is dead iff n_k <= N^2 lambda^2.",
    derivations=("mse_imbalanced",),
)

BASE = {"class_sizes": (40, 20, 8, 3), "lam_w": 1e-2, "lam_h": 2e-3, "loss": "mse"}
CRITICAL = 3**0.5 / 71
"""lambda at which the smallest class dies."""

CASES = {
    "alive": BASE,
    "smallest class just alive": {**BASE, "lam_w": 0.999 * CRITICAL, "lam_h": 0.999 * CRITICAL},
    "smallest class dead": {**BASE, "lam_w": 1.001 * CRITICAL, "lam_h": 1.001 * CRITICAL},
    "all dead": {**BASE, "lam_w": 1.0, "lam_h": 1.0},
}
BROKEN = {**BASE, "bias": "free"}


def applies(model: Model) -> bool:
    """Whether the hypotheses hold."""
    return model.loss == "mse" and plain(model) and model.bias == "none" and model.dim >= len(model.class_sizes)


def logit(n: Array, total: float, lam: float) -> Array:
    r""":math:`z = (1 - N \lambda / \sqrt n)_+`."""
    return np.maximum(1.0 - total * lam / np.sqrt(n), 0.0)


def predict(model: Model) -> Prediction:
    """See the formulas above."""
    n, lam = sizes(model), strength(model)
    z = logit(n, n.sum(), lam)
    # A = Z D^(1/2) is diagonal; |z_k - 1|^2 n_k / (2 N) + lam z_k sqrt(n_k)
    value = float(np.sum(0.5 * n / n.sum() * (1.0 - z) ** 2 + lam * np.sqrt(n) * z))
    return {"value": value, "logits": np.diag(z), "alive": z > 0.0, **norms(model, np.sqrt(n) * z)}
