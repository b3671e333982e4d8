"""Regression: weights and features follow the root of the covariance of the targets, cut off."""

import numpy as np

from theory.zoo.theorem import Model, Prediction, Theorem, plain, shrunk, sizes

THEOREM = Theorem(
    row="16",
    source="Andriopoulos et al. 2024",
    latex=r"""
        W W^\top = \sqrt{\lambda_H / \lambda_W} \big[ (Y D Y^\top)^{1/2} - N \lambda I \big]_+ , \quad
        W M = \big[ (Y D Y^\top)^{1/2} - N \lambda I \big]_+ (Y D Y^\top)^{-1/2} Y
    """,
    hypotheses="Targets Y of any numbers, d >= rank. A free bias is their mean, and Y is centered.",
    derivations=("shrinkage",),
)

TARGETS = ((1.0, 0.2), (-0.5, 1.5), (0.3, -2.0), (2.0, 1.0), (-1.0, -0.4))
BASE = {"class_sizes": (9, 4, 7, 1, 12), "lam_w": 2e-2, "lam_h": 1e-3, "loss": "mse", "targets": TARGETS}
LAST = float(np.linalg.norm(np.sqrt([9.0, 4, 7, 1, 12])[:, None] * np.array(TARGETS), 2)) / 33
"""lambda at which nothing is learned any more, without a bias."""

CASES = {
    "no bias": BASE,
    "free bias": {**BASE, "bias": "free"},
    "one target": {**BASE, "targets": tuple((y,) for y, _ in TARGETS)},
    "just learned": {**BASE, "lam_w": 0.999 * LAST, "lam_h": 0.999 * LAST},
    "not learned": {**BASE, "lam_w": 1.001 * LAST, "lam_h": 1.001 * LAST},
}
BROKEN = {**BASE, "weights": (1.0, 5.0, 1.0, 1.0, 0.2)}


def applies(model: Model) -> bool:
    """Whether the hypotheses hold."""
    if model.loss != "mse" or model.targets is None or model.bias not in ("none", "free"):
        return False
    return plain(model, "targets") and model.dim >= min(len(model.targets), len(model.targets[0]))


def predict(model: Model) -> Prediction:
    """See the formulas above."""
    n, targets = sizes(model), np.asarray(model.targets, dtype=np.float64).T
    if model.bias == "none":
        return shrunk(targets * np.sqrt(n), model)
    mean = targets @ n / n.sum()
    return {**shrunk((targets - mean[:, None]) * np.sqrt(n), model), "bias": mean}
