"""Section 4.4 says that for small theta the centers of a class are very close to each other, and that the margin gets
smaller as theta grows. Both are reversed, and contradict remark 3.9 and appendix F.2: the cosine of two centers of a
class is sin(theta)^2, so they are nearly orthogonal; and at the mean center the margins of RCR and GCR, sin(theta) /
c_k and c_k, grow with theta.
"""

import numpy as np

from ufm.certify.ledger.by_hand import frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="erratum-13",
    section="Errata",
    verdict="fails",
    source="section 4.4, words on theta",
    latex=r"""
        \langle w_i^{(k)}, w_j^{(k)} \rangle = \sin^2\theta, \qquad \frac{d}{d\theta} \frac{\sin\theta}{c_k} \ge 0,
        \qquad \frac{d c_k}{d\theta} \ge 0
    """,
    printed=r"""
        \theta \to 0: \ \langle w_i^{(k)}, w_j^{(k)} \rangle \to 1, \qquad \theta \mapsto \text{margin}
        \text{ decreasing}
    """,
    hypotheses="Unit frame, f_k > 1, features at their mean centers.",
    derivations=("angles",),
    functions=("theory.multicenter.geometry.class_gram", "theory.multicenter.geometry.classifier_cosine"),
    tests=(
        "tests/theory/multicenter/test_geometry.py::test_angles_are_those_of_explicit_vectors",
        "tests/theory/multicenter/test_centers.py::test_margins_fall_like_the_fourth_root_up_to_rounding",
    ),
)

ANGLES = np.linspace(0.0, np.pi / 2, 9)


def margins(theta: float) -> tuple[float, float]:
    """Of RCR and of GCR at the mean center of a class of 6, beside one of 2: its best score less the other's."""
    frame = frame_by_hand((6, 2), theta, 10)
    h = frame.direction(0)
    own, other = frame.classifier @ h
    return float(own - other), float(np.max(frame.own(0) @ h) - np.max(frame.own(1) @ h))


def evidence() -> Evidence:
    how = "explicit vectors"
    for theta in (0.05, 0.2):
        a, b, *_ = frame_by_hand((6, 2), theta, 10).centers
        name = f"cosine of two centers of a class, theta={theta}"
        yield compare(name, how, a @ b, np.sin(theta) ** 2, absolute=1e-14, printed=1.0)
    found = np.array([margins(theta) for theta in ANGLES])
    for rule, column in (("RCR", 0), ("GCR", 1)):
        rising = np.mean(np.diff(found[:, column]) > 0)
        name = f"share of the steps of theta from 0 to pi/2 in which the margin of {rule} grows"
        yield compare(name, f"{how}, 8 steps", rising, 1.0, printed=0.0)
