r"""Weights, features of all samples and a bias minimised together, from a random start: the collapse itself, tested.

No reduction is used: neither that samples of a class share a feature, nor that both decays come to a nuclear norm, nor
that equal classes are interchangeable. The bound is that of the convex program, at the slopes of the class means. It
holds for all samples, so what the reductions say can be read off the gap: with class means :math:`m_k`, and A their
logits times roots of class sizes,

.. math:: f - \text{bound} \ge \frac{\lambda_H}{2} \sum_i |h_i - m_{y_i}|^2
    + \Big( \frac{\lambda_W}{2} |W|^2 + \frac{\lambda_H}{2} \sum_k n_k |m_k|^2 - \lambda |A|_* \Big) ,

where neither part is negative: the first by convexity of the loss, which the means do no worse at.
"""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from scipy import linalg

from ufm.files import memory
from ufm.files.blas import one_thread
from ufm.minimize.certificate import Certificate, bound_of
from ufm.minimize.convex import require_convex
from ufm.minimize.factored import FLOOR, Factored
from ufm.minimize.geometry import Geometry, geometry_of
from ufm.minimize.layouts import Whole
from ufm.minimize.solve import Asked, solution_of
from ufm.minimize.trust_region import Ending, minimize_locally
from ufm.problems.feature_model import FeatureModel
from ufm.problems.feature_point import Field, Point
from ufm.problems.frames import Array

SLOPE, DECREMENT = 1e-13, 1e-12
"""Tolerances of the trust region."""

COPIES = 14
"""Vectors of the size of all features that a step holds."""


class AllSamples:
    """The objective at one point: a :class:`ufm.minimize.trust_region.Local`."""

    def __init__(self, field: Field, point: Point) -> None:
        """``field`` is one of all samples."""
        self.field, self.point = field, point
        self.value, slopes = field.at(point)
        self.gradient: Array = slopes.flat()
        self._along = field.curvature(point)

    def hessian(self, v: Array) -> Array:
        """Along a direction."""
        return self._along(self.point.unflat(v)).flat()

    def precondition(self, v: Array) -> Array:
        """By the decays."""
        model, (by_w, by_h, by_b) = self.field.model, self.point.unflat(v)
        stiff = self.field.bias_decay + FLOOR + 1.0 / model.n_outputs
        return Point(by_w / model.lam_w, by_h / model.lam_h, by_b / stiff).flat()

    def move(self, v: Array) -> Self:
        """Addition."""
        return type(self)(self.field, self.point.unflat(self.point.flat() + v))


@dataclass(frozen=True, eq=False)
class FullGeometry(Geometry):
    """A :class:`Geometry` that was found without any reduction: norms and angles are those of W and class means.

    Attributes
    ----------
    point : weights (K, d), features of all samples (N, d), and bias.
    """

    point: Point | None = None

    @cached_property
    def _field(self) -> Field:
        return Field(self.problem, full=True)

    @property
    def _there(self) -> Point:
        if self.point is None:
            raise ValueError("a full geometry has a point")
        return self.point

    @cached_property
    def class_means(self) -> Array:
        """Mean feature of each class, (K, d)."""
        return self._field.means(self._there.features)

    @cached_property
    def _weights(self) -> tuple[Array, Array]:
        gram = self._there.weights @ self._there.weights.T
        return np.diag(gram), gram

    @cached_property
    def _features(self) -> tuple[Array, Array]:
        gram = self.class_means @ self.class_means.T
        return np.diag(gram), gram

    @property
    def nc1(self) -> float:
        """Variance of the features within classes over that between them; NaN where these are all 0."""
        return self._field.within(self._there.features)

    @property
    def scatter(self) -> float:
        """What the features cost that are not at the mean of their class, by their decay alone."""
        miss = self._there.features - self.class_means[self._field.classes]
        return 0.5 * self.problem.lam_h * float(np.vdot(miss, miss))

    @property
    def excess(self) -> float:
        """What weights and class means cost above the least that their logits can, lam times their nuclear norm."""
        model, w = self.problem, self._there.weights
        means = self.layout.sizes @ np.square(self.class_means).sum(axis=1)
        decay = model.lam_w * np.vdot(w, w) + model.lam_h * means
        return 0.5 * float(decay) - self.strength * float(linalg.svdvals(self.matrix).sum())

    @property
    def imbalance(self) -> float:
        """Frobenius norm of lam_W W^T W - lam_H H H^T, in the unit of the objective."""
        w, h = self._there.weights, self._there.features
        return float(np.linalg.norm(self.problem.lam_w * (w.T @ w) - self.problem.lam_h * (h.T @ h)))

    @property
    def bias_slope(self) -> float:
        """Largest derivative of the objective by an entry of the bias; 0 without one."""
        return float(np.abs(self._field.at(self._there)[1].bias).max(initial=0.0))


def full_geometry(model: FeatureModel, *, seed: int = 0, progress: bool = False) -> FullGeometry:
    """The end of a trust region over everything, from a Gaussian start.

    Raises
    ------
    ValueError : no decay, or a loss with kinks, or one of one's own that is not convex.
    MemoryError : all features would not fit.
    """
    model.require_decay()
    model.refuse_kinks()
    n, k, d = model.n_samples, model.n_outputs, model.dim
    memory.require(8 * (COPIES * (n + k) * d + 8 * n * k), f"a minimum of {n} features", "use method='means'")
    began, field, bound, layout = time.perf_counter(), Field(model, full=True), bound_of(model), Whole(model)
    require_convex(layout, model)
    drawn = np.random.default_rng(seed).standard_normal((k + n, d)) / np.sqrt(d)
    start = Point(drawn[:k], drawn[k:], np.zeros(0 if model.bias == "none" else k))
    with one_thread(n * k):
        ending: Ending[AllSamples] = minimize_locally(
            AllSamples(field, start), slope=SLOPE, decrement=DECREMENT, progress=progress
        )
    w, h, b = ending.local.point
    means = field.means(h) * layout.root[:, None]
    local = Factored(layout, model.strength, model.bias_decay, (w, means, np.zeros(0), b))
    multiplier = bound.of(local)
    certificate = Certificate(bound.statement, multiplier, bound.value(multiplier), model.key)
    stats: dict[str, Any] = {
        "seconds": time.perf_counter() - began,
        "iterations": ending.iterations,
        "products": ending.products,
        "reason": ending.reason,
        "seed": seed,
    }
    return FullGeometry(
        model, layout, local.matrix, local.inside, b, ending.local.value, certificate, stats, point=ending.local.point
    )


@solution_of.register
def _(problem: FeatureModel, asked: Asked) -> Any:
    asked.require_plain("means", "full")
    if asked.method == "full":
        return full_geometry(problem, seed=asked.seed, progress=asked.progress)
    return geometry_of(problem, progress=asked.progress)
