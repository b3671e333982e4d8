"""Dot regression to a fixed simplex: every feature ends on its own weight, and sizes of classes do not matter."""

import numpy as np

from theory.zoo.theorem import DotRegression, Prediction, Theorem

MODEL = "dot-regression"

THEOREM = Theorem(
    row="10",
    source="Yang et al. 2022; targets out of reach derived here",
    latex=r"""
        h_k = \sqrt{E_H / E_W}\, w_k, \quad \min = \frac{(t - s)^2}{2 s}, \quad s = \sqrt{E_W E_H} ; \quad
        \min = 0 \text{ at } t = s
    """,
    hypotheses="Weights are a simplex of squared norms E_W, |h|^2 <= E_H, target t >= s. Below s many features have "
    "the loss 0, and the shortest are not as long as that.",
    derivations=("dot_regression",),
    verdict="new",
)

BASE = {"class_sizes": (500, 50, 5)}

CASES = {
    "any sizes": BASE,
    "equal sizes": {"class_sizes": (20,) * 5},
    "other norms": {**BASE, "energy_w": 9.0, "energy_h": 0.25},
    "just enough dimensions": {**BASE, "dim": 2},
    "more dimensions": {**BASE, "dim": 7},
    "target just out of reach": {**BASE, "target": 1.001},
    "target out of reach, other norms": {**BASE, "target": 3.0, "energy_w": 2.0, "energy_h": 0.5},
}
BROKEN = {**BASE, "target": 0.999}


def _reach(model: DotRegression) -> float:
    return float(np.sqrt(model.energy_w) * np.sqrt(model.energy_h))


def applies(model: DotRegression) -> bool:
    """Whether the hypotheses hold."""
    return model.target >= _reach(model) * (1.0 - 1e-15)


def least(target: float, reach: float) -> float:
    """(t - s)^2 / (2 s), t >= s."""
    return 0.5 * (target - reach) ** 2 / reach


def predict(model: DotRegression) -> Prediction:
    """See the formulas above."""
    k, s = len(model.class_sizes), _reach(model)
    simplex = (k * np.eye(k) - 1.0) / (k - 1)
    return {
        "value": least(model.target, s),
        "logits": s * simplex,
        "weight_gram": model.energy_w * simplex,
        "feature_gram": model.energy_h * simplex,
    }
