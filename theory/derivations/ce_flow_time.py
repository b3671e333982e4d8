r"""Flow of cross-entropy, equal classes, along a simplex: its speed, and without decay its exact time."""

from sympy import Ei, Eq, Symbol, exp, log, sqrt, symbols

from theory.derivations.proof import Proof
from theory.derivations.symbols import K, c, lam, n
from theory.zoo import ce_flow_time

a, start = Symbol("a", positive=True), Symbol("a_0", positive=True)


def derive() -> Proof:
    """From the gradient on one mode to the speed of a, its end, and the time that it takes."""
    proof = Proof("Flow of cross-entropy along a simplex")
    u, v = symbols("u v", positive=True)
    p = 1 / (exp(a) + K - 1)
    proof.given(
        "At Z = a P the gradient by A = Z D^(1/2) is -(p / sqrt(n)) P, with the probability p of each other class "
        "(derivation `ce_balanced`). So weights u and features v of each of K - 1 modes, u v = sqrt(n) a, move like",
        Eq(Symbol("u'"), p / sqrt(n) * v - lam * u),
    )
    du, dv = p / sqrt(n) * v - lam * u, p / sqrt(n) * u - lam * v
    proof.equal("u^2 - v^2 feels decay alone, and stays 0", 2 * u * du - 2 * v * dv, -2 * lam * (u**2 - v**2))
    mode = sqrt(sqrt(n) * a)
    speed = 2 * a / sqrt(n) * (p - c)
    found = (du * v + u * dv).subs({u: mode, v: mode}) / sqrt(n)
    proof.equal("With u = v and c = sqrt(n) lambda, a moves like", found, speed.subs(c, sqrt(n) * lam), "a'")
    proof.equal("It stops where e^a = 1 / c - (K - 1), in the minimum", speed.subs(exp(a), 1 / c - (K - 1)), 0)
    time = Ei(a) - Ei(start) + (K - 1) * log(a / start)
    unit = sqrt(n) / 2
    proof.equal("Without decay da / a' in units of sqrt(n) / 2 is", 1 / (speed.subs(c, 0) * unit), (exp(a) + K - 1) / a)
    proof.equal("which is the slope of Ei(a) + (K - 1) ln(a)", time.diff(a), (exp(a) + K - 1) / a)
    proof.equal("so from a_0 on the time is that, less its value there", time.subs(a, start), 0)
    proof.result(ce_flow_time.time_without_decay, a, start, K, is_=time)
    return proof
