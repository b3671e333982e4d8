"""Huntington-Hill apportionment of f K centers in proportion to 1/n_k keeps the promise for every list of sizes: rarer
classes never get fewer centers, equal ones differ by at most one, and no transfer of a center brings two classes closer
to f_k n_k = f_l n_l. The paper calls its own strategy far from optimal (f_k n_k = 4, 12, 3 in its example) and leaves a
more class-aware one as future work: this is one, and no allocation does better in that example.
"""

from itertools import permutations, product

import numpy as np

from theory.multicenter import centers
from ufm.certify.ledger.by_hand import broken, random_sizes
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="apportioned",
    section="The frame",
    source="new (method: Huntington 1928; Balinski and Young 1982)",
    latex=r"""
        n_k < n_l \Rightarrow f_k \ge f_l, \qquad n_k = n_l \Rightarrow |f_k - f_l| \le 1, \qquad \textstyle\sum_k f_k =
        f K
    """,
    hypotheses="n_k >= 1, f >= 1 integers.",
    functions=("theory.multicenter.centers.apportioned",),
    tests=(
        "tests/theory/multicenter/test_centers.py::test_repair_is_monotone_and_fair_to_equals",
        "tests/theory/multicenter/test_centers.py::test_no_transfer_brings_two_classes_closer_to_proportion",
    ),
)


def evidence() -> Evidence:
    lists = random_sizes()
    given, how = [centers.apportioned(sizes, 5) for sizes in lists], "2,000 lists, f=5"
    wrong = sum(map(broken, lists, given))
    yield compare("lists in which a rarer class gets fewer centers", how, wrong, 0)
    sums = [sum(counts) - 5 * len(counts) for counts in given]
    yield compare("sum of centers minus f K", how, sums, 0)
    worst = 0.0
    for sizes, a in zip(lists[:200], given, strict=False):
        for giver, taker in permutations(range(len(sizes)), 2):
            if a[giver] > 1:
                before = abs(np.log(a[giver] * sizes[giver] / (a[taker] * sizes[taker])))
                after = abs(np.log((a[giver] - 1) * sizes[giver] / ((a[taker] + 1) * sizes[taker])))
                worst = max(worst, before - after)
    name = "what moving one center could still bring two classes closer to proportion, in log f n"
    yield compare(name, "all transfers of 200 lists", worst, 0.0, absolute=1e-12, relation="<=")
    sizes, how = (1, 3, 3), "the strategy, step by step"
    products = np.multiply(sizes, centers.class_aware(sizes, 3))
    yield compare(f"f_k n_k of the class-aware strategy, n={sizes}, f=3", how, products, (4, 12, 3))
    every = np.array([counts for counts in product(range(1, 8), repeat=3) if sum(counts) == 9]) * sizes
    least = np.min(every.max(axis=1) / every.min(axis=1))
    ours = np.multiply(sizes, centers.apportioned(sizes, 3))
    name = "least ratio of the largest f_k n_k to the smallest, there"
    yield compare(name, f"all {len(every)} allocations", least, ours.max() / ours.min(), relative=1e-15)
