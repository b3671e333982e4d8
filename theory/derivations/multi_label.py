r"""Several labels at once: the scales of the features of all sets of a size, and when all are dead."""

from sympy import Eq, Symbol, binomial, combsimp, exp, log

from theory.derivations.proof import Proof
from theory.derivations.symbols import K, N, a, lam
from theory.zoo import multi_label


def derive() -> Proof:
    """Loss and norm of the logits, the stationary scale, and the threshold."""
    proof = Proof("Several labels at once")
    m, count, rho, pairs = (Symbol(name, positive=True) for name in ("m", "n_m", "rho", "B_m"))
    inside, outside = a * (1 - m / K), -a * m / K
    sums = m * exp(a) + K - m
    proof.equal(
        "Logits of a set S of m labels are a (1_S - m / K). Over e^(-a m / K) their exponentials add up to",
        (m * exp(inside) + (K - m) * exp(outside)) * exp(-outside),
        sums,
    )
    loss = m * (log(sums) - a)
    proof.given("and the loss, over its labels, is", Eq(Symbol("l"), loss))
    slope = proof.equal("with the slope", loss.diff(a), -m * (K - m) / sums, "l'")
    sets = binomial(K, m) * m * (K - m) / (K * (K - 1))
    proof.equal(
        "Of all sets of m labels B_m = binom(K - 2, m - 1) have one label and not another one. In units of "
        "binom(K, m) m (K - m) / (K (K - 1)) that is",
        combsimp((binomial(K - 2, m - 1) / sets).rewrite("gamma")),
        1,
    )
    dead = Symbol("sum n_m B_m")
    proof.given(
        "So the vectors 1_S - m / K of all of them, in columns, have the square B_m P, and A = Z D^(1/2) has K - 1 "
        "singular values rho",
        Eq(rho**2, Symbol("sum n_m B_m a_m^2")),
    )
    number = pairs * K * (K - 1) / (m * (K - m))
    total = count * number / N * slope + lam * (K - 1) * count * pairs * a / rho
    why = "The slope of loss and lambda (K - 1) rho by a, as there are B_m K (K - 1) / (m (K - m)) sets, is 0 where"
    unit = lam * (K - 1) * count * pairs / (rho * sums)
    proof.equal(why + " this is", total / unit, a * sums - K * rho / (N * lam), "F'(a)")
    proof.equal("For small a the sum of the exponentials is K", sums.subs(a, 0), K)
    proof.given(
        "so all a_m are rho / (N lambda) where they die, and rho^2 is their sum above", Eq((N * lam) ** 2, dead)
    )
    proof.result(multi_label.loss, a, m, K, is_=loss)
    return proof
