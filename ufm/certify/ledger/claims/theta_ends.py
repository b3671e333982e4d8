"""At theta = pi/2 a class has one direction, its classifier vector, as SETF has (orthogonal here, not a simplex). At
theta = 0 the frame is orthogonal to the classifier: what is lost is the decision by RCR, a guess. Features do collapse,
and GCR and the nearest mean center decide by them without error.
"""

import numpy as np

from ufm.certify.ledger.claim import Claim, Evidence, compare, sampled
from ufm.certify.ledger.simulations import SEED, flow, random_frame
from ufm.measure.montecarlo import frequency
from ufm.measure.rules import RULES
from ufm.problems.frames import dense
from ufm.problems.kinds import CosineProblem

CLAIM = Claim(
    id="theta-ends",
    section="Decisions",
    verdict="corrected",
    source="section 4.4, words on theta",
    latex=r"""
        \theta = 0: \quad NC \to 0, \quad P_{RCR} = 1 / K, \quad P_{GCR} = P_{NMC} = 1; \qquad \theta = \tfrac{\pi}{2}:
        \quad w_j^{(k)} = w_k
    """,
    printed=r"\theta = 0 \text{: nothing is learned, } P = 1 / K",
    hypotheses="Cosine loss, fixed frame, f_k > 1; features at the end of training, with little noise.",
    derivations=("collapse_speed",),
    functions=("theory.multicenter.flows.nc_rate",),
    tests=("tests/theory/multicenter/test_flows.py::test_rate_is_the_slope_of_late_collapse",),
)

FLAT = CosineProblem((1, 1, 1, 1), (2, 2, 2, 2), 0.0, dim=12, beta=1.0, lam=0.3)
DRAWS = 200_000


def evidence() -> Evidence:
    end = flow(FLAT, [0.0, 40.0])
    yield compare("NC at the end of training at theta = 0", "flow in 12 dimensions", end.nc[-1], 0.0, absolute=1e-10)
    frame, rng = random_frame(FLAT), np.random.default_rng(SEED)
    labels = rng.integers(0, 4, DRAWS)
    z = dense(frame.mean_directions)[labels] + 0.05 * rng.standard_normal((DRAWS, 12))
    right = {name: frequency(np.sum(rule(z, frame) == labels), DRAWS) for name, rule in RULES.items()}
    yield sampled("accuracy of RCR at theta = 0, noise 0.05", right["rcr"], 0.25)
    for name, said in (("gcr", "GCR"), ("nearest", "the nearest mean center")):
        # a margin of 0.7 is ten times the noise of a difference
        yield sampled(f"accuracy of {said}, there", right[name], 1.0, printed=0.25)
    turned = random_frame(FLAT.replace(theta=np.pi / 2))
    cosines = np.sum(dense(turned.centers) * dense(turned.classifier)[np.repeat(np.arange(4), 2)], axis=1)
    name = "cosines of all centers with their classifier vectors, theta = pi/2"
    yield compare(name, "explicit vectors", cosines, 1.0, absolute=1e-14)
