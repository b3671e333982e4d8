"""Remark 3.8 puts the longest features at c = sqrt(lambda_H S / f_k) whenever lambda_H S < f_k. But c is never below
1/sqrt(f_k): for lambda_H S < 1 no frame has that c, and features are longest at theta = 0, and shorter than printed.
"""

from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.claims.remark_3_8 import HOW, longest

CLAIM = Claim(
    id="erratum-11",
    section="Errata",
    verdict="fails",
    source="remark 3.8",
    latex=r"""
        f_k = 4,\ \lambda_H S = 0.36: \quad \arg\max_c |h_k| = \tfrac12 = 1 / \sqrt{f_k}, \qquad \max |h_k| = 1.47
    """,
    printed=r"\arg\max_c |h_k| = \sqrt{\lambda_H S / f_k} = 0.3, \qquad \max |h_k| = 1.67",
    hypotheses="Fixed unit frame, lambda_H S < 1. (For 1 <= lambda_H S < f_k the remark holds: remark-3.8.)",
    derivations=("mse_fixed",),
    functions=("theory.multicenter.minimum.mse_feature_norm", "theory.multicenter.geometry.center_cosine"),
    tests=("tests/theory/multicenter/test_minimum.py::test_feature_norm_is_largest_where_the_paper_says",),
)


def evidence() -> Evidence:
    cosine, norm = longest(4, 0.36)
    yield compare("c of the longest features, f=4, lam_H S=0.36", HOW, cosine, 0.5, absolute=1e-9, printed=0.3)
    yield compare("their norm", HOW, norm, 2.0 / 1.36, relative=1e-12, printed=1.0 / 0.6)
