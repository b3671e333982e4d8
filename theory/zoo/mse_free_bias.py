"""Squared loss, free bias, classes of any size: the root of a covariance, cut off; directions die one at a time."""

import numpy as np

from theory.zoo.theorem import Model, Prediction, Theorem, plain, shrunk, sizes

THEOREM = Theorem(
    row="5",
    source="cf. Liu 2024; derived here",
    latex=r"""
        W W^\top = \sqrt{\lambda_H / \lambda_W} \big[ (D - n n^\top / N)^{1/2} - N \lambda I \big]_+ , \quad b = n / N,
        \quad Z n = 0
    """,
    hypotheses="Free bias, d >= K - 1. All is dead iff no eigenvalue of D - n n^T / N is above (N lambda)^2.",
    verdict="new",
    derivations=("shrinkage", "mse_free_bias"),
)

BASE = {"class_sizes": (40, 20, 8, 3), "lam_w": 1e-2, "lam_h": 2e-3, "loss": "mse", "bias": "free"}
N = np.asarray(BASE["class_sizes"], dtype=float)
EIGENVALUES = np.linalg.eigvalsh(np.diag(N) - np.outer(N, N) / N.sum())
FIRST, LAST = (float(np.sqrt(EIGENVALUES[i]) / N.sum()) for i in (1, -1))
"""lambda at which the first direction dies (the smallest eigenvalue is 0), and the last."""

CASES = {
    "alive": BASE,
    "equal sizes": {**BASE, "class_sizes": (20, 20, 20)},
    "one direction just alive": {**BASE, "lam_w": 0.999 * FIRST, "lam_h": 0.999 * FIRST},
    "one direction dead": {**BASE, "lam_w": 1.001 * FIRST, "lam_h": 1.001 * FIRST},
    "the last one just alive": {**BASE, "lam_w": 0.999 * LAST, "lam_h": 0.999 * LAST},
    "all dead": {**BASE, "lam_w": 1.001 * LAST, "lam_h": 1.001 * LAST},
}
BROKEN = {**BASE, "bias": "none"}


def applies(model: Model) -> bool:
    """Whether the hypotheses hold."""
    return model.loss == "mse" and plain(model) and model.bias == "free" and model.dim >= len(model.class_sizes) - 1


def predict(model: Model) -> Prediction:
    """See the formulas above. The best bias centers the targets: A is the nearest to D^(1/2) - n sqrt(n)^T / N."""
    n = sizes(model)
    root, share = np.sqrt(n), n / n.sum()
    found = shrunk(np.diag(root) - np.outer(share, root), model)
    squares = {"weight_squares": np.diag(found["weight_gram"]), "feature_squares": np.diag(found["feature_gram"])}
    return {**found, **squares, "bias": share}
