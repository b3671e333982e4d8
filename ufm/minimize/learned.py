"""Minimisers of a problem with a learned frame: a Riemannian trust region, or variable projection."""

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
from ufm.problems.kinds import LearnedMSEProblem
from ufm.problems.objective import objective_at
from ufm.problems.problem import MultiCenterProblem
from ufm.problems.state import State, class_bounds, class_features, frame_of, random_state, to_span, validated_state

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
    if start is None:
        state = _balanced(problem, random_state(problem, seed, full=full))
    else:
        state = validated_state(problem, start, full=full)
    ending: Ending[Any]
    with one_thread(state.rows.size):
        if chosen == "projected" and isinstance(problem, LearnedMSEProblem):
            ending = minimize_locally(ProjectedLocal(Regression(problem, state.rows), state.norms), progress=progress)
            state = ending.local.state(state.rows)
            last = LearnedLocal(objective_at(problem, state), state)
        else:
            inside, basis = to_span(state)
            ending = minimize_locally(LearnedLocal(objective_at(problem, inside), inside), progress=progress)
            last = ending.local
            state = last.state.times(basis)
    frame, features = frame_of(problem, state), class_features(problem, state)
    certificate = certify_bound(problem, frame, features)
    slope = float(np.linalg.norm(last.gradient))
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
    elif last.value - certificate.bound > _closed(problem, last.value, certificate.bound):
        status, stats["reason"] = "inexact", "the gradient is 0 at a point that is no minimum: begin from another start"
    return Solution(problem, frame, features, last.value, certificate, status, stats, state.features if full else None)


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
