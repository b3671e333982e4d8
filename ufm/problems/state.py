"""Frame, norms and features together: the unknowns of a problem with a learned frame."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ufm.files import memory
from ufm.problems import stiefel
from ufm.problems.frames import Array, Frame, Matrix, real_array
from ufm.problems.kinds import CosineProblem
from ufm.problems.problem import MultiCenterProblem

ON_MANIFOLD = 1e-10
"""Largest entry of Q Q^T - I of a start; what rounding leaves is removed."""


class State(NamedTuple):
    r"""A learned frame with its features, or a direction in which they move.

    Attributes
    ----------
    rows : Q, (m, d), m = F + K: unit vectors along the auxiliary vectors, then along the classifier, orthonormal.
    norms : s, (K,): :math:`|w_k|`. Real: a negative one is the same frame with the rows of that class turned around.
    features : H, one row per class (K, d) or per sample (N, d). Like rows, sparse where most of it is 0.
    """

    rows: Matrix
    norms: Array
    features: Matrix

    def flat(self) -> Array:
        """All numbers in one vector. (Rows of a gradient may be :class:`ufm.problems.stiefel.Factored`.)"""
        return np.concatenate([np.asarray(part).ravel() for part in self])

    def unflat(self, x: Array) -> Self:
        """A state of the same shapes whose parts are views of ``x``."""
        first, second = self.rows.size, self.rows.size + self.norms.size
        parts = x[:first], x[first:second], x[second:]
        return type(self)(*(part.reshape(like.shape) for part, like in zip(parts, self, strict=True)))

    def times(self, basis: Array) -> Self:
        """The same state in other coordinates: rows and features times ``basis`` (d, d')."""
        return self._replace(rows=self.rows @ basis, features=self.features @ basis)


def owners(counts: Sequence[int]) -> NDArray[np.int64]:
    """The class of every center, (F,)."""
    return np.repeat(np.arange(len(counts)), counts)


def mixing(problem: MultiCenterProblem) -> Matrix:
    r"""The sparse matrix C (F, m) with unit centers :math:`C Q`: :math:`\cos\theta\, v_j + \sin\theta\, w_k`."""
    return _mixing(tuple(problem.centers), problem.theta)


@lru_cache(maxsize=8)
def _mixing(centers: tuple[int, ...], theta: float) -> Matrix:
    """Objective, minimiser and frame of a problem have it in common, and so have the problems of a grid."""
    n = sum(centers)
    columns = np.stack([np.arange(n), n + owners(centers)], axis=1)
    numbers = np.tile([np.cos(theta), np.sin(theta)], n)
    return sparse.csr_array((numbers, columns.ravel(), 2 * np.arange(n + 1)), shape=(n, n + len(centers)))


def class_bounds(problem: MultiCenterProblem, state: State) -> NDArray[np.int64]:
    """Where the feature rows of each class begin, (K + 1,): one row a class, or one a sample."""
    one_each = len(state.features) == problem.n_classes
    return np.arange(problem.n_classes + 1) if one_each else problem.offsets


def random_state(problem: MultiCenterProblem, seed: int | Sequence[int], *, full: bool = False) -> State:
    """A uniformly random frame of unit norms, and Gaussian features of expected square 1.

    Raises MemoryError if it would not fit (with working copies).
    """
    rng, dim = np.random.default_rng(seed), problem.dim
    m, n = problem.n_centers + problem.n_classes, problem.n_samples if full else problem.n_classes
    what, advice = f"a learned frame of {m} x {dim} with {n} features", "use fewer centers or one feature per class"
    memory.require(12 * 8 * dim * (m + n), what, advice)
    rows = stiefel.random_point(m, dim, rng)
    return State(rows, np.ones(problem.n_classes), rng.standard_normal((n, dim)) / np.sqrt(dim))


def validated_state(problem: MultiCenterProblem, start: Sequence[ArrayLike], *, full: bool = False) -> State:
    """A given start as float64 arrays that belong to the problem.

    Samples are averaged if one feature per class is wanted; a single feature per class is repeated for its samples.

    Raises
    ------
    ValueError : shapes that do not fit, NaN, rows that are linearly dependent or not orthonormal, norms other than 1
        for the cosine loss, features of 0 for the cosine loss.
    """
    if len(start) != 3:
        raise ValueError(f"start has {len(start)} parts: rows, norms and features are needed")
    state = State(*(real_array(f"start.{name}", part) for name, part in zip(State._fields, start, strict=True)))
    n_classes, dim = problem.n_classes, problem.dim
    shapes: dict[str, tuple[tuple[int, ...], ...]] = {
        "rows": ((problem.n_centers + n_classes, dim),),
        "norms": ((n_classes,),),
        "features": ((n_classes, dim), (problem.n_samples, dim)),
    }
    for name, part in zip(State._fields, state, strict=True):
        if part.shape not in shapes[name]:
            allowed = " or ".join(map(str, shapes[name]))
            raise ValueError(f"start.{name} has shape {part.shape}: {allowed} is needed")
        if not np.all(np.isfinite(part)):
            raise ValueError(f"start.{name} contains NaN or infinity")
    rank = int(np.linalg.matrix_rank(state.rows))
    if rank < len(state.rows):
        raise ValueError(f"start.rows have rank {rank} < {len(state.rows)} = F + K: they span no frame")
    off = stiefel.defect(state.rows)
    if off > ON_MANIFOLD:
        raise ValueError(f"start.rows are not orthonormal: an entry of Q Q^T - I is {off:.2g}")
    if isinstance(problem, CosineProblem):
        if not np.all(np.abs(np.abs(state.norms) - 1.0) < ON_MANIFOLD):
            raise ValueError(f"start.norms={state.norms} must be 1: the cosine loss wants centers of unit length")
        if not np.all(state.features.any(axis=1)):
            raise ValueError("start.features contain a row of 0: the cosine loss is not defined there")
    state = state._replace(rows=stiefel.polar_factor(state.rows))
    if full and len(state.features) != problem.n_samples:
        return state._replace(features=np.repeat(state.features, problem.class_sizes, axis=0))
    if not full and len(state.features) != n_classes:
        return state._replace(features=class_features(problem, state))
    return state


def class_features(problem: MultiCenterProblem, state: State) -> Matrix:
    """Mean feature of each class, (K, d)."""
    if state.features.shape[0] == problem.n_classes:
        return state.features
    bounds = class_bounds(problem, state)
    return np.add.reduceat(state.features, bounds[:-1], axis=0) / np.diff(bounds)[:, None]


def to_span(state: State) -> tuple[State, Array]:
    """The state in an orthonormal basis (d', d) of what its rows span, if that is smaller than d, and that basis.

    Gradients, Hessian products and retractions stay in this span, so nothing is lost.
    """
    spanning = len(state.rows) + len(state.features)
    if spanning >= state.rows.shape[1]:
        return state, np.eye(state.rows.shape[1])
    basis = np.linalg.qr(np.concatenate([state.rows, state.features]).T)[0].T
    inside = state.times(basis.T)
    return inside._replace(rows=stiefel.polar_factor(inside.rows)), basis


def frame_of(problem: MultiCenterProblem, state: State) -> Frame:
    """The frame with its norms, which are positive: negative ones are turned into rows turned around."""
    turned = mixing(problem) @ state.rows
    owner, n = owners(problem.centers), problem.n_centers
    spread, norms = (sparse.diags_array(each).tocsr() for each in (state.norms[owner], state.norms))
    return Frame(problem.centers, spread @ turned, norms @ state.rows[n:], spread @ state.rows[:n])
