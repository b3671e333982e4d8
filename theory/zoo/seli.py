"""Hinge loss, little decay, classes of any sizes: the simplex-encoded-labels interpolation."""

import numpy as np

from theory.zoo import adjusted_svm
from theory.zoo.theorem import Model, Prediction, Theorem, plain

THEOREM = Theorem(
    row="9",
    source="Thrampoulidis et al. 2022; any sizes and the range of lambda derived here",
    latex=r"""
        Z = P = I - 1 1^\top / K, \quad W W^\top = \sqrt{\lambda_H / \lambda_W} (P D P)^{1/2}, \quad
        M^\top M = \sqrt{\lambda_W / \lambda_H} \big( (P D P)^+ \big)^{1/2}, \quad \min = \lambda |P D^{1/2}|_*
    """,
    hypotheses="No bias, d >= K - 1, lambda up to where a multiplier of a margin reaches 1. All of them are positive: "
    "(P D P)^+ = D^-1 - D^-1 1 1^T D^-1 / (1^T D^-1 1) is a graph Laplacian, whose root has no positive "
    "off-diagonal.",
    verdict="new",
    derivations=("seli",),
)

BASE = {"class_sizes": (50, 20, 8, 2), "lam_w": 1e-3, "lam_h": 1e-4, "loss": "hinge"}
N = np.array(BASE["class_sizes"], dtype=float)
CENTERED = np.eye(4) - 0.25
ROOT = np.linalg.svd(CENTERED * np.sqrt(N))
LARGEST = float(np.max((-(ROOT[0][:, :3] @ ROOT[2][:3]) / np.sqrt(N))[~np.eye(4, dtype=bool)]) * N.sum())
"""The largest multiplier at lambda = 1: above its inverse some margin is not met."""

CASES = {
    "four sizes": BASE,
    "equal sizes": {**BASE, "class_sizes": (20,) * 5},
    "minority of four": {**BASE, "class_sizes": (100,) * 3 + (10,) * 4},
    "all margins just met": {**BASE, "lam_w": 0.999 / LARGEST, "lam_h": 0.999 / LARGEST},
}
BROKEN = {**BASE, "lam_w": 1.1 / LARGEST, "lam_h": 1.1 / LARGEST}


def applies(model: Model) -> bool:
    """Whether the hypotheses hold."""
    return adjusted_svm.applies(model) and plain(model)


def predict(model: Model) -> Prediction:
    """Row A without temperatures."""
    return adjusted_svm.predict(model)
