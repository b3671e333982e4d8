r"""When GCR prefers one class to another, given what RCR says: proposition C.1, corrected.

A feature is :math:`z = \frac1K \sum_k \bar w^{(k)} + p` with isotropic Gaussian p of standard deviation
:math:`\sigma`, and the frame has unit norms. Write :math:`M_k = \max_j \langle v_j^{(k)}, p \rangle`. Two classes k and
l with f and g centers are compared through

.. math:: \Delta = \langle w_k, z \rangle - \langle w_l, z \rangle, \qquad \gamma = M_k - M_l ,

which depend on products of p with different orthonormal directions and so are independent: given :math:`\Delta`, the
distribution of :math:`\gamma` is what it is without. GCR prefers k exactly if :math:`\gamma > x_0`, a number that
depends on :math:`\Delta`, so it does so with probability :math:`P(\gamma > x_0)`; and this is more than 1/2 exactly if
:math:`x_0` is below the median of :math:`\gamma`.

The paper defines :math:`\gamma` with z in place of p. This shifts its median, and the second half of the proposition
is then false between two values of :math:`\Delta`, given at the end.
"""

import sympy
from sympy import Derivative, IndexedBase, Integral, KroneckerDelta, Sum, Symbol, cos, erfc, exp, oo, sin, sqrt, symbols

from theory.decision import hard
from theory.derivations.gcr import density, distribution, g
from theory.derivations.proof import Proof
from theory.derivations.symbols import K, center_cosine, cos2, f, theta


def derive() -> Proof:
    """Proposition C.1: scores, the offset that gamma must exceed, thresholds, and the distribution of gamma."""
    proof = Proof("When GCR prefers one class to another, given what RCR says")
    i, j, k, m = symbols("i j k m", integer=True)
    x, y, half = Symbol("x", real=True), Symbol("y", real=True), sympy.Rational(1, 2)
    phi, Phi, phi_x, Phi_x = density(y), distribution(y), density(y + x), distribution(y + x)
    count = IndexedBase("f", integer=True, positive=True)
    same, noise_v, noise_w = KroneckerDelta(k, m, (1, K)), Symbol("<v_j, p>", real=True), Symbol("<w_k, p>", real=True)

    center = cos(theta) * KroneckerDelta(i, j, (1, count[m]))
    why = "By orthonormality, <v_j, w_i> for a center w_i of the same class (0 for one of another class) is"
    proof.given(why, center)
    mean_v = Sum(same * Sum(center, (i, 1, count[m])).doit() / count[m], (m, 1, K)).doit() / K
    mean_w = Sum(same * Sum(sin(theta), (i, 1, count[m])).doit() / count[m], (m, 1, K)).doit() / K
    score_v, score_w = mean_v.subs(count[k], f) + noise_v, mean_w + noise_w
    why = "Summed over the centers of every class m, divided by its number of centers and by K, that is <v_j, z - p>"
    proof.equal(why, score_v, noise_v + cos(theta) / (K * f), "<v_j, z>")
    why = "and with <w_k, w_i> = sin(theta) for the centers of class k, 0 for others, <w_k, z> becomes"
    proof.equal(why, score_w, noise_w + sin(theta) / K, "<w_k, z>")
    shared = center_cosine**2 / K
    proof.equal(
        "The center w_j = cos(theta) v_j + sin(theta) w_k has with z the product (c_k^2 is the first term times K)",
        cos(theta) * score_v + sin(theta) * score_w,
        shared + cos(theta) * noise_v + sin(theta) * noise_w,
        shown="<w_j, z>",
    )

    delta, gamma, noise_l = Symbol("Delta", real=True), Symbol("gamma", real=True), Symbol("<w_l, p>", real=True)
    why = "What RCR sees of two classes k and l is the difference of <w_k, z> and <w_l, z>"
    proof.equal(why, score_w - score_w.subs(noise_w, noise_l), noise_w - noise_l, delta)
    gap = cos2 / K * (1 / g - 1 / f)
    offset = (gap - delta * sin(theta)) / cos(theta)
    proof.given("Angles are such that v_j and w_k both matter (0 < theta < pi/2)", sin(theta) * cos(theta) > 0)
    proof.equal(
        "The best center of class k has cos(theta) M_k in place of cos(theta) <v_j, p>. It leads that of l by",
        shared - shared.subs(f, g) + cos(theta) * gamma + sin(theta) * delta,
        cos(theta) * (gamma - offset),
        shown="max <w_j^k, z> - max <w_j^l, z>",
    )
    proof.given("So GCR prefers k exactly if gamma > x_0, where x_0 is", offset)

    at_x = g * phi * Phi ** (g - 1) * (1 - Phi_x**f)
    proof.given(
        "For noise 1 (with noise sigma, gamma is sigma times as large) M_l has the density g phi Phi^(g-1), and M_k "
        "is above y + x with probability 1 - Phi(y + x)^f. So P(gamma > x) is",
        Integral(at_x, (y, -oo, oo)),
    )
    falls = f * g * phi * phi_x * Phi ** (g - 1) * Phi_x ** (f - 1)
    why = (
        "It falls with x, since its integrand does: phi and Phi are positive, and here they are multiplied. So every "
        "probability belongs to one x, and the median of gamma is the one of 1/2"
    )
    proof.equal(why, -at_x.diff(x), falls, -Derivative(Symbol("integrand"), x))
    part = Symbol("Phi", positive=True)
    power = part**g - g / (f + g) * part ** (f + g)
    why = "At x = 0 there is an antiderivative,"
    proof.equal(why, power.subs(part, Phi).diff(y), at_x.subs(x, 0), Derivative(power, y))
    leads = proof.equal(
        "and Phi rises from 0 to 1",
        power.subs(part, Phi.limit(y, oo)) - power.subs(part, Phi.limit(y, -oo)),
        f / (f + g),
        shown="P(gamma > 0)",
    )
    extra = Symbol("m", integer=True, positive=True)
    why = "More than 1/2 for f = g + m > g: the median is positive"
    proof.sign(why, (leads.subs(f, g + extra) - half).factor(), ">")
    proof.sign("Less than 1/2 for g = f + m > f: it is negative", (leads.subs(g, f + extra) - half).factor(), "<")
    both = Phi**g * (1 - Phi_x**f)
    why = (
        "Classes exchanged: this product is 0 at both ends, so the integrals of the two parts of its derivative are "
        "equal. The second is the density of M_k times P(M_l < M_k - x), at y + x: P(gamma > x) + P(-gamma > -x) = 1"
    )
    proof.equal(why, both.diff(y), at_x - f * phi_x * Phi_x ** (f - 1) * Phi**g, Derivative(both, y))
    normal = exp(-(x**2) / 4) / sqrt(4 * sympy.pi)
    one = Integral(falls.subs({f: 1, g: 1}), (y, -oo, oo))
    why = "With one center in each class gamma is the difference of two normal variables, and has variance 2"
    proof.equal(why, one.doit(), normal, one)
    why = "so that P(gamma > x), as both are 0 at infinity, is erfc(x/2) / 2"
    proof.equal(why, -(erfc(x / 2) / 2).diff(x), normal, -Derivative(erfc(x / 2) / 2, x))

    eps, median = symbols("epsilon median", real=True)
    bound = gap / sin(theta) - eps / sin(theta)
    why = (
        "Delta is above the bound of proposition C.1 exactly if x_0 < eps/cos(theta), and below it if x_0 is larger. "
        "With eps_0 = cos(theta) median(gamma): above it for an eps < eps_0, x_0 is below the median and GCR prefers k "
        "with probability > 1/2; below it for an eps' > eps_0, l"
    )
    proof.equal(why, delta - bound, cos(theta) / sin(theta) * (eps / cos(theta) - offset), delta - Symbol("bound"))

    why = "If gamma is defined with z in place of p, as in the paper, it is, and its median, larger by"
    shift = proof.equal(why, score_v - score_v.subs(f, g), -gap / cos(theta), "gamma_z - gamma")
    papers, right = bound.subs(eps, cos(theta) * (median + shift)), bound.subs(eps, cos(theta) * median)
    why = "and the bound at eps_0, where the preference is said to change, by"
    proof.equal(why, papers - right, gap / sin(theta), "bound_z - bound")
    proof.sign("That is positive for f = g + m > g, as its factor", (1 / g - 1 / (g + extra)).factor(), ">")
    why = (
        "At the paper's bound x_0 is below the median by as much, so between the two bounds GCR prefers k with "
        "probability > 1/2, where part 2 of the proposition as printed says l"
    )
    proof.equal(why, median - offset.subs(delta, papers), gap / cos(theta), median - Symbol("x_0"))

    proof.result(hard.surrogate_offset, delta, f, g, theta, K, is_=offset)
    return proof
