"""To a network, the centers of a class are a weight, a target and a pull out of their differences: the cosine loss of a
feature depends on its part along the mean direction and its part in the differences alone. In units of the steepest
slope that any class has, features of equal classes collapse at the rate 2 (1 - c): more centers make the loss steeper,
which a smaller learning rate undoes. Of classes with different centers the one with fewer is left behind.
"""

import numpy as np

from theory.multicenter.geometry import Array, center_cosine
from theory.multicenter.sharing import feature_loss, shared_rate
from ufm.certify.ledger.by_hand import FrameByHand
from ufm.certify.ledger.claim import Claim, Evidence, compare
from ufm.certify.ledger.noisy import frame_of, means_of

CLAIM = Claim(
    id="centers-as-weights",
    section="Gradients and flows",
    latex=r"""
        \beta_k \sum_j (\langle w_j, h \rangle - 1)^2 = \beta_k f_k (1 - c_k s)^2 + \beta_k \cos^2\theta\, g^2, \qquad
        \frac{4 \beta_k f_k c_k (1 - c_k)}{\max_j 2 \beta_j f_j c_j} = 2 (1 - c) \text{ if all classes are equal}
    """,
    hypotheses="Unit frame, |h| = 1; s its product with u_k, g its length in the differences of its class's centers.",
    derivations=("centers_as_weights",),
    functions=("theory.multicenter.sharing.feature_loss", "theory.multicenter.sharing.shared_rate"),
    tests=(
        "tests/theory/multicenter/test_sharing.py::"
        "test_the_shared_rate_is_that_of_the_flow_over_the_steepest_slope_of_the_loss",
        "tests/theory/multicenter/test_sharing.py::test_equal_classes_collapse_at_a_rate_that_knows_no_weight",
    ),
)

COUNTS, ANGLES = (2, 5, 9), (0.5, 0.2, 0.8)


STEP = 1e-4


def _along(frame: FrameByHand, k: int, angle: float) -> float:
    """Loss of a feature of class k that is turned by an angle from its mean direction to that of another class."""
    means = means_of(frame)
    return float(np.sum((frame.own(k) @ (np.cos(angle) * means[k] + np.sin(angle) * means[k - 1]) - 1.0) ** 2))


def _slope(frame: FrameByHand, k: int) -> float:
    """Fall of the loss by the angle, a right angle away from the mean direction."""
    return (_along(frame, k, np.pi / 2 + STEP) - _along(frame, k, np.pi / 2 - STEP)) / (2.0 * STEP)


def _late_rates(frame: FrameByHand) -> Array:
    """Rates at which NC, the squared angle, falls at the end: twice the second derivative of the loss by the angle."""
    bent = [_along(frame, k, STEP) - 2.0 * _along(frame, k, 0.0) + _along(frame, k, -STEP) for k in range(len(COUNTS))]
    return 2.0 * np.array(bent) / STEP**2


def evidence() -> Evidence:
    frame, beta = frame_of(COUNTS, ANGLES), 0.7
    means, rng = means_of(frame), np.random.default_rng(0)
    h = rng.standard_normal((200, frame.centers.shape[1]))
    h /= np.linalg.norm(h, axis=1, keepdims=True)
    for k, (f, theta) in enumerate(zip(COUNTS, ANGLES, strict=True)):
        own = frame.own(k)
        span = np.linalg.svd(own - own.mean(axis=0))[2][: f - 1]
        s, g = h @ means[k], np.linalg.norm(h @ span.T, axis=1)
        defined = beta * np.sum((h @ own.T - 1.0) ** 2, axis=1)
        name, how = f"loss of 200 features, {f} centers", "explicit vectors"
        yield compare(name, how, defined, feature_loss(s, g, f, theta, beta), absolute=1e-12)
    slopes, how = np.array([_slope(frame, k) for k in range(len(COUNTS))]), "differences of the loss along u_k"
    late = _late_rates(frame)
    stated = shared_rate(COUNTS, np.array(ANGLES), 1.0)
    name, how = "rates of collapse over the steepest slope", f"{how}, and of its slope"
    yield compare(name, how, late / slopes.max(), stated, relative=1e-4)
    for f in (4, 40):
        equal, alone = shared_rate([f, f], 0.2, 3.0), 2.0 * (1.0 - center_cosine(f, 0.2))
        yield compare(f"the same of two classes with {f} centers: 2 (1 - c)", "evaluated", equal, alone, relative=1e-12)
