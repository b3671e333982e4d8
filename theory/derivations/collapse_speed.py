r"""How fast the cosine flow collapses: exponentially if the centers of a class differ, algebraically if they coincide.

Derivation `reduced_flow` shows that x tends to 1 from every start but the antipode, and that g = y^2 / (y^2 + z^2)
tends to 0 exponentially where cos(theta) > 0 and z is not 0 at the start. So the rate -NC' / NC tends to its value at
NC = g = 0. What it differs by, a multiple of NC and one of g, has a finite integral over all times where that value is
positive: NC exp(rate tau) then tends to a positive constant.
"""

from sympy import Limit, Rational, Symbol, log, oo, sqrt

from theory.derivations.proof import Proof
from theory.derivations.reduced_flow import FIELD
from theory.derivations.symbols import beta, c, center_cosine, center_gap, cos2, f, nc, sin2, tau, theta, x, y, z
from theory.multicenter import flows


def derive() -> Proof:
    """Rates where the centers differ, how they depend on f and theta, and the law where the centers coincide."""
    proof = Proof("Speed of collapse")
    dx, dy, dz = FIELD
    at_nc = {x: 1 - nc / 2}

    share = Symbol("g", nonnegative=True)
    proof.given("NC = 2 - 2 x, and by derivation `reduced_flow` x' is", dx)
    rate = proof.equal(
        "With y^2 = g (1 - x^2), the rate -NC' / NC is",
        (2 * dx / nc).subs(y, sqrt(share * (1 - x**2))).subs(at_nc),
        beta * (4 - nc) * (f * c * (1 - c) + f * c**2 * nc / 2 + cos2 * share * (1 - nc / 2)),
        Symbol("-NC'") / nc,
    )
    level = f * c * (1 - c)
    proof.equal(
        "It tends to 4 beta f c (1 - c), from which it differs by a bounded multiple of NC and one of g",
        rate - 4 * beta * level,
        nc * beta * ((4 - nc) * f * c**2 / 2 - level) + share * beta * cos2 * (4 - nc) * (1 - nc / 2),
    )
    why = "A start with z = 0 keeps g = 1 and is faster: the rate is twice the curvature on the differences"
    proof.equal(why, rate.subs({nc: 0, share: 1, c: center_cosine}), 4 * beta * f * (center_cosine - sin2), "rate")
    end = {x: 1, y: 0}
    outside = proof.equal("By coordinates: z' / z at e is minus half the rate", (dz / z).subs(end), -2 * beta * level)
    proof.equal("and y' / y is lower by 2 beta cos(theta)^2", (dy / y).subs(end), outside - 2 * beta * cos2)
    proof.equal("while NC is y^2 + z^2 = 1 - x^2 up to its square", (1 - x**2).subs(at_nc), nc - nc**2 / 4)

    gap = proof.equal("The rate contains 1 - c, which is", 1 - center_cosine, center_gap)
    speed = 4 * beta * f * center_cosine * gap
    proof.sign("It is not negative, and 0 only if f = 1 or cos(theta) = 0: then the centers coincide", speed, ">=")

    why = "For given beta and f it falls short of beta f by"
    short = proof.equal(why, beta * f - 4 * beta * level, beta * f * (1 - 2 * c) ** 2)
    proof.sign("so beta f bounds it, and c = 1/2 attains the bound", short, ">=")
    half = (f - 4) / (4 * (f - 1))
    why = "There is such an angle if f >= 4: for sin(theta)^2 = (f - 4) / (4 (f - 1)) the square of c is"
    proof.equal(why, (center_cosine**2).subs({cos2: 1 - half, sin2: half}), Rational(1, 4), c**2)
    above = proof.equal("In general it exceeds 1 / f by", center_cosine**2 - 1 / f, sin2 * (f - 1) / f)
    proof.sign("so that for f < 4 always c > 1/2", above, ">=")
    proof.equal("and the rate falls as c grows", (4 * beta * level).diff(c), 4 * beta * f * (1 - 2 * c))
    proof.equal("so it is largest at theta = 0, where it is", speed.subs(theta, 0), 4 * beta * (sqrt(f) - 1), "rate")

    mixed = cos2 + 2 * f * sin2
    proof.equal(
        "More centers collapse faster, at a given angle and beta: the slope of the rate in f is 2 beta / (f c) times "
        "(cos(theta)^2 + 2 f sin(theta)^2) - 2 f c sin(theta)^2",
        (4 * beta * f * center_cosine * (1 - center_cosine)).diff(f),
        2 * beta / (f * center_cosine) * (mixed - 2 * f * center_cosine * sin2),
        "rate'",
    )
    squares = proof.equal(
        "and the first of these two exceeds the second, since their squares differ by",
        mixed**2 - (2 * f * center_cosine * sin2) ** 2,
        cos2**2 * (1 + 4 * f * sin2) + 4 * f**2 * sin2**2 * cos2,
    )
    proof.sign("which is positive where cos(theta) is", squares, ">=")
    sine = Symbol("sigma", positive=True)
    per_center = (4 * beta * center_cosine * (1 - center_cosine)).subs({cos2: 1 - sine**2, sin2: sine**2})
    why = "For many centers it is linear in f if sigma = sin(theta) > 0 (if theta = 0 it grows as sqrt(f)): rate / f"
    proof.equal(why, Limit(per_center, f, oo).doit(), 4 * beta * sine * (1 - sine), Limit(per_center, f, oo))
    why = "With beta = c it grows too: of the factors of 4 (f c^2) (1 - c) the first rises"
    proof.equal(why, (f * center_cosine**2).diff(f), sin2)
    proof.equal("and the second as well, since c^2 falls", (center_cosine**2).diff(f), -cos2 / f**2)

    why = "If the centers coincide, c = 1 and cos(theta)^2 y^2 = 0, as f = 1 leaves no differences: x' is"
    flat = proof.equal(why, dx.subs({c: 1, y: 0}), 2 * beta * f * (1 - x) ** 2 * (1 + x), "x'")
    pace = proof.equal("and NC' is", (-2 * flat).subs(at_nc), -2 * beta * f * nc**2 * (1 - nc / 4), "NC'")
    age = 1 / nc + log((4 - nc) / nc) / 4
    why = "Hence 1 / NC + ln((4 - NC) / NC) / 4 grows at the constant speed"
    proof.equal(why, age.diff(nc) * pace, 2 * beta * f, age.diff(nc) * Symbol("NC'"))
    start = Symbol("C", real=True)
    why = "and is 2 beta f tau but for a constant C of the start. So 2 beta f tau NC tends to 1, but from the antipode"
    proof.equal(why, Limit(nc * (age + start), nc, 0).doit(), 1, Limit(nc * (age + start), nc, 0))
    law = 1 / (2 * beta * f * tau)
    why = "The law NC = 1 / (2 beta f tau) itself solves NC' = -2 beta f NC^2"
    proof.equal(why, law.diff(tau), -2 * beta * f * law**2)

    proof.result(flows.nc_rate, f, theta, beta, is_=speed)
    proof.result(flows.algebraic_nc, tau, f, beta, is_=law)
    return proof
