"""Collapsed features sit on the mean center and not on the classifier vector. They are skewed by the angle rho, which
shrinks with every further center and is 0 for theta = pi/2, where NCMC is ordinary neural collapse.
"""

import numpy as np

from theory.multicenter import geometry
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import flow
from ufm.problems.kinds import CosineProblem

CLAIM = Claim(
    id="remark-3.9",
    section="The frame",
    verdict="holds",
    source="remark 3.9, as our notes have it (its wording was not at hand)",
    latex=r"""
        \cos\rho_k = \sin\theta / c_k, \qquad f_k \mapsto \cos\rho_k \text{ increasing}, \qquad \theta = \pi/2
        \Rightarrow \rho_k = 0
    """,
    hypotheses="Fixed multi-center frame; features at the minimiser.",
    derivations=("angles", "cosine_minimum"),
    functions=("theory.multicenter.geometry.classifier_cosine", "theory.multicenter.geometry.equal_skew_angles"),
    tests=(
        "tests/theory/multicenter/test_geometry.py::test_limits",
        "tests/ufm/certify/test_certify.py::test_every_prediction_holds_for_every_flow",
        "tests/theory/multicenter/test_geometry.py::test_equal_skew_angles_give_every_class_the_same_skew",
    ),
)


def evidence() -> Evidence:
    f, theta = np.meshgrid(np.arange(1, 13), np.linspace(0.0, np.pi / 2, 9))
    cosine, one, flat = geometry.classifier_cosine(f, theta), f == 1, theta == np.pi / 2
    name = "cos rho with one direction per class: sin(theta) for f = 1"
    yield compare(name, "definition", cosine[one], np.sin(theta[one]), absolute=1e-15)
    name = "cos rho where the centers coincide, theta = pi/2"
    yield compare(name, "definition", cosine[flat], 1.0, absolute=1e-15)
    yield compare("largest cos rho elsewhere", "enumeration", cosine[~one & ~flat].max(), 1.0, relation="<=")
    name = "more centers never turn features away from the classifier: smallest rise of cos rho with f"
    yield compare(name, "enumeration", np.diff(cosine, axis=1).min(), 0.0, relation=">=", absolute=1e-15)
    ends = flow(CosineProblem((1, 1, 1), (2, 4, 9), 0.35, beta=1.0, lam=0.5), [0.0, 60.0])
    name = "NC at the end: features sit on the mean center, at the angle rho to the classifier"
    yield compare(name, "flow in d dimensions", ends.nc[-1], 0.0, absolute=1e-10)
