"""The class-aware strategy hands out exactly f K centers, at least one to each class, in integer arithmetic."""

from theory.multicenter import centers
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import LONG_TAIL

CLAIM = Claim(
    id="class-aware",
    section="The frame",
    verdict="holds",
    source="section 4, class-aware strategy",
    latex=r"""
        a_k = \lfloor (f - 1) K n_k / N \rfloor + 1 \text{ (descending } n\text{)}, \text{ reversed, then } +1 \text{
        from the left until } \textstyle\sum_k f_k = f K
    """,
    hypotheses="n_k >= 1, f >= 1 integers.",
    functions=("theory.multicenter.centers.class_aware",),
    tests=(
        "tests/theory/multicenter/test_centers.py::test_worked_example_of_the_paper",
        "tests/theory/multicenter/test_centers.py::test_sum_and_minimum",
    ),
)


def evidence() -> Evidence:
    how = "the strategy, step by step"
    for sizes, mean in ((LONG_TAIL, 20), ((100, 30, 10), 5), ((9, 9, 1), 4)):
        counts = centers.class_aware(sizes, mean)
        yield compare(f"sum of centers for n={sizes}, f={mean}", how, sum(counts), mean * len(sizes))
        yield compare("fewest centers of a class", how, min(counts), 1, relation=">=")
    counts = centers.class_aware((1, 3, 3), 3)
    yield compare("worked example of the paper, n=(1, 3, 3), f=3", how, counts, (4, 4, 1))
