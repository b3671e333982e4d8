"""Cross-entropy, any data: the sum of the classifier's rows feels nothing but weight decay."""

import numpy as np
from scipy import linalg

from theory.zoo.theorem import Flow, Prediction, Theorem, sizes

MODEL = "flow"

THEOREM = Theorem(
    row="G",
    source="Zhao et al. 2026 (NC0); its motion derived here",
    latex=r"""
        s = W^\top 1: \quad \dot s = -\lambda_W s, \quad |s(t)|^2 = e^{-2 \lambda_W t}\, 1^\top (Z_0^\top D Z_0)^{1/2} 1
    """,
    hypotheses="Slopes of the losses by the logits add up to 0: cross-entropy with any weights, smoothing, shifts, "
    "temperatures of samples and soft labels; a flow from balanced weights of logits Z_0. Real trainings keep its law "
    "in steps: `ufm confirm` holds them against it.",
    verdict="new",
    derivations=("nc0",),
)

BASE = {
    "class_sizes": (9, 4, 2),
    "lam_w": 0.05,
    "lam_h": 0.01,
    "logits": ((1.0, 0.3, 0.2), (-0.1, 0.8, 0.4), (0.5, 0.1, 1.5)),
    "times": (0.0, 1.0, 10.0, 60.0),
}

CASES = {
    "unequal sizes and decays": BASE,
    "no decay": {**BASE, "lam_w": 0.0, "lam_h": 0.0},
    "a free bias": {**BASE, "bias": "free"},
    "smoothing, weights, shifts": {**BASE, "smoothing": 0.1, "weights": (1.0, 3.0, 5.0), "shifts": (0.4, 0.0, -1.0)},
    "temperatures of samples": {**BASE, "sample_temperatures": (1.0, 0.5, 0.3)},
    "soft labels": {**BASE, "targets": ((0.7, 0.2, 0.1), (0.1, 0.8, 0.1), (0.3, 0.3, 0.4))},
}
BROKEN = {**BASE, "temperatures": (1.0, 0.5, 0.3)}


def applies(model: Flow) -> bool:
    """Whether the hypotheses hold."""
    return model.loss == "ce" and model.temperatures is None


def predict(model: Flow) -> Prediction:
    """See the formula above: a balanced start has W W^T = (Z_0^T D Z_0)^(1/2)."""
    z = np.asarray(model.logits) * np.sqrt(sizes(model))[:, None]
    first = float(np.real(linalg.sqrtm(z.T @ z)).sum())
    return {"row_sum_square": first * np.exp(-2.0 * model.lam_w * np.asarray(model.times))}
