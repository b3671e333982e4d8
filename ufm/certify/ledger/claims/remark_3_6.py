"""NCMC is not the neural collapse of earlier unconstrained feature models: features sit on the mean center and not on
the classifier vector, from which they are skewed by the angle rho, and the norm of a classifier vector depends on its
number of centers. The skew shrinks with every further center and is 0 for theta = pi/2, ordinary neural collapse.
"""

import numpy as np

from theory.multicenter import geometry
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import SEED
from ufm.certify.predict import predict
from ufm.measure.metrics import unit_rows
from ufm.minimize.solve import minimize
from ufm.problems.frames import dense
from ufm.problems.kinds import LearnedMSEProblem

CLAIM = Claim(
    id="remark-3.6",
    section="Minimisers",
    verdict="holds",
    source="remark 3.6 (that the skew shrinks: new)",
    latex=r"""
        \cos\angle(h_k, w_k) = \cos\rho_k = \sin\theta / c_k < 1, \qquad |w_k|^2 = \sqrt{\tfrac{n_k
        \lambda_H}{\lambda_W}} \frac{1}{c_k} - \frac{\lambda_H S}{f_k c_k^2}
    """,
    hypotheses="Living classes at the minimum, theta < pi/2.",
    derivations=("angles", "mse_learned"),
    functions=(
        "theory.multicenter.geometry.classifier_cosine",
        "theory.multicenter.minimum.learned_square_norm",
    ),
    tests=(
        "tests/theory/multicenter/test_geometry.py::test_limits",
        "tests/ufm/certify/test_certify.py::test_every_prediction_holds_for_every_flow",
    ),
)

UNEQUAL = LearnedMSEProblem((6, 6, 6), (1, 3, 6), 0.3, lam_h=5e-3, lam_w=5e-3)
"""Classes alike but for their centers."""


def evidence() -> Evidence:
    solution, end, how = minimize(UNEQUAL, seed=SEED, method="full"), predict(UNEQUAL), "trust region"
    cosines = np.sum(unit_rows(solution.class_features) * unit_rows(dense(solution.frame.classifier)), axis=1)
    yield compare("cos(h_k, w_k), f = (1, 3, 6)", how, cosines, end.classifier_cosine, absolute=1e-5)
    yield compare("largest of them: not aligned", how, cosines.max(), 0.9, relation="<=")
    squares = solution.norms**2
    yield compare("|w_k|^2 of classes of the same size", how, squares, end.square_norm, absolute=1e-5)
    yield compare("largest less smallest of these", how, np.ptp(squares), 0.1, relation=">=")
    f, theta = np.meshgrid(np.arange(1, 13), np.linspace(0.0, np.pi / 2, 9))
    cosine, flat = geometry.classifier_cosine(f, theta), theta == np.pi / 2
    yield compare("cos rho where the centers coincide, theta = pi/2", "definition", cosine[flat], 1.0, absolute=1e-15)
    name = "more centers never turn features away from the classifier: smallest rise of cos rho with f"
    yield compare(name, "enumeration", np.diff(cosine, axis=1).min(), 0.0, relation=">=", absolute=1e-15)
