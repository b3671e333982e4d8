"""Collapse of features that come in batches: two passes, in any order, on any device, merged with others'."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import array_api_compat

from ufm.measure.arrays import (
    SMALLEST,
    Classes,
    Native,
    Runs,
    batch,
    beside,
    chunks,
    host,
    in_order,
    require_sized,
    vectors,
)
from ufm.measure.conventions import Conventions
from ufm.measure.grams import given_grams
from ufm.measure.moments import Moments, Part
from ufm.measure.second import SecondPass
from ufm.measure.statistics import Statistics
from ufm.problems.frames import Array, Frame

if TYPE_CHECKING:
    from ufm.measure.network import Measures


class Collector:
    """First pass over features: how many, their means and how far from these they are, class by class.

    Parameters
    ----------
    classes : their number K, labels being 0 .. K - 1, or their names.
    scatter : also hold the scatter within classes, d x d numbers. What a single pass can say is then NC1 too, the
        effective rank of the features, and scores of other data.

    Memory is O(K d), and nothing of the size of the data. Batches may come in any order; the answer differs by rounding
    then, and collectors merged in the same order give the same bits.

    Example
    -------
    >>> import numpy as np, ufm
    >>> first = ufm.Collector(2)
    >>> batches = [(np.array([[0.0, 1.0], [2.0, 0.0]]), [0, 1]), (np.array([[0.0, 3.0], [4.0, 0.0]]), [0, 1])]
    >>> for features, labels in batches:
    ...     first = first.add(features, labels)
    >>> second = first.second_pass()
    >>> for features, labels in batches:
    ...     second = second.add(features, labels)
    >>> round(second.measures()["nc1"], 3)
    0.077
    """

    def __init__(self, classes: int | Sequence[Any] | Classes, *, scatter: bool = False) -> None:
        """Of no features so far."""
        self.classes = Classes.of(classes)
        self.moments = Moments(len(self.classes), scatter=scatter)
        self.origin: Native = None

    def add(self, features: Any, labels: Any, *, progress: bool = False) -> Self:
        """Take a batch: features (N, d) of any library and device, labels (N,) or one-hot (N, K).

        Raises ValueError for shapes that do not match, unknown labels, NaN and infinity.
        """
        given, codes = batch(features, labels, self.classes, self.origin)
        if self.origin is None and len(codes):
            space = array_api_compat.array_namespace(given)
            origin = space.astype(given[0], space.float64)
            require_sized("features[0]", float(space.max(space.abs(origin))))
            self.origin = origin
        for part in in_order(self._part, chunks(given, codes, self.origin, given.shape[1], progress=progress), given):
            self.moments.join(part)
        return self

    def _part(self, make: Callable[[], Runs]) -> Part:
        each = make()
        return self.moments.part(each, each.rows)

    def merge(self, other: "Collector") -> Self:
        """Take what another collector of the same classes has seen.

        Raises ValueError for other classes, features of another dimension, and a scatter that only one of them has.
        """
        if other.classes != self.classes:
            raise ValueError(f"collectors of {len(self.classes)} and {len(other.classes)} classes, or of other names")
        if other.moments.has_scatter != self.moments.has_scatter:
            raise ValueError("one of the collectors has the scatter and the other one not: both or none must have it")
        if self.origin is None:
            self.origin = other.origin
        if other.origin is None:
            return self
        if other.origin.shape != self.origin.shape:
            raise ValueError(
                f"features of dimension {other.origin.shape[0]} beside features of dimension {self.origin.shape[0]}"
            )
        self.moments.merge(other.moments, beside(other.origin, self.origin) - self.origin)
        return self

    def second_pass(
        self,
        weights: Any = None,
        bias: Any = None,
        *,
        frame: Frame | None = None,
        ood: Any = None,
        grams: Mapping[str, Any] | None = None,
        conventions: Conventions | None = None,
    ) -> SecondPass:
        """What looks at the same features again, knowing their means.

        Parameters
        ----------
        weights, bias : the classifier (K, d) and (K,): decisions are arg max <w_k, h> + b_k.
        frame : multi-center frame of a problem, in whose classes features are held against centers.
        ood : features (M, d) of no class; then the first pass must have ``scatter``.
        grams : Gram matrices by name that class means and weights are held against.

        Raises
        ------
        ValueError : no features so far, or shapes that do not match.
        """
        return SecondPass(self.statistics(weights, bias, frame=frame, grams=grams, conventions=conventions), ood)

    def measures(
        self,
        weights: Any = None,
        bias: Any = None,
        *,
        grams: Mapping[str, Any] | None = None,
        conventions: Conventions | None = None,
    ) -> "Measures":
        """What a single pass can say; measures that need a second one are left out."""
        from ufm.measure.network import report

        return report(self.statistics(weights, bias, grams=grams, conventions=conventions))

    def statistics(
        self,
        weights: Any = None,
        bias: Any = None,
        *,
        frame: Frame | None = None,
        grams: Mapping[str, Any] | None = None,
        conventions: Conventions | None = None,
    ) -> Statistics:
        """All that is known after this pass, and what it is held against."""
        counts = self.moments.counts
        if not counts.any():
            raise ValueError("no features so far: nothing to measure")
        statistics = Statistics(
            classes=self.classes,
            all_counts=counts,
            origin=host(self.origin),
            all_means=host(self.moments.means),
            all_squares=self.moments.squares,
            scatter=host(self.moments.scatter) if self.moments.has_scatter else None,
            all_weights=classifier(weights, len(counts), self.moments.means.shape[1]),
            all_biases=biases(bias, weights, len(counts)),
            frame=frame,
            conventions=conventions or Conventions(),
            grams=given_grams(grams, len(counts)),
        )
        if 0.0 < statistics.scale < SMALLEST:
            raise ValueError(
                f"features differ by {statistics.scale:.0e} at most: from {SMALLEST:g} on they are measured"
            )
        return statistics


def classifier(weights: Any, n_classes: int, dim: int) -> Array | None:
    """Its rows (K, d). Raises ValueError for another shape, and numbers that are none."""
    if weights is None:
        return None
    rows = vectors("weights", weights, 2)
    if rows.shape != (n_classes, dim):
        hint = ": transposed?" if len(rows) == dim != rows.shape[1] else ""
        raise ValueError(f"weights of shape {rows.shape} do not fit {n_classes} classes of features (N, {dim}){hint}")
    return rows


def biases(bias: Any, weights: Any, n_classes: int) -> Array | None:
    """Of each class (K,). Raises ValueError likewise, and for a bias without weights."""
    if bias is None:
        return None
    if weights is None:
        raise ValueError("a bias goes with weights: these are missing")
    numbers = vectors("bias", bias, 1)
    if numbers.shape != (n_classes,):
        raise ValueError(f"bias of shape {numbers.shape} does not fit {n_classes} classes")
    return numbers
