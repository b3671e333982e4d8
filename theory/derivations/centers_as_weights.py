r"""The cosine loss of a feature by its part along the mean direction and its part in the differences of the centers.

Products with the own centers are :math:`x_j = c x + d_j`: their mean is that with the mean center, c times x.
"""

from sympy import Symbol, symbols

from theory.derivations.proof import Proof
from theory.derivations.symbols import beta, c, center_cosine, cos2, f, theta, x, y
from theory.multicenter.sharing import feature_loss

PRODUCTS = 4
"""Centers for which sums are written out; each step holds for any number of them alike."""


def derive() -> Proof:
    """The loss in two coordinates, its slope, and the rate of collapse over the steepest slope."""
    proof = Proof("Centers as weights")
    *free, last = symbols(f"d_1:{PRODUCTS + 1}", real=True)
    parts = [*free, -sum(free)]
    along, spread = Symbol("c_x"), sum(d**2 for d in parts)

    proof.given("Products with the centers are c x + d_j, in the mean c x: the d_j add up to 0, and the last is", last)
    why = "Their squared distances to 1, of four centers: that of the mean, once a center, and their spread"
    proof.equal(why, sum((along + d - 1) ** 2 for d in parts), PRODUCTS * (1 - along) ** 2 + spread)
    proof.given("d_j is cos(theta) times the part along v_j - mean of v, so that the spread is", cos2 * y**2)
    loss = beta * (f * (1 - c * x) ** 2 + cos2 * y**2)
    proof.result(feature_loss, x, y, f, theta, beta, is_=loss.subs(c, center_cosine))
    slope = proof.equal("The slope along the mean direction", loss.diff(x), -2 * beta * f * c * (1 - c * x))
    steepest = proof.equal("At a feature without a part along it", slope.subs(x, 0), -2 * beta * f * c)
    why = "The rate of collapse 4 beta f c (1 - c) over that slope knows neither beta nor f"
    proof.equal(why, 4 * beta * f * c * (1 - c) / -steepest, 2 * (1 - c))
    return proof
