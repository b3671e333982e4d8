"""Proposition 3.1 idealises: the centers of one class share a direction, so for theta > 0 more centers help less than
f_k / F says; and around the mean of the mean centers, classes with few centers have a head start c_k^2 / K that
reverses GCR's preference where the noise is small.
"""

from theory.decision import hard
from ufm.certify.ledger.claim import Claim, Evidence, compare, sampled
from ufm.certify.ledger.simulations import ORTHONORMAL, choice_rates
from ufm.certify.predict import predict

CLAIM = Claim(
    id="frame-choice",
    section="Decisions",
    source="new (limits of proposition 3.1)",
    latex=r"""
        \text{score}_k = \frac{c_k^2}{K} + \sigma\big(\cos\theta \max_{j \le f_k} \xi_j + \sin\theta\, g_k\big), \qquad
        P(k) = \int p_k(t) \prod_{l \ne k} F_l(t)\, dt
    """,
    hypotheses="""
        Multi-center frame; xi_j, g_k independent standard normal; the first term is absent around the mean of the
        directions.
    """,
    derivations=("gcr", "surrogate"),
    functions=("theory.decision.hard.frame_choice",),
    tests=(
        "tests/theory/decision/test_hard.py::test_limits_of_frame_choice",
        "tests/theory/decision/test_hard.py::test_two_classes_agree_with_the_gamma_of_their_frame",
    ),
)


LEANING = ORTHONORMAL.replace(theta=0.6)


def evidence() -> Evidence:
    said, how = predict(LEANING), "quadrature"
    stated, ideal = said.frame_choice, said.gcr_choice
    rates = choice_rates(LEANING, "gcr")
    yield sampled("P(GCR chooses k), theta = 0.6, around the mean of the directions", rates, stated)
    yield compare("class with most centers: at most f_k / F", how, stated[-1], ideal[-1], relation="<=")
    yield compare("class with fewest centers: at least f_k / F", how, stated[0], ideal[0], relation=">=")
    around = {noise: hard.frame_choice(LEANING.centers, LEANING.theta, noise) for noise in (0.02, 0.1, 1.0)}
    for noise, stated in around.items():
        rates = choice_rates(LEANING, "gcr", noise=noise, around="mean_centers")
        yield sampled(f"P(GCR chooses k) around the mean of the mean centers, noise {noise}", rates, stated)
    name = "noise 0.02: the class with fewest centers is chosen more often than 1/K"
    yield compare(name, how, around[0.02][0], 0.25, relation=">=")
