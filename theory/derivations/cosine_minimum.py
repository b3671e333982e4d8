r"""The minimiser of the cosine loss of one feature: the unit mean center. Its antipode is the one other critical point.

On the sphere the loss is beta times a quadratic function u^T G u - 2 b^T u + f whose linear term b is the top
eigenvector of G: a trust-region problem without a hard case. Both extremes are proved by writing the distance to them
as a sum of squares, in coordinates that serve every dimension: a unit vector u is x e + y d + z o, with e the direction
of the mean center, d a unit vector in the span of the differences of the centers, o one orthogonal to all centers.
"""

from sympy import Eq, Expr, Function, Sum, Symbol, sqrt

from theory.derivations.proof import Proof, linear_sum
from theory.derivations.symbols import beta, c, center_cosine, center_gap, cos2, f, lam, r, sin2, theta, x, y, z
from theory.multicenter import minimum

SPHERE_LOSS: Expr = f * (1 - c * x) ** 2 + cos2 * y**2
"""The cosine loss over beta at a unit vector; proved here, and where the Hessian and the flow start from."""


def derive() -> Proof:
    """The loss in coordinates, its two extremes on the sphere, its critical points, and the norm."""
    proof = Proof("Minimum of the cosine loss")

    j = Symbol("j", integer=True)
    part = Function("g", real=True)(j)
    proof.given("With g_j = <w_j, d>, the cosine between u and a center is", Eq(Function("a")(j), c * x + y * part))
    total = linear_sum((c * x + y * part - 1) ** 2, j, f)
    loss = proof.equal(
        "d is orthogonal to the mean center, so sum g_j = 0, and W^T W d = cos(theta)^2 d (derivation `angles`), so "
        "sum g_j^2 = cos(theta)^2. Hence the loss over beta",
        total.subs({Sum(part, (j, 1, f)): 0, Sum(part**2, (j, 1, f)): cos2}),
        SPHERE_LOSS,
        Sum((c * x + y * part - 1) ** 2, (j, 1, f)),
    )
    best, worst = loss.subs({x: 1, y: 0}), loss.subs({x: -1, y: 0})

    c2 = proof.equal("The square of c is", center_cosine**2, (1 + (f - 1) * sin2) / f)
    proof.sign("so that c > 0", c2, ">")
    gap = proof.equal("and 1 - c is", 1 - center_cosine, center_gap)
    proof.sign("so that c <= 1", gap, ">=")

    on_sphere = {z: sqrt(1 - x**2 - y**2)}
    outside = f * c * (1 - c)
    above = f * c * (1 - x) ** 2 + (cos2 + outside) * y**2 + outside * z**2
    why = (
        "Minimum: with z^2 = 1 - x^2 - y^2 the loss exceeds that of e by f c (1 - x)^2 + (cos(theta)^2 + f c (1 - c)) "
        "y^2 + f c (1 - c) z^2"
    )
    proof.equal(why, loss - best, above.subs(on_sphere))
    proof.sign("which is not negative", above.subs(1 - c, gap), ">=")
    proof.sign("and not 0 unless x = 1, which on the sphere is e alone, as this is positive", f * c, ">")
    difference = proof.equal(
        "Maximum: f c (1 + c) - cos(theta)^2 is positive, being",
        f * center_cosine * (1 + center_cosine) - cos2,
        f * (center_cosine + sin2),
    ).subs(center_cosine, c)
    proof.sign("with c > 0", difference, ">")
    below = f * c * (1 + x) ** 2 + (f * c * (1 + c) - cos2) * y**2 + f * c * (1 + c) * z**2
    why = (
        "and the loss falls short of that of -e by f c (1 + x)^2 + (f c (1 + c) - cos(theta)^2) y^2 + f c (1 + c) z^2, "
        "squares with positive weights: -e is the only maximiser"
    )
    proof.equal(why, worst - loss, below.subs(on_sphere))

    mu = Symbol("mu", real=True)
    lagrangian = loss + mu * (x**2 + y**2 + z**2 - 1)
    why = "A critical point with multiplier mu satisfies (G + mu) u = b. Its component along e: 0 is"
    along = proof.equal(why, lagrangian.diff(x) / 2, (f * c**2 + mu) * x - f * c)
    why = "along d: 0 is (and along o, in the null space of G, just mu z)"
    proof.equal(why, lagrangian.diff(y) / 2, (cos2 + mu) * y)
    why = "If z is not 0, then mu = 0, and the first component says c x = 1"
    proof.equal(why, along.subs(mu, 0), f * c * (c * x - 1))
    beyond = proof.equal("for which c^2 (1 - x^2) is", c2 - 1, -cos2 * (f - 1) / f)
    proof.sign("although 1 - x^2 = y^2 + z^2 is positive: a contradiction", beyond, "<=")
    why = "If y is not 0, then mu = -cos(theta)^2, and it says sin(theta)^2 x = c"
    proof.equal(why, along.subs({mu: -cos2, c: center_cosine}), f * (sin2 * x - center_cosine))
    why = "for which sin(theta) is not 0 and sin(theta)^4 (1 - x^2) is"
    beyond = proof.equal(why, sin2**2 - c2, -cos2 * (1 / f + sin2))
    proof.sign("although 1 - x^2 is positive: a contradiction. There is no critical point but e and -e", beyond, "<=")

    why = "The norm r is free of u, so the loss of r u is at least"
    value = proof.equal(why, beta * best.subs(c, center_cosine), beta * f * gap**2)
    proof.sign("with equality at u = e and r = 1, and only there: in u by the above, in r as", lam * (r - 1) ** 2, ">=")
    proof.result(minimum.cosine_minimum, f, theta, beta, is_=value)
    return proof
