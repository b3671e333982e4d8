r"""P with a learned frame: what is left of it once the features are eliminated, and its minimum.

The frame is free: orthonormal directions, and one length :math:`|w_k| = |v_j^{(k)}|` for each class, so that its
centers have squared length :math:`u_k = |w_k|^2`. For a given frame :math:`P` is strictly convex in the features, and
:mod:`theory.derivations.mse_fixed` gives its minimum: a sum over classes of functions :math:`\varphi_k(u_k)`. The
directions of the frame have dropped out, and each :math:`u_k` occurs in one term only. Hence

* :math:`P \ge \sum_k \varphi_k(u_k) \ge \sum_k \min \varphi_k`, with equality where features and lengths are the
  minimisers: the global minimum of :math:`P` is known, and so is the exact distance of any iterate from it;
* at a local minimum of P the features are the minimisers for their frame (P is strictly convex in them). These depend
  continuously on the frame, so u is a local minimum of :math:`\sum_k \varphi_k`, and as each term is strictly convex
  it is the global one: P has no spurious local minima. (It has saddles: classes that are 0 and need not be.)
* each class has its own condition for being alive, so classes switch off one at a time. Theorem 3.4 of the paper, in
  which one dead class takes all others with it, is wrong; the last steps are a counterexample.

A dead class has :math:`u_k = 0`, which frames with positive lengths only approach: an infimum.
"""

from sympy import Eq, Expr, Max, Rational, Symbol, Tuple, diff, sqrt

from theory.derivations import mse_fixed
from theory.derivations.proof import Proof
from theory.derivations.symbols import K, S, c, center_cosine, f, lam_h, lam_w, n, s, sin2, theta
from theory.multicenter import minimum


def derive() -> Proof:
    """Theorems 3.3 and 3.4, corrected: the minimum of P class by class, and when a class is alive."""
    proof = Proof("P with a learned frame, class by class")
    u, x = Symbol("u", nonnegative=True), Symbol("x", positive=True)

    phi: Expr = n * mse_fixed.least.subs(s, sqrt(u)) + lam_w * u / 2
    proof.given(
        "The n features of a class at their minimisers, and the penalty on its classifier vector, |w|^2 = u: P is the "
        "sum over classes of",
        Eq(Symbol("phi"), phi),
    )
    convexity = proof.equal(
        "The second derivative of this",
        diff(phi, u, 2),
        n * f * lam_h * (f * c**2) ** 2 / (f * c**2 * u + lam_h * S) ** 3,
        shown="phi''(u)",
    )
    proof.sign("is positive: phi is strictly convex and has one minimiser", convexity, ">")

    at = f * c**2 * u + lam_h * S
    best = f * c * sqrt(n * lam_h / lam_w)
    proof.given("Write x for the denominator,", Eq(x, at))
    why = "and x* for f c sqrt(n lambda_H / lambda_W). The first derivative vanishes at x = x* only"
    proof.equal(why, diff(phi, u), lam_w / 2 * (at - best) * (at + best) / at**2, "phi'(u)")
    alive = sqrt(n * lam_h / lam_w) / c - lam_h * S / (f * c**2)
    proof.given("In terms of u, if this is not negative, that is at", Eq(Symbol("u*"), alive))
    proof.equal("because there", at.subs(u, alive), best, shown=x)
    value = sqrt(n * lam_h * lam_w) / c - lam_w * lam_h * S / (2 * f * c**2)
    excess = lam_w / (2 * f * c**2) * (x - best) ** 2 / x
    proof.equal("The value of phi is", phi.subs(u, alive), value, shown="phi(u*)")
    proof.equal("and elsewhere it is larger", phi - value, excess.subs(x, at), shown="phi(u) - phi(u*)")
    proof.sign("by a square", excess, ">=")

    threshold = S / f * sqrt(lam_w * lam_h / n)
    factor = (best + lam_h * S) * f * sqrt(n * lam_h * lam_w) / (2 * (lam_h * S) ** 2)
    slope = diff(phi, u).subs(u, 0)
    proof.equal("u* has the sign of", alive, (c - threshold) * sqrt(n * lam_h / lam_w) / c**2, shown="u*")
    proof.equal("and the slope at u = 0 has the opposite one:", slope, -(c - threshold) * factor, "phi'(0)")
    proof.sign("the factor is positive. So the class is alive, u* > 0, exactly if c exceeds the threshold", factor, ">")
    above = n * f * (f * c**2 * u) ** 2 / (2 * lam_h * S**2 * x)
    why = "If not, phi is above its tangent at 0, which does not fall: the minimiser is u = 0, and the class is dead"
    proof.equal(why, phi - phi.subs(u, 0) - slope * u, above.subs(x, at), "phi(u) - phi(0) - phi'(0) u")
    proof.sign("above, since this is not negative", above, ">=")
    dead = proof.equal("A dead class leaves", phi.subs(u, 0), n * f / (2 * S), shown="phi(0)")
    why = "In terms of the length s = |w| the point 0 is stationary whether or not the class should be alive"
    proof.equal(why, diff(phi.subs(u, s**2), s).subs(s, 0), 0, "dphi/ds(0)")
    why = "but its curvature is that slope: where it is negative, 0 is a saddle and no local minimum"
    proof.equal(why, diff(phi.subs(u, s**2), s, 2).subs(s, 0), 2 * slope, "d2phi/ds2(0)")

    feature = mse_fixed.feature_norm.subs(s, sqrt(u))
    why = "Balance: at u* the norms of features and classifier, on which the two penalties weigh, are equal"
    proof.equal(why, n * lam_h * feature.subs(u, alive) ** 2, lam_w * alive, "n lambda_H |h*|^2")
    why = "With f centers and n samples in every class the threshold is that of theorem 3.3"
    proof.equal(why, threshold.subs(S, K * f * n), K * sqrt(n * lam_h * lam_w), "c_min")

    proof.equal("Theorem 3.4 fails for f = 1, whatever theta is: then c", center_cosine.subs(f, 1), 1, shown=c)
    sizes = (100, 10, 1)
    weights = {f: 1, c: 1, S: sum(sizes), lam_w: Rational(3, 100), lam_h: Rational(2, 100)}
    margins = [(c - threshold).subs(weights).subs(n, size) for size in sizes]
    proof.given("n = (100, 10, 1), so S = 111, lambda_W = 3/100, lambda_H = 2/100: c - threshold is", Tuple(*margins))
    proof.sign("The class with 100 samples is alive", margins[0], ">")
    proof.sign("that with 10 samples as well", margins[1], ">")
    proof.sign("and that with 1 sample is dead", margins[2], "<")
    total = proof.equal(
        "so the minimum of P is",
        sum(value.subs(weights).subs(n, size) for size in sizes[:2]) + dead.subs(weights).subs(n, sizes[2]),
        sqrt(6) / 10 + sqrt(15) / 50 + Rational(1, 222) - Rational(666, 10000),
        shown="min P",
    )
    why = "With all classes dead, as theorem 3.4 has it, P would be"
    everything = proof.equal(why, sum(dead.subs(weights).subs(n, size) for size in sizes), Rational(1, 2), "P(0)")
    proof.sign("which is more", everything - total, ">")
    proof.sign("The minimum is 0.2603, to four digits", Rational(5, 10**5) - abs(total - Rational(2603, 10**4)), ">")

    why = "In a form that sympy sees to be 1 for f = 1, c is"
    cosine = proof.equal(why, center_cosine, sqrt((1 + (f - 1) * sin2) / f))
    square, projected = Max(0, alive.subs(c, cosine)), phi.subs(c, cosine)
    arguments = (f, theta, n, S, lam_h, lam_w)
    proof.result(minimum.projected_value, u, *arguments, is_=projected)
    proof.result(minimum.alive_threshold, f, n, S, lam_h, lam_w, is_=threshold)
    proof.result(minimum.learned_square_norm, *arguments, is_=square)
    proof.result(minimum.learned_minimum, *arguments, is_=projected.subs(u, square))
    proof.result(minimum.learned_feature_norm, *arguments, is_=sqrt(lam_w * square / (n * lam_h)))
    return proof
