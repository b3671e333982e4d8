"""Squared loss under M linear layers: classes are orthogonal, and a class dies by a jump, not by fading."""

import numpy as np
from scipy import optimize

from theory.zoo.theorem import DeepModel, Prediction, Theorem, decays, deep_strength, plain, sizes

THEOREM = Theorem(
    row="6",
    source="Dang et al. 2023 (its constants in another form)",
    latex=r"""
        \bar\lambda = (\lambda_1 \cdots \lambda_M \lambda_H)^{1 / (M + 1)}, \quad Z = \operatorname{diag}(z), \quad
        (1 - z_k)\, z_k^{(M - 1) / (M + 1)} = N \bar\lambda\, n_k^{- M / (M + 1)}, \quad z_k > 1 - 1 / M, \quad
        \lambda_l |w_k|^2 = \lambda_H n_k |h_k|^2 = n_k z_k (1 - z_k) / N
    """,
    hypotheses="No bias, d >= K, M >= 2. Class k is dead iff the equation has no root above 1 - 1 / M, that is iff "
    "N lambda n_k^(-M / (M + 1)) >= (1 - 1 / M)^((M - 1) / (M + 1)) / M.",
    derivations=("deep_mse",),
)

MODEL = "deep"
SIZES = (40, 20, 8, 3)
BASE = {"class_sizes": SIZES, "lam_w": 1e-3, "lam_h": 2e-3, "loss": "mse", "layers": 2}


def highest(layers: int) -> float:
    r"""What :math:`N \bar\lambda\, n_k^{-M / (M + 1)}` is where class k dies."""
    return float((1.0 - 1.0 / layers) ** ((layers - 1) / (layers + 1)) / layers)


def _at(share: float, layers: int, size: int = 3) -> dict[str, object]:
    """A share of the decay at which classes of a size die."""
    lam = share * highest(layers) * size ** (layers / (layers + 1)) / sum(SIZES)
    return {**BASE, "layers": layers, "lam_w": lam, "lam_h": lam}


CASES = {
    "two layers": BASE,
    "unequal layers": {**BASE, "lam_w": (1e-3, 2e-2), "lam_h": 2e-5},
    "three unequal layers": {**BASE, "lam_w": (1e-3, 1e-2, 4e-4), "lam_h": 2e-5, "layers": 3},
    "classes of equal size": {**BASE, "class_sizes": (20,) * 4},
    "smallest class just alive": _at(0.999, 2),
    "smallest class dead": _at(1.001, 2),
    "three layers, smallest class just alive": _at(0.999, 3),
    "three layers, smallest class dead": _at(1.001, 3),
    "four layers, largest class just alive": _at(0.999, 4, 40),
    "four layers, all dead": _at(1.001, 4, 40),
}
BROKEN = {**BASE, "weights": (1.0, 2.0, 4.0, 8.0)}


def applies(model: DeepModel) -> bool:
    """Whether the hypotheses hold."""
    return model.loss == "mse" and plain(model) and model.bias == "none" and model.dim >= len(model.class_sizes)


def logit(wanted: float, layers: int) -> float:
    """The largest root of (1 - z) z^((M - 1) / (M + 1)) = ``wanted``, or 0 if it is not above 1 - 1 / M."""
    if not wanted < highest(layers):
        return 0.0
    power = (layers - 1) / (layers + 1)
    return float(optimize.brentq(lambda z: (1.0 - z) * z**power - wanted, 1.0 - 1.0 / layers, 1.0, xtol=1e-16))


def predict(model: DeepModel) -> Prediction:
    """See the formulas above."""
    n, m, lam = sizes(model), model.layers, deep_strength(model)
    total = n.sum()
    z = np.array([logit(wanted, m) for wanted in total * lam * n ** (-m / (m + 1))])
    # each of M + 1 factors costs half of lambda |w_k|^2; a living class pays for itself iff z > 1 - 1 / M:
    # (1 - z)^2 / 2 + (M + 1) z (1 - z) / 2 < 1 / 2
    costs = n * z * (1.0 - z) / total
    return {
        "value": float(np.sum(0.5 * n / total * (1.0 - z) ** 2 + 0.5 * (m + 1) * costs)),
        "logits": np.diag(z),
        "alive": z > 0.0,
        "weight_squares": costs / decays(model)[-1],
        "feature_squares": costs / (model.lam_h * n),
        "layer_squares": costs.sum() / decays(model),
    }
