r"""How often a number falls short of its mean: Cantelli's inequality, and the law that reaches it."""

from sympy import Symbol

from theory.decision import cantelli
from theory.derivations.proof import Proof


def derive() -> Proof:
    """Markov's inequality for a shifted square, at the best shift."""
    proof = Proof("Cantelli's inequality")
    v, t, a = Symbol("v", positive=True), Symbol("t", positive=True), Symbol("a", nonnegative=True)
    x = Symbol("X", real=True)
    proof.given("X has mean 0 and variance v. For every a >= 0, X >= t implies (X + a)^2 >= (t + a)^2", x >= t)
    bound = (v + a**2) / (t + a) ** 2
    proof.given("so by Markov's inequality P(X >= t) is at most E (X + a)^2 / (t + a)^2, which is", bound)
    slope = 2 * (a * t - v) / (t + a) ** 3
    proof.equal("Its slope in a changes sign once, from - to +, at a = v / t", bound.diff(a), slope)
    least = proof.equal("where it is", bound.subs(a, v / t), v / (v + t**2), Symbol("bound"))
    proof.sign("and less than 1 by", (1 - least).factor(), ">")
    low, high = -v / t, t
    why = "Two values, t with this probability and -v/t else, have mean 0"
    proof.equal(why, least * high + (1 - least) * low, 0, Symbol("E X"))
    proof.equal("and variance v: no smaller bound is true of all", least * high**2 + (1 - least) * low**2, v, "E X^2")
    proof.result(cantelli.tail_bound, v, t, is_=least)
    return proof
