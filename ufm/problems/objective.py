r"""Objectives of a learned frame: value, Euclidean gradient and Hessian product in rows, norms and features.

With orthonormal rows :math:`Q`, norms :math:`s` and the constant sparse matrix :math:`C` of
:func:`ufm.problems.state.mixing`, the centers are :math:`W = \operatorname{diag}(s_{\mathrm{owner}})\, C Q`.

A feature row of class k stands for :math:`\omega_k` samples. With one row per sample (:math:`\omega = 1`) the objective
is that of the problem. With one row per class (:math:`\omega_k = n_k`) it is the objective of features that have
collapsed to their class means. For P nothing is lost: with :math:`h_i = \bar h + \delta_i`, :math:`\sum \delta_i = 0`,

.. math:: \sum_{i \in k} |W h_i - y|^2 = n_k |W \bar h - y|^2 + \sum_i |W \delta_i|^2, \qquad
    \sum_{i \in k} |h_i|^2 = n_k |\bar h|^2 + \sum_i |\delta_i|^2

so deviations only cost. For the cosine loss the samples of a class share their minimiser, whatever the frame.
"""

import functools
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import overload

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from theory.multicenter.geometry import center_cosine
from ufm.problems import stiefel
from ufm.problems.frames import Array
from ufm.problems.kinds import CosineProblem, MSEProblem
from ufm.problems.losses import cosine, cosine_center_gradient, cosine_hessian_product
from ufm.problems.problem import Integers, MultiCenterProblem
from ufm.problems.state import State, class_bounds, mixing, owners

ROWS = 2048
"""Feature rows per block: what is rows x F stays small next to the features themselves."""


class Objective(ABC):
    """What the objectives of a learned frame share: frame, owners, and the samples that each feature row stands for."""

    def __init__(self, problem: MultiCenterProblem, bounds: Integers, share: Array) -> None:
        """Feature rows of class k are those from ``bounds[k]`` to ``bounds[k + 1]``; each stands for ``share[k]``."""
        self.problem, self.mixing, self.owner = problem, mixing(problem), owners(problem.centers)
        self.bounds, self.share = bounds, share
        self.labels = np.repeat(np.arange(problem.n_classes), np.diff(bounds))
        self.weights = share[self.labels]

    @abstractmethod
    def value_and_gradient(self, state: State) -> tuple[float, State]:
        """The objective, and its Euclidean gradient."""

    @abstractmethod
    def hessian_product(self, state: State, direction: State) -> State:
        """Derivative of the Euclidean gradient along ``direction``."""

    @abstractmethod
    def preconditioner(self, state: State, gradient: State) -> Callable[[State], State]:
        """Inverse of an approximate Hessian that keeps tangent vectors tangent."""

    def by_class(self, columns: Array) -> Array:
        """Sums over the centers of each class, (K,), of one number per center."""
        return np.asarray(np.bincount(self.owner, columns, minlength=self.problem.n_classes), dtype=np.float64)


class MSEObjective(Objective):
    r"""P with a learned frame.

    .. math::
        P = \sum_i \frac{\omega_i}{2 S} |W h_i - y_i|^2 + \frac{\lambda_W}{2} |s|^2
            + \frac{\lambda_H}{2} \sum_i \omega_i |h_i|^2

    With outputs :math:`L = H (C Q)^\top` of unit centers and residuals
    :math:`R = \omega (L \operatorname{diag}(s) - Y) / S` the gradients are
    :math:`R \operatorname{diag}(s)\, C Q + \lambda_H \omega H` (features),
    :math:`C^\top \operatorname{diag}(s) R^\top H` (rows), and the sums of :math:`R \circ L` over the centers of each
    class :math:`+ \lambda_W s` (norms). A feature sees all centers.
    """

    def __init__(self, problem: MSEProblem, bounds: Integers, share: Array) -> None:
        """See :class:`Objective`."""
        super().__init__(problem, bounds, share)
        self.total, self.lam_h, self.lam_w = problem.total, problem.lam_h, problem.lam_w

    def _blocks(self) -> Iterator[tuple[slice, Array, Array]]:
        for begin in range(0, len(self.labels), ROWS):
            rows = slice(begin, begin + ROWS)
            target = (self.owner == self.labels[rows, None]).astype(np.float64)
            yield rows, target, self.weights[rows, None] / self.total

    def value_and_gradient(self, state: State) -> tuple[float, State]:
        """P, and its Euclidean gradient."""
        q, s, h = state
        unit, spread = self.mixing @ q, s[self.owner]
        value = 0.5 * self.lam_w * float(s @ s) + 0.5 * self.lam_h * float(self.weights @ np.einsum("nd,nd->n", h, h))
        by_feature = self.lam_h * self.weights[:, None] * h
        by_output, turns = np.zeros(len(self.owner)), []
        for rows, target, share in self._blocks():
            along = h[rows] @ unit.T
            miss = along * spread - target
            pull = share * miss
            value += 0.5 * float(np.vdot(pull, miss))
            by_output += np.einsum("nf,nf->f", pull, along)
            pull *= spread
            by_feature[rows] += pull @ unit
            turns.append(stiefel.outer(self.mixing.T @ pull.T, h[rows]))
        by_norm = self.by_class(by_output) + self.lam_w * s
        return value, State(functools.reduce(operator.add, turns), by_norm, by_feature)

    def hessian_product(self, state: State, direction: State) -> State:
        """Derivative of the Euclidean gradient along ``direction``."""
        q, s, h = state
        dq, ds, dh = direction
        unit, turn, spread, dspread = self.mixing @ q, self.mixing @ dq, s[self.owner], ds[self.owner]
        by_feature = self.lam_h * self.weights[:, None] * dh
        by_output, turns = np.zeros(len(self.owner)), []
        for rows, target, share in self._blocks():
            along = h[rows] @ unit.T
            dalong = dh[rows] @ unit.T + h[rows] @ turn.T
            pull = share * (along * spread - target)
            dpull = share * (dalong * spread + along * dspread)
            by_output += np.einsum("nf,nf->f", dpull, along) + np.einsum("nf,nf->f", pull, dalong)
            dpull = dpull * spread + pull * dspread
            pull *= spread
            by_feature[rows] += dpull @ unit + pull @ turn
            pulls = np.vstack([dpull, pull])
            turns.append(stiefel.outer(self.mixing.T @ pulls.T, np.vstack([h[rows], dh[rows]])))
        return State(functools.reduce(operator.add, turns), self.by_class(by_output) + self.lam_w * ds, by_feature)

    def preconditioner(self, state: State, gradient: State) -> Callable[[State], State]:
        r"""Inverse of an approximate Hessian, block by block.

        Features: exact, :math:`\omega (W^\top W / S + \lambda_H)`, with :math:`W^\top W = Q^\top (C^\top s^2 C)\, Q`,
        whose middle is sparse. Norms: the diagonal. Rows: one number, so that tangent vectors stay tangent; it is the
        largest curvature, because frames that differ by a rotation are equally good and the rows need not move.
        """
        q, s, h = state
        middle = self.mixing.T @ sparse.diags_array(s[self.owner] ** 2 / self.total) @ self.mixing
        factor = splu(sparse.csc_array(middle + self.lam_h * sparse.eye_array(len(q))))
        unit = self.mixing @ q
        stiffness = np.full(len(s), self.lam_w)
        for rows, _, share in self._blocks():
            stiffness += self.by_class(np.einsum("nf,nf->f", share * (along := h[rows] @ unit.T), along))
        energy = np.bincount(self.labels, self.weights * np.einsum("nd,nd->n", h, h))
        turning = float(np.max(s**2 * energy)) / self.total + float(np.linalg.norm(gradient.rows))
        turning += np.finfo(float).tiny

        def apply(v: State) -> State:
            inside = q @ v.features.T
            kept = v.features / self.lam_h + (factor.solve(inside) - inside / self.lam_h).T @ q
            return State(v.rows / turning, v.norms / stiffness, kept / self.weights[:, None])

        return apply


class CosineObjective(Objective):
    r"""The cosine loss with a learned frame of unit norms.

    .. math::
        \sum_i \omega_i \Big[ \beta_k \sum_j (\langle (C Q)_j, h_i / |h_i| \rangle - 1)^2 + \lambda (|h_i| - 1)^2 \Big]

    A feature sees the centers of its own class. Norms are constants: their gradient is 0.
    """

    def __init__(self, problem: CosineProblem, bounds: Integers, share: Array) -> None:
        """See :class:`Objective`."""
        super().__init__(problem, bounds, share)
        self.beta, self.lam = self.share * problem.weights, self.share * problem.lam
        self.centers = np.concatenate(([0], np.cumsum(problem.centers)))

    def _classes(self) -> Iterator[tuple[int, slice, slice]]:
        for k in range(self.problem.n_classes):
            rows = slice(int(self.bounds[k]), int(self.bounds[k + 1]))
            yield k, rows, slice(int(self.centers[k]), int(self.centers[k + 1]))

    def value_and_gradient(self, state: State) -> tuple[float, State]:
        """Sum of the losses, and its Euclidean gradient."""
        unit, h = self.mixing @ state.rows, state.features
        value, by_center, by_feature = 0.0, np.empty_like(unit), np.empty_like(h)
        for k, rows, own in self._classes():
            values, by_feature[rows] = cosine(h[rows], unit[own], self.beta[k], self.lam[k])
            by_center[own] = cosine_center_gradient(h[rows], unit[own], self.beta[k])
            value += float(values.sum())
        return value, State(self.mixing.T @ by_center, np.zeros_like(state.norms), by_feature)

    def hessian_product(self, state: State, direction: State) -> State:
        """Derivative of the Euclidean gradient along ``direction``."""
        unit, turn = self.mixing @ state.rows, self.mixing @ direction.rows
        h, dh = state.features, direction.features
        by_center, by_feature = np.empty_like(unit), np.empty_like(h)
        for k, rows, own in self._classes():
            by_feature[rows], by_center[own] = cosine_hessian_product(
                h[rows], dh[rows], unit[own], self.beta[k], self.lam[k], turn[own]
            )
        return State(self.mixing.T @ by_center, np.zeros_like(state.norms), by_feature)

    def preconditioner(self, state: State, gradient: State) -> Callable[[State], State]:
        r"""One number per block or feature: the curvature :math:`2 \beta f c / r^2 + 2 \lambda` across and along."""
        size = np.asarray(self.problem.centers) * center_cosine(self.problem.centers, self.problem.theta)
        squares = np.einsum("nd,nd->n", state.features, state.features)
        stiffness = 2.0 * (self.beta * size)[self.labels] / squares + 2.0 * self.lam[self.labels]
        turning = 2.0 * float(np.max(self.beta * np.diff(self.bounds) * size)) + float(np.linalg.norm(gradient.rows))
        return lambda v: State(v.rows / turning, v.norms, v.features / stiffness[:, None])


@functools.singledispatch
def objective_of(problem: MultiCenterProblem, bounds: Integers, share: Array) -> Objective:
    """The objective that a problem with a learned frame names; see :class:`Objective` for the arguments."""
    raise TypeError(f"{type(problem).__name__} has no learned frame")


objective_of.register(CosineProblem, CosineObjective)
objective_of.register(MSEProblem, MSEObjective)


@overload
def objective_at(problem: MSEProblem, state: State) -> MSEObjective: ...
@overload
def objective_at(problem: MultiCenterProblem, state: State) -> Objective: ...
def objective_at(problem: MultiCenterProblem, state: State) -> Objective:
    """The objective that a problem names, for the feature rows of a state: one per class or one per sample."""
    bounds = class_bounds(problem, state)
    return objective_of(problem, bounds, np.asarray(problem.class_sizes) / np.diff(bounds))
