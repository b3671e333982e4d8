r"""Cross-entropy behind a ReLU, no bias: a class by itself, with orthogonal means; its margin and its threshold."""

from sympy import Eq, Symbol, exp, log, solve, sqrt

from theory.derivations.proof import Proof
from theory.derivations.symbols import K, N, c, lam, n
from theory.zoo import relu_ce

m = Symbol("m", nonnegative=True)


def derive() -> Proof:
    """The objective of one class along its margin, the margin of the minimum, and when it is 0."""
    proof = Proof("Cross-entropy behind a ReLU, one class")
    loss = log(1 + (K - 1) * exp(-m))
    proof.given("A class has the logits m (e - 1 / K), and so the loss", Eq(Symbol("l"), loss))
    direction = (1 - 1 / K) ** 2 + (K - 1) / K**2
    proof.equal("The square of their direction is", direction, (K - 1) / K, "|e - 1 / K|^2")
    norm = sqrt(n) * m * sqrt((K - 1) / K)
    proof.given(
        "Features of different classes are orthogonal, so each class has a part of W of its own, and by the inequality "
        "of means both cost lambda times",
        norm,
    )
    cost = N * lam * sqrt((K - 1) / (K * n))
    proof.equal(
        "With c = N lambda sqrt((K - 1) / (K n)) the class costs n / N times l + c m",
        n * loss / N + lam * norm,
        n / N * (loss + cost * m),
        "F(m)",
    )
    slope = proof.equal("Its slope", (loss + c * m).diff(m), c - (K - 1) / (exp(m) + K - 1), "(l + c m)'")
    proof.equal("vanishes where e^m = (K - 1)(1 / c - 1)", slope.subs(exp(m), (K - 1) * (1 / c - 1)), 0)
    why = "It is below 0 at 0, and the class alive, iff c < (K - 1) / K: the slope there is"
    proof.equal(why, slope.subs(m, 0), c - (K - 1) / K)
    (critical,) = solve(Eq(cost**2, ((K - 1) / K) ** 2), n)
    proof.equal("that is iff n is above", critical, N**2 * lam**2 * K / (K - 1), n)
    proof.result(relu_ce.cost, n, K, N, lam, is_=cost)
    return proof
