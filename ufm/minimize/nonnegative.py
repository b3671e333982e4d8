r"""Features that are not negative, as behind a ReLU: many starts, and a bound of its own.

The program of :mod:`ufm.minimize.convex` over factors :math:`A = U V^\top` with :math:`V \ge 0` is not convex in A. But
a dimension of features is a vector :math:`v \ge 0` over the classes, and in the dual only

.. math:: \max_{v \ge 0,\, |v| = 1} |G v| \le \sqrt{\lambda_{\max}(S)} , \qquad
    S = \text{the Gram matrix } G^\top G \text{ without its negative off-diagonal numbers}

takes the place of :math:`|G|_{op}`. So slopes prove a bound as before, and it is met where different classes want
different directions.
"""

import time
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from scipy import linalg

from ufm.files.blas import one_thread
from ufm.minimize.certificate import Certificate, bound_of
from ufm.minimize.convex import SLOPE, require_convex
from ufm.minimize.factored import Factored, nothing_but_bias
from ufm.minimize.geometry import Geometry
from ufm.minimize.layouts import Whole
from ufm.minimize.nuclear import NuclearBound
from ufm.minimize.solve import Asked, solution_of
from ufm.minimize.trust_region import descended, minimize_locally
from ufm.problems.feature_model import NonnegativeModel
from ufm.problems.frames import Array

STARTS = 12
"""Tried unless the gap closes before: one feature for each class first, then features at random."""


class ConeBound(NuclearBound):
    """Weak duality where features are not negative: see the formulas above."""

    statement = NuclearBound.statement.replace(
        "|G|_op", "the root of the largest eigenvalue of G^T G without its negative off-diagonal numbers"
    )

    @staticmethod
    def strongest(by_m: Array, inside: Array) -> float:
        """What takes the place of the operator norm."""
        gram = by_m.T @ by_m
        cut = np.where((gram < 0.0) & ~np.eye(len(gram), dtype=bool), 0.0, gram)
        return float(np.sqrt(max(linalg.eigvalsh(cut)[-1], 0.0)))


class Masked(Factored):
    """A point of which only some numbers may move."""

    mask: Array

    def __init__(self, layout: Any, lam: float, decay: float, parts: Any, mask: Array | None = None) -> None:
        """As :class:`Factored`; ``mask`` is 1 where a number may move, of the length of the gradient."""
        super().__init__(layout, lam, decay, parts)
        self.mask = np.ones(self.gradient.size) if mask is None else mask
        self.gradient = self.gradient * self.mask

    def hessian(self, x: Array) -> Array:
        """Of what may move."""
        return self.mask * super().hessian(self.mask * x)

    def precondition(self, x: Array) -> Array:
        """Of what may move."""
        return self.mask * super().precondition(self.mask * x)

    def move(self, x: Array) -> Self:
        """Addition."""
        moved = super().move(x)
        return type(self)(self.layout, self.lam, self.decay, moved.parts, self.mask)


@dataclass(frozen=True, eq=False)
class ConeGeometry(Geometry):
    """Where training ends behind a ReLU: as :class:`Geometry`, by factors that are not those of a singular value."""

    factors: tuple[Array, Array] = field(kw_only=True)
    """U (K, d) and V (K, d)."""

    @property
    def _weights(self) -> tuple[Array, Array]:
        gram = self.ratio * self.factors[0] @ self.factors[0].T
        return np.diag(gram), gram

    @property
    def _features(self) -> tuple[Array, Array]:
        root = self.layout.root
        gram = self.factors[1] @ self.factors[1].T / self.ratio
        gram = gram / np.outer(root, root)
        return np.diag(gram), gram


def cone_geometry_of(model: NonnegativeModel) -> ConeGeometry:
    """The best of many starts; proved to be a minimum where its gap is closed."""
    model.require_decay()
    began, layout, bound = time.perf_counter(), Whole(model), ConeBound(model)
    require_convex(layout, model)
    found = []
    for seed in range(STARTS):
        with one_thread(layout.counts.size):
            local = _revived(_polished(_descended(_start(model, layout, seed))))
        multiplier = bound.of(local)
        proved = bound.value(multiplier)
        found.append((local.value, seed, local, Certificate(bound.statement, multiplier, proved, model.key)))
        if local.value - proved <= 1e-11 * layout.value_at_zero:
            break
    value, _, local, _ = min(found, key=lambda each: each[:2])
    certificate = max((each[3] for each in found), key=lambda each: each.bound)
    stats = {"seconds": time.perf_counter() - began, "starts": len(found), "reason": f"best of {len(found)} starts"}
    u, v, _, b = local.parts
    return ConeGeometry(model, layout, local.matrix, np.zeros(0), b, value, certificate, stats, factors=(u, v))


def _start(model: NonnegativeModel, layout: Whole, seed: int) -> Masked:
    rng, (rows, columns) = np.random.default_rng(seed), layout.shape
    u, v = 0.5 * rng.standard_normal((rows, model.dim)), 0.5 * np.abs(rng.standard_normal((columns, model.dim)))
    if not seed:
        v = v * np.eye(columns, model.dim) + 1e-3 * v
    return Masked(layout, model.strength, model.bias_decay, (u, v, *nothing_but_bias(layout, model)))


def _descended(start: Masked) -> Masked:
    """L-BFGS, where no feature becomes negative."""
    u, v, _, b = start.parts
    low = Factored.flat(np.full_like(u, -np.inf), -v, np.full_like(b, -np.inf))
    return descended(start, slope=SLOPE, low=low, max_iterations=5000)


def _revived(local: Masked) -> Masked:
    """Once more for every class without features that would lower the value: next to a threshold descent is blind."""
    for _ in range(len(local.layout.sizes)):
        pull = np.linalg.norm(local.by_m, axis=0)
        u, v = _gathered(*local.parts[:2])
        sigma, b = local.parts[2:]
        k, free = int(np.argmax(pull)), int(np.argmin(np.square(v).sum(0)))
        if pull[k] <= local.lam * (1.0 + SLOPE) or v[:, free].any():
            break
        v[k, free] = 1e-3 * (1.0 + v.max())
        u[:, free] = -v[k, free] * local.by_m[:, k] / pull[k]
        local = _polished(Masked(local.layout, local.lam, local.decay, (u, v, sigma, b)))
    return local


def _gathered(u: Array, v: Array) -> tuple[Array, Array]:
    """The same product, with one dimension for what several do for a single class."""
    u, v = u.copy(), v.copy()
    alone = (v > 0.0).sum(0) == 1
    for k in range(len(v)):
        same = np.flatnonzero(alone & (v[k] > 0.0))
        if len(same) > 1:
            product = u[:, same] @ v[k, same]
            root = np.sqrt(np.linalg.norm(product))
            u[:, same] = v[:, same] = 0.0
            u[:, same[0]], v[k, same[0]] = product / root, root
    return u, v


def _polished(local: Masked) -> Masked:
    """Second order, with features that are 0 held there; the other ones stay positive, or nothing is changed."""
    u, v, sigma, b = local.parts
    alive = v > 1e-7 * v.max(initial=1e-300)
    parts = (u, np.where(alive, v, 0.0), sigma, b)
    mask = Factored.flat(np.ones_like(u), alive.astype(float), np.ones_like(b))
    held = Masked(local.layout, local.lam, local.decay, parts, mask)
    ending = minimize_locally(held, slope=SLOPE, decrement=SLOPE, max_iterations=60).local
    return ending if ending.parts[1].min() >= 0.0 and ending.value <= local.value else local


bound_of.register(NonnegativeModel, ConeBound)


@solution_of.register
def _(problem: NonnegativeModel, asked: Asked) -> Any:
    asked.require_plain()
    return cone_geometry_of(problem)
