r"""Squared loss under M layers that decay: the logit of a class, and the jump by which it dies."""

from sympy import Rational, Symbol

from theory.derivations.proof import Proof
from theory.derivations.symbols import N, lam, n
from theory.zoo import deep_mse

M = Symbol("M", integer=True, positive=True)
z = Symbol("z", positive=True)


def derive() -> Proof:
    """The objective of one class, where its slope vanishes, and where it is below that of a dead class."""
    proof = Proof("Squared loss under M layers")
    proof.given(
        "The M + 1 factors of the logit z of a class have squares with the product n z^2. By the inequality of means "
        "they cost at least, with lambda the geometric mean of all decays, and equality where all cost alike",
        (M + 1) * lam / 2 * (n * z**2) ** (1 / (M + 1)),
    )
    objective = n * (1 - z) ** 2 / (2 * N) + (M + 1) * lam / 2 * (n * z**2) ** (1 / (M + 1))
    power = (M - 1) / (M + 1)
    pull = (1 - z) * z**power
    proof.equal(
        "So a class costs n (1 - z)^2 / (2 N) and that. The slope is",
        objective.diff(z),
        n * z**-power / N * (N * lam * n ** (-M / (M + 1)) - pull),
        "F'(z)",
    )
    proof.given("which vanishes where N lambda n^(-M / (M + 1)) is", pull)
    each = n * z * (1 - z) / N
    there = n ** (M / (M + 1)) * pull / N
    proof.equal(
        "There the factors cost (M + 1) / 2 times",
        (lam * (n * z**2) ** (1 / (M + 1))).subs(lam, there),
        each,
        "lambda (n z^2)^(1 / (M + 1))",
    )
    proof.equal(
        "and the class less than a dead one, n / (2 N), iff z > 1 - 1 / M, as the difference is",
        n * (1 - z) ** 2 / (2 * N) + (M + 1) * each / 2 - n / (2 * N),
        n * z * (M - 1 - M * z) / (2 * N),
    )
    proof.equal(
        "The right side rises up to z = (M - 1) / (2 M), half of that, and falls beyond, as its slope is",
        pull.diff(z),
        z ** (power - 1) * (power - (1 + power) * z),
    )
    highest = (1 - 1 / M) ** power / M
    proof.equal("So there is one such z iff the left side is below", pull.subs(z, 1 - 1 / M), highest)
    proof.equal("For M = 1 that is 1: the class fades, at z = 0", highest.subs(M, 1).doit(), 1)
    proof.equal("For two layers it is", highest.subs(M, 2), Rational(1, 2) ** Rational(4, 3))
    proof.result(deep_mse.highest, M, is_=highest)
    return proof
