"""P_GCR is linear in f: at a fixed number of centers it is largest with every spare center on the most probable class,
and the others pay, since their own accuracy is f_k / F. Between that and an even allocation lies a straight Pareto
front.
"""

import itertools

import numpy as np

from theory.decision import hard
from ufm.certify.ledger.claim import Claim, Evidence, compare, sampled
from ufm.certify.ledger.simulations import SHARES, choice_rates
from ufm.problems.kinds import CosineProblem

CLAIM = Claim(
    id="gcr-price",
    section="Decisions",
    latex=r"""
        P_{GCR}(m) = \frac{m + (F - Km)\max_k P_k}{F}, \qquad \min_k \frac{f_k}{F} = \frac{m}{F}, \qquad m = 1, \dots,
        \lfloor F/K \rfloor
    """,
    hypotheses="As proposition 3.1.",
    derivations=("gcr",),
    functions=(
        "theory.decision.hard.best_allocation",
        "theory.decision.hard.minimax_allocation",
        "theory.decision.hard.tradeoff",
    ),
    tests=(
        "tests/theory/decision/test_hard.py::test_allocations_beat_every_other",
        "tests/theory/decision/test_hard.py::test_tradeoff_is_the_pareto_front",
    ),
)


def evidence() -> Evidence:
    p, total = np.array(SHARES), 11
    every = np.array([f for f in itertools.product(range(1, total), repeat=4) if sum(f) == total])
    accuracies, fewest = np.array([hard.gcr_accuracy(f, p) for f in every]), every.min(axis=1)
    how = f"all {len(every)} allocations of {total} centers"
    best, safe = hard.best_allocation(p, total), hard.minimax_allocation(p, total)
    yield compare("largest P_GCR", how, accuracies.max(), hard.gcr_accuracy(best, p), absolute=1e-15)
    yield compare("most centers for the worst class", how, fewest.max(), safe.min())
    front = hard.tradeoff(p, total)
    found = [accuracies[fewest >= m].max() for m in front.minimum]
    yield compare("largest P_GCR for each guaranteed number of centers", how, found, front.accuracy, absolute=1e-15)
    rates = choice_rates(CosineProblem((1, 1, 1, 1), tuple(map(int, best)), 0.0), "gcr")
    yield sampled("price: accuracy on each class's own features", rates, best / total)
