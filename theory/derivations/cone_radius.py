r"""How far a feature is from where a rival center beats all own ones: Lagrange multipliers in a multi-center frame.

A feature of class k leads the rival center by :math:`g_i` from its own center i. To be moved by the shortest
:math:`\delta` until no lead is left is a projection on a cone; with multipliers :math:`\lambda_i \ge 0`,
:math:`\delta = \sum_i \lambda_i (v - w_i)`.
"""

from sympy import IndexedBase, KroneckerDelta, Sum, Symbol, symbols

from theory.derivations.proof import Proof, linear_sum
from theory.derivations.symbols import cos2, sin2


def derive() -> Proof:
    """Gram matrix, multipliers of the m centers that matter, and the distance."""
    proof = Proof("How far a feature is from a decision of GCR for another class")
    i, j = symbols("i j", integer=True)
    m = Symbol("m", integer=True, positive=True)
    p, s, total = symbols("p s Lambda", positive=True)
    g = IndexedBase("g", real=True)
    leads = Symbol("G", real=True)
    within = cos2 * KroneckerDelta(i, j) + sin2
    why = "Own centers have the products cos^2 delta_ij + sin^2, and the rival v is a unit vector orthogonal to them"
    proof.equal(why, within + 1, cos2 * KroneckerDelta(i, j) + (1 + sin2), "<v - w_i, v - w_j>")
    multiplier = (g[i] - s * total) / p
    why = (
        "Let p = cos^2 and s = 1 + sin^2. The move lowers the lead over w_i by p lambda_i + s Lambda, Lambda being the "
        "sum of all multipliers. A center with lambda_i > 0 has no lead left, any other one has none without it: "
        "lambda_i is the positive part of"
    )
    proof.given(why, multiplier)
    summed = linear_sum(multiplier, i, m).subs(Sum(g[i], (i, 1, m)), leads)
    right = leads / (p + m * s)
    why = "Over m centers with leads of the sum G, what is in the bracket sums to Lambda for Lambda equal to"
    proof.equal(why, summed.subs(total, right), right, "sum lambda_i")
    why = (
        "Any m centers have at most the sum of all positive parts, which less Lambda falls with Lambda. It is not "
        "negative at this value, so the solution is not below it; the centers that matter reach it: Lambda is the "
        "largest over m. The sum over m of them less Lambda falls at the rate"
    )
    proof.sign(why, -(summed - total).diff(total), ">")
    one = proof.equal("One own center is a half-space: Lambda is", right.subs(m, 1), leads / (p + s), "Lambda_1")
    length = {p: cos2, s: 1 + sin2}
    why = "The squared distance is p sum lambda_i^2 + s Lambda^2: here g^2 / |v - w|^2, where |v - w|^2 = 2"
    proof.equal(why, (p * one**2 + s * one**2).subs(length), leads**2 / 2, "R^2")
    f, c = symbols("f c", positive=True)
    centers = {p: f * (c**2 - s + 1), m: f, leads: f * c}
    why = "At the mean center, of unit length, all f leads are c, and p = f (c^2 - sin^2): Lambda is"
    middle = proof.equal(why, right.subs(centers, simultaneous=True), c / (1 + c**2), "Lambda")
    distance = f * (c - s * middle) ** 2 / p + s * middle**2
    proof.equal("and the radius is c / sqrt(1 + c^2)", distance.subs(p, centers[p]), c**2 / (1 + c**2), "R^2")
    return proof
