r"""Variable projection: P with its features eliminated, as a function of the norms of the frame alone.

Given centers W the features of P are ridge regressions, :math:`h_k = W^\top a_k` with
:math:`(W W^\top + \lambda_H S I)\, a_k = y_k`, and what is left of P is

.. math:: \phi = \frac{\lambda_H}{2} \sum_k n_k\, y_k^\top a_k + \frac{\lambda_W}{2} |s|^2 .

A rotation of features and frame together leaves P alone, and orthonormal rows are all rotations of each other: so
:math:`\phi` depends on the norms only. Classes are orthogonal to each other, so each has a regression of its own, on
the Gram matrix :math:`G_k` of its unit centers. With its eigenvalues :math:`g_{kj}` and the squares :math:`e_{kj}` of
the sums of its eigenvectors,

.. math:: y_k^\top a_k = \sum_j \frac{e_{kj}}{s_k^2 g_{kj} + \lambda_H S} .

Classes with as many centers have the same Gram matrix. The rows stay where they are, and whoever uses this should check
the gradient of P itself at the end (:func:`ufm.minimize` does).
"""

from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ufm.problems.frames import Array
from ufm.problems.kinds import LearnedMSEProblem
from ufm.problems.state import State, mixing


class Regression:
    """Eigenvalues of the Gram matrices of the unit centers, once for each number of centers: what all norms share."""

    def __init__(self, problem: LearnedMSEProblem) -> None:
        """Diagonalise the Gram matrices."""
        self.mixing = mixing(problem)
        kinds, self.kind = np.unique(problem.centers, return_inverse=True)
        self.eigenvalues, self.shares = np.zeros((2, len(kinds), kinds[-1]))
        self.vectors: list[Array] = []
        for i, f in enumerate(kinds.tolist()):
            self.eigenvalues[i, :f], vectors = _diagonalised(f, problem.theta)
            self.shares[i, :f] = vectors.sum(axis=0) ** 2
            self.vectors.append(vectors)
        self.sizes = np.asarray(problem.class_sizes, dtype=np.float64)
        self.lam_h, self.lam_w = problem.lam_h, problem.lam_w
        self.penalty = self.lam_h * problem.total

    def coefficients(self, roots: Array) -> Any:
        """The vectors a of all classes, a sparse (K, F), for eigenvalues (K, f) of what they solve."""
        parts = []
        for root, kind in zip(roots, self.kind.tolist(), strict=True):
            vectors = self.vectors[kind]
            parts.append(vectors @ (vectors.sum(axis=0) / root[: len(vectors)]))
        bounds: NDArray[np.int64] = np.cumsum([0, *map(len, parts)])
        return sparse.csr_array((np.concatenate(parts), np.arange(bounds[-1]), bounds))


@lru_cache(maxsize=256)  # the points of a phase diagram have them in common
def _diagonalised(f: int, theta: float) -> tuple[Array, Array]:
    """Of the Gram matrix (f, f) of the unit centers of a class, whose coordinates along the rows are ``mixing``."""
    centers = mixing(LearnedMSEProblem((1,), (f,), theta, lam_h=1.0, lam_w=1.0))
    eigenvalues, vectors = np.linalg.eigh((centers @ centers.T).toarray())
    return eigenvalues, vectors


class ProjectedLocal:
    """The projected objective seen from norms s (K,); see :class:`ufm.minimize.trust_region.Local`."""

    def __init__(self, ridge: Regression, norms: Array) -> None:
        """Solve the ridge regressions of all classes, and differentiate them twice."""
        self.ridge, self.norms = ridge, norms
        g, e, s = ridge.eigenvalues[ridge.kind], ridge.shares[ridge.kind], norms[:, None]
        self.roots = s**2 * g + ridge.penalty
        pull = ridge.lam_h * ridge.sizes
        self.value = 0.5 * float(pull @ (e / self.roots).sum(axis=1)) + 0.5 * ridge.lam_w * float(norms @ norms)
        slopes = e * g / self.roots**2
        self.gradient = norms * (ridge.lam_w - pull * slopes.sum(axis=1))
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
        return type(self)(self.ridge, self.norms + v)

    def state(self, rows: Any) -> State:
        """Rows (m, d), dense or sparse, norms, and the features that are best for them."""
        fitted = sparse.diags_array(self.norms) @ self.ridge.coefficients(self.roots) @ (self.ridge.mixing @ rows)
        return State(rows, self.norms, fitted.toarray() if sparse.issparse(fitted) else fitted)
