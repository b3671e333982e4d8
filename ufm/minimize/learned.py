"""Minimisers of a problem with a learned frame: a Riemannian trust region, or variable projection."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from ufm.files.blas import one_thread
from ufm.files.text import suggestion
from ufm.minimize.certificate import certify_bound
from ufm.minimize.local import LearnedLocal
from ufm.minimize.projection import Kinds, ProjectedLocal, Regression
from ufm.minimize.solution import Solution
from ufm.minimize.trust_region import SLOPE, Ending, minimize_locally
from ufm.minimize.turned import TurnedLocal
from ufm.problems import stiefel
from ufm.problems.frames import Array, dense
from ufm.problems.kinds import LearnedMSEProblem
from ufm.problems.objective import Objective, objective_at
from ufm.problems.problem import LEFT_OUT, MultiCenterProblem
from ufm.problems.state import (
    State,
    class_bounds,
    class_features,
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
    given = None if start is None else validated_state(problem, start, full=chosen == "full")
    ending: Ending[Any]
    with one_thread(0 if given is None else given.rows.size):
        if chosen == "projected" and isinstance(problem, LearnedMSEProblem):
            ending, state, value, slope = _projected(problem, given, progress)
        else:
            state = random_state(problem, seed, full=chosen == "full") if given is None else given
            ending, state, value, slope = _followed(problem, state, progress)
    samples = state.features if chosen == "full" else None
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
    return Solution(problem, frame, features, value, certificate, status, stats, samples)


Found = tuple[Ending[Any], State, float, float]
"""How an iteration ended, the state there, the objective, and the length of its Riemannian gradient."""


def _followed(problem: MultiCenterProblem, state: State, progress: bool) -> Found:
    """Frame and features together; of P without rotations, which it does not see."""
    if isinstance(problem, LearnedMSEProblem):
        state = _balanced(problem, state)
        local = TurnedLocal(objective_at(problem, state), state.norms, state.rows @ state.features.T)
        turned = minimize_locally(local, progress=progress)
        state = turned.local.state(state.rows)
        return turned, state, *_value_and_slope(objective_at(problem, state), state)
    inside, basis = to_span(state)
    ending = minimize_locally(LearnedLocal(objective_at(problem, inside), inside), progress=progress)
    slope = float(np.linalg.norm(ending.local.gradient))
    return ending, ending.local.state.times(basis), ending.local.value, slope


BLOCK = 16
"""Kinds of classes that are looked at together: a matrix of all of them would be mostly 0."""


def _projected(problem: LearnedMSEProblem, given: State | None, progress: bool) -> Found:
    """P as a function of the norms. Where it ends is the same for all rows: coordinate vectors, if none are given.

    Value and slope are of P itself, kind by kind. That is exact: features lie in the rows of their own class, of which
    the centers of all others know nothing, so P is a sum over classes, its gradient is that of each of them, and equal
    classes at equal points have equal numbers.
    """
    m, norms = problem.n_centers + problem.n_classes, np.ones(problem.n_classes)
    rows, norms = (sparse.eye_array(m, problem.dim, format="csr"), norms) if given is None else given[:2]
    norms = norms * _balance(problem)
    kinds = Kinds.of(problem, norms)
    copies, first = kinds.copies, kinds.first
    local = ProjectedLocal(Regression(problem, kinds), np.sqrt(copies) * norms[first])
    ending = minimize_locally(local, progress=progress)
    every_size, every_count = np.asarray(problem.class_sizes), np.asarray(problem.centers)
    value, square = 0.0, 0.0
    order = np.argsort(copies, kind="stable")
    for alike in np.split(order, np.flatnonzero(np.diff(copies[order])) + 1):
        for begin in range(0, alike.size, BLOCK):
            some = alike[begin : begin + BLOCK]
            sizes, centers = (each[first[some]].tolist() for each in (every_size, every_count))
            few = replace(problem, class_sizes=sizes, centers=centers, dim=LEFT_OUT)
            state = ending.local.state(few, some, sparse.eye_array(few.dim, format="csr"))
            state = state._replace(features=dense(state.features))
            objective = objective_at(few, state)
            objective.total = problem.total  # they are classes of the whole problem
            own_value, own_slope = _value_and_slope(objective, state)
            value += float(copies[some[0]]) * own_value
            square += float(copies[some[0]]) * own_slope**2
    return ending, ending.local.state(problem, kinds.kind, rows), value, math.sqrt(square)


def _value_and_slope(objective: Objective, state: State) -> tuple[float, float]:
    """The objective itself and the length of its Riemannian gradient."""
    value, euclidean = objective.value_and_gradient(state)
    turn = stiefel.length(stiefel.tangent(state.rows, stiefel.slim(euclidean.rows)))
    others = float(np.linalg.norm(euclidean.norms)), float(np.linalg.norm(euclidean.features))
    return value, math.hypot(turn, *others)


def _closed(problem: MultiCenterProblem, value: float, bound: float) -> float:
    """The gap that counts as closed. P is 1/2 where all classes are dead, and a class may live for very little."""
    if isinstance(problem, LearnedMSEProblem):
        return ROUNDING + CLOSED * max(0.0, 0.5 - bound)
    return CLOSED * max(1.0, abs(value))


def _balance(problem: LearnedMSEProblem) -> Array:
    r"""By what norms of 1 are multiplied for both penalties to be equal, :math:`\lambda_W s^2 = n \lambda_H |h|^2`.

    They are at every critical point. Where the weights are of very different size, the way there is a long valley.
    """
    scale: Array = (np.asarray(problem.class_sizes) * problem.lam_h / problem.lam_w) ** 0.25
    return scale


def _balanced(problem: LearnedMSEProblem, state: State) -> State:
    """The same outputs at such norms."""
    scale = _balance(problem)
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
