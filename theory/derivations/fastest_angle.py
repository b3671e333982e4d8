r"""The angle at which classes collapse fastest, for weights that do not depend on it and for the paper's."""

from sympy import Eq, Expr, Integer, Piecewise, Rational, Symbol, asin, sin, sqrt

from theory.decision import choice
from theory.derivations.proof import Proof
from theory.derivations.symbols import beta, c, f, theta


def derive() -> Proof:
    """Maxima of f c (1 - c) and of f c^2 (1 - c), and the angles that have them."""
    proof = Proof("Angles of fastest collapse")
    proof.given("NC falls with a rate in proportion to", Eq(Symbol("rate"), beta * f * c * (1 - c)))
    sine2 = sine_of(c)
    why = "c is a function of the angle: c^2 = cos(theta)^2 / f + sin(theta)^2 for"
    proof.given(why, Eq(sin(theta) ** 2, sine2))
    proof.equal("as is seen by putting it in", (1 - sine2) / f + sine2, c**2)
    plain = _largest(proof, Integer(1), Rational(1, 2), 2)
    weighted = _largest(proof, c, Rational(2, 3), 3)
    proof.equal("The largest rates grow with f", (f * c * (1 - c)).subs(c, Rational(1, 2)), f / 4)
    proof.equal("both of them", (f * c**2 * (1 - c)).subs(c, Rational(2, 3)), 4 * f / 27)
    proof.result(choice.fastest_angle, f, is_=Piecewise((0, f < 4), (asin(sqrt(plain)), True)))
    proof.result(choice.fastest_weighted_angle, f, is_=Piecewise((0, f < 3), (asin(sqrt(weighted)), True)))
    return proof


def _largest(proof: Proof, weight: Expr, best: Expr, slope: int) -> Expr:
    """The squared sine for which the rate with a weight is largest."""
    rate = weight * f * c * (1 - c)
    why = f"With the weight beta = {weight} the rate has the slope"
    proof.equal(why, rate.diff(c), slope * weight * f * (best - c), Symbol("d rate / dc"))
    proof.given("so that it rises up to, and falls from", Eq(c, best))
    squared = proof.equal("There", sine_of(best), (best**2 * f - 1) / (f - 1), sin(theta) ** 2)
    least, more = 1 / best**2, Symbol("m", positive=True)
    why = f"which is positive beyond {least} centers; fewer have a larger c at every angle, and the smallest at 0"
    proof.sign(why, squared.subs(f, least + more).simplify(), ">")
    return squared


def sine_of(cosine: Expr) -> Expr:
    """Squared sine of the angle at which the mean center has a cosine with its centers."""
    return (f * cosine**2 - 1) / (f - 1)
