r"""Squared loss and weight decay: each singular value of the targets shrinks by itself, or dies.

With :math:`A = Z D^{1/2}` and targets :math:`T = Y D^{1/2}` (centered, if there is a free bias) the objective is
:math:`|A - T|^2 / (2 N) + \lambda |A|_*`.
"""

from sympy import Eq, Max, Piecewise, Symbol

from theory.derivations.proof import Proof
from theory.derivations.symbols import N, lam
from theory.zoo import theorem

strength = Symbol("sigma", positive=True)
kept = Symbol("s", nonnegative=True)

share = (kept - strength) ** 2 / (2 * N) + lam * kept
"""What a singular value sigma of the targets costs, if A has s in its place."""


def derive() -> Proof:
    """The minimum over one singular value, and the multiplier that proves it."""
    proof = Proof("Squared loss, one singular value")
    proof.given(
        "Of matrices A with singular values s, by von Neumann |A - T|^2 is least where A has the singular vectors of "
        "T, and |A|_* is the sum of s. So each pair of s and sigma costs by itself",
        Eq(Symbol("F(s)"), share),
    )
    why = "which is convex, with the slope"
    slope = proof.equal(why, share.diff(kept), (kept - (strength - N * lam)) / N, "F'(s)")
    proof.equal("It vanishes at s = sigma - N lambda, if that is above 0", slope.subs(kept, strength - N * lam), 0)
    living = proof.equal(
        "where the cost is",
        share.subs(kept, strength - N * lam),
        lam * strength - N * lam**2 / 2,
        "F(sigma - N lambda)",
    )
    dead = proof.equal("Else the least is at s = 0 and costs", share.subs(kept, 0), strength**2 / (2 * N), "F(0)")
    proof.equal("Dying costs more, by a square", dead - living, (strength - N * lam) ** 2 / (2 * N))
    slopes = (strength - kept) / N
    proof.given("The gradient (A - T) / N has the singular values sigma / N where none is kept, else", slopes)
    proof.equal(
        "that is lambda: at most lambda everywhere, and nothing is better", slopes.subs(kept, strength - N * lam), lam
    )
    proof.result(theorem.kept, strength, N, lam, is_=Max(strength - N * lam, 0))
    proof.result(theorem.cost, strength, N, lam, is_=Piecewise((living, strength > N * lam), (dead, True)))
    return proof
