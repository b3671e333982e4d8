"""What :func:`ufm.measure` does, slice by slice of the features, so that a bar can say how far it is."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from tqdm import tqdm

from ufm.measure.arrays import CHUNK, Classes, Labels, native
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
    given = {name: native(name, arrays[name], dims) for name, dims in DIMS.items() if name in arrays}
    features, weights, ood = given["features"], given.get("weights"), given.get("ood")
    labels = require_fitting(given, arrays["labels"])
    n_rows = len(weights) if weights is not None else frame.n_classes if frame is not None else None
    names, codes = numbered(labels, n_rows, classes)
    first = Collector(len(names), scatter=ood is not None)
    with tqdm(total=2 * len(codes), unit="row", delay=1.0, leave=False, disable=not progress) as bar:
        _pass(first.add, features, codes, bar)
        with rows_of("ood"):
            second = first.second_pass(weights, given.get("bias"), frame=frame, ood=ood, conventions=conventions)
        _pass(second.add, features, codes, bar)
    return replace(second.measures(), classes=names.names)


DIMS = {"features": 2, "weights": 2, "bias": 1, "ood": 2}
"""How many dimensions each array has."""


def require_fitting(given: Mapping[str, Any], labels: Any) -> Any:
    """Labels, (N,) where they are (N, 1). Raises ValueError for other lengths or dimensions than those of features.

    That of weights is looked at before their rows are taken for the classes.
    """
    n_samples, dim = given["features"].shape
    if not n_samples * dim:
        raise ValueError(f"features has shape {(n_samples, dim)}: there is nothing to measure")
    for name, needed in (("weights", f"(K, {dim})"), ("ood", f"(M, {dim})")):
        own = tuple(given[name].shape) if name in given else (0, dim)
        if own[1] != dim:
            hint = ", so transposed?" if own[0] == dim else ""
            raise ValueError(f"{name} of shape {own} do not fit features (N, {dim}): {needed} is needed{hint}")
    shape = tuple(labels.shape)
    if shape[:1] != (n_samples,):
        raise ValueError(f"features {(n_samples, dim)} and {shape[0] if shape else 'no'} labels do not match")
    return labels[:, 0] if shape[1:] == (1,) else labels


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
    step = max(1, CHUNK // features.shape[1])
    for begin in range(0, len(codes), step):
        part = slice(begin, begin + step)
        with rows_of("features", begin):
            add(features[part], codes[part])
        bar.update(len(codes[part]))


@contextlib.contextmanager
def rows_of(name: str, begin: int = 0) -> Iterator[None]:
    """Messages of a row of features speak of the array ``name``, of which the features are the rows from ``begin``."""
    try:
        yield
    except ValueError as error:
        found = re.fullmatch(r"features\[(\d+)\](.*)", str(error))
        raise ValueError(f"{name}[{int(found[1]) + begin}]{found[2]}" if found else error) from None
