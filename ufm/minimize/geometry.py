"""Minimisers of unconstrained-feature models without a frame: their geometry, and the certificate that goes with it."""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ufm.minimize.by_class import require_classes
from ufm.minimize.certificate import Certificate, Proven, bound_of
from ufm.minimize.convex import restarted, solve
from ufm.minimize.factored import Factored
from ufm.minimize.layouts import Layout, alike, layout_of
from ufm.minimize.learned import CLOSED
from ufm.minimize.nuclear import NuclearBound
from ufm.minimize.solve import Asked, solution_of
from ufm.minimize.trust_region import Ending
from ufm.problems.balanced_flow import BalancedFlow
from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array

ALIVE = 1e-8
"""What the norm of a class costs, relative to its share in the objective at 0, above which it counts as alive."""


@dataclass(frozen=True, eq=False, repr=False)
class Geometry(Proven):
    r"""Where training under weight decay ends: weights W, class means and a bias, up to a common rotation.

    Arrays are by group: classes that agree in all their numbers have equal norms, margins and cosines. With targets of
    the user's own, weights are by output and features by row of targets.

    Attributes
    ----------
    problem : what was solved.
    layout : how its classes are grouped.
    matrix, inside : A by groups, as :mod:`ufm.minimize.convex` has it: M and s.
    bias : of each group, (g,), or output; empty without a bias.
    value : the objective.
    certificate : a number that it cannot go below, with its proof.
    stats : seconds, iterations, and what else explains the run.
    """

    problem: FeatureModel
    layout: Layout
    matrix: Array
    inside: Array
    bias: Array
    value: float
    certificate: Certificate
    stats: dict[str, Any]
    frame: None = None
    """There is none."""

    @property
    def status(self) -> str:
        """optimal where the gap is closed; best of n starts where there are too few dimensions to close it; inexact."""
        if self.gap <= CLOSED * self.scale:
            return "optimal"
        return f"best of {self.stats['starts']} starts" if "starts" in self.stats else "inexact"

    @property
    def strength(self) -> float:
        """The weight of the nuclear norm."""
        return float(self.problem.strength)

    @property
    def ratio(self) -> float:
        """By what the weights are larger than the features, squared: their decays lam_H / lam_W, under a root."""
        return float(np.sqrt(self.problem.lam_h / self.problem.lam_w))

    @cached_property
    def _svd(self) -> tuple[Array, Array, Array]:
        left, strengths, right = linalg.svd(self.matrix, full_matrices=False)
        return left, strengths, right.T

    @cached_property
    def rank(self) -> int:
        """Dimensions that features and weights fill."""
        strengths = np.concatenate([self._svd[1], self.inside])
        count = np.concatenate([np.ones(len(self._svd[1])), self.layout.repeats])
        return int(count @ (self.strength * strengths > ALIVE * self.scale / count.sum()))

    def _gram(self, vectors: Array, copies: Array) -> tuple[Array, Array]:
        """Squared norms, and products of different classes, of the root of A A^T, from its singular vectors."""
        root = (vectors * self._svd[1]) @ vectors.T
        spread = np.sqrt(np.outer(copies, copies))
        inside = self.inside if len(self.inside) else np.zeros(len(root))
        squares = np.diag(root) / copies + inside * (1.0 - 1.0 / copies)
        return squares, (root - np.diag(inside)) / spread

    @cached_property
    def _weights(self) -> tuple[Array, Array]:
        scale = self.ratio
        squares, gram = self._gram(self._svd[0], self.layout.copies)
        return scale * squares, scale * gram

    @cached_property
    def _features(self) -> tuple[Array, Array]:
        scale = 1.0 / self.ratio
        squares, gram = self._gram(self._svd[2], self.layout.columns)
        root = self.layout.root
        return scale * squares / root**2, scale * gram / np.outer(root, root)

    @property
    def weight_norms(self) -> Array:
        """|w| of each group, (g,), or output."""
        return np.sqrt(np.maximum(self._weights[0], 0.0))

    @property
    def feature_norms(self) -> Array:
        """|h| of each group, (g,), or row of targets."""
        return np.sqrt(np.maximum(self._features[0], 0.0))

    @cached_property
    def weight_cosines(self) -> Array:
        """Between the weights of different classes of two groups, (g, g); NaN where there are none, or one is 0."""
        roots = 1.0 / self.ratio * self._weights[0]
        return self._cosines(self._weights[1], self.weight_norms, self._live(roots), self.layout.copies)

    @cached_property
    def feature_cosines(self) -> Array:
        """The same of class means."""
        return self._cosines(self._features[1], self.feature_norms, self.alive, self.layout.columns)

    def _live(self, roots: Array) -> NDArray[np.bool_]:
        """Whether what a class or an output costs is more than a trace of what each has of the objective at 0."""
        weights, columns = self.layout.weights, self.layout.columns
        share = weights / columns if len(roots) == len(weights) else np.full(len(roots), 1.0 / len(roots))
        return np.asarray(self.strength * roots > ALIVE * self.scale * share)

    @staticmethod
    def _cosines(gram: Array, norms: Array, alive: NDArray[np.bool_], copies: Array) -> Array:
        there = np.outer(alive, alive) & ~np.diag(copies < 2.0)
        return np.divide(gram, np.outer(norms, norms), out=np.full_like(gram, np.nan), where=there)

    @cached_property
    def logits(self) -> Array:
        """Of the class means, with the bias: the own one and those of all groups, (g, g + 1); or (m, K) by output."""
        return self.layout.logits(self.matrix, self.inside, self.bias)

    @property
    def margins(self) -> Array:
        """Own logit minus the largest other one, (g,). Raises ValueError where targets are no classes."""
        require_classes(self.problem)
        return self.layout.margins(self.logits)

    @cached_property
    def group(self) -> NDArray[np.int64]:
        """The group of each class, (K,)."""
        return self.layout.group

    @property
    def sizes(self) -> Array:
        """Samples of each class of a group, (g,)."""
        return self.layout.sizes

    @property
    def copies(self) -> Array:
        """Classes of each group, (g,)."""
        return self.layout.columns

    @cached_property
    def class_logits(self) -> Array:
        """Logits of the class means without the bias, a row for each class, (K, K), or row of targets."""
        return self.layout.by_class(self.layout.logits(self.matrix, self.inside, np.zeros(0)))

    @property
    def class_bias(self) -> Array:
        """Of each class, (K,), or output."""
        return self.bias[self.layout.outputs] if len(self.bias) else np.zeros(self.problem.n_outputs)

    @staticmethod
    def _expanded(squares: Array, gram: Array, group: NDArray[np.int64]) -> Array:
        full = gram[np.ix_(group, group)]
        full[np.diag_indices(len(full))] = squares[group]
        return full

    @cached_property
    def weight_gram(self) -> Array:
        """W W^T, (K, K)."""
        return self._expanded(*self._weights, self.layout.outputs)

    @cached_property
    def feature_gram(self) -> Array:
        """Products of class means, (K, K), or of rows of targets."""
        return self._expanded(*self._features, self.layout.group)

    @cached_property
    def scale(self) -> float:
        """The objective where features, weights and bias are 0."""
        return self.layout.value_at_zero

    @cached_property
    def merged(self) -> NDArray[np.bool_]:
        """Whether a group's classes, if it has several, have one mean, (g,); of single columns, those like it."""
        if not len(self.inside):
            return self._merged_one_by_one()
        return ~self._live(self.inside) & (self.layout.repeats > 0.0)

    def _merged_one_by_one(self) -> NDArray[np.bool_]:
        """The largest logit that tells classes apart which agree in all their numbers, (K,)."""
        apart = np.full(len(self.layout.sizes), np.inf)
        if getattr(self.problem, "targets", None) is None:
            first, group = alike(self.problem)
            for members in (np.flatnonzero(group == number) for number in range(len(first))):
                block = self.matrix[np.ix_(members, members)]
                centred = block - block.mean(axis=0)
                if len(members) > 1:
                    apart[members] = linalg.norm(centred - centred.mean(axis=1, keepdims=True), 2)
        return ~self._live(apart)

    @cached_property
    def alive(self) -> NDArray[np.bool_]:
        """Whether the class means of each group are not 0, (g,)."""
        return self._live(self.ratio * self.layout.root**2 * self._features[0])


def geometry_of(model: FeatureModel, *, progress: bool = False) -> Geometry:
    """Solve the convex program, and prove how good the solution is.

    With fewer dimensions than a minimum wants, features and weights are looked for class by class in what there is:
    the bound stays valid, and may not be reached. Raises ValueError without decay.
    """
    model.require_decay()
    began = time.perf_counter()
    layout, bound = layout_of(model), bound_of(model)
    ending = solve(layout, model, min(layout.shape), progress=progress)
    found = _geometry(model, layout, bound, ending, began)
    if found.rank <= model.dim:
        return found
    layout = layout_of(model, whole=True)
    ends = [solve(layout, model, model.dim, progress=progress), *restarted(layout, model, STARTS - 1)]
    fewer = _geometry(model, layout, bound, min(ends, key=lambda end: end.local.convex_value), began)
    fewer.stats.update(starts=len(ends), wanted=found.rank)
    return fewer


STARTS = 16
"""Where there are fewer dimensions than the minimum fills: the program over factors is not convex then."""


def _geometry(
    model: FeatureModel, layout: Layout, bound: NuclearBound, ending: Ending[Factored], began: float
) -> Geometry:
    local = ending.local
    multiplier = bound.of(local)
    certificate = Certificate(bound.statement, multiplier, bound.value(multiplier), model.key)
    stats: dict[str, Any] = {
        "seconds": time.perf_counter() - began,
        "iterations": ending.iterations,
        "products": ending.products,
        "reason": ending.reason,
    }
    return Geometry(model, layout, local.matrix, local.inside, local.parts[3], local.convex_value, certificate, stats)


@solution_of.register
def _(problem: BalancedFlow, asked: Asked) -> Any:
    return solution_of(problem.model, asked)
