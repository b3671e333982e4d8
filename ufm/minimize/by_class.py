"""Norms, margins and cosines of minimisers whose classes stand each by itself, from their Gram matrices."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufm.problems.frames import Array


def own_margins(logits: Array) -> Array:
    """Own logit minus the largest other one, (K,), of logits (K, K), a row for each class."""
    others = np.where(np.eye(len(logits)) > 0.0, -np.inf, logits)
    return np.asarray(np.diag(logits) - others.max(axis=1, initial=-np.inf))


def require_classes(model: Any) -> None:
    """Raise ValueError where targets are no classes."""
    if getattr(model, "targets", None) is not None:
        raise ValueError("margins are of classes: these targets are the user's own")


class ByClass:
    """The numbers of each class, as :class:`ufm.minimize.geometry.Geometry` has them of each group of equal ones.

    With targets of the user's own, weights are by output and features by row of targets, and there are no margins.
    """

    problem: Any
    weight_gram: Any
    feature_gram: Any
    class_logits: Any

    @property
    def group(self) -> NDArray[np.int64]:
        """Each class by itself, (K,)."""
        return np.arange(len(self.feature_gram))

    @property
    def sizes(self) -> Array:
        """Samples of each class, (K,)."""
        return np.asarray(self.problem.class_sizes, dtype=np.float64)

    @property
    def copies(self) -> Array:
        """One class each, (K,)."""
        return np.ones(len(self.feature_gram))

    @property
    def weight_norms(self) -> Array:
        """|w| of each class, (K,)."""
        return np.sqrt(np.diag(self.weight_gram))

    @property
    def feature_norms(self) -> Array:
        """Of the class means, (K,)."""
        return np.sqrt(np.diag(self.feature_gram))

    @property
    def margins(self) -> Array:
        """Own logit minus the largest other one, (K,). Raises ValueError where targets are no classes."""
        require_classes(self.problem)
        return own_margins(self.class_logits)

    @property
    def weight_cosines(self) -> Array:
        """Between weights of different classes, (K, K); NaN on the diagonal, and where one is 0."""
        return _cosines(self.weight_gram)

    @property
    def feature_cosines(self) -> Array:
        """The same of class means."""
        return _cosines(self.feature_gram)


def _cosines(gram: Array) -> Array:
    norms = np.sqrt(np.diag(gram))
    scale = np.outer(norms, norms)
    there = (scale > 0.0) & ~np.eye(len(gram), dtype=bool)
    return np.divide(gram, scale, out=np.full_like(gram, np.nan), where=there)
