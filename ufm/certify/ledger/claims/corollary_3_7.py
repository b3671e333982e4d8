"""With a fixed unit frame, P is ridge regression: all features of a class are equal, on its mean center."""

import numpy as np

from theory.multicenter import minimum as minimizers
from ufm.certify.ledger.by_hand import frame_by_hand, ridge_feature
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.examples import total
from ufm.certify.ledger.landscape import critical_points, descend_from_everywhere
from ufm.problems.problem import Problem

CLAIM = Claim(
    id="corollary-3.7",
    section="Minimisers",
    verdict="holds",
    source="corollary 3.7",
    latex=r"H^* = (W^\top W + \lambda_H S I)^{-1} W^\top Y, \qquad |h_k^*| = \frac{f_k c_k}{f_k c_k^2 + \lambda_H S}",
    hypotheses="Fixed unit frame, lambda_H > 0 (for 0, the minimiser of smallest norm).",
    derivations=("mse_fixed",),
    functions=("theory.multicenter.minimum.mse_feature_norm", "theory.multicenter.minimum.mse_minimum"),
    tests=(
        "tests/theory/multicenter/test_minimum.py::test_mse_minimum_against_least_squares",
        "tests/ufm/minimize/test_solve.py::test_minimiser_meets_its_bound_and_the_prediction",
    ),
)


WEIGHT, DIM = 0.01, 20
FIXED = Problem((20, 8, 3), (1, 3, 6), 0.3, dim=DIM, loss="mse", lam_h=WEIGHT)


def evidence() -> Evidence:
    counts, theta = FIXED.centers, FIXED.theta
    _, _, w = frame_by_hand(counts, theta, DIM)
    owner, s = np.repeat(np.arange(3), counts), total(FIXED)
    norms, cosines = [], []
    for k in range(3):
        h = ridge_feature(w, (owner == k).astype(float), WEIGHT * s)
        mean = w[owner == k].mean(axis=0)
        norms.append(np.linalg.norm(h))
        cosines.append(h @ mean / np.linalg.norm(mean) / norms[-1])
    how = "ridge regression, solved"
    yield compare("cosine of the minimiser with its mean center", how, cosines, 1.0, absolute=1e-12)
    stated = minimizers.mse_feature_norm(counts, theta, s, WEIGHT)
    yield compare("its norm", how, norms, stated, relative=1e-12)
    ends = descend_from_everywhere(FIXED, 10)
    how = "L-BFGS in 20 dimensions from 10 random starts a class"
    yield compare("NC of minimisers", how, ends.nc, 0.0, absolute=1e-10)
    yield compare("their norm", how, ends.norm, stated[:, None], relative=1e-6)
    least = minimizers.mse_minimum(counts, theta, s, WEIGHT)
    yield compare("their value", how, ends.value, least[:, None], relative=1e-9)
    points = critical_points(FIXED, 8)
    name = "critical points of each class"
    yield compare(name, "Newton's method from 8 starts", np.bincount([p.k for p in points]), 1)
    name = "smallest eigenvalue of the Hessian: lam_H"
    yield compare(name, "Lanczos", [p.lowest for p in points], WEIGHT, relative=1e-8)
