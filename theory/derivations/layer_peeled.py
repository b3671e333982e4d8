r"""Layer-peeled cross-entropy, equal classes: the simplex that fills the ball, and the multiplier that proves it.

Of minorities that have merged, in three classes of which the last two are alike, the gradient on their difference.
"""

from sympy import Eq, Matrix, Symbol, exp, log, sqrt, symbols

from theory.derivations.proof import Proof
from theory.derivations.symbols import K, N, a
from theory.zoo import layer_peeled


def derive() -> Proof:
    """The scale of the simplex, weak duality without a gap there, and when minorities merge."""
    proof = Proof("Layer-peeled cross-entropy")
    e_w, e_h = (Symbol(name, positive=True) for name in ("E_W", "E_H"))
    radius = K * sqrt(e_w * e_h)
    proof.given("By the inequality of means the logits Z of class means have", Symbol("|Z|_*") <= radius)
    size = K / (K - 1) * sqrt(e_w * e_h)
    proof.equal("Z = a P has the nuclear norm a (K - 1); it fills the ball if a is", size, radius / (K - 1), a)
    value = log(1 + (K - 1) * exp(-a))
    fall = proof.equal("The loss falls in a", value.diff(a), -(K - 1) / (exp(a) + K - 1), "F'(a)")
    proof.sign("for two classes and more", fall.subs(K, Symbol("q", nonnegative=True) + 2), "<")
    p = 1 / (exp(a) + K - 1)
    proof.given("Other classes have the probability", Eq(Symbol("p"), p))
    proof.equal("and the own class has e^a p", 1 - (K - 1) * p, exp(a) * p)
    entropy = -(K - 1) * p * log(p) - exp(a) * p * (a + log(p))
    proof.given("so that their entropy is", Eq(Symbol("S"), entropy))
    proof.equal(
        "The mean of the slopes, -K p P (derivation `ce_balanced`), over the classes is the gradient G = -p P, and the "
        "bound S - |G|_op |Z|_* is reached: nothing is better",
        entropy - p * a * (K - 1),
        value,
        "S - p a (K - 1)",
    )
    rare, q, rest = symbols("n_B p r", positive=True)
    first, second = Matrix([1 - q - rest, q - 1, rest]), Matrix([1 - q - rest, q, rest - 1])
    both = Matrix.hstack(first, second)
    proof.given("Minorities that have merged have the same probabilities; their slopes, in columns, are", both)
    gap = rare / N * (first - second)
    proof.equal("On the difference of their means the gradient is -n_B / N for the first of them", gap[1], -rare / N)
    proof.equal("and the opposite for the second one", gap[2], rare / N)
    why = "and nothing for others. So merged they are a minimum iff n_B / N <= |G|_op, the multiplier of the norm"
    proof.equal(why, gap[0], 0)
    proof.result(layer_peeled.size, K, e_w, e_h, is_=size)
    return proof
