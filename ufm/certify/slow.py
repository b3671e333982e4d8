"""The problem again, by slow means that share nothing with the simulations: its definition, all d coordinates, expm.

A certificate holds theory against a simulation. Where both use the same exact reduction (the clock, a normalisation, a
weight), agreement would be no evidence; so a few samples are always taken through the definition of the loss, written
down here once more and differentiated by complex steps, and through the flow in all d coordinates.
"""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import lsqr

from ufm.certify.report import Check
from ufm.problems.frames import Array, Frame, dense
from ufm.problems.kinds import CosineProblem, MSEProblem
from ufm.problems.losses import loss_of
from ufm.problems.problem import Integers, MultiCenterProblem
from ufm.problems.start import Start
from ufm.simulate.trajectory import Trajectory

SUBSET = 4
"""Samples that are taken again."""

DIRECTIONS = 4
"""Directions in which the gradient of each of them is held against a derivative."""

STEP = 1e-30
"""Of complex steps, which take no difference: their derivatives are exact to rounding."""


@functools.singledispatch
def value_by_definition(problem: MultiCenterProblem, frame: Frame, h: Any, k: int) -> Any:
    """The loss of one feature ``h`` (d,) of class ``k``, written like its formula; complex features allowed."""
    raise TypeError(f"no definition of the loss of a {type(problem).__name__}")


@value_by_definition.register
def _(problem: CosineProblem, frame: Frame, h: Any, k: int) -> Any:
    own = dense(frame.class_centers(k))
    mean = own.mean(axis=0)
    if problem.beta == "weighted":  # the cosine between a center and the mean center, from the vectors
        beta = float(own[0] @ mean / np.linalg.norm(own[0]) / np.linalg.norm(mean))
    else:
        beta = float(np.broadcast_to(np.asarray(problem.beta), problem.n_classes)[k])
    r = np.sqrt(np.sum(h * h))
    return beta * sum((np.sum(w * h) / r - 1.0) ** 2 for w in own) + problem.lam * (r - 1.0) ** 2


@value_by_definition.register
def _(problem: MSEProblem, frame: Frame, h: Any, k: int) -> Any:
    targets = np.repeat(np.arange(problem.n_classes) == k, problem.centers)
    ones = np.dot(problem.centers, problem.class_sizes)  # entries of Y that are 1
    miss = np.asarray(frame.centers @ h) - targets
    return np.sum(miss * miss) / (2.0 * ones) + 0.5 * problem.lam_h * np.sum(h * h)


def constant_by_definition(problem: MultiCenterProblem, frame: Frame) -> float:
    """The part of the objective that no feature moves."""
    if not isinstance(problem, MSEProblem):
        return 0.0
    return 0.5 * problem.lam_w * sum(float(w @ w) for w in dense(frame.classifier))


def definition_checks(
    problem: MultiCenterProblem, frame: Frame, features: Array, labels: Integers, rng: np.random.Generator
) -> Iterator[Check]:
    """The loss that is simulated has the values and the slopes of its definition, at some features (n, d)."""
    loss = loss_of(problem, frame)
    values, gradients = loss.value_and_gradient(features, labels)
    defined = [float(value_by_definition(problem, frame, h, int(k))) for h, k in zip(features, labels, strict=True)]
    many = f"{len(features)} samples"
    yield Check.compare(
        f"loss = its definition, {many}", "ufm.certify.slow", defined, values, absolute=1e-13, relative=1e-9
    )
    slopes, found, tolerance = [], [], []
    for h, k, gradient in zip(features, labels, gradients, strict=True):
        for direction in rng.standard_normal((DIRECTIONS, h.size)):
            direction /= np.linalg.norm(direction)
            moved = value_by_definition(problem, frame, h + 1j * STEP * direction, int(k))
            slopes.append(float(np.imag(moved)) / STEP)
            found.append(float(gradient @ direction))
            _, elsewhere = loss.value_and_gradient(np.linalg.norm(h) * direction[None], int(k))
            size, terms = np.linalg.norm(gradient), np.linalg.norm(elsewhere)  # at a minimum large terms cancel
            tolerance.append(1e-9 * (size + abs(slopes[-1])) + 1e-14 * (1.0 + terms))
    name = f"gradient = derivative of the definition, {many}"
    yield Check.compare(name, "ufm.certify.slow", slopes, found, absolute=tolerance)
    constant = constant_by_definition(problem, frame)
    if constant or loss.constant:
        name = "constant part of the objective"
        yield Check.compare(name, "ufm.certify.slow", constant, loss.constant, relative=1e-9)


def few_samples(t: Trajectory, rng: np.random.Generator) -> tuple[Array, Integers, Integers | None]:
    """Initial features (n, d) of a few samples of different classes, their classes, and their rows if they were kept.

    Where the trajectory kept no features, others of the same kind of start are drawn.
    """
    problem = t.problem
    classes = np.sort(rng.choice(problem.n_classes, size=min(SUBSET, problem.n_classes), replace=False))
    rows = problem.offsets[classes] + rng.integers(np.asarray(problem.class_sizes)[classes])
    if t.initial is not None:
        return t.initial[rows], classes, rows
    kind = t.stats.get("start")
    start = Start(**kind) if isinstance(kind, dict) else Start()
    drawn = [start.place(rng.standard_normal((1, t.frame.dim)), t.frame.direction(int(k))) for k in classes]
    return np.concatenate(drawn), classes, None


def restrict(problem: CosineProblem, frame: Frame, classes: Integers) -> tuple[CosineProblem, Frame]:
    """A cosine problem with one sample of each of some distinct classes, on the same vectors."""
    counts = tuple(problem.centers[k] for k in classes)
    centers = np.concatenate([dense(frame.class_centers(k)) for k in classes])
    classifier = np.stack([frame.classifier_row(k) for k in classes])
    weights = tuple(float(problem.weights[k]) for k in classes)
    few = CosineProblem((1,) * len(counts), counts, problem.theta, frame.dim, beta=weights, lam=problem.lam)
    return few, Frame(counts, centers, classifier)


def matrix_exponential(matrix: Any) -> Array:
    """Matrix exponential; of a sparse matrix block by block, where a block is what is connected at all."""
    if isinstance(matrix, np.ndarray):
        return np.asarray(linalg.expm(matrix))
    result = np.zeros(matrix.shape)
    _, block = connected_components(matrix, directed=False)
    for members in np.split(np.argsort(block), np.cumsum(np.bincount(block))[:-1]):
        result[np.ix_(members, members)] = linalg.expm(matrix[members][:, members].toarray())
    return result


def null_part(frame: Frame, features: Array) -> Array:
    """The part of features that no center sees: the residual of least squares on the rows of W."""
    fit = [lsqr(frame.centers.T, h, atol=1e-15, btol=1e-15, iter_lim=10_000)[0] for h in features]
    return features - np.asarray(np.array(fit) @ frame.centers)


def distance(features: Array, others: Array) -> NDArray[np.float64]:
    """Between features, relative to their length where that is more than 1."""
    size = np.maximum(1.0, np.linalg.norm(others, axis=-1))
    return np.linalg.norm(features - others, axis=-1) / size
