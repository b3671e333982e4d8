"""On hard-to-predict features (mean of orthonormal directions plus isotropic Gaussian noise) RCR is right with
probability 1/K, and GCR chooses class k with probability f_k / F, wherever the feature comes from.
"""

from scipy import integrate, stats

from theory import decision
from ufm.certify.ledger.claim import Claim, Evidence, compare, sampled
from ufm.certify.ledger.examples import ORTHONORMAL, SHARES
from ufm.certify.ledger.simulations import accuracy, choice_rates
from ufm.problems.problem import Problem

CLAIM = Claim(
    id="proposition-3.1",
    section="Decisions",
    verdict="holds",
    source="proposition 3.1",
    latex=r"""
        P_{RCR} = \frac1K, \qquad P_{GCR} = \sum_k \frac{f_k}{F} P_k, \qquad P(k \text{ beats } k') = \frac{f_k}{f_k +
        f_{k'}}
    """,
    hypotheses="All directions orthonormal; P_k the share of class k, summing to 1.",
    derivations=("gcr",),
    functions=("theory.decision.gcr_choice", "theory.decision.gcr_accuracy", "theory.decision.pairwise_choice"),
    tests=(
        "tests/theory/test_decision.py::test_accuracies_by_hand",
        "tests/ufm/measure/test_rules.py::test_rules_are_their_definitions",
    ),
)


def evidence() -> Evidence:
    counts = ORTHONORMAL.centers
    yield sampled("P(GCR chooses k)", choice_rates(ORTHONORMAL, "gcr"), decision.gcr_choice(counts))
    yield sampled("P(RCR chooses k)", choice_rates(ORTHONORMAL, "rcr"), decision.rcr_choice(4))
    stated = decision.gcr_accuracy(counts, SHARES)
    yield sampled("accuracy of GCR", accuracy(ORTHONORMAL, "gcr", SHARES), stated)
    yield sampled("accuracy of RCR", accuracy(ORTHONORMAL, "rcr", SHARES), 0.25)
    pair = Problem((1, 1), (2, 5), 0.0)
    yield sampled("one class against another", choice_rates(pair, "gcr"), [2 / 7, 5 / 7])
    total = sum(counts)
    exact = [
        integrate.quad(lambda x, f=f: f * stats.norm.pdf(x) * stats.norm.cdf(x) ** (total - 1), -9, 9, epsabs=1e-13)[0]
        for f in counts
    ]
    stated_all = decision.gcr_choice(counts)
    yield compare("the same by quadrature", "scipy.integrate", exact, stated_all, absolute=1e-12)
