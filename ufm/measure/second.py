"""The second look at features, for what needs their class means."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from ufm.measure.arrays import Native, Runs, batch, host, runs
from ufm.measure.centers import Centers
from ufm.measure.outside import Outside
from ufm.measure.statistics import Statistics
from ufm.problems.frames import Array, dense

if TYPE_CHECKING:
    from ufm.measure.network import Measures


class SecondPass:
    r"""The same features again, knowing their means; made by :meth:`Collector.second_pass`.

    With :math:`P_{ij} = \langle h_i - \mu_{y_i}, \mu_j \rangle` in the r <= K - 1 directions that class means span,

    .. math:: |h_i - \mu_j|^2 - |h_i - \mu_{y_i}|^2 = 2 (P_{i y_i} - P_{ij}) + |\mu_{y_i} - \mu_j|^2 ,

    so one product of N x d by d x r numbers serves NC1, directional variances and nearest means, and nothing cancels
    at collapse. Its sums are by class, for the G classes that have a sample.
    """

    def __init__(self, first: Statistics, ood: Any = None) -> None:
        """Of no features so far."""
        self.first = first
        self.outside = None if ood is None else Outside(first, ood)
        n, (_, directions) = len(first.counts), first.spectrum
        self.coordinates = first.centered @ directions.T
        self.along: Array = np.zeros((n, len(directions)))
        """Squares of the components of h - mu along each direction."""
        self.toward: Array = np.zeros((n, n))
        """Squares of <h - mu_k, mu_k - mu_j>."""
        self.nearest: Array = np.zeros(n)
        """Samples that are nearest to the mean of their own class."""
        self.right: Array = np.zeros(n)
        """Samples that the classifier decides right."""
        self.agree: Array = np.zeros(n)
        """Samples that the classifier gives to the class of the nearest mean."""
        self.lengths: Array = np.zeros(n)
        """|h|."""
        self.zeros: Array = np.zeros(n)
        """Samples whose feature is 0."""
        self.seen: NDArray[np.int64] = np.zeros(n, dtype=np.int64)
        self.centers = None if first.frame is None else Centers(first.frame, len(first.all_counts))
        self._there: tuple[Any, dict[str, Native]] = (None, {})

    def add(self, features: Any, labels: Any) -> Self:
        """Take a batch again, as :meth:`Collector.add` did. Raises ValueError likewise."""
        first = self.first
        given, codes = batch(features, labels, first.classes, first.origin)
        unseen = first.all_counts[codes] == 0
        if unseen.any():
            name = first.classes.names[codes[int(np.argmax(unseen))]]
            raise ValueError(f"labels[{int(np.argmax(unseen))}]={name!r}: that class has no sample in the first pass")
        if len(codes):
            there = self._constants(given)
            for each in runs(given, codes, there["origin"], max(given.shape[1], len(first.counts))):
                self._look(each, there)
        return self

    def merge(self, other: "SecondPass") -> Self:
        """Take what another one of the same first pass has seen.

        Raises ValueError for one of another first pass, or that holds features against something else.
        """
        for what, mine in self._given().items():
            theirs = other._given()[what]
            same = mine is theirs if mine is None or theirs is None else np.array_equal(mine, theirs)
            if not same:
                raise ValueError(f"second passes of different {what} have nothing to share: merge these first")
        for name in ("along", "toward", "nearest", "right", "agree", "lengths", "zeros", "seen"):
            getattr(self, name).__iadd__(getattr(other, name))
        if self.centers is not None and other.centers is not None:
            self.centers.merge(other.centers)
        if self.outside is not None and other.outside is not None:
            self.outside.inside += other.outside.inside
        return self

    def _given(self) -> dict[str, Array | NDArray[np.int64] | None]:
        """What those that are merged must have in common."""
        first = self.first
        return {
            "first passes": first.means + first.origin if len(first.counts) else None,
            "numbers of samples": first.all_counts,
            "weights": first.all_weights,
            "bias": first.all_biases,
            "frame": None if first.frame is None else dense(first.frame.mean_directions),
            "ood": None if self.outside is None else np.append(self.outside.mean, self.outside.scores),
        }

    def __getstate__(self) -> dict[str, Any]:
        """All but what lies on a device."""
        return {**self.__dict__, "_there": (None, {})}

    def measures(self) -> "Measures":
        """All that both passes say.

        Raises ValueError where this pass has not seen all that the first one has, class by class.
        """
        from ufm.measure.network import report

        if np.any(self.seen != self.first.counts):
            k = int(np.argmax(self.seen != self.first.counts))
            name = self.first.classes.names[self.first.present[k]]
            raise ValueError(
                f"the second pass has seen {self.seen[k]} samples of class {name!r}, the first one "
                f"{self.first.counts[k]}: all batches come twice"
            )
        return report(replace(self.first, again=self))

    def _constants(self, features: Native) -> dict[str, Native]:
        """What each batch needs, where the features are."""
        space, place = array_api_compat.array_namespace(features), array_api_compat.device(features)
        if self._there[0] != (space, place):
            first = self.first
            constants = {
                "origin": first.origin,
                "means": first.means,
                "directions": first.spectrum[1].T,
                "coordinates": self.coordinates,
                "distances": first.distances,
                "weights": first.all_weights,
                "scores": None if first.all_weights is None else first.scores,
            }
            placed = {key: space.asarray(x, device=place) for key, x in constants.items() if x is not None}
            self._there = ((space, place), placed)
        return self._there[1]

    def _look(self, each: Runs, there: dict[str, Native]) -> None:
        space = array_api_compat.array_namespace(each.rows)
        which = np.searchsorted(self.first.present, each.classes)
        own = np.repeat(which, each.counts)
        index = space.asarray(own, device=array_api_compat.device(each.rows))
        with np.errstate(invalid="ignore", over="ignore"):
            lengths = space.linalg.vector_norm(each.rows + there["origin"], axis=1)
            each.require(lengths)
        inner = (each.rows - space.take(there["means"], index, axis=0)) @ there["directions"]
        products = inner @ there["coordinates"].T
        behind = space.take_along_axis(products, index[:, None], axis=1) - products
        nearest = host(space.argmin(2.0 * behind + space.take(there["distances"], index, axis=0), axis=1))
        lengths = host(lengths)
        self.seen[which] += each.counts
        self.along[which] += host(each.sums(inner * inner))
        self.toward[which] += host(each.sums(behind * behind))
        self.nearest[which] += each.sums((nearest == own).astype(float))
        self.lengths[which] += each.sums(lengths)
        self.zeros[which] += each.sums((lengths == 0).astype(float))
        if "weights" in there:
            decided = host(space.argmax(each.rows @ there["weights"].T + there["scores"], axis=1))
            self.right[which] += each.sums((decided == each.codes).astype(float))
            self.agree[which] += each.sums((decided == self.first.present[nearest]).astype(float))
        if self.centers is not None:
            self.centers.add(each, host(each.rows + there["origin"]))
        if self.outside is not None:
            self.outside.add(each.rows)
