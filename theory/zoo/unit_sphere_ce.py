"""Unit features and weights, equal classes, dimensions enough: a simplex at every temperature, and its value."""

import numpy as np

from theory.zoo.theorem import Prediction, Sphere, Theorem, balanced, cross_entropy

MODEL = "sphere"

THEOREM = Theorem(
    row="11",
    source="Yaras et al. 2022 (geometry); value and bound derived here",
    latex=r"""
        h_k = w_k, \quad \langle w_j, w_k \rangle = -\frac{1}{K - 1} \ (j \ne k), \quad
        \min = \ln\big(1 + (K - 1) e^{-\tau K / (K - 1)}\big)
    """,
    hypotheses="Equal sizes, 2 <= K <= d + 1, any temperature tau > 0. The value is a lower bound for all K and d.",
    verdict="new",
    derivations=("unit_sphere_ce",),
)

BASE = {"class_sizes": (20,) * 5, "dim": 8, "temperature": 3.0}

CASES = {
    "dimensions enough": BASE,
    "just enough dimensions": {**BASE, "dim": 4},
    "low temperature factor": {**BASE, "temperature": 1e-3},
    "losses of 1e-53": {**BASE, "temperature": 100.0},
    "losses below all numbers": {**BASE, "temperature": 1000.0},
    "two classes": {"class_sizes": (7, 7), "dim": 2, "temperature": 1.0},
    "thirty classes": {"class_sizes": (2,) * 30, "dim": 29, "temperature": 10.0},
}
BROKEN = {**BASE, "class_sizes": (40, 20, 20, 10, 10)}


def applies(model: Sphere) -> bool:
    """Whether the hypotheses hold."""
    return balanced(model) and 2 <= len(model.class_sizes) <= model.dim + 1


def predict(model: Sphere) -> Prediction:
    """See the formulas above.

    That nothing is lower, for any K and d: with the mean loss of all classes, Jensen, and any q in (0, 1 / K)

        value >= -(K - 1) q ln q - (1 - (K - 1) q) ln(1 - (K - 1) q) - (tau q / K) (K sum_k <w_k, h_k> - <s, t>)

    for the sums s of weights and t of features. The last bracket is K times the product of W and H, both less their
    means, and |W - mean|^2 = K - |s|^2 / K <= K: it is at most K^2. The best q makes it the value above.
    """
    k = len(model.class_sizes)
    # cosines between different classes: -1 / (K - 1)
    gram = (k * np.eye(k) - 1.0) / (k - 1)
    return {
        **cross_entropy(model.temperature, np.full(k - 1, -1.0 / (k - 1))),
        "weight_gram": gram,
        "feature_gram": gram,
        "logits": model.temperature * gram,
        "own_cosines": np.ones(k),
    }
