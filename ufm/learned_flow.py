r"""Training of a learned frame together with its features: Riemannian gradient flow, descent, mini-batches.

All of them follow, at a relative speed :math:`\eta` of the frame,

.. math:: \dot Q = -\eta \operatorname{grad}_Q, \qquad \dot s = -\eta\, \partial_s, \qquad
    \dot h_i = -\nabla_{h_i} (\text{loss of sample } i)

which is the gradient flow of the objective in the metric with weight :math:`1/\eta` on the frame. :math:`\eta = 1/N`
makes the frame follow the mean loss, as a trainer does; :math:`\eta = 1` is the flow of the sum.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import DOP853
from tqdm import tqdm

from ufm import stiefel
from ufm.blas import one_thread
from ufm.frames import Array
from ufm.learned import Learned, objective_at, objective_of
from ufm.learned_trajectory import LearnedTrajectory, Moment, stacked
from ufm.problem import Integers, Problem, nearest
from ufm.state import State, random_state, validated_state
from ufm.trajectory import Status, Trouble

RISE = 1e-13
"""Relative rise of the objective that counts as rounding."""

MAX_STEPS = 100_000


def learned_flow(
    problem: Problem,
    *,
    t_eval: ArrayLike,
    start: Sequence[ArrayLike] | None = None,
    seed: int = 0,
    features: Literal["means", "full"] = "means",
    frame_rate: float | None = None,
    until_nc: float = 1e-10,
    rtol: float = 1e-8,
    progress: bool = False,
) -> LearnedTrajectory:
    """Gradient flow by DOP853; after each step the rows are put back on the manifold by the polar factor.

    The closest orthonormal rows are no farther from the exact solution than twice the error of the step, so the order
    is kept. A step after which the objective is higher, beyond rounding, is taken again with half its length.

    Parameters
    ----------
    problem : with ``frame="learned"``.
    t_eval : times to record, ascending, >= 0.
    start : as in :func:`ufm.minimize`; by default a random frame and Gaussian features.
    seed : of that start.
    features : "means": one per class, "full": one per sample.
    frame_rate : eta > 0; 1/N if left out.
    until_nc : threshold of ``status == "collapsed"``, in (0, 4).
    rtol : error allowed per step, relative, in [1e-13, 1).
    progress : show a bar on stderr.

    Raises
    ------
    ValueError : an argument that is not as above, a start that is not on the manifold.
    """
    began = time.perf_counter()
    times = np.atleast_1d(np.asarray(t_eval, dtype=np.float64))
    if (
        times.ndim != 1
        or not times.size
        or not np.all(np.isfinite(times))
        or times[0] < 0
        or np.any(np.diff(times) <= 0)
    ):
        raise ValueError("t_eval must be a list of finite, strictly ascending times >= 0")
    _require("rtol", rtol, 1e-13 <= rtol < 1)
    rate = _validated(problem, features, frame_rate, until_nc)
    state = _start(problem, start, seed, features)
    flow = _Flow(objective_at(problem, state), state, rate, rtol)
    moments: list[Moment] = []
    trouble: Trouble | None = None
    with one_thread(state.rows.size):
        for moment in tqdm(times, desc="learned flow", disable=not progress):
            trouble = flow.advance(float(moment))
            if trouble:
                break
            moments.append(Moment.observe(problem, flow.state, state.rows))
    if not moments:
        moments.append(Moment.observe(problem, flow.state, state.rows))
    stats: dict[str, object] = {
        "method": "flow",
        "features": features,
        "frame_rate": rate,
        "rtol": rtol,
        "seed": seed,
        "steps": flow.steps,
    }
    return _trajectory(problem, times[: len(moments)], moments, flow.state, trouble, until_nc, stats, began)


class _Flow:
    """An integration under way."""

    def __init__(self, objective: Learned, state: State, rate: float, rtol: float) -> None:
        self.objective, self.state, self.rate, self.steps = objective, state, rate, 0
        self.value = objective.value_and_gradient(state)[0]
        x = state.flat()
        share = rtol / np.sqrt(x.size)  # DOP853's error norm is a mean over all entries: bound the largest one instead
        self.solver = DOP853(self.field, 0.0, x, np.inf, rtol=max(share, 1e-13), atol=share)

    def field(self, _: float, x: Array) -> Array:
        """Minus the gradient, in the metric of the flow."""
        state = self.state.unflat(x)
        return -velocity(self.objective, state, self.rate)[1].flat()

    def advance(self, end: float) -> Trouble | None:
        """Go to time ``end``, or say why not."""
        solver = self.solver
        solver.t_bound = end
        halved = 0
        while solver.t < end:
            before = solver.t, solver.y, solver.f
            solver.status = "running"
            message = solver.step()
            self.steps += 1
            if solver.status == "failed" or not np.all(np.isfinite(solver.y)):
                return Trouble("diverged", f"the state runs away at t={solver.t:.6g}: {message}")
            moved = self.state.unflat(solver.y)
            moved = moved._replace(rows=stiefel.nearest(moved.rows))
            value, _ = self.objective.value_and_gradient(moved)
            if value > self.value + RISE * abs(self.value):
                length = solver.t - before[0]
                solver.t, solver.y, solver.f = before
                solver.h_abs = 0.5 * length
                halved += 1
                if halved > 60:
                    return Trouble("stopped", f"the objective does not go down any more at t={solver.t:.6g}")
                continue
            halved, self.value, self.state = 0, min(value, self.value), moved
            solver.y = moved.flat()
            solver.f = self.field(solver.t, solver.y)
            if self.steps >= MAX_STEPS:
                return Trouble("stopped", f"t={solver.t:.3g} is reached after {MAX_STEPS} steps")
        return None


def velocity(objective: Learned, state: State, rate: float) -> tuple[float, State]:
    """Value, and gradient in the metric of the flow: features by sample, frame times ``rate``, rows tangent."""
    value, gradient = objective.value_and_gradient(state)
    turn = rate * stiefel.tangent(state.rows, gradient.rows)
    return value, State(turn, rate * gradient.norms, gradient.features / objective.weights[:, None])


def learned_descent(
    problem: Problem,
    *,
    step_size: float,
    n_steps: int = 1000,
    every: int = 10,
    momentum: float = 0.0,
    batch_size: int | None = None,
    retraction: stiefel.RetractionName = "polar",
    start: Sequence[ArrayLike] | None = None,
    seed: int = 0,
    features: Literal["means", "full"] = "full",
    frame_rate: float | None = None,
    until_nc: float = 1e-10,
    progress: bool = False,
) -> LearnedTrajectory:
    r"""Riemannian gradient descent, or stochastic descent with momentum as a trainer would do it.

    A step of the frame goes along :math:`v \leftarrow \mu v + g`, retracted; v is carried along by projection onto the
    new tangent space. With ``batch_size`` the batches are a random partition of the samples in every epoch; the
    features are the rows of the batch, each with a velocity of its own, and the gradient of the frame is N / B times
    that of the batch.

    Parameters
    ----------
    step_size : > 0, in units of flow time.
    n_steps, every : most steps to take, and steps between records, >= 1.
    momentum : mu in [0, 1).
    batch_size : samples per step, in [1, N], with ``features="full"``; all if left out.
    retraction : "polar", "qr" or "cayley".
    problem, start, seed, features, frame_rate, until_nc, progress : as in :func:`learned_flow`; the seed draws the
        batches too. The descent stops at a record with NC below ``until_nc``.

    Returns
    -------
    LearnedTrajectory : ``status`` "stopped" if the steps ran out, "diverged" if a number stopped being finite.

    Raises
    ------
    ValueError : an argument that is not as above, a start that is not on the manifold.
    """
    began = time.perf_counter()
    _require("step_size", step_size, bool(np.isfinite(step_size)) and step_size > 0)
    _require("momentum", momentum, 0 <= momentum < 1)
    _require("n_steps", n_steps, n_steps >= 1)
    _require("every", every, every >= 1)
    if retraction not in stiefel.RETRACTIONS:
        raise ValueError(f"retraction={retraction!r} is unknown{nearest(retraction, stiefel.RETRACTIONS)}")
    if batch_size is not None:
        _require("batch_size", batch_size, features == "full" and 1 <= batch_size <= problem.n_samples)
    rate = _validated(problem, features, frame_rate, until_nc)
    first = state = _start(problem, start, seed, features)
    push = State(*(np.zeros_like(part) for part in state))
    moments, steps = [Moment.observe(problem, state, first.rows)], [0]
    trouble: Trouble | None = None
    retract = stiefel.RETRACTIONS[retraction]
    batches = _batches(problem, state, batch_size, seed)
    with np.errstate(over="ignore", invalid="ignore"), one_thread(state.rows.size):
        for step in tqdm(range(1, n_steps + 1), desc="learned descent", disable=not progress):
            objective, rows = next(batches)
            _, pull = velocity(objective, state._replace(features=state.features[rows]), rate)
            turn = momentum * stiefel.tangent(state.rows, push.rows) + pull.rows
            push = push._replace(rows=turn, norms=momentum * push.norms + pull.norms)
            push.features[rows] = momentum * push.features[rows] + pull.features
            state.features[rows] -= step_size * push.features[rows]
            norms = state.norms - step_size * push.norms
            if not all(np.all(np.isfinite(part)) for part in (turn, norms, state.features[rows])):
                trouble = Trouble("diverged", f"the state is not finite after step {step}: step_size is too large")
                break
            state = state._replace(rows=retract(state.rows, -step_size * turn), norms=norms)
            if step % every == 0 or step == n_steps:
                moments.append(Moment.observe(problem, state, first.rows))
                steps.append(step)
                if moments[-1].nc.max() <= until_nc:
                    break
        else:
            trouble = Trouble("stopped", f"{n_steps} steps are spent")
    stats: dict[str, object] = {
        "method": "descent",
        "features": features,
        "frame_rate": rate,
        "step_size": step_size,
        "momentum": momentum,
        "batch_size": batch_size,
        "retraction": retraction,
        "seed": seed,
        "steps": steps[-1],
    }
    return _trajectory(problem, np.array(steps) * step_size, moments, state, trouble, until_nc, stats, began)


def _batches(problem: Problem, state: State, size: int | None, seed: int) -> Iterator[tuple[Learned, slice | Integers]]:
    """Objectives of the batches, scaled to all samples, and the feature rows they see."""
    if size is None:
        whole = objective_at(problem, state)
        while True:
            yield whole, slice(None)
    rng, labels, n = np.random.default_rng((seed, 1)), problem.labels, problem.n_samples
    while True:
        order = rng.permutation(n)
        for begin in range(0, n, size):
            rows = np.sort(order[begin : begin + size])
            bounds = np.searchsorted(labels[rows], np.arange(problem.n_classes + 1))
            yield objective_of(problem, bounds, np.full(problem.n_classes, n / len(rows))), rows


def _require(name: str, value: object, fine: bool) -> None:
    if not fine:
        raise ValueError(f"{name}={value!r} is out of range")


def _validated(problem: Problem, features: str, frame_rate: float | None, until_nc: float) -> float:
    if problem.frame != "learned":
        raise ValueError(f"frame={problem.frame!r} of the problem: 'learned' is needed, or gradient_flow")
    if features not in ("means", "full"):
        raise ValueError(f"features={features!r} is unknown{nearest(features, ('means', 'full'))}")
    rate = 1.0 / problem.n_samples if frame_rate is None else frame_rate
    _require("frame_rate", frame_rate, bool(np.isfinite(rate)) and rate > 0)
    _require("until_nc", until_nc, 0 < until_nc < 4)
    return rate


def _start(problem: Problem, start: Sequence[ArrayLike] | None, seed: int, features: str) -> State:
    full = features == "full"
    return random_state(problem, seed, full=full) if start is None else validated_state(problem, start, full=full)


def _trajectory(
    problem: Problem,
    times: Array,
    moments: list[Moment],
    final: State,
    trouble: Trouble | None,
    until_nc: float,
    stats: dict[str, object],
    began: float,
) -> LearnedTrajectory:
    status: Status = "collapsed" if moments[-1].nc.max() <= until_nc else "finished"
    if trouble is not None and (status != "collapsed" or trouble.status == "diverged"):
        status, stats["reason"] = trouble.status, trouble.reason
    stats |= {"until_nc": until_nc, "seconds": time.perf_counter() - began}
    return LearnedTrajectory(problem, times, stacked(moments), final, status, stats)
