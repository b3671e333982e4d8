r"""Which of two learned means is nearer to a new feature: the cumulants of the difference of squared distances.

In units of the noise, with the difference of the true means along one coordinate, let :math:`a = (z - \hat\mu_k)`
and :math:`b = (z - \hat\mu_j)`. Their coordinates are independent normal pairs of the same covariance, and in
that one b has the mean :math:`\Delta = D / \sigma`.
"""

from sympy import Matrix, Rational, Symbol, diag, eye, log, oo, sqrt, symbols

from theory.decision import few_samples
from theory.derivations.proof import Proof


def derive() -> Proof:
    """Generating function of one coordinate, cumulants, and where the mean of the difference vanishes."""
    proof = Proof("Nearest of two learned means")
    n, m, d = symbols("n_k n_j d", integer=True, positive=True)
    (D, sigma), (s, delta) = symbols("D sigma", positive=True), symbols("s Delta", real=True)
    x, y = symbols("a b", real=True)
    own, other, signs = 1 + 1 / n, 1 + 1 / m, diag(-1, 1)
    covariance, mean = Matrix([[own, 1], [1, other]]), Matrix([0, delta])
    proof.given("A pair shares the noise of the new feature, and has that of its means: covariance", covariance)

    point = Matrix([x, y])
    p = 1 - 2 * s * (1 / m - 1 / n) - 4 * s**2 * (1 / n + 1 / m + 1 / (n * m))
    tilted = covariance.inv() - 2 * s * signs
    why = "E exp(s (b^2 - a^2)) is a normal integral, and its determinant makes the factor p^(-1/2)"
    proof.equal(why, (covariance * tilted).det(), p, "p(s)")
    moved = tilted.inv() * covariance.inv() * mean
    shift = delta**2 * s * (1 + 2 * s * own) / p
    exponent = -((point - mean).T * covariance.inv() * (point - mean))[0] / 2 + s * (y**2 - x**2)
    centred = -((point - moved).T * tilted * (point - moved))[0] / 2
    proof.equal("Completing the square leaves in the exponent", exponent - centred, shift, "shift")
    q = Symbol("q", positive=True)
    cumulant = -d * log(p) / 2 + (shift / delta**2) * q
    proof.given("d coordinates, and a shift in the first with Delta^2 = q, have the logarithm of the product", cumulant)
    middle = proof.equal("Its slope at 0, the mean, is", cumulant.diff(s).subs(s, 0), q + d * (1 / m - 1 / n), "E Q")
    spread = 4 * (q * other + d * (1 / n + 1 / m + 1 / (2 * n**2) + 1 / (2 * m**2)))
    proof.equal("and its curvature, the variance", cumulant.diff(s, 2).subs(s, 0), spread, "var Q")
    proof.equal("Known means leave one normal variable, of variance 4 q", spread.limit(n, oo).limit(m, oo), 4 * q)
    bias = d * (1 / m - 1 / n)
    proof.equal("Taking d / n off each squared distance leaves q", middle - bias, q, "E Q - d (1/n_j - 1/n_k)")
    even = sigma**2 * d / (D**2 + sigma**2 * d / m)
    units = {q: D**2 / sigma**2}
    proof.equal("The mean is 0 for n_k equal to this", middle.subs(units).subs(n, even), 0, Symbol("E Q"))
    proof.sign("It rises with n_k", middle.diff(n), ">")
    largest = Symbol("x", real=True)
    product = (eye(2) * largest - signs * covariance).det()
    why = "Q is a difference of two noncentral chi^2 variables of d degrees; their weights are the roots in x of"
    proof.equal(why, product, largest**2 - largest * (1 / m - 1 / n) - (1 / n + 1 / m + 1 / (n * m)), "det(x - J S)")
    root = sqrt((1 / m - 1 / n) ** 2 + 4 * (1 / n + 1 / m + 1 / (n * m)))
    for sign in (1, -1):
        weight = Rational(1, 2) * (1 / m - 1 / n + sign * root)
        proof.equal("which are" if sign > 0 else "and", product.subs(largest, weight), 0, Symbol("det"))

    values = (sigma**2 * middle.subs(units), sigma**4 * spread.subs(units))
    proof.result(few_samples.moments, n, m, D, sigma, d, is_=values)
    proof.result(few_samples.break_even, m, D, sigma, d, is_=even)
    return proof
