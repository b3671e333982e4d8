"""On features r u_k + sigma g around their own mean center every rule has a closed accuracy, which depends on the norm
only through r / sigma: NMC and RCR by the lead of the own class, r / sigma and r cos(rho) / sigma, and GCR by the
distribution of the best of a class's centers.
"""

import numpy as np
from scipy import stats

from theory.decision import accuracy
from ufm.certify.ledger.claim import Claim, Evidence, compare, sampled
from ufm.certify.ledger.noisy import accuracies

CLAIM = Claim(
    id="collapsed-accuracy",
    section="Decisions",
    latex=r"""
        A(a) = \int \varphi(t)\, \Phi(t + a)^{K - 1} dt, \quad \mathrm{NMC}: A(r / \sigma), \quad \mathrm{RCR}: A(r
        \cos\rho_k / \sigma), \quad \mathrm{GCR}: \int F_k'(x) \prod_{j \ne k} F_j(x + r c_k / \sigma)\, dx, \quad
        F_j(x) = \int \varphi(s)\, \Phi\Big(\frac{x - s \sin\theta_j}{\cos\theta_j}\Big)^{f_j} ds
    """,
    hypotheses="Unit frame, one angle or one per class; g standard normal in all directions.",
    functions=(
        "theory.decision.accuracy.lead_accuracy",
        "theory.decision.accuracy.lead_error",
        "theory.decision.accuracy.nmc_accuracy",
        "theory.decision.accuracy.rcr_accuracy",
        "theory.decision.accuracy.rcr_error",
        "theory.decision.accuracy.gcr_accuracy",
        "theory.decision.accuracy.gcr_error",
        "theory.decision.accuracy.class_accuracies",
        "theory.decision.together.gcr_accuracies",
        "theory.decision.scores.sharpness",
        "theory.decision.scores.step",
    ),
    tests=(
        "tests/theory/decision/test_accuracy.py::test_the_generalized_rule_by_brute_force",
        "tests/theory/decision/test_accuracy.py::test_a_lead_at_thirty_digits",
        "tests/theory/decision/test_accuracy.py::test_limits",
        "tests/theory/decision/test_accuracy.py::test_steps_half_as_long_change_nothing",
    ),
)


def evidence() -> Evidence:
    for counts, angles in (((2, 4, 9), (0.3, 0.3, 0.3)), ((2, 4, 9), (0.9, 0.0, 0.4))):
        stated = accuracy.class_accuracies(counts, angles, 1 / 0.35)
        for rule, estimate in accuracies(counts, angles, 1 / 0.35).items():
            name = f"accuracy of {rule.upper()} on classes with {counts} centers, theta = {angles}"
            yield sampled(name, estimate, getattr(stated, rule))
    alike = accuracies((3,) * 4, (0.2,) * 4, 2.0)
    yield sampled("four classes with three centers: NMC", alike["nmc"], accuracy.nmc_accuracy(2.0, 4))
    yield sampled("RCR", alike["rcr"], accuracy.rcr_accuracy(3, 0.2, 2.0, 4))
    yield sampled("GCR", alike["gcr"], accuracy.gcr_accuracy(3, 0.2, 2.0, 4))
    f = np.array([2, 5, 20])
    one_by_one = [accuracy.class_accuracies((each,) * 10, 0.2, 3.0).gcr[0] for each in f]
    grid = accuracy.gcr_accuracy(f, 0.2, 3.0, 10)
    yield compare("GCR, ten classes, 2, 5 or 20 centers at once", "class by class", one_by_one, grid, relative=1e-10)
    lead = np.array([0.0, 1.0, 5.0, 20.0, 45.0])
    found, how = stats.norm.sf(lead / np.sqrt(2)), "normal tail of one difference of scores"
    yield compare(
        "errors between two classes, down to 1e-222", how, found, accuracy.lead_error(lead, 2), relative=1e-12
    )
    for name, error in (
        ("the same of GCR with one center each", accuracy.gcr_error(1, 0.7, lead, 2)),
        ("and of RCR where centers coincide", accuracy.rcr_error(7, np.pi / 2, lead, 2)),
    ):
        yield compare(name, how, found, error, relative=1e-12)
