"""Minimisers held against theory, and the geometry that every collapsed feature shares."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from theory import geometry, minimizers
from ufm import metrics
from ufm.frames import Array, Frame, dense
from ufm.losses import loss_of
from ufm.phase import PhaseDiagram
from ufm.problem import Integers, Problem
from ufm.report import Check
from ufm.solve import Solution


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


def learned_arguments(problem: Problem) -> dict[str, Any]:
    """Arguments of the ``learned_*`` functions of :mod:`theory.minimizers`, class by class."""
    return {
        "f": np.asarray(problem.centers),
        "theta": problem.theta,
        "n": np.asarray(problem.class_sizes),
        "total": problem.total,
        "lam_h": float(problem.lam_h or 0.0),
        "lam_w": float(problem.lam_w or 0.0),
    }


def predicted_square_norms(problem: Problem) -> Array:
    """Predicted :math:`|w_k|^2` of P with a learned frame, (K,); 0 for classes that die."""
    return minimizers.learned_square_norm(**learned_arguments(problem))


def predicted_living(problem: Problem) -> Array:
    """By what factor each class clears its threshold, (K,): above 1 it lives."""
    own = learned_arguments(problem)
    threshold = minimizers.alive_threshold(own["f"], own["n"], own["total"], own["lam_h"], own["lam_w"])
    return geometry.center_cosine(own["f"], own["theta"]) / threshold


def _natural_size(problem: Problem) -> Array:
    r"""What :math:`|w_k|^2` would be without its threshold, :math:`\sqrt{n_k \lambda_H / \lambda_W} / c_k`, (K,)."""
    own = learned_arguments(problem)
    return np.sqrt(own["n"] * own["lam_h"] / own["lam_w"]) / geometry.center_cosine(own["f"], own["theta"])


UNDECIDED = 1e-4
"""Relative distance from its threshold within which a class has an output too small to tell whether it lives."""


def learned_checks(solution: Solution) -> Iterator[Check]:
    """Theorems 3.3 and 3.4, corrected, for P with a learned frame: value, norms, thresholds and geometry."""
    problem, source = solution.problem, "theorems 3.3, 3.4, theory.minimizers"
    own, living = learned_arguments(problem), np.flatnonzero(solution.living)
    least = float(minimizers.learned_minimum(**own).sum())
    yield Check.compare("value: P - phi(u*)", source, least, solution.value, absolute=1e-12 * max(1.0, abs(least)))
    yield Check.compare("gap to the dual bound", "duality, ufm.duality", 0.0, solution.gap, absolute=1e-9)
    factor = predicted_living(problem)
    clear = np.abs(factor - 1.0) > UNDECIDED
    yield Check.compare(
        "living classes", "theory.minimizers.alive_threshold", factor[clear] > 1, solution.living[clear]
    )
    square, size = predicted_square_norms(problem), _natural_size(problem)
    yield Check.compare("|w_k|^2", source, square, solution.norms**2, absolute=1e-8 * size, relative=1e-8)
    norm = minimizers.learned_feature_norm(**own)
    found = np.linalg.norm(solution.class_features, axis=1)
    length = np.sqrt(own["lam_w"] * size / (own["n"] * own["lam_h"]))
    yield Check.compare("|h_k|", source, norm, found, absolute=1e-5 * length, relative=1e-7)
    if living.size:
        yield from _living_geometry(solution, living)


def phase_checks(diagram: PhaseDiagram) -> Iterator[Check]:
    """Thresholds and norms at every point of a phase diagram, and its certificates."""
    problems = [problem for row in diagram.problems for problem in row]
    shape = diagram.living.shape
    factor = np.array([predicted_living(problem) for problem in problems]).reshape(shape)
    clear = np.abs(factor - 1.0) > UNDECIDED
    alive = "theory.minimizers.alive_threshold"
    yield Check.compare(
        "classes that live or die against theory", alive, 0, np.sum(((factor > 1) != diagram.living)[clear])
    )
    square = np.array([predicted_square_norms(problem) for problem in problems]).reshape(shape)
    size = np.array([_natural_size(problem) for problem in problems]).reshape(shape)
    source = "theory.minimizers.learned_square_norm"
    yield Check.compare("|w_k|^2", source, square, diagram.square_norms, absolute=1e-7 * size)
    yield Check.compare("points without a certificate", "duality, ufm.duality", 0, np.sum(~diagram.optimal))


def _living_geometry(solution: Solution, living: Integers) -> Iterator[Check]:
    """Frame and features of the classes that live."""
    frame = solution.frame.pick(living.tolist())
    few = replace(
        solution.problem,
        class_sizes=tuple(solution.problem.class_sizes[k] for k in living),
        centers=frame.counts,
    )
    rows = np.concatenate([dense(frame.auxiliary), dense(frame.classifier)])
    cosines = metrics.gram(rows) - np.eye(len(rows))
    yield Check.compare("frame: cosines between its rows", "definition 3.2", 0.0, cosines, absolute=1e-10)
    labels = np.arange(living.size)
    nc = metrics.collapse(solution.class_features[living], labels, frame)
    yield Check.compare("direction: NC of the class means", "theorem 3.4", 0.0, nc, absolute=1e-10)
    if solution.samples is not None:
        kept = np.isin(solution.problem.labels, living)
        nc = metrics.collapse(solution.samples[kept], np.searchsorted(living, solution.problem.labels[kept]), frame)
        yield Check.compare("direction: NC of every sample", "theorem 3.4", 0.0, nc, absolute=1e-8)
    yield from geometry_checks(solution.class_features[living], labels, frame, few, 1e-5)


def solution_checks(solution: Solution) -> Iterator[Check]:
    """Direction, norm, value, bound and geometry of a minimiser."""
    problem, frame = solution.problem, solution.frame
    labels = np.arange(problem.n_classes)
    nc = metrics.collapse(solution.class_features, labels, frame)
    where = "theorem of theory.minimizers" if problem.loss == "cosine" else "corollary 3.7"
    yield Check.compare("direction: NC of the minimiser", where, 0.0, nc, absolute=1e-10)
    if problem.loss == "mse" or problem.lam:
        norms = np.linalg.norm(solution.class_features, axis=1)
        yield Check.compare("norm of the minimiser", where, predicted_norm(problem, frame), norms, relative=1e-6)
    sizes = np.asarray(problem.class_sizes)
    constant = loss_of(problem, frame).constant
    value = float(sizes @ predicted_minimum(problem, frame)) + constant
    scale = max(1.0, abs(value))
    yield Check.compare("value", where, value, solution.value, absolute=1e-9 * scale)
    yield Check.compare("gap to the dual bound", "duality, ufm.solve", 0.0, solution.gap, absolute=1e-9 * scale)
    yield from geometry_checks(solution.class_features, labels, frame, problem, 1e-5)


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
        "variability = 1 - cos rho", "definition 3.2, theory.geometry", predicted, measured, absolute=tolerance
    )
