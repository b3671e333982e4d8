r"""How far a collapsed feature is from the nearest point that a rule gives to another class.

A rule keeps class k where every one of some scores is ahead of every score of the other class. For a feature
:math:`z = r u_k` moved by :math:`\delta`, one pair of vectors a (own) and b (of another class) changes places where
:math:`\langle b - a, z + \delta \rangle \ge 0`. Under GCR b must overtake all own centers, and then it overtakes their
mean: a half-space around the region that is searched. Its nearest point is found, and seen to lie in that region.
"""

from sympy import Eq, Symbol, cos, erfc, exp, limit, oo, pi, sin, sqrt, symbols

from theory.decision import radius
from theory.derivations.proof import Proof
from theory.derivations.symbols import c, center_cosine, cos2, f, r, sin2, theta


def derive() -> Proof:
    """Radii of the three rules, the nearest point of GCR, and which of RCR and GCR has the larger radius."""
    proof = Proof("Robust radius at collapse")
    a, b = symbols("a b", positive=True)
    rho = Symbol("cos(rho)", positive=True)

    proof.given("A half-space <n, z> + <n, delta> >= 0 is as far as", Eq(Symbol("|delta|"), Symbol("-<n, z> / |n|")))
    nearest = proof.equal(
        "NMC: n = u_j - u_k with orthonormal u_j and u_k, so <n, z> = -r and |n|^2 = 2", r / sqrt(2), sqrt(2) * r / 2
    )
    regular = proof.equal(
        "RCR: n = w_j - w_k with orthonormal w_j and w_k, and <w_k, z> = r cos(rho), <w_j, z> = 0",
        r * rho / sqrt(2),
        nearest * rho,
    )

    # n = w' - wbar: <wbar, z> = r c since wbar = c u, and |n|^2 = 1 + c^2
    why = (
        "GCR: a center w' that overtakes every own center overtakes their mean wbar = c u_k, of which <wbar, z> = r c. "
        "w' is orthogonal to it, so n = w' - wbar has |n|^2 = 1 + c^2: the region is at least as far as"
    )
    general = proof.equal(why, r * c / sqrt(1 + c**2), r * sqrt(c**2 / (1 + c**2)))
    move, rest = r * c**2 / (1 + c**2), r * c / (1 + c**2)
    why = "The nearest point of that half-space is delta = -a u_k + b w', a multiple of n, with a and b"
    proof.given(why, Eq(Symbol("(a, b)"), Symbol("(r c^2, r c) / (1 + c^2)")))
    proof.equal("Indeed a = b c", move, rest * c)
    proof.equal("and its length is that distance", sqrt(move**2 + rest**2), general)
    own, other = c * (r - a), b
    why = (
        "There every own center, not only their mean, scores c (r - a), and w' scores b: they are equal, so that the "
        "point is on the edge of the region itself, whichever numbers of centers and angles the other class has"
    )
    proof.equal(why, own.subs(a, move), other.subs(b, rest))
    why = "It is the shortest such move: on the line b = c (r - a) the derivative of a^2 + b^2 by a vanishes there"
    squared = a**2 + (c * (r - a)) ** 2
    proof.equal(why, squared.diff(a).subs(a, move), 0, shown=Symbol("d(a^2 + b^2)/da"))
    proof.sign("and the second derivative is positive", squared.diff(a, 2), ">")

    why = "RCR's squared radius less GCR's, for r = 1 and with cos(rho) = sin(theta) / c"
    difference = (sin2 / c**2) / 2 - c**2 / (1 + c**2)
    proof.equal(why, difference, (sin2 * (1 + c**2) - 2 * c**4) / (2 * c**2 * (1 + c**2)))
    c2 = cos2 / f + sin2
    why = "Its numerator, with c^2 = cos(theta)^2 / f + sin(theta)^2, is"
    numerator = (sin2 * (1 + c2) - 2 * c2**2).subs(cos(theta), sqrt(1 - sin(theta) ** 2))
    short = ((f - 1) * (f - 2) * sin2 - 2) / f**2
    proof.equal(why, numerator, (1 - sin2) * short)
    turn = 2 / ((f - 1) * (f - 2))
    proof.equal("So RCR wins from there on", short.subs(sin(theta), sqrt(turn)), 0)
    many = Symbol("m", nonnegative=True)
    why = "which is an angle if f >= 4: with f = 4 + m the denominator exceeds the numerator by a positive number"
    proof.sign(why, ((f - 1) * (f - 2) - 2).subs(f, 4 + many).expand(), ">")

    at = {c: center_cosine}
    proof.result(radius.nmc_radius, r, is_=nearest)
    proof.result(radius.rcr_radius, f, theta, r, is_=regular.subs(rho, sin(theta) / center_cosine))
    proof.result(radius.gcr_radius, f, theta, r, is_=(r * c / sqrt(1 + c**2)).subs(at))
    proof.result(radius.gcr_nearest, f, theta, r, is_=(move.subs(at), rest.subs(at)))
    proof.result(radius.rcr_advantage, f, theta, is_=cos2 * short / (2 * c2 * (1 + c2)))
    y, size, sigma = symbols("y R sigma", positive=True)
    why = (
        "Noise of variance sigma^2 in each direction crosses the edge of a half-space at the distance R with "
        "probability erfc(y) / 2, y = R / (sigma sqrt(2)), which is e^(-y^2) / (2 y sqrt(pi)) for large y"
    )
    proof.equal(why, limit(erfc(y) * exp(y**2) * y * sqrt(pi), y, oo), 1, Symbol("lim erfc(y) e^(y^2) y sqrt(pi)"))
    why = "Such half-spaces, finitely many, hold all errors, and the exponent of the nearest one is"
    exponent = proof.equal(why, (y**2).subs(y, size / (sigma * sqrt(2))), size**2 / (2 * sigma**2))
    proof.result(radius.noise_exponent, size, sigma, is_=exponent)
    return proof
