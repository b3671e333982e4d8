"""Centers of two classes are orthogonal and those of one class arccos(sin(theta)^2) apart, close to pi/2 for small
theta. And RCR is a surrogate of GCR: a hard-to-predict feature that RCR gives to its class with the margin of
proposition C.1 (as corrected) is given to it by GCR as well with probability above 1/2.
"""

import numpy as np

from theory.decision import hard
from theory.multicenter import geometry
from ufm.certify.ledger.by_hand import frame_by_hand
from ufm.certify.ledger.claim import Claim, Evidence, compare, drawn
from ufm.certify.ledger.simulations import NOISE, PAIR, SEED
from ufm.measure.montecarlo import Estimate, frequency

CLAIM = Claim(
    id="remark-3.9",
    section="The frame",
    verdict="holds",
    source="remark 3.9",
    latex=r"""
        \angle(w_i^{(k)}, w_j^{(l)}) = \tfrac{\pi}{2}\ (k \ne l), \qquad \angle(w_i^{(k)}, w_j^{(k)}) =
        \arccos(\sin^2\theta) = \tfrac{\pi}{2} - O(\theta^2)
    """,
    hypotheses="Multi-center frame; for the second part, features as in proposition C.1, f_k > f_k'.",
    derivations=("angles", "surrogate"),
    functions=("theory.multicenter.geometry.class_gram", "theory.decision.hard.surrogate_margin"),
    tests=(
        "tests/theory/multicenter/test_geometry.py::test_angles_are_those_of_explicit_vectors",
        "tests/theory/decision/test_hard.py::test_gcr_is_undecided_at_the_margin",
    ),
)


def agreement() -> Estimate:
    """How often GCR prefers the first class to the second where RCR does with the margin."""
    f, g, _ = PAIR.centers
    frame, rng = frame_by_hand(PAIR.centers, PAIR.theta, 11), np.random.default_rng(SEED)
    mean = np.mean([frame.own(k).mean(axis=0) for k in range(3)], axis=0)
    hits, features = 0, 0
    for _ in range(5):
        z = mean + NOISE * rng.standard_normal((400_000, 11))
        lead = z @ (frame.classifier[0] - frame.classifier[1])
        kept = z[lead > float(hard.surrogate_margin(f, g, PAIR.theta, 3, NOISE))]
        hits += np.sum(np.max(kept @ frame.own(0).T, axis=1) > np.max(kept @ frame.own(1).T, axis=1))
        features += len(kept)
    return frequency(hits, features)


def evidence() -> Evidence:
    for theta in (0.0, 0.1, 0.7, np.pi / 2):
        gram = np.clip(frame_by_hand((4,), theta, 6).centers @ frame_by_hand((4,), theta, 6).centers.T, -1.0, 1.0)
        stated, where = geometry.class_gram(4, theta)[0, 1], f"theta={theta:.3g}"
        yield compare(
            f"cosine of two centers of a class, {where}", "explicit vectors", gram[0, 1], stated, absolute=1e-14
        )
        # cosines that differ by 1e-14 belong to angles that differ by at most sqrt(2e-14)
        angle = np.arccos(np.sin(theta) ** 2)
        yield compare(f"their angle, {where}", "explicit vectors", np.arccos(gram[0, 1]), angle, absolute=1.5e-7)
    frame = frame_by_hand((3, 4), 0.3, 9)
    yield compare(
        "cosines of centers of two classes", "explicit vectors", frame.own(0) @ frame.own(1).T, 0.0, absolute=1e-14
    )
    small = frame_by_hand((2,), 0.05, 3).centers
    short = np.pi / 2 - np.arccos(small[0] @ small[1])
    yield compare("pi/2 less the angle, theta=0.05", "explicit vectors", short, 0.0025, relation="<=")
    found = agreement()
    name, least = "how often GCR agrees where RCR decides with the margin", 0.5 + 4.0 * found.standard_error
    yield compare(name, drawn(found), found.mean, least, relation=">=")
