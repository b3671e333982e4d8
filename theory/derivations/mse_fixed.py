r"""Features that minimise P with a fixed frame: all samples of a class at one multiple of its mean center.

With a fixed frame P is a sum over samples. In an orthonormal basis of eigenvectors of :math:`W^\top W` one sample's
part of P is a sum of quadratics in one coordinate each, and completing the squares gives the minimiser, its
uniqueness and the value at once. The basis: for every class its mean direction and the differences of its centers,
and everything orthogonal to the frame. Only on the mean direction of the sample's own class has the target a part,
because :math:`W^\top y` is the sum of the centers of that class.
"""

from sympy import Eq, Expr, IndexedBase, Sum, Symbol, cos, diff, sqrt, symbols

from theory.derivations.proof import Proof, linear_sum
from theory.derivations.symbols import S, c, center_cosine, cos2, f, lam_h, s, theta
from theory.multicenter import minimum

a, b = symbols("a b", real=True)
"""Coordinates of a feature along the mean direction of its class and along any other eigenvector."""
mu = Symbol("mu", nonnegative=True)
"""Eigenvalue of the other eigenvector."""

part: Expr = (f * c**2 * s**2 * a**2 + mu * b**2 - 2 * f * c * s * a + f) / (2 * S) + lam_h * (a**2 + b**2) / 2
"""One sample's part of P; every further eigenvector adds what b does."""
feature_norm: Expr = f * c * s / (f * c**2 * s**2 + lam_h * S)
"""Norm of its minimiser."""
least: Expr = f * lam_h / 2 / (f * c**2 * s**2 + lam_h * S)
"""Its smallest value."""


def derive() -> Proof:
    """Corollary 3.7 and remark 3.8: minimiser, smallest value, and the c at which the minimiser is longest."""
    proof = Proof("Features that minimise P with a fixed frame")
    j = Symbol("j", integer=True)
    d = IndexedBase("d")

    score = c * s * a + cos(theta) * s * d[j] * b
    proof.given(
        "Let h = a wbar/|wbar| + b sum_j d_j v_j/|v_j| with sum_j d_j = 0 and sum_j d_j^2 = 1, the second vector being "
        "any unit vector in the differences of the centers. The centers have length s and cosine c with wbar, so",
        Eq(Symbol("<w_j, h>"), score),
    )
    unit = {Sum(d[j], (j, 1, f)): 0, Sum(d[j] ** 2, (j, 1, f)): 1}
    proof.equal(
        "|W h|^2 has no mixed term: both vectors are eigenvectors of W^T W",
        linear_sum(score**2, j, f).subs(unit),
        f * c**2 * s**2 * a**2 + cos2 * s**2 * b**2,
        shown=Sum(Symbol("<w_j, h>") ** 2, (j, 1, f)),
    )
    why = "and the target, which is 1 on the centers of the class, sees the first coordinate only"
    proof.equal(why, linear_sum(score, j, f).subs(unit), f * c * s * a, Sum(Symbol("<w_j, h>"), (j, 1, f)))
    proof.given(
        "Other eigenvectors are orthogonal to the sum of these centers, W^T y: mean directions and differences of "
        "other classes, each with its eigenvalue, and what is orthogonal to the frame, with eigenvalue 0. So, for "
        "one other eigenvector of any eigenvalue mu (each further one adds the same terms), and as |y|^2 = f, the "
        "sample's part of P, |W h - y|^2 / (2 S) + lambda_H |h|^2 / 2, is",
        Eq(Symbol("p"), part),
    )

    along, across = f * c**2 * s**2 / S + lam_h, mu / S + lam_h
    proof.equal("Complete the squares", part, least + along * (a - feature_norm) ** 2 / 2 + across * b**2 / 2, "p")
    proof.sign("The square of a - a* has a positive weight: a* is the only minimiser in a", along, ">")
    proof.sign("and so has that of b, for every mu: all other coordinates are 0", across, ">")
    proof.equal(
        "Ridge regression, (W^T W + lambda_H S) h = W^T y, says the same: along wbar/|wbar| (<w_j, wbar>/|wbar| = c s)",
        linear_sum(c * s * (c * s * a), j, f) + lam_h * S * a - linear_sum(c * s, j, f),
        (f * c**2 * s**2 + lam_h * S) * (a - feature_norm),
        shown="(W^T W + lambda_H S) h - W^T y",
    )
    why = "At lambda_H = 0, b stays free where mu = 0; b = 0 is the minimiser of smallest norm, and the residual is 0"
    proof.equal(why, part.subs({lam_h: 0, mu: 0}), f * (c * s * a - 1) ** 2 / (2 * S), "p")

    longest, gap = sqrt(lam_h * S / f), Symbol("delta", positive=True)
    norm = feature_norm.subs(s, 1)
    why = "How the norm depends on c, at given f and for centers of length 1"
    slope = proof.equal(why, diff(norm, c), (longest - c) * (longest + c) / (longest**2 + c**2) ** 2)
    peak = Symbol("c_*", positive=True)
    proof.given("so the derivative changes sign at", Eq(peak, longest))
    slope = slope.subs(longest, peak)
    proof.sign("Left of it (c_* = c + delta) the norm grows", slope.subs(peak, c + gap), ">")
    proof.sign("Right of it (c = c_* + delta) the norm falls", slope.subs(c, peak + gap), "<")
    why = "The largest norm, if 1/sqrt(f) <= c_* <= 1 (else the largest is at the end of that interval next to c_*)"
    proof.equal(why, norm.subs(c, longest), sqrt(f / (lam_h * S)) / 2, "max |h*|")

    arguments = (f, theta, S, lam_h, s)
    proof.result(minimum.mse_feature_norm, *arguments, is_=feature_norm.subs(c, center_cosine))
    proof.result(minimum.mse_minimum, *arguments, is_=least.subs(c, center_cosine))
    return proof
