r"""Riemannian trust region with truncated conjugate gradients (Steihaug; Absil, Baker and Gallivan, 2007).

It minimises a smooth function on any manifold that can say, at each of its points, what the function looks like from
there (:class:`Local`). Lengths of steps are measured in the norm of the preconditioner, whose square has the unit of
the function: radius and tolerance need no tuning to the scale of the variables.
"""

import math
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, Protocol, Self, TypeVar

import numpy as np
from scipy import optimize

from ufm.files.bars import tqdm
from ufm.problems.frames import Array

SLOPE, DECREMENT = 1e-10, 1e-11
"""Default tolerances. The second one asks for the value to 1e-22 of its unit, so that its minimiser is known to half of
these digits: far below what differences of values can tell, near where gradients are rounding."""

NOISE = 1e3 * float(np.finfo(float).eps)
"""Relative difference of values that counts as rounding."""


FORCING = 1e-3, 0.1
"""Least and largest accuracy of a step, relative to the gradient: superlinear, but nothing that rounding has to pay."""

FLAT = 1e-10
"""Curvature, relative to the preconditioner's, that counts as none: a symmetry of the function, along which it is
constant and nothing can be gained."""


TINY = float(np.finfo(float).tiny)


class Local(Protocol):
    """A function at one point of its manifold. Tangent vectors are flat arrays, their inner product the usual one."""

    value: float
    gradient: Array
    """Riemannian gradient."""

    def hessian(self, v: Array) -> Array:
        """Riemannian Hessian along a tangent vector."""
        ...

    def precondition(self, v: Array) -> Array:
        """A positive definite symmetric map of tangent vectors, roughly the inverse of the Hessian."""
        ...

    def move(self, v: Array) -> Self:
        """The function at the point that a tangent vector leads to."""
        ...


L = TypeVar("L", bound=Local)


def descended(
    local: L, *, slope: float, unit: float = 1.0, low: Array | None = None, memory: int = 30, max_iterations: int = 3000
) -> L:
    """Where L-BFGS gets to in a flat space, from a point of it: the way to go where curvature misleads.

    slope : largest entry of the gradient, by steps in units of ``unit``, at which it ends. low : bounds of the steps.
    """

    def at(x: Array) -> tuple[float, Array]:
        there = local.move(unit * x)
        return there.value, unit * there.gradient

    options = {"maxcor": memory, "maxiter": max_iterations, "maxfun": 4 * max_iterations, "ftol": 0.0, "gtol": slope}
    bounds = None if low is None else optimize.Bounds(low / unit, np.inf)
    start = np.zeros(local.gradient.size)
    found = optimize.minimize(at, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return local.move(unit * found.x)


@dataclass(frozen=True)
class Ending(Generic[L]):
    """Where the iteration ended, and why.

    Attributes
    ----------
    local : the last point.
    status : "optimal" if the tolerances are met (a critical point that descent has led to), else "stopped".
    reason : in words.
    slope : norm of the gradient.
    decrement : norm of the gradient in the inverse of the preconditioner, whose square is about what can be gained.
    iterations, products : steps tried, and Hessian products.
    """

    local: L
    status: Literal["optimal", "stopped"]
    reason: str
    slope: float
    decrement: float
    iterations: int
    products: int


class Step(NamedTuple):
    """A minimiser of the quadratic model."""

    step: Array
    gain: float
    """By how much the model goes down."""
    length: float
    """In the norm of the preconditioner."""
    on_boundary: bool
    products: int


def minimize_locally(
    local: L,
    *,
    slope: float = SLOPE,
    decrement: float = DECREMENT,
    max_iterations: int = 500,
    max_products: int = 1000,
    progress: bool = False,
) -> Ending[L]:
    """Minimise from the point of ``local``.

    Parameters
    ----------
    local : where to begin.
    slope, decrement : tolerances, > 0; both must be met.
    max_iterations : steps to try, >= 0.
    max_products : Hessian products per step, >= 1.
    progress : show a bar on stderr.
    """
    radius = math.sqrt(2.0 * max(abs(local.value), TINY))
    whitened = local.precondition(local.gradient)
    products, iteration, reason = 0, 0, f"{max_iterations} iterations are spent"
    status: Literal["optimal", "stopped"] = "stopped"
    with tqdm(desc="trust region", unit="step", disable=not progress) as bar:
        while True:
            steepness = float(np.linalg.norm(local.gradient))
            left = math.sqrt(max(float(local.gradient @ whitened), 0.0))
            bar.set_postfix(value=local.value, slope=steepness, refresh=False)
            bar.update()
            if steepness <= slope and left <= decrement:
                status, reason = "optimal", "the gradient is 0 within the tolerances"
                break
            if not np.isfinite(left) or iteration >= max_iterations:
                reason = reason if np.isfinite(left) else "the gradient is not finite"
                break
            iteration += 1
            trial = truncated_cg(local, whitened, radius, max_products)
            products += trial.products
            moved = local.move(trial.step)
            drop = local.value - moved.value
            if trial.gain <= NOISE * abs(local.value):
                # Differences of values are rounding here; slopes are not yet, and integrate to them (trapezoidal rule).
                drop = -0.5 * float((local.gradient + moved.gradient) @ trial.step)
            agreement = drop / trial.gain if trial.gain > 0 else 0.0
            if agreement > 0.75 and trial.on_boundary:
                radius *= 2.0
            elif not agreement >= 0.25:
                radius = 0.25 * trial.length
            if agreement > 0.1:
                local, whitened = moved, moved.precondition(moved.gradient)
            if radius < np.finfo(float).eps * left or radius < 1e-3 * decrement:
                reason = f"no step goes down within rounding, at a gradient of {steepness:.2g}"
                break
    return Ending(local, status, reason, steepness, left, iteration, products)


def truncated_cg(local: Local, whitened: Array, radius: float, max_products: int) -> Step:
    """Steihaug's step: conjugate gradients until the boundary, negative curvature, or superlinear accuracy."""
    residual, direction = local.gradient.copy(), -whitened
    step, bent = np.zeros_like(residual), np.zeros_like(residual)
    left = first = float(residual @ whitened)
    # In the preconditioner's inner product: step with step, step with direction, direction with direction.
    inside, across, length = 0.0, 0.0, left
    relative = math.sqrt(first / max(abs(local.value), TINY))
    accuracy = first * min(max(relative, FORCING[0]), FORCING[1]) ** 2
    count, on_boundary = 0, False
    while count < max_products:
        product = local.hessian(direction)
        count += 1
        curvature = float(direction @ product)
        bend_is_rounding = curvature <= 0 and first <= NOISE * abs(local.value)
        if count > 1 and (abs(curvature) <= FLAT * length or bend_is_rounding):
            break
        alpha = left / curvature if curvature > 0 else np.inf
        reached = inside + 2.0 * alpha * across + alpha**2 * length
        if not reached < radius**2:
            alpha = (math.sqrt(across**2 + length * (radius**2 - inside)) - across) / length
            on_boundary = True
        step += alpha * direction
        bent += alpha * product
        if on_boundary:
            break
        inside = reached
        residual += alpha * product
        whitened = local.precondition(residual)
        previous, left = left, float(residual @ whitened)
        if left <= accuracy:
            break
        beta = left / previous
        across = beta * (across + alpha * length)
        length = left + beta**2 * length
        direction = beta * direction - whitened
    gain = -float(step @ (local.gradient + 0.5 * bent))
    return Step(step, gain, radius if on_boundary else math.sqrt(inside), on_boundary, count)
