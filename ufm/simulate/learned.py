r"""A learned frame together with its features: Riemannian gradient flow, and descent as a trainer would do it.

At a relative speed :math:`\eta` of the frame they follow

.. math:: \dot Q = -\eta \operatorname{grad}_Q, \qquad \dot s = -\eta\, \partial_s, \qquad
    \dot h_i = -\nabla_{h_i} (\text{loss of sample } i)

which is the gradient flow of the objective in the metric with weight :math:`1/\eta` on the frame. :math:`\eta = 1/N`
makes the frame follow the mean loss, as a trainer does; :math:`\eta = 1` is the flow of the sum.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.integrate import DOP853

from ufm.problems import stiefel
from ufm.problems.frames import Array, Frame, dense, row_norms
from ufm.problems.kinds import LearnedMSEProblem
from ufm.problems.losses import loss_of
from ufm.problems.objective import Objective, objective_at, objective_of
from ufm.problems.problem import Integers, MultiCenterProblem
from ufm.problems.state import State, class_bounds, frame_of
from ufm.simulate.method import Arrival, FrameState, Method, Observation, Trouble, Unfinished, Work

RISE = 1e-13
"""Relative rise of the objective that counts as rounding."""

MAX_STEPS = 100_000

RUNAWAY = 1e6
"""Entry of a step of the rows from which rounding decides where it leads: entries of the rows are at most 1."""


def velocity(objective: Objective, state: State, rate: float) -> State:
    """Gradient in the metric of the flow: features by sample, frame times ``rate``, rows tangent."""
    _, gradient = objective.value_and_gradient(state)
    turn = rate * stiefel.multiplied_out(stiefel.tangent(state.rows, gradient.rows))
    return State(turn, rate * gradient.norms, gradient.features / objective.weights[:, None])


@dataclass(frozen=True, eq=False)
class LearnedFrame(Method):
    r"""Frame, norms and features as one part: nothing of it moves on its own. One feature a class, or one a sample.

    Attributes
    ----------
    state : at the start.
    rate : :math:`\eta`, relative speed of the frame.
    batch_size : samples per step of a descent; all if None.
    seed : of the batches.
    """

    name: ClassVar[str] = "learned"
    problem: MultiCenterProblem
    features: Array | None
    state: State
    rate: float
    batch_size: int | None
    seed: int

    def steppers(self) -> "list[LearnedFrame]":
        """Itself."""
        return [self]

    @property
    def matrix(self) -> int:
        """Numbers in the rows."""
        return int(self.state.rows.size)

    @property
    def offsets(self) -> Integers:
        """One row a class, or one a sample."""
        return class_bounds(self.problem, self.state)

    @property
    def share(self) -> Array:
        """Samples a row."""
        return np.asarray(self.problem.class_sizes) / np.diff(self.offsets)

    def about(self) -> dict[str, Any]:
        """Which features, speed of the frame, and how steps are taken."""
        return {
            "method": "means" if len(self.state.features) == self.problem.n_classes else "full",
            "loss": self.problem.loss,
            "seed": self.seed,
            "frame_rate": self.rate,
            "batch_size": self.batch_size,
        }

    def last_frame(self, state: State | None) -> Frame:
        """The frame of a state; that of the start, if no later one was reached."""
        return frame_of(self.problem, self.state if state is None else state)

    @property
    def rows(self) -> slice:
        """All of them."""
        return slice(0, len(self.state.features))

    def observe(self, state: State) -> Observation:
        """Measure features and frame; NC and cosine are NaN where a feature is 0."""
        problem, frame = self.problem, frame_of(self.problem, state)
        owner = np.repeat(np.arange(problem.n_classes), np.diff(self.offsets))
        norm = row_norms(state.features)
        # directions from unit centers: those of a dead class have no length
        unit = frame_of(problem, state._replace(norms=np.where(state.norms < 0, -1.0, 1.0)))
        with np.errstate(invalid="ignore", divide="ignore"):
            directions = state.features / norm[:, None]
        away = directions - dense(unit.mean_directions)[owner]
        cosine = np.einsum("nd,nd->n", directions, dense(unit.classifier)[owner])
        value = loss_of(problem, frame).value_and_gradient(state.features, owner)[0]
        decay = problem.lam_w if isinstance(problem, LearnedMSEProblem) else 0.0
        moved = float(np.linalg.norm(state.rows - self.state.rows)) / np.sqrt(len(state.rows))
        seen = FrameState(np.abs(state.norms), 0.5 * decay * state.norms**2, moved, stiefel.defect(state.rows))
        return Observation(np.einsum("nd,nd->n", away, away), norm, cosine, value, seen)

    def lift(self, state: State) -> Array:
        """The features."""
        return state.features

    def states_at(self, times: Array, rtol: float, work: Work) -> Iterator[tuple[int, State]]:
        """By DOP853; after each step the rows are put back on the manifold by the polar factor.

        The closest orthonormal rows are no farther from the exact solution than twice the error of the step, so the
        order is kept. A step after which the objective is higher, beyond rounding, is taken again with half its length.
        """
        flow = _Flow(objective_at(self.problem, self.state), self.state, self.rate, rtol)
        for j, moment in enumerate(times):
            flow.advance(float(moment), work)
            yield j, flow.state

    def time_to_reach(self, nc: float, rtol: float, work: Work) -> Arrival:
        """Unknown before it is simulated: how fast frame and features collapse together has no pilot."""
        raise ValueError("a learned frame is followed to given times: t_eval or t_final is needed")

    def descent(self, step_size: float, momentum: float) -> Iterator[State]:
        """Riemannian steps, or those of mini-batches; rows are retracted, their velocity is carried by projection.

        Features that are not in a batch stay, and so does their velocity. The gradient of the frame is N / B times that
        of the batch. Raises Unfinished where a number stops being finite.
        """
        state = self.state._replace(features=self.state.features.copy())
        push = State(*(np.zeros_like(part) for part in state))
        yield state
        for step, (objective, rows) in enumerate(self._batches(), start=1):
            pull = velocity(objective, state._replace(features=state.features[rows]), self.rate)
            turn = momentum * stiefel.tangent(state.rows, push.rows) + pull.rows
            push = push._replace(rows=turn, norms=momentum * push.norms + pull.norms)
            push.features[rows] = momentum * push.features[rows] + pull.features
            state.features[rows] -= step_size * push.features[rows]
            norms = state.norms - step_size * push.norms
            finite = all(np.all(np.isfinite(part)) for part in (norms, state.features[rows]))
            if not finite or not step_size * float(np.abs(turn).max()) < RUNAWAY:
                reason = f"the state runs away in step {step}: step_size is too large"
                raise Unfinished(Trouble("diverged", reason))
            state = state._replace(rows=stiefel.polar(state.rows, -step_size * turn), norms=norms)
            yield state

    def _batches(self) -> Iterator[tuple[Objective, slice | Integers]]:
        """Objectives of the batches, scaled to all samples, and the feature rows they see: a partition every epoch."""
        if self.batch_size is None:
            whole = objective_at(self.problem, self.state)
            while True:
                yield whole, slice(None)
        rng, labels, n = np.random.default_rng((self.seed, 1)), self.problem.labels, self.problem.n_samples
        while True:
            order = rng.permutation(n)
            for begin in range(0, n, self.batch_size):
                rows = np.sort(order[begin : begin + self.batch_size])
                bounds = np.searchsorted(labels[rows], np.arange(self.problem.n_classes + 1))
                yield objective_of(self.problem, bounds, np.full(self.problem.n_classes, n / len(rows))), rows


class _Flow:
    """An integration under way."""

    def __init__(self, objective: Objective, state: State, rate: float, rtol: float) -> None:
        self.objective, self.state, self.rate = objective, state, rate
        self.value = objective.value_and_gradient(state)[0]
        x = state.flat()
        share = rtol / np.sqrt(x.size)  # DOP853's error norm is a mean over all entries: bound the largest one instead
        self.solver = DOP853(self.field, 0.0, x, np.inf, rtol=max(share, 1e-13), atol=share)

    def field(self, _: float, x: Array) -> Array:
        """Minus the gradient, in the metric of the flow."""
        return -velocity(self.objective, self.state.unflat(x), self.rate).flat()

    def advance(self, end: float, work: Work) -> None:
        """Go to time ``end``. Raises Unfinished."""
        solver, halved = self.solver, 0
        if not np.isfinite(self.value):
            raise Unfinished(Trouble("diverged", "the objective is not finite at the start"), solver.t)
        solver.t_bound = end
        while solver.t < end:
            before = solver.t, solver.y, solver.f
            evaluated = solver.nfev
            solver.status = "running"
            message = solver.step()
            work.steps += 1
            work.evaluations += (solver.nfev - evaluated) * len(self.state.features)
            if solver.status == "failed" or not np.all(np.isfinite(solver.y)):
                reason = f"the state runs away at t={solver.t:.6g}: {message}"
                raise Unfinished(Trouble("diverged", reason), before[0])
            moved = self.state.unflat(solver.y)
            moved = moved._replace(rows=stiefel.polar_factor(moved.rows))
            value, _ = self.objective.value_and_gradient(moved)
            if value > self.value + RISE * abs(self.value):
                length = solver.t - before[0]
                solver.t, solver.y, solver.f = before
                solver.h_abs = 0.5 * length
                halved += 1
                if halved > 60:
                    reason = f"the objective does not go down any more at t={solver.t:.6g}"
                    raise Unfinished(Trouble("stopped", reason), solver.t)
                continue
            halved, self.value, self.state = 0, min(value, self.value), moved
            solver.y = moved.flat()
            solver.f = self.field(solver.t, solver.y)
            if work.steps >= MAX_STEPS:
                raise Unfinished(Trouble("stopped", f"t={solver.t:.3g} is reached after {MAX_STEPS} steps"), solver.t)
