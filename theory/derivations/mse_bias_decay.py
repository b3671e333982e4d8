r"""Squared loss, a bias that decays, equal classes: the mean of the logits lives beside the bias, or not."""

from sympy import Max, Symbol, limit, oo

from theory.derivations.proof import Proof
from theory.derivations.symbols import K
from theory.zoo import mse_bias_decay

g, decay = Symbol("g", positive=True), Symbol("lambda_b", positive=True)
s, mean = Symbol("s", nonnegative=True), Symbol("t", nonnegative=True)
b = Symbol("b", real=True)

objective = (
    ((K - 1) * (s - 1) ** 2 + (mean + K * b - 1) ** 2) / (2 * K) + decay * K * b**2 / 2 + g * ((K - 1) * s + mean)
)
"""With g = sqrt(n) lambda."""


def derive() -> Proof:
    """The best bias, what is left of the objective, and the threshold between simplex and orthogonal frame."""
    proof = Proof("Squared loss with a decaying bias, equal classes")
    proof.given(
        "With Z = s P + t 1 1^T / K and a bias b 1, Z + b 1 1^T - I has the eigenvalues s - 1, K - 1 times, and "
        "t + K b - 1. With g = sqrt(n) lambda the objective is",
        objective,
    )
    slope = proof.equal("Its slope by the bias", objective.diff(b), mean + K * b * (1 + decay) - 1, "dF/db")
    best = (1 - mean) / (K * (1 + decay))
    proof.equal("vanishes at b = (1 - t) / (K (1 + lambda_b))", slope.subs(b, best), 0)
    rest = proof.equal(
        "What is left of the objective is a problem for s and one for t",
        objective.subs(b, best),
        (K - 1) * ((1 - s) ** 2 / (2 * K) + g * s) + decay * (1 - mean) ** 2 / (2 * K * (1 + decay)) + g * mean,
        "F(s, t)",
    )
    end = 1 - K * g * (1 + decay) / decay
    proof.equal("The slope by s vanishes at s = 1 - K g", rest.diff(s).subs(s, 1 - K * g), 0)
    proof.equal("and that by t at t = 1 - K g (1 + lambda_b) / lambda_b", rest.diff(mean).subs(mean, end), 0)
    proof.equal(
        "where these are above 0. So the mean is dead, and classes are a simplex, iff (1 - K g) lambda_b <= K g",
        end * decay,
        (1 - K * g) * decay - K * g,
    )
    proof.equal("A bias that may not grow leaves t = s, an orthogonal frame", limit(end, decay, oo), 1 - K * g)
    ends = Max(1 - K * g, 0), Max(end, 0)
    proof.result(mse_bias_decay.ends, K, g, decay, is_=(*ends, best.subs(mean, ends[1])))
    proof.result(mse_bias_decay.objective, s, mean, b, K, g, decay, is_=objective)
    return proof
