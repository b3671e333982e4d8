"""In loss (20) the sums over j run to f_k, the centers of the sample's class, and not to f: with f, they run into the
centers of other classes or miss some.
"""

import numpy as np

from theory.multicenter import minimum
from ufm.certify.ledger.by_hand import frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="erratum-4",
    section="Errata",
    verdict="fails",
    source="equation (20)",
    latex=r"L = \sum_k \beta_k \sum_i \sum_{j=1}^{f_k} (\langle w_j^{(k)}, u_{k,i} \rangle - 1)^2",
    printed=r"\sum_{j=1}^{f}",
    hypotheses="Numbers of centers that differ.",
    derivations=("cosine_minimum",),
    functions=("theory.multicenter.minimum.cosine_minimum",),
    tests=("tests/ufm/problems/test_losses.py::test_value_and_gradient_against_the_complex_step",),
)


def evidence() -> Evidence:
    counts, theta, mean = (1, 3, 5), 0.4, 3
    frame, first = frame_by_hand(counts, theta, 15), (0, 1, 4)
    found = [np.sum((frame.own(k) @ frame.direction(k) - 1.0) ** 2) for k in range(3)]
    # f terms from the class's first center on
    runs = [frame.centers[first[k] : first[k] + mean] @ frame.direction(k) for k in range(3)]
    printed = [np.sum((run - 1.0) ** 2) for run in runs]
    stated, name = minimum.cosine_minimum(counts, theta, 1.0), "loss at the mean center, f = (1, 3, 5)"
    yield compare(name, "explicit vectors", found, stated, absolute=1e-13, printed=printed)
