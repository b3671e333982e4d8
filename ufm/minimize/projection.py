r"""Variable projection: P with its features eliminated, as a function of the frame alone.

Given centers W the features of P are ridge regressions, :math:`h_k = W^\top a_k` with
:math:`(W W^\top + \lambda_H S I)\, a_k = y_k`, and what is left of P is

.. math:: \phi = \frac{\lambda_H}{2} \sum_k n_k\, y_k^\top a_k + \frac{\lambda_W}{2} |s|^2 .

A rotation of features and frame together leaves P alone, and orthonormal rows are all rotations of each other: so
:math:`\phi` depends on the norms only, and its gradient along the rows is 0. The rows stay where they are, and whoever
uses this should check the gradient of P itself at the end (:func:`ufm.minimize` does).
"""

from typing import Self

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from ufm.problems.frames import Array
from ufm.problems.kinds import LearnedMSEProblem
from ufm.problems.state import State, mixing, owners

ROUNDING = 1e-14
"""Inner products of unit centers below this are none: the Gram matrix of orthogonal classes is sparse."""


class Regression:
    """The Gram matrix of the unit centers, and targets: what all norms share."""

    def __init__(self, problem: LearnedMSEProblem, rows: Array) -> None:
        """Form the Gram matrix (F, F) of the centers that ``rows`` (m, d) give, and keep what is not 0."""
        self.owner, self.centers = owners(problem.centers), mixing(problem) @ rows
        gram = self.centers @ self.centers.T
        gram[np.abs(gram) < ROUNDING] = 0.0
        self.gram = sparse.csc_array(gram)
        self.targets = (self.owner[:, None] == np.arange(problem.n_classes)).astype(np.float64)
        self.sizes = np.asarray(problem.class_sizes, dtype=np.float64)
        self.lam_h, self.lam_w = problem.lam_h, problem.lam_w
        self.penalty = self.lam_h * problem.total


class ProjectedLocal:
    """The projected objective seen from norms s (K,); see :class:`ufm.minimize.trust_region.Local`."""

    def __init__(self, ridge: Regression, norms: Array) -> None:
        """Solve the ridge regressions of all classes."""
        self.ridge, self.norms = ridge, norms
        spread = norms[ridge.owner]
        self.spread = spread[:, None]
        scaled = sparse.diags_array(spread)
        matrix = scaled @ ridge.gram @ scaled + ridge.penalty * sparse.eye_array(len(spread))
        self.factor = splu(sparse.csc_array(matrix))
        self.coefficients = self.factor.solve(ridge.targets)
        self.along = ridge.gram @ (self.spread * self.coefficients)
        fitted = np.einsum("fk,fk->k", ridge.targets, self.coefficients)
        self.value = 0.5 * ridge.lam_h * float(ridge.sizes @ fitted) + 0.5 * ridge.lam_w * float(norms @ norms)
        self.gradient = self._by_class(self.coefficients * self.along) + ridge.lam_w * norms

    def _by_class(self, products: Array) -> Array:
        r""":math:`-\lambda_H \sum_k n_k` times the sums of (F, K) products over the centers of each class."""
        per_center = -self.ridge.lam_h * products @ self.ridge.sizes
        sums = np.bincount(self.ridge.owner, per_center, minlength=len(self.norms))
        return np.asarray(sums, dtype=np.float64)

    def hessian(self, v: Array) -> Array:
        r"""Derivative of the gradient, with :math:`\dot a = -(W W^\top + \lambda_H S)^{-1} (W W^\top)^{\cdot} a`."""
        change, gram, a = v[self.ridge.owner][:, None], self.ridge.gram, self.coefficients
        moved = gram @ (change * a)
        da = -self.factor.solve(change * self.along + self.spread * moved)
        bent = da * self.along + a * (moved + gram @ (self.spread * da))
        return self._by_class(bent) + self.ridge.lam_w * v

    def precondition(self, v: Array) -> Array:
        r"""Division by :math:`\lambda_W`, the only curvature that all classes have in common."""
        return v / self.ridge.lam_w

    def move(self, v: Array) -> Self:
        """Norms form a flat space."""
        return type(self)(self.ridge, self.norms + v)

    def state(self, rows: Array) -> State:
        """Rows, norms, and the features that are best for them."""
        return State(rows, self.norms, (self.spread * self.coefficients).T @ self.ridge.centers)
