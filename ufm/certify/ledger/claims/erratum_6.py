"""Theorem 3.4's "otherwise everything is 0" is wrong: classes die one by one. And 0 is not in the constraint set, so it
is an infimum.
"""

import numpy as np

from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import PARTIAL, learned_ends
from ufm.certify.predict import predict

CLAIM = Claim(
    id="erratum-6",
    section="Errata",
    verdict="fails",
    source="theorem 3.4, second case",
    latex=r"n = (100, 10, 1),\ f_k = 1,\ \lambda_W = 0.03,\ \lambda_H = 0.02: \quad \inf P = 0.2603 < \tfrac12 = P(0)",
    printed=r"w_k = h_k = 0 \text{ for all } k, \quad P = \tfrac12",
    hypotheses="Some classes violate their condition, others do not.",
    derivations=("mse_learned",),
    functions=("theory.multicenter.minimum.learned_minimum", "theory.multicenter.minimum.alive_threshold"),
    tests=("tests/ufm/minimize/test_phase.py::test_one_class_dies_alone",),
)


def evidence() -> Evidence:
    ends, how = learned_ends(PARTIAL, 6), "trust region, 6 random starts"
    name = "min P, n = (100, 10, 1), lam_W = 0.03, lam_H = 0.02"
    yield compare(name, how, ends.value, predict(PARTIAL).value, absolute=1e-10, printed=0.5)
    smallest = np.sqrt(ends.square_norms.min())
    name = "norm of the dead class: 0, which no frame has"
    yield compare(name, how, smallest, 0.0, absolute=1e-6)
