"""Minimisers of a problem with a fixed frame, each with a lower bound that proves how good it is."""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from scipy import linalg, optimize

from ufm.frames import Array, Frame, dense
from ufm.losses import cosine, cosine_hessian_product, loss_of
from ufm.problem import Problem
from ufm.setup import fitting_frame
from ufm.start import require_features


@dataclass(frozen=True)
class Solution:
    """A minimiser of the objective over all features.

    All samples of a class share their minimiser, so one feature per class says everything.

    Attributes
    ----------
    problem, frame : what was solved.
    class_features : (K, d).
    value : the objective.
    bound : a number that no features can go below (a dual value, computed from the frame alone).
    status : "optimal" if the gap is below 1e-9 of the value (or of 1, if that is larger), else "inexact".
    stats : seconds, and iterations of the worst class.
    """

    problem: Problem
    frame: Frame
    class_features: Array
    value: float
    bound: float
    status: Literal["optimal", "inexact"]
    stats: dict[str, Any]

    @property
    def gap(self) -> float:
        """value - bound, >= 0 up to rounding: an upper bound on what could still be gained."""
        return self.value - self.bound

    @cached_property
    def features(self) -> Array:
        """The minimiser, (N, d). Raises MemoryError if it would not fit."""
        require_features(self.problem)
        return np.repeat(self.class_features, self.problem.class_sizes, axis=0)


def minimize(problem: Problem, *, frame: Frame | None = None, seed: int = 0) -> Solution:
    r"""Minimise the objective over the features, for a fixed frame.

    Cosine loss: Newton's method in a trust region from a random start in the span of the class's centers and one
    direction more; the
    bound is the dual of the quadratic on the sphere, :math:`\max_\mu f - \mu - b^\top (G + \mu I)^{-1} b` with
    :math:`G = \sum_j w_j w_j^\top` and :math:`b = \sum_j w_j`, at the multiplier of the solution. P: one
    regularised least-squares problem per class, with the bound of its dual; for ``lam_h = 0`` the minimiser of
    smallest norm.

    Parameters
    ----------
    problem : what to solve.
    frame : any frame; by default the problem's multi-center frame in coordinate vectors.
    seed : of the random start.

    Raises
    ------
    ValueError : a frame that does not belong to the problem.

    Examples
    --------
    >>> solution = minimize(Problem(class_sizes=(30, 10), centers=(2, 6), theta=0.2, dim=32))
    >>> solution.status, solution.gap < 1e-9
    ('optimal', True)
    """
    began = time.perf_counter()
    frame = fitting_frame(problem, frame)
    solve = _solve_cosine if problem.loss == "cosine" else _solve_mse
    features, bounds, iterations = [], [], 0
    for k in range(problem.n_classes):
        feature, bound, count = solve(problem, frame, k, seed)
        features.append(feature)
        bounds.append(bound)
        iterations = max(iterations, count)
    loss, sizes = loss_of(problem, frame), np.asarray(problem.class_sizes)
    values = np.array([loss.value_and_gradient(h[None], k)[0][0] for k, h in enumerate(features)])
    value, bound = (float(sizes @ np.asarray(v)) + loss.constant for v in (values, bounds))
    optimal = value - bound <= 1e-9 * max(1.0, abs(value))
    stats = {"seconds": time.perf_counter() - began, "iterations": iterations, "seed": seed}
    return Solution(problem, frame, np.array(features), value, bound, "optimal" if optimal else "inexact", stats)


def _solve_cosine(problem: Problem, frame: Frame, k: int, seed: int) -> tuple[Array, float, int]:
    own = dense(frame.class_centers(k))
    _, sizes, basis = linalg.svd(own, full_matrices=False)
    basis = basis[sizes > 1e-12 * sizes[0]]
    # One more direction, outside the span: without it a single center could not be reached from its far side.
    centers = np.column_stack([own @ basis.T, np.zeros(len(own))])
    beta, lam = float(problem.weights[k]), float(problem.lam or 0.0)
    start = np.random.default_rng((seed, k)).standard_normal(len(basis) + 1)
    # lam = 0 leaves the norm free: the penalty only picks one of the minimisers.
    penalty = lam or beta
    answer = optimize.minimize(
        lambda h: tuple(part[0] for part in cosine(h[None], centers, beta, penalty)),
        start,
        jac=True,
        hess=lambda h: cosine_hessian_product(h, np.eye(len(h)), centers, beta, penalty),
        method="trust-exact",
        options={"gtol": 1e-12, "maxiter": 500},
    )
    return answer.x[:-1] @ basis, beta * _sphere_bound(answer.x, centers), int(answer.nit)


def _sphere_bound(h: Array, centers: Array) -> float:
    """Dual value of min |W u - 1|^2 over the unit sphere of the whole space, at the multiplier of a candidate."""
    u = h / np.linalg.norm(h)
    gram, b = centers.T @ centers, centers.sum(axis=0)
    eigenvalues, vectors = linalg.eigh(gram)
    # Stationarity (G + mu) u = b gives the multiplier. The dual needs G + mu >= 0 on the whole space, where G has
    # the eigenvalue 0 besides those of the span: so mu >= 0.
    mu = max(float(u @ (b - gram @ u)), 0.0)
    weights = (vectors.T @ b) ** 2
    return float(len(centers) - mu - np.sum(weights / (eigenvalues + mu)))


def _solve_mse(problem: Problem, frame: Frame, k: int, seed: int) -> tuple[Array, float, int]:
    total, lam = problem.total, float(problem.lam_h or 0.0)
    weights, residual = _ridge(problem, frame, k)
    feature = np.asarray(weights @ frame.centers).ravel()
    # Dual of |W h - y|^2 / (2S) + lam |h|^2 / 2 at nu = (y - W h) / S: nu y - S |nu|^2 / 2 - |W^T nu|^2 / (2 lam)
    nu = residual / total
    slope = np.asarray(nu @ frame.centers).ravel()
    own = slice(int(frame.offsets[k]), int(frame.offsets[k + 1]))
    bound = float(nu[own].sum()) - 0.5 * total * float(nu @ nu)
    return feature, bound - (float(slope @ slope) / (2.0 * lam) if lam > 0 else 0.0), 1


def _ridge(problem: Problem, frame: Frame, k: int) -> tuple[Array, Array]:
    """Coefficients a with h = W^T a, and the residual y - W h, by (W W^T + lam S I) a = y."""
    own = slice(int(frame.offsets[k]), int(frame.offsets[k + 1]))
    ridge = float(problem.lam_h or 0.0) * problem.total
    y = np.zeros(problem.n_centers)
    y[own] = 1.0
    foreign = np.asarray(dense(frame.centers @ dense(frame.class_centers(k)).T))
    foreign[own] = 0.0
    if (
        np.abs(foreign).max(initial=0.0) < 1e-13 * float(frame.geometry.length.max()) ** 2
    ):  # no center of another class is touched: the small system is exact
        inside = dense(frame.class_centers(k))
        gram = inside @ inside.T
        part = linalg.lstsq(gram + ridge * np.eye(len(gram)), np.ones(len(gram)))[0]
        coefficients = np.zeros_like(y)
        coefficients[own] = part
    else:
        gram = dense(frame.centers @ frame.centers.T)
        coefficients = linalg.lstsq(gram + ridge * np.eye(len(gram)), y)[0]
    feature = np.asarray(coefficients @ frame.centers).ravel()
    return coefficients, y - np.asarray(frame.centers @ feature).ravel()
