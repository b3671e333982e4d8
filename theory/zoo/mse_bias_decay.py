"""Squared loss with a decaying bias, classes of equal size: between an orthogonal frame and a simplex."""

import numpy as np

from theory.zoo.theorem import Model, Prediction, Theorem, balanced, norms, plain, sizes, strength

THEOREM = Theorem(
    row="3",
    source="Zhou et al. 2022, cf. Massion et al. 2026 (geometry); constants derived here",
    latex=r"""
        g = \sqrt n \lambda, \quad Z = s (I - 1 1^\top / K) + t\, 1 1^\top / K, \quad s = (1 - K g)_+, \quad
        t = (1 - K g (1 + \lambda_b) / \lambda_b)_+, \quad b = \frac{1 - t}{K (1 + \lambda_b)} 1
    """,
    hypotheses="Equal sizes, d >= K. A simplex iff lambda_b <= K g / (1 - K g); an orthogonal frame as lambda_b grows. "
    "All is 0 unless K g < 1.",
    verdict="new",
    derivations=("mse_bias_decay",),
)

BASE = {"class_sizes": (20,) * 4, "lam_w": 5e-3, "lam_h": 2e-3, "loss": "mse", "bias": 0.3}
G = 4 * 20**0.5 * (5e-3 * 2e-3) ** 0.5
"""K g."""
CRITICAL = G / (1.0 - G)
"""lambda_b above which the mean of the logits lives."""
LAST = 1.0 / (4 * 20**0.5)
"""lambda at which everything dies."""

CASES = {
    "between": BASE,
    "a simplex, just": {**BASE, "bias": 0.999 * CRITICAL},
    "just none": {**BASE, "bias": 1.001 * CRITICAL},
    "nearly orthogonal": {**BASE, "bias": 1e4},
    "just alive": {**BASE, "lam_w": 0.999 * LAST, "lam_h": 0.999 * LAST},
    "all dead": {**BASE, "lam_w": 1.001 * LAST, "lam_h": 1.001 * LAST},
}
BROKEN = {**BASE, "class_sizes": (30, 20, 20, 10)}


def applies(model: Model) -> bool:
    """Whether the hypotheses hold."""
    decays, enough = not isinstance(model.bias, str), model.dim >= len(model.class_sizes)
    return model.loss == "mse" and plain(model) and balanced(model) and decays and enough


def ends(k: int, g: float, decay: float) -> tuple[float, float, float]:
    """s, t and the bias of a class."""
    s, t = max(1.0 - k * g, 0.0), max(1.0 - k * g * (1.0 + decay) / decay, 0.0)
    return s, t, (1.0 - t) / (k * (1.0 + decay))


def objective(s: float, t: float, b: float, k: int, g: float, decay: float) -> float:
    r""":math:`Z + b 1^\top - I` has the eigenvalues s - 1, K - 1 times, and t + K b - 1."""
    misses = (k - 1) * (s - 1.0) ** 2 + (t + k * b - 1.0) ** 2
    return 0.5 * misses / k + 0.5 * decay * k * b**2 + g * ((k - 1) * s + t)


def predict(model: Model) -> Prediction:
    """See the formulas above, at the mean class size."""
    k, n, decay = len(model.class_sizes), float(sizes(model).mean()), float(model.bias)
    g = np.sqrt(n) * strength(model)
    s, t, b = ends(k, g, decay)
    return {
        "value": objective(s, t, b, k, g, decay),
        "logits": s * np.eye(k) + (t - s) / k,
        "bias": np.full(k, b),
        "alive": np.full(k, max(s, t) > 0.0),
        **norms(model, np.full(k, np.sqrt(n) * ((k - 1) * s + t) / k)),
    }
