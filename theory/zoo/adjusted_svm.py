"""Hinge loss with temperatures, little decay: the logit-adjusted support vector machine and its geometry."""

import numpy as np

from theory.zoo.theorem import Array, Model, Prediction, Theorem, plain, sizes, strength

THEOREM = Theorem(
    row="A",
    source="Behnia et al. 2023 (geometry); any sizes and the range of lambda derived here",
    latex=r"""
        v = 1 / \delta, \quad Q = I - v v^\top / |v|^2, \quad B = Q \operatorname{diag}(\sqrt n / (\delta \epsilon)),
        \quad Z = Q \operatorname{diag}(1 / (\delta \epsilon)),
        \quad W W^\top = \sqrt{\lambda_H / \lambda_W} (B B^\top)^{1/2}, \quad \min = \lambda |B|_*
    """,
    hypotheses="No bias, d >= K - 1, and lambda so small that no multiplier -lambda N P_jk / (sqrt(n_k) omega_k "
    "delta_j epsilon_k) of j != k, with P the orthogonal polar factor of B, is above 1; none may be negative.",
    verdict="new",
)

BASE = {"class_sizes": (50, 20, 8, 2), "lam_w": 1e-3, "lam_h": 1e-4, "loss": "hinge"}
N = np.array(BASE["class_sizes"], dtype=float)
CASES = {
    "class-dependent temperatures (CDT)": {**BASE, "temperatures": (1.0, 0.8, 0.7, 0.5)},
    "sample temperatures (LDT), an exact simplex": {**BASE, "sample_temperatures": tuple(np.sqrt(N / 50).tolist())},
    "both, and weights": {
        **BASE,
        "temperatures": (1.0, 0.9, 0.9, 0.8),
        "sample_temperatures": (1.0, 1.2, 0.9, 0.7),
        "weights": (1.0, 2.0, 2.0, 4.0),
    },
}
BROKEN = {**CASES["class-dependent temperatures (CDT)"], "lam_w": 1.0, "lam_h": 1.0}


def _factors(model: Model) -> tuple[Array, Array, Array]:
    """delta by output, epsilon and omega by class."""
    given = (model.temperatures, model.sample_temperatures, model.weights)
    delta, epsilon, omega = (np.ones(len(model.class_sizes)) if each is None else np.asarray(each) for each in given)
    return delta, epsilon, omega


def _margins_met(model: Model) -> Array:
    """Z of the hard margins: every other logit is 1 below the own one, delta and epsilon included, (K, K)."""
    delta, epsilon, _ = _factors(model)
    v = 1.0 / delta
    # Q diag(1 / (delta epsilon))
    return np.asarray((np.eye(len(v)) - np.outer(v, v) / (v @ v)) / (delta * epsilon))


def multipliers(model: Model) -> Array:
    """Of the margins, (K, K), in units in which hinges have 1; the diagonal means nothing."""
    n, (delta, epsilon, omega) = sizes(model), _factors(model)
    left, _, right = np.linalg.svd(_margins_met(model) * np.sqrt(n))
    polar = left[:, :-1] @ right[:-1]
    return np.asarray(-strength(model) * n.sum() * polar / np.outer(delta, np.sqrt(n) * omega * epsilon))


def hard(model: Model) -> bool:
    """Whether decay is so weak that all margins are met."""
    of_others = multipliers(model)[~np.eye(len(model.class_sizes), dtype=bool)]
    return bool(np.all((of_others > 0.0) & (of_others < 1.0)))


def applies(model: Model) -> bool:
    """Whether the hypotheses hold."""
    if model.loss != "hinge" or model.bias != "none" or not model.dim >= len(model.class_sizes) - 1 >= 1:
        return False
    return plain(model, "weights", "temperatures", "sample_temperatures") and hard(model)


def predict(model: Model) -> Prediction:
    """See the formulas above."""
    n, scale, met = sizes(model), np.sqrt(model.lam_h / model.lam_w), _margins_met(model)
    left, strengths, right = np.linalg.svd(met * np.sqrt(n))
    return {
        "value": strength(model) * strengths.sum(),
        "logits": met.T,
        "weight_gram": scale * (left * strengths) @ left.T,
        "feature_gram": (right.T * strengths) @ right / scale / np.sqrt(np.outer(n, n)),
    }
