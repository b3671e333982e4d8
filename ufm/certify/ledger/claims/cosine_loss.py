"""The cosine loss with a fixed multi-center frame has one minimiser per class, the unit mean center: it induces NCMC.
So does the one that the paper trains with, whose sum has the weight cos(alpha_k) / B in a batch of B and lambda = 6e-4.
(The paper asserts this; the proof is ours.)
"""

import numpy as np

from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.landscape import descend_from_everywhere
from ufm.certify.ledger.simulations import COSINE
from ufm.certify.predict import predict

CLAIM = Claim(
    id="cosine-loss",
    section="Minimisers",
    verdict="holds",
    source="equation (34); appendix F.1",
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
    trained = COSINE.replace(beta="weighted", lam=128 * 6e-4)  # the trained loss times B = 128
    ends, c = descend_from_everywhere(trained, 20), predict(trained).center_cosine
    yield compare("NC with the paper's weights, B = 128", "L-BFGS from 20 starts a class", ends.nc, 0.0, absolute=1e-10)
    stated, name = (c * np.array(trained.centers) * (1 - c) ** 2)[:, None], "their value: f c (1 - c)^2"
    yield compare(name, "L-BFGS from 20 starts a class", ends.value, stated, absolute=1e-10)
    one = descend_from_everywhere(COSINE.replace(class_sizes=(1,), centers=(1,), dim=8), 40)
    name = "value with one center (quartic around the minimum)"
    yield compare(name, "L-BFGS from 40 starts", one.value, 0.0, absolute=1e-10)
