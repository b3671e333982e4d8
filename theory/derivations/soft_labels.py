r"""Soft labels: the gradient where nothing is learned, and so the decay at and above which nothing is.

Vectors are those of three outputs and two rows of labels; an entry is the same for any number of them.
"""

from sympy import Matrix, Rational, exp, log, sqrt, symbols

from theory.derivations.proof import Proof


def derive() -> Proof:
    """The best bias of features that are 0, and the gradient there."""
    proof = Proof("Soft labels: nothing is learned")
    n, y = symbols("n_1:3", positive=True), symbols("y_1:5", positive=True)
    labels = [Matrix([*y[:2], 1 - y[0] - y[1]]), Matrix([*y[2:], 1 - y[2] - y[3]])]
    shares = [size / sum(n) for size in n]
    mean = shares[0] * labels[0] + shares[1] * labels[1]
    proof.given("The labels have the mean", mean)
    proof.equal("which adds up to", sum(mean), 1, "sum ybar")
    softmax = exp(log(mean[0])) / sum(exp(log(each)) for each in mean)
    proof.equal("With features that are 0 and the bias ln ybar, softmax is ybar", softmax, mean[0], "p_1")
    pull = shares[0] * (mean - labels[0]) + shares[1] * (mean - labels[1])
    proof.equal("The slope by the bias is 0 then, and no bias is better", pull[0], 0)
    gradient = (mean - labels[0]) * sqrt(n[0]) / sum(n)
    proof.equal(
        "The gradient by A = Z D^(1/2) is (ybar 1^T - Y) D^(1/2) / N, and 0 is the minimum iff its largest singular "
        "value is at most lambda. An entry is",
        (shares[0] * (mean - labels[0]) / sqrt(n[0]))[0],
        gradient[0],
    )
    proof.equal("Without a bias softmax is 1 / K in the place of ybar", exp(0) / sum([exp(0)] * 3), Rational(1, 3))
    return proof
