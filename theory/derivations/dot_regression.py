r"""Dot regression to weights that do not move: the minimum on the ball, and the one feature that reaches it."""

from sympy import Eq, Symbol, sqrt

from theory.derivations.proof import Proof
from theory.zoo import dot_regression


def derive() -> Proof:
    """The product that is reached, the value there, and the multiplier that proves it."""
    proof = Proof("Dot regression on a ball")
    e_w, e_h, reach, short = (Symbol(name, positive=True) for name in ("E_W", "E_H", "s", "epsilon"))
    product, target = Symbol("x", real=True), Symbol("t", positive=True)
    proof.given("By Cauchy and Schwarz x = <w, h> is at most", Eq(reach, sqrt(e_w * e_h)))
    scale = sqrt(e_h / e_w)
    proof.equal("with equality at h = sqrt(E_H / E_W) w alone, as there x is", scale * e_w, sqrt(e_w * e_h), "<w, h>")
    proof.equal("and |h|^2 is", scale**2 * e_w, e_h, "|h|^2")
    loss = (product - target) ** 2 / (2 * reach)
    lower = loss.subs({product: reach - short, target: reach + Symbol("d", nonnegative=True)})
    distance = Symbol("d", nonnegative=True)
    proof.equal(
        "For t = s + d any x = s - epsilon costs more than x = s, by",
        lower - distance**2 / (2 * reach),
        short * (short + 2 * distance) / (2 * reach),
    )
    proof.sign(
        "which is positive, so that nothing else is a minimum", short * (short + 2 * distance) / (2 * reach), ">"
    )
    nu = (target - reach) / reach
    least = (target - reach) ** 2 / (2 * reach)
    proof.equal(
        "The bound nu t - nu s - s nu^2 / 2 at nu = (t - s) / s is that value",
        nu * target - nu * reach - reach * nu**2 / 2,
        least,
    )
    proof.result(dot_regression.least, target, reach, is_=least)
    return proof
