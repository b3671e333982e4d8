"""Minimisers of a problem with a learned frame: a Riemannian trust region, or variable projection."""

import math
import time
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ufm.files.blas import one_thread
from ufm.files.text import suggestion
from ufm.minimize.certificate import certify_bound
from ufm.minimize.local import LearnedLocal
from ufm.minimize.projection import ProjectedLocal, Regression
from ufm.minimize.solution import Solution
from ufm.minimize.trust_region import SLOPE, Ending, minimize_locally
from ufm.minimize.turned import TurnedLocal
from ufm.problems import stiefel
from ufm.problems.kinds import LearnedMSEProblem
from ufm.problems.objective import objective_at
from ufm.problems.problem import MultiCenterProblem
from ufm.problems.state import (
    State,
    class_bounds,
    class_features,
    coordinate_state,
    frame_of,
    random_state,
    to_span,
    validated_state,
)

LearnedMethod = Literal["auto", "means", "full", "projected"]
CLOSED = 1e-9
"""Gap, relative to the value or to 1, below which a solution counts as optimal; of P, to what there is to gain."""

ROUNDING = 1e-12
"""Gap that is allowed in any case: what is left of the value of P where the gradient is 0 within its tolerance."""

NAMES = ("auto", "means", "full", "projected")


def minimize_learned(
    problem: MultiCenterProblem, method: LearnedMethod, start: Sequence[ArrayLike] | None, seed: int, progress: bool
) -> Solution:
    """See :func:`ufm.minimize`."""
    began = time.perf_counter()
    chosen = _resolve(problem, method)
    full = chosen == "full"
    if start is None and chosen == "projected":  # to which frames that differ by a rotation are the same
        state = _balanced(problem, coordinate_state(problem))
    elif start is None:
        state = _balanced(problem, random_state(problem, seed, full=full))
    else:
        state = validated_state(problem, start, full=full)
    ending: Ending[Any]
    with one_thread(state.rows.size):
        if isinstance(problem, LearnedMSEProblem):
            ending = _without_rotations(problem, chosen, state, progress)
            state = ending.local.state(state.rows)
            value, slope = _value_and_slope(problem, state)
        else:
            inside, basis = to_span(state)
            ending = minimize_locally(LearnedLocal(objective_at(problem, inside), inside), progress=progress)
            value, slope = ending.local.value, float(np.linalg.norm(ending.local.gradient))
            state = ending.local.state.times(basis)
    frame, features = frame_of(problem, state), class_features(problem, state)
    certificate = certify_bound(problem, frame, features)
    stats = {
        "method": chosen,
        "seconds": time.perf_counter() - began,
        "iterations": ending.iterations,
        "products": ending.products,
        "slope": slope,
        "decrement": ending.decrement,
        "reason": ending.reason,
        "seed": seed,
    }
    status: Literal["optimal", "inexact", "stopped"] = "optimal"
    if ending.status == "stopped":
        status = "stopped"
    elif slope > SLOPE:
        status, stats["reason"] = "stopped", f"a gradient of {slope:.2g} is left: go on from here with method='means'"
    elif value - certificate.bound > _closed(problem, value, certificate.bound):
        status, stats["reason"] = "inexact", "the gradient is 0 at a point that is no minimum: begin from another start"
    return Solution(problem, frame, features, value, certificate, status, stats, state.features if full else None)


def _without_rotations(problem: LearnedMSEProblem, method: str, state: State, progress: bool) -> Ending[Any]:
    """Where P ends, which is the same for all rows: as a function of the norms, or of norms and features."""
    if method == "projected":
        return minimize_locally(ProjectedLocal(Regression(problem), state.norms), progress=progress)
    objective = objective_at(problem, state)
    return minimize_locally(TurnedLocal(objective, state.norms, state.rows @ state.features.T), progress=progress)


def _value_and_slope(problem: MultiCenterProblem, state: State) -> tuple[float, float]:
    """The objective itself and the length of its Riemannian gradient, at rows that may be sparse."""
    value, euclidean = objective_at(problem, state).value_and_gradient(state)
    turn = stiefel.length(stiefel.tangent(state.rows, stiefel.slim(euclidean.rows)))
    others = float(np.linalg.norm(euclidean.norms)), float(np.linalg.norm(euclidean.features))
    return value, math.hypot(turn, *others)


def _closed(problem: MultiCenterProblem, value: float, bound: float) -> float:
    """The gap that counts as closed. P is 1/2 where all classes are dead, and a class may live for very little."""
    if isinstance(problem, LearnedMSEProblem):
        return ROUNDING + CLOSED * max(0.0, 0.5 - bound)
    return CLOSED * max(1.0, abs(value))


def _balanced(problem: MultiCenterProblem, state: State) -> State:
    r"""For P, the same outputs at norms for which both penalties are equal, :math:`\lambda_W s^2 = n \lambda_H |h|^2`.

    They are at every critical point. Where the weights are of very different size, the way there is a long valley.
    """
    if not isinstance(problem, LearnedMSEProblem):
        return state
    scale = (np.asarray(problem.class_sizes) * problem.lam_h / problem.lam_w) ** 0.25
    rows = np.repeat(scale, np.diff(class_bounds(problem, state)))[:, None]
    return state._replace(norms=state.norms * scale, features=state.features / rows)


def _resolve(problem: MultiCenterProblem, method: str) -> str:
    if method not in NAMES:
        raise ValueError(f"method={method!r} is unknown{suggestion(method, NAMES)}")
    mse = isinstance(problem, LearnedMSEProblem)
    if method == "projected" and not mse:
        raise ValueError("method='projected' eliminates features by ridge regression: it is for loss='mse'")
    if method == "auto":
        return "projected" if mse else "means"
    return method
