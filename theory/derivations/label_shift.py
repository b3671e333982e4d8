r"""Which offsets suit a prior: the Bayes rule on the scores of a rule, and the best threshold between two classes.

On features of class k the scores are independent normal variables with variance :math:`\sigma^2`, of which the k-th has
the mean :math:`m_k` and all others 0.
"""

from sympy import Eq, Expr, Integer, Symbol, diff, log, pi, symbols

from theory.derivations.proof import Proof


def derive() -> Proof:
    """Bayes scores, when offsets reach them, the offset between two classes, and the worst prior."""
    proof = Proof("Offsets for a test prior")
    s1, s2, x = symbols("s_1 s_2 x", real=True)
    m, m1, m2, p1, p2, sigma = symbols("m m_1 m_2 pi_1 pi_2 sigma", positive=True)

    def log_density(y: Expr, mean: Expr, variance: Expr = sigma**2) -> Expr:
        return -((y - mean) ** 2) / (2 * variance) - log(2 * pi * variance) / 2

    joint1 = log(p1) + log_density(s1, m1) + log_density(s2, Integer(0))
    joint2 = log(p2) + log_density(s1, Integer(0)) + log_density(s2, m2)
    z1, z2, norm = symbols("z_1 z_2 r", positive=True)
    why = (
        "A feature r u_k + noise has these parts along u_k and another u_j; in all other directions it has the same "
        "density under both classes. The logarithm of the ratio of its densities is"
    )
    proof.equal(
        why,
        log_density(z1, norm) + log_density(z2, Integer(0)) - log_density(z1, Integer(0)) - log_density(z2, norm),
        norm / sigma**2 * (z1 - z2),
        shown=Symbol("ln(ratio)"),
    )
    proof.given("With equal priors Bayes takes the largest <u_k, z>: that is the nearest mean center", Eq(z1, z2))
    why = "Scores of two classes, prior times density: other scores have the same density under both and drop out"
    bayes = proof.equal(
        why,
        joint1 - joint2,
        (m1 * s1 - m1**2 / 2) / sigma**2 + log(p1) - ((m2 * s2 - m2**2 / 2) / sigma**2 + log(p2)),
        shown=Symbol("ln(ratio)"),
    )
    offset1, offset2 = sigma**2 / m * log(p1), sigma**2 / m * log(p2)
    why = "If both means are m, Bayes compares scores with offsets (sigma^2 / m) ln pi"
    proof.equal(why, bayes.subs({m1: m, m2: m}), m / sigma**2 * ((s1 + offset1) - (s2 + offset2)))
    why = "Otherwise the edge between two classes is no line s_1 - s_2 = constant, as offsets make it: it has the slope"
    proof.equal(why, -diff(bayes, s2) / diff(bayes, s1), m2 / m1, shown=Symbol("-d s_1 / d s_2"))

    variance = 2 * sigma**2
    why = "The difference x = s_1 - s_2 has the means m_1 and -m_2 and the variance 2 sigma^2: its log ratio is"
    ratio = proof.equal(
        why,
        log(p1) + log_density(x, m1, variance) - log(p2) - log_density(x, -m2, variance),
        (m1 + m2) * x / (2 * sigma**2) + (m2**2 - m1**2) / (4 * sigma**2) + log(p1) - log(p2),
        shown=Symbol("ln(ratio)"),
    )
    proof.sign("which grows with x", diff(ratio, x), ">")
    gap = 2 * sigma**2 / (m1 + m2) * (log(p1) - log(p2)) - (m1 - m2) / 2
    why = "So the best decision by x has one threshold, -(b_1 - b_2), with the difference of offsets"
    proof.given(why, Eq(Symbol("b_1 - b_2"), gap))
    proof.equal("at which the ratio is 1", ratio.subs(x, -gap), 0)
    d1, d2 = symbols("D_1 D_2", positive=True)
    why = "Two classes, slopes D_1 and -D_2 of their accuracies by b_1 - b_2: no change in the average over the prior"
    proof.equal(why, d2 / (d1 + d2) * d1 - d1 / (d1 + d2) * d2, 0)
    return proof
