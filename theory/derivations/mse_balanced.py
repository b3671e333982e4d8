r"""Squared loss and weight decay, equal classes, no bias: orthogonal classes with the logit 1 - c, alive iff c < 1."""

from sympy import Max, Symbol, sqrt

from theory.derivations import shrinkage
from theory.derivations.proof import Proof
from theory.derivations.symbols import K, N, c, lam, lam_h, lam_w, n, z
from theory.zoo import mse_balanced


def derive() -> Proof:
    """From one singular value to the logit, the value and the norms."""
    proof = Proof("Squared loss, equal classes, no bias")
    proof.given("The targets T = D^(1/2) = sqrt(n) I have K singular values, all equal to", sqrt(n))
    cost = K * sqrt(n) * lam
    one = shrinkage.share.subs({shrinkage.kept: sqrt(n) * z, shrinkage.strength: sqrt(n), N: K * n})
    objective = (1 - z) ** 2 / 2 + c * z
    proof.equal(
        "With s = sqrt(n) z, N = K n and c = K sqrt(n) lambda, K times the cost of one (derivation `shrinkage`) is",
        K * one,
        objective.subs(c, cost),
        "F(z)",
    )
    slope = proof.equal("Its slope", objective.diff(z), z - (1 - c), "F'(z)")
    proof.equal("vanishes at z = 1 - c, if c < 1; else z = 0", slope.subs(z, 1 - c), 0)
    proof.equal("At z = 1 - c the value is", objective.subs(z, 1 - c), c - c**2 / 2, "F(1 - c)")
    proof.equal("and that of all dead is larger", objective.subs(z, 0) - (c - c**2 / 2), (1 - c) ** 2 / 2)
    square = z * sqrt(n * lam_h / lam_w)
    proof.given("The factors are balanced, lambda_W |w|^2 = n lambda_H |h|^2, with <w, h> = z: |w|^2 is", square)
    proof.equal("as then |w|^2 |h|^2 is", square * (lam_w * square / (n * lam_h)), z**2, Symbol("|w|^2 |h|^2"))
    proof.result(mse_balanced.logit, c, is_=Max(1 - c, 0))
    proof.result(mse_balanced.objective, z, c, is_=objective)
    return proof
