"""Features around their own mean centers: drawn, and decided by the vectors of a frame. No formula is known here."""

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import LinearConstraint, minimize

from theory.multicenter.geometry import Array
from ufm.certify.ledger.by_hand import FrameByHand
from ufm.measure.montecarlo import Estimate

SEED = 20242
DRAWS = 300_000
"""Features per frequency: the standard error is at most 0.00092."""

Decisions = Mapping[str, NDArray[np.integer]]
"""The class that each rule gives each feature to."""


def frame_of(counts: tuple[int, ...], angles: tuple[float, ...]) -> FrameByHand:
    """A unit frame with an angle per class, in the coordinates of its auxiliary and classifier vectors."""
    total, n_classes = sum(counts), len(counts)
    basis, owner = np.eye(total + n_classes), np.repeat(np.arange(n_classes), counts)
    theta = np.repeat(angles, counts)[:, None]
    centers = np.cos(theta) * basis[:total] + np.sin(theta) * basis[total + owner]
    return FrameByHand(basis[:total], basis[total:], centers, owner)


def means_of(frame: FrameByHand) -> Array:
    """u_k, (K, d)."""
    return np.array([frame.direction(k) for k in range(len(frame.classifier))])


def decisions(frame: FrameByHand, features: Array) -> Decisions:
    """By their definitions: the largest product with a mean direction, a classifier vector, or any center."""
    best = frame.owner[np.argmax(features @ frame.centers.T, axis=1)]
    return {
        "nmc": np.argmax(features @ means_of(frame).T, axis=1),
        "rcr": np.argmax(features @ frame.classifier.T, axis=1),
        "gcr": best,
    }


def around_mean(frame: FrameByHand, k: int, ratio: float, seed: int, draws: int = DRAWS) -> Array:
    """r u_k + sigma g with sigma = 1, (draws, d)."""
    rng = np.random.default_rng([SEED, seed])
    return ratio * frame.direction(k) + rng.standard_normal((draws, frame.centers.shape[1]))


def frequency(right: NDArray[np.bool_]) -> Estimate:
    """How often something is so, (draws, ...)."""
    n, mean = right.shape[0], right.mean(axis=0)
    careful = (mean * n + 1.0) / (n + 2.0)  # a frequency of 0 or 1 is not known without error
    return Estimate(mean, np.sqrt(careful * (1.0 - careful) / n), n)


@cache  # the price of GCR is asked of the same draws
def accuracies(counts: tuple[int, ...], angles: tuple[float, ...], ratio: float) -> Mapping[str, Estimate]:
    """How often each rule is right on features of each class, (K,)."""
    frame = frame_of(counts, angles)
    right: dict[str, list[NDArray[np.bool_]]] = {"nmc": [], "rcr": [], "gcr": []}
    for k in range(len(counts)):
        for rule, chosen in decisions(frame, around_mean(frame, k, ratio, k)).items():
            right[rule].append(chosen == k)
    return {rule: frequency(np.array(each).T) for rule, each in right.items()}


def distance(inside: Array, normals: Array) -> float:
    """From a point to the region in which all products with ``normals`` are at least 0, by a quadratic program."""
    found = minimize(
        lambda x: (x @ x, 2.0 * x),
        np.zeros(inside.size),
        jac=True,
        constraints=LinearConstraint(normals, -normals @ inside, np.inf),
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 500},
    )
    return float(np.sqrt(found.fun))
