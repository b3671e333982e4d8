"""Where optimisation can end: minimisers from many starts, critical points, and the curvature at each of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize
from scipy.linalg import null_space
from scipy.sparse.linalg import LinearOperator, eigsh

from ufm.certify.ledger.simulations import SEED
from ufm.files.blas import one_thread
from ufm.measure.metrics import collapse, unit_rows
from ufm.problems.frames import Array, Frame, multi_center_frame
from ufm.problems.kinds import CosineProblem
from ufm.problems.losses import CosineLoss, MSELoss, loss_of
from ufm.problems.problem import MultiCenterProblem


@dataclass(frozen=True)
class Ends:
    """Where descent from random starts ended; arrays of shape (K, n_starts).

    Attributes
    ----------
    nc : distance of the end's direction from the mean center, as NC in [0, 4].
    norm : length of the feature.
    value : loss of the feature.
    """

    nc: Array
    norm: Array
    value: Array


def descend_from_everywhere(problem: MultiCenterProblem, n_starts: int, *, seed: int = SEED) -> Ends:
    """Minimise the loss of one feature of each class from wide Gaussian starts in all d dimensions (L-BFGS).

    Parameters
    ----------
    problem : with a fixed frame, which is drawn.
    n_starts : starts per class, >= 1.
    seed : of frame and starts.
    """
    frame, loss, rng = _prepared(problem, n_starts, seed)
    rows = []
    for k in range(problem.n_classes):
        for start in 3.0 * rng.standard_normal((n_starts, frame.dim)):

            def value_and_gradient(h: Array, k: int = k) -> tuple[float, Array]:
                values, gradients = loss.value_and_gradient(h[None], k)
                return float(values[0]), gradients[0]

            with one_thread():
                end = optimize.minimize(value_and_gradient, start, jac=True, method="L-BFGS-B", options=TIGHT)
            (nc,) = collapse(end.x[None], np.array([0]), frame.pick([k]))
            rows.append((nc, np.linalg.norm(end.x), end.fun))
    return Ends(*np.array(rows).T.reshape(3, problem.n_classes, n_starts))


TIGHT = {"gtol": 1e-12, "ftol": 0.0, "maxiter": 20_000, "maxfun": 50_000}
"""Options of L-BFGS: only the gradient, or its own line search at the limit of rounding, stops it."""


@dataclass(frozen=True)
class CriticalPoint:
    """A zero of the gradient of one class's loss.

    Attributes
    ----------
    k : the class.
    nc : distance of its direction from the mean center, in [0, 4]; 4 is the antipode.
    value : loss.
    lowest, highest : smallest and largest eigenvalue of the Riemannian Hessian on the sphere through the point for
        the cosine loss; of the Hessian for P, which lives in flat space.
    hits : how many of the starts ended here.
    """

    k: int
    nc: float
    value: float
    lowest: float
    highest: float
    hits: int


SAME = 1e-3
"""Relative distance within which zeros are one: where the loss is quartic they are found to a third of the digits."""


def critical_points(problem: MultiCenterProblem, n_starts: int, *, seed: int = SEED) -> list[CriticalPoint]:
    """Zeros of the gradient, of whatever kind, by Newton's method from many starts, with their curvatures.

    The search does not descend, so it finds minima, saddles and maxima alike (Powell's hybrid method with the
    analytic Hessian). Starts are unit vectors whose cosine with the mean center is uniform in [-1, 1], so that
    both poles have their share. Those that end nowhere, with a gradient above 1e-12, are left out. Eigenvalues come
    from Lanczos iterations on Hessian-vector products. For the cosine loss ``lam`` must be positive, or critical
    points would come in rays.

    Parameters
    ----------
    problem, n_starts, seed : as in :func:`descend_from_everywhere`.

    Returns
    -------
    Distinct points, class by class, in order of their value.
    """
    if isinstance(problem, CosineProblem) and not problem.lam:
        raise ValueError("lam=0 leaves the norm free: critical points come in rays; choose a positive lam")
    frame, loss, rng = _prepared(problem, n_starts, seed)
    points: list[CriticalPoint] = []
    for k in range(problem.n_classes):
        zeros = []
        for start in _around(frame.direction(k), n_starts, rng):
            root = optimize.root(
                lambda h, k=k: loss.value_and_gradient(h[None], k)[1][0],
                start,
                jac=lambda h, k=k: loss.hessian_product(h, np.eye(frame.dim), k),
                options={"xtol": 1e-14, "maxfev": 1000},
            )
            if np.linalg.norm(root.x) > 0 and np.linalg.norm(root.fun) <= 1e-12:
                zeros.append(root.x)
        found = []
        while zeros:
            one, before = zeros[0], len(zeros)
            zeros = [zero for zero in zeros if np.linalg.norm(zero - one) >= SAME * np.linalg.norm(one)]
            found.append(_described(problem, frame, loss, k, one, before - len(zeros)))
        points += sorted(found, key=lambda point: point.value)
    return points


def _around(pole: Array, n: int, rng: np.random.Generator) -> Array:
    """Unit vectors (n, d) whose cosine with ``pole`` is uniform in [-1, 1]."""
    x = rng.uniform(-1.0, 1.0, (n, 1))
    aside = rng.standard_normal((n, pole.size))
    aside -= (aside @ pole)[:, None] * pole
    return x * pole + np.sqrt(1.0 - x**2) * unit_rows(aside)


def _prepared(problem: MultiCenterProblem, n_starts: int, seed: int) -> tuple[Frame, Any, np.random.Generator]:
    if n_starts < 1:
        raise ValueError(f"n_starts={n_starts} must be positive")
    frame = multi_center_frame(problem, seed=seed)
    return frame, loss_of(problem, frame), np.random.default_rng(seed)


def _described(
    problem: MultiCenterProblem, frame: Frame, loss: CosineLoss | MSELoss, k: int, feature: Array, hits: int
) -> CriticalPoint:
    values, _ = loss.value_and_gradient(feature[None], k)
    (nc,) = collapse(feature[None], np.array([0]), frame.pick([k]))
    lowest, highest = curvature(problem, frame, feature, k)
    return CriticalPoint(k, float(nc), float(values[0]), lowest, highest, hits)


def curvature(problem: MultiCenterProblem, frame: Frame, feature: Array, k: int) -> tuple[float, float]:
    """Smallest and largest eigenvalue of the Hessian at a critical point of class ``k``, by Lanczos.

    For the cosine loss of the Riemannian Hessian on the sphere of the feature's norm: at a critical point that is the
    Hessian itself, restricted to what is orthogonal to the feature.
    """
    loss: Any = loss_of(problem, frame)
    tangents = null_space(feature[None]) if isinstance(problem, CosineProblem) else np.eye(feature.size)

    def product(v: Array) -> Array:
        return np.asarray(loss.hessian_product(feature, (tangents @ v.ravel())[None], k)[0] @ tangents)

    # Any direction may be the extreme one; the start is random so that none of them is missed.
    start = np.random.default_rng(k).standard_normal(tangents.shape[1])
    return _extreme(product, start, "SA"), _extreme(product, start, "LA")


def _extreme(product: Callable[[Array], Array], start: Array, which: str) -> float:
    dim = start.size
    if dim <= 2:  # Lanczos needs room
        matrix = np.column_stack([product(column) for column in np.eye(dim)])
        return float(np.linalg.eigvalsh(0.5 * (matrix + matrix.T))[0 if which == "SA" else -1])
    if not np.any(product(start)):  # a random vector is sent to 0: so are all, and Lanczos has nothing to begin with
        return 0.0
    operator = LinearOperator((dim, dim), matvec=product, dtype=np.float64)
    (eigenvalue,) = eigsh(operator, k=1, which=which, v0=start, tol=1e-10, return_eigenvectors=False, maxiter=100 * dim)
    return float(eigenvalue)
