"""What :func:`ufm.measure` does, slice by slice of the features, so that a bar can say how far it is."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from tqdm import tqdm

from ufm.measure.arrays import CHUNK, Classes, Labels, batch
from ufm.measure.collector import Collector
from ufm.measure.conventions import Conventions
from ufm.measure.network import Measures
from ufm.problems.frames import Frame


def measured(
    arrays: Mapping[str, Any],
    *,
    classes: int | Sequence[str] | None = None,
    frame: Frame | None = None,
    conventions: Conventions | None = None,
    progress: bool = False,
) -> Measures:
    """Measures of arrays by their names in :func:`ufm.measure`, which these equal up to rounding.

    Names of classes also go with labels 0 .. K - 1. Raises ValueError as there, and for labels of a single class.
    """
    weights = arrays.get("weights")
    n_rows = len(weights) if weights is not None else frame.n_classes if frame is not None else None
    require_fitting(weights, arrays["features"])
    names, codes = numbered(arrays["labels"], n_rows, classes)
    given, codes = batch(arrays["features"], codes, Classes.of(len(names)), None)
    first = Collector(len(names), scatter=arrays.get("ood") is not None)
    with tqdm(total=2 * len(codes), unit="row", delay=1.0, leave=False, disable=not progress) as bar:
        _pass(first.add, given, codes, bar)
        second = first.second_pass(
            weights, arrays.get("bias"), frame=frame, ood=arrays.get("ood"), conventions=conventions
        )
        _pass(second.add, given, codes, bar)
    return replace(second.measures(), classes=names.names)


def require_fitting(weights: Any, features: Any) -> None:
    """Raise ValueError for weights of another dimension: before their rows are taken for the classes."""
    rows: tuple[int, ...] = tuple(getattr(features, "shape", ()))
    own: tuple[int, ...] = tuple(getattr(weights, "shape", ()))
    if len(rows) == len(own) == 2 and own[1] != rows[1]:
        needed = f"(K, {rows[1]}) is needed" + (", so transposed?" if own[0] == rows[1] else "")
        raise ValueError(f"weights of shape {own} do not fit features (N, {rows[1]}): {needed}")


def numbered(labels: Any, n_rows: int | None, classes: int | Sequence[str] | None) -> tuple[Classes, Labels]:
    """The classes, and their numbers for labels. Raises ValueError for unknown labels, or those of a single class."""
    named = Classes.found(labels, n_rows) if classes is None else Classes.of(classes)
    counted = not isinstance(classes, int | None) and np.asarray(labels).dtype.kind in "iu"
    codes = (Classes.of(len(named)) if counted else named).codes(labels)
    occur = np.unique(codes)
    if len(occur) == 1:
        raise ValueError(f"all labels are {named.names[occur[0]]!r}: collapse is between classes, two are needed")
    return named, codes


def _pass(add: Callable[[Any, Labels], object], features: Any, codes: Labels, bar: Any) -> None:
    step = max(1, CHUNK // max(1, features.shape[1]))
    for begin in range(0, len(codes), step):
        part = slice(begin, begin + step)
        try:
            add(features[part], codes[part])
        except ValueError as error:
            found = re.fullmatch(r"features\[(\d+)\](.*)", str(error))  # a row of the slice
            raise ValueError(f"features[{int(found[1]) + begin}]{found[2]}" if found else error) from None
        bar.update(len(codes[part]))
