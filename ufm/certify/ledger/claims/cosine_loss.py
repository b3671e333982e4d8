"""The cosine loss with a fixed multi-center frame has one minimiser per class, the unit mean center: it induces NCMC.
(The paper asserts this; the proof is ours.)
"""

from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.landscape import descend_from_everywhere
from ufm.certify.ledger.simulations import COSINE
from ufm.certify.predict import predict

CLAIM = Claim(
    id="cosine-loss",
    section="Minimisers",
    verdict="holds",
    source="section 4, cosine loss",
    latex=r"""
        \arg\min_h \beta \sum_j (\langle w_j, h/|h| \rangle - 1)^2 + \lambda (|h| - 1)^2 = \bar w / |\bar w|, \qquad
        \min = \beta f (1 - c)^2
    """,
    hypotheses="Unit frame, lambda > 0 (for lambda = 0 the norm is free).",
    derivations=("cosine_minimum",),
    functions=("theory.multicenter.minimum.cosine_minimum",),
    tests=(
        "tests/theory/multicenter/test_minimum.py::test_cosine_minimum_against_an_optimiser_that_does_not_know_it",
        "tests/ufm/minimize/test_solve.py::test_minimiser_meets_its_bound_and_the_prediction",
    ),
)


def evidence() -> Evidence:
    ends = descend_from_everywhere(COSINE, 40)
    how = "L-BFGS in 24 dimensions from 40 random starts a class"
    yield compare("NC of the minimisers", how, ends.nc, 0.0, absolute=1e-10)
    yield compare("their norm", how, ends.norm, 1.0, absolute=1e-6)
    yield compare("their value", how, ends.value, predict(COSINE).minimum[:, None], absolute=1e-10)
    one = descend_from_everywhere(COSINE.replace(class_sizes=(1,), centers=(1,), dim=8), 40)
    name = "value with one center (quartic around the minimum)"
    yield compare(name, "L-BFGS from 40 starts", one.value, 0.0, absolute=1e-10)
