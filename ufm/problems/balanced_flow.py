"""Flows of unconstrained-feature models from a balanced start with given logits."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy import linalg

from ufm.problems.feature_model import FeatureModel
from ufm.problems.frames import Array


@dataclass(frozen=True)
class BalancedFlow(FeatureModel):
    r"""A model, where its flow begins, and when it is looked at.

    With D the class sizes and Z (m, K) the logits of the class means, :math:`D^{1/2} Z = R S U^\top`: weights
    :math:`W = U S^{1/2}` and class means :math:`D^{-1/2} R S^{1/2}` have these logits, and :math:`W^\top W = H H^\top`.
    :func:`ufm.gradient_flow` follows it, and :func:`ufm.minimize` knows nothing of its start. Fields that are not
    named here are those of :class:`ufm.FeatureModel`.

    Parameters
    ----------
    logits : at the start, a row for each class, (m, K).
    times : strictly ascending, >= 0.

    Raises
    ------
    ValueError : naming the argument, its value and what is allowed.

    Examples
    --------
    >>> flow = BalancedFlow((4, 4), 0.0, 0.0, logits=((0.1, 0.0), (0.0, 0.1)), times=(1.0, 10.0))
    >>> weights, features, _ = flow.start
    >>> round(float(features[0] @ weights[0]), 12), flow == BalancedFlow.from_toml(flow.to_toml())
    (0.1, True)
    """

    logits: tuple[tuple[float, ...], ...] = ()
    times: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Validate every field."""
        super().__post_init__()
        logits, times = self._table("logits"), self._table("times")
        if logits.shape != (self.n_classes, self.n_outputs):
            raise ValueError(f"logits of shape {logits.shape} must be {(self.n_classes, self.n_outputs)}")
        if times.ndim != 1 or not times.size or times[0] < 0.0 or np.any(np.diff(times) <= 0.0):
            raise ValueError(f"times={self.times} must be strictly ascending numbers >= 0")
        self._put("logits", tuple(map(tuple, logits.tolist())))
        self._put("times", tuple(times.tolist()))
        rank = int(np.linalg.matrix_rank(logits))
        if rank > self.dim:
            raise ValueError(f"logits of rank {rank} do not fit into dim={self.dim}")

    def _table(self, name: str) -> Array:
        given: Any = getattr(self, name)
        try:
            values = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"{name}={given!r} are not numbers") from None
        if not np.all(np.isfinite(values)):
            raise ValueError(f"{name}={given!r} must be finite")
        return values

    @property
    def model(self) -> FeatureModel:
        """What moves, without a start."""
        return FeatureModel(**{field.name: getattr(self, field.name) for field in fields(FeatureModel)})

    @property
    def start(self) -> Sequence[Array]:
        """Weights (K, d), class means (m, d) and bias 0, (K,), or empty without one."""
        root = np.sqrt(np.asarray(self.class_sizes, dtype=np.float64))
        left, strengths, right = linalg.svd(root[:, None] * np.asarray(self.logits), full_matrices=False)
        halves = np.sqrt(strengths[: self.dim])
        weights, features = np.zeros((self.n_outputs, self.dim)), np.zeros((self.n_classes, self.dim))
        weights[:, : len(halves)] = right[: self.dim].T * halves
        features[:, : len(halves)] = left[:, : self.dim] * halves / root[:, None]
        return weights, features, np.zeros(0 if self.bias == "none" else self.n_outputs)
