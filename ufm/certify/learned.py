"""Learned frames held against theory: minimisers, trainings, and phase diagrams (theorems 3.3 and 3.4, corrected)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from theory.multicenter import geometry
from theory.multicenter import minimum as minimizers
from ufm.certify.minima import geometry_checks, variability_check
from ufm.certify.report import Check
from ufm.measure import metrics
from ufm.minimize.phase import PhaseDiagram
from ufm.minimize.solve import Solution
from ufm.problems.frames import Array, dense
from ufm.problems.problem import Integers, Problem
from ufm.simulate.learned_trajectory import LearnedTrajectory


def learned_arguments(problem: Problem) -> dict[str, Any]:
    """Arguments of the ``learned_*`` functions of :mod:`theory.multicenter.minimum`, class by class."""
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
    problem, source = solution.problem, "theorems 3.3, 3.4, theory.multicenter.minimum"
    own, living = learned_arguments(problem), np.flatnonzero(solution.living)
    least = float(minimizers.learned_minimum(**own).sum())
    yield Check.compare("value: P - phi(u*)", source, least, solution.value, absolute=1e-12 * max(1.0, abs(least)))
    yield Check.compare("gap to the dual bound", "duality, ufm.minimize.duality", 0.0, solution.gap, absolute=1e-9)
    factor = predicted_living(problem)
    clear = np.abs(factor - 1.0) > UNDECIDED
    yield Check.compare(
        "living classes",
        "theory.multicenter.minimum.alive_threshold",
        np.sum(factor[clear] > 1),
        np.sum(solution.living[clear]),
    )
    square, size = predicted_square_norms(problem), _natural_size(problem)
    yield Check.compare("|w_k|^2", source, square, solution.norms**2, absolute=1e-8 * size, relative=1e-8)
    norm = minimizers.learned_feature_norm(**own)
    found = np.linalg.norm(solution.class_features, axis=1)
    length = np.sqrt(own["lam_w"] * size / (own["n"] * own["lam_h"]))
    yield Check.compare("|h_k|", source, norm, found, absolute=1e-5 * length, relative=1e-7)
    if living.size:
        yield from _living_geometry(solution, living)


def learned_flow_checks(t: LearnedTrajectory, notes: list[str]) -> Iterator[Check]:
    """A flow or descent of frame, norms and features together: on the manifold, downhill, and to the predicted end."""
    problem = t.problem
    yield Check.compare("drift off the manifold", "ufm.problems.stiefel", 0.0, t.curves["defect"], absolute=1e-12)
    if problem.loss == "cosine":
        sizes = np.asarray(problem.class_sizes)
        least = float(sizes @ minimizers.cosine_minimum(problem.centers, problem.theta, problem.weights))
        source = "theory.multicenter.minimum.cosine_minimum"
    else:
        least = float(minimizers.learned_minimum(**learned_arguments(problem)).sum())
        source = "theory.multicenter.minimum.learned_minimum"
    scale = max(1.0, abs(least))
    short = min(0.0, float(t.value.min()) - least)
    yield Check.compare("value below the minimum", source, 0.0, short, absolute=1e-12 * scale)
    if t.stats["method"] == "flow":
        rise = max(0.0, float(np.diff(t.value).max(initial=0.0))) / max(abs(float(t.value[0])), np.finfo(float).tiny)
        yield Check.compare("largest rise of the objective", "gradient flow", 0.0, rise, absolute=1e-12)
    if float(t.value[-1]) - least > 1e-9 * scale:
        notes.append(f"what training ends in: it is {float(t.value[-1]) - least:.2g} above the minimum")
        return
    yield Check.compare("value at the end", source, least, t.value[-1], absolute=1e-9 * scale)
    if problem.loss == "cosine":
        yield Check.compare("direction: largest NC at the end", "NCMC", 0.0, t.curves["nc"][-1], absolute=1e-6)
        yield variability_check(t.curves["variability"][-1], problem, 3e-3)  # of directions 1e-3 apart
        return
    # a value within 1e-9 of a quadratic minimum: norms within its root
    square, size = predicted_square_norms(problem), _natural_size(problem)
    yield Check.compare("|w_k|^2", source, square, t.curves["norm"][-1] ** 2, absolute=1e-3 * size)


def phase_checks(diagram: PhaseDiagram) -> Iterator[Check]:
    """Thresholds and norms at every point of a phase diagram, and its certificates."""
    problems = [problem for row in diagram.problems for problem in row]
    shape = diagram.living.shape
    factor = np.array([predicted_living(problem) for problem in problems]).reshape(shape)
    clear = np.abs(factor - 1.0) > UNDECIDED
    alive = "theory.multicenter.minimum.alive_threshold"
    yield Check.compare(
        "classes that live or die against theory", alive, 0, np.sum(((factor > 1) != diagram.living)[clear])
    )
    square = np.array([predicted_square_norms(problem) for problem in problems]).reshape(shape)
    size = np.array([_natural_size(problem) for problem in problems]).reshape(shape)
    source = "theory.multicenter.minimum.learned_square_norm"
    yield Check.compare("|w_k|^2", source, square, diagram.square_norms, absolute=1e-7 * size)
    yield Check.compare("points without a certificate", "duality, ufm.minimize.duality", 0, np.sum(~diagram.optimal))


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
