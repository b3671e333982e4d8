"""Gram matrices that a theory predicts, for class means and weights to be held against."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ufm.measure.arrays import vectors
from ufm.problems.frames import Array


class Grams(NamedTuple):
    """Of class means and of the rows of weights, (K, K) each, in any unit; None where nothing is predicted."""

    means: Any
    weights: Any = None


def given_grams(grams: Mapping[str, Any] | None, n_classes: int) -> dict[str, Grams]:
    """What was given for each name, in float64; a single matrix is for means and weights alike.

    Raises ValueError for matrices that are not (K, K), symmetric and finite.
    """
    pairs = {name: each if isinstance(each, Grams) else Grams(each, each) for name, each in (grams or {}).items()}
    return {name: Grams(*(_gram(f"grams[{name!r}]", each, n_classes) for each in pair)) for name, pair in pairs.items()}


def _gram(name: str, values: Any, n_classes: int) -> Array | None:
    if values is None:
        return None
    gram = vectors(name, values, 2)
    if gram.shape != (n_classes, n_classes):
        raise ValueError(f"{name} has shape {gram.shape}: ({n_classes}, {n_classes}) is needed, a row for each class")
    if np.abs(gram - gram.T).max() > SYMMETRIC * np.abs(gram).max():
        raise ValueError(f"{name} is not symmetric: products of rows with rows are")
    return gram


SYMMETRIC = 1e-6
"""How far, relative to the largest, an entry may be from the one across the diagonal: float32 is allowed."""
