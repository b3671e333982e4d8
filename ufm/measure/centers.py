"""Collapse to the centers of a frame, from features that come in batches."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from ufm.measure.arrays import Runs
from ufm.measure.metrics import unit_rows
from ufm.measure.moments import Moments
from ufm.measure.rules import RULES
from ufm.measure.statistics import LeftOut
from ufm.problems.frames import Array, Frame, dense


class Centers:
    r""":math:`NC_i = |h_i/|h_i| - \bar w/|\bar w||^2` and what goes with it, class by class.

    A feature of 0 has no direction: it is left out here, and counted.
    """

    def __init__(self, frame: Frame, n_classes: int) -> None:
        """Of no features so far. Raises ValueError for a frame of another number of classes."""
        if frame.n_classes != n_classes:
            raise ValueError(f"the frame has {frame.n_classes} classes, the features {n_classes}")
        self.frame = frame
        self.collapse = Moments(n_classes)
        self.cosines = Moments(n_classes)
        self.largest: Array = np.full(n_classes, np.nan)
        self.entries: Array = np.zeros(n_classes)
        self.right: Mapping[str, Array] = {name: np.zeros(n_classes) for name in RULES}

    @cached_property
    def _rows(self) -> tuple[Array, Array]:
        return dense(self.frame.mean_directions), unit_rows(dense(self.frame.classifier))

    def add(self, runs: Runs, features: Array) -> None:
        """Features (B, d) themselves, of which ``runs`` knows the classes."""
        if features.shape[1] != self.frame.dim:
            raise ValueError(f"features have dimension {features.shape[1]}, the frame {self.frame.dim}")
        for name, rule in RULES.items():
            right = rule(features, self.frame) == runs.codes
            self.right[name][runs.classes] += runs.sums(right.astype(float))
        directed = np.any(features != 0, axis=1)
        unit = unit_rows(features[directed])
        rest = Runs(unit, runs.codes[directed], runs.index[directed], runs.squares[directed])
        if not len(rest.codes):
            return
        means, classifier = self._rows
        away = unit - means[rest.codes]
        nc = np.einsum("nd,nd->n", away, away)
        self.collapse.add(rest, nc[:, None].copy())
        self.cosines.add(rest, np.einsum("nd,nd->n", unit, classifier[rest.codes])[:, None])
        self.largest[rest.classes] = np.fmax(self.largest[rest.classes], np.maximum.reduceat(nc, rest.starts))
        self.entries[rest.classes] += rest.sums(away.sum(axis=1))

    def of_class(self, moments: Moments) -> Array:
        """Means by class (K,), NaN for one without a feature that has a direction. Raises LeftOut if all are 0."""
        if moments.means is None:
            raise LeftOut("all features are 0: none has a direction")
        return np.where(moments.counts > 0, moments.means[:, 0], np.nan)

    def merge(self, other: "Centers") -> None:
        """Take what another one has seen."""
        self.collapse.merge(other.collapse, np.zeros(1))
        self.cosines.merge(other.cosines, np.zeros(1))
        self.largest = np.fmax(self.largest, other.largest)
        self.entries = self.entries + other.entries
        self.right = {name: mine + other.right[name] for name, mine in self.right.items()}
