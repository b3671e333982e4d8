"""Soft labels, as of next tokens: nothing is learned where the decay is stronger than the labels vary."""

import numpy as np

from theory.zoo.theorem import Model, Prediction, Theorem, plain, sizes, strength

THEOREM = Theorem(
    row="D",
    source="Zhao et al. 2024 (problem); threshold derived here",
    latex=r"""
        W M \neq 0 \iff \lambda < \sigma_1\big( (Y - \bar y 1^\top) D^{1/2} \big) / N , \quad \bar y = Y n / N
        \text{ with a free bias, } 1 / K \text{ without}
    """,
    hypotheses="Rows of targets are probabilities. Where nothing is learned the value is the entropy of their mean.",
    verdict="new",
    derivations=("soft_labels",),
)

TARGETS = ((0.7, 0.2, 0.1), (0.1, 0.8, 0.1), (0.25, 0.25, 0.5), (0.4, 0.3, 0.3), (0.0, 0.1, 0.9))
BASE = {"class_sizes": (9, 4, 7, 1, 12), "lam_w": 1e-3, "lam_h": 1e-3, "targets": TARGETS}


def _threshold(targets: object, sizes: object, bias: str) -> float:
    """Equal rows of targets are one, of all their samples: their columns are parallel, and squares add up."""
    rows, group = np.unique(np.asarray(targets, dtype=np.float64), axis=0, return_inverse=True)
    y, n = rows.T, np.bincount(group.ravel(), np.asarray(sizes, dtype=np.float64))
    middle = y @ n / n.sum() if bias == "free" else np.full(len(y), 1.0 / len(y))
    return float(np.linalg.norm((y - middle[:, None]) * np.sqrt(n), 2)) / float(n.sum())


def _next_to(bias: str, factor: float) -> dict[str, object]:
    lam = factor * _threshold(TARGETS, BASE["class_sizes"], bias)
    return {**BASE, "bias": bias, "lam_w": lam, "lam_h": lam}


CASES = {
    "much learned": BASE,
    "free bias, just learned": _next_to("free", 0.999),
    "free bias, not learned": _next_to("free", 1.001),
    "no bias, just learned": _next_to("none", 0.999),
    "no bias, not learned": _next_to("none", 1.001),
}
BROKEN = {**_next_to("free", 1.2), "weights": (1.0, 1.0, 1.0, 1.0, 5.0)}


def applies(model: Model) -> bool:
    """Whether the hypotheses hold."""
    if model.loss != "ce" or model.targets is None or model.bias not in ("none", "free"):
        return False
    rows = np.asarray(model.targets)
    return plain(model, "targets") and bool(np.all(np.abs(rows.sum(1) - 1.0) < 1e-12))


def predict(model: Model) -> Prediction:
    """See the formulas above."""
    learns = strength(model) < _threshold(model.targets, model.class_sizes, model.bias)
    if learns:
        return {"learns": True}
    n, y = sizes(model), np.asarray(model.targets, dtype=np.float64)
    mean = n @ y / n.sum() if model.bias == "free" else np.full(y.shape[1], 1.0 / y.shape[1])
    return {"learns": False, "value": float(-(n / n.sum()) @ y @ np.log(np.maximum(mean, 1e-300)))}
