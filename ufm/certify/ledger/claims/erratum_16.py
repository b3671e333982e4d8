"""Class sizes run from n_max to n_min, not "from n_max to n_max". And the sum of gradients over the centers of a class
is not bounded by the length of their sum: the factors 1 - a_j exceed 1 at centers with a negative cosine, so that the
printed bound fails even with 2 / |h| in place of its 1 / |h|^2. (The sharp one: gradient-bounds.)
"""

import numpy as np

from theory.multicenter import flows
from ufm.certify.ledger.by_hand import frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.claims.gradient_bounds import length
from ufm.certify.ledger.simulations import LONG_TAIL
from ufm.problems.sizes import long_tailed_sizes

CLAIM = Claim(
    id="erratum-16",
    section="Errata",
    verdict="fails",
    source="appendix F.1, class sizes and gradient bounds",
    latex=r"""
        n_{\max} \to n_{\min}, \qquad |h| = 1,\ x = \langle h, \bar w \rangle / |\bar w|: \quad \Big| \sum_j \nabla_h
        \mathrm{Cos} \Big| = 2 f c (1 - c x) \sqrt{1 - x^2} > 2 f c \text{ for small } x < 0
    """,
    printed=r"""
        n_{\max} \to n_{\max}, \qquad \Big| \sum_j (1 - a_j)(w_j - a_j u) \Big| \le \Big| \sum_j w_j \Big| = f c
    """,
    hypotheses="Unit frame; a feature without a part in the differences of the centers.",
    derivations=("cosine_gradient",),
    functions=("theory.multicenter.flows.gradient_bound", "ufm.problems.sizes.long_tailed_sizes"),
    tests=("tests/theory/multicenter/test_flows.py::test_no_direction_has_a_larger_gradient_than_the_bound",),
)


def evidence() -> Evidence:
    sizes = long_tailed_sizes(10, 5000, 0.01)
    name, how = "class sizes of CIFAR-10-LT, down to the smallest", "the sizes used by everyone"
    yield compare(name, how, LONG_TAIL, sizes, printed=5000)
    f, theta, x = 5, 0.4, -0.1
    frame = frame_by_hand((f, 2), theta, f + 4)
    e, outside = frame.direction(0), frame.direction(1)
    c, how = float(frame.centers[0] @ e), "complex step"
    found = length(frame.own(0), x * e + np.sqrt(1 - x**2) * outside)
    name = f"gradient of a unit feature at cosine {x} to the mean center, f={f}, theta={theta}"
    stated = 2 * f * c * (1 - c * x) * np.sqrt(1 - x**2)
    yield compare(name, how, found, stated, relative=1e-12, printed=f * c)
    yield compare("by how much it exceeds 2 f c", how, found - 2 * f * c, 0.0, relation=">=")
    # with a part in the differences of the centers as well
    inside = (frame.centers[0] - frame.centers[1]) / np.linalg.norm(frame.centers[0] - frame.centers[1])
    y = np.sqrt(0.1)
    worse = length(frame.own(0), y * inside + np.sqrt(1 - y**2) * outside)
    name = "and at cosine 0, with a part in the differences of the centers"
    yield compare(name, how, worse - 2 * f * c, 0.0, relation=">=")
    yield compare(
        "both are within the sharp bound", how, max(found, worse), flows.gradient_bound(f, theta, 1.0), relation="<="
    )
