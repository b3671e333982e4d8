r"""Angles and Gram spectrum of a multi-center frame, for every number of centers f at once.

All vectors are taken at the length of the classifier vector, which cancels from every cosine. Sums over centers are
sums over an index that sympy carries out with f symbolic.
"""

from sympy import Eq, KroneckerDelta, Sum, Symbol, cos, sin, sqrt, symbols

from theory.derivations.proof import Proof
from theory.derivations.symbols import center_cosine, center_gap, cos2, f, sin2, theta
from theory.multicenter import geometry


def derive() -> Proof:
    """Definition 3.2: c, cos rho, and the eigenvalues of the Gram matrix of one class."""
    proof = Proof("Angles and Gram spectrum of a multi-center frame")
    i, j, a, b = symbols("i j a b", integer=True)

    def delta(p: Symbol, q: Symbol) -> KroneckerDelta:
        return KroneckerDelta(p, q, (1, f))

    gram = cos2 * delta(i, j) + sin2
    why = "Centers w_i = cos(theta) v_i + sin(theta) w with v_i and w orthonormal: by bilinearity, <w_i, w_j> is"
    proof.given(why, Eq(Symbol("G_ij"), gram))

    c2 = cos2 / f + sin2
    row = Sum(gram, (i, 1, f)).doit()
    proof.equal("Averaging over i: <wbar, w_j>, the same for every j", row / f, c2)
    proof.equal("Averaging over j as well: |wbar|^2", Sum(row, (j, 1, f)).doit() / f**2, c2)
    why = "So the cosine between mean center and center, <wbar, w_j> / |wbar|, is c"
    c = proof.equal(why, c2 / sqrt(c2), center_cosine)
    gap = proof.equal("Its distance from 1, free of cancellation", 1 - c, center_gap)
    proof.sign("It never exceeds 1", cos2 * (f - 1) / f, ">=")

    rho = sin(theta) / c
    proof.given("Each center has <w_j, w> = sin(theta), so <wbar, w> = sin(theta), and the cosine with w is", rho)
    proof.equal("the same, as the appendix should print it", rho, sqrt(f) * sin(theta) / sqrt(cos2 + f * sin2))
    proof.equal("Its square falls short of 1 by a square: it is a cosine", 1 - rho**2, (cos(theta) / sqrt(f) / c) ** 2)

    mean = proof.equal("G 1 = (f c^2) 1: the row sum", row, f * c2)
    difference = Sum(gram * (delta(i, a) - delta(i, b)), (i, 1, f)).doit()
    proof.equal("G (e_a - e_b) = cos(theta)^2 (e_a - e_b): entry j", difference, cos2 * (delta(a, j) - delta(b, j)))
    proof.equal("The f eigenvalues add up to the trace, so there are no others", mean + (f - 1) * cos2, f)

    proof.result(geometry.center_cosine, f, theta, is_=c)
    proof.result(geometry.center_gap, f, theta, is_=gap)
    proof.result(geometry.classifier_cosine, f, theta, is_=rho)
    proof.result(geometry.gram_eigenvalues, f, theta, is_=(mean, cos2))
    return proof
