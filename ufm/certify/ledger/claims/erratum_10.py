"""The sum of f_k n_k is S, not f K; with f K in its place the norms of P's features are wrong."""

import numpy as np

from theory.multicenter import centers
from theory.multicenter import minimum as minimizers
from ufm.certify.ledger.by_hand import frame_by_hand, ridge_feature
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.examples import LONG_TAIL

CLAIM = Claim(
    id="erratum-10",
    section="Errata",
    verdict="fails",
    source="appendix F.2",
    latex=r"S = \sum_k f_k n_k, \qquad F = \sum_k f_k = f K",
    printed=r"f K = \sum_k f_k n_k",
    hypotheses="More than one sample in a class.",
    functions=("theory.multicenter.minimum.mse_feature_norm",),
    tests=("tests/theory/multicenter/test_minimum.py::test_mse_minimum_against_least_squares",),
)


def evidence() -> Evidence:
    f = 20
    counts = np.array(centers.class_aware(LONG_TAIL, f))
    s = int(counts @ LONG_TAIL)
    samples_by_center = sum(int(a) for a, n in zip(counts, LONG_TAIL, strict=True) for _ in range(n))
    yield compare("sum of f_k n_k, CIFAR-10-LT", "counted sample by sample", samples_by_center, s, printed=f * 10)
    sizes, few = np.array((20, 8, 3)), np.array((1, 3, 6))
    total = int(sizes @ few)
    _, _, w = frame_by_hand((1, 3, 6), 0.3, 20)
    owner, weight = np.repeat(np.arange(3), few), 0.01
    norms = [np.linalg.norm(ridge_feature(w, (owner == k).astype(float), weight * total)) for k in range(3)]
    right, wrong = (minimizers.mse_feature_norm(few, 0.3, value, weight) for value in (total, int(few.sum())))
    name = "norms of P's features with S, and with f K in its place"
    yield compare(name, "ridge regression, solved", norms, right, relative=1e-12, printed=wrong)
