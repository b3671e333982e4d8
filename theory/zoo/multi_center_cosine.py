"""Cosine loss of a multi-center frame: features end on their unit mean centers, whatever sizes and weights are."""

import numpy as np

from theory.multicenter import geometry, minimum
from theory.zoo.theorem import MultiCenter, Prediction, Theorem, sizes

MODEL = "multi-center"

THEOREM = Theorem(
    row="17",
    source="Yan et al. 2024 (the loss); that nothing else is a minimum derived here",
    latex=r"""
        h_k = \bar w^{(k)} / |\bar w^{(k)}|, \quad \min = \sum_k n_k \beta_k f_k (1 - c_k)^2, \quad
        c_k = \sqrt{\cos^2\theta / f_k + \sin^2\theta}, \quad \cos(h_k, w_k) = \sin\theta / c_k
    """,
    hypotheses="A multi-center frame with unit vectors, fixed or learned; a norm penalty lam > 0. The minimum is 0 iff "
    "the centers of each class are one, f = 1 or theta = pi/2.",
    verdict="new",
    derivations=("cosine_minimum",),
)

BASE = {"class_sizes": (100, 10, 4), "centers": (2, 5, 9), "theta": 0.2}

CASES = {
    "any sizes": BASE,
    "learned frame": {**BASE, "frame": "learned"},
    "weights": {**BASE, "beta": (1.0, 0.5, 3.0), "lam": 2.0},
    "right angles": {**BASE, "theta": 0.0},
    "centers nearly one": {**BASE, "theta": 1.5},
    "centers that are one": {**BASE, "theta": float(np.pi / 2)},
    "one center each": {**BASE, "centers": 1},
}
BROKEN = {**BASE, "loss": "mse", "lam_h": 1e-3}


def applies(model: MultiCenter) -> bool:
    """Whether the hypotheses hold."""
    return model.loss == "cosine" and model.lam > 0.0


def predict(model: MultiCenter) -> Prediction:
    """See the formulas above; beta_k is c_k where none is given."""
    f, theta, unit = np.asarray(model.centers, dtype=np.float64), model.theta, np.eye(len(model.class_sizes))
    given = getattr(model, "beta", "weighted")
    beta = geometry.center_cosine(f, theta) if isinstance(given, str) else given
    return {
        "value": float(sizes(model) @ minimum.cosine_minimum(f, theta, beta)),
        "weight_gram": unit,
        "feature_gram": unit,
        "own_cosines": geometry.classifier_cosine(f, theta),
    }
