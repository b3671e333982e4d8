r"""Cross-entropy and weight decay, equal classes: the best logits a P, P = I - 1 1^T / K, and that nothing is better.

With balanced factors W H = a P costs lambda |a P D^(1/2)|_*, D = n I. The multiplier of a minimum over all logits is
the gradient of the loss by A = Z D^(1/2): its largest singular value must be lambda, and its product with A minus
lambda |A|_*.
"""

from sympy import Eq, Symbol, exp, log, sqrt

from theory.derivations.proof import Proof
from theory.derivations.symbols import K, a, c, lam, n
from theory.zoo import ce_balanced

delta = Symbol("delta", nonnegative=True)


def derive() -> Proof:
    """The objective along the simplex, its zero of the derivative, and the dual condition there."""
    proof = Proof("Cross-entropy of a simplex, equal classes")
    own, other = a * (1 - 1 / K), -a / K
    bare = log(1 + (K - 1) * exp(-a))
    proof.equal(
        "The own logit is a (1 - 1/K), the others are -a/K. Over e^(-a/K) the sum of the exponentials is",
        (exp(own) + (K - 1) * exp(other)) * exp(-other),
        exp(a) + K - 1,
    )
    proof.given("so that the loss of a sample is", Eq(Symbol("l"), bare))
    smoothed = (1 - delta + delta / K) * own + (K - 1) * (delta / K) * other
    proof.equal(
        "Smoothing takes <y, z>, which without it is a (1 - 1/K), down to",
        smoothed,
        own - delta * a * (K - 1) / K,
    )
    norm = sqrt(n) * a * (K - 1)
    proof.given("P has the eigenvalue 1, K - 1 times, so the singular values of a P D^(1/2) add up to", norm)
    cost = sqrt(n) * lam + delta / K
    objective = proof.equal(
        "With c = sqrt(n) lambda + delta/K the objective is",
        bare + delta * a * (K - 1) / K + lam * norm - (cost - c) * (K - 1) * a,
        bare + c * (K - 1) * a,
        "F(a)",
    )
    slope = proof.equal("Its derivative", objective.diff(a), (K - 1) * (c - 1 / (exp(a) + K - 1)), "F'(a)")
    proof.equal("vanishes where e^a = 1/c - (K - 1)", slope.subs(exp(a), 1 / c - (K - 1)), 0, "F'(ln(1/c - (K - 1)))")
    bend = objective.diff(a, 2)
    proof.equal("and rises there, as its own derivative is", bend, (K - 1) * exp(a) / (exp(a) + K - 1) ** 2, "F''(a)")
    p = 1 / (exp(a) + K - 1)
    proof.equal(
        "Nothing is better: the softmax of the others is p = 1 / (e^a + K - 1), and softmax minus label is -K p P; its "
        "own entry is",
        1 - (K - 1) * p - 1,
        -K * p * (1 - 1 / K),
    )
    proof.equal("its others are", p, -K * p * (-1 / K))
    strength = p / sqrt(n)
    proof.equal(
        "The gradient by A is that over K sqrt(n), of the strength p / sqrt(n): lambda, where p = c and there is no "
        "smoothing",
        strength.subs(exp(a), 1 / c - (K - 1)).subs(c, sqrt(n) * lam),
        lam,
        strength,
    )
    proof.result(ce_balanced.objective, a, K, c, is_=objective)
    return proof
