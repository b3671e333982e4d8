"""Slow, general means by which a few samples are simulated again; they know no prediction."""

from typing import Any

import numpy as np
from scipy import linalg
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import lsqr

from ufm.problems.frames import Array, Frame, dense
from ufm.problems.kinds import CosineProblem
from ufm.problems.problem import Integers


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
