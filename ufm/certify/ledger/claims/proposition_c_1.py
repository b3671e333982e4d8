"""RCR is a surrogate of GCR: given the lead Delta of class k under RCR, GCR prefers k with probability P(gamma > x0),
which is more than 1/2 above a margin and less below.
"""

from scipy import integrate, stats

from theory.decision import hard
from ufm.certify.ledger.claim import Claim, Evidence, compare, drawn, sampled
from ufm.certify.ledger.claims import erratum_7
from ufm.certify.ledger.simulations import NOISE, PAIR, preference

CLAIM = Claim(
    id="proposition-c.1",
    section="Decisions",
    verdict="corrected",
    source="proposition C.1",
    latex=r"""
        x_0 = \frac{-\Delta\sin\theta + \frac{\cos^2\theta}{K}(1/f_{k'} - 1/f_k)}{\cos\theta}, \qquad \Delta^* =
        \frac{\cos^2\theta}{K\sin\theta}\Big(\frac{1}{f_{k'}} - \frac{1}{f_k}\Big) - \frac{\varepsilon_0}{\sin\theta}
    """,
    printed=r"\gamma = \max_j \langle v_j^{(k)}, z \rangle - \max_{j'} \langle v_{j'}^{(k')}, z \rangle",
    hypotheses="""
        z the mean of the mean centers plus Gaussian noise p, unit frame, 0 < theta < pi/2; gamma defined with p, eps0 =
        cos(theta) median(gamma), positive exactly if f_k > f_k'.
    """,
    derivations=("surrogate",),
    functions=(
        "theory.decision.hard.surrogate_margin",
        "theory.decision.hard.surrogate_probability",
        "theory.decision.hard.gamma_survival",
        "theory.decision.hard.gamma_median",
        "theory.decision.hard.surrogate_offset",
    ),
    tests=(
        "tests/theory/decision/test_hard.py::test_gcr_is_undecided_at_the_margin",
        "tests/theory/decision/test_hard.py::test_gamma_against_adaptive_quadrature",
    ),
)


def evidence() -> Evidence:
    (f, g, _), theta = PAIR.centers, PAIR.theta
    margin = float(hard.surrogate_margin(f, g, theta, 3, NOISE))
    for step in (-0.1, -0.02, 0.0, 0.02, 0.1):
        stated = hard.surrogate_probability(margin + step, f, g, theta, 3, NOISE)
        estimate = preference(PAIR, margin + step, NOISE)
        yield sampled(f"P(GCR prefers k) at a lead of {step:+.2f} over the margin", estimate, stated)
    for name, side in (("just above the margin: more than 1/2 by", 1.0), ("just below: less by", -1.0)):
        estimate = preference(PAIR, margin + 0.02 * side, NOISE)
        beyond = side * (estimate.mean - 0.5) - 4.0 * estimate.standard_error
        yield compare(f"{name}, beyond four standard errors", drawn(estimate), beyond, 0.0, relation=">=")
    for x, counts in ((0.7, (5, 1)), (-1.3, (3, 8))):

        def both(b: float, a: float, n: tuple[int, int] = counts) -> float:
            return _largest(a, n[0]) * _largest(b, n[1])

        exact, _ = integrate.dblquad(both, -8, 8, -8, lambda a, x=x: a - x, epsabs=1e-10)
        name, how = f"P(gamma > {x}), f = {counts}", "scipy.integrate.dblquad over both maxima"
        yield compare(name, how, exact, hard.gamma_survival(x, *counts), absolute=1e-8)
    zero, median = hard.gamma_survival(0.0, f, g), hard.gamma_median(f, g)
    yield compare("P(gamma > 0): f / (f + g)", "quadrature", zero, f / (f + g), absolute=1e-14)
    yield compare("eps0 in units of the noise", "quadrature and root finding", median, 0.0, relation=">=")
    yield from erratum_7.evidence()


def _largest(x: float, count: int) -> float:
    """Density of the largest of some standard normal variables."""
    return float(count * stats.norm.pdf(x) * stats.norm.cdf(x) ** (count - 1))
