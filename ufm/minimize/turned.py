r"""P with a learned frame, seen from the frame: what is left of it when rotations of everything are taken out.

P knows features only by their outputs :math:`C Q h` and their lengths. With :math:`h = Q^\top b + h_\perp` the outputs
are :math:`C b`, and :math:`|h|^2 = |b|^2 + |h_\perp|^2`, so what is outside the frame only costs and is 0 at a minimum,
and the orthonormal rows Q drop out:

.. math:: P = \sum_i \frac{\omega_i}{2 S} |\operatorname{diag}(s)\, C b_i - y_i|^2
    + \frac{\lambda_W}{2} |s|^2 + \frac{\lambda_H}{2} \sum_i \omega_i |b_i|^2 .

Norms and coordinates b form a flat space, and C has two numbers in a row. It is the same motion as that of rows, norms
and features, without their rotations: nothing is assumed of where the features go.
"""

from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy import sparse

from ufm.problems.frames import Array
from ufm.problems.objective import MSEObjective
from ufm.problems.state import State


class TurnedLocal:
    """P at norms s (K,) and coordinates b (m, n), a column a feature; see :class:`ufm.minimize.trust_region.Local`."""

    def __init__(self, objective: MSEObjective, norms: Array, coordinates: Array) -> None:
        """Evaluate value and gradient."""
        self.objective, self.norms, self.coordinates = objective, norms, coordinates
        self.spread = norms[objective.owner][:, None]
        self.along = objective.mixing @ coordinates
        miss = self.along * self.spread
        miss -= objective.owner[:, None] == objective.labels
        self.pull = self._share * miss
        squares = np.einsum("mn,mn->n", coordinates, coordinates)
        penalty = objective.lam_w * float(norms @ norms) + objective.lam_h * float(objective.weights @ squares)
        self.value = 0.5 * float(np.vdot(self.pull, miss)) + 0.5 * penalty
        by_norm = self._by_class(self.pull, self.along) + objective.lam_w * norms
        self.gradient = self._flat(by_norm, self.pull * self.spread, coordinates)

    @property
    def _share(self) -> Array:
        """omega / S of every feature."""
        return self.objective.weights / self.objective.total

    def _by_class(self, left: Array, right: Array) -> Array:
        return self.objective.by_class(np.einsum("fn,fn->f", left, right))

    def _flat(self, by_norm: Array, by_output: Array, coordinates: Array) -> Array:
        """A derivative in norms and coordinates, from that in outputs, with the penalty of the coordinates."""
        by_feature = self.objective.mixing.T @ by_output
        by_feature += self.objective.lam_h * self.objective.weights * coordinates
        return np.concatenate([by_norm, by_feature.ravel()])

    def _split(self, v: Array) -> tuple[Array, Array]:
        return v[: self.norms.size], v[self.norms.size :].reshape(self.coordinates.shape)

    def hessian(self, v: Array) -> Array:
        """Derivative of the gradient along ``v``."""
        dnorms, dcoordinates = self._split(v)
        dspread = dnorms[self.objective.owner][:, None]
        dalong = self.objective.mixing @ dcoordinates
        dpull = self._share * (dalong * self.spread + self.along * dspread)
        by_norm = self._by_class(dpull, self.along) + self._by_class(self.pull, dalong) + self.objective.lam_w * dnorms
        return self._flat(by_norm, dpull * self.spread + self.pull * dspread, dcoordinates)

    @cached_property
    def _inverse(self) -> tuple[Array, Any]:
        r"""Curvature of the norms, and the inverse of that of a feature, :math:`C^\top s^2 C / S + \lambda_H`.

        Classes do not share rows, so the inverse has a block for each.
        """
        of = self.objective
        curvature = of.mixing.T @ sparse.diags_array(self.spread[:, 0] ** 2 / of.total) @ of.mixing
        curvature = sparse.csr_array(curvature + of.lam_h * sparse.eye_array(curvature.shape[0]))
        count, rows = of.problem.n_centers, np.arange(curvature.shape[0])
        owned = [np.append(rows[:count][of.owner == k], count + k) for k in range(self.norms.size)]
        blocks = [np.linalg.inv(curvature[own][:, own].toarray()) for own in owned]
        order = np.argsort(np.concatenate(owned))
        inverse = sparse.csr_array(sparse.block_diag(blocks, format="csr"))[order][:, order]
        return of.lam_w + self._by_class(self._share * self.along, self.along), inverse

    def precondition(self, v: Array) -> Array:
        """Norms one by one; features exactly."""
        stiffness, inverse = self._inverse
        dnorms, dcoordinates = self._split(v)
        return np.concatenate([dnorms / stiffness, ((inverse @ dcoordinates) / self.objective.weights).ravel()])

    def move(self, v: Array) -> Self:
        """Addition."""
        dnorms, dcoordinates = self._split(v)
        return type(self)(self.objective, self.norms + dnorms, self.coordinates + dcoordinates)

    def state(self, rows: Array) -> State:
        """The same point in d coordinates, at rows (m, d)."""
        return State(rows, self.norms, np.ascontiguousarray(self.coordinates.T @ rows))
