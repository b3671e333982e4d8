r"""Unit features and weights under a temperature, equal classes: the value of a simplex, and that nothing is lower."""

from sympy import Eq, Symbol, exp, log

from theory.derivations.proof import Proof
from theory.derivations.symbols import K


def derive() -> Proof:
    """The value, a lower bound for any number q, and the q at which both meet."""
    proof = Proof("Unit features and weights, equal classes")
    tau, q, height = (Symbol(name, positive=True) for name in ("tau", "q", "x"))
    apart = -1 / (K - 1)
    why = "K unit vectors with the cosine -1 / (K - 1) add up to 0"
    proof.equal(why, 1 + (K - 1) * apart, 0, "|sum w|^2 / K")
    rise = tau * K / (K - 1)
    proof.equal("so that a foreign logit is below the own one by", tau * (1 - apart), rise, height)
    value = log(1 + (K - 1) * exp(-height))
    proof.given("and the loss is", Eq(Symbol("l"), value))
    lower = -(K - 1) * q * log(q) - (1 - (K - 1) * q) * log(1 - (K - 1) * q) - (K - 1) * q * height
    proof.given(
        "ln sum e^z is at least the mean of z under any probabilities plus their entropy. With q for each other class, "
        "the mean loss of all classes is at least that entropy minus tau q (K sum <w_k, h_k> - <sum w, sum h>) / K. "
        "The bracket is K times the product of W and H less their means, at most K^2, as |W|^2 = K. So it is at least",
        lower,
    )
    own = exp(height) * q
    best = 1 / (exp(height) + K - 1)
    why = "It is largest at q = 1 / (e^x + K - 1), where the own class has e^x q"
    proof.equal(why, 1 - (K - 1) * best, own.subs(q, best), 1 - (K - 1) * q)
    slope = lower.diff(q)
    proof.equal("as its slope is", slope, (K - 1) * (log(1 - (K - 1) * q) - log(q) - height), "dF/dq")
    reached = -(K - 1) * best * log(best) - own.subs(q, best) * (height + log(best)) - (K - 1) * best * height
    proof.equal("and there it is the value of the simplex", reached, value)
    return proof
