r"""The Hessian of the cosine loss at its minimiser and at the antipode, with all eigenspaces at once.

Along a straight line h = ±e + epsilon (a e + b d + g o) the second derivative is a quadratic form in a, b, g without
mixed terms. As d may be any unit vector in the differences of the centers and o any one orthogonal to all centers, its
coefficients are the eigenvalues: one, one for each of f - 1 differences, one for each dimension outside the centers.
The penalty enters only that of a, so those of b and g belong to the Hessian on the unit sphere as well.
"""

from sympy import Expr, Limit, Symbol, cos, sqrt, symbols

from theory.derivations.cosine_minimum import SPHERE_LOSS
from theory.derivations.proof import Proof
from theory.derivations.symbols import beta, c, center_cosine, center_gap, cos2, f, lam, sin2, theta, x, y
from theory.multicenter import minimum


def derive() -> Proof:
    """Eigenvalues at the minimiser, their signs and order; at the antipode; the degenerate case c = 1."""
    proof = Proof("Hessian of the cosine loss")
    a, b, g, epsilon = symbols("a b g epsilon", real=True)

    def loss(end: int) -> Expr:
        mean = end + epsilon * a
        r = sqrt(mean**2 + epsilon**2 * (b**2 + g**2))
        return beta * SPHERE_LOSS.subs({x: mean / r, y: epsilon * b / r}) + lam * (r - 1) ** 2

    def slope(end: int, order: int) -> Expr:
        return loss(end).diff(epsilon, order).subs(epsilon, 0)

    proof.given("The loss along h = e + epsilon (a e + b d + g o)", loss(1))
    proof.equal("Its first derivative at e", slope(1, 1), 0, "L'")
    tangent, outside = 2 * beta * (cos2 + f * c * (1 - c)), 2 * beta * f * c * (1 - c)
    proof.equal("and the second", slope(1, 2), 2 * lam * a**2 + tangent * b**2 + outside * g**2, "L''")
    why = "The eigenvalue on the differences is 2 beta f (c - sin(theta)^2)"
    difference = proof.equal(why, tangent.subs(c, center_cosine), 2 * beta * f * (center_cosine - sin2))
    gap = proof.equal("That on the outside contains 1 - c, which is", 1 - center_cosine, center_gap)
    slow = 2 * beta * f * center_cosine * gap
    proof.sign("It is not negative, and 0 only if f = 1 or cos(theta) = 0: then the centers coincide", slow, ">=")
    excess = proof.equal("The other one exceeds it by", difference - slow, 2 * beta * cos2)
    proof.sign("so the outside is the slower one", excess, ">=")

    proof.equal("At the antipode the first derivative vanishes too", slope(-1, 1), 0, "L'")
    tangent, outside = 2 * beta * (cos2 - f * c * (1 + c)), -2 * beta * f * c * (1 + c)
    proof.equal("and the second is", slope(-1, 2), 2 * lam * a**2 + tangent * b**2 + outside * g**2, "L''")
    tangent = proof.equal(
        "There the eigenvalue on the differences is -2 beta f (c + sin(theta)^2)",
        tangent.subs(c, center_cosine),
        -2 * beta * f * (center_cosine + sin2),
    ).subs(center_cosine, c)
    proof.sign("It is negative", tangent, "<")
    why = "and so is that on the outside: on the sphere the antipode is a maximum, in space a saddle"
    proof.sign(why, outside, "<")

    angle = Symbol("phi", real=True)
    quartic = SPHERE_LOSS.subs({c: 1, x: cos(angle), y: 0})
    proof.equal(
        "If the centers coincide, c = 1 and y costs nothing: at an angle phi from e the loss begins with phi^4",
        Limit(beta * quartic / angle**4, angle, 0).doit(),
        beta * f / 4,
        Limit(beta * quartic / angle**4, angle, 0),
    )

    proof.result(minimum.cosine_curvatures, f, theta, beta, lam, is_=(difference, slow, 2 * lam))
    return proof
