"""Every class gets a center, and centers rise along the sorted classes as the reversed sizes fall: f_k / f_(k+1) is
about n_(K-k+1) / n_(K-k), up to rounding and the added 1. That makes f_k n_k about the same for all classes, which the
paper wants as well, if and only if the sizes are those of claim reversal.
"""

import numpy as np

from theory.multicenter import centers
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="principles",
    section="The frame",
    verdict="corrected",
    source="section 3.5, principles; appendix F.2",
    latex=r"f_1 \ge 1, \qquad \frac{f_k}{f_{k+1}} \approx \frac{n_{K-k+1}}{n_{K-k}}, \quad k = 1, \dots, K - 1",
    printed=r"f_1 \ge 1, \qquad \frac{f_k}{f_{k+1}} \approx \frac{n_{K-k}}{n_{K-k-1}}",
    hypotheses="""
        n_1 >= ... >= n_K, the class-aware strategy. For geometric sizes all ratios are the same and the index does not
        matter.
    """,
    functions=("theory.multicenter.centers.class_aware",),
    tests=("tests/theory/multicenter/test_centers.py::test_sum_and_minimum",),
)

SIZES, MANY = (400, 200, 50, 40), 100_000
"""Sizes that are not geometric, and so many centers that no rounding shows."""


def evidence() -> Evidence:
    how = f"the strategy, step by step, {MANY:,} centers a class"
    n, counts = np.array(SIZES), np.array(centers.class_aware(SIZES, MANY))
    found, stated = counts[:2] / counts[1:3], n[:1:-1] / n[2:0:-1]  # k = 1, 2: for k = 3 the printed ratio needs n_0
    name = f"f_k / f_(k+1), k = 1, 2, n={SIZES}"
    yield compare(name, how, found, stated, relative=1e-4, printed=n[2:0:-1] / n[1::-1])
    yield compare(f"f_3 / f_4, n={SIZES}", how, counts[2] / counts[3], n[1] / n[0], relative=1e-4)
    fewest = [min(centers.class_aware(SIZES, f)) for f in (1, 2, 5, 20)]
    yield compare("fewest centers of a class, f = 1, 2, 5, 20", "the strategy, step by step", fewest, 1, relation=">=")
