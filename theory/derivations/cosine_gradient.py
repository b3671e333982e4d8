r"""The gradient of the cosine loss, and what the paper prints for it.

With r = abs(h), u = h / r and a = <w, u>, the gradient of (a - 1)^2 is -(2/r) (1 - a) (w - a u). It is proved in every
dimension at once: a gradient is the vector that gives the derivatives along all lines h + epsilon v, and along a line
only inner products enter.
"""

from sympy import Eq, Function, Rational, Sum, Symbol, sqrt, symbols

from theory.derivations.proof import Proof
from theory.derivations.symbols import beta, f, lam, r


def derive() -> Proof:
    """Gradient, its direction and largest norm; the Jacobian of h / |h|; the gradient of the whole loss."""
    proof = Proof("Gradient of the cosine loss")
    a, q, m, epsilon = symbols("a q m epsilon", real=True)
    square, rest = symbols("V R", nonnegative=True)

    norm = sqrt(r**2 + 2 * epsilon * m + epsilon**2 * square)
    cosine = (a * r + epsilon * q) / norm
    why = "Along h + epsilon v, with <w, h> = a r, <w, v> = q, <h, v> = m and |v|^2 = V, the cosine with w is"
    proof.given(why, Eq(Function("a")(epsilon), cosine))
    why = "Its slope at h is <w - a u, v> / r, linear in v: so the gradient of a is (w - a u) / r"
    slope = proof.equal(why, cosine.diff(epsilon).subs(epsilon, 0), (q - a * m / r) / r)

    why = "For all w and v this is <w, J v> with J = (|h|^2 I - h h^T) / |h|^3, the Jacobian of h / |h|"
    proof.equal(why, slope, (r**2 * q - (a * r) * m) / r**3)
    why = "The appendix prints |h| I for |h|^2 I, which misses the slope by a term that is 0 for all v only at |h| = 1"
    proof.equal(why, slope - (r * q - (a * r) * m) / r**3, (r - 1) / r**2 * q)
    hi, hj = symbols("h_i h_j", real=True)
    length = sqrt(hi**2 + hj**2 + rest)
    why = "The same by coordinates, with R the sum of the squares of the others: entry (i, i) of the Jacobian"
    proof.equal(why, (hi / length).diff(hi), (length**2 - hi**2) / length**3)
    proof.equal("and entry (i, j)", (hi / length).diff(hj), -hi * hj / length**3)

    why = "By the chain rule the gradient of (a - 1)^2 is g = -(2/r) (1 - a) (w - a u): its product with v"
    pull = proof.equal(why, ((cosine - 1) ** 2).diff(epsilon).subs(epsilon, 0), -2 / r * (1 - a) * (q - a * m / r))
    proof.equal("g is orthogonal to h: v = h has q = a r and m = r^2", pull.subs({q: a * r, m: r**2}), 0, "<g,h>")
    onto = pull.subs({q: 1 - a**2, m: 0})
    why = "For |w| = 1, v = w - a u has q = 1 - a^2 and m = 0, and g = -(2/r) (1 - a) v: so |g|^2 is"
    square_norm = proof.equal(why, -2 / r * (1 - a) * onto, 4 / r**2 * (1 - a) ** 2 * (1 - a**2), "|g|^2")
    short = proof.equal(
        "It falls short of 27 / (4 r^2) by a square times what is positive",
        Rational(27, 4) / r**2 - square_norm,
        4 / r**2 * (a + Rational(1, 2)) ** 2 * ((a - Rational(3, 2)) ** 2 + Rational(1, 2)),
    )
    proof.sign("So |g| <= 3 sqrt(3) / (2 r), with equality at a = -1/2 and nowhere else", short, ">=")

    j = Symbol("j", integer=True)
    cosines, products = Function("a", real=True)(j), Function("q", real=True)(j)
    centers = Sum((cosine.subs({a: cosines, q: products}) - 1) ** 2, (j, 1, f))
    whole = proof.equal(
        "With all centers and the norm penalty: <v, (2 beta / r) sum (a_j - 1) (w_j - a_j u) + 2 lambda (r - 1) u>",
        (beta * centers + lam * (norm - 1) ** 2).diff(epsilon).subs(epsilon, 0),
        2 * beta / r * Sum((cosines - 1) * (products - cosines * m / r), (j, 1, f)) + 2 * lam * (r - 1) * m / r,
    )
    why = "Only the penalty acts on the norm: the derivative along v = u, which has q_j = a_j and m = r"
    proof.equal(why, whole.subs({products: cosines, m: r}).doit(), 2 * lam * (r - 1), "<grad L,u>")
    return proof
