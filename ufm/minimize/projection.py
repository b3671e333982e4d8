r"""Variable projection: P with its features eliminated, as a function of the norms of the frame alone.

Given centers W the features of P are ridge regressions, :math:`h_k = W^\top a_k` with
:math:`(W W^\top + \lambda_H S I)\, a_k = y_k`, and what is left of P is

.. math:: \phi = \frac{\lambda_H}{2} \sum_k n_k\, y_k^\top a_k + \frac{\lambda_W}{2} |s|^2 .

A rotation of features and frame together leaves P alone, and orthonormal rows are all rotations of each other: so
:math:`\phi` depends on the norms only. Classes are orthogonal to each other, so each has a regression of its own, on
the Gram matrix :math:`G_k` of its unit centers. With its eigenvalues :math:`g_{kj}` and the squares :math:`e_{kj}` of
the sums of its eigenvectors,

.. math:: y_k^\top a_k = \sum_j \frac{e_{kj}}{s_k^2 g_{kj} + \lambda_H S} .

Classes with as many centers have the same Gram matrix. Classes that agree in sizes, centers and norms stay equal: where
m of them have one norm s, the gradient along :math:`u = \sqrt m\, s` is as long as that of their m norms, and so are
steps. So a descent by kinds is that of all classes, whatever their number.

The rows stay where they are, and whoever uses this should check the gradient of P itself at the end
(:func:`ufm.minimize` does).
"""

from functools import cached_property, lru_cache
from typing import Any, NamedTuple, Self

import numpy as np
from scipy import sparse

from ufm.problems.alike import equal_columns
from ufm.problems.frames import Array
from ufm.problems.kinds import LearnedMSEProblem
from ufm.problems.problem import Integers, MultiCenterProblem
from ufm.problems.state import State, mixing, owners


class Kinds(NamedTuple):
    """Classes that agree in all their numbers."""

    first: Integers
    """The first class of each kind, (g,)."""
    kind: Integers
    """Of every class, (K,)."""

    @classmethod
    def of(cls, problem: MultiCenterProblem, norms: Array) -> Self:
        """Of equal sizes, numbers of centers, and norms (K,)."""
        return cls(*equal_columns(np.stack([problem.class_sizes, problem.centers, norms])))

    @property
    def copies(self) -> Integers:
        """Classes of each kind, (g,)."""
        return np.bincount(self.kind)


class Regression:
    """Eigenvalues of the Gram matrices of the unit centers, once for each number of centers: what all norms share."""

    def __init__(self, problem: LearnedMSEProblem, kinds: Kinds) -> None:
        """Diagonalise the Gram matrices."""
        self.sizes, centers = (np.asarray(each)[kinds.first] for each in (problem.class_sizes, problem.centers))
        numbers, self.number = np.unique(centers, return_inverse=True)
        self.eigenvalues, self.shares = np.zeros((2, len(numbers), numbers[-1]))
        self.vectors: list[Array] = []
        for i, f in enumerate(numbers.tolist()):
            self.eigenvalues[i, :f], vectors = _diagonalised(f, problem.theta)
            self.shares[i, :f] = vectors.sum(axis=0) ** 2
            self.vectors.append(vectors)
        self.copies = kinds.copies
        self.lam_h, self.lam_w = problem.lam_h, problem.lam_w
        self.penalty = self.lam_h * problem.total


@lru_cache(maxsize=256)  # the points of a phase diagram have them in common
def _diagonalised(f: int, theta: float) -> tuple[Array, Array]:
    """Of the Gram matrix (f, f) of the unit centers of a class, whose coordinates along the rows are ``mixing``."""
    centers = mixing(LearnedMSEProblem((1,), (f,), theta, lam_h=1.0, lam_w=1.0))
    eigenvalues, vectors = np.linalg.eigh((centers @ centers.T).toarray())
    return eigenvalues, vectors


class ProjectedLocal:
    """The projected objective seen from u of each kind, (g,); see :class:`ufm.minimize.trust_region.Local`."""

    def __init__(self, ridge: Regression, point: Array) -> None:
        """Solve the ridge regressions of all kinds, and differentiate them twice."""
        self.ridge, self.point, self.norms = ridge, point, point / np.sqrt(ridge.copies)
        g, e, s = ridge.eigenvalues[ridge.number], ridge.shares[ridge.number], self.norms[:, None]
        self.roots = s**2 * g + ridge.penalty
        pull = ridge.lam_h * ridge.sizes
        fit = 0.5 * float(ridge.copies * pull @ (e / self.roots).sum(axis=1))
        self.value = fit + 0.5 * ridge.lam_w * float(point @ point)
        slopes = e * g / self.roots**2
        self.gradient = point * (ridge.lam_w - pull * slopes.sum(axis=1))
        bend = slopes * (4.0 * s**2 * g / self.roots - 1.0)
        self.curvature = ridge.lam_w + pull * bend.sum(axis=1)

    def hessian(self, v: Array) -> Array:
        """Classes do not see each other."""
        return self.curvature * v

    def precondition(self, v: Array) -> Array:
        r"""Division by :math:`\lambda_W`, the only curvature that all classes have in common."""
        return v / self.ridge.lam_w

    def move(self, v: Array) -> Self:
        """Norms form a flat space."""
        return type(self)(self.ridge, self.point + v)

    @cached_property
    def coefficients(self) -> Array:
        """The vectors a of each kind, (g, f) with zeros behind them."""
        found = np.zeros_like(self.roots)
        for own, root, number in zip(found, self.roots, self.ridge.number.tolist(), strict=True):
            vectors = self.ridge.vectors[number]
            own[: len(vectors)] = vectors @ (vectors.sum(axis=0) / root[: len(vectors)])
        return found

    def state(self, problem: MultiCenterProblem, kind: Integers, rows: Any) -> State:
        """Of a problem whose classes are of these kinds, (K,): rows (m, d), norms, and features that are best for them.

        Features are sparse where rows are.
        """
        owner, bounds = owners(problem.centers), np.cumsum([0, *problem.centers])
        values = self.coefficients[kind[owner], np.arange(owner.size) - bounds[owner]]
        solved = sparse.csr_array((values * self.norms[kind[owner]], np.arange(owner.size), bounds))
        return State(rows, self.norms[kind], solved @ mixing(problem) @ rows)
