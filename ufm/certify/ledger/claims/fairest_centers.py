"""Under RCR the accuracy of a class on features around its mean center grows with its own centers and does not depend
on those of others: handing every center to the class that is worst at the moment makes the worst class as good as any
allocation with the same sum can. Classes that are alike get the same, up to one.
"""

import itertools

import numpy as np

from theory.decision.choice import fairest_centers
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.noisy import frame_of, means_of

CLAIM = Claim(
    id="fairest-centers",
    section="Decisions",
    latex=r"\max_{\sum_k f_k = F} \min_k A(r_k \cos\rho_k / \sigma_k)",
    hypotheses="As collapsed-accuracy; one angle for all classes.",
    functions=("theory.decision.choice.fairest_centers",),
    tests=(
        "tests/theory/decision/test_choice.py::test_no_allocation_is_better_for_the_worst_class",
        "tests/theory/decision/test_choice.py::test_equal_classes_get_equal_centers",
    ),
)


def worst_lead(counts: tuple[int, ...], theta: float, ratio: tuple[float, ...]) -> float:
    """The smallest lead of a class at its mean center under RCR, over its noise."""
    frame = frame_of(counts, (theta,) * len(counts))
    scores = means_of(frame) @ frame.classifier.T
    others = np.max(scores - 9.0 * np.eye(len(counts)), axis=1)
    return float(np.min(np.array(ratio) * (scores.diagonal() - others)))


def evidence() -> Evidence:
    for ratio, theta in (((1.0, 1.0, 1.0), 0.3), ((3.0, 2.5, 2.0), 0.3), ((3.0, 1.5, 2.0), 0.8)):
        every = [f for f in itertools.product(range(1, 11), repeat=3) if sum(f) == 12]
        found = max(worst_lead(f, theta, ratio) for f in every)
        given = tuple(map(int, fairest_centers(ratio, 12, theta)))
        name = f"largest lead of the worst class, r / sigma = {ratio}, theta = {theta}"
        how = f"all {len(every)} allocations of 12 centers, explicit vectors"
        yield compare(name, how, found, worst_lead(given, theta, ratio), absolute=1e-14)
    shares = fairest_centers((2.0,) * 4, 18, 0.3)
    yield compare("centers of equal classes, largest less smallest", "counted", np.ptp(shares), 1, relation="<=")
