r"""Cross-entropy with weights and temperatures against the sizes of classes: a problem of equal classes in A."""

from sympy import Symbol, sqrt

from theory.derivations.proof import Proof
from theory.derivations.symbols import K, n


def derive() -> Proof:
    """Logits, losses and the gradient of a class in terms of its column of A = Z D^(1/2): n drops out."""
    proof = Proof("Cross-entropy against class sizes")
    mean = Symbol("nbar", positive=True)
    weight, temperature = mean / n, sqrt(n / mean)
    proof.given("With nbar = N / K a class of n samples has the weight", weight)
    proof.given("and its samples the temperature", temperature)
    column = Symbol("x", real=True)
    proof.equal(
        "A logit z is x / sqrt(n), x an entry of A; softmax sees",
        temperature * column / sqrt(n),
        column / sqrt(mean),
        Symbol("epsilon") * Symbol("z"),
    )
    share = weight * n / (K * mean)
    proof.equal("and the loss of the class counts with omega n / N, as that of any other", share, 1 / K)
    proof.equal(
        "So the objective is in A what it is for classes of nbar samples: A is the same (derivation `ce_balanced`), "
        "W too, and logits and features are those of equal classes times",
        (column / sqrt(n)) / (column / sqrt(mean)),
        sqrt(mean / n),
    )
    return proof
