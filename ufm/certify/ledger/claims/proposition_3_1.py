"""On hard-to-predict features (mean of orthonormal directions plus isotropic Gaussian noise) RCR is right with
probability 1/K, and GCR chooses class k with probability f_k / F, wherever the feature comes from.
"""

from scipy import integrate, stats

from theory.decision.hard import gcr_accuracy, rcr_choice
from ufm.certify.ledger.claim import Claim, Evidence, compare, sampled
from ufm.certify.ledger.simulations import ORTHONORMAL, SHARES, accuracy, choice_rates
from ufm.certify.predict import predict
from ufm.problems.kinds import CosineProblem

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
    functions=(
        "theory.decision.hard.gcr_choice",
        "theory.decision.hard.gcr_accuracy",
        "theory.decision.hard.pairwise_choice",
        "theory.decision.hard.rcr_choice",
        "theory.decision.hard.gcr_gain",
    ),
    tests=(
        "tests/theory/decision/test_hard.py::test_accuracies_by_hand",
        "tests/ufm/measure/test_rules.py::test_rules_are_their_definitions",
    ),
)


def evidence() -> Evidence:
    counts, stated = ORTHONORMAL.centers, predict(ORTHONORMAL).gcr_choice
    yield sampled("P(GCR chooses k)", choice_rates(ORTHONORMAL, "gcr"), stated)
    yield sampled("P(RCR chooses k)", choice_rates(ORTHONORMAL, "rcr"), rcr_choice(4))
    yield sampled("accuracy of GCR", accuracy(ORTHONORMAL, "gcr", SHARES), gcr_accuracy(counts, SHARES))
    yield sampled("accuracy of RCR", accuracy(ORTHONORMAL, "rcr", SHARES), 0.25)
    pair = CosineProblem((1, 1), (2, 5), 0.0)
    yield sampled("one class against another", choice_rates(pair, "gcr"), [2 / 7, 5 / 7])

    def largest(x: float, f: int) -> float:
        return float(f * stats.norm.pdf(x) * stats.norm.cdf(x) ** (sum(counts) - 1))

    exact = [integrate.quad(largest, -9, 9, args=(f,), epsabs=1e-13)[0] for f in counts]
    yield compare("the same by quadrature", "scipy.integrate", exact, stated, absolute=1e-12)
