"""The gradient of one feature under the cosine loss is at most 2 f_k c_k b / |h|, 1 <= b <= 1.3, and this is attained.
The paper's bound f_k c_k / |h|^2 (times c_k with its weights) passes through the length of the sum of the centers, as
if no center had a negative cosine with the feature; it fails at |h| = 1, and still does with 2 / |h| in place of 1 /
|h|^2. Its conclusion stays: the weighted bound grows linearly in f_k, for theta > 0. One term alone is at most 3
sqrt(3) / (2 |h|).
"""

import numpy as np
from scipy import optimize

from theory.multicenter import flows, geometry
from theory.multicenter.geometry import Array
from ufm.certify.ledger.by_hand import FrameByHand, frame_by_hand, term_gradient
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="gradient-bounds",
    section="Gradients and flows",
    verdict="corrected",
    source="appendix F.1, gradient bounds",
    latex=r"""
        \Big| \sum_j \nabla_h \mathrm{Cos}(w_j, h) \Big| \le \frac{2 f_k c_k}{|h|} (1 + c_k s) \sqrt{1 - s^2}, \qquad
        s = \frac{2 c_k}{1 + \sqrt{1 + 8 c_k^2}}
    """,
    printed=r"""
        \Big| \sum_j \nabla_h \mathrm{Cos} \Big| \le |h|^{-2} \sqrt{f_k \cos^2\theta + f_k^2 \sin^2\theta}, \qquad \Big|
        \cos\alpha_k \sum_j \nabla_h \mathrm{Cos} \Big| \le |h|^{-2} (\cos^2\theta + f_k \sin^2\theta)
    """,
    hypotheses="""
        h not 0, unit frame. For several samples the bounds add up, and equal features attain the sum. The feature that
        attains it has the cosine -s with the mean center and no part in the differences of the centers.
    """,
    derivations=("cosine_gradient", "gradient_bound"),
    functions=("theory.multicenter.flows.gradient_bound", "ufm.problems.losses.cosine"),
    tests=(
        "tests/theory/multicenter/test_flows.py::test_no_direction_has_a_larger_gradient_than_the_bound",
        "tests/ufm/problems/test_losses.py::test_value_and_gradient_against_the_complex_step",
    ),
)


def length(centers: Array, h: Array) -> float:
    """Of the gradient of the sum over the centers of a class."""
    return float(np.linalg.norm(sum(term_gradient(w, h) for w in centers)))


def longest(frame: FrameByHand, r: float) -> float:
    """Longest gradient over all features of norm r, by ascent from 4 random starts."""
    own, starts = frame.own(0), np.random.default_rng(2).standard_normal((4, frame.centers.shape[1]))

    def short(h: Array) -> float:
        return -length(own, r * h / np.linalg.norm(h))

    return max(-float(optimize.minimize(short, start, options={"gtol": 1e-7}).fun) for start in starts)


def evidence() -> Evidence:
    for f, theta, r in ((1, 0.3, 1.0), (3, 0.0, 2.0), (4, 0.6, 1.0), (3, 1.2, 0.5)):
        found, c = longest(frame_by_hand((f,), theta, f + 2), r), geometry.center_cosine(f, theta)
        weighted = flows.gradient_bound(f, theta, c) / r
        name, printed = f"f={f}, theta={theta}, |h|={r}", np.sqrt(f * np.cos(theta) ** 2 + (f * np.sin(theta)) ** 2)
        how, stated = "BFGS over features from 4 starts", flows.gradient_bound(f, theta, 1.0) / r
        yield compare(f"longest gradient, {name}", how, found, stated, relative=1e-8, printed=printed / r**2)
        printed = (np.cos(theta) ** 2 + f * np.sin(theta) ** 2) / r**2
        yield compare(f"the same, weighted, {name}", how, c * found, weighted, relative=1e-8, printed=printed)
        if r == 1:
            yield compare("above twice the printed bound by", how, c * found - 2 * printed, 0.0, relation=">=")
    angles, many = np.array([0.1, 0.4, 1.0]), 1_000_000
    slope = flows.gradient_bound(2 * many, angles, geometry.center_cosine(2 * many, angles))
    slope /= flows.gradient_bound(many, angles, geometry.center_cosine(many, angles))
    yield compare("weighted bound at 2,000,000 centers over that at 1,000,000", "evaluated", slope, 2.0, relative=1e-4)
    worst = np.linalg.norm(term_gradient(np.array([1.0, 0.0]), np.array([-0.5, np.sqrt(0.75)])))
    yield compare("one term at a = -1/2: 3 sqrt(3) / 2", "complex step", worst, 1.5 * np.sqrt(3.0), relative=1e-13)
