r"""Dot regression to weights that do not move: a least-squares problem on a ball for each class.

By convexity all samples of a class may share one feature. For any numbers :math:`\nu_k`, as
:math:`(x - t)^2 / (2 s) \ge \nu (t - x) - s \nu^2 / 2` and :math:`|\langle w, h \rangle| \le |w| \sqrt{E_H}`,

.. math:: F \ge \frac1N \sum_k n_k \Big( \nu_k t - |\nu_k| |w_k| \sqrt{E_H} - \frac{s}{2} \nu_k^2 \Big) ,

with equality at the minimum for :math:`\nu_k = (t - \langle w_k, h_k \rangle) / s`.
"""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from ufm.minimize.by_class import ByClass
from ufm.minimize.certificate import Certificate, Proven, bound_of
from ufm.minimize.learned import CLOSED
from ufm.minimize.solve import Asked, solution_of
from ufm.problems.dot_regression_model import DotRegressionModel
from ufm.problems.frames import Array, row_norms


class DotRegressionBound:
    """Weak duality: see the formula above."""

    statement = "sum_k n_k (nu_k t - |nu_k| |w_k| sqrt(E_H) - sqrt(E_W E_H) nu_k^2 / 2) / N, any numbers nu_k"

    def __init__(self, model: DotRegressionModel) -> None:
        """Keep the model."""
        self.model = model

    def value(self, multiplier: Array, frame: object = None) -> float:
        """The bound. Raises ValueError for a multiplier that is not one finite number for each class."""
        model = self.model
        if multiplier.shape != (model.n_classes,) or not np.all(np.isfinite(multiplier)):
            raise ValueError(f"a multiplier is finite numbers of shape {(model.n_classes,)}")
        reach = row_norms(model.weights) * np.sqrt(model.energy_h)
        parts = multiplier * model.target - np.abs(multiplier) * reach - 0.5 * model.largest * multiplier**2
        return float(np.asarray(model.class_sizes) @ parts / model.n_samples)


@dataclass(frozen=True, eq=False, repr=False)
class DotRegressionGeometry(ByClass, Proven):
    """Where features end that are drawn to weights which do not move.

    Attributes
    ----------
    problem : what was solved.
    class_features : (K, d).
    value : the objective.
    certificate : a number that it cannot go below, with its proof.
    stats : seconds.
    """

    problem: DotRegressionModel
    class_features: Array
    value: float
    certificate: Certificate
    stats: dict[str, Any]
    frame: None = None
    """There is none."""

    @property
    def status(self) -> str:
        """Either "optimal", which is proved, or "inexact"."""
        return "optimal" if self.gap <= CLOSED * self.scale else "inexact"

    @property
    def scale(self) -> float:
        """The objective where features are 0."""
        return 0.5 * self.problem.target**2 / self.problem.largest

    @cached_property
    def weight_gram(self) -> Array:
        """Products of weights, (K, K)."""
        return self.problem.weights @ self.problem.weights.T

    @cached_property
    def feature_gram(self) -> Array:
        """Products of class means, (K, K)."""
        return self.class_features @ self.class_features.T

    @cached_property
    def class_logits(self) -> Array:
        """Products of class means and weights, a row for each class, (K, K)."""
        return self.class_features @ self.problem.weights.T

    @property
    def alive(self) -> NDArray[np.bool_]:
        """All of them, (K,): nothing draws a feature to 0."""
        return np.ones(self.problem.n_classes, dtype=bool)

    @property
    def rank(self) -> int:
        """Dimensions that the features fill."""
        return int(np.linalg.matrix_rank(self.class_features, tol=1e-6 * self.feature_norms.max()))


def on_ball(matrix: Array, aims: Array, radius: float) -> Array:
    r"""The smallest h of those that minimise :math:`|A h - y|^2` over :math:`|h| \le r`.

    It is a ridge regression, with the :math:`\mu \ge 0` at which :math:`|h| = r` where no penalty is too long.

    Parameters
    ----------
    matrix : A, (m, d).
    aims : y, (m,).
    radius : r > 0.
    """
    left, strengths, right = linalg.svd(matrix, full_matrices=False)
    kept = strengths > 1e-12 * strengths.max()
    strengths, right, aimed = strengths[kept], right[kept], (left.T @ aims)[kept]

    def feature(mu: float) -> Array:
        return np.asarray((strengths * aimed / (strengths**2 + mu)) @ right)

    def excess(mu: float) -> float:
        return float(np.linalg.norm(feature(mu))) - radius

    if excess(0.0) <= 0.0:
        return feature(0.0)
    # |h| <= |A^T y| / mu
    return feature(float(optimize.brentq(excess, 0.0, np.linalg.norm(strengths * aimed) / radius, xtol=1e-300)))


@solution_of.register
def _(problem: DotRegressionModel, asked: Asked) -> DotRegressionGeometry:
    asked.require_plain()
    began, weights, bound = time.perf_counter(), problem.weights, DotRegressionBound(problem)
    aims, radius = np.array([problem.target]), float(np.sqrt(problem.energy_h))
    features = np.array([on_ball(row[None], aims, radius) for row in weights])
    miss = problem.target - np.einsum("kd,kd->k", weights, features)
    value = float(np.asarray(problem.class_sizes) @ miss**2 / (2.0 * problem.largest * problem.n_samples))
    multiplier = miss / problem.largest
    certificate = Certificate(bound.statement, multiplier, bound.value(multiplier), problem.key)
    return DotRegressionGeometry(problem, features, value, certificate, {"seconds": time.perf_counter() - began})


bound_of.register(DotRegressionModel, DotRegressionBound)
