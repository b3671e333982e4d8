"""The theorems hold with an angle theta_k of its own for every class, as the paper remarks: classes meet in S alone. So
trainings with an angle per class (CAL-theta) are the paper's idea; that all skews are equal for tan(theta_k)
proportional to f_k^(-1/2) is new.
"""

import numpy as np
from scipy import optimize

from theory.multicenter import geometry, minimum
from theory.multicenter.geometry import Array
from ufm.certify.ledger.by_hand import FrameByHand, frame_by_hand, ridge_features, term_gradient
from ufm.certify.ledger.claim import Claim, Evidence, compare

CLAIM = Claim(
    id="angle-per-class",
    section="Minimisers",
    verdict="holds",
    source="remark after corollary 3.7 (equal skew: new)",
    latex=r"""
        c_k = \sqrt{\cos^2\theta_k / f_k + \sin^2\theta_k}, \qquad \tan\theta_k = \sqrt{f / f_k} \tan\theta
        \Rightarrow \rho_1 = \dots = \rho_K
    """,
    hypotheses="As theorems 3.3, 3.4, corollary 3.7 and equation (34), with theta_k in [0, pi/2].",
    derivations=("mse_fixed", "mse_learned"),
    functions=(
        "theory.multicenter.geometry.equal_skew_angles",
        "theory.multicenter.minimum.mse_feature_norm",
        "theory.multicenter.minimum.learned_square_norm",
        "theory.multicenter.minimum.cosine_minimum",
    ),
    tests=(
        "tests/theory/multicenter/test_geometry.py::test_equal_skew_angles_give_every_class_the_same_skew",
        "tests/theory/multicenter/test_minimum.py::test_learned_minimum_is_the_minimum_of_its_class",
    ),
)

SIZES, COUNTS, ANGLES = np.array([20, 8, 3]), np.array([1, 3, 6]), np.array([0.9, 0.5, 0.2])
TOTAL, LAM_H, LAM_W = float(SIZES @ COUNTS), 2e-3, 3e-3


def frame_of(angles: Array) -> FrameByHand:
    """A frame of unit vectors with an angle per class."""
    frame = frame_by_hand(tuple(map(int, COUNTS)), 0.0, 15)
    cos, sin = (each(angles)[frame.owner, None] for each in (np.cos, np.sin))
    return frame._replace(centers=cos * frame.auxiliary + sin * frame.classifier[frame.owner])


def value(logs: Array, frame: FrameByHand) -> float:
    """P for norms e^logs of the frame, at the features that solve its normal equations."""
    w = np.exp(logs)[frame.owner, None] * frame.centers
    penalty, fit = (np.sum(part**2, axis=1) for part in ridge_features(w, frame.owner, LAM_H * TOTAL))
    return float(SIZES @ (fit / (2 * TOTAL) + 0.5 * LAM_H * penalty) + 0.5 * LAM_W * np.sum(np.exp(2 * logs)))


def least_cosine(own: Array) -> tuple[Array, float]:
    """Minimiser of the cosine loss over unit vectors, and its value, by descent from a random start."""

    def loss(h: Array) -> tuple[float, Array]:
        cosines = own @ h / np.linalg.norm(h)
        return float(np.sum((cosines - 1.0) ** 2)), sum((term_gradient(w, h) for w in own), np.zeros(h.size))

    start = np.random.default_rng(6).standard_normal(own.shape[1])
    end = optimize.minimize(loss, start, jac=True, options={"gtol": 1e-10})
    return end.x / np.linalg.norm(end.x), float(end.fun)


def evidence() -> Evidence:
    frame, where = frame_of(ANGLES), "theta = (0.9, 0.5, 0.2)"
    directions, how = np.array([frame.direction(k) for k in range(3)]), "normal equations"
    features, _ = ridge_features(frame.centers, frame.owner, LAM_H * TOTAL)
    norms = np.linalg.norm(features, axis=1)
    cosines = np.sum(features * directions, axis=1) / norms
    yield compare(f"cosine of P's features with their mean centers, {where}", how, cosines, 1.0, absolute=1e-14)
    yield compare("their norms", how, norms, minimum.mse_feature_norm(COUNTS, ANGLES, TOTAL, LAM_H), relative=1e-12)
    end = optimize.minimize(value, np.zeros(3), args=(frame,), options={"gtol": 1e-10})
    stated, how = minimum.learned_square_norm(COUNTS, ANGLES, SIZES, TOTAL, LAM_H, LAM_W), "BFGS over the norms"
    yield compare("|w_k|^2 of a learned frame", how, np.exp(2 * end.x), stated, relative=1e-5)
    for k in (1, 2):
        h, least = least_cosine(frame.own(k))
        name, stated = f"class {k + 1}, cosine loss", minimum.cosine_minimum(COUNTS[k], ANGLES[k], 1.0)
        yield compare(
            f"cosine with the mean center, {name}", "BFGS over features", h @ directions[k], 1.0, absolute=1e-10
        )
        yield compare(f"value, {name}", "BFGS over features", least, stated, absolute=1e-10)
    even = frame_of(geometry.equal_skew_angles(COUNTS, 3.0, 0.4))
    skews = [even.direction(k) @ even.classifier[k] for k in range(3)]
    stated = geometry.classifier_cosine(3, 0.4)
    yield compare("cos rho of all classes at equal skew", "explicit vectors", skews, stated, absolute=1e-14)
