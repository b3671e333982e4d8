"""Learned frames held against theory: minimisers, trainings, and phase diagrams (theorems 3.3 and 3.4, corrected)."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufm.certify.bounds import bound_checks
from ufm.certify.ends import class_cosine_check, energy_check, variability_check
from ufm.certify.predict import predict
from ufm.certify.prediction import CosinePrediction, LearnedMSEPrediction, Prediction
from ufm.certify.report import Check
from ufm.certify.slow import SUBSET, definition_checks
from ufm.measure import metrics
from ufm.minimize.phase import PhaseDiagram
from ufm.minimize.solution import Solution
from ufm.minimize.trust_region import SLOPE
from ufm.problems.frames import Array, Frame, dense
from ufm.problems.kinds import Learned, LearnedMSEProblem
from ufm.problems.problem import Integers
from ufm.problems.state import State, class_bounds
from ufm.simulate.trajectory import Trajectory

UNDECIDED = 1e-4
"""Relative distance from its threshold within which a class has an output too small to tell whether it lives."""


def learned_checks(problem: LearnedMSEProblem, solution: Solution, rng: np.random.Generator) -> Iterator[Check]:
    """Theorems 3.3 and 3.4, corrected, for P with a learned frame: value, norms, thresholds and geometry."""
    predicted, living = predict(problem), np.flatnonzero(solution.living)
    scale = max(1.0, abs(predicted.value))
    yield predicted.check("value", "value: P - phi(u*)", solution.value, absolute=1e-12 * scale)
    yield from bound_checks(solution)
    yield _living_check(predicted.clearance, solution.living)
    size, length = predicted.natural_square_norm, predicted.natural_feature_norm
    blur, haze = _flatness(predicted.clearance, SLOPE / (problem.lam_w * np.sqrt(size)))
    yield predicted.check("square_norm", "|w_k|^2", solution.norms**2, absolute=blur * size, relative=1e-8)
    norms = np.linalg.norm(solution.class_features, axis=1)
    yield predicted.check("feature_norm", "|h_k|", norms, absolute=haze * length)
    if living.size:
        yield from _living_geometry(solution, predicted, living)
        some = np.sort(rng.choice(living, size=min(SUBSET, living.size), replace=False))
        yield from definition_checks(problem, solution.frame, solution.class_features[some], some, rng)


def _living_check(clearance: Array, living: NDArray[np.bool_]) -> Check:
    """Which classes live, of those that are not too close to their threshold to tell."""
    wrong = ((clearance > 1.0) != living) & (np.abs(clearance - 1.0) > UNDECIDED)
    name, source = "classes that live or die against theory", LearnedMSEPrediction.sources["living"]
    return Check.compare(name, source, 0, np.sum(wrong))


def _flatness(clearance: Array, slope: Array) -> tuple[Array, Array]:
    r"""How well squared norms and norms are known, in units of their natural sizes: badly next to a threshold.

    In :math:`s = |w|`, in that unit, P is :math:`-\delta s^2 + s^4 / 2` up to a factor, :math:`\delta` the distance
    from the threshold. A slope of :math:`\epsilon`, 1e-9 or what the solver may leave in that unit, is worth
    :math:`\Delta s = \epsilon / (4 \delta)`, at most :math:`(\epsilon / 2)^{1/3}`, and :math:`\Delta s^2` is
    :math:`2 s \Delta s` with :math:`s = \sqrt\delta`, at most 1.
    """
    delta, slope = np.maximum(np.abs(clearance - 1.0), 1e-300), np.maximum(1e-9, slope)
    by_norm = np.minimum(slope / (4.0 * np.minimum(delta, 1.0)), (0.5 * slope) ** (1.0 / 3.0))
    by_square = np.maximum(2.0 * np.sqrt(np.minimum(delta, 1.0)) * by_norm, by_norm**2)
    return np.maximum(1e-8, by_square), np.maximum(1e-5, by_norm)


def learned_flow_checks(problem: Learned, t: Trajectory, rng: np.random.Generator, notes: list[str]) -> Iterator[Check]:
    """A flow or descent of frame, norms and features together: on the manifold, downhill, and to the predicted end."""
    predicted: CosinePrediction | LearnedMSEPrediction = predict(problem)
    moving = t.curves.frame
    yield Check.compare("drift off the manifold", "ufm.problems.stiefel", 0.0, moving["defect"], absolute=1e-12)
    scale, short = max(1.0, abs(predicted.value)), min(0.0, float(t.value.min()) - predicted.value)
    yield Check.compare("value below the minimum", predicted.sources["value"], 0.0, short, absolute=1e-12 * scale)
    if "step_size" not in t.stats:
        yield energy_check(t)
    if t.state is not None:
        yield from _definition(problem, t.frame, t.state, rng)
    above = float(t.value[-1]) - predicted.value
    if not above <= 1e-9 * scale:
        notes.append(f"what training ends in: it is {above:.2g} above the minimum")
        return
    if isinstance(predicted, LearnedMSEPrediction):
        # a value within 1e-9 of a quadratic minimum: norms within its root
        square, size = moving["norm"][-1] ** 2, predicted.natural_square_norm
        yield predicted.check("square_norm", "|w_k|^2", square, absolute=1e-3 * size)
        return
    nc = t.class_values("nc_max")[-1]
    yield predicted.check("direction_nc", "direction: largest NC at the end", nc, absolute=1e-6)
    yield variability_check(predicted, t.class_values("variability")[-1], 3e-3)  # of directions 1e-3 apart


def _definition(problem: Learned, frame: Frame, state: State, rng: np.random.Generator) -> Iterator[Check]:
    """The loss at the end, on the frame that was found."""
    first = state.features[class_bounds(problem, state)[:-1]]
    some = np.flatnonzero(np.linalg.norm(first, axis=1) > 1e-6)[:SUBSET]
    if some.size:
        yield from definition_checks(problem, frame, first[some], some, rng)


def phase_checks(diagram: PhaseDiagram) -> Iterator[Check]:
    """Thresholds and norms at every point of a phase diagram, and its certificates."""
    problems = [problem for row in diagram.problems for problem in row]
    predictions: list[Any] = [predict(problem) for problem in problems]
    shape = diagram.living.shape
    clearance, square, size = (
        np.array([getattr(each, name) for each in predictions]).reshape(shape)
        for name in ("clearance", "square_norm", "natural_square_norm")
    )
    yield _living_check(clearance, diagram.living)
    source = LearnedMSEPrediction.sources["square_norm"]
    yield Check.compare("|w_k|^2", source, square, diagram.square_norms, absolute=1e-7 * size)
    yield Check.compare("points without a certificate", "duality", 0, np.sum(~diagram.optimal))


def _living_geometry(solution: Solution, predicted: Prediction[Any], living: Integers) -> Iterator[Check]:
    """Frame and features of the classes that live."""
    frame, features = solution.frame.pick(living.tolist()), solution.class_features[living]
    rows = np.concatenate([dense(frame.auxiliary), dense(frame.classifier)])
    cosines = metrics.gram(rows) - np.eye(len(rows))
    yield Check.compare("frame: cosines between its rows", "definition 3.2", 0.0, cosines, absolute=1e-10)
    labels = np.arange(living.size)
    nc = metrics.collapse(features, labels, frame)
    yield predicted.check("direction_nc", "direction: NC of the class means", nc, absolute=1e-10)
    if solution.samples is not None:
        kept = np.isin(solution.problem.labels, living)
        own = np.searchsorted(living, solution.problem.labels[kept])
        nc = metrics.collapse(solution.samples[kept], own, frame)
        yield predicted.check("direction_nc", "direction: NC of every sample", nc, absolute=1e-8)
    if living.size > 1:
        yield class_cosine_check(predicted, features, labels, 1e-5)
    sizes, centers = ([each[k] for k in living] for each in (solution.problem.class_sizes, solution.problem.centers))
    few = predict(solution.problem.replace(class_sizes=sizes, centers=centers))
    yield variability_check(few, metrics.variability(features, labels, frame), 1e-5)
