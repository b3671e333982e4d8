r"""The Stiefel manifold of matrices with orthonormal rows, :math:`Q Q^\top = I`, :math:`Q` of shape (m, d), m <= d.

The metric is that of the surrounding space. A tangent vector at :math:`Q` is a matrix :math:`\Xi` with
:math:`\operatorname{sym}(\Xi Q^\top) = 0`. Nothing here is larger than twice :math:`Q`.
(Absil, Mahony, Sepulchre: Optimization Algorithms on Matrix Manifolds, 2008.)
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, sparse

from ufm.problems.frames import Array, Matrix

FEW = 8
"""How many times smaller than m the rank of a matrix must be to stay factored: a Hessian product needs twelve terms."""

NEAR = 0.5
"""Distance of Q Q^T from the identity up to which Newton and Schulz converge to the polar factor within six steps."""


@dataclass(frozen=True, eq=False)
class Factored:
    r"""A matrix of low rank, :math:`L R` with L (m, r) and R (r, d), kept so until :func:`multiplied_out` is asked.

    Gradients by the rows of a frame are of this form if few features pull at it: then the functions below cost
    m d r instead of m^2 d.
    """

    left: Array
    right: Array

    def __matmul__(self, other: Array) -> "Factored":
        return Factored(self.left, self.right @ other)

    def __add__(self, other: "Factored") -> "Factored":
        return Factored(np.hstack([self.left, other.left]), np.vstack([self.right, other.right]))

    def __sub__(self, other: "Factored") -> "Factored":
        return self + Factored(-other.left, other.right)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return multiplied_out(self).astype(dtype or np.float64)


def outer(left: Array, right: Array) -> Matrix:
    """The product of (m, r) and (r, d): factored where its rank is so small that this pays."""
    return Factored(left, right) if FEW * left.shape[1] <= len(left) else left @ right


def slim(z: Matrix) -> Matrix:
    """The same matrix, sparse if it is factored and few numbers of its right factor are not 0."""
    if isinstance(z, Factored) and FEW * np.count_nonzero(z.right) <= z.right.size:
        return sparse.csr_array(z.left) @ sparse.csr_array(z.right)
    return z


def length(z: Matrix) -> float:
    """Frobenius norm of a matrix, dense, sparse or factored."""
    return float(np.linalg.norm(z.data if sparse.issparse(z) else multiplied_out(z)))


def multiplied_out(z: Matrix) -> Array:
    """The same numbers as an ndarray."""
    return z.left @ z.right if isinstance(z, Factored) else np.asarray(z)


def symmetric(matrix: Array) -> Array:
    """Symmetric part of a square matrix."""
    return 0.5 * (matrix + matrix.T)


def normal(q: Array, z: Matrix) -> Matrix:
    r""":math:`\operatorname{sym}(Z Q^\top)`, (m, m): the part of ``z`` (m, d) that is not tangent is this times Q.

    Factored like ``z``: :math:`\operatorname{sym}(L M) = \frac12 (L M + M^\top L^\top)` with :math:`M = R Q^\top`.
    """
    if isinstance(z, Factored):
        middle = z.right @ q.T
        return Factored(np.hstack([0.5 * z.left, 0.5 * middle.T]), np.vstack([middle, z.left.T]))
    return symmetric(z @ q.T)


def tangent(q: Array, z: Matrix) -> Matrix:
    r"""Orthogonal projection of ``z`` (m, d) onto the tangent space: :math:`Z - \operatorname{sym}(Z Q^\top) Q`.

    It turns a Euclidean gradient into the Riemannian one. Factored like ``z``.
    """
    return z - normal(q, z) @ q


def hessian(q: Array, bend: Matrix, product: Matrix, direction: Array) -> Matrix:
    r"""Riemannian Hessian along a tangent ``direction`` (m, d), from the Euclidean Hessian's ``product`` with it.

    .. math:: \operatorname{Hess} f[\Xi] = \operatorname{Proj}_Q \big( \nabla^2 f[\Xi]
        - \operatorname{sym}(\nabla f\, Q^\top)\, \Xi \big)

    ``bend`` is :func:`normal` of the Euclidean gradient, the same for all directions.
    """
    return tangent(q, product - bend @ direction)


def defect(q: Array) -> float:
    """Largest entry of Q Q^T - I: how far from orthonormal the rows are."""
    return float(np.abs(q @ q.T - np.eye(len(q))).max(initial=0.0))


def random_point(m: int, d: int, rng: np.random.Generator) -> Array:
    """A uniformly distributed point (m, d). Raises ValueError unless m <= d."""
    if m > d:
        raise ValueError(f"{m} rows of dimension {d} cannot be orthonormal")
    return _orthonormalised(rng.standard_normal((m, d)))


def polar_factor(y: Array) -> Array:
    r"""The orthonormal rows closest to ``y`` (m, d): its polar factor :math:`(Y Y^\top)^{-1/2} Y`.

    Newton's iteration, as Schulz wrote it, :math:`Y \leftarrow Y + \frac12 (I - Y Y^\top) Y`, once ``y`` is near.

    Raises
    ------
    ValueError : rows that are linearly dependent, or not finite.
    """
    for _ in range(12):
        off = np.eye(len(y)) - y @ y.T
        distance = float(np.linalg.norm(off))
        if distance > NEAR or not np.isfinite(distance):
            y = _by_eigenvalues(y)
            continue
        y = y + 0.5 * off @ y
        if distance < 1e-8:  # the error is squared by each step, and this one was taken
            break
    return y


def _by_eigenvalues(y: Array) -> Array:
    if not np.all(np.isfinite(y)):
        raise ValueError("the rows contain NaN or infinity: no orthonormal rows are closest to them")
    values, vectors = linalg.eigh(y @ y.T)
    if not values[0] > 1e-14 * len(y) * values[-1]:
        raise ValueError(f"the {len(y)} rows are linearly dependent: no orthonormal rows are closest to them")
    return (vectors / np.sqrt(values)) @ (vectors.T @ y)


def polar(q: Array, xi: Array) -> Array:
    """Retraction of second order: the point closest to q + xi."""
    return polar_factor(q + xi)


def _orthonormalised(y: Array) -> Array:
    columns, triangle = np.linalg.qr(y.T)
    return np.ascontiguousarray((columns * np.where(np.diag(triangle) < 0, -1.0, 1.0)).T)
