"""Minimisers of a problem, each with a lower bound that proves how good it is: one verb for every kind of problem."""

import functools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg, optimize

from ufm.files import memory
from ufm.minimize.certificate import certify_bound
from ufm.minimize.learned import CLOSED, LearnedMethod, minimize_learned
from ufm.minimize.solution import Solution
from ufm.problems.deep_model import DeepModel
from ufm.problems.dot_regression_model import DotRegressionModel
from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array, Frame, dense, fitting_frame
from ufm.problems.kinds import CosineProblem, LearnedCosineProblem, LearnedMSEProblem, MSEProblem
from ufm.problems.losses import cosine, cosine_hessian_product, loss_of
from ufm.problems.problem import MultiCenterProblem, Problem, natural, require_problem
from ufm.problems.sphere_model import SphereModel

if TYPE_CHECKING:
    from ufm.minimize.deep import DeepGeometry
    from ufm.minimize.dot_regression import DotRegressionGeometry
    from ufm.minimize.full import FullGeometry
    from ufm.minimize.geometry import Geometry
    from ufm.minimize.sphere import SphereGeometry


@dataclass(frozen=True)
class Asked:
    """Arguments of :func:`minimize` besides the problem."""

    frame: Frame | None
    seed: int
    method: LearnedMethod
    start: Sequence[ArrayLike] | None
    progress: bool

    def require_plain(self, *methods: str) -> None:
        """Raise ValueError for options that a model without a frame does not have, but for ``methods``."""
        if self.frame is not None or self.start is not None or self.method not in ("auto", *methods):
            allowed = f"; method is {' or '.join(map(repr, methods))} here" if methods else ""
            raise ValueError(f"frame, start and method are for problems with multiple centers{allowed}")


@overload
def minimize(  # type: ignore[overload-overlap]
    problem: DeepModel, *, seed: int = 0, progress: bool = False
) -> "DeepGeometry": ...
@overload
def minimize(problem: DotRegressionModel) -> "DotRegressionGeometry": ...
@overload
def minimize(
    problem: FeatureModel, *, method: Literal["auto", "means"] = "auto", progress: bool = False
) -> "Geometry": ...
@overload
def minimize(
    problem: FeatureModel, *, method: Literal["full"], seed: int = 0, progress: bool = False
) -> "FullGeometry": ...
@overload
def minimize(
    problem: SphereModel,
    *,
    seed: int = 0,
    method: Literal["auto", "means", "full"] = "auto",
    progress: bool = False,
) -> "SphereGeometry": ...
@overload
def minimize(
    problem: MultiCenterProblem,
    *,
    frame: Frame | None = None,
    seed: int = 0,
    method: LearnedMethod = "auto",
    start: Sequence[ArrayLike] | None = None,
    progress: bool = False,
) -> Solution: ...
def minimize(
    problem: Any,
    *,
    frame: Frame | None = None,
    seed: int = 0,
    method: LearnedMethod = "auto",
    start: Sequence[ArrayLike] | None = None,
    progress: bool = False,
) -> Any:
    r"""Minimise the objective over the features, and over the frame if the problem has ``frame="learned"``.

    Fixed frame, cosine loss: Newton's method in a trust region from a random start in the span of the class's centers
    and one direction more; the bound is the dual of the quadratic on the sphere,
    :math:`\max_\mu f - \mu - b^\top (G + \mu I)^{-1} b` with :math:`G = \sum_j w_j w_j^\top` and
    :math:`b = \sum_j w_j`, at the multiplier of the solution. P: one regularised least-squares problem per class, with
    the bound of its dual; for ``lam_h = 0`` the minimiser of smallest norm.

    Learned frame: a Riemannian trust region; for P one without rotations, which leave P alone
    (:mod:`ufm.minimize.turned`), or variable projection (:mod:`ufm.minimize.projection`). The bound is the dual value
    of a convex problem below all frames: the gap certifies global optimality. See :mod:`ufm.minimize.certificate`.

    A :class:`ufm.FeatureModel` gives a :class:`ufm.Geometry`: its convex program is solved by
    :mod:`ufm.minimize.convex`, with the dual value as bound. What is not convex gives the best end of many starts: a
    :class:`ufm.DeepModel` with a bound for the squared loss only, a :class:`ufm.SphereModel` with one that proves it
    where there are dimensions enough. A :class:`ufm.DotRegressionModel` is a least-squares problem on a ball for each
    class.

    Parameters
    ----------
    problem : what to solve.
    frame : fixed frame only: any frame; by default the problem's multi-center frame in coordinate vectors.
    seed : of the random start, or starts.
    method : not of a fixed frame. "means": one feature per class; "full": one per sample, which tests the collapse
        itself; "projected", of P alone: its features eliminated, the fastest; "auto": "projected" for P, else "means".
    start : learned frame only: rows (F + K, d) orthonormal, norms (K,), features (K, d) or (N, d), for example a
        :class:`ufm.State`; by default a random frame and Gaussian features; for "projected", which sees norms only, a
        frame in coordinate vectors.
    progress : learned frame, or many starts: show a bar on stderr.

    Raises
    ------
    ValueError : a frame or a start that does not belong to the problem; an option that has no meaning for it.
    MemoryError : a learned frame that would not fit.

    Examples
    --------
    >>> from ufm import Problem
    >>> solution = minimize(Problem(class_sizes=(30, 10), centers=(2, 6), theta=0.2, dim=32))
    >>> solution.status, solution.gap < 1e-9
    ('optimal', True)

    A class with too few samples dies where the frame is learned:

    >>> problem = Problem((100, 10, 1), 1, 0.3, loss="mse", lam_h=2e-2, lam_w=3e-2, frame="learned")
    >>> solution = minimize(problem)
    >>> solution.status, round(solution.value, 4), solution.living.tolist()
    ('optimal', 0.2603, [True, True, False])
    """
    require_problem(problem, Problem)
    natural("seed", seed)
    return solution_of(problem, Asked(frame, seed, method, start, progress))


@functools.singledispatch
def solution_of(problem: Problem, asked: Asked) -> Any:
    """The solution for a kind of problem; a kind with a solver of its own registers it."""
    raise TypeError(f"no solver is known for a {type(problem).__name__}")


@solution_of.register(LearnedCosineProblem)
@solution_of.register(LearnedMSEProblem)
def _(problem: LearnedCosineProblem | LearnedMSEProblem, asked: Asked) -> Solution:
    if asked.frame is not None:
        raise ValueError("frame was given, but frame='learned' of the problem makes it an unknown: pass a start")
    return minimize_learned(problem, asked.method, asked.start, asked.seed, asked.progress)


@solution_of.register(CosineProblem)
@solution_of.register(MSEProblem)
def _(problem: CosineProblem | MSEProblem, asked: Asked) -> Solution:
    """Class by class: nothing couples features where the frame is fixed."""
    if asked.method != "auto" or asked.start is not None:
        raise ValueError(f"method={asked.method!r} and start are for frame='learned': this problem has frame='fixed'")
    began = time.perf_counter()
    frame = fitting_frame(problem, asked.frame)
    shape = problem.n_classes, frame.dim
    memory.require(16 * math.prod(shape), f"features of shape {shape}", "take fewer classes or centers")
    found = [_class_feature(problem, frame, k, asked.seed) for k in range(problem.n_classes)]
    features = np.array([feature for feature, _ in found])
    loss = loss_of(problem, frame)
    values, _ = loss.value_and_gradient(features, np.arange(problem.n_classes))
    value = float(np.asarray(problem.class_sizes) @ values) + loss.constant
    certificate = certify_bound(problem, frame, features)
    optimal = value - certificate.bound <= CLOSED * max(1.0, abs(value))
    status: Literal["optimal", "inexact"] = "optimal" if optimal else "inexact"
    stats: dict[str, Any] = {
        "seconds": time.perf_counter() - began,
        "iterations": max(count for _, count in found),
        "seed": asked.seed,
    }
    return Solution(problem, frame, features, value, certificate, status, stats)


@functools.singledispatch
def _class_feature(problem: MultiCenterProblem, frame: Frame, k: int, seed: int) -> tuple[Array, int]:
    """The feature (d,) that minimises the loss of class ``k``, and iterations."""
    raise TypeError(type(problem).__name__)


@_class_feature.register
def _(problem: CosineProblem, frame: Frame, k: int, seed: int) -> tuple[Array, int]:
    own = dense(frame.class_centers(k))
    _, sizes, basis = linalg.svd(own, full_matrices=False)
    basis = basis[sizes > 1e-12 * sizes[0]]
    # One more direction, outside the span: without it a single center could not be reached from its far side.
    centers = np.column_stack([own @ basis.T, np.zeros(len(own))])
    beta, lam = float(problem.weights[k]), problem.lam
    start = np.random.default_rng((seed, k)).standard_normal(len(basis) + 1)
    # lam = 0 leaves the norm free: the penalty only picks one of the minimisers.
    penalty = lam or beta
    answer = optimize.minimize(
        lambda h: tuple(part[0] for part in cosine(h[None], centers, beta, penalty)),
        start,
        jac=True,
        hess=lambda h: cosine_hessian_product(h[None], np.eye(len(h)), centers, beta, penalty)[0],
        method="trust-exact",
        options={"gtol": 1e-12, "maxiter": 500},
    )
    return answer.x[:-1] @ basis, int(answer.nit)


@_class_feature.register
def _(problem: MSEProblem, frame: Frame, k: int, seed: int) -> tuple[Array, int]:
    """h = W^T a with (W W^T + lam S I) a = y."""
    own = slice(int(frame.offsets[k]), int(frame.offsets[k + 1]))
    ridge = problem.lam_h * problem.total
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
    return np.asarray(coefficients @ frame.centers).ravel(), 1
