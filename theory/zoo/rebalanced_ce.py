"""Cross-entropy with weights against and temperatures along class sizes: an exact simplex under any imbalance."""

import numpy as np

from theory.zoo import ce_balanced
from theory.zoo.theorem import Array, Model, Prediction, Theorem, plain, sizes

THEOREM = Theorem(
    row="F",
    source="derived here",
    latex=r"""
        \omega_k = N / (K n_k), \quad \epsilon_k = \sqrt{n_k / \bar n}: \quad
        Z_k = \alpha \sqrt{\bar n / n_k} (e_k - 1 / K), \quad \alpha \text{ of equal classes of } \bar n = N / K
    """,
    hypotheses="No bias, d >= K - 1. |h_k| sqrt(n_k) is the same for all classes, and so is |w_k|.",
    verdict="new",
    derivations=("rebalanced_ce",),
)


def _adjusted(class_sizes: tuple[int, ...], lam_w: float, lam_h: float) -> dict[str, object]:
    n = np.asarray(class_sizes, dtype=np.float64)
    weights, temperatures = n.mean() / n, np.sqrt(n / n.mean())
    adjustment = {"weights": tuple(weights.tolist()), "sample_temperatures": tuple(temperatures.tolist())}
    return {"class_sizes": class_sizes, "lam_w": lam_w, "lam_h": lam_h, **adjustment}


CRITICAL = 1.0 / (4 * 20**0.5)
"""lambda at which everything dies, for four classes of 20 on average."""

CASES = {
    "four sizes": _adjusted((50, 20, 8, 2), 5e-3, 2e-3),
    "strong imbalance": _adjusted((5000, 50, 50, 5), 1e-5, 1e-4),
    "below the threshold": _adjusted((50, 20, 8, 2), 0.999 * CRITICAL, 0.999 * CRITICAL),
    "above the threshold": _adjusted((50, 20, 8, 2), 1.001 * CRITICAL, 1.001 * CRITICAL),
}
BROKEN = {**CASES["four sizes"], "sample_temperatures": None}


def _numbers(model: Model) -> tuple[Array, Array]:
    n = sizes(model)
    return n.mean() / n, np.sqrt(n / n.mean())


def applies(model: Model) -> bool:
    """Whether the hypotheses hold."""
    if model.weights is None or model.sample_temperatures is None or model.bias != "none" or model.loss != "ce":
        return False
    given = np.stack([model.weights, model.sample_temperatures])
    close = bool(np.allclose(given, np.stack(_numbers(model)), rtol=1e-12))
    return close and plain(model, "weights", "sample_temperatures") and model.dim >= len(model.class_sizes) - 1


def predict(model: Model) -> Prediction:
    """Row 1 at the mean class size, with logits and features of class k times sqrt(nbar / n_k)."""
    said, (_, temperatures) = ce_balanced.predict(model), _numbers(model)
    return {**said, "logits": said["logits"] / temperatures[:, None]}
