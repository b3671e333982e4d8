r"""Comparing two beta variables whose first parameters differ by an integer: what each more of it adds."""

from sympy import Derivative, Symbol, symbols

from theory.derivations.proof import Proof


def derive() -> Proof:
    """Integration by parts of the incomplete beta function, and an average over the other variable."""
    proof = Proof("How well features of no class are told")
    a, b, c, y = symbols("a b c y", positive=True)
    beta, other = Symbol("B(a, b)", positive=True), Symbol("B(c, b)", positive=True)
    proof.given("The beta function B(a + 1, b) is", a / (a + b) * beta)
    density = y ** (a - 1) * (1 - y) ** (b - 1) / beta
    next_density = y**a * (1 - y) ** (b - 1) / (a / (a + b) * beta)
    step = y**a * (1 - y) ** b / (a * beta)
    why = (
        "P(Beta(a + 1, b) > y) exceeds P(Beta(a, b) > y) by this step: it is 0 at both ends, and has the slope of the "
        "difference"
    )
    proof.equal(why, step.diff(y), density - next_density, Derivative(step, y))
    averaged = step * y ** (c - 1) * (1 - y) ** (b - 1) / other
    kernel = y ** (a + c - 1) * (1 - y) ** (2 * b - 1)
    why = "Averaged over y with the density of Beta(c, b) the integrand is that of B(a + c, 2 b), divided by"
    proof.equal(why, kernel / averaged, a * beta * other, Symbol("ratio"))
    i, first = symbols("i K", positive=True)
    why = "With a = K/2 + i and c = K/2 the numerator is B(K + i, 2 b)"
    proof.equal(why, (a + c).subs({a: first / 2 + i, c: first / 2}), first + i, a + c)
    return proof
