r"""What the nearest mean loses where noise is not isotropic: Kantorovich's inequality, and when it is reached."""

from sympy import Symbol, sqrt, symbols

from theory.decision import anisotropy
from theory.derivations.proof import Proof


def derive() -> Proof:
    """With eigenvalues of the covariance between m and M, kappa = M / m."""
    proof = Proof("The nearest mean under anisotropic noise")
    m, above, below = Symbol("m", positive=True), Symbol("p", nonnegative=True), Symbol("q", nonnegative=True)
    eigen, largest = m + above, m + above + below
    why = "An eigenvalue m <= x <= M = m + p + q of the covariance, x = m + p, has (x - m)(M - x) >= 0; over x that is"
    proof.sign(why, above * below / eigen, ">=")
    chord = m + largest - (eigen + m * largest / eigen)
    proof.equal("which says that x + m M / x falls short of m + M by", chord, above * below / eigen)
    first, second = symbols("s i", positive=True)
    kappa = Symbol("kappa", positive=True)
    proof.given(
        "Summed over squared coordinates of a unit delta, s = delta' Sigma delta and i = delta' Sigma^-1 delta have "
        "s + m M i <= m + M, and in units of m (so that M is kappa)",
        first + kappa * second <= 1 + kappa,
    )
    gap = (first - kappa * second) ** 2
    why = "A sum of two numbers squared exceeds four times their product by a square"
    proof.equal(why, (first + kappa * second) ** 2 - 4 * kappa * first * second, gap)
    proof.sign("which is not negative, so that 4 kappa s i <= (1 + kappa)^2", gap.subs(first, kappa * second + m), ">=")
    worst = 4 * kappa / (1 + kappa) ** 2
    half = (1 + kappa) / 2, (1 + 1 / kappa) / 2
    why = "The ratio of exponents is 1 / (s i), and for a delta half along each extreme eigenvector"
    proof.equal(why, 1 / (half[0] * half[1]), worst, "ratio")
    length, along, inverse = symbols("delta a b", positive=True)
    nearest, best = (length**2 / (2 * sqrt(along))) ** 2 / 2, inverse / 8
    why = "Exponents are half the squares of what stands in Phi, |delta|^2 / (2 sqrt a) and sqrt(b) / 2"
    proof.equal(why, nearest / best, length**4 / (along * inverse), "E_NMC / E_LDA")
    proof.result(anisotropy.worst_exponent_ratio, kappa, is_=worst)
    return proof
