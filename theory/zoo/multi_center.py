"""Problem P with a learned multi-center frame: features end on mean centers, and each class lives or dies by itself."""

from typing import Any

import numpy as np

from theory.multicenter import geometry, minimum
from theory.zoo.theorem import MultiCenter, Prediction, Theorem

MODEL = "multi-center"

THEOREM = Theorem(
    row="17",
    source="Yan et al. 2024, theorems 3.3 and 3.4 (living classes); classes die one at a time: derived here",
    latex=r"""
        c_k = \sqrt{\cos^2\theta / f_k + \sin^2\theta}, \quad S = \sum_k f_k n_k, \quad
        |w_k|^2 = \Big( \sqrt{\frac{n_k \lambda_H}{\lambda_W}} \frac{1}{c_k} - \frac{\lambda_H S}{f_k c_k^2} \Big)_+,
        \quad \lambda_W |w_k|^2 = n_k \lambda_H |h_k|^2, \quad h_k \parallel \bar w^{(k)}
    """,
    hypotheses="A multi-center frame, its directions and norms learned; both decays positive. Class k is dead iff "
    "c_k <= (S / f_k) sqrt(lam_W lam_H / n_k); the paper lets all die where one does.",
    verdict="corrected",
    derivations=("mse_learned",),
)

BASE = {
    "class_sizes": (100, 10, 4),
    "centers": (1, 2, 4),
    "theta": 0.3,
    "loss": "mse",
    "frame": "learned",
    "lam_w": 3e-3,
    "lam_h": 2e-3,
}
SMALL = {**BASE, "class_sizes": (100, 10, 1), "centers": 1}
CRITICAL = 1.0 / 111
"""lambda at which the smallest of ``SMALL`` dies; with one center each c = 1 and S = N."""

CASES = {
    "alive": BASE,
    "balanced": {**BASE, "class_sizes": (20,) * 3, "centers": 3},
    "more dimensions": {**BASE, "dim": 15},
    "smallest class just alive": {**SMALL, "lam_w": 0.99 * CRITICAL, "lam_h": 0.99 * CRITICAL},
    "smallest class dead": {**SMALL, "lam_w": 1.01 * CRITICAL, "lam_h": 1.01 * CRITICAL},
    "smallest class dead, others alive": {**SMALL, "lam_w": 3e-2, "lam_h": 2e-2},
    "all dead": {**BASE, "lam_w": 1.0, "lam_h": 1.0},
}
BROKEN = {**BASE, "frame": "fixed"}


def applies(model: MultiCenter) -> bool:
    """Whether the hypotheses hold."""
    return model.loss == "mse" and model.frame == "learned"


def predict(model: MultiCenter) -> Prediction:
    """See the formulas above."""
    f, n = np.asarray(model.centers, dtype=np.float64), np.asarray(model.class_sizes, dtype=np.float64)
    decays = {"lam_h": model.lam_h, "lam_w": model.lam_w}
    given: dict[str, Any] = {"f": f, "theta": model.theta, "n": n, "total": float(f @ n), **decays}
    weights = minimum.learned_square_norm(**given)
    said: dict[str, object] = {
        "value": float(minimum.learned_minimum(**given).sum()),
        "alive": weights > 0.0,
        "weight_gram": np.diag(weights),
        "feature_gram": np.diag(minimum.balanced_feature_norm(weights, n, **decays) ** 2),
    }
    if np.all(weights > 0.0):  # a dead class has no direction
        said["own_cosines"] = geometry.classifier_cosine(f, model.theta)
    return said
