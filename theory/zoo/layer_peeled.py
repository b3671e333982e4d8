"""Layer-peeled cross-entropy: a simplex for classes of equal size, and a finite imbalance at which minorities merge."""

import numpy as np

from theory.zoo.theorem import Peeled, Prediction, Theorem, balanced, sizes

MODEL = "peeled"

THEOREM = Theorem(
    row="8",
    source="Fang et al. 2021 (geometry); value and the ratio at which minorities merge derived here",
    latex=r"""
        Z = \alpha (I - 1 1^\top / K), \quad \alpha = \frac{K}{K - 1} \sqrt{E_W E_H}, \quad
        \min = \ln(1 + (K - 1) e^{-\alpha}); \quad |w_k|^2 = E_W, \quad |h_k|^2 = E_H
    """,
    hypotheses="Cross-entropy, d >= K - 1; equal sizes, with or without a bias. Three classes of n_A samples and seven "
    "of n_B, E_W = E_H = 1 and no bias: the seven merge at n_A / n_B between 4.13 and 4.14.",
    verdict="new",
    derivations=("layer_peeled",),
)

CASES = {
    "equal sizes": {"class_sizes": (20,) * 5},
    "large bounds, a free bias": {"class_sizes": (7,) * 4, "energy_w": 9.0, "energy_h": 4.0, "bias": "free"},
    "just enough dimensions": {"class_sizes": (20,) * 5, "dim": 4},
    "ratio 4.13": {"class_sizes": (413,) * 3 + (100,) * 7},
    "ratio 4.14": {"class_sizes": (414,) * 3 + (100,) * 7},
}
BROKEN = {"class_sizes": (20,) * 5, "loss": "bce"}


def _three_and_seven(model: Peeled) -> bool:
    n = sorted(model.class_sizes, reverse=True)
    usual = model.energy_w == model.energy_h == 1.0 and model.bias == "none"
    return usual and n == [n[0]] * 3 + [n[-1]] * 7 and n[0] > n[-1]


def applies(model: Peeled) -> bool:
    """Whether the hypotheses hold."""
    enough = model.dim >= len(model.class_sizes) - 1 >= 1
    return model.loss == "ce" and enough and (balanced(model) or _three_and_seven(model))


def size(k: int, energy_w: float, energy_h: float) -> float:
    r""":math:`\alpha`, at which :math:`|\alpha P|_* = \alpha (K - 1)` is the radius :math:`K \sqrt{E_W E_H}`."""
    return float(k / (k - 1) * np.sqrt(energy_w * energy_h))


def predict(model: Peeled) -> Prediction:
    """See the formulas above."""
    if not balanced(model):
        n = sizes(model)
        return {"merged": (n == n.min()) & (n.max() / n.min() > RATIO)}
    k = len(model.class_sizes)
    alpha = size(k, model.energy_w, model.energy_h)
    return {
        "value": np.log1p((k - 1) * np.exp(-alpha)),
        "logits": alpha * (np.eye(k) - 1.0 / k),
        "weight_squares": np.full(k, model.energy_w),
        "feature_squares": np.full(k, model.energy_h),
        "alive": np.full(k, True),
    }


RATIO = 4.135
"""Between the two ratios of the hypotheses."""
