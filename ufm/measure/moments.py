"""Counts, means and squared deviations by class, of rows that come in any number of batches."""

from typing import NamedTuple

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from ufm.measure.arrays import Native, Runs, beside, host


class Part(NamedTuple):
    """What some rows say of the classes that occur."""

    classes: NDArray[np.int64]
    counts: NDArray[np.int64]
    means: Native
    squares: NDArray[np.float64]
    scatter: Native


class Moments:
    r"""What one pass over rows (N, m) says of each of K classes, by the pairwise update of Chan, Golub and LeVeque
    (1983): with :math:`\delta = \mu_B - \mu_A`,

    .. math:: \mu = \mu_A + \frac{n_B}{n} \delta , \qquad
              M = M_A + M_B + \frac{n_A n_B}{n} \delta \delta^\top .

    So squared deviations are exact to rounding however small they are beside the means. Of M it holds the trace of each
    class and, if asked for, the sum over all classes.
    """

    def __init__(self, n_classes: int, *, scatter: bool = False) -> None:
        """Of no rows so far."""
        self.counts: NDArray[np.int64] = np.zeros(n_classes, dtype=np.int64)
        self.squares: NDArray[np.float64] = np.zeros(n_classes)
        self.means: Native = None
        self.scatter: Native = None
        self.has_scatter = scatter

    def add(self, runs: Runs, rows: Native) -> None:
        """Rows (B, m), of which ``runs`` knows the classes; they are used up.

        Raises ValueError for NaN, infinity and too large ones.
        """
        self.join(self.part(runs, rows))

    def part(self, runs: Runs, rows: Native) -> "Part":
        """What these rows alone say. Nothing here is changed but the rows. Raises ValueError as :meth:`add`."""
        space = array_api_compat.array_namespace(rows)
        counts = space.asarray(runs.counts, dtype=space.float64, device=array_api_compat.device(rows))
        with np.errstate(invalid="ignore", over="ignore"):
            means = runs.sums(rows) / counts[:, None]
            runs.require(space.vecdot(means, means) ** 0.5)
            rows -= runs.spread(means)
            squares = space.vecdot(rows, rows)
            runs.require(squares**0.5)
        scatter = rows.T @ rows if self.has_scatter else None
        return Part(runs.classes, runs.counts, means, host(runs.sums(squares)), scatter)

    def merge(self, other: "Moments", shift: Native) -> None:
        """Those of other rows, whose means lie ``shift`` (m,) from where ours begin, in the library of the shift."""
        there = np.flatnonzero(other.counts)
        if there.size:
            means = beside(other.means[there], shift) + shift
            scatter = None if other.scatter is None else beside(other.scatter, shift)
            self.join(Part(there, other.counts[there], means, other.squares[there], scatter))

    def join(self, part: "Part") -> None:
        """Take what some rows say."""
        which, more, means, squares, scatter = part
        space, place = array_api_compat.array_namespace(means), array_api_compat.device(means)
        if self.means is None:
            shape = (len(self.counts), means.shape[1])
            self.means = space.zeros(shape, dtype=space.float64, device=place)
            self.scatter = space.zeros(shape[1:] * 2, dtype=space.float64, device=place) if self.has_scatter else None
        before = self.counts[which]
        total = before + more
        delta = means - self.means[which]  # from 0, and whole, where there was none
        weight = space.asarray(before * (more / total), device=place)
        self.means[which] += space.asarray(more / total, device=place)[:, None] * delta
        self.squares[which] += squares + host(weight * space.vecdot(delta, delta))
        if self.has_scatter:
            self.scatter = self.scatter + scatter + (delta * weight[:, None]).T @ delta
        self.counts[which] = total
