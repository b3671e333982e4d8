"""Squared loss without a bias, classes of equal size: weights and class means are an orthogonal frame of known size."""

import numpy as np

from theory.zoo.theorem import Model, Prediction, Theorem, balanced, norms, plain, sizes, strength

THEOREM = Theorem(
    row="2",
    source="Tirer and Bruna 2022",
    latex=r"c = K \sqrt n \lambda, \quad Z = (1 - c)_+ I, \quad |w|^2 = (1 - c)_+ \sqrt{n \lambda_H / \lambda_W}",
    hypotheses="Equal sizes, no bias, d >= K. All is 0 unless c < 1.",
    derivations=("mse_balanced",),
)

BASE = {"class_sizes": (20,) * 4, "lam_w": 5e-3, "lam_h": 2e-3, "loss": "mse"}
CRITICAL = 1.0 / (4 * 20**0.5)
"""lambda at which everything dies."""

CASES = {
    "alive": BASE,
    "below the threshold": {**BASE, "lam_w": 0.999 * CRITICAL, "lam_h": 0.999 * CRITICAL},
    "above the threshold": {**BASE, "lam_w": 1.001 * CRITICAL, "lam_h": 1.001 * CRITICAL},
}
BROKEN = {**BASE, "class_sizes": (30, 20, 20, 10)}


def applies(model: Model) -> bool:
    """Whether the hypotheses hold."""
    enough = model.dim >= len(model.class_sizes)
    return model.loss == "mse" and plain(model) and balanced(model) and model.bias == "none" and enough


def logit(c: float) -> float:
    """z = (1 - c)_+."""
    return max(1.0 - c, 0.0)


def objective(z: float, c: float) -> float:
    r"""At Z = z I: :math:`|Z - I|^2 / (2 K) + \lambda \sqrt n \operatorname{tr} Z = (1 - z)^2 / 2 + c z`."""
    return 0.5 * (1.0 - z) ** 2 + c * z


def predict(model: Model) -> Prediction:
    """See the formulas above, at the mean class size."""
    k, n = len(model.class_sizes), float(sizes(model).mean())
    c = k * np.sqrt(n) * strength(model)
    z = logit(c)
    return {
        "value": objective(z, c),
        "logits": z * np.eye(k),
        "alive": np.full(k, z > 0.0),
        **norms(model, np.full(k, np.sqrt(n) * z)),
    }
