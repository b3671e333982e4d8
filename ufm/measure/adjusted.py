"""Decision rules on features that were centered, scaled or turned by skew: which part of a rule does what."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ufm.measure.arrays import Labels
from ufm.measure.rules import RULES
from ufm.problems.frames import Array, Frame, dense

ADJUSTMENTS = ("none", "centered", "scaled", "normalised")
"""What is done to features before a rule decides: nothing; the mean of the training features is taken off; each
coordinate is divided by their standard deviation; both, which is batch normalisation without learned numbers."""


@dataclass(frozen=True)
class Adjustment:
    """Mean and standard deviation of training features, (d,) each."""

    mean: Array
    deviation: Array

    @classmethod
    def of(cls, features: Array) -> "Adjustment":
        """Of training features (N, d); a coordinate without a spread keeps its unit."""
        deviation = features.std(axis=0)
        return cls(features.mean(axis=0), np.where(deviation > 0, deviation, 1.0))

    def apply(self, features: Array, name: str) -> Array:
        """Features (N, d) after one of :data:`ADJUSTMENTS`."""
        moved = features - self.mean if name in ("centered", "normalised") else features
        return moved / self.deviation if name in ("scaled", "normalised") else moved


def skewed(features: Array, frame: Frame) -> Labels:
    r"""The class of the largest :math:`\cos\rho_k \langle u_k, z \rangle`: the nearest mean center, weighted as the
    regular rule weights features that have collapsed.
    """
    cosines = frame.geometry.alignment
    return np.argmax(features @ dense(frame.mean_directions).T * cosines, axis=1)


def decisions(features: Array, frame: Frame) -> Mapping[str, Labels]:
    """Class of each feature by the rules of :data:`ufm.measure.rules.RULES` and by :func:`skewed`."""
    return {**{name: rule(features, frame) for name, rule in RULES.items()}, "skewed": skewed(features, frame)}
