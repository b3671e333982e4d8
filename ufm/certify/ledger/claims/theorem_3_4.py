"""Imbalanced classes, learned frame: the formulas of theorem 3.3 hold class by class, and a class whose condition fails
dies alone. In the example n = (100, 10, 1) two classes live and P falls to 0.2603, below its value 1/2 at zero.
"""

from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.claims.theorem_3_3 import MINIMIZED, norms_and_collapse
from ufm.certify.ledger.simulations import PARTIAL, learned_ends
from ufm.certify.predict import predict

CLAIM = Claim(
    id="theorem-3.4",
    section="Minimisers",
    verdict="corrected",
    source="theorem 3.4",
    latex=r"""
        |w_k|^2 = \max\Big(0, \sqrt{\tfrac{n_k \lambda_H}{\lambda_W}} \frac{1}{c_k} - \frac{\lambda_H S}{f_k c_k^2}\Big)
    """,
    printed=r"""
        \text{if one class violates } c_k > \tfrac{S}{f_k}\sqrt{\lambda_W \lambda_H / n_k} \text{, all } w_k = h_k = 0
    """,
    hypotheses="Learned frame, d >= F + K, lambda_H, lambda_W > 0.",
    derivations=("mse_learned",),
    functions=("theory.multicenter.minimum.learned_square_norm", "theory.multicenter.minimum.learned_minimum"),
    tests=("tests/ufm/minimize/test_phase.py::test_one_class_dies_alone",),
)


def evidence() -> Evidence:
    yield from norms_and_collapse(PARTIAL)
    ends, least = learned_ends(PARTIAL, 12), predict(PARTIAL).value
    yield compare("min P, one class dead", MINIMIZED, ends.value, least, absolute=1e-10, printed=0.5)
    alive = (ends.square_norms > 1e-5).sum(axis=1)
    yield compare("classes alive", MINIMIZED, alive, 2, printed=0)
