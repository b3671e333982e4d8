r"""Hard-to-predict features: a class wins as often as it has directions, and what that is worth.

A hard-to-predict feature is the mean of all directions plus isotropic Gaussian noise. Its products with orthonormal
directions are then independent normal variables around one common mean. Mean and variance do not change which one is
the largest, so let them be standard normal. RCR has one direction for each class, GCR has :math:`f_k`. Whether class
k wins does not depend on where the feature comes from; so with :math:`P_k` the probability that it comes from class
k, the accuracy of a rule is the sum over classes of :math:`P_k` times the probability that class k wins.

Sums over classes are carried out with the number of classes K symbolic.
"""

from sympy import Derivative, Eq, Expr, IndexedBase, KroneckerDelta, Sum, Symbol, erf, exp, oo, pi, sqrt, symbols

from theory.decision import hard
from theory.derivations.proof import Proof, linear_sum
from theory.derivations.symbols import K, f

g = Symbol("g", integer=True, positive=True)
"""Number of directions that the class competes with."""


def density(x: Expr) -> Expr:
    """Density of a standard normal variable."""
    return exp(-(x**2) / 2) / sqrt(2 * pi)


def distribution(x: Expr) -> Expr:
    """Probability that a standard normal variable is at most x."""
    return (1 + erf(x / sqrt(2))) / 2


def derive() -> Proof:
    """Proposition 3.1, Chebyshev's sum inequality, and the best numbers of centers at a fixed sum."""
    proof = Proof("Hard-to-predict features: a class wins as often as it has directions")
    i, j, a, b, k, m = symbols("i j a b k m", integer=True)
    F, x = Symbol("F", integer=True, positive=True), Symbol("x", real=True)

    proof.equal(
        "Orthonormal directions w_1, ..., w_F have the same product with their mean: all products with a "
        "hard-to-predict feature have this mean, and they are independent",
        Sum(KroneckerDelta(i, j, (1, F)) / F, (j, 1, F)).doit(),
        1 / F,
        shown=Sum(Symbol("<w_i, w_j>") / F, (j, 1, F)),
    )
    phi, Phi = density(x), distribution(x)
    proof.equal("The standard normal distribution function has the density", Phi.diff(x), phi, Derivative(Phi, x))
    proof.given("The largest of f independent products is at most x if all are, with probability", Phi**f)
    largest = proof.equal("so it has the density", (Phi**f).diff(x), f * phi * Phi ** (f - 1), Derivative(Phi**f, x))
    part = Symbol("Phi", positive=True)
    wins = f / (f + g) * part ** (f + g)
    why = (
        "It is larger than g other products with the probability that is the integral over x of this density times "
        "the probability that those are at most x. Here is an antiderivative:"
    )
    proof.equal(why, wins.subs(part, Phi).diff(x), largest * Phi**g, Derivative(wins, x))
    pair = proof.equal(
        "and Phi rises from 0 to 1: the class with f directions wins against g others with probability",
        wins.subs(part, Phi.limit(x, oo)) - wins.subs(part, Phi.limit(x, -oo)),
        f / (f + g),
        shown="P(f wins against g)",
    )
    everybody = Symbol("P(k wins)")
    why = "Against one other class this is it. Against all others, g = F - f"
    proof.equal(why, pair.subs(g, F - f), f / F, everybody)
    why = "and with one direction for each class, F = K"
    proof.equal(why, pair.subs(g, F - f).subs({f: 1, F: K}), 1 / K, everybody)

    count, share, accuracy = IndexedBase("f"), IndexedBase("P"), Symbol("P_GCR")

    def over_classes(summand: Expr, index: Symbol = a) -> Expr:
        sums = {count[index]: F, share[index]: 1, share[index] * count[index]: F * accuracy}
        return linear_sum(summand, index, K).subs({Sum(each, (index, 1, K)): name for each, name in sums.items()})

    classes = (a, 1, K)
    proof.given("From here on, sums over the classes have the names", Eq(F, Sum(count[a], classes)))
    proof.given("(the P_k are probabilities of exclusive events, one of which happens)", Eq(1, Sum(share[a], classes)))
    right = Sum(share[a] * pair.subs(g, F - f).subs(f, count[a]), classes)
    proof.given("and, for the probability that GCR is right,", Eq(accuracy, right))
    proof.equal("Some class wins: probabilities add up to 1", over_classes(count[a] / F), 1, Sum(count[a] / F, classes))
    proof.equal("RCR is right with probability", over_classes(share[a] / K), 1 / K, Sum(share[a] / K, classes))

    product = (count[a] - count[b]) * (share[a] - share[b])
    proof.equal(
        "Chebyshev's sum inequality: what GCR is better by is a sum over pairs of classes",
        over_classes(over_classes(product), b) / (2 * K * F),
        accuracy - 1 / K,
        shown=Sum(product, classes, (b, 1, K)) / (2 * K * F),
    )
    more, likelier = symbols("Delta_f Delta_P", nonnegative=True)
    why = (
        "Let f and P be sorted alike: of two classes, the one with more centers is not less likely. Then no term is "
        "negative (nor with the two classes exchanged), and P_GCR >= 1/K"
    )
    proof.sign(why, product.subs({count[a]: count[b] + more, share[a]: share[b] + likelier}), ">=")

    moved = count[a] + KroneckerDelta(a, k, (1, K)) - KroneckerDelta(a, m, (1, K))
    proof.equal(
        "P_GCR is linear in f: one center moved from class m to class k, at fixed F, changes it by",
        over_classes(moved * share[a] / F) - accuracy,
        (share[k] - share[m]) / F,
        shown=Sum(moved * share[a] / F, classes) - accuracy,
    )
    spare = 1 + (F - K) * KroneckerDelta(a, m, (1, K))
    best = proof.equal(
        "Every class keeps one center and class m gets all others: GCR is then right with probability",
        over_classes(spare * share[a] / F),
        (1 + (F - K) * share[m]) / F,
        shown=Sum(spare * share[a] / F, classes),
    )
    behind = (count[a] - 1) * (share[m] - share[a])
    why = "Any other numbers of centers with the same sum fall short of that by"
    proof.equal(why, over_classes(behind / F), best - accuracy, Sum(behind / F, classes))
    why = (
        "If m is the most likely class no term is negative, since f_k >= 1: this is the best allocation. The other "
        "classes pay: each wins its own features with probability 1/F only"
    )
    proof.sign(why, behind.subs({count[a]: 1 + more, share[m]: share[a] + likelier}), ">=")

    proof.result(hard.pairwise_choice, f, g, is_=pair)
    return proof
