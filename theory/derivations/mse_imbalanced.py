r"""Squared loss and weight decay, classes of any sizes, no bias: each class has its own problem and its threshold."""

from sympy import Max, sqrt

from theory.derivations import shrinkage
from theory.derivations.proof import Proof
from theory.derivations.symbols import N, lam, lam_h, lam_w, n, z
from theory.zoo import mse_imbalanced


def derive() -> Proof:
    """The logit of a class of n samples among N, its threshold and its norms."""
    proof = Proof("Squared loss, unequal classes, no bias")
    proof.given("The targets T = D^(1/2) are diagonal: a class has the singular value", sqrt(n))
    objective = n * (1 - z) ** 2 / (2 * N) + lam * sqrt(n) * z
    share = shrinkage.share.subs({shrinkage.kept: sqrt(n) * z, shrinkage.strength: sqrt(n)})
    proof.equal("With s = sqrt(n) z it costs (derivation `shrinkage`)", share, objective, "F(z)")
    living = 1 - N * lam / sqrt(n)
    slope = proof.equal("The slope", objective.diff(z), n * (z - living) / N, "F'(z)")
    proof.equal("vanishes at z = 1 - N lambda / sqrt(n)", slope.subs(z, living), 0)
    proof.equal(
        "Its value at 0 is at least 0, so that the class is dead, iff sqrt(n) <= N lambda",
        slope.subs(z, 0),
        sqrt(n) * (N * lam - sqrt(n)) / N,
        "F'(0)",
    )
    square = z * sqrt(n * lam_h / lam_w)
    proof.given("With balanced factors, lambda_W |w|^2 = n lambda_H |h|^2, and <w, h> = z, |w|^2 is", square)
    proof.equal("and |h|^2 is", lam_w * square / (n * lam_h), z * sqrt(lam_w / (n * lam_h)), "|h|^2")
    proof.result(mse_imbalanced.logit, n, N, lam, is_=Max(living, 0))
    return proof
