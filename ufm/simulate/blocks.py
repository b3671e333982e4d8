"""Samples of one class as vectors: the features themselves, or coordinates in the span of the class's centers."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import DOP853
from scipy.optimize import brentq

from ufm.problems.frames import Array, Frame, dense
from ufm.problems.kinds import CosineProblem
from ufm.problems.losses import CosineLoss, Loss, cosine
from ufm.problems.problem import Integers, MultiCenterProblem
from ufm.simulate.method import Arrival, FixedFrame, Observation, Trouble, Unfinished, Work

T = TypeVar("T")

ALONE = 1024
"""Up to so many classes each is drawn from a stream of its own; of more, equal neighbours are drawn together."""

MAX_STEPS = 20_000
"""Budget of an integration."""

LOOK = 500
"""Steps between two looks at whether the budget will do."""

HUGE = 1e300
"""In place of a slope that is not finite: no step is short enough for it, and the integrator gives up."""

ANTIPODE = 1e-14
"""Unit features that are nearer than this to minus their mean center, in its distance, are told from it by rounding."""

ROWS = 32_768
"""Samples per chunk: what a core's cache holds of a vectorised integration."""

TOGETHER = 8_192
"""Samples of several chunks that are integrated side by side. One number of each makes 64 KiB, which an allocator
has; 128 KiB it may ask the system for and give back each time, as it does under dask's settings."""


@dataclass(frozen=True)
class Block:
    """Samples of one class, or of consecutive classes that are equal but for their sizes.

    Attributes
    ----------
    k : the class, or the first of them.
    rows : where the samples stand among all samples of the problem.
    state : initial coordinates (n, m).
    loss : coordinates (n, m) -> (values (n,), gradients (n, m)).
    direction : unit mean center in these coordinates (m,).
    classifier : unit classifier vector in these coordinates, (m,) or one per sample (n, m).
    lift : coordinates (n, m) -> features (n, d); :func:`no_features` if the samples were drawn in reduced coordinates.
    still : samples on the antipode of their mean center, where nothing turns them, (n,); None if there are none.
    offsets : where the samples of each class begin in the problem; None for a block of a single class.
    """

    k: int
    rows: slice
    state: Array
    loss: Callable[[Array], tuple[Array, Array]]
    direction: Array
    classifier: Array
    lift: Callable[[Array], Array]
    still: NDArray[np.bool_] | None = field(default=None, kw_only=True)
    offsets: Integers | None = field(default=None, kw_only=True)

    def name(self, i: int) -> str:
        """Its i-th sample, in words."""
        row = self.rows.start + i
        k = self.k if self.offsets is None else int(np.searchsorted(self.offsets, row, side="right")) - 1
        return f"sample {row} (class {k})"

    def slopes(self, state: Array) -> Array:
        """Gradients of the loss, (n, m); of samples that stand still only what makes them longer or shorter."""
        gradients = self.loss(state)[1]
        if self.still is not None:
            own = gradients[self.still]
            gradients[self.still] = np.einsum("nm,m->n", own, self.direction)[:, None] * self.direction
        return gradients

    def stalled(self) -> Trouble | None:
        """Why some sample never turns."""
        if self.still is None:
            return None
        return antipode(self.name(int(np.argmax(self.still))))

    def observe(self, state: Array) -> Observation:
        """Measure the samples in a state (n, m)."""
        norm = np.sqrt(np.einsum("nm,nm->n", state, state))
        unit = state / norm[:, None]
        away = unit - self.direction
        nc = np.einsum("nm,nm->n", away, away)
        cosine = np.einsum("nm,nm->n", unit, np.broadcast_to(self.classifier, unit.shape))
        return Observation(nc, norm, cosine, self.loss(state)[0])

    def states_at(self, times: Array, rtol: float, work: Work) -> Iterator[tuple[int, Array]]:
        """By scipy's DOP853 on the whole state: the slow, general method."""
        solver = self._solver(float(times[-1]), rtol)
        for j, moment in enumerate(times):
            # Steps end on the recorded times: the method's interpolant is orders less accurate than its steps.
            solver.t_bound = float(moment)
            while solver.t < moment:
                solver.status = "running"
                self._advance(solver, work)
            yield j, solver.y.reshape(self.state.shape)

    def time_to_reach(self, nc: float, rtol: float, work: Work) -> Arrival:
        """By stepping until every sample is there."""
        moving = slice(None) if self.still is None else ~self.still

        def excess(state: Array) -> float:
            return float(self.observe(state.reshape(self.state.shape)).nc[moving].max(initial=0.0)) - nc

        trouble = self.stalled()
        if excess(self.state) <= 0.0:
            return Arrival(0.0 if trouble is None else 1.0, trouble)
        before = np.inf
        try:
            solver = self._solver(np.inf, rtol)
            while (left := excess(solver.y)) > 0.0:
                self._advance(solver, work)
                if work.steps % LOOK == 0:
                    self._require_progress(before, left + nc, nc, work.steps, float(solver.t))
                    before = left + nc
        except Unfinished as stop:
            return Arrival(stop.time, stop.trouble)
        interpolant = solver.dense_output()
        time = brentq(lambda t: excess(interpolant(t)), solver.t_old, solver.t, xtol=1e-9 * solver.t)
        return Arrival(float(time), trouble)

    def _require_progress(self, before: float, now: float, wanted: float, steps: int, time: float) -> None:
        """Raise Unfinished where NC falls too slowly, relative to itself, for what is left of the budget."""
        fall = np.log(before / now) / LOOK
        if steps > LOOK and np.log(now / wanted) > fall * (MAX_STEPS - steps):
            reached = (
                f"class {self.k} is at NC {now:.3g} after {steps} steps and will not be at {wanted:g} in {MAX_STEPS}"
            )
            advice = "a smaller rtol may help, and on multi-center frames 'reduced' and 'exact' need far fewer"
            raise Unfinished(Trouble("stopped", f"{reached}; {advice}"), time)

    def _solver(self, end: float, rtol: float) -> DOP853:
        def velocity(_: float, y: Array) -> Array:
            slopes = self.slopes(y.reshape(self.state.shape))
            if not np.all(np.isfinite(slopes)):
                slopes = np.nan_to_num(slopes, nan=HUGE, posinf=HUGE, neginf=-HUGE)
            return -slopes.ravel()

        lost = ~np.isfinite(self.slopes(self.state)).all(axis=1)
        if lost.any():
            reason = f"the gradient of {self.name(int(np.argmax(lost)))} is not finite at the start"
            raise Unfinished(Trouble("diverged", reason), -1.0)

        # The error norm is a mean over all entries. Scaling the tolerance down by the root of their number bounds
        # the error of every single sample instead.
        share = rtol / np.sqrt(self.state.size)
        return DOP853(velocity, 0.0, self.state.ravel(), end, rtol=max(share, 1e-13), atol=share)

    def _advance(self, solver: DOP853, work: Work) -> None:
        """Take one step, or raise Unfinished; nothing more once the run is given up."""
        if work.cancelled.is_set():
            raise Unfinished(Trouble("stopped", "interrupted"), float(solver.t))
        before = solver.nfev
        message = solver.step()
        work.steps += 1
        work.evaluations += (solver.nfev - before) * len(self.state)
        if solver.status == "failed" or not np.all(np.isfinite(solver.y)):
            sizes = np.abs(solver.y.reshape(self.state.shape)).max(axis=1)
            worst = int(np.argmax(np.where(np.isfinite(sizes), sizes, np.inf)))
            reason = f"{self.name(worst)} runs away at t={solver.t:.6g}"
            trouble = Trouble("diverged", f"{reason}: {message}" if message else reason)
            raise Unfinished(trouble, float(solver.t_old or 0.0))
        if work.steps >= MAX_STEPS:
            reached = f"class {self.k} is at t={solver.t:.3g} after {MAX_STEPS} steps"
            trouble = Trouble("stopped", f"{reached}; on multi-center frames 'reduced' and 'exact' need far fewer")
            raise Unfinished(trouble, float(solver.t))

    def descent(self, step_size: float, momentum: float) -> Iterator[Array]:
        """Heavy ball: the same steps in any orthogonal coordinates. Raises Unfinished where a feature is not finite."""
        state, velocity, step = self.state.copy(), np.zeros_like(self.state), 0
        while np.all(np.isfinite(np.einsum("nm,nm->n", state, state))):
            yield state
            velocity *= momentum
            velocity -= step_size * self.slopes(state)
            state += velocity
            step += 1
        reason = f"a sample of class {self.k} is not finite after step {step}: step_size is too large"
        raise Unfinished(Trouble("diverged", reason))


class Full(FixedFrame[MultiCenterProblem]):
    """All d coordinates: any loss, any frame."""

    name = "full"
    kinds = (MultiCenterProblem,)
    features: Array

    def steppers(self) -> Iterator[Block]:
        """The features themselves, class by class."""
        for k in range(self.problem.n_classes):
            rows = self.problem.samples(k)
            yield full_block(self.frame, self.features[rows], self.loss, k, rows)


class Span(FixedFrame[CosineProblem]):
    """Coordinates along the span of each class's centers, and the norm of the rest: cosine loss, any frame."""

    name = "span"
    kinds = (CosineProblem,)
    features: Array

    def steppers(self) -> Iterator[Block]:
        """Class by class: the gradient stays in the span."""
        for k in range(self.problem.n_classes):
            yield _span_block(self.problem, self.frame, self.features[self.problem.samples(k)], k)


def stretches(problem: MultiCenterProblem, *kinds: NDArray[Any]) -> Iterator[tuple[int, slice]]:
    """Classes with their rows; more than :data:`ALONE` in stretches of neighbours that agree in all ``kinds``, (K,).

    Samples of classes that agree have one distribution and one flow, wherever one class ends and the next begins.
    """
    alone = problem.n_classes <= ALONE
    new = [np.full(problem.n_classes - 1, alone), *(np.diff(each) != 0 for each in kinds)]
    first = [0, *(np.flatnonzero(np.any(new, axis=0)) + 1).tolist()]
    for k, end in pairwise([*first, problem.n_classes]):
        yield k, slice(int(problem.offsets[k]), int(problem.offsets[end]))


def chunks(rows: slice, size: int) -> Iterator[slice]:
    """Rows in pieces of at most ``size``."""
    for begin in range(rows.start, rows.stop, size):
        yield slice(begin, min(begin + size, rows.stop))


def gathered(
    items: Iterable[T], dim: int = 0, size: Callable[[Any], int] = lambda block: len(block.state)
) -> Iterator[list[T]]:
    """Consecutive items in lists of about :data:`TOGETHER` samples, fewer that have features of dimension ``dim``."""
    weight = 1 + dim // 64
    waiting: list[T] = []
    held = 0
    for item in items:
        waiting.append(item)
        held += weight * size(item)
        if held >= TOGETHER:
            yield waiting
            waiting, held = [], 0
    if waiting:
        yield waiting


def no_features(state: Array) -> Array:
    """No way back to features. Raises ValueError."""
    raise ValueError("these samples were drawn in reduced coordinates: they have no features")


def full_block(frame: Frame, features: Array, loss: Loss, k: int, rows: slice) -> Block:
    """Given features of class ``k`` in their own coordinates."""
    direction = frame.direction(k)
    return Block(
        k,
        rows,
        features,
        lambda state: loss.value_and_gradient(state, k),
        direction,
        unit_vector(frame.classifier_row(k)),
        lambda state: state,
        still=on_antipode(features, direction) if isinstance(loss, CosineLoss) else None,
    )


def on_antipode(features: Array, direction: Array) -> NDArray[np.bool_] | None:
    """Features (n, m) that cannot be told from a multiple of minus the unit mean center, (n,); None if none is."""
    lengths = np.sqrt(np.einsum("nm,nm->n", features, features))
    away = features / lengths[:, None] + direction
    found = np.asarray(np.einsum("nm,nm->n", away, away) <= ANTIPODE**2)
    return found if found.any() else None


def antipode(where: str) -> Trouble:
    """What becomes of a sample there."""
    return Trouble("stalled", f"{where} starts at the antipode of its mean center and does not move")


def _span_block(problem: CosineProblem, frame: Frame, features: Array, k: int) -> Block:
    own, classifier = dense(frame.class_centers(k)), unit_vector(frame.classifier_row(k))
    _, sizes, basis = np.linalg.svd(own, full_matrices=False)
    basis = basis[sizes > 1e-12 * sizes[0]]
    inside = features @ basis.T
    rest = features - inside @ basis
    z = np.linalg.norm(rest, axis=1)
    rest /= np.where(z > 0, z, 1.0)[:, None]
    state, direction = np.column_stack([inside, z]), np.append(basis @ frame.direction(k), 0.0)
    return Block(
        k,
        problem.samples(k),
        state,
        cosine_loss(problem, k, np.column_stack([own @ basis.T, np.zeros(len(own))]), np.ones(len(own))),
        direction,
        np.column_stack([np.tile(basis @ classifier, (len(z), 1)), rest @ classifier]),
        lambda state: state[:, :-1] @ basis + state[:, -1:] * rest,
        still=on_antipode(state, direction),
    )


def cosine_loss(
    problem: CosineProblem, k: int, centers: Array, targets: Array
) -> Callable[[Array], tuple[Array, Array]]:
    """The cosine loss of class ``k`` with its centers and targets written in other coordinates."""
    beta, lam = float(problem.weights[k]), problem.lam
    return lambda state: cosine(state, centers, beta, lam, targets)


def unit_vector(vector: Array, rounding: float = 0.0) -> Array:
    """The vector divided by its length; zeros if that is not above ``rounding``."""
    length = float(np.linalg.norm(vector))
    return vector / length if length > rounding else np.zeros_like(vector)


def chi(rng: np.random.Generator, degrees: int, n: int) -> Array:
    """Norms of n standard Gaussian vectors."""
    return np.sqrt(rng.chisquare(degrees, n)) if degrees > 0 else np.zeros(n)
