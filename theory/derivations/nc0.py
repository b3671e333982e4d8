r"""The sum of the classifier's rows feels nothing but weight decay, under cross-entropy and whatever the data are."""

from sympy import Eq, Function, Matrix, Symbol, diff, exp, symbols

from theory.derivations.proof import Proof
from theory.derivations.symbols import lam_w, t


def derive() -> Proof:
    """Slopes of a sample add up to 0, so the sum of rows decays by itself."""
    proof = Proof("The sum of the classifier's rows")
    z, y, shift = (Matrix(symbols(f"{name}_1:4", real=True)) for name in "zyb")
    tau = Symbol("tau", positive=True)
    total = sum(exp(tau * each) for each in z + shift)
    shares = (tau * (z + shift)).applyfunc(exp) / total
    proof.given("Softmax, with shifts and the temperature of a sample, gives the probabilities", shares)
    proof.equal("which add up to", sum(shares), 1, "sum p")
    slopes = (shares - y) * tau
    left = proof.equal("Slopes tau (p - y) of a sample add up to tau (1 - sum y)", sum(slopes), tau * (1 - sum(y)))
    smoothed = y / sum(y) * (1 - Symbol("delta")) + Matrix([1, 1, 1]) * Symbol("delta") / 3
    proof.equal("Labels add up to 1, smoothed or mixed or not", sum(smoothed), 1, "sum y")
    proof.equal("so slopes add up to 0, with any weight of the sample", left.subs(y[2], 1 - y[0] - y[1]), 0)
    h = Symbol("h", real=True)
    proof.equal(
        "and so do the rows of the gradient, which are slopes times the feature h",
        (slopes * h).dot(Matrix([1, 1, 1])).subs(y[2], 1 - y[0] - y[1]),
        0,
    )
    s, start = Function("s")(t), Symbol("s_0", real=True)
    proof.given("What is left of the flow of W^T 1 is", Eq(s.diff(t), -lam_w * s))
    moved = start * exp(-lam_w * t)
    proof.equal("which s_0 e^(-lambda_W t) solves", diff(moved, t) + lam_w * moved, 0)
    return proof
