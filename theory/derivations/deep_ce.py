r"""Cross-entropy under M layers that decay: the values of a collapse and of an orthoplex, and which is lower."""

from sympy import Eq, Matrix, Rational, Symbol, exp, eye, log, sqrt

from theory.derivations.deep_mse import M
from theory.derivations.proof import Proof
from theory.derivations.symbols import K, a, c, n
from theory.zoo import deep_ce

b = Symbol("b", nonnegative=True)
p = Symbol("p", positive=True)


def derive() -> Proof:
    """Both objectives along their scales, and the sign of their difference as the decay vanishes."""
    proof = Proof("Cross-entropy under M layers: collapse against an orthoplex")
    penalty = c * (K - 1) * (sqrt(n) * a) ** p
    proof.given(
        "M + 1 balanced factors of A = Z D^(1/2) cost c times the sum of sigma^p over its singular values, with "
        "p = 2 / (M + 1) and c = lambda / p. A collapse Z = a P has K - 1 of them, equal to sqrt(n) a",
        penalty,
    )
    collapse = log(1 + (K - 1) * exp(-a)) + penalty
    proof.given("and the loss of derivation `ce_balanced`, so the objective is", Eq(Symbol("C"), collapse))
    pair = eye(2) - Matrix([[0, 1], [1, 0]])
    why = "An orthoplex, Z = b (I - S), has the logits b of a sample's own class and -b of the other one of its pair. "
    proof.equal(why + "I - S has the eigenvalue 2 once a pair, as 0 is", (pair - 2 * eye(2)).det(), 0, "|I - S - 2 I|")
    proof.equal("and else 0, so that A has K / 2 singular values 2 sqrt(n) b", pair.det(), 0, "|I - S|")
    sums = exp(-2 * b) + (K - 2) * exp(-b)
    proof.equal("Over e^b the exponentials add up to", (exp(b) + exp(-b) + K - 2) * exp(-b), 1 + sums)
    orthoplex = log(1 + sums) + c * K / 2 * (2 * sqrt(n) * b) ** p
    proof.given("so the objective is", Eq(Symbol("O"), orthoplex))
    proof.equal(
        "As the decay vanishes scales grow, and the loss falls like e^-a: it is minus its own slope, which is that of "
        "the penalty, and so, for large a, nothing next to it",
        penalty.diff(a),
        p / a * penalty,
    )
    gain = proof.equal(
        "Both scales are ln(1 / c) with a ratio of 1. At a = b, in units of c (sqrt(n) a)^p, collapse costs more by",
        (K - 1) - K / 2 * 2**p,
        K * (1 - 2 ** (p - 1)) - 1,
    )
    two, three = gain.subs(p, Rational(2, 3)), gain.subs(p, Rational(1, 2))
    proof.sign("which grows with K; for two layers", two.diff(K), ">")
    proof.sign("it is above 0 for six classes", two.subs(K, 6), ">")
    proof.sign("and below 0 for four", two.subs(K, 4), "<")
    proof.sign("for three layers it is above 0 for four classes", three.subs(K, 4), ">")
    proof.sign("and below 0 for two", three.subs(K, 2), "<")
    layers = {p: 2 / (M + 1)}
    proof.result(deep_ce.collapsed, a, K, n, M, c, is_=collapse.subs(layers))
    proof.result(deep_ce.paired, b, K, n, M, c, is_=orthoplex.subs(layers))
    return proof
