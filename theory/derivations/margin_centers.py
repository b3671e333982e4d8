r"""How many centers a margin under RCR takes."""

from sympy import Symbol, cos, sin, sqrt, tan

from theory.derivations.proof import Proof
from theory.derivations.symbols import cos2, f, sin2, theta
from theory.multicenter import centers


def derive() -> Proof:
    """The cosine between mean center and classifier vector, solved for the number of centers."""
    proof = Proof("Centers for a margin")
    gamma = Symbol("gamma", positive=True)
    proof.given(
        "At its mean center a feature has the margin cos rho = sin(theta) / c", sin(theta) / sqrt(cos2 / f + sin2)
    )
    wanted = gamma**2 / ((1 - gamma**2) * tan(theta) ** 2)
    proof.given("It is to be gamma for f equal to", wanted)
    proof.equal("So that cos(theta)^2 / f is", cos2 / wanted, sin2 * (1 - gamma**2) / gamma**2)
    proof.equal("c^2 is", cos2 / wanted + sin2, sin2 / gamma**2)
    proof.equal("and the square of the margin is that of gamma", sin2 / (cos2 / wanted + sin2), gamma**2)
    growth = 2 * gamma * cos(theta) ** 2 / (sin2 * (1 - gamma**2) ** 2)
    proof.equal("It takes ever more centers: the derivative in gamma", wanted.diff(gamma), growth)
    q, first = Symbol("q", positive=True), Symbol("f_1", positive=True)
    largest = first * tan(theta) ** 2 / (1 + first * tan(theta) ** 2)
    proof.equal("f_1 centers have a squared margin of", wanted.subs(gamma, sqrt(largest)), first)
    why = "Another class, whose squared margin is q times that, has"
    proof.equal(why, wanted.subs(gamma, sqrt(q * largest)), q * first / (1 + first * tan(theta) ** 2 * (1 - q)))
    proof.result(centers.centers_for_margin, gamma, theta, is_=wanted)
    return proof
