r"""Cross-entropy, classes of any sizes: when equal classes merge, and when all die.

Vectors are those of three classes; an entry of them is the same for any number of classes.
"""

from sympy import Matrix, Symbol, diag, eye, sqrt, symbols

from theory.derivations.proof import Proof
from theory.derivations.symbols import N, n
from theory.zoo import ce_imbalanced


def derive() -> Proof:
    """The gradient on the difference of merged classes, and at 0 with the best bias."""
    proof = Proof("Cross-entropy: merging and dying")
    omega, delta, ones = Symbol("omega", positive=True), Symbol("delta", nonnegative=True), Matrix([1, 1, 1])
    p = Matrix(symbols("p_1:4", positive=True))
    labels = [(1 - delta) * eye(3)[:, j] + delta * ones / 3 for j in range(3)]
    proof.given("Classes 2 and 3, of n samples each, have merged: they have the same probabilities", p)
    slopes = [omega * n / N * (p - label) / sqrt(n) for label in labels]
    apart = slopes[1] - slopes[2]
    critical = (1 - delta) * omega * sqrt(n) / N
    proof.equal("The gradient by A = Z D^(1/2) on e_2 - e_3 has no part on class 1", apart[0], 0)
    proof.equal("on class 2 it has", apart[1], -critical)
    proof.equal("and on class 3 the opposite", apart[2], critical)
    proof.given(
        "which is a singular value, at most lambda at a minimum. So they merge iff lambda is at least", critical
    )
    sizes = Matrix(symbols("n_1:4", positive=True))
    total = sum(sizes)
    gradient = (sizes / total * ones.T - eye(3)) * diag(*sizes.applyfunc(sqrt)) / total
    proof.given("At 0 the best bias gives all samples the probabilities n / N, and the gradient is", gradient)
    square = total**2 * gradient * gradient.T
    proof.equal("whose square, times N^2, has on its diagonal", square[0, 0], sizes[0] - sizes[0] ** 2 / total)
    why = "and off it, so that it is D - n n^T / N. 0 is the minimum iff no eigenvalue of that is above N^2 lambda^2"
    proof.equal(why, square[0, 1], -sizes[0] * sizes[1] / total)
    proof.result(ce_imbalanced.merging, omega, n, N, delta, is_=critical)
    return proof
