"""What metrics are made of: counts, means and spreads of classes, and what a second look at the features adds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ufm.measure.arrays import Classes
from ufm.measure.conventions import Conventions
from ufm.measure.grams import Grams
from ufm.problems.frames import Array, Frame

if TYPE_CHECKING:
    from ufm.measure.centers import Centers
    from ufm.measure.outside import Outside
    from ufm.measure.second import SecondPass


class LeftOut(Exception):
    """A measure that these data do not define, with the reason."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """What metrics are made of. Only classes with a sample are in ``counts``, ``means``, ``variances``, ``weights``,
    ``biases``: G of them, at most K.
    """

    classes: Classes
    all_counts: NDArray[np.int64]
    origin: Array
    all_means: Array
    all_squares: Array
    scatter: Array | None
    all_weights: Array | None
    all_biases: Array | None
    frame: Frame | None
    conventions: Conventions
    grams: Mapping[str, Grams] = field(default_factory=dict)
    again: "SecondPass | None" = None

    @cached_property
    def present(self) -> NDArray[np.int64]:
        """The classes that have a sample."""
        return np.flatnonzero(self.all_counts)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Samples of each, (G,)."""
        return self.all_counts[self.present]

    @cached_property
    def means(self) -> Array:
        """Class means minus the origin, (G, d)."""
        return self.all_means[self.present]

    @cached_property
    def own_means(self) -> Array:
        """Class means themselves, (G, d); 0 where they are to rounding."""
        means = self.means + self.origin
        return np.where(np.linalg.norm(means, axis=1, keepdims=True) > self.rounding, means, 0.0)

    @cached_property
    def scale(self) -> float:
        """How far features are from the origin."""
        return float(np.abs(self.means).max() + np.sqrt(self.variances.max()))

    @property
    def rounding(self) -> float:
        """Up to this length a difference of two class means is rounding."""
        return float(4.0 * np.finfo(float).eps * max(1.0, len(self.counts) ** 0.5) * self.scale)

    @cached_property
    def variances(self) -> Array:
        r""":math:`\sigma_k^2`, mean squared distance from the class mean, (G,)."""
        squares: Array = self.all_squares[self.present] / self.counts
        return squares

    @property
    def full_classifier(self) -> Array:
        """All rows of the classifier, (K, d)."""
        if self.all_weights is None:
            raise LeftOut("it needs the weights of a classifier (weights)")
        return self.all_weights

    @property
    def classifier(self) -> Array:
        """Its rows of classes that have a sample, (G, d)."""
        return self.full_classifier[self.present]

    @property
    def scores(self) -> Array:
        """Logits at the origin, (K,)."""
        scores: Array = self.full_classifier @ self.origin + (0.0 if self.all_biases is None else self.all_biases)
        return scores

    @property
    def logits(self) -> Array:
        """Logits at the class means, (G, K)."""
        logits: Array = self.means @ self.full_classifier.T + self.scores
        return logits

    @property
    def second(self) -> "SecondPass":
        """What the second pass has seen."""
        if self.again is None:
            raise LeftOut("it needs a second pass")
        return self.again

    @property
    def decided(self) -> "SecondPass":
        """The same, with decisions of a classifier."""
        _ = self.full_classifier
        return self.second

    @property
    def centers(self) -> "Centers":
        """What the second pass has seen of a frame."""
        if self.frame is None or (seen := self.second.centers) is None:
            raise LeftOut("it needs a frame (frame)")
        return seen

    @property
    def outside(self) -> "Outside":
        """Data of no class."""
        if self.second.outside is None:
            raise LeftOut("it needs data of no class (ood)")
        return self.second.outside

    def of_class(self, values: Array) -> Array:
        """Values (K,) of the classes that have a sample, (G,)."""
        return values[self.present]

    @cached_property
    def within_along(self) -> Array:
        """Scatter within classes along each direction of ``spectrum``, (r,)."""
        _, directions = self.spectrum
        if self.again is not None:
            return self.conventions.of_within(self.counts) / self.counts @ self.again.along
        if self.scatter is None or self.conventions.within != "samples":
            raise LeftOut("it needs a second pass, or the scatter of the first")
        return np.einsum("rd,rd->r", directions @ self.scatter, directions) / self.counts.sum()

    @cached_property
    def principal(self) -> tuple[Array, Array]:
        """Variances (d,) along the principal directions (d, d) of all samples around their mean, the largest first."""
        if self.scatter is None:
            raise LeftOut("it needs the scatter of the features, d x d numbers (scatter)")
        away = self.means - np.average(self.means, axis=0, weights=self.counts)
        total = (self.scatter + (away * self.counts[:, None]).T @ away) / self.counts.sum()
        sizes, directions = np.linalg.eigh(total)
        rounding = len(sizes) * np.finfo(float).eps * sizes[-1]
        return np.where(sizes > rounding, sizes, 0.0)[::-1], np.ascontiguousarray(directions.T[::-1])

    @cached_property
    def global_mean(self) -> Array:
        """Minus the origin, (d,): the mean of class means, or of samples."""
        return np.average(self.means, axis=0, weights=self.conventions.of_between(self.counts))

    @cached_property
    def centered(self) -> Array:
        """Class means minus the global mean, (G, d); 0 where they are the same to rounding."""
        away = self.means - self.global_mean
        return np.where(np.linalg.norm(away, axis=1, keepdims=True) > self.rounding, away, 0.0)

    @cached_property
    def compared_means(self) -> Array:
        """Class means as NC2 and NC3 take them, (G, d): by convention minus the global mean, or as they are."""
        return self.centered if self.conventions.means == "centered" else self.means + self.origin

    @property
    def compared_weights(self) -> Array:
        """Rows of the classifier likewise, (G, d): by convention as they are, or minus the mean of all."""
        rows = self.classifier
        return rows if self.conventions.weights == "raw" else rows - self.full_classifier.mean(axis=0)

    @cached_property
    def spectrum(self) -> tuple[Array, Array]:
        r"""Singular values (r,) and directions (r, d) of the centered class means, weighted by the convention:
        :math:`\Sigma_B = \sum_j s_j^2 v_j v_j^\top`. r <= G - 1: what is above the rounding of the means.
        """
        parts = self.conventions.of_between(self.counts)
        _, sizes, directions = np.linalg.svd(self.centered * np.sqrt(parts)[:, None], full_matrices=False)
        kept = (sizes > max(1e-12 * sizes[0], self.rounding)) & (np.arange(sizes.size) < len(parts) - 1)
        return sizes[kept], directions[kept]

    @cached_property
    def distances(self) -> Array:
        r"""Squared distances of class means, (G, G); 0 where two are the same to rounding."""
        squares = squared_distances(self.centered)
        return np.where(squares > self.rounding**2, squares, 0.0)

    @cached_property
    def directions_apart(self) -> Array:
        """Distances of the directions of centered class means, (G, G). Raises LeftOut if one has none."""
        lengths = self.lengths(self.compared_means, "mean")
        return np.sqrt(squared_distances(self.compared_means / lengths[:, None]))

    def after(self, again: "SecondPass") -> "Statistics":
        """The same with what a second pass has seen; what was computed stays, for it needs the first one alone."""
        looked = replace(self, again=again)
        looked.__dict__.update({**self.__dict__, "again": again})
        looked.__dict__.pop("within_along", None)
        return looked

    def lengths(self, rows: Array, what: str) -> Array:
        """Of rows (G, d) by class. Raises LeftOut if one is 0, and has no direction, naming its class."""
        lengths: Array = np.linalg.norm(rows, axis=1)
        if not lengths.all():
            name = self.classes.names[self.present[int(np.argmin(lengths))]]
            raise LeftOut(f"{what} of class {name!r} is 0: it has no direction")
        return lengths


CANCELS = 1e-2
"""Squared distances below this share of the squared lengths are taken from differences: products would lose digits."""


def squared_distances(rows: Array) -> Array:
    r"""Between all rows (G, d), (G, G): :math:`|a|^2 + |b|^2 - 2 \langle a, b \rangle`, or :math:`|a - b|^2` where that
    cancels.
    """
    products = rows @ rows.T
    lengths = np.diag(products)
    sums = lengths[:, None] + lengths
    squares = sums - 2.0 * products
    close = squares <= CANCELS * sums
    for k in range(len(rows)):
        away = rows[close[k]] - rows[k]
        squares[k, close[k]] = np.vecdot(away, away)
    np.fill_diagonal(squares, 0.0)
    return squares
