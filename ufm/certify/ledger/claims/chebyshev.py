"""If numbers of centers and class probabilities are sorted alike, GCR is never worse than RCR on hard-to-predict
features.
"""

import numpy as np

from theory.decision import hard
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="chebyshev",
    section="Decisions",
    verdict="holds",
    source="proposition 3.1",
    latex=r"P_{GCR} - P_{RCR} = \frac{1}{2KF} \sum_{k,l} (f_k - f_l)(P_k - P_l) \ge 0",
    hypotheses="As proposition 3.1, f and P sorted alike.",
    derivations=("gcr",),
    functions=("theory.decision.hard.gcr_advantage",),
    tests=("tests/theory/decision/test_hard.py::test_sorted_alike_gcr_never_loses",),
)


def evidence() -> Evidence:
    rng = np.random.default_rng(0)
    worst, defect = np.inf, 0.0
    for _ in range(2000):
        size = int(rng.integers(2, 9))
        f, p = np.sort(rng.integers(1, 30, size)), np.sort(rng.dirichlet(np.ones(size)))
        double = np.sum(np.subtract.outer(f, f) * np.subtract.outer(p, p)) / (2 * size * f.sum())
        advantage = hard.gcr_advantage(f, p)
        worst, defect = min(worst, advantage), max(defect, abs(advantage - double))
    how = "2,000 random pairs, sorted alike"
    yield compare("smallest P_GCR - P_RCR", how, worst, 0.0, relation=">=", absolute=1e-15)
    yield compare("its distance from the double sum", how, defect, 0.0, absolute=1e-14)
    against = hard.gcr_accuracy((5, 1), (0.3, 0.7)) - 0.5
    yield compare("P_GCR - P_RCR, sorted against each other", "f = (5, 1), P = (0.3, 0.7)", against, 0.0, relation="<=")
