"""Decision rules on features that were centered, scaled or turned by skew: which part of a rule does what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from theory.multicenter.centers import class_aware
from theory.multicenter.geometry import classifier_cosine
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


def lent_cosines(sizes: Sequence[int], frame: Frame) -> Array:
    r""":math:`\cos\rho_k` that class-aware centers would have at the angle of each class of the frame, (K,): as many
    centers in the mean, spent by class sizes. The skew of CAL, to be tried on features that were trained without.
    """
    geometry, f = frame.geometry, max(1, round(sum(frame.counts) / frame.n_classes))
    # a center leans towards the classifier by sin theta = c cos rho
    angles = np.arcsin(np.clip(geometry.mean / geometry.length * geometry.alignment, 0.0, 1.0))
    return classifier_cosine(class_aware(sizes, f), angles)


def decisions(features: Array, frame: Frame, lent: Array) -> Mapping[str, Labels]:
    r"""Class of each feature (N, d) by the rules of :data:`ufm.measure.rules.RULES`, and by two in between.

    "skewed" is the class of the largest :math:`\cos\rho_k \langle u_k, z \rangle`: the nearest mean center, weighted as
    the regular rule weights features that have collapsed. "lent" is the same with the cosines ``lent``, (K,): those
    of :func:`lent_cosines`.
    """
    scores = features @ dense(frame.mean_directions).T
    weighted = {"skewed": frame.geometry.alignment, "lent": lent}
    return {
        **{name: rule(features, frame) for name, rule in RULES.items()},
        **{name: np.argmax(scores * cosines, axis=1) for name, cosines in weighted.items()},
    }
