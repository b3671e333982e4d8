"""A collapsed class has the margin g under RCR if it has cot(theta)^2 g^2 / (1 - g^2) centers. The margins that LDAM
asks for, C n_k^(-1/4), are therefore a rule for centers: about n_k^(-1/2) where theta is small, steeper elsewhere.
"""

import numpy as np

from theory.multicenter import centers
from theory.multicenter.geometry import classifier_cosine
from ufm.certify.ledger.by_hand import broken, frame_by_hand, random_sizes
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="margin-centers",
    section="The frame",
    source="new (margins: Cao et al. 2019)",
    latex=r"""
        f_k = \cot^2\theta\, \frac{\gamma_k^2}{1 - \gamma_k^2} \Leftrightarrow \frac{\langle w_k, \bar w_k \rangle -
        \max_{l \ne k} \langle w_l, \bar w_k \rangle}{|\bar w_k|} = \gamma_k
    """,
    hypotheses="Features at their mean centers, decided by RCR; theta in (0, pi/2); numbers of centers not rounded.",
    derivations=("margin_centers",),
    functions=(
        "theory.multicenter.centers.centers_for_margin",
        "theory.multicenter.centers.exact_margin_centers",
        "theory.multicenter.centers.margin_centers",
    ),
    tests=(
        "tests/theory/multicenter/test_centers.py::test_margins_fall_like_the_fourth_root_up_to_rounding",
        "tests/theory/multicenter/test_centers.py::test_margin_centers_are_monotone_and_fair_to_equals",
    ),
)


def evidence() -> Evidence:
    for theta in (0.2, 0.7, 1.3):
        frame = frame_by_hand((2, 5, 11), theta, 24)
        scores = np.array([frame.classifier @ frame.direction(k) for k in range(3)])
        margins = scores.diagonal() - np.max(scores - 9.0 * np.eye(3), axis=1)
        asked = [centers.centers_for_margin(margin, theta) for margin in margins]
        yield compare(
            f"centers for the margins of 2, 5 and 11, theta={theta}",
            "explicit vectors",
            asked,
            (2, 5, 11),
            relative=1e-12,
        )
    wanted = np.array([centers.exact_margin_centers((5000, 500, 50), 20, theta) for theta in (0.05, 0.1, 0.2)])
    cosines = classifier_cosine(wanted, np.array([[0.05], [0.1], [0.2]]))
    falling = cosines / cosines[:, -1:]
    fourth_root = np.array([5000.0, 500.0, 50.0]) ** -0.25
    yield compare(
        "margins of numbers that are not rounded, over the rarest class's",
        "cosines with the classifier",
        falling,
        np.tile(fourth_root / fourth_root[-1], (3, 1)),
        relative=1e-10,
    )
    lists = random_sizes()
    given = [centers.margin_centers(sizes, 5, 0.2) for sizes in lists]
    yield compare(
        "lists in which a rarer class gets fewer centers", "2,000 lists, f=5", sum(map(broken, lists, given)), 0
    )
    sizes, theta = (4096, 256, 16), 1e-4
    shares = np.array(centers.margin_centers(sizes, 1000, theta)) / 3000
    root = np.asarray(sizes, dtype=float) ** -0.5
    yield compare("shares of the centers, theta=1e-4", "3,000 centers", shares, root / root.sum(), absolute=1 / 3000)
