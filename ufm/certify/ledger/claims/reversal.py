"""Centers in proportion to the reversed sizes make f_k n_k the same for all classes if and only if n_k n_(K+1-k) is the
same for all: logarithms of sizes are symmetric about their middle. Geometric sizes are such, and so are (16, 4, 4, 1)
and a step with as many rare classes as frequent ones. Hence the class-aware strategy looks right on long-tailed
benchmarks; with one rare class among ten f_k n_k spreads by the imbalance itself.
"""

from fractions import Fraction
from itertools import combinations_with_replacement, pairwise

import numpy as np

from theory.multicenter import centers
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import LONG_TAIL

CLAIM = Claim(
    id="reversal",
    section="The frame",
    latex=r"""
        f_k \propto n_{K+1-k}: \qquad f_k n_k = \text{const} \iff n_k n_{K+1-k} = \text{const}, \qquad \frac{\max_k f_k
        n_k}{\min_k f_k n_k} = \frac{\max_k n_k n_{K+1-k}}{\min_k n_k n_{K+1-k}}
    """,
    hypotheses="n_1 >= ... >= n_K; numbers of centers not rounded.",
    functions=("theory.multicenter.centers.class_aware", "theory.multicenter.centers.apportioned"),
    tests=(
        "tests/theory/multicenter/test_centers.py::test_sum_and_minimum",
        "tests/theory/multicenter/test_centers.py::test_no_transfer_brings_two_classes_closer_to_proportion",
    ),
)

Sizes = tuple[int, ...]
STEP, ONE_RARE = (500,) * 5 + (5,) * 5, (500,) * 9 + (5,)


def _shares(weights: list[Fraction]) -> list[Fraction]:
    """What each class gets, if centers could be divided."""
    return [weight / sum(weights) for weight in weights]


def reciprocal(sizes: Sizes) -> bool:
    """Whether reversed sizes and reciprocal ones hand out the same shares."""
    return _shares([Fraction(n) for n in sizes[::-1]]) == _shares([Fraction(1, n) for n in sizes])


def symmetric(sizes: Sizes) -> bool:
    """Whether n_k n_(K+1-k) is the same for all classes."""
    return len({n * m for n, m in zip(sizes, sizes[::-1], strict=True)}) == 1


def geometric(sizes: Sizes) -> bool:
    """Whether all ratios of neighbours are the same."""
    return len({Fraction(n, m) for n, m in pairwise(sizes)}) == 1


def spread(sizes: Sizes, counts: Sizes) -> float:
    """Largest f_k n_k over the smallest."""
    products = np.multiply(sizes, counts)
    return float(products.max() / products.min())


def evidence() -> Evidence:
    lists = [tuple(s) for k in (2, 3, 4) for s in combinations_with_replacement(range(16, 0, -1), k)]
    equal, how = [s for s in lists if reciprocal(s)], f"all {len(lists):,} lists of 2 to 4 classes of up to 16 samples"
    name = "lists whose reversed and reciprocal shares agree while n_k n_(K+1-k) varies, or the other way round"
    yield compare(name, how, len(set(equal) ^ {s for s in lists if symmetric(s)}), 0)
    yield compare("geometric lists whose shares differ", how, len({s for s in lists if geometric(s)} - set(equal)), 0)
    others = sum(not geometric(s) for s in equal)
    yield compare("lists that are not geometric and whose shares agree", how, others, 1, relation=">=")
    for sizes, stated in ((LONG_TAIL, 1.0), (STEP, 1.0), ((16, 4, 4, 1), 1.0), (ONE_RARE, 100.0), ((9, 9, 1), 9.0)):
        found = spread(sizes, centers.class_aware(sizes, 100_000))
        name = f"largest f_k n_k over the smallest, n={sizes}"
        yield compare(name, "the strategy, step by step, 100,000 centers a class", found, stated, relative=0.02)
    found = spread(ONE_RARE, centers.apportioned(ONE_RARE, 20))
    yield compare("the same with one rare class, apportioned", "20 centers a class", found, 1.1, relation="<=")
