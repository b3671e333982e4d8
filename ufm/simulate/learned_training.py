"""What flow and descent of a learned frame share."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ufm.files.text import nearest
from ufm.problems import stiefel
from ufm.problems.frames import Array
from ufm.problems.objective import Learned
from ufm.problems.problem import Problem
from ufm.problems.state import State, random_state, validated_state
from ufm.simulate.learned_trajectory import LearnedTrajectory, Moment, stacked
from ufm.simulate.trajectory import Status, Trouble


def velocity(objective: Learned, state: State, rate: float) -> tuple[float, State]:
    """Value, and gradient in the metric of the flow: features by sample, frame times ``rate``, rows tangent."""
    value, gradient = objective.value_and_gradient(state)
    turn = rate * stiefel.dense(stiefel.tangent(state.rows, gradient.rows))
    return value, State(turn, rate * gradient.norms, gradient.features / objective.weights[:, None])


def require(name: str, value: object, fine: bool) -> None:
    """Raise ValueError naming the argument, unless it is fine."""
    if not fine:
        raise ValueError(f"{name}={value!r} is out of range")


def validated_options(problem: Problem, features: str, frame_rate: float | None, until_nc: float) -> float:
    """The rate of the frame; raises ValueError for what cannot be trained."""
    if problem.frame != "learned":
        raise ValueError(f"frame={problem.frame!r} of the problem: 'learned' is needed, or gradient_flow")
    if features not in ("means", "full"):
        raise ValueError(f"features={features!r} is unknown{nearest(features, ('means', 'full'))}")
    rate = 1.0 / problem.n_samples if frame_rate is None else frame_rate
    require("frame_rate", frame_rate, bool(np.isfinite(rate)) and rate > 0)
    require("until_nc", until_nc, 0 < until_nc < 4)
    return rate


def starting_state(problem: Problem, start: Sequence[ArrayLike] | None, seed: int, features: str) -> State:
    """The given start or a random one, with the features that are wanted."""
    full = features == "full"
    return random_state(problem, seed, full=full) if start is None else validated_state(problem, start, full=full)


def finished(
    problem: Problem,
    times: Array,
    moments: list[Moment],
    final: State,
    trouble: Trouble | None,
    until_nc: float,
    stats: dict[str, object],
    began: float,
) -> LearnedTrajectory:
    """The answer, with a status."""
    status: Status = "collapsed" if moments[-1].nc.max() <= until_nc else "finished"
    if trouble is not None and (status != "collapsed" or trouble.status == "diverged"):
        status, stats["reason"] = trouble.status, trouble.reason
    stats |= {"until_nc": until_nc, "seconds": time.perf_counter() - began}
    return LearnedTrajectory(problem, times, stacked(moments), final, status, stats)
