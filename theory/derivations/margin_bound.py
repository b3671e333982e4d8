r"""How a bound by margins depends on scores: the constants of the Rademacher bound."""

from sympy import sqrt, symbols

from theory.decision import generalisation
from theory.derivations.proof import Proof


def derive() -> Proof:
    """Lipschitz constants, and the Frobenius norm that Jensen's inequality bounds."""
    proof = Proof("A bound by margins for a fixed classifier")
    own, best, more = symbols("x y z", nonnegative=True)
    gamma, L, X = symbols("gamma L X", positive=True)
    K, n = symbols("K n", integer=True, positive=True)
    proof.given("The own score changes by x, the best other one by y: the margin changes by at most", own + best)
    lost = 2 * (own**2 + best**2) - (own + best) ** 2
    proof.equal("Its square is at most twice that of the change of all scores, with a rest of", lost, (own - best) ** 2)
    proof.sign("which is not negative, whichever is larger", (own - best).subs(own, best + more) ** 2, ">=")
    ramp = sqrt(2) / gamma
    proof.given("The ramp loss, 1 below 0 and 0 from gamma on, is 1/gamma as steep, so in the scores at most", ramp)
    proof.equal("Contraction for vectors (Maurer 2016) takes another sqrt(2)", sqrt(2) * ramp, 2 / gamma)
    scores = L * X * sqrt(K / n)
    why = "For orthonormal w_k and independent signs |sum eps_ik w_k x_i'|^2 has the mean K sum |x_i|^2 <= K n X^2"
    proof.equal(why, L / n * sqrt(K * n * X**2), scores, "complexity")
    why = "The bound by Rademacher complexities has it twice (Mohri, Rostamizadeh and Talwalkar 2018, theorem 3.3)"
    steep = proof.equal(why, 2 * (2 / gamma) * scores, 4 / gamma * L * X * sqrt(K / n), "complexity of the loss, twice")
    proof.sign("It falls with more samples", steep.diff(n), "<")
    proof.result(generalisation.complexity, L, X, K, n, is_=scores)
    return proof
