r"""Flow of the squared loss from an aligned, balanced start: each mode is a logistic curve."""

from sympy import Eq, Symbol, exp, limit, oo, simplify, sqrt, symbols

from theory.derivations.proof import Proof
from theory.derivations.symbols import N, lam, n, t

start, end = Symbol("s_0", positive=True), Symbol("s_e", positive=True)
curve = end / (1 + (end / start - 1) * exp(-2 * end * t / N))
"""s(t); tests hold numpy, which moves all modes at once, against it."""


def derive() -> Proof:
    """The motion of one mode, its solution, its limit, and what is conserved."""
    proof = Proof("Flow of the squared loss, one mode")
    u, v, s = symbols("u v s", positive=True)
    objective = (u * v - sqrt(n)) ** 2 / (2 * N) + lam * (u**2 + v**2) / 2
    proof.given("Weights u and features v of a mode, of equal decay, move down", Eq(Symbol("F"), objective))
    du, dv = -objective.diff(u), -objective.diff(v)
    why = "The difference u^2 - v^2 feels nothing but decay; it stays 0 where it is 0. Its motion is"
    proof.equal(why, 2 * u * du - 2 * v * dv, -2 * lam * (u**2 - v**2))
    speed = 2 * s * (sqrt(n) - N * lam - s) / N
    proof.equal("With u = v, s = u v moves like", (du * v + u * dv).subs({u: sqrt(s), v: sqrt(s)}), speed, "s'")
    logistic = speed.subs(sqrt(n), end + N * lam)
    proof.equal("that is, with s_e = sqrt(n) - N lambda,", logistic, 2 * s * (end - s) / N, "s'")
    proof.equal("The logistic curve solves that", simplify(curve.diff(t) - 2 * curve * (end - curve) / N), 0)
    proof.equal("begins at", curve.subs(t, 0), start, "s(0)")
    proof.equal("and ends in s_e, the minimum, where that is above 0", limit(curve, t, oo), end)
    return proof
