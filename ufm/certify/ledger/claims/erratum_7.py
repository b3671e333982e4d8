"""Proposition C.1 must define gamma with p, not z. With z its second part is false: just above the printed eps0, GCR
prefers k' with probability 0.03 where more than 1/2 is claimed. With p, the bound on eps0 is eps0 > 0.
"""

import numpy as np

from theory.decision import hard
from ufm.certify.ledger.claim import Claim, Evidence, compare, sampled
from ufm.certify.ledger.simulations import NOISE, PAIR, preference

CLAIM = Claim(
    id="erratum-7",
    section="Errata",
    verdict="fails",
    source="proposition C.1",
    latex=r"\gamma = \max_j \langle v_j^{(k)}, p \rangle - \max_{j'} \langle v_{j'}^{(k')}, p \rangle",
    printed=r"""
        \gamma = \max_j \langle v_j^{(k)}, z \rangle - \max_{j'} \langle v_{j'}^{(k')}, z \rangle, \qquad
        \varepsilon_0 > \frac{\cos^2\theta}{f_k K} - \frac{\cos^2\theta}{f_{k'} K}
    """,
    hypotheses="K = 3, f = (5, 1), theta = 0.6, s = 0.01 (variance).",
    derivations=("surrogate",),
    functions=("theory.decision.hard.surrogate_margin",),
    tests=("tests/theory/decision/test_hard.py::test_gcr_is_undecided_at_the_margin",),
)


def evidence() -> Evidence:
    # at the bound that the paper's gamma gives
    (f, g, _), theta, n_classes = PAIR.centers, PAIR.theta, 3
    # gamma with z in place of p: <v_j, z> = <v_j, p> + cos(theta) / (K f)
    gap = np.cos(theta) / n_classes * (1 / g - 1 / f)
    printed_median = NOISE * float(hard.gamma_median(f, g)) - gap
    # Delta at which x0 is that median: part 2 then promises class k' more than 1/2 below, so at least 1/2 here
    lead = (gap - printed_median) / np.tan(theta)
    estimate = preference(PAIR, lead, NOISE)
    stated = hard.surrogate_probability(lead, f, g, theta, n_classes, NOISE)
    reject = estimate._replace(mean=1.0 - estimate.mean)
    name = "P(GCR prefers k') at the printed bound, K = 3, f = (5, 1), theta = 0.6, s = 0.01"
    yield sampled(name, reject, 1.0 - stated, printed=0.5)
    exact = 1.0 - hard.gamma_survival(printed_median / NOISE, f, g)
    yield compare("the same", "quadrature", exact, 1.0 - stated, absolute=1e-12, printed=0.5)
