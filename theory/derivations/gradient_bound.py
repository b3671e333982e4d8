r"""The largest gradient of the cosine loss of one feature, over all directions that it can have.

The paper bounds it by the length of the sum of the centers, as if no center had a negative cosine with the feature. It
is larger where some have, and its largest value is known exactly.
"""

from sympy import Eq, Expr, IndexedBase, Rational, Sum, Symbol, cos, sqrt, symbols

from theory.derivations.proof import Proof, linear_sum
from theory.derivations.symbols import beta, c, center_cosine, cos2, f, theta, x
from theory.multicenter import flows

C, sin_squared = symbols("C sigma", nonnegative=True)
"""cos(theta)^2 and sin(theta)^2, where their values do not matter; f c^2 = C + f sigma."""
Y = Symbol("Y", nonnegative=True)
"""y^2, from 0 to 1 - x^2."""
a = f * c * (1 - c * x)
"""Half the slope of the loss along the mean center, with the other sign."""


def derive() -> Proof:
    """The loss in two coordinates, its slope on the sphere, and where that is largest."""
    proof = Proof("The largest gradient of the cosine loss")
    square = _slope(proof)
    _without_differences(proof, square)
    s = _largest(proof)
    bound = 2 * beta * f * center_cosine * ((1 + c * s) * sqrt(1 - s**2)).subs(c, center_cosine)
    proof.result(flows.gradient_bound, f, theta, beta, is_=bound)
    return proof


def _slope(proof: Proof) -> Expr:
    """A quarter of the squared length of the gradient at |h| = 1 and beta = 1."""
    j, d, y = Symbol("j", integer=True), IndexedBase("d"), Symbol("y", nonnegative=True)
    score = c * x + cos(theta) * d[j] * y
    why = "With u = x e + y sum_j d_j v_j + z o, sum_j d_j = 0 and sum_j d_j^2 = 1, the cosine with center j is"
    proof.given(why, Eq(Symbol("a_j"), score))
    loss = f * (1 - c * x) ** 2 + cos2 * y**2
    unit = {Sum(d[j], (j, 1, f)): 0, Sum(d[j] ** 2, (j, 1, f)): 1}
    summed = linear_sum((score - 1) ** 2, j, f).subs(unit)
    proof.equal("so the loss is", summed, loss, Sum((Symbol("a_j") - 1) ** 2, (j, 1, f)))
    along, across = loss.diff(x), loss.diff(y)
    square = a**2 + C**2 * Y - (a * x - C * Y) ** 2
    proof.equal(
        "On the sphere a slope loses its part along u: with C = cos(theta)^2, Y = y^2 and a = f c (1 - c x), a quarter "
        "of its squared length is",
        (along**2 + across**2 - (x * along + y * across) ** 2) / 4,
        square.subs({C: cos2, Y: y**2}),
        "M",
    )
    return square


def _without_differences(proof: Proof, square: Expr) -> None:
    """No part in the differences of centers belongs to the largest slope."""
    best, crest = Symbol("Y_*", real=True), a**2 + C * a * x + C**2 / 4
    proof.equal(
        "It is a parabola in Y with its top at Y_* = 1/2 + a x / C, where it has the height P(x)",
        square,
        crest - (C * Y - C / 2 - a * x) ** 2,
        "M",
    )
    total = C + f * sin_squared
    bend = proof.equal(
        "P is convex in x, since f c^2 = C + f sin(theta)^2",
        crest.diff(x, 2).expand().subs(c, sqrt(total / f)),
        2 * f * total * sin_squared,
        "P''",
    )
    proof.sign(
        "So where 0 <= Y_* <= 1 - x^2, M is at most the larger value of P at the ends of that interval", bend, ">="
    )
    w, slope = Symbol("w", positive=True), Symbol("a", positive=True)
    proof.equal(
        "At the one end Y_* is 0, that is C = 2 a w with x = -w, and P is what M is without differences",
        (slope**2 - C * slope * w + C**2 / 4).subs(C, 2 * slope * w),
        slope**2 * (1 - w**2),
        "P",
    )
    why = "Left of it Y_* < 0, and M is at most that as well: it is"
    proof.equal(why, square.subs(Y, 0), a**2 * (1 - x**2), "M(x, 0)")
    proof.given("The other end is right of x = 0, where Y_* = 1/2; there and beyond it Y = 1 - x^2", Eq(best, 1 - x**2))
    proof.equal(
        "which makes M at most f^2 c^2, its value at x = Y = 0: c >= sin(theta)^2",
        square.subs(Y, 1 - x**2).subs(C, f * c**2 - f * sin_squared),
        f**2 * (1 - x**2) * (c - sin_squared * x) ** 2,
        "M(x, 1 - x^2)",
    )


def _largest(proof: Proof) -> Expr:
    """Where it is, as minus the cosine with the mean center."""
    s = Symbol("s", positive=True)
    height = (1 + c * s) ** 2 * (1 - s**2)
    why = "What is left is the largest M(-s, 0) = f^2 c^2 (1 + c s)^2 (1 - s^2); it grows as long as 2 c s^2 + s < c"
    slope = proof.equal(why, height.diff(s), 2 * (1 + c * s) * (c - s - 2 * c * s**2))
    root = 2 * c / (1 + sqrt(1 + 8 * c**2))
    proof.equal("so it is largest at s = 2 c / (1 + sqrt(1 + 8 c^2))", slope.subs(s, root), 0, "M'")
    proof.equal("For one center, c = 1, that is s = 1/2", root.subs(c, 1), Rational(1, 2))
    proof.given(
        "A feature of norm r has the gradient at |h| = 1 divided by r, so |grad| <= 2 beta sqrt(M) / r",
        Eq(Symbol("max |grad| r"), 2 * beta * f * c * (1 + c * s) * sqrt(1 - s**2)),
    )
    return root
