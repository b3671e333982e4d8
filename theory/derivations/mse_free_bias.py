r"""Squared loss, a free bias, classes of any sizes: the targets are centered, and their square is a covariance.

Matrices are those of three classes; an entry of them is the same for any number of classes.
"""

from sympy import Eq, Matrix, Symbol, diag, eye, sqrt, symbols

from theory.derivations.proof import Proof

n = symbols("n_1:4", positive=True)
total = sum(n)
root = Matrix([sqrt(size) for size in n])
targets = diag(*root) - Matrix(n) * root.T / total


def derive() -> Proof:
    """The best bias, the targets that are left, and the covariance whose eigenvalues decide who lives."""
    proof = Proof("Squared loss with a free bias")
    zbar, b = symbols("zbar b", real=True)
    slope = n[0] * (b - 1) / total + (n[1] + n[2]) * b / total + zbar
    proof.given(
        "With zbar the mean over all samples of a logit, the slope of the loss by the bias of class 1 is", slope
    )
    proof.equal("It vanishes at b = n_1 / N - zbar", slope.subs(b, n[0] / total - zbar), 0)
    centering = eye(3) - root * root.T / total
    proof.given(
        "So the loss sees A Q, of which Q takes out the means, for A = Z D^(1/2); and |A Q|_* <= |A|_*, so the best A "
        "has Z n = 0",
        Eq(Symbol("Q"), centering),
    )
    left = diag(*root) * centering - targets
    proof.equal(
        "The targets D^(1/2) Q are D^(1/2) - n sqrt(n)^T / N: an entry off the diagonal differs by", left[0, 1], 0
    )
    proof.equal("and one on it", left[0, 0], 0)
    proof.equal("They are centered", (targets * root)[0], 0, "(T sqrt(n))_1")
    square = targets * targets.T
    proof.equal("T T^T = D - n n^T / N has the entries", square[0, 1], -n[0] * n[1] / total, "(T T^T)_12")
    proof.equal("and", square[0, 0], n[0] - n[0] ** 2 / total, "(T T^T)_11")
    proof.equal(
        "With weights and features balanced W W^T = sqrt(lambda_H / lambda_W) (A A^T)^(1/2), and A keeps the singular "
        "vectors of T (derivation `shrinkage`): a direction dies iff its eigenvalue of T T^T is at most (N lambda)^2. "
        "One always does, as T T^T 1 is",
        (square * Matrix([1, 1, 1]))[0],
        0,
        "(T T^T 1)_1",
    )
    return proof
