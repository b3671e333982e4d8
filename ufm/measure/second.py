"""The second look at features, for what needs their class means."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from ufm.files.blas import one_thread
from ufm.measure.arrays import Native, Runs, batch, chunks, host, in_order
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
        with one_thread(first.all_means.size):
            n, (_, directions) = len(first.counts), first.spectrum
        self.coordinates = first.centered @ directions.T
        self.along: Array = np.zeros((n, len(directions)))
        """Squares of the components of h - mu along each direction."""
        self.toward: Array = np.zeros((n, n))
        """Squares of <h - mu_k, mu_k - mu_j>."""
        self.leading: Array = np.zeros((n, len(first.all_counts)))
        """Squares of <h - mu_k, w_k - w_j>."""
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

    def add(self, features: Any, labels: Any, *, progress: bool = False) -> Self:
        """Take a batch again, as :meth:`Collector.add` did. Raises ValueError likewise."""
        first = self.first
        given, codes = batch(features, labels, first.classes, first.origin)
        unseen = first.all_counts[codes] == 0
        if unseen.any():
            name = first.classes.names[codes[int(np.argmax(unseen))]]
            raise ValueError(f"labels[{int(np.argmax(unseen))}]={name!r}: that class has no sample in the first pass")
        if len(codes):
            there = self._constants(given)
            width = max(given.shape[1], len(first.counts))
            jobs = chunks(given, codes, there["origin"], width, progress=progress)
            for seen in in_order(partial(self._look, there), jobs, given):
                self._take(seen)
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
        for name in ("along", "toward", "leading", "nearest", "right", "agree", "lengths", "zeros", "seen"):
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
        return report(self.first.after(self))

    def _constants(self, features: Native) -> dict[str, Native]:
        """What each batch needs, where the features are."""
        space, place = array_api_compat.array_namespace(features), array_api_compat.device(features)
        if self._there[0] != (space, place):
            first = self.first
            constants = {
                "origin": first.origin,
                "means": first.means,
                "directions": first.spectrum[1].T,
                "behind": -self.coordinates.T,
                "half_distances": first.distances / 2.0,
                "weights": first.all_weights,
                "scores": None if first.all_weights is None else first.scores,
                "logits": None if first.all_weights is None else first.logits,
            }
            placed = {key: space.asarray(x, device=place) for key, x in constants.items() if x is not None}
            self._there = ((space, place), placed)
        return self._there[1]

    def _look(self, there: dict[str, Native], make: Callable[[], Runs]) -> "Seen":
        """What a chunk says, summed by class. Nothing here is changed."""
        each = make()
        space, which = array_api_compat.array_namespace(each.rows), np.searchsorted(self.first.present, each.classes)
        own = np.repeat(which, each.counts)
        index = space.asarray(own, device=array_api_compat.device(each.rows))
        lengths = each.squares**0.5
        each.require(lengths)
        decided, sums = None, {}
        if "weights" in there:
            leads = each.rows @ there["weights"].T + there["scores"]
            decided = host(space.argmax(leads, axis=1))
            leads -= space.take(there["logits"], index, axis=0)
            labels = space.asarray(each.codes, device=array_api_compat.device(each.rows))
            leads -= space.take_along_axis(leads, labels[:, None], axis=1)
            sums["leading"] = host(each.sums(leads * leads))
        full = None if self.centers is None else host(each.rows + there["origin"])
        outside = None if self.outside is None else self.outside.scores_of(each.rows)
        each.rows[...] -= space.take(there["means"], index, axis=0)
        inner = each.rows @ there["directions"]
        behind = inner @ there["behind"]
        behind -= space.take_along_axis(behind, index[:, None], axis=1)
        inner *= inner
        sums |= {"along": host(each.sums(inner)), "toward": host(each.sums(behind * behind))}
        behind += space.take(there["half_distances"], index, axis=0)
        nearest = host(space.argmin(behind, axis=1))
        counted = {"nearest": nearest == own, "lengths": host(lengths), "zeros": host(lengths) == 0}
        if decided is not None:
            counted |= {"right": decided == each.codes, "agree": decided == self.first.present[nearest]}
        sums |= {name: each.sums(values.astype(float)) for name, values in counted.items()}
        return Seen(which, each, sums, full, outside)

    def _take(self, seen: "Seen") -> None:
        self.seen[seen.which] += seen.runs.counts
        for name, values in seen.sums.items():
            getattr(self, name)[seen.which] += values
        if self.centers is not None:
            self.centers.add(seen.runs, seen.full)
        if self.outside is not None:
            self.outside.inside.append(seen.outside)


class Seen(NamedTuple):
    """What a chunk says: sums by class, for the classes at these places, features for a frame, scores."""

    which: NDArray[np.int64]
    runs: Runs
    sums: dict[str, Array]
    full: Any
    outside: Any
