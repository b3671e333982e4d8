"""Minimisers held against theory, and the geometry that every collapsed feature shares."""

from collections.abc import Iterator

import numpy as np

from theory.multicenter import geometry
from theory.multicenter import minimum as minimizers
from ufm.certify.report import Check
from ufm.measure import metrics
from ufm.minimize.solve import Solution
from ufm.problems.frames import Array, Frame
from ufm.problems.losses import loss_of
from ufm.problems.problem import Integers, Problem


def predicted_minimum(problem: Problem, frame: Frame) -> Array:
    """Predicted smallest loss of one feature of each class, (K,)."""
    if problem.loss == "cosine":
        return minimizers.cosine_minimum(problem.centers, problem.theta, problem.weights)
    return minimizers.mse_minimum(
        problem.centers, problem.theta, problem.total, float(problem.lam_h or 0.0), frame.geometry.length
    )


def predicted_norm(problem: Problem, frame: Frame) -> Array:
    """Predicted norm of the minimiser of each class, (K,)."""
    if problem.loss == "cosine":
        return np.ones(problem.n_classes)
    return minimizers.mse_feature_norm(
        problem.centers, problem.theta, problem.total, float(problem.lam_h or 0.0), frame.geometry.length
    )


def solution_checks(solution: Solution) -> Iterator[Check]:
    """Direction, norm, value, bound and geometry of a minimiser."""
    problem, frame = solution.problem, solution.frame
    labels = np.arange(problem.n_classes)
    nc = metrics.collapse(solution.class_features, labels, frame)
    where = "theorem of theory.multicenter.minimum" if problem.loss == "cosine" else "corollary 3.7"
    reach = _reach(problem)
    yield Check.compare("direction: NC of the minimiser", where, 0.0, nc, absolute=reach)
    if problem.loss == "mse" or problem.lam:
        norms = np.linalg.norm(solution.class_features, axis=1)
        yield Check.compare("norm of the minimiser", where, predicted_norm(problem, frame), norms, relative=1e-6)
    sizes = np.asarray(problem.class_sizes)
    constant = loss_of(problem, frame).constant
    value = float(sizes @ predicted_minimum(problem, frame)) + constant
    scale = max(1.0, abs(value))
    yield Check.compare("value", where, value, solution.value, absolute=1e-9 * scale)
    yield Check.compare(
        "gap to the dual bound", "duality, ufm.minimize.solve", 0.0, solution.gap, absolute=1e-9 * scale
    )
    yield from geometry_checks(solution.class_features, labels, frame, problem, float(np.sqrt(reach.max())))


def _reach(problem: Problem) -> Array:
    r"""How close in NC a certified minimiser must be, (K,).

    Where the centers of a class coincide the cosine loss is quartic, :math:`\beta f\, NC^2 / 4`: a value within 1e-9 of
    the minimum says no more than its root.
    """
    reach = np.full(problem.n_classes, 1e-10)
    if problem.loss == "cosine":
        quartic = geometry.center_gap(problem.centers, problem.theta) == 0.0
        stiffness = np.asarray(problem.class_sizes) * problem.weights * np.asarray(problem.centers)
        reach = np.where(quartic, np.sqrt(4e-9 / stiffness), reach)
    return reach


def geometry_checks(
    features: Array, labels: Integers, frame: Frame, problem: Problem, tolerance: float
) -> Iterator[Check]:
    """Orthogonal class means, and their angle to the classifier, within ``tolerance`` of a cosine."""
    means = metrics.class_means(features, labels)
    gram = metrics.gram(means)
    if len(gram) > 1:
        off = gram[~np.eye(len(gram), dtype=bool)]
        yield Check.compare("cosine between class means", "Thm 3.3, NCMC", 0.0, off, absolute=tolerance)
    variability = metrics.variability(features, labels, frame)
    yield variability_check(variability, problem, tolerance)


def variability_check(measured: Array, problem: Problem, tolerance: float) -> Check:
    """Variability of each class (K,), which is 1 - cos rho once features have collapsed."""
    predicted = 1.0 - geometry.classifier_cosine(problem.centers, problem.theta)
    return Check.compare(
        "variability = 1 - cos rho",
        "definition 3.2, theory.multicenter.geometry",
        predicted,
        measured,
        absolute=tolerance,
    )
