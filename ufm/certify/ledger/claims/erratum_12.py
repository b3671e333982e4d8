"""The ratios of section 3.5 run to n_0, a size that no class has: the reversed list that the strategy builds has ratios
n_(K-k+1) / n_(K-k). (As printed they are right if sizes are counted from 0 and centers from 1.) And reversed sizes do
not keep the other promise, f_m n_m about equal: with one rare class among ten they miss it by the whole imbalance.
"""

from itertools import pairwise

import numpy as np

from theory.multicenter import centers
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.claims.reversal import ONE_RARE, spread

CLAIM = Claim(
    id="erratum-12",
    section="Errata",
    verdict="fails",
    source="section 3.5, principles; appendix F.2",
    latex=r"""
        \frac{f_k}{f_{k+1}} = \frac{n_{K-k+1}}{n_{K-k}}, \qquad n = (500, \dots, 500, 5): \frac{\max_k f_k n_k}{\min_k
        f_k n_k} = 100
    """,
    printed=r"\frac{f_k}{f_{k+1}} = \frac{n_{K-k}}{n_{K-k-1}}, \qquad f_m n_m \approx \text{const}",
    hypotheses="n_1 >= ... >= n_K, more than two classes; sizes that claim reversal does not let pass.",
    functions=("theory.multicenter.centers.class_aware",),
    tests=("tests/theory/multicenter/test_centers.py::test_the_printed_strategy_is_not_monotone_and_the_repair_is",),
)


def evidence() -> Evidence:
    sizes, many = (400, 200, 50, 40), 100_000
    counts, how = centers.class_aware(sizes, many), "the strategy, step by step, 100,000 centers a class"
    ratios = {(top, under): sizes[top - 1] / sizes[under - 1] for top in range(1, 5) for under in range(1, 5)}
    met = [
        under
        for few, more in pairwise(counts)
        for (_, under), ratio in ratios.items()
        if np.isclose(few / more, ratio, rtol=1e-4, atol=0.0)
    ]
    yield compare(
        "lowest index of a size in the ratios, K=4", how, min(met), 1, printed=min(4 - k - 1 for k in (1, 2, 3))
    )
    found = spread(ONE_RARE, centers.class_aware(ONE_RARE, many))
    yield compare(f"largest f_k n_k over the smallest, n={ONE_RARE}", how, found, 100.0, relative=0.02, printed=1.0)
    found = spread(ONE_RARE, centers.class_aware(ONE_RARE, 20))
    yield compare("the same, f=20", "the strategy, step by step", found, 100.0, relative=0.02, printed=1.0)
