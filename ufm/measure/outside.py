"""Data of no class beside data of known ones."""

from functools import cached_property
from typing import Any

import array_api_compat
import numpy as np

from ufm.measure.arrays import Classes, Native, batch, host, native, runs
from ufm.measure.statistics import LeftOut, Statistics
from ufm.problems.frames import Array

DECIMALS = 12
"""Of scores in [0, 1]: what agrees in them is a tie, for the rest is rounding."""


class Outside:
    """Their mean, and NECO's score of every sample."""

    def __init__(self, first: Statistics, ood: Any) -> None:
        """Of no samples of known classes so far. Raises ValueError for features of another dimension, or none."""
        self.first = first
        ood = native("ood", ood, 2)
        features, codes = batch(ood, np.zeros(len(ood), dtype=np.int64), Classes.of(1), first.origin, "ood")
        if not len(codes):
            raise ValueError("ood has no sample")
        space, place = array_api_compat.array_namespace(features), array_api_compat.device(features)
        origin = space.asarray(first.origin, device=place)
        self.inside: list[Array] = []
        scores, total = [], np.zeros(features.shape[1])
        for each in runs(features, codes, origin, features.shape[1], "ood"):
            with np.errstate(invalid="ignore", over="ignore"):
                each.require(space.linalg.vector_norm(each.rows, axis=1))
            total += host(space.sum(each.rows, axis=0))
            scores.append(self.scores_of(each.rows))
        self.scores = np.concatenate(scores)
        self.mean: Array = first.origin + total / len(codes)

    @cached_property
    def _fitted(self) -> tuple[Array, Array]:
        """Mean of all samples minus the origin (d,), and their principal directions (d, K), fewer if there are."""
        first = self.first
        sizes, directions = first.principal
        kept = min(len(first.all_counts), np.count_nonzero(sizes))
        return np.average(first.means, axis=0, weights=first.counts), directions[:kept].T

    def scores_of(self, rows: Native) -> Array:
        """Of samples minus the origin (B, d), (B,)."""
        space, place = array_api_compat.array_namespace(rows), array_api_compat.device(rows)
        try:
            mean, directions = (space.asarray(x, device=place) for x in self._fitted)
        except LeftOut as error:
            raise ValueError(f"ood: {error}") from None
        away = rows - mean
        lengths = space.linalg.vector_norm(away, axis=1)
        scores = space.linalg.vector_norm(away @ directions, axis=1) / space.where(lengths == 0, 1.0, lengths)
        return np.round(host(scores), DECIMALS)

    @property
    def auroc(self) -> float:
        """Probability that a sample of a known class has a larger score than one of none, 1/2 for ties."""
        inside = np.concatenate(self.inside)
        outside = np.sort(self.scores)
        below, up_to = (np.searchsorted(outside, inside, side) for side in ("left", "right"))
        return float(np.mean(below + up_to) / (2 * len(outside)))
