"""Ends held against theory: minimisers, flows that have collapsed, and the geometry that both share."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ufm.certify.bounds import bound_checks
from ufm.certify.predict import predict
from ufm.certify.prediction import CosinePrediction, Prediction
from ufm.certify.report import Check
from ufm.certify.slow import definition_checks
from ufm.measure import metrics
from ufm.minimize.learned import CLOSED
from ufm.minimize.solution import Solution
from ufm.problems.frames import Array
from ufm.problems.kinds import CosineProblem
from ufm.problems.problem import Integers
from ufm.simulate.trajectory import Trajectory

COARSE = 1e-4
"""Largest NC at which features still say something of the angles they end in."""


ROUNDING = 1e-13
"""What sums of cosines, and norms, over the samples of a class may lose of their last digits."""


def angle_of(nc: float) -> float:
    """How far directions are from each other at an NC, or by rounding."""
    return max(float(np.sqrt(nc)), ROUNDING)


def solution_checks(solution: Solution, rng: np.random.Generator) -> Iterator[Check]:
    """Direction, norm, value, bound and geometry of a minimiser."""
    problem, frame = solution.problem, solution.frame
    predicted = predict(problem, lengths=frame.geometry.length)
    labels, features = np.arange(problem.n_classes), solution.class_features
    nc, reach = metrics.collapse(features, labels, frame), _reach(predicted)
    where = predicted.sources["feature_norm"]
    yield Check.compare("direction: NC of the minimiser", where, predicted.direction_nc, nc, absolute=reach)
    if not (isinstance(problem, CosineProblem) and problem.lam == 0.0):  # the norm is free then
        norms = np.linalg.norm(features, axis=1)
        yield predicted.check("feature_norm", "norm of the minimiser", norms, relative=1e-6)
    scale = max(1.0, abs(predicted.value))
    yield Check.compare("value", where, predicted.value, solution.value, absolute=CLOSED * scale)
    yield from bound_checks(solution, scale)
    some = np.sort(rng.choice(problem.n_classes, size=min(4, problem.n_classes), replace=False))
    yield from definition_checks(problem, frame, features[some], some, rng)
    angles = np.sqrt(reach)
    if problem.n_classes > 1:
        yield class_cosine_check(predicted, features, labels, np.maximum.outer(angles, angles))
    yield variability_check(predicted, metrics.variability(features, labels, frame), angles)


def _reach(predicted: Prediction[Any]) -> Array:
    r"""How close in NC a certified minimiser must be, (K,).

    Where the centers of a class coincide, or nearly so, the cosine loss is quartic, :math:`\beta f\, NC^2 / 4`: a value
    within 1e-9 of the minimum says no more than its root.
    """
    reach = np.full(predicted.problem.n_classes, 1e-10)
    if isinstance(predicted, CosinePrediction):
        root = np.sqrt(4.0 * CLOSED / (predicted.sizes * predicted.weights * predicted.counts))
        reach = np.where(4.0 * predicted.center_gap < root, root, reach)  # beta f (1 - c) NC is less than the quartic
    return reach


def class_cosine_check(predicted: Prediction[Any], features: Array, labels: Integers, tolerance: ArrayLike) -> Check:
    """Orthogonal class means, of two classes at least; the tolerance is one number, or one a pair, (K, K)."""
    gram = metrics.gram(metrics.class_means(features, labels))
    off = ~np.eye(len(gram), dtype=bool)
    allowed = np.broadcast_to(tolerance, gram.shape)[off]
    return predicted.check("class_cosine", "cosine between class means", gram[off], absolute=allowed)


def variability_check(predicted: Prediction[Any], measured: Array, tolerance: ArrayLike) -> Check:
    """Variability of each class (K,), which is 1 - cos rho once features have collapsed."""
    return predicted.check("variability", "variability = 1 - cos rho", measured, absolute=tolerance)


def ended(t: Trajectory, notes: list[str]) -> bool:
    """Whether the end of a trajectory is one that theory speaks of."""
    if t.status in ("finished", "stopped"):
        notes.append(f"what collapse ends in: the run ended before, with a largest NC of {t.nc_max:.2g}")
    elif float(t.stats["until_nc"]) > COARSE:
        notes.append(f"what collapse ends in: until_nc={t.stats['until_nc']:g} is too coarse to tell")
    else:
        return True
    return False


def end_checks(t: Trajectory, predicted: Prediction[Any], notes: list[str]) -> Iterator[Check]:
    """Direction and angles at the end of every flow that collapses."""
    threshold = float(t.stats["until_nc"])
    tolerance = 3.0 * angle_of(threshold)  # of a cosine
    nc = t.class_values("nc_max")[-1]
    yield predicted.check("direction_nc", "direction: largest NC at the end", nc, absolute=threshold)
    yield variability_check(predicted, t.class_values("variability")[-1], tolerance)
    if t.final is None:
        notes.append("cosines between class means: the features were not kept (keep='final')")
    elif t.problem.n_classes > 1:
        yield class_cosine_check(predicted, t.final, t.problem.labels, tolerance)


def energy_check(t: Trajectory) -> Check:
    """The objective falls along every flow (not along every descent: momentum overshoots)."""
    rise = float(np.diff(t.value).max(initial=0.0)) / max(abs(float(t.value[0])), np.finfo(float).tiny)
    return Check.compare("largest rise of the objective", "gradient flow", 0.0, max(rise, 0.0), absolute=1e-12)
