"""With a fixed unit frame, P is ridge regression: all features of a class are equal, on its mean center."""

import numpy as np

from ufm.certify.ledger.by_hand import frame_by_hand, ridge_features
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.landscape import critical_points, descend_from_everywhere
from ufm.certify.predict import predict
from ufm.problems.kinds import MSEProblem

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


FIXED = MSEProblem((20, 8, 3), (1, 3, 6), 0.3, dim=20, lam_h=0.01)


def evidence() -> Evidence:
    frame, said = frame_by_hand(FIXED.centers, FIXED.theta, FIXED.dim), predict(FIXED)
    features, _ = ridge_features(frame.centers, frame.owner, FIXED.lam_h * FIXED.total)
    norms = np.linalg.norm(features, axis=1)
    cosines = [h @ frame.direction(k) / norms[k] for k, h in enumerate(features)]
    how = "ridge regression, solved"
    yield compare("cosine of the minimiser with its mean center", how, cosines, 1.0, absolute=1e-12)
    yield compare("its norm", how, norms, said.feature_norm, relative=1e-12)
    ends = descend_from_everywhere(FIXED, 10)
    how = "L-BFGS in 20 dimensions from 10 random starts a class"
    yield compare("NC of minimisers", how, ends.nc, 0.0, absolute=1e-10)
    yield compare("their norm", how, ends.norm, said.feature_norm[:, None], relative=1e-6)
    yield compare("their value", how, ends.value, said.minimum[:, None], relative=1e-9)
    points, how = critical_points(FIXED, 8), "Newton's method from 8 starts"
    yield compare("critical points of each class", how, np.bincount([p.k for p in points]), 1)
    lowest = [p.lowest for p in points]
    yield compare("smallest eigenvalue of the Hessian: lam_H", "Lanczos", lowest, said.null_rate, relative=1e-8)
