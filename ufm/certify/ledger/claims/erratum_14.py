"""All centers of a class collapse to one direction where cos(theta) is 0, not 1: at cos(theta) = 1 they are
orthogonal.
"""

import numpy as np

from theory.multicenter import geometry
from ufm.certify.ledger.by_hand import frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="erratum-14",
    section="Errata",
    verdict="fails",
    source="appendix F.2",
    latex=r"\cos\theta = 0: \quad w_1^{(k)} = \dots = w_{f_k}^{(k)} = w_k",
    printed=r"\cos\theta = 1 \text{, where all the centers collapse to one direction}",
    hypotheses="f_k > 1.",
    derivations=("angles",),
    functions=("theory.multicenter.geometry.gram_eigenvalues",),
    tests=("tests/theory/multicenter/test_geometry.py::test_gram_eigenvalues",),
)


def evidence() -> Evidence:
    for theta, directions, printed in ((0.0, 5, 1), (np.pi / 2, 1, 5)):
        own = frame_by_hand((5, 2), theta, 9).own(0)
        rank = np.linalg.matrix_rank(own, tol=1e-9)
        name = f"directions that 5 centers of a class span, cos(theta) = {np.cos(theta):.0f}"
        yield compare(name, "singular values of explicit vectors", rank, directions, printed=printed)
        counted = np.count_nonzero(np.repeat(geometry.gram_eigenvalues(5, theta), (1, 4)))
        yield compare("the same, from the spectrum", "singular values of explicit vectors", rank, counted)
