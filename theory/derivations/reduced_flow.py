r"""The cosine flow on the sphere in three coordinates, whatever the dimension; its alignment and its collapse times.

In its own time (derivation `radius_clock`) a direction u follows u' = -(g - <g, u> u), with g the gradient of the loss
on the sphere. At u = x e + y d + z o this is a combination of e, d and o. So a solution of the three equations below,
with d and o fixed, solves the flow in all dimensions, and there is only one such solution: d and o never turn. Then x
only grows, and with no part y the time to a given collapse is elementary.
"""

from sympy import Eq, Expr, Function, Limit, Piecewise, Symbol, cosh, exp, log, sinh, sqrt, tanh

from theory.derivations.cosine_minimum import SPHERE_LOSS
from theory.derivations.proof import Proof
from theory.derivations.symbols import beta, c, center_cosine, center_gap, cos2, f, nc, sin2, theta, x, y, z
from theory.multicenter import flows

PULL: Expr = f * c**2 * x**2 - f * c * x + cos2 * y**2
"""q = <u, G u - b>, half the radial part of the gradient of the loss over beta."""
FIELD: tuple[Expr, Expr, Expr] = (
    2 * beta * (f * c - f * c**2 * x + PULL * x),
    -2 * beta * (cos2 - PULL) * y,
    2 * beta * PULL * z,
)
"""Velocity of x, y and z; proved here, and where the derivation of the speed of collapse starts from."""


def derive() -> Proof:
    """The three equations, what they conserve, their monotone quantity, and their solution for y = 0."""
    proof = Proof("Reduced cosine flow")
    on_sphere = {z: sqrt(1 - x**2 - y**2)}

    proof.given(
        "By derivation `cosine_minimum` the loss at u = x e + y d + z o is the following, with y the norm of all of u "
        "that lies in the differences: its gradient there is a combination of e and d",
        beta * SPHERE_LOSS,
    )
    gradient = [(beta * SPHERE_LOSS).diff(axis) for axis in (x, y, z)]
    why = "With q = f c^2 x^2 - f c x + cos(theta)^2 y^2, the part of its gradient along u is 2 beta q"
    pull = proof.equal(why, sum(slope * axis for slope, axis in zip(gradient, (x, y, z), strict=True)), 2 * beta * PULL)
    for name, slope, axis, velocity in zip("xyz", gradient, (x, y, z), FIELD, strict=True):
        proof.equal(f"Minus the rest of the gradient: {name}' is", -(slope - pull * axis), velocity)
    dx, dy, dz = FIELD
    excess = x**2 + y**2 + z**2 - 1
    why = "The sphere is invariant: half the velocity of |u|^2 is a multiple of |u|^2 - 1"
    proof.equal(why, x * dx + y * dy + z * dz, 2 * beta * PULL * excess)
    why = "y / z decays as exp(-2 beta cos(theta)^2 tau) exactly: (y / z)' is"
    proof.equal(why, (dy * z - y * dz) / z**2, -2 * beta * cos2 * (y / z))

    share = Symbol("g", nonnegative=True)
    proof.equal(
        "With g = y^2 / (y^2 + z^2) = y^2 / (1 - x^2), x' is",
        dx.subs(y, sqrt(share * (1 - x**2))),
        2 * beta * (1 - x**2) * (f * c * (1 - c * x) + cos2 * share * x),
    )
    beyond = Symbol("k", nonnegative=True)
    level = f * c * (1 - c)
    growth = 2 * beta * ((level + beyond * f * sin2) * (y**2 + z**2) + cos2 * y**2 + beyond * cos2 * z**2)
    at_center = {c: center_cosine}
    why = (
        "Without fractions, with z^2 = 1 - x^2 - y^2 and k = 1 - x, it is 2 beta times "
        "(f c (1 - c) + k f sin(theta)^2) (y^2 + z^2) + cos(theta)^2 (y^2 + k z^2)"
    )
    proof.equal(why, dx.subs(at_center), growth.subs(at_center).subs({beyond: 1 - x} | on_sphere), "x'")
    gap = proof.equal("1 - c is", 1 - center_cosine, center_gap)
    why = "so x never falls, and between e and -e it grows: y^2 + z^2 > 0, k > 0, and cos(theta) or sin(theta) is not 0"
    proof.sign(why, growth.subs(level, f * c * gap), ">=")

    arc = Symbol("s", real=True)
    turn = 2 * beta * (f * c * (1 - c * tanh(arc)) + cos2 * share * tanh(arc))
    why = "With x = tanh(s) the factor 1 - x^2 is dx / ds: s' is 2 beta (f c (1 - c tanh s) + cos(theta)^2 g tanh s)"
    proof.equal(why, dx.subs(y, sqrt(share * (1 - x**2))).subs(x, tanh(arc)), tanh(arc).diff(arc) * turn, "x'")
    proof.equal("The neural collapse |u - e|^2 is", ((x - 1) ** 2 + y**2 + z**2).subs(on_sphere), 2 - 2 * x, "NC")
    proof.equal("so that s = ln((4 - NC) / NC) / 2", tanh(log((4 - nc) / nc) / 2), 1 - nc / 2)

    alone = turn.subs(share, 0)
    several = (arc + c * log(cosh(arc) - c * sinh(arc))) / (1 - c**2) / (2 * beta * f * c)
    proof.given("The time for y = 0 and c < 1 is a difference of values of", Eq(Function("tau")(arc), several))
    proof.equal("Its derivative is 1 / s'", several.diff(arc), 1 / alone)
    one = (arc / 2 + exp(2 * arc) / 4) / (2 * beta * f)
    proof.given("For c = 1 of", Eq(Function("tau")(arc), one))
    proof.equal("The same", (one.diff(arc) * alone.subs(c, 1)).rewrite(exp), 1, one.diff(arc) * Symbol("s'"))
    stretch = (2 - nc) / nc
    either = (log((4 - nc) / nc) / 2 + c / (1 - c) * log(1 + (1 - c) * stretch)) / (1 + c) / (2 * beta * f * c)
    proof.given("In terms of NC, without cancellation as c tends to 1, of", Eq(Function("tau")(nc), either))
    velocity = (-2 * dx).subs({x: 1 - nc / 2, y: 0})
    why = "Its derivative is 1 / NC', with NC' = -2 x'"
    proof.equal(why, either.diff(nc) * velocity, 1, Symbol("tau'") * Symbol("NC'"))
    short = Symbol("delta", positive=True)
    why = "Its second logarithm is that of 1 + (1 - c) (2 - NC) / NC, which is"
    proof.equal(why, 1 + (1 - c) * stretch, c + 2 / nc * (1 - c))
    proof.sign("which is positive, with delta = 1 - c", c + 2 / nc * short, ">")
    proof.equal(
        "and for c = 1, up to a constant, it is the time found above",
        Limit(either.subs(c, 1 - short), short, 0).doit(),
        one.subs(arc, log((4 - nc) / nc) / 2) - 1 / (8 * beta * f),
        Limit(either.subs(c, 1 - short), short, 0),
    )

    velocities = tuple(velocity.subs(c, center_cosine) for velocity in FIELD)
    proof.result(flows.reduced_field, x, y, z, f, theta, beta, is_=velocities)
    before = Symbol("NC_0", positive=True)
    together = log((4 - nc) / nc) / 2 + stretch  # for f = 1, where c = 1
    lasts = Piecewise((together / (4 * beta), Eq(f, 1)), (either.subs(c, center_cosine), True))
    proof.result(flows.clock_to_nc, nc, before, f, theta, beta, is_=lasts - lasts.subs(nc, before))
    return proof
