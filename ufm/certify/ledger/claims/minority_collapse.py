"""Classes switch off one at a time: each has its own threshold in closed form, so with equal numbers of centers the
rarest dies first. A further center makes a class hardier as long as its share f_k n_k of S is at most one half.
"""

import numpy as np

from theory.multicenter.geometry import Array, center_cosine
from theory.multicenter.minimum import alive_threshold
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import learned_ends
from ufm.certify.predict import predict
from ufm.problems.kinds import LearnedMSEProblem

CLAIM = Claim(
    id="minority-collapse",
    section="Minimisers",
    source="new (corrects theorem 3.4)",
    latex=r"k \text{ lives} \iff c_k > \frac{S}{f_k} \sqrt{\frac{\lambda_W \lambda_H}{n_k}}",
    hypotheses="As theorem 3.4.",
    derivations=("mse_learned",),
    functions=("theory.multicenter.minimum.alive_threshold",),
    tests=("tests/theory/multicenter/test_minimum.py::test_learned_minimum_is_the_minimum_of_its_class",),
)


def evidence() -> Evidence:
    # lam_H = lam_W = lam: the small class is alive iff c > (S / f) lam / sqrt(n)
    c = float(center_cosine(2, 0.3))
    critical = c * 2 * np.sqrt(6) / 72
    for factor, expected in ((0.999, 2), (1.001, 1)):
        weight = factor * critical
        problem = LearnedMSEProblem((30, 6), (2, 2), 0.3, lam_h=weight, lam_w=weight)
        name = f"threshold over c at {factor} of the critical weight"
        yield compare(name, "formula", predict(problem).threshold[1] / c, factor, relative=1e-12)
        living = (learned_ends(problem, 4).square_norms > 1e-5).sum(axis=1)
        name = f"living classes at {factor} of the critical weight"
        yield compare(name, "trust region, 4 random starts", living, expected)
    # weight of lam_H = lam_W at which a class of n samples dies, other classes having f n adding up to `others`
    f, n, others, theta = np.ogrid[1:40, 1:30:5j, 1:2000:9j, 0.0 : np.pi / 2 : 7j]

    def critical_weight(f: Array) -> Array:
        return center_cosine(f, theta) / alive_threshold(f, n, f * n + others, 1.0, 1.0)

    rise = critical_weight(f + 1) / critical_weight(f) - 1.0
    worst = rise[np.broadcast_to((f + 1) * n <= others, rise.shape)].min()
    name = "smallest relative rise of the critical weight with one more center, share of S at most 1/2"
    yield compare(name, "enumeration of f, n, the rest of S, and theta", worst, 0.0, relation=">=")
