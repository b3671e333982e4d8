"""Problem P with a fixed frame in the eigenspaces of its frame, where the flow is a table of exponentials."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ufm.problems.frames import TOLERANCE, Array, Frame, isotropic, orthogonal
from ufm.problems.kinds import MSEProblem
from ufm.problems.start import Start
from ufm.simulate.blocks import ROWS, Block, chi, chunks, gathered, no_features, stretches, unit_vector
from ufm.simulate.method import Arrival, FixedFrame, Observation, Trouble, Work

PILOT = 16
"""Samples of a block that stand for it when its collapse time is looked for."""

GRID = 33
"""Times that are looked at together then."""

RECORDS = 16
"""Times that are recorded together."""


@dataclass(frozen=True)
class Modes(Block):
    """Samples of one class whose gradient is ``rates * (state - target)``: every coordinate decays at its own rate."""

    rates: Array
    target: Array
    floor: float
    """The loss of a feature of length 0."""

    def observe(self, state: Array) -> Observation:
        """Measure the samples by the squares of their coordinates."""
        squares = np.square(state)
        across, bowl = np.einsum("nm->n", squares[:, 1:]), 0.5 * np.einsum("nm,m->n", squares, self.rates)
        return self._seen(state[:, 0], across, state[:, -2], bowl)

    def _seen(self, x: Array, across: Array, tilt: Array, bowl: Array) -> Observation:
        """With o^2 the square of what is not along the mean center x, NC = 2 - 2 x / |h| is 2 o^2 / (|h| (|h| + x)),
        which does not cancel; the loss is a quadratic form without mixed terms.
        """
        norm = np.sqrt(x**2 + across)
        with np.errstate(divide="ignore", invalid="ignore"):
            nc = np.where(x > 0.0, 2.0 * across / (norm * (norm + x)), 2.0 - 2.0 * x / norm)
        cosine = (self.classifier[0] * x + self.classifier[-2] * tilt) / norm
        return Observation(nc, norm, cosine, bowl - self.rates[0] * self.target[0] * x + self.floor)

    def fades(self, times: ArrayLike) -> Array:
        """What is left at times (T,) of the way to the target along each coordinate, (T, m)."""
        return np.exp(-np.multiply.outer(times, self.rates))

    def at(self, time: float) -> Array:
        """The state after any time."""
        return self.target + (self.state - self.target) * self.fades(time)

    def path(self, fades: Array) -> Observation:
        """What :meth:`observe` says after coordinates have faded (T, m), arrays (T, n): two products of matrices."""
        x = self.target[0] + np.multiply.outer(fades[:, 0], self.state[:, 0] - self.target[0])
        left, squares = fades[:, 1:] ** 2, np.square(self.state[:, 1:]).T
        bowl = 0.5 * (self.rates[0] * x**2 + (left * self.rates[1:]) @ squares)
        return self._seen(x, left @ squares, np.multiply.outer(fades[:, -2], self.state[:, -2]), bowl)

    def arrival(self, nc: float, since: float) -> Arrival:
        """When all samples are below ``nc``, if not at ``since``: those tell that have most of what decays last."""
        if not self.rates.all():
            limit = self.path(np.where(self.rates > 0.0, 0.0, 1.0)[None]).nc[0]
            stuck = limit > nc
            if stuck.any():
                where, worst = self.name(int(np.argmax(stuck))), float(limit[np.argmax(stuck)])
                lost = f"{where} keeps its part in the null space of the frame, which lam_h=0 never shrinks"
                slowest = float(self.rates[self.rates > 0].min())
                return Arrival(25.0 / slowest, Trouble("stalled", f"{lost}: its NC tends to {worst:.3g}"))

        slow = np.argsort(-np.linalg.norm(self.state[:, -2:], axis=1))[:PILOT]  # the null space decays last
        pilot = replace(self, state=self.state[slow])

        def first(times: ArrayLike) -> int:
            """The first of the times at which the pilots are there; their number if they are at none."""
            return int(np.argmax(np.append(pilot.path(pilot.fades(times)).nc.max(axis=1) <= nc, True)))

        early, times = since, np.array([since])
        if first(times) == 0:
            return Arrival(since)
        times = max(since, 1.0 / float(self.rates.max())) * 2.0 ** np.arange(GRID)
        while (found := first(times)) == GRID:
            early, times = times[-1], times[-1] * 2.0 ** np.arange(GRID)
        early, late = times[found - 1] if found else early, times[found]
        while late - early > 1e-9 * late:
            times = np.linspace(early, late, GRID)
            found = first(times[1:])
            early, late = times[found], times[found + 1]
        return Arrival(float(late))


class Later(NamedTuple):
    """Samples of a :class:`Decay` after a time."""

    time: float
    seen: Observation


@dataclass(frozen=True)
class Decay:
    """Consecutive samples, possibly of many classes, along the flow."""

    blocks: list[Modes]

    @property
    def rows(self) -> slice:
        """Where they stand among all samples of the problem."""
        return slice(self.blocks[0].rows.start, self.blocks[-1].rows.stop)

    def states_at(self, times: Array, rtol: float, work: Work) -> Iterator[tuple[int, Later]]:
        """Exact, and measured at several times at once."""
        for begin in range(0, len(times), RECORDS):
            moments = times[begin : begin + RECORDS]
            paths = zip(*(block.path(block.fades(moments))[:4] for block in self.blocks), strict=True)
            columns = [np.concatenate(parts, axis=1) for parts in paths]
            for j, time in enumerate(moments):
                yield begin + j, Later(float(time), Observation(*(column[j] for column in columns)))

    def time_to_reach(self, nc: float, rtol: float, work: Work) -> Arrival:
        """The latest time of all classes, and the first trouble."""
        last = Arrival(0.0)
        for block in self.blocks:
            later = block.arrival(nc, last.time)
            last = Arrival(max(last.time, later.time), last.trouble or later.trouble)
        return last

    def observe(self, later: Later) -> Observation:
        """What was measured."""
        return later.seen

    def lift(self, later: Later) -> Array:
        """Features (n, d)."""
        return np.concatenate([block.lift(block.at(later.time)) for block in self.blocks])


class Eigenspaces:
    r"""Those of :math:`W^\top W` for each class: own mean center, all else by eigenvalue, and what no center sees.

    Only the own mean center is driven by the targets; everything else just decays, and what decays at one rate needs
    no more than its norm. The last two coordinates split the null space into the own class's classifier vector and the
    rest.
    """

    def __init__(self, problem: MSEProblem, frame: Frame) -> None:
        """Find the distinct eigenvalues, which classes' mean centers and differences have them, and dimensions."""
        self.problem, self.frame, geometry = problem, frame, frame.geometry
        self.total = problem.total
        values = np.concatenate([np.asarray(frame.counts) * geometry.mean**2, geometry.spread])
        with np.errstate(divide="ignore"):  # equal to eleven digits, at any scale, is equal
            _, first, group = np.unique(np.round(np.log(values), 11), return_index=True, return_inverse=True)
        self.values, size = values[first], first.size
        self.mean_group, self.spread_group = group[: frame.n_classes], group[frame.n_classes :]
        spread = np.bincount(self.spread_group, weights=geometry.rank, minlength=size).astype(int)
        self.degrees = np.bincount(self.mean_group, minlength=size) + spread
        self.free = problem.dim - int(self.degrees.sum())

    @property
    def chunk(self) -> int:
        """Samples that fit into a cache."""
        return max(1, min(ROWS, (1 << 22) // (self.values.size + 3)))

    def given(self, k: int, rows: slice, features: Array) -> Modes:
        """Given features (n, d) of class ``k``."""
        return self._modes(k, rows, *_project(self, features, k))

    def drawn(self, k: int, rows: slice, start: Start, key: tuple[int, ...]) -> Modes:
        """Samples of an isotropic start, of class ``k`` or of its like, at a few numbers each."""
        rng, n = np.random.default_rng(key), rows.stop - rows.start
        tilted = self._tilt(k) > TOLERANCE
        others = self.degrees.copy()
        others[self.mean_group[k]] -= 1
        columns = [rng.standard_normal(n), *(chi(rng, int(degree), n) for degree in others)]
        columns += [rng.standard_normal(n) if tilted else np.zeros(n), chi(rng, self.free - tilted, n)]
        gaussian = np.column_stack(columns)
        return self._modes(k, rows, start.place(gaussian, np.eye(1, gaussian.shape[1])[0]), no_features)

    def _tilt(self, k: int) -> float:
        """Length of the unit classifier vector's part that is orthogonal to the mean center."""
        return float(np.sqrt(max(0.0, 1.0 - float(self.frame.geometry.alignment[k]) ** 2)))

    def _modes(self, k: int, rows: slice, state: Array, lift: Callable[[Array], Array]) -> Modes:
        geometry, total, count = self.frame.geometry, self.total, self.frame.counts[k]
        drive = count * geometry.mean[k] / total
        seen = np.concatenate([[drive * geometry.mean[k]], self.values / total, [0.0, 0.0]])
        rates, direction = seen + self.problem.lam_h, np.eye(1, seen.size)[0]
        classifier = float(geometry.alignment[k]) * direction
        classifier[-2] = self._tilt(k)
        floor = count / (2.0 * total)
        loss = _quadratic(rates, drive, floor)
        target = drive / rates[0] * direction
        offsets = self.problem.offsets
        return Modes(k, rows, state, loss, direction, classifier, lift, rates, target, floor, offsets=offsets)


class Exact(FixedFrame[MSEProblem]):
    """One exponential per eigenspace: P, frames whose classes are isotropic and orthogonal to each other."""

    name = "exact"
    kinds = (MSEProblem,)
    reduces = True
    wants = "isotropic centers, orthogonal between classes"

    @classmethod
    def suits(cls, frame: Frame) -> bool:
        """The eigenspaces must be those of a multi-center frame."""
        return isotropic(frame) and orthogonal(frame)

    def steppers(self) -> Iterator[Modes]:
        """Class by class, or kind by kind, as many samples as fit into a cache."""
        spaces = Eigenspaces(self.problem, self.frame)
        alike = np.arange(self.problem.n_classes) if self.features is not None else self.frame.kinds[1]
        for k, stretch in stretches(self.problem, alike):
            for number, rows in enumerate(chunks(stretch, spaces.chunk)):
                if self.features is None:
                    yield spaces.drawn(k, rows, self.start, (self.seed, k, number))
                else:
                    yield spaces.given(k, rows, self.features[rows])

    def parts(self) -> Iterator[Decay]:
        """Many classes at a time, with all times."""
        return map(Decay, gathered(self.steppers(), 0 if self.features is None else self.frame.dim))


def _quadratic(rates: Array, drive: float, floor: float) -> Callable[[Array], tuple[Array, Array]]:
    """|W h - y|^2 / (2S) + lam_h |h|^2 / 2 in the eigenbasis, whose first vector is the own mean center."""

    def loss(state: Array) -> tuple[Array, Array]:
        gradients = state * rates
        values = 0.5 * np.einsum("nm,nm->n", gradients, state) - drive * state[:, 0] + floor
        gradients[:, 0] -= drive
        return values, gradients

    return loss


def _project(spaces: Eigenspaces, features: Array, k: int) -> tuple[Array, Callable[[Array], Array]]:
    """Coordinates of given features in the eigenspaces, and the way back."""
    frame, owner, (differences, spreads) = spaces.frame, spaces.frame.owner, spaces.frame.differences
    means = np.asarray(features @ frame.mean_directions.T)
    products = np.asarray(features @ differences.T)
    averages = np.add.reduceat(products, frame.offsets[:-1], axis=1) / np.asarray(frame.counts)
    products -= averages[:, owner]
    scale = np.where(frame.geometry.spread > 0, spreads, np.inf)[owner]
    products /= scale  # coefficients
    rest = features - np.asarray(means @ frame.mean_directions)
    rest -= products @ differences
    # The classifier's part orthogonal to the mean center lies in the null space of the frame.
    classifier, mean = unit_vector(frame.classifier_row(k)), frame.direction(k)
    own = unit_vector(classifier - (classifier @ mean) * mean, TOLERANCE)
    tilt = rest @ own
    rest -= tilt[:, None] * own
    remainder = np.sqrt(np.einsum("nd,nd->n", rest, rest))
    squares = means**2
    squares[:, k] = 0.0
    spread = np.add.reduceat(products**2 * np.where(scale < np.inf, scale, 0.0), frame.offsets[:-1], axis=1)
    members = np.eye(spaces.values.size)
    decaying = np.sqrt(squares @ members[spaces.mean_group] + spread @ members[spaces.spread_group])
    state = np.column_stack([means[:, k], decaying, tilt, remainder])

    def lift(later: Array) -> Array:
        shrink = later[:, 1:-2] / np.where(decaying > 0, decaying, 1.0)
        left = later[:, -1:] / np.where(remainder > 0, remainder, 1.0)[:, None]  # of the rest, as in all features
        along = means * (shrink[:, spaces.mean_group] - left)
        along[:, k] = later[:, 0] - left[:, 0] * means[:, k]
        lifted = left * features
        lifted += along @ frame.mean_directions
        lifted += (products * (shrink[:, spaces.spread_group[owner]] - left)) @ differences
        lifted += (later[:, -2:-1] - left * tilt[:, None]) * own
        return lifted

    return state, lift
