r"""How the columns of the convex program stand for classes: one each, or one for all that agree in their numbers.

Classes that agree in all their numbers are interchangeable, and a minimum is symmetric under it: with g groups of m_a
equal classes A is given by a g x g matrix M on the normalised indicators of the groups, and one number s_a for all
directions inside a group,

.. math:: A = \sum_{ab} \frac{M_{ab} - \delta_{ab} s_a}{\sqrt{m_a m_b}} 1_a 1_b^\top + \sum_a s_a I_a , \qquad
    |A|_* = |M|_* + \sum_a (m_a - 1) |s_a| .
"""

from abc import ABC, abstractmethod
from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ufm.files import memory
from ufm.minimize.by_class import own_margins
from ufm.problems.alike import equal_columns
from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array
from ufm.problems.logits import Adjusted, Local


class _Columns(ABC):
    """What both layouts say of losses and slopes by their columns."""

    weights: Array
    repeats: Array
    targets: Array
    counts: Array
    loss: Any

    @abstractmethod
    def adjoint(self, slopes: Array) -> tuple[Array, Array, Array]:
        """What slopes mean for M, s and b."""

    @property
    def at_zero(self) -> Local:
        """The losses where features, weights and bias are 0."""
        at: Local = self.loss.at(np.zeros_like(self.counts), self.targets, self.counts)
        return at

    @property
    def value_at_zero(self) -> float:
        """The objective there."""
        return float(self.weights @ self.at_zero.values)

    def pulls(self, slopes: Array) -> tuple[Array, Array, Array]:
        """What slopes of the losses mean for M, for one direction inside each group, and for the bias."""
        by_m, by_s, by_b = self.adjoint(self.weights[:, None] * slopes)
        return by_m, np.divide(by_s, self.repeats, out=np.zeros_like(by_s), where=self.repeats > 0.0), by_b

    @property
    def deadly(self) -> float:
        """A penalty at which everything is dead: the strength of the slopes where all logits are 0, twice."""
        by_m, inside, _ = self.pulls(self.at_zero.slopes)
        return 2.0 * strongest(by_m, inside)


def strongest(by_m: Array, inside: Array) -> float:
    """|G|_op, of the part between groups and of that inside them."""
    return max(float(linalg.norm(by_m, 2)), float(np.abs(inside).max(initial=0.0)))


class Whole(_Columns):
    """A as it is: a row for each output, a column for each class or row of targets."""

    def __init__(self, model: FeatureModel) -> None:
        """Weights, targets and counts of the columns. Raises MemoryError if they would not fit."""
        _require(model.n_outputs, len(model.class_sizes))
        n = np.asarray(model.class_sizes, dtype=np.float64)
        self.shape = model.n_outputs, len(n)
        self.sizes, self.root, self.weights = n, np.sqrt(n), n / n.sum()
        self.copies, self.columns, self.repeats = np.ones(model.n_outputs), np.ones(len(n)), np.zeros(0)
        self.targets, self.group, self.outputs = model.label_rows, np.arange(len(n)), np.arange(model.n_outputs)
        self.counts = np.ones_like(self.targets)
        self.loss = model.loss_of_rows(self.group)

    def logits(self, m: Array, s: Array, b: Array) -> Array:
        """Z^T + b, (m, K)."""
        return (m / self.root).T + b if len(b) else (m / self.root).T

    def adjoint(self, slopes: Array) -> tuple[Array, Array, Array]:
        """The transpose of :meth:`logits`: what slopes (m, K) mean for M, s and b."""
        return slopes.T / self.root, self.repeats, slopes.sum(0)

    def stiffness(self, curvature: Array) -> Array:
        """Curvatures (m, K) of the losses along each logit by itself, as those along the entries of A."""
        return (self.weights[:, None] * curvature).T / self.root**2

    def by_class(self, logits: Array) -> Array:
        """Logits (m, K) of each row of targets: as they are."""
        return logits

    def margins(self, logits: Array) -> Array:
        """Own logit minus the largest other one, (K,)."""
        return own_margins(logits)

    def unweighted(self) -> Self:
        """The same, where the norm of a class mean counts once, whatever the size of its class."""
        other = copy(self)
        other.root = np.ones_like(self.root)
        return other

    def spread(self, slopes: Array) -> Array:
        """What to take from every row for the slopes (m, K), weighted, to add up to 0."""
        return np.broadcast_to(self.weights @ slopes, slopes.shape)


class Groups(_Columns):
    """A by groups of classes that agree in all their numbers."""

    def __init__(self, model: FeatureModel) -> None:
        """Find the groups, in the order of their first classes."""
        first, self.group = alike(model)
        self.sizes, g = np.asarray(model.class_sizes, dtype=np.float64)[first], len(first)
        _require(g, g)
        self.copies = np.bincount(self.group).astype(np.float64)
        self.columns, self.outputs = self.copies, self.group
        self.repeats, self.root, self.shape = self.copies - 1.0, np.sqrt(self.sizes), (g, g)
        self.weights = self.copies * self.sizes / (self.copies @ self.sizes)
        self.shrink = 1.0 / (np.sqrt(np.outer(self.copies, self.copies)) * self.root)
        own, others = np.ones((g, 1)), np.tile(self.copies, (g, 1)) - np.eye(g)
        self.counts = np.concatenate([own, others], axis=1)
        self.targets = np.full((g, g + 1), model.smoothing / model.n_classes)
        self.targets[:, 0] += 1.0 - model.smoothing
        by_output = [model.by_class(name, default)[first] for name, default in (("temperatures", 1.0), ("shifts", 0.0))]
        delta, shift = (np.concatenate([each[:, None], np.tile(each, (g, 1))], axis=1) for each in by_output)
        scale = delta * model.by_class("sample_temperatures", 1.0)[first, None]
        self.loss = Adjusted(model.loss_object(), model.by_class("weights", 1.0)[first, None], scale, shift)

    def logits(self, m: Array, s: Array, b: Array) -> Array:
        """The own logit of each group's classes, and those of the others by group, (g, g + 1)."""
        z = m * self.shrink
        at = np.diag_indices(len(z))
        z[at] -= s / (self.copies * self.root)
        if len(b):
            z += b[:, None]
        return np.concatenate([(z[at] + s / self.root)[:, None], z.T], axis=1)

    def adjoint(self, slopes: Array) -> tuple[Array, Array, Array]:
        """The transpose of :meth:`logits`: what slopes (g, g + 1) mean for M, s and b."""
        at = np.diag_indices(len(slopes))
        by_z = slopes[:, 1:].T.copy()
        by_z[at] += slopes[:, 0]
        by_s = slopes[:, 0] / self.root - by_z[at] / (self.copies * self.root)
        return by_z * self.shrink, by_s, by_z.sum(1)

    def stiffness(self, curvature: Array) -> Array:
        """Curvatures (g, g + 1) of the losses along each logit by itself, as those along the entries of M."""
        bent = self.weights[:, None] * curvature
        by_m = bent[:, 1:].T.copy()
        by_m[np.diag_indices(len(by_m))] += bent[:, 0]
        return by_m * self.shrink**2

    def by_class(self, logits: Array) -> Array:
        """Logits (K, K) of each class."""
        full = logits[np.ix_(self.group, 1 + self.group)]
        full[np.diag_indices(len(full))] = logits[self.group, 0]
        return full

    def margins(self, logits: Array) -> Array:
        """Own logit minus the largest other one, (g,)."""
        there = self.counts[:, 1:] > 0.0
        return np.asarray(logits[:, 0] - np.max(logits[:, 1:], axis=1, initial=-np.inf, where=there))

    def unweighted(self) -> Self:
        """The same, where the norm of a class mean counts once, whatever the size of its class."""
        other = copy(self)
        other.root, other.shrink = np.ones_like(self.root), self.shrink * self.root
        return other

    def spread(self, slopes: Array) -> Array:
        """What to take from every row for the slopes (g, g + 1), weighted, to add up to 0."""
        excess = self.adjoint(self.weights[:, None] * slopes)[2] / self.copies
        return self.counts * np.concatenate([excess[:, None], np.tile(excess, (len(excess), 1))], axis=1)


Layout = Whole | Groups


def alike(model: FeatureModel) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first of each group of classes that agree in all their numbers, in their order, and the group of each."""
    names = ("weights", "temperatures", "sample_temperatures", "shifts")
    return equal_columns(
        np.stack([np.asarray(model.class_sizes, float), *(model.by_class(name, 0.0) for name in names)])
    )


def _require(rows: int, columns: int) -> None:
    """Raise MemoryError if the program, its derivatives and what a step keeps of them would not fit."""
    memory.require(
        8 * 40 * rows * (columns + 1), f"a program of {rows} x {columns} logits", "use fewer different class sizes"
    )


def layout_of(model: FeatureModel, *, whole: bool = False) -> Layout:
    """Groups where classes are interchangeable, unless ``whole`` is wanted."""
    return Groups(model) if model.exchangeable and not whole else Whole(model)
