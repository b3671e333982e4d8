"""The worked example of the strategy, n = (1, 3, 3), is not sorted as its own step 1 demands; sorted, it gives (2, 4,
3). So the strategy is not monotone: equal classes get different counts and the rarest class need not get the most.
"""

import numpy as np

from theory.multicenter import centers
from ufm.certify.ledger.by_hand import broken, random_sizes
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="erratum-8",
    section="Errata",
    verdict="fails",
    source="section 4, class-aware strategy, worked example",
    latex=r"n = (3, 3, 1), f = 3 \;\mapsto\; (2, 4, 3)",
    printed=r"n = (3, 3, 1), f = 3 \;\mapsto\; (1, 4, 4) \text{, the example (4, 4, 1) read back in descending order}",
    hypotheses="Steps 1 to 4 carried out as written.",
    functions=("theory.multicenter.centers.class_aware",),
    tests=("tests/theory/multicenter/test_centers.py::test_the_printed_strategy_is_not_monotone_and_the_repair_is",),
)


def evidence() -> Evidence:
    counts, how = centers.class_aware((3, 3, 1), 3), "the strategy, step by step"
    name = "centers of the classes of n=(3, 3, 1), f=3, by the rule as written"
    yield compare(name, how, counts, (2, 4, 3), printed=(1, 4, 4))
    share = np.mean([broken(sizes, centers.class_aware(sizes, 5)) for sizes in random_sizes()])
    name = "share of random size lists in which a rarer class gets fewer centers"
    yield compare(name, "2,000 lists, f=5", share, 0.05, relation=">=")
    name = "whether the rarest class has the most centers, n=(3, 3, 1)"
    yield compare(name, how, counts[2] == max(counts), 0.0, printed=1.0)
