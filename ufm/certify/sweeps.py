"""What theory says about a cell of a sweep before it is run: from the problem and the kind of start alone."""

import numpy as np
from numpy.typing import ArrayLike

from theory import decision
from theory.multicenter import flows
from ufm.problems.frames import Array
from ufm.problems.problem import Problem
from ufm.problems.start import Start


def typical(problem: Problem, start: Start) -> tuple[float, float, Array]:
    r"""Norm, 4 - NC and tilt y/z (one per class) of a typical start.

    Isotropic directions in d dimensions are orthogonal to the mean center (NC = 2), and split between the f - 1
    differences of centers and the other d - f directions as the numbers of these.
    """
    dim = int(problem.dim or 0)
    norm = start.scale * (np.sqrt(dim) if start.kind == "gaussian" else 1.0)
    opposite = 2.0
    if start.kind == "antipode":  # cos = -1 / sqrt(1 + offset^2), without the cancellation in 2 + 2 cos
        length = np.hypot(1.0, start.offset)
        opposite = 2.0 * start.offset**2 / (length * (length + 1.0))
    counts = np.asarray(problem.centers)
    return float(norm), float(opposite), np.sqrt((counts - 1.0) / (dim - counts))


def predicted_time(problem: Problem, start: Start, nc: float) -> Array:
    """Flow time in which a typical sample of each class collapses to ``nc``, (K,)."""
    norm, opposite, tilt = typical(problem, start)
    found = np.zeros(problem.n_classes)
    known: dict[tuple[int, float], float] = {}
    for k, (f, beta) in enumerate(zip(problem.centers, problem.weights.tolist(), strict=True)):
        if (f, beta) not in known:
            known[f, beta] = flows.time_to_nc(
                nc,
                max(4.0 - opposite, nc),
                norm,
                f,
                problem.theta,
                beta,
                float(problem.lam or 0.0),
                tilt=float(tilt[k]),
                opposite=opposite,
            )
        found[k] = known[f, beta]
    return found


def predicted_rate(problem: Problem, start: Start) -> Array:
    """Rate of exponential collapse in flow time, (K,): norms go to 1, or stay what they are for ``lam = 0``."""
    rate = flows.nc_rate(problem.centers, problem.theta, problem.weights)
    return rate if problem.lam else rate / typical(problem, start)[0] ** 2


def predicted_gain(problem: Problem, shares: ArrayLike) -> float:
    """What GCR gains if all centers are orthonormal: proposition 3.1."""
    return decision.gcr_accuracy(problem.centers, shares) - 1.0 / problem.n_classes


def predicted_choice_gain(problem: Problem, shares: ArrayLike) -> float:
    """What GCR gains with the problem's own frame."""
    return float(decision.frame_choice(problem.centers, problem.theta) @ np.asarray(shares)) - 1.0 / problem.n_classes
