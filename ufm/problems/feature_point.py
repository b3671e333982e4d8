"""Weights, features and a bias of a model without a frame at one point: the objective and its derivatives."""

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np

from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array
from ufm.problems.logits import Local
from ufm.problems.problem import Integers


class Point(NamedTuple):
    """Weights, features and bias, or a direction in which they move; of several times with an axis in front."""

    weights: Array
    """W, (K, d)."""
    features: Array
    """A row for each class, (m, d), or for each sample, (N, d)."""
    bias: Array
    """(K,), or empty."""

    def flat(self) -> Array:
        """All numbers in one vector."""
        return np.concatenate([part.ravel() for part in self])

    def unflat(self, x: Array) -> Self:
        """A point of the same shapes whose parts are views of ``x``."""
        parts = np.split(x, np.cumsum([part.size for part in self])[:-1])
        return type(self)(*(part.reshape(like.shape) for part, like in zip(parts, self, strict=True)))

    def times(self, basis: Array) -> Self:
        """The same point in other coordinates: weights and features times ``basis`` (d, d')."""
        return self._replace(weights=self.weights @ basis, features=self.features @ basis)


def _logits(weights: Array, features: Array, bias: Array) -> Array:
    """W h + b of each row, (m, K)."""
    z = features @ weights.T
    return z + bias if len(bias) else z


class Field:
    """Objective and velocity of a model, with a feature for each class or, if ``full``, for each sample."""

    def __init__(self, model: FeatureModel, full: bool) -> None:
        """Rows of features: their classes, and the samples that each stands for."""
        self.model, self.full = model, full
        self.classes: Integers = model.labels if full else np.arange(model.n_classes)
        self.counts = np.ones(model.n_samples) if full else np.asarray(model.class_sizes, dtype=np.float64)
        self.loss, self.targets = model.loss_of_rows(self.classes), model.label_rows[self.classes]
        self.bias_decay = 0.0 if isinstance(model.bias, str) else float(model.bias)

    def at(self, point: Point) -> tuple[float, Point]:
        """The objective, and its derivatives by weights, by the feature of a single sample of each row, and by bias."""
        model, n = self.model, self.model.n_samples
        w, h, b = point
        local = self._losses(point)
        pull = local.slopes / n
        pulls = self.counts[:, None] * pull
        decay = model.lam_w * np.vdot(w, w) + model.lam_h * (self.counts @ np.einsum("nd,nd->n", h, h))
        value = self.counts @ local.values / n + 0.5 * decay + 0.5 * self.bias_decay * (b @ b)
        by_bias = pulls.sum(axis=0)[: len(b)] + self.bias_decay * b
        return float(value), Point(pulls.T @ h + model.lam_w * w, pull @ w + model.lam_h * h, by_bias)

    def _losses(self, point: Point) -> Local:
        """Of each row of features."""
        return self.loss.at(_logits(*point), self.targets, np.ones((len(self.classes), self.model.n_outputs)))

    def curvature(self, point: Point) -> Callable[[Point], Point]:
        """How those derivatives, by features of all rows together, change along a direction: the product rule."""
        model, (w, h, b) = self.model, point
        local, share = self._losses(point), self.counts[:, None] / self.model.n_samples
        slopes = share * local.slopes

        def along(direction: Point) -> Point:
            dw, dh, db = direction
            bent = share * local.bend(_logits(w, dh, db) + h @ dw.T)
            by_h = bent @ w + slopes @ dw + model.lam_h * self.counts[:, None] * dh
            by_b = bent.sum(axis=0)[: len(b)] + self.bias_decay * db
            return Point(bent.T @ h + slopes.T @ dh + model.lam_w * dw, by_h, by_b)

        return along

    def means(self, features: Array) -> Array:
        """Mean feature of each class, (m, d)."""
        if not self.full:
            return features
        return np.add.reduceat(features, self.model.offsets[:-1], axis=0) / np.asarray(self.model.class_sizes)[:, None]

    def balance(self, point: Point) -> Array:
        """B = W^T W - H H^T, (d, d)."""
        h = point.features
        return np.asarray(point.weights.T @ point.weights - (self.counts[:, None] * h).T @ h)

    def within(self, features: Array) -> float:
        """Variance of the features within classes over that of the means between them; NaN for means alone."""
        if not self.full:
            return np.nan
        means, n = self.means(features), np.asarray(self.model.class_sizes, dtype=np.float64)
        between = n @ np.square(means - n @ means / n.sum()).sum(axis=1)
        inner = np.square(features - means[self.classes]).sum()
        return float(inner / between) if between else np.nan
