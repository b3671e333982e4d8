r"""Simplex-encoded labels: why all margins are met with equality, whatever the sizes of the classes are.

The multipliers of the margins are minus the entries off the diagonal of a root, of (P D P)^+. Matrices are those of
three classes; an entry of them is the same for any number of classes.
"""

from sympy import diag, exp, eye, integrate, ones, oo, pi, sqrt, symbols

from theory.derivations.proof import Proof


def derive() -> Proof:
    """(P D P)^+ is a graph Laplacian, so its root has no positive entry off the diagonal."""
    proof = Proof("Hard margins, unequal classes")
    sizes = symbols("n_1:4", positive=True)
    d, one = diag(*sizes), ones(3, 1)
    inverse, center = d.inv(), eye(3) - ones(3, 3) / 3
    total = (one.T * inverse * one)[0]
    laplacian = inverse - inverse * one * one.T * inverse / total
    proof.given(
        "With Z = P all other logits are 1 below the own one. A = P D^(1/2) has the polar factor (P D P)^(+1/2) A, and "
        "multipliers are -lambda N times its entries over sqrt(n), those of (P D P)^(+1/2) P = (P D P)^(+1/2). Let L be"
        " D^-1 - D^-1 1 1^T D^-1 / (1^T D^-1 1)",
        laplacian,
    )
    proof.equal("L has no part along 1", (laplacian * one)[0], 0, "(L 1)_1")
    product = center * d * center * laplacian - center
    proof.equal("and P D P L = P, so that L = (P D P)^+: on the diagonal they differ by", product[0, 0], 0)
    proof.equal("and off it by", product[0, 1], 0)
    proof.equal("An entry of L off its diagonal", laplacian[0, 1], -1 / (sizes[0] * sizes[1] * total), "L_12")
    proof.sign("is negative: L is the Laplacian of a graph with all edges", laplacian[0, 1], "<")
    x, u = symbols("x u", positive=True)
    why = "The integral of (1 - e^(-t x)) t^(-3/2) over t > 0 is 2 sqrt(pi x): both have the slope by x, with t = u^2,"
    proof.equal(why, integrate(2 * exp(-x * u**2), (u, 0, oo)), (2 * sqrt(pi * x)).diff(x))
    proof.given(
        "So the root of L is the integral of 1 - e^(-t L) over t = u^2 with the weight below. Off the diagonal "
        "e^(-t L) is positive, as -L is: there the root is negative, and all multipliers are positive",
        1 / (2 * sqrt(pi) * u**3),
    )
    return proof
