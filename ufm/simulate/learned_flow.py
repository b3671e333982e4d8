r"""Riemannian gradient flow of a learned frame together with its features.

It follows, at a relative speed :math:`\eta` of the frame,

.. math:: \dot Q = -\eta \operatorname{grad}_Q, \qquad \dot s = -\eta\, \partial_s, \qquad
    \dot h_i = -\nabla_{h_i} (\text{loss of sample } i)

which is the gradient flow of the objective in the metric with weight :math:`1/\eta` on the frame. :math:`\eta = 1/N`
makes the frame follow the mean loss, as a trainer does; :math:`\eta = 1` is the flow of the sum.
"""

import time
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import DOP853
from tqdm import tqdm

from ufm.files.blas import one_thread
from ufm.problems import stiefel
from ufm.problems.frames import Array
from ufm.problems.objective import Learned, objective_at
from ufm.problems.problem import Problem
from ufm.problems.state import State
from ufm.simulate.learned_training import finished, require, starting_state, validated_options, velocity
from ufm.simulate.learned_trajectory import LearnedTrajectory, Moment
from ufm.simulate.trajectory import Trouble

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

    Examples
    --------
    >>> problem = Problem(class_sizes=(5, 3), centers=(2, 3), theta=0.3, frame="learned")
    >>> flow = learned_flow(problem, t_eval=[0.0, 30.0])
    >>> flow.status, bool(flow.curves["defect"].max() < 1e-12)
    ('collapsed', True)
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
    require("rtol", rtol, 1e-13 <= rtol < 1)
    rate = validated_options(problem, features, frame_rate, until_nc)
    state = starting_state(problem, start, seed, features)
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
    return finished(problem, times[: len(moments)], moments, flow.state, trouble, until_nc, stats, began)


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
