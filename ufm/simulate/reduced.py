"""The cosine flow in three numbers a sample, and in coordinates in which collapse is a straight line."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from theory.multicenter.clock import clock, flow_time, radius
from ufm.problems.frames import TOLERANCE, Array, Frame, isotropic
from ufm.problems.kinds import CosineProblem
from ufm.problems.problem import Integers
from ufm.problems.start import Start
from ufm.simulate.blocks import (
    ANTIPODE,
    ROWS,
    Block,
    antipode,
    chi,
    chunks,
    cosine_loss,
    gathered,
    no_features,
    on_antipode,
    stretches,
    unit_vector,
)
from ufm.simulate.method import Arrival, FixedFrame, Observation, Work, worst_sample


def reduced_blocks(
    problem: CosineProblem, frame: Frame, features: Array | None, start: Start, seed: int
) -> Iterator[Block]:
    """Three coordinates a sample: along the mean center, in the differences of centers, outside all centers.

    Without features the coordinates of an isotropic start are drawn directly, at O(1) a sample.
    """
    geometry = frame.geometry
    alike = np.arange(problem.n_classes) if features is not None else frame.kinds[1]
    for k, stretch in stretches(problem, alike, problem.weights):
        count = problem.centers[k]
        mean, spread, kappa = (float(a[k]) for a in (geometry.mean, geometry.spread, geometry.alignment))
        # sum_j a_j^2 = f mean^2 x^2 + spread y^2 and sum_j a_j = f mean x: two pseudo-centers say the same.
        root = np.sqrt(count)
        centers = np.array([[root * mean, 0.0, 0.0], [0.0, np.sqrt(spread), 0.0]])
        loss = cosine_loss(problem, k, centers, np.array([root, 0.0]))
        lift: Callable[[Array], Array] = no_features
        for number, rows in enumerate(chunks(stretch, ROWS)):
            if features is None:
                x, y, outside, rest = _sample_reduced(problem, frame, k, rows, start, (seed, k, number))
                z = np.sqrt(outside**2 + rest**2)
                tilt = np.sqrt(max(0.0, 1.0 - kappa**2)) * np.divide(outside, z, where=z > 0, out=np.zeros_like(z))
            else:
                x, y, z, tilt, lift = project(frame, features[rows], k)
            state, classifier = np.empty((x.size, 3)), np.zeros((x.size, 3))
            state[:, 0], state[:, 1], state[:, 2] = x, y, z
            classifier[:, 0], classifier[:, 2] = kappa, tilt
            yield Block(k, rows, state, loss, np.array([1.0, 0.0, 0.0]), classifier, lift, offsets=problem.offsets)


def _sample_reduced(
    problem: CosineProblem, frame: Frame, k: int, rows: slice, start: Start, key: tuple[int, ...]
) -> tuple[Array, ...]:
    """Coordinates along mean center, differences (norm), classifier's own part, rest (norm)."""
    rng, n = np.random.default_rng(key), rows.stop - rows.start
    rank = int(frame.geometry.rank[k])
    tilted = abs(float(frame.geometry.alignment[k])) < 1.0 - TOLERANCE
    gaussian = np.empty((n, 4))
    gaussian[:, 0] = rng.standard_normal(n)
    gaussian[:, 1] = chi(rng, rank, n)
    gaussian[:, 2] = rng.standard_normal(n) if tilted else 0.0
    gaussian[:, 3] = chi(rng, problem.dim - 1 - rank - tilted, n)
    placed = start.place(gaussian, np.array([1.0, 0.0, 0.0, 0.0]))
    return tuple(placed.T)


def project(frame: Frame, features: Array, k: int) -> tuple[Array, Array, Array, Array, Callable[[Array], Array]]:
    """Reduced coordinates of given features, the rest's cosine to the classifier, and the way back."""
    mean, (differences, spreads) = frame.direction(k), frame.differences
    spread, own = float(spreads[k]) or 1.0, differences[frame.offsets[k] : frame.offsets[k + 1]]
    x = features @ mean
    products = np.asarray(features @ own.T)
    products -= products.mean(axis=1, keepdims=True)
    if frame.geometry.spread[k] == 0.0:
        products[:] = 0.0
    y = np.sqrt(np.einsum("nf,nf->n", products, products) / spread)
    rest = features - x[:, None] * mean - np.asarray(products @ own) / spread
    z = np.sqrt(np.einsum("nd,nd->n", rest, rest))
    tilt = np.divide(rest @ unit_vector(frame.classifier_row(k)), z, where=z > 0, out=np.zeros_like(z))
    directions = products / np.where(y > 0, y, 1.0)[:, None] / spread

    def lift(state: Array) -> Array:
        outside = state[:, 2] / np.where(z > 0, z, 1.0)
        along = (state[:, 0] - outside * x)[:, None] * mean
        inside = (state[:, 1] - outside * y)[:, None] * directions
        return outside[:, None] * features + along + np.asarray(inside @ own)

    return x, y, z, tilt, lift


class Chart(NamedTuple):
    r"""Samples of several classes on the sphere, in their own time; arrays (n,). :mod:`ufm.simulate.series` moves them.

    With :math:`x = \tanh(s / 2)`, :math:`g = y^2 / (y^2 + z^2) = 1 / (1 + e^w)` the gradient of the cosine loss
    gives, in the clock time of :mod:`theory.multicenter.clock`,

    .. math::
        \dot s = 4\beta \big[ f c\, (1 - c x) + \sigma\, g\, x \big], \qquad \dot w = 4\beta \sigma

    (c: length of the mean center, sigma: spread of the centers). So w is known and s is one scalar equation. Along
    a collapse s becomes a straight line, steps grow, and :math:`NC = 2 - 2x = 4 / (1 + e^s)` keeps its relative
    accuracy down to the smallest double.
    """

    far: Array
    """4 beta f c (1 - c): velocity of s far down the collapse."""
    near: Array
    """8 beta f c^2: what is added to it at s = -infinity."""
    pull: Array
    """4 beta sigma: the pull of the differences of centers."""
    tilt: Array
    """w at time 0."""

    def take(self, samples: NDArray[np.int64]) -> Self:
        """The chart of some of the samples."""
        return type(self)(*(column[samples] for column in self))


def _logistic(v: Array) -> Array:
    """1 / (1 + e^v), overwriting v; numpy's exponential makes it twice as fast as scipy's expit."""
    np.exp(v, out=v)
    v += 1.0
    return np.divide(1.0, v, out=v)


PILOT = 2
"""Samples of each class and each kind of extreme that stand for a batch when its collapse time is looked for."""


def _smallest(key: Array) -> NDArray[np.int64]:
    """Where the smallest PILOT of the numbers stand, in any order."""
    return np.argpartition(key, PILOT)[:PILOT] if key.size > PILOT else np.arange(key.size)


@dataclass(frozen=True)
class Samples:
    """All that integrating samples needs, whatever classes and problems they are of; one number a sample, (n,)."""

    chart: Chart
    alignment: Array
    """s at time 0."""
    radius: Array
    """Norm at time 0."""
    lam: Array
    """Weight of the norm penalty of its problem."""

    @classmethod
    def join(cls, several: "Sequence[Samples]") -> "Samples":
        """Side by side."""
        chart = Chart(*map(np.concatenate, zip(*(s.chart for s in several), strict=True)))
        columns = zip(*((s.alignment, s.radius, s.lam) for s in several), strict=True)
        return cls(chart, *map(np.concatenate, columns))

    def take(self, samples: NDArray[np.int64]) -> "Samples":
        """Some of them."""
        return Samples(self.chart.take(samples), self.alignment[samples], self.radius[samples], self.lam[samples])

    def collapse_times(self, nc: float, rtol: float) -> tuple[Array, Work]:
        """Time at which each sample's NC falls to ``nc``; infinity for those that never do."""
        from ufm.simulate import series  # here: it takes a third of a second to load

        level = float(np.log((4.0 - nc) / nc))
        tau, work = series.times_to_reach(self.chart, self.alignment, level, rtol)
        return flow_time(tau, self.radius, self.lam), work


@dataclass(frozen=True)
class Batch:
    """Consecutive samples, possibly of many classes, ready to be integrated together."""

    rows: slice
    blocks: list[Block]
    offsets: Integers
    """Where the samples of each class begin in the problem."""
    samples: Samples
    lam: float
    """Weight of the norm penalty."""
    along: Array
    """This and all below is one number a sample, (n,): the classifier in the coordinate x ..."""
    across: Array
    """... and in z."""
    mean: Array
    pulled: Array
    """beta f."""
    spread: Array
    """beta sigma."""

    @classmethod
    def merge(cls, problem: CosineProblem, frame: Frame, blocks: list[Block]) -> Self:
        """Put blocks side by side."""
        owner = np.repeat([b.k for b in blocks], [len(b.state) for b in blocks])
        x, y, z = np.concatenate([b.state for b in blocks]).T
        across = np.hypot(y, z)
        r = np.hypot(x, across)
        across[(x < 0) & (across <= ANTIPODE * r)] = 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            # 2 artanh(x / r) from whichever of r - x and r + x does not cancel
            s = 2.0 * np.where(x > 0, np.log((r + x) / across), np.log(across / (r - x)))
            w = np.where(across > 0, 2.0 * np.log(z / y), np.inf)
        count = np.asarray(frame.counts, dtype=np.float64)[owner]
        mean, spread, beta = frame.geometry.mean[owner], frame.geometry.spread[owner], problem.weights[owner]
        # unit centers: 1 - c^2 = (f - 1) / f sigma, free of cancellation
        gap = spread * (count - 1.0) / count / (1.0 + mean)
        drive = 4.0 * beta * count * mean
        chart = Chart(far=drive * gap, near=2.0 * drive * mean, pull=4.0 * beta * spread, tilt=w)
        return cls(
            slice(blocks[0].rows.start, blocks[-1].rows.stop),
            blocks,
            problem.offsets,
            Samples(chart, alignment=s, radius=r, lam=np.full(r.size, problem.lam)),
            lam=problem.lam,
            along=np.concatenate([b.classifier[:, 0] for b in blocks]),
            across=np.concatenate([b.classifier[:, 2] for b in blocks]),
            mean=mean,
            pulled=beta * count,
            spread=beta * spread,
        )

    def time_to_reach(self, nc: float, rtol: float, work: Work) -> Arrival:
        """When those samples collapse that, by any kind of extreme, may well be the last ones of each class.

        A sample on the antipode of its mean center never moves: nothing points anywhere there.
        """
        samples, bounds = self.samples, np.cumsum([0, *(len(b.state) for b in self.blocks)])
        keys = (samples.alignment, -samples.radius, samples.chart.tilt, -samples.chart.tilt)
        pilot = [begin + _smallest(key[begin:end]) for begin, end in pairwise(bounds.tolist()) for key in keys]
        times, cost = samples.take(np.unique(np.concatenate(pilot))).collapse_times(nc, rtol)
        work.add(cost)
        last, stuck = times[np.isfinite(times)], np.isneginf(samples.alignment)
        trouble = antipode(worst_sample(self.offsets, stuck, self.rows.start)) if stuck.any() else None
        first = float(last[last > 0.0].min(initial=np.inf))
        return Arrival(float(last.max(initial=1.0 if stuck.any() else 0.0)), trouble, first)

    def states_at(self, times: Array, rtol: float, work: Work) -> Iterator[tuple[int, "Snapshot"]]:
        """Yield (index, snapshot of all samples) for each of the ascending times."""
        from ufm.simulate import series

        chart, start = self.samples.chart, self.samples.radius
        tau = np.empty((times.size, start.size))
        for j, time in enumerate(times):
            tau[j] = clock(time, start, self.lam)
        states, cost = series.states_at(chart, self.samples.alignment, tau, rtol)
        work.add(cost)
        with np.errstate(over="ignore"):
            for j, time in enumerate(times):
                beyond = _logistic(states[j])
                across = 2.0 * np.sqrt(beyond * (1.0 - beyond))
                # z / y; a ratio of e^350 leaves nothing of y, and its square is still finite
                ratio = 0.5 * (chart.tilt + chart.pull * tau[j])
                np.exp(np.minimum(ratio, 350.0, out=ratio), out=ratio)
                y = across / np.sqrt(1.0 + ratio * ratio)
                yield j, Snapshot(1.0 - 2.0 * beyond, y, ratio * y, radius(time, start, self.lam), 4.0 * beyond)

    def observe(self, snapshot: "Snapshot") -> Observation:
        """Measure all samples."""
        x, y, z, norm, nc = snapshot
        # sum_j (a_j - 1)^2 with a_j of mean c x and spread sigma y^2
        fit = self.pulled * (self.mean * x - 1.0) ** 2 + self.spread * y**2
        return Observation(nc, norm, self.along * x + self.across * z, fit + self.lam * (norm - 1.0) ** 2)

    def lift(self, snapshot: "Snapshot") -> Array:
        """Features (n, d)."""
        reduced = np.column_stack(snapshot[:3]) * snapshot.norm[:, None]
        pieces = np.split(reduced, np.cumsum([len(block.state) for block in self.blocks])[:-1])
        return np.concatenate([block.lift(piece) for block, piece in zip(self.blocks, pieces, strict=True)])


class Reduced(FixedFrame[CosineProblem]):
    """Three coordinates a sample: cosine loss, isotropic frames."""

    name = "reduced"
    kinds = (CosineProblem,)
    floor = 1e-300  # NC is a coordinate of its own
    reduces = True
    wants = "isotropic centers"

    @classmethod
    def suits(cls, frame: Frame) -> bool:
        """Classes must look alike from all their centers."""
        return isotropic(frame)

    def steppers(self) -> Iterator[Block]:
        """Three plain coordinates, class by class: what a descent goes through in steps."""
        for block in reduced_blocks(self.problem, self.frame, self.features, self.start, self.seed):
            yield replace(block, still=on_antipode(block.state, block.direction))

    def parts(self) -> Iterator[Batch]:
        """Many classes at a time, in coordinates in which collapse is a straight line."""
        return batches(self.problem, self.frame, self.features, self.start, self.seed)


class Snapshot(NamedTuple):
    """Reduced coordinates of the unit features of a batch, their norms and their NC; arrays (n,)."""

    x: Array
    y: Array
    z: Array
    norm: Array
    nc: Array


def batches(problem: CosineProblem, frame: Frame, features: Array | None, start: Start, seed: int) -> Iterator[Batch]:
    """All samples of the problem, as many at a time as :func:`ufm.simulate.blocks.gathered` puts together."""
    dim = 0 if features is None else frame.dim
    for blocks in gathered(reduced_blocks(problem, frame, features, start, seed), dim):
        yield Batch.merge(problem, frame, blocks)
