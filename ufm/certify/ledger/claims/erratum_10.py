"""The sum of f_k n_k is S, not f K; with f K in its place the norms of P's features are wrong."""

import numpy as np

from theory.multicenter import centers, minimum
from ufm.certify.ledger.by_hand import frame_by_hand, ridge_features
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.simulations import LONG_TAIL

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
    counts = centers.class_aware(LONG_TAIL, 20)
    samples_by_center = sum(a for a, n in zip(counts, LONG_TAIL, strict=True) for _ in range(n))
    s, printed = np.dot(counts, LONG_TAIL), 20 * 10
    yield compare("sum of f_k n_k, CIFAR-10-LT", "counted sample by sample", samples_by_center, s, printed=printed)
    few, theta, weight = (1, 3, 6), 0.3, 0.01
    s, frame = np.dot((20, 8, 3), few), frame_by_hand(few, theta, 20)
    features, _ = ridge_features(frame.centers, frame.owner, weight * s)
    norms = np.linalg.norm(features, axis=1)
    right, wrong = (minimum.mse_feature_norm(few, theta, value, weight) for value in (s, sum(few)))
    name = "norms of P's features with S, and with f K in its place"
    yield compare(name, "ridge regression, solved", norms, right, relative=1e-12, printed=wrong)
