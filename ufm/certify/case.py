"""Features and labels whose decisions are held against theory, and how far these may be apart by chance."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ufm.certify.report import Check
from ufm.measure.arrays import Labels
from ufm.measure.radius import half_spaces
from ufm.problems.frames import Array, Frame, dense
from ufm.problems.sizes import rare_classes

ERRORS = 4.0
"""Standard errors that are allowed."""

FLAT = ("rcr", "nearest")
"""Rules whose boundaries are planes."""


@dataclass(frozen=True)
class Said:
    """What theory says of features with the norms and noises of the test features, by rule and class."""

    accuracy: Mapping[str, Array]
    errors: Mapping[str, Array]
    """Standard errors."""


@dataclass(frozen=True)
class Case:
    """Features of both splits, their labels 0 .. K - 1, and the frame."""

    train: Array
    train_labels: Labels
    test: Array
    test_labels: Labels
    frame: Frame

    @cached_property
    def counts(self) -> Array:
        """Test features of each class."""
        return np.bincount(self.test_labels, minlength=self.frame.n_classes).astype(np.float64)

    @cached_property
    def scores(self) -> dict[str, Array]:
        """Of the test features by the rules of FLAT, (M, K): the largest decides."""
        return {rule: np.asarray(self.test @ dense(half_spaces(self.frame, rule)[0]).T) for rule in FLAT}

    def by_class(self, right: NDArray[np.bool_]) -> Array:
        """Share of test features of each class for which something is true, (K,)."""
        return np.bincount(self.test_labels, right, self.frame.n_classes) / self.counts

    @property
    def rare(self) -> NDArray[np.int64]:
        """The third of the classes with the fewest training features."""
        return rare_classes(np.bincount(self.train_labels, minlength=self.frame.n_classes).tolist())


def accuracy_checks(
    name: str, source: str, stated: ArrayLike, measured: ArrayLike, allowed: ArrayLike
) -> Iterator[Check | str]:
    """Accuracies, one or of each class, against what is stated; a note of those that could not be too far off."""
    p, found, tolerance = np.broadcast_arrays(*np.atleast_1d(stated, measured, allowed))
    tells = tolerance < np.maximum(p, 1.0 - p)
    if np.any(tells):
        means = "class furthest off" if p.size > 1 else ""
        yield Check.compare(name, source, p[tells], found[tells], absolute=tolerance[tells], means=means)
    if not np.all(tells):
        where = f" for classes {', '.join(map(str, np.flatnonzero(~tells)))}" if p.size > 1 else ""
        yield f"{name}: vacuous{where}, the tolerance allows any accuracy"


def allowed_error(errors: Array, stated: Array, counts: Array) -> float:
    """How far the mean over classes of some accuracies may be from the stated ones, (K,) each."""
    return ERRORS * float(np.sqrt(np.sum(largest_errors(errors, stated, counts) ** 2))) / counts.size


def largest_errors(errors: Array, stated: Array, counts: Array) -> Array:
    """Standard errors of accuracies at any lead, whose slope is that of the normal distribution function at most."""
    return np.maximum(errors, np.sqrt((stated * np.maximum(1.0 - stated, 0.0) + 0.16) / counts))
